"""The baselines: honest opponents, so what they offer is feasible and serves what it can."""

from functools import cache

import numpy as np
import pytest
from oracle.exhaustive import optimum
from oracle.tiny import tiny_instance
from searches import compiled_of, judged, search_of, tiny

from placement.compiled import Compiled
from placement.generate import generate
from placement.methods.dispatch import fill_up, level_out
from placement.methods.least_loaded import least_loaded
from placement.methods.nearest import nearest
from placement.methods.round_robin import round_robin
from placement.methods.uniform import random

BASELINES = [random, round_robin, least_loaded, nearest]
OPTIMUM = cache(lambda seed: optimum(tiny_instance(seed)))
every = pytest.mark.parametrize("method", BASELINES)


@pytest.fixture(scope="module")
def medium():
    """60 nodes, 15 models, 150 classes."""
    return Compiled(generate("medium", seed=3))


@every
def test_offers_are_feasible_and_not_below_the_optimum(method):
    """On tiny instances; `offer` raises where a placement is not feasible."""
    offered = 0
    for seed in range(60):
        search = search_of(tiny(seed))
        method(search)
        if search.best is not None:
            offered += 1
            best = OPTIMUM(seed)
            assert search.objective >= best - 1e-6 * max(1.0, best), seed
    assert offered > 50


@every
def test_most_is_served(method, medium):
    """On an ordinary instance all four serve most of what is asked for."""
    search = search_of(medium)
    assert method(search) == "exhausted"
    assert search.best.unserved.sum() < 0.4 * medium.quantities.total_count
    assert judged(medium, search.best).feasible


@every
def test_the_seed_decides(method, medium):
    """The same seed gives the same placement."""
    first, second = search_of(medium, seed=5), search_of(medium, seed=5)
    method(first), method(second)
    assert first.objective == second.objective


def test_random_differs_by_seed(medium):
    """Another seed gives another placement."""
    first, second = search_of(medium, seed=1), search_of(medium, seed=2)
    random(first), random(second)
    assert first.objective != second.objective


@every
def test_a_deadline_that_has_passed(method, medium):
    """Nothing is placed after the deadline; what is offered, if anything, is feasible."""
    search = search_of(medium, deadline=0.0)
    assert method(search) == "time_limit"
    assert search.best is None or judged(medium, search.best).feasible


@every
def test_must_be_served_or_nothing(method):
    """Where a request that must be served cannot be, nothing is offered."""
    compiled = compiled_of(
        nodes=[{"name": "n", "roles": ["inference"], "accelerators": 1}],
        requests=[{"name": "g", "count": 2}],
        pairs=[{"request": "g", "node": "n", "work_s": 60}],
    )
    search = search_of(compiled)
    method(search)
    assert search.best is None


def two_nodes(far_accelerators=1, count=10):
    """Jobs of 1 s on two nodes, the second 50 ms further away."""
    compiled = compiled_of(
        regions=[{"name": "r"}, {"name": "s"}],
        network={"latency_ms": [[1, 51], [51, 1]]},
        nodes=[
            {"name": "near", "region": "r", "roles": ["inference"], "accelerators": 1},
            {
                "name": "far",
                "region": "s",
                "roles": ["inference"],
                "accelerators": far_accelerators,
            },
        ],
        requests=[{"name": "g", "region": "r", "count": count, "penalty": 1}],
        pairs=[{"request": "g", "node": n, "work_s": 1} for n in ("near", "far")],
    )
    return search_of(compiled)


@pytest.mark.parametrize(
    ("method", "far_accelerators", "count", "expected"),
    [
        (nearest, 1, 10, {0: 10}),
        (nearest, 1, 130, {0: 100, 1: 30}),
        (round_robin, 4, 10, {0: 5, 1: 5}),
        (round_robin, 4, 300, {0: 100, 1: 200}),
        (least_loaded, 4, 10, {0: 2, 1: 8}),
        (random, 1, 200, {0: 100, 1: 100}),
    ],
)
def test_each_follows_its_rule(method, far_accelerators, count, expected):
    """Who gets how many of a class's requests."""
    search = two_nodes(far_accelerators, count)
    method(search)
    best = search.best
    assert dict(zip(best.run_n.tolist(), best.run_count.tolist(), strict=True)) == expected


def test_random_is_uniform():
    """Of 60 requests each of two nodes gets about a half, whatever its size."""
    search = two_nodes(4, 60)
    random(search)
    assert search.best.run_count.min() > 15


def test_fill_up():
    """One node after the other."""
    assert fill_up(np.array([2, 3, 4]), 4).tolist() == [2, 2, 0]


@pytest.mark.parametrize("seed", range(30))
def test_level_out_is_level(seed):
    """All is poured out, no room is exceeded, and no request could move to a lower node."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 8))
    start, rate = rng.random(size), 1.0 / rng.uniform(0.02, 0.2, size)
    room = rng.integers(1, 20, size)
    count = int(rng.integers(1, room.sum() + 5))
    amount = level_out(start, rate, room, count)
    assert amount.sum() == min(count, room.sum())
    assert np.all((amount >= 0) & (amount <= room))
    level, one = start + amount / rate, 1.0 / rate
    giving, taking = amount > 0, amount < room
    if giving.any() and taking.any():
        lowest_after = (level + one)[taking].min()
        assert np.all(level[giving] <= lowest_after + one[giving] + 1e-9)
