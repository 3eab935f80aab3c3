"""An earlier placement made to fit: only what waits is missing."""

from dataclasses import replace

import numpy as np
import pytest

from placement import Instance, solve
from placement.compiled import Compiled
from placement.evaluation import evaluate_placement
from placement.generate import generate
from placement.methods.adapting import adapted
from placement.methods.recreate.improver import Recreation
from placement.solution import Placement, to_placement


@pytest.fixture(scope="module")
def known():
    """A mid-size instance and an answer to it."""
    instance = generate("medium", seed=1)
    return instance, solve(instance, method="least-loaded").solution


def changed(instance, seed):
    """The same network a little later: other demand, some nodes half of what they were."""
    document, rng = instance.to_dict(), np.random.default_rng(seed)
    for request in document["requests"]:
        request["count"] = max(1, int(request["count"] * rng.uniform(0.6, 1.4)))
    for node in document["nodes"]:
        if node.get("accelerators") and rng.random() < 0.2:
            node["accelerators"] = node["accelerators"] // 2
            node["memory_gb"] = node["memory_gb"] / 2
    return Instance.from_dict(document)


@pytest.mark.parametrize("seed", range(4))
def test_only_what_waits_is_missing(known, seed):
    """Capacities, shares, replicas and hosts hold; demand and verification may be short."""
    instance, solution = known
    today = changed(instance, seed)
    compiled = Compiled(today)
    placement = adapted(compiled, to_placement(compiled.quantities, solution))
    broken = {v.constraint for v in evaluate_placement(compiled.quantities, placement).violations}
    assert broken <= {1, 9, 11}
    assert placement.run_count.sum() > 0.4 * compiled.quantities.total_count


def test_what_has_not_changed_is_kept(known):
    """On the same instance every executed request stays where it was."""
    instance, solution = known
    compiled = Compiled(instance)
    before = to_placement(compiled.quantities, solution)
    after = adapted(compiled, before)
    assert after.run_count.sum() == before.run_count.sum()
    assert np.array_equal(after.unserved, before.unserved)


@pytest.mark.slow
def test_a_start_is_worth_its_time(known):
    """From an earlier answer and its prices, a short search is no worse than one from nothing."""
    instance, _ = known
    first = solve(instance, time_limit=6.0, gap=0.0)
    today = changed(instance, 0)
    warm = solve(today, time_limit=2.0, gap=0.0, initial_solution=first.solution)
    cold = solve(today, time_limit=2.0, gap=0.0)
    assert warm.objective <= cold.objective * 1.03


def searched(compiled, start, steps, seed=1):
    """Ruin and recreate, so many steps from a placement or from nothing."""
    search = Recreation(compiled, start, seed=seed)
    search.construct()
    search.advance(steps, 0.0)
    return search


def test_a_start_is_worth_its_work():
    """From an answer to nearly the same demand, a tenth of the steps gets further, on the whole."""
    instance = generate("medium", seed=0)
    document = instance.to_dict()
    for request in document["requests"][::10]:
        request["count"] += request["count"] // 10 + 1
    today, warm, cold = Compiled(Instance.from_dict(document)), 0.0, 0.0
    for seed in range(4):
        yesterday = searched(Compiled(instance), None, 20_000, seed).best
        search = searched(today, adapted(today, yesterday), 1_000, seed)
        assert search.complete
        warm += search.best_objective
        cold += searched(today, None, 10_000, seed).best_objective
    assert warm < 0.99 * cold


def test_a_plan_that_serves_nobody_is_adapted_too():
    """Replicas without any request leave nothing to do."""
    compiled = Compiled(generate("tiny", seed=0))
    q = compiled.quantities
    m, n = (at[:1] for at in np.nonzero(compiled.max_replicas))
    nothing = Placement.empty(q)
    start = replace(nothing, replica_m=m, replica_n=n, replica_count=np.ones(1, dtype=np.int64))
    assert not len(adapted(compiled, start).replica_m)


@pytest.mark.parametrize("limits", [{"max_new_replicas": 9}, {"max_transfer_gb": 1500.0}])
def test_limits_on_what_is_new_are_kept(known, limits):
    """Of the new replicas those stay that do most, as far as the limits go."""
    instance, solution = known
    compiled = Compiled(instance.replace(limits=limits))
    q = compiled.quantities
    placement = adapted(compiled, to_placement(q, solution))
    assert 0 < placement.load_count.sum() < sum(row.count for row in solution.loads)
    broken = {v.constraint for v in evaluate_placement(q, placement).violations}
    assert broken <= {1, 9}
    result = solve(compiled.quantities.instance, initial_solution=solution, time_limit=1.0)
    assert result.objective is not None
