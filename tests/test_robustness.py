"""Robustness: what a plan still serves when something happens, counted by hand and by force."""

import numpy as np
import pytest

from placement import Instance, Solution, evaluate, solve
from placement.analysis.changes import scale_demand, scale_throughput
from placement.analysis.resolving import Resolver
from placement.analysis.robustness import DEMANDS, RATES, WORST, robustness, settled
from placement.analysis.standing import Standing
from placement.generate import generate
from placement.quantities import Quantities

HAND = Instance.from_dict(
    {
        "name": "hand",
        "window_s": 100.0,
        "operators": [{"name": "x"}, {"name": "y"}],
        "nodes": [
            {
                "name": name,
                "operator": operator,
                "roles": ["hosting", "inference", "verification"],
                "accelerator": "t",
                "accelerators": 1.0,
                "memory_gb": 10.0,
                "storage_gb": 10.0,
                "verification_cores": 1.0,
            }
            for name, operator in (("a", "x"), ("b", "y"))
        ],
        "models": [{"name": "m", "weights_gb": 1.0, "memory_gb": 5.0}],
        "profiles": [
            {"model": "m", "accelerator": "t", "prefill_tokens_per_s": 1, "decode_tokens_per_s": 1}
        ],
        "policies": [{"name": "seen", "mode": "attestation", "verification_core_s": 1.0}],
        "requests": [
            {"name": "plain", "model": "m", "count": 60, "output_tokens": 1.0, "penalty": 2.0},
            {"name": "owed", "model": "m", "count": 20, "output_tokens": 1.0, "policy": "seen"},
        ],
    }
)
"""Two nodes of 100 s, requests of 1 s; `a` runs 60 plain and 20 that `b` verifies."""

PLAN = Solution.from_dict(
    {
        "instance": "hand",
        "hosting": {"m": ["a"]},
        "replicas": [{"model": "m", "node": "a", "count": 1}],
        "loads": [{"model": "m", "node": "a", "source": "a", "count": 1}],
        "inference": [
            {"request": "plain", "node": "a", "count": 60},
            {"request": "owed", "node": "a", "count": 20},
        ],
        "verification": [{"request": "owed", "node": "b", "count": 20}],
    }
)


def standing(instance, plan=PLAN, planned=HAND):
    """The plan as it stands in an instance."""
    return Standing(settled(instance, plan), plan, Quantities(planned).count)


def hand():
    """Robustness of the plan by hand."""
    assert evaluate(HAND, PLAN).feasible
    return robustness(Resolver(HAND, PLAN, seconds=5.0))


# --- as it stands ---------------------------------------------------------------------------------


def test_nothing_happens_and_nothing_changes():
    """All that the plan serves is served."""
    assert standing(HAND).served.tolist() == [60, 20]
    instance = generate("small", seed=1)
    plan = solve(instance, "greedy").solution
    served = standing(instance, plan, instance).served
    assert served.sum() == pytest.approx(sum(row.count for row in plan.inference))


def test_a_full_node_turns_the_same_part_of_everything_away():
    """100 s of work are left of 120 s at one and a half times the demand."""
    grown = standing(scale_demand(HAND, 1.5))
    assert grown.served == pytest.approx([90 * 100 / 120, 30 * 100 / 120])
    assert grown.missing().of(0) == pytest.approx((20, 2 * 15, 5))
    slow = standing(scale_throughput(HAND, 0.4))
    assert slow.served == pytest.approx([60 * 100 / 200, 20 * 100 / 200])


def test_requests_are_lost_with_their_verifier():
    """Node b verifies, node a does all else."""
    lost = standing(HAND).without(np.array([0, 1]), 2)
    assert lost.requests.tolist() == [80, 20]
    assert lost.penalty.tolist() == [120, 0]
    assert lost.owed.tolist() == [20, 20]


def test_requests_that_would_be_late_are_not_served():
    """A slower accelerator makes the first token late."""
    rows = HAND.to_dict()
    rows["requests"][0] |= {"input_tokens": 1.0, "output_tokens": 0.0, "max_ttft_ms": 1100.0}
    late = Instance.from_dict(rows)
    assert standing(late).served.tolist() == [60, 20]
    assert standing(scale_throughput(late, 0.9)).served.tolist() == [0, 20]


@pytest.mark.parametrize("preset", ["small", "medium"])
def test_all_losses_at_once_are_each_loss_alone(preset):
    """The rows of a party left out, one party after the other."""
    instance = generate(preset, seed=2)
    plan = solve(instance, "greedy").solution
    whole = standing(instance, plan, instance)
    lost = whole.without(np.arange(len(instance.nodes)), len(instance.nodes))
    for n, node in enumerate(instance.nodes[:30]):
        left = plan.replace(
            inference=tuple(row for row in plan.inference if row.node != node.name),
            verification=tuple(row for row in plan.verification if row.node != node.name),
        )
        alone = standing(instance, left, instance).served
        assert lost.requests[n] == pytest.approx(float((whole.served - alone).sum()), abs=1e-6)


# --- re-routed ------------------------------------------------------------------------------------


def test_by_hand():
    """Replicas stay, so that nothing can go to b; without a there is no replica at all."""
    found = hand()
    assert [row.name for row in found.stress.entries] == [
        "x 1.1",
        "x 1.25",
        "x 1.5",
        "x 0.9",
        "x 0.7",
    ]
    half = found.stress.entries[2]
    assert (half.demanded, half.rerouted) == (120, 100)
    assert half.rerouted_penalty == pytest.approx(40)  # those that must be served come first
    assert [(row.name, row.owed) for row in found.nodes.entries] == [("a", 20), ("b", 20)]
    assert found.nodes.entries[0].rerouted is None
    assert [row.name for row in found.operators.entries] == ["x", "y"]
    assert found.regions.entries == ()


def test_re_routing_keeps_to_the_replicas_there_are():
    """It never costs less than its bound; the worst few losses are looked at, no others."""
    instance = generate("small", seed=0)
    plan = solve(instance, "greedy").solution
    found = robustness(Resolver(instance, plan, seconds=5.0))
    assert len(found.stress.entries) == len(DEMANDS) + len(RATES)
    rows = found.nodes.entries
    assert len(rows) == len(instance.nodes)
    assert [row.served for row in rows] == sorted(row.served for row in rows)
    assert all(row.rerouted is None for row in rows[WORST:])
    for row in (*found.stress.entries, *rows[:WORST], *found.regions.entries):
        if row.objective is not None:
            assert row.lower_bound <= row.objective + 1e-6
            assert 0 <= row.rerouted <= row.demanded


def test_what_is_settled_allows_the_plan_itself():
    """Its replicas are loaded, its hosts store; nothing new is needed."""
    instance = generate("small", seed=0)
    plan = solve(instance, "greedy").solution
    there = settled(instance, plan)
    assert evaluate(there, plan.replace(loads=())).feasible
    assert there.limits.max_new_replicas == 0
