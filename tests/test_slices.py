"""Slices: programs that the plan itself satisfies, gains that are true, placements that hold."""

import numpy as np
import pytest
from reflows import PRESETS, compiled, constructed, guide, optimum
from searches import judged, search_of, tiny
from tinies import feasible_seeds

from placement.methods.slices.choosing import Chooser
from placement.methods.slices.improver import Slices, improve_by_slices
from placement.methods.slices.plan import Plan
from placement.methods.slices.slicemodel import SliceModel
from placement.methods.slices.slicing import Slicer

presets = pytest.mark.parametrize("preset", [*PRESETS, "long-tail"])


def cut(plan, size, seed=0):
    """The program of a slice of some nodes."""
    nodes = np.random.default_rng(seed).choice(plan.q.n_nodes, size, replace=False)
    return SliceModel(plan, Slicer(plan, guide(plan.compiled).prices).cut(np.sort(nodes)))


@presets
def test_a_plan_costs_what_the_judge_says_or_a_little_more(preset):
    """Attestations and proofs are counted at their cheapest; all else is exact."""
    one = compiled(preset)
    plan = Plan(one, constructed(one))
    cost = plan.objective + float(one.host_cost[plan.base].sum())
    verdict = judged(one, plan.rounded().placement())
    assert not verdict.violations
    assert cost == pytest.approx(verdict.objective, rel=0.05)


@presets
def test_the_plan_satisfies_the_program_of_every_slice(preset):
    """The start of a slice keeps all its rows and bounds."""
    one = compiled(preset)
    plan = Plan(one, constructed(one))
    for seed in range(5):
        model = cut(plan, 4, seed)
        p, values = model.program, model.start
        activity = p.matrix @ values
        slack = 1e-6 * np.maximum(1.0, np.abs(activity))
        assert np.all(activity <= p.row_upper + slack)
        assert np.all(activity >= p.row_lower - slack)
        assert np.all((values >= p.lower) & (values <= p.upper + 1e-9))


@presets
def test_gains_are_what_the_plan_saves(preset):
    """What the slices say they saved is at most what the plan then costs less."""
    one = compiled(preset)
    slices = Slices(one, constructed(one), guide(one))
    before = slices.plan.objective
    saved = slices.advance(5)
    assert before - slices.plan.objective >= saved - 1e-6 * before
    assert not judged(one, slices.placement()).violations


def test_the_same_seed_gives_the_same_placement():
    """No clock decides anything."""
    one = compiled("small")
    found = []
    for _ in range(2):
        slices = Slices(one, constructed(one), guide(one), seed=3)
        slices.advance(5)
        found.append(judged(one, slices.placement()).objective)
    assert found[0] == found[1]


@pytest.mark.parametrize("preset", ["small", "medium"])
def test_the_incumbent_gets_better_and_never_worse(preset):
    """A turn offers feasible placements only; the board refuses the others."""
    one = compiled(preset)
    search = search_of(one)
    before = search.offer(constructed(one))
    improve_by_slices(search, guide(one), search.clock() + 2.0)
    assert search.objective < before


@pytest.mark.parametrize("seed", feasible_seeds(range(30)))
def test_tiny_instances_from_their_optimum(seed):
    """From an optimal placement nothing gets worse, and nothing is broken."""
    one = tiny(seed)
    best = optimum(seed)
    search = search_of(one)
    before = search.offer(best)
    slices = Slices(one, best, guide(one))
    slices.advance(3)
    verdict = judged(one, slices.placement())
    assert not verdict.violations
    assert verdict.objective >= before - 1e-6 * max(1.0, abs(before))
    improve_by_slices(search, guide(one), search.clock() + 1.0)
    assert search.objective == pytest.approx(before, rel=1e-6, abs=1e-6)


def test_nodes_that_gave_nothing_are_drawn_less():
    """A node's weight is halved where its slice gave nothing, and comes back."""
    one = compiled("small")
    chooser = Chooser(Plan(one, constructed(one)), guide(one), np.random.default_rng(0))
    nodes = chooser.draw(3)
    assert len(nodes) == 3
    chooser.told(nodes, better=False)
    assert np.all(chooser.trust[nodes] < 1.0)
    lost = chooser.trust[nodes].copy()
    chooser.told(np.setdiff1d(np.arange(one.quantities.n_nodes), nodes)[:1], better=True)
    assert np.all(chooser.trust[nodes] > lost)


def test_losses_add_up_to_the_gap():
    """Losses of nodes and of requests turned away are the cost beyond the bound."""
    one = compiled("medium")
    plan, completion = Plan(one, constructed(one)), guide(one)
    losses = Chooser(plan, completion, np.random.default_rng(0)).losses()
    worth = completion.prices.demand + one.wanted_checks * completion.prices.verification
    turned_away = float((plan.penalty - worth) @ plan.left)
    assert np.isfinite(losses).all()
    assert losses.sum() + turned_away > 0
