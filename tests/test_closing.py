"""Closing: bounds that hold, trees that end, the same again."""

import time

import pytest
import tinies
from searches import search_of

from placement.compiled import Compiled
from placement.generate import generate
from placement.methods.closing.closer import close, strengthened
from placement.methods.greedy import greedy
from placement.methods.milp import branch
from placement.model import build
from placement.search import OPTIMAL

SEEDS = range(40)


def closed(compiled, seconds=20.0, **options):
    """A search that closing has worked on from a greedy placement."""
    search = search_of(compiled, deadline=time.monotonic() + seconds, **options)
    greedy(search)
    close(search, build(compiled), search.deadline)
    return search


@pytest.mark.parametrize("seed", tinies.feasible_seeds(SEEDS))
def test_bounds_hold(seed):
    """No bound is above the optimum, no placement below it, of instances small enough to know."""
    search = closed(Compiled(tinies.instance(seed)), gap=0.0)
    optimum = tinies.optimum(seed)
    scale = max(1e-9, abs(optimum))
    assert search.lower_bound <= optimum + 1e-6 * scale
    assert search.objective is None or search.objective >= optimum - 1e-6 * scale


def test_a_bound_beyond_the_prices_is_somebodys_word():
    """Cutting planes alone, without branching, are enough to name who vouches for the bound."""
    search = search_of(Compiled(tinies.instance(17)), deadline=time.monotonic() + 20)
    strengthened(search, build(search.compiled), search.deadline)
    assert (search.certified, search.engine_used) == (None, "highs")
    assert search.lower_bound > 0


def test_most_tiny_ones_are_nearly_proven():
    """Divisible requests cost little: where all else is whole, the gap is small as a rule."""
    seeds = tinies.feasible_seeds(SEEDS)
    optima = [tinies.optimum(seed) for seed in seeds]
    bounds = [closed(Compiled(tinies.instance(seed)), gap=0.0).lower_bound for seed in seeds]
    near = [b >= o - 1e-2 * max(1e-9, abs(o)) for b, o in zip(bounds, optima, strict=True)]
    assert sum(near) >= 0.6 * len(near)


def test_nothing_to_place_is_seen():
    """Where there is no placement, closing ends and offers none."""
    for seed in SEEDS:
        if tinies.optimal(seed) is None:
            search = search_of(Compiled(tinies.instance(seed)), deadline=time.monotonic() + 20)
            close(search, build(search.compiled), search.deadline)
            assert search.best is None


def test_strengthened_programs_have_the_same_optimum():
    """Branch and bound over the model with its cutting planes ends at the optimum."""
    for seed in tinies.feasible_seeds(range(20)):
        compiled = Compiled(tinies.instance(seed))
        search = search_of(compiled, deadline=time.monotonic() + 20, gap=0.0)
        branch(search, strengthened(search, build(compiled), search.deadline))
        optimum = tinies.optimum(seed)
        assert search.objective == pytest.approx(optimum, rel=OPTIMAL, abs=1e-9)


def test_small_is_closed():
    """The small preset is proven to the gap asked for."""
    assert closed(Compiled(generate("small", seed=0)), seconds=60, gap=0.01).closed


def test_the_same_again():
    """Threads do not change the bounds along the way, only the time."""
    bounds = []
    for threads in (1, 2):
        told = []
        search = search_of(
            Compiled(generate("small", seed=1)), deadline=time.monotonic() + 60, gap=0.02,
            threads=threads, listener=lambda progress, told=told: told.append(progress.lower_bound),
        )  # fmt: skip
        greedy(search)
        close(search, build(search.compiled), search.deadline)
        bounds.append(told)
    assert bounds[0] == bounds[1]
    assert len(set(bounds[0])) > 2


def test_no_time_is_no_harm():
    """At a deadline that has passed nothing happens."""
    search = search_of(Compiled(generate("small", seed=0)), deadline=time.monotonic() - 1)
    assert close(search, build(search.compiled), search.deadline) == "time_limit"
    assert search.lower_bound is None


def test_the_deadline_is_kept():
    """Trying out many branches does not make it late."""
    compiled = Compiled(generate("medium", seed=0))
    search = closed(compiled, seconds=6.0)
    assert search.lower_bound is not None
    assert search.clock() < search.deadline + 2.0
