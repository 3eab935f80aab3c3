"""Growth headroom: what is said to be served is, and what is said to fail does."""

import time

import by_hand
import pytest
import tinies
from oracle.exhaustive import optimal_solution

from placement import Instance, Solution, solve
from placement.analysis.changes import scale_demand
from placement.analysis.headroom import headroom
from placement.analysis.serving import counting
from placement.generate import generate


def turned_away(instance):
    """The least number of requests turned away at best, by brute force; None: no placement."""
    prices = dict.fromkeys((row.name for row in instance.requests), 1.0)
    found = optimal_solution(counting(instance, prices).to_dict())
    return None if found is None else found["objective"]


@pytest.mark.parametrize("seed", tinies.feasible_seeds(range(10)))
def test_bounds_are_those_of_brute_force(seed):
    """On tiny instances, where everything may change."""
    instance = tinies.instance(seed)
    plan = Solution.from_dict(tinies.optimal(seed))
    fixed, best = headroom(instance, plan, time_limit_s=20.0).entries
    if best.at_least:
        assert turned_away(scale_demand(instance, best.at_least)) == 0
    if best.at_most is not None:
        assert turned_away(scale_demand(instance, best.at_most)) != 0
    assert fixed.at_least <= best.at_least
    if best.at_most is not None:
        assert fixed.at_most <= best.at_most


def test_headroom_is_what_the_node_can_take():
    """3,000 requests of 1.1 s on two accelerators: once at first, twice with all their time."""
    document = by_hand.network()
    document["requests"][0]["count"] = 2_000
    document["nodes"][0].update(loaded={"llm": 1}, max_utilization=1)
    instance = Instance.from_dict(document)
    plan = solve(instance, gap=0).solution
    assert [row.count for row in plan.replicas] == [1]
    fixed, best = headroom(instance, plan, time_limit_s=20.0).entries
    one = 3600 / 1.1 / 2_000
    assert fixed.at_least <= one <= fixed.at_most
    assert fixed.at_most / fixed.at_least < 1.05
    assert best.at_least <= (7200 - 32) / 1.1 / 2_000 + 1e-9
    assert best.at_least > 0.95 * 2 * one


def test_all_served_for_nothing_is_proven_at_once():
    """Nothing costs less than nothing: such a solve does not wait for its time to end."""
    network = generate("medium", seed=0)
    free = counting(scale_demand(network, 0.25), {})
    begun = time.monotonic()
    found = solve(free, gap=0, time_limit=60.0)
    assert (found.objective, found.lower_bound, found.stopped_by) == (0, 0, "gap")
    assert time.monotonic() - begun < 30
