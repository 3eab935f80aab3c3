"""Nodes that could leave: what is said of each is true by brute force."""

import pytest
import tinies
from oracle.exhaustive import optimal_solution

from placement import Solution, evaluate, solve
from placement.analysis.carrying import carry
from placement.analysis.changes import drop_nodes
from placement.analysis.departures import departures
from placement.analysis.resolving import Resolver
from placement.generate import generate


def without(seed, node):
    """A tiny instance without a node, with all that the oracle asks for."""
    document = drop_nodes(tinies.instance(seed), [node]).to_dict()
    for row in document["nodes"]:
        row.setdefault("roles", [])
    return document


@pytest.mark.parametrize("seed", tinies.feasible_seeds(range(14)))
def test_losses_are_those_of_brute_force(seed):
    """Every node of a tiny instance, each within its bounds."""
    plan = Solution.from_dict(tinies.optimal(seed))
    found = departures(Resolver(tinies.instance(seed), plan, seconds=10.0), tries=4)
    for row in found.entries:
        left = optimal_solution(without(seed, row.node))
        noise = 1e-6 * max(1.0, tinies.optimum(seed))
        if left is None:
            assert row.verdict != "free"
            assert row.loss_at_most is None
            continue
        loss = left["objective"] - tinies.optimum(seed)
        assert row.loss_at_least <= loss + noise
        assert row.loss_at_most == pytest.approx(loss, abs=2 * noise)
        assert row.verdict == ("needed" if loss > 3 * noise else "free")


def test_all_that_idle_could_leave_together():
    """The plan stays feasible without them, at the same cost."""
    network = generate("over-supplied", seed=1)
    plan = solve(network, time_limit=3.0).solution
    found = departures(Resolver(network, plan, seconds=0.5), tries=1)
    assert len(found.together) > 10
    smaller = drop_nodes(network, found.together)
    kept = carry(plan, network, smaller)
    assert evaluate(smaller, kept).feasible
    assert evaluate(smaller, kept).objective <= plan.objective * (1 + 1e-9)
    rows = {row.node: row for row in found.entries}
    assert all(rows[name].verdict == "free" for name in found.together)
    assert found.entries[0].verdict == "free"
