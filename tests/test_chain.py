"""Chains of plans: never worse, always feasible, each from the best there is."""

from dataclasses import replace

import numpy as np
import pytest
from reflows import compiled, constructed, guide, must_serve, optimum, same
from searches import judged, tiny
from tinies import feasible_seeds

from placement.methods import chain as chains
from placement.methods.chain import CHUNK, Chain
from placement.methods.recreate import state
from placement.methods.recreate.improver import Recreation
from placement.methods.reflow.reflower import one_by_one
from placement.solution import Placement


def chain_from(one, start=None, seed=0):
    """A chain that begins with a placement, by default with one constructed."""
    start = constructed(one) if start is None else start
    return Chain(one, Recreation(one, start, prices=guide(one).prices, seed=seed), seed)


def flow(chain):
    """One reflow without a hurry."""
    chain.reflow(guide(chain.compiled), np.inf, one_by_one)


def advance(chain, steps=2000):
    """Steps that take nothing worse."""
    chain.recreate(steps, 0.0, lambda: False)


def verdict(chain):
    """The judge's word on the best plan."""
    return judged(chain.compiled, chain.best)


@pytest.mark.parametrize("preset", ["small", "medium"])
def test_the_objective_never_rises_and_is_the_best_plans(preset):
    """Whatever is done, and however warm: the best is kept, holds and costs what is said."""
    chain = chain_from(compiled(preset))
    lowest = begun = chain.objective
    for turn in range(3):
        flow(chain)
        assert chain.objective <= lowest
        chain.recreate(CHUNK, 0.01 * lowest / (1 + turn), lambda: False)
        chain.guide(guide(chain.compiled))
        assert chain.objective <= lowest
        lowest = chain.objective
        assert not verdict(chain).violations
        assert verdict(chain).objective <= lowest * (1 + 1e-6)
    assert lowest < begun


@pytest.mark.parametrize("seed", feasible_seeds(range(25)))
def test_tiny_instances_keep_their_optimum(seed):
    """Nothing is better than the least cost, and nothing that a reflow breaks is kept."""
    chain = chain_from(tiny(seed), optimum(seed), seed)
    for _ in range(2):
        flow(chain)
        advance(chain, 200)
    least = judged(tiny(seed), optimum(seed)).objective
    assert not verdict(chain).violations
    assert verdict(chain).objective == pytest.approx(least, rel=1e-6, abs=1e-6)


def test_the_same_seed_gives_the_same_plans():
    """Of two turns, and another seed gives others."""
    found = [chain_from(compiled("medium"), seed=seed) for seed in (1, 1, 2)]
    for chain in found:
        for _ in range(2):
            flow(chain)
            advance(chain)
    assert same(found[0].best, found[1].best)
    assert not same(found[0].best, found[2].best)


def test_a_chain_follows_one_that_is_far_better():
    """It adopts the other's best, goes on from there, and keeps it until it has a better one."""
    one = compiled("medium")
    chain, leader = chain_from(one), chain_from(one, seed=1)
    advance(leader, 5000)
    assert leader.objective < 0.9 * chain.objective
    chain.follow(leader)
    assert chain.objective == leader.objective
    assert same(chain.best, leader.best)
    started = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chains, "reflow", lambda _, start, **__: started.append(start) or start)
        flow(chain)
    assert same(started[0], leader.best)
    advance(chain, 5000)
    assert chain.objective < leader.objective
    assert not verdict(chain).violations


def test_a_chain_that_is_nearly_as_good_goes_its_own_way():
    """Two that are alike stay two; the better one follows nobody."""
    one = compiled("medium")
    leader = chain_from(one)
    advance(leader)
    chain, worse = chain_from(one, leader.best), chain_from(one)
    before = chain.best
    chain.follow(leader)
    assert chain._best is None
    leader.follow(worse)
    assert same(chain.best, before)
    assert leader.objective < worse.objective


