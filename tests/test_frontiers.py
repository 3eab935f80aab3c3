"""Frontiers: every point is the optimum under its limit, and no point contradicts another."""

import pytest
import tinies

from placement import Solution, evaluate, solve
from placement.analysis.frontiers import capped, frontiers, monotone
from placement.analysis.resolving import Outcome, Resolver
from placement.generate import generate
from placement.quantities import Quantities


def of_tiny(seed):
    """The frontiers of a tiny instance with its optimal plan."""
    plan = Solution.from_dict(tinies.optimal(seed))
    return frontiers(Resolver(tinies.instance(seed), plan, seconds=10.0))


@pytest.mark.slow
def test_points_are_optima_under_their_limits():
    """Each solved apart, limits and caps alike."""
    for seed in tinies.feasible_seeds(range(16)):
        instance, found = tinies.instance(seed), of_tiny(seed)
        for point in found.moves.entries[:-1]:
            limits = instance.limits.model_copy(update={"max_new_replicas": point.allowed})
            best = solve(instance.replace(limits=limits), gap=0).objective
            assert point.objective == pytest.approx(best)
            assert point.moved is None or point.moved <= point.allowed
            assert (point.status == "infeasible") == (best is None)
        for point in found.fairness.entries[:-1]:
            best = solve(capped(instance, point.cap), gap=0).objective
            assert point.objective == pytest.approx(best)
            assert point.top_share is None or point.top_share <= point.cap + 1e-9
        for table in (found.moves, found.fairness):
            assert table.entries[-1].objective == pytest.approx(tinies.optimum(seed))


def test_cost_falls_and_bounds_too_where_more_is_allowed():
    """From the tightest limit to none."""
    instance = generate("small", seed=0)
    plan = solve(instance, "greedy").solution
    found = frontiers(Resolver(instance, plan, seconds=0.3))
    for table in (found.moves, found.fairness):
        assert len(table.entries) > 3
        costs = [p.objective for p in table.entries if p.objective is not None]
        bounds = [p.lower_bound for p in table.entries if p.status != "infeasible"]
        assert costs == sorted(costs, reverse=True)
        assert bounds == sorted(bounds, reverse=True)


def test_what_one_point_proves_others_use():
    """A plan for less is a plan for more, a bound for more is one for less."""
    tight, middle, loose = monotone(
        [
            Outcome(9.0, 1.0, "feasible", None),
            Outcome(10.0, 8.0, "feasible", None),
            Outcome(None, 2.0, "unknown", None),
        ]
    )
    assert (tight.objective, tight.lower_bound) == (9.0, 8.0)
    assert (middle.objective, middle.lower_bound) == (9.0, 8.0)
    assert (loose.objective, loose.lower_bound) == (9.0, 2.0)
    assert monotone([Outcome(None, None, "infeasible", None), loose])[0].status == "infeasible"


def test_a_cap_holds_for_lone_nodes_too():
    """Each gets an operator of its own, whatever names are taken."""
    instance = generate("small", seed=0)
    lone = instance.nodes[0].model_copy(
        update={"name": instance.nodes[1].operator, "operator": None}
    )
    instance = instance.replace(nodes=[lone, *instance.nodes[1:]])
    limited = capped(instance, 0.05)
    q = Quantities(limited)
    assert q.n_groups == Quantities(instance).n_groups
    assert (q.max_share <= 0.05).all()
    plan = solve(limited, "greedy").solution
    assert evaluate(instance, plan).feasible
