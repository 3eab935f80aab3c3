"""Prices from coarse to fine: close to the relaxation, never above the optimum, at any moment."""

import time

import numpy as np
import pytest
import tinies

from placement.certificate import lower_bound
from placement.compiled import Compiled
from placement.engines import solve_linear
from placement.generate import generate
from placement.methods.completion import complete
from placement.methods.pricing import pricer as pricer_module
from placement.methods.pricing.firstorder import CHECKED
from placement.methods.pricing.focusing import Focus
from placement.methods.pricing.pricer import LOOKED_APART, Pricer
from placement.model import build


@pytest.fixture(scope="module")
def medium():
    """60 nodes."""
    return Compiled(generate("medium", seed=3))


def settled(compiled):
    """A pricer that has done its work."""
    pricer = Pricer(compiled)
    while not pricer.done:
        pricer.advance(10_000_000)
    return pricer


def proven(compiled, prices):
    """The prices, completed."""
    return complete(compiled, prices.demand, prices.verification, copying=prices.copying)


def test_shares_serve_every_class(medium):
    """At the end all of each class has its place, where nodes can run it."""
    pricer = settled(medium)
    shares = pricer.shares()
    q = medium.quantities
    served = np.bincount(shares.g, shares.part, q.n_classes)
    turned = served < 0.9
    assert np.mean(turned) < 0.05
    start, nodes = shares.above(0.05).nodes()
    assert np.mean(np.diff(start) > 0) > 0.95
    g = np.repeat(np.arange(q.n_classes), np.diff(start))
    assert medium.run_kinds[g, q.node_kind[nodes]].all()


def test_what_is_kept_is_loaded_and_used(medium):
    """Models that nodes have loaded, where most of that is used; some of them."""
    q, shares = medium.quantities, settled(medium).shares()
    kept = set(zip(shares.kept_m.tolist(), shares.kept_n.tolist(), strict=True))
    loaded = set(zip(*(i.tolist() for i in np.nonzero(q.loaded)), strict=True))
    assert 0 < len(kept) < len(loaded)
    assert kept <= loaded
    used = np.zeros((q.n_models, len(shares.cells)), dtype=bool)
    used[q.class_model[shares.g[shares.part > 0]], shares.cell[shares.part > 0]] = True
    assert used[shares.kept_m, shares.cells.node_cell[shares.kept_n]].all()


def test_the_bound_is_close_to_the_whole_relaxation(medium):
    """Pooled prices, completed node by node, prove nearly what the full linear program would."""
    prices = settled(medium).prices()
    bound = proven(medium, prices).bound
    program = build(medium).program
    relaxed = program.cost @ solve_linear(program, time.monotonic() + 60).values
    assert 0.985 * relaxed < bound < 1.01 * relaxed


def test_what_was_left_out_is_priced_before_the_end(medium, monkeypatch):
    """What is left out becomes too cheap; chosen anew, as few arcs prove more."""
    for name, value in (("KINDS", 6), ("RENEWED_APART", 10**6), ("WELL", 5_000_000)):
        monkeypatch.setattr(pricer_module, name, value)
    usual = settled(medium)
    assert usual._focus is not None
    monkeypatch.setattr(Pricer, "_end", lambda self: setattr(self, "done", True))
    at_once = settled(medium)
    assert usual._order.steps == at_once._order.steps + CHECKED
    assert proven(medium, usual.prices()).bound > proven(medium, at_once.prices()).bound


def test_hastened_pricing_ends_settled_a_few_steps_later(medium, monkeypatch):
    """Not before cells are apart; then what was left out is still priced."""
    monkeypatch.setattr(pricer_module, "KINDS", 6)
    pricer = Pricer(medium)
    while not pricer.apart:
        assert not pricer.hasten()
        pricer.advance(1)
    pricer.advance(20 * CHECKED * pricer._order.effort)
    assert not pricer.done
    before, unsettled = pricer._order.steps, proven(medium, pricer.prices()).bound
    while not pricer.done:
        assert pricer.hasten()
        pricer.advance(1)
    assert pricer._order.steps == before + CHECKED
    assert proven(medium, pricer.prices()).bound > unsettled


def test_arcs_are_chosen_anew_after_twice_as_many_steps_each_time(medium, monkeypatch):
    """Once cells are taken apart, where there are more than are looked at."""
    monkeypatch.setattr(pricer_module, "KINDS", 6)
    steps, renew = [], Focus.renew

    def counted(self):
        steps.append(self.order.steps)
        renew(self)

    monkeypatch.setattr(Focus, "renew", counted)
    pricer = settled(medium)
    assert pricer.apart
    assert len(steps) > 3
    last = steps.index(LOOKED_APART)
    times = [LOOKED_APART * 2**i for i in range(len(steps) - last - 1)]
    assert steps[last:] == [*times, pricer._order.steps - CHECKED]


def test_prices_never_prove_more_than_the_optimum():
    """Whatever was pooled, the judge's bound is below the true optimum, and often near it."""
    near = 0
    for seed in range(40):
        compiled = Compiled(tinies.instance(seed))
        prices = settled(compiled).prices()
        bound = lower_bound(compiled.quantities, proven(compiled, prices).prices)
        if tinies.optimal(seed) is not None:
            assert bound <= tinies.optimum(seed) * (1 + 1e-9) + 1e-9
            near += bound > 0.5 * tinies.optimum(seed)
    assert near > 5


def test_the_same_work_gives_the_same_prices(medium):
    """To the last bit."""
    first, second = settled(medium).prices(), settled(medium).prices()
    assert np.array_equal(first.demand, second.demand)
    assert np.array_equal(first.copying, second.copying)


def test_prices_are_there_at_any_moment(medium):
    """Before any work, and on every level."""
    pricer = Pricer(medium)
    for _ in range(5):
        prices = pricer.prices()
        assert np.all(np.isfinite(prices.demand))
        assert np.all(prices.demand >= 0)
        pricer.advance(100_000)