def test_a_poor_reflow_is_forgotten():
    """Where it cannot be put right, the next begins with the best plan and not with it."""
    one = compiled("medium")
    chain = chain_from(one)
    advance(chain, 5000)
    best, started = chain.best, []

    def spoiled(_, start, **__):
        """Begin with what it begins with, and end with next to nothing."""
        started.append(start)
        return constructed(one)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chains, "reflow", spoiled)
        for _ in range(2):
            flow(chain)
            assert same(chain.best, best)
    assert same(started[1], best)


def test_seeds_of_reflows_differ():
    """From turn to turn, and from chain to chain."""
    one, seeds = compiled("small"), []
    with pytest.MonkeyPatch.context() as patch:
        note = lambda _, start, **fields: seeds.append(fields["seed"]) or start  # noqa: E731
        patch.setattr(chains, "reflow", note)
        for chain in (chain_from(one, seed=1), chain_from(one, seed=2)):
            flow(chain)
            flow(chain)
    assert len(set(seeds)) == 4


def test_steps_stop_when_it_is_over():
    """The clock is looked at between parts, before the first one too."""
    chain = chain_from(compiled("small"))
    steps = []
    chain.run.advance = lambda count, warmth: steps.append((count, warmth))
    chain.recreate(3 * CHUNK, 8.0, lambda: True)
    assert not steps
    chain.recreate(3 * CHUNK, 8.0, lambda: len(steps) == 2)
    assert [count for count, _ in steps] == [CHUNK, CHUNK]
    assert 0 < steps[1][1] < steps[0][1] == 8.0
    chain.recreate(CHUNK + 1, 8.0, lambda: False)
    assert [count for count, _ in steps[2:]] == [CHUNK, 1]


# --- requests that must be served --------------------------------------------------------------


def test_what_must_be_served_is_served_however_dear():
    """However many reflows and steps there are."""
    one, start = must_serve()
    chain = chain_from(one, start)
    for _ in range(2):
        flow(chain)
        advance(chain, 200)
        assert not verdict(chain).violations
        assert chain.objective == pytest.approx(10_000.0)


def test_nobody_follows_a_chain_that_serves_too_little(monkeypatch):
    """However cheap it is there is no plan to adopt, nor to keep where the run has none either."""
    one, start = must_serve()
    monkeypatch.setattr(state, "penalties", lambda *_: np.ones(1))
    chain, leader = chain_from(one, start), Chain(one, Recreation(one, None), 1)
    assert leader.best is None
    assert leader.objective < chain.objective
    flow(leader)
    assert leader.best is None
    flow(chain)
    chain.run = leader.run
    for _ in range(2):
        assert same(chain.best, start)
        assert chain.objective == pytest.approx(10_000.0)
        chain.follow(leader)


# --- what comes after a reflow -----------------------------------------------------------------


def test_what_a_reflow_leaves_is_placed_again():
    """Whatever found no place in it, guided by prices and with hosts chosen anew."""
    one, guides = compiled("medium"), []
    chain = chain_from(one)
    nothing = Placement.empty(one.quantities)
    hosting = {"host_m": constructed(one).host_m, "host_n": constructed(one).host_n}
    bare = replace(nothing, **hosting, unserved=one.quantities.count.copy())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chains, "reflow", lambda *_, **__: bare)
        patch.setattr(Chain, "guide", lambda _, guide: guides.append(guide))
        flow(chain)
    assert guides == [guide(one)]
    again = Recreation(one, bare, prices=guide(one).prices, seed=1)
    again.construct()
    assert np.array_equal(chain.run.waiting, again.waiting)
    assert chain.run.waiting.sum() < one.quantities.count.sum() / 5


def test_a_guide_is_taken_and_hosts_are_chosen_anew():
    """Prices as they are, what nodes earn as $ of a second."""
    one, taken = compiled("small"), []
    chain = chain_from(one)
    chain.run.guide = lambda prices, rent: taken.append((prices, rent))
    chain.run.rehost = lambda: taken.append("hosts")
    chain.guide(guide(one))
    (prices, rent), hosts = taken
    assert prices is guide(one).prices
    able = one.quantities.capacity_s > 0
    earned = rent * one.quantities.capacity_s
    assert earned[able] == pytest.approx(guide(one).rent[able])
    assert hosts == "hosts"
