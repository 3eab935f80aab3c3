"""Prices completed: as good as the judge says, below the optimum, and with a true subgradient."""

from dataclasses import replace

import numpy as np
import pytest
import tinies

from placement.certificate import lower_bound
from placement.compiled import Compiled
from placement.generate import generate
from placement.methods.completion import Completer, complete
from placement.methods.floor import floor_prices
from placement.prices import Prices


def drawn(compiled, rng, shares=True):
    """Demand, verification and share prices somewhere around the cheapest ways."""
    floor = floor_prices(compiled)
    q = compiled.quantities
    demand = floor.demand * rng.lognormal(0.3, 0.4, q.n_classes)
    share = rng.exponential(0.1 * demand.mean(), q.n_groups) * (q.max_share < 1) * shares
    return demand, floor.verification * rng.lognormal(0.1, 0.2, q.n_classes), share


def cases():
    """Tiny instances, with pairs and plain jobs among them, and small ones, with drawn prices."""
    for seed in range(60):
        yield seed, Compiled(tinies.instance(seed)), np.random.default_rng(seed)
    for seed in range(2):
        yield None, Compiled(generate("small", seed=seed)), np.random.default_rng(seed)


def test_the_bound_is_what_the_judge_finds():
    """To rounding, in every family that is completed, and never above the optimum."""
    plain = 0
    for seed, compiled, rng in cases():
        q = compiled.quantities
        plain += bool(len(q.pair_class))
        done = complete(compiled, *drawn(compiled, rng))
        proven = lower_bound(q, done.prices)
        assert done.bound == pytest.approx(proven, rel=1e-6, abs=1e-8)
        if seed is not None and tinies.optimal(seed) is not None:
            assert done.bound <= tinies.optimum(seed) * (1 + 1e-9) + 1e-9
    assert plain


def test_so_it_is_where_requests_pay_for_new_copies():
    """What they pay and what comes back are the same for both; too high prices are lowered."""
    paid = raised = 0
    for seed, compiled, rng in cases():
        q = compiled.quantities
        given = drawn(compiled, rng)
        for much in (0.02, 0.3, 5.0):
            copying = much * given[0][:, None] * rng.random((q.n_classes, q.n_regions))
            done = complete(compiled, *given, copying)
            proven = lower_bound(q, done.prices)
            assert done.bound == pytest.approx(proven, rel=1e-6, abs=1e-8)
            assert (done.prices.copying <= copying.max(axis=0) + 1e-12).all()
            if seed is not None and tinies.optimal(seed) is not None:
                assert done.bound <= tinies.optimum(seed) * (1 + 1e-9) + 1e-9
            paid += bool(done.prices.copying.any())
            raised += done.bound > complete(compiled, *given).bound + 1e-9
    assert paid > 20
    assert raised


def test_no_other_node_prices_prove_more():
    """Not none, not those of the floor, nor any drawn around the completed ones."""
    better = 0
    for _, compiled, rng in cases():
        q = compiled.quantities
        demand, verification, share = drawn(compiled, rng)
        given = replace(Prices.zero(q), demand=demand, verification=verification, share=share)
        done = complete(compiled, demand, verification, share)
        slack = 1e-7 * (abs(done.bound) + 1e-3)
        others = [given, replace(given, capacity=floor_prices(compiled).capacity)]
        for width in (0.01, 0.1, 1.0):
            columns = (done.prices.capacity, done.prices.memory)
            moved = [column * rng.lognormal(0, width, q.n_nodes) for column in columns]
            others.append(replace(given, capacity=moved[0], memory=moved[1]))
        bounds = [lower_bound(q, prices) for prices in others]
        assert max(bounds) <= done.bound + slack
        better += max(bounds[:2]) < done.bound - slack
    assert better > 10


def test_supply_is_a_subgradient():
    """Whatever the prices are moved to, the bound there is below the plane through here."""
    tight = 0
    for _, compiled, rng in cases():
        q, completer = compiled.quantities, Completer(compiled)
        demand, verification, _ = drawn(compiled, rng)
        here = completer.complete(demand, verification)
        paid = demand + compiled.wanted_checks * np.where(compiled.verified, verification, 0)
        served = q.count * (paid < q.penalty)
        slope = served - here.supply
        slope_check = served * compiled.wanted_checks - here.checked
        for width in (1e-3, 0.03, 0.5):
            to = [demand * rng.lognormal(0, width, q.n_classes),
                  verification * rng.lognormal(0, width, q.n_classes)]  # fmt: skip
            there = completer.complete(*to)
            plane = here.bound + slope @ (to[0] - demand) + slope_check @ (to[1] - verification)
            assert there.bound <= plane + 1e-6 * (abs(here.bound) + 1e-3)
            tight += there.bound > plane - 1e-6 * (abs(here.bound) + 1e-3)
    assert tight > 20


def test_completing_twice_gives_the_same_bits():
    """A completer keeps its tables, and nothing of the prices."""
    compiled = Compiled(generate("medium", seed=0))
    completer, rng = Completer(compiled), np.random.default_rng(0)
    first = drawn(compiled, rng)
    once = completer.complete(*first)
    completer.complete(*drawn(compiled, rng))
    for done in (completer.complete(*first), complete(compiled, *first)):
        assert done.bound == once.bound
        assert (done.prices.capacity == once.prices.capacity).all()
        assert (done.supply == once.supply).all()
        assert (done.rent == once.rent).all()


def test_a_hint_changes_no_more_than_rounding():
    """Told what was found at prices near these, or far from them, it finds the same."""
    for _, compiled, rng in cases():
        demand, verification, share = drawn(compiled, rng)
        completer = Completer(compiled)
        alone = completer.complete(demand, verification, share)
        for width in (0.0, 0.01, 0.5):
            other = demand * rng.lognormal(0, width, len(demand))
            hint = completer.complete(other, verification, share)
            told = completer.complete(demand, verification, share, near=hint)
            assert told.bound == pytest.approx(alone.bound, rel=1e-8, abs=1e-9)
            rents = [done.rent.clip(0.0) for done in (told, alone)]
            assert rents[0] == pytest.approx(rents[1], rel=1e-6, abs=1e-7)


def test_the_least_prices_are_found_once_and_stay_as_they_are():
    """Who wants to change them has to copy them."""
    one = Compiled(generate("small", seed=0))
    floor = floor_prices(one)
    assert floor_prices(one) is floor
    with pytest.raises(ValueError, match="read-only"):
        floor.demand[:] = 1.0
