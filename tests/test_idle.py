"""Idle compute and unserved demand: every second in one row, and the cause is the true one."""

from functools import cache
from pathlib import Path

import by_hand
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placement import InputError, Instance, Solution, solve
from placement.analysis import idle, unserved
from placement.analysis.idle import IDLE, NO_DEMAND, OTHER, USES
from placement.analysis.maincause import main_cause
from placement.analysis.relaxing import (
    CAUSES,
    NOT_LOADED,
    PARTIES,
    PLACE,
    PRICE,
    TRUST,
    VERIFICATION,
    Relaxations,
)
from placement.analysis.resolving import Resolver
from placement.analysis.unserved import CAPACITY
from placement.generate import PRESETS, generate

INSTANCES = Path(__file__).parent.parent / "instances"
PLANTED = {
    "over-supplied": NO_DEMAND,
    "tee-scarce": TRUST,
    "eu-only": PLACE,
    "long-tail": NOT_LOADED,
    "verifier-scarce": VERIFICATION,
    "dominant-operator": PARTIES,
    "node-loss": CAPACITY,
    "flash-crowd": CAPACITY,
}


def relaxations(instance, *, seconds, **options):
    """Of a plan made for the purpose."""
    plan = solve(instance, time_limit=seconds, **options).solution
    return Relaxations(Resolver(instance, plan, seconds=seconds))


def by_hand_relaxations(**changes):
    """Of the network made by hand, with 6,000 attested requests, and some changes to its rows.

    `nodes`, `models` and so on change the first row of the table; their accelerator time is
    1.83 of the 2 hours there are.
    """
    document = by_hand.network()
    document["requests"][0].update(count=6_000, penalty=1, policy="attested")
    document["policies"][0].update(verification_core_s=1)
    document["nodes"][2]["roles"] = ["verification"]
    for table, fields in changes.items():
        document[table][0].update(fields)
    return relaxations(Instance.from_dict(document), seconds=10.0, gap=0)


def assert_complete(account, instance):
    """Rows are not negative, and sum to the window of every node and of every part."""
    total = np.array([node.accelerators for node in instance.nodes]) * instance.window_s / 3600
    assert (account.hours >= 0).all()
    np.testing.assert_allclose(account.hours.sum(axis=1), total, rtol=1e-9, atol=1e-12)
    for grouping in idle.GROUPINGS:
        parts = account.by(grouping)
        np.testing.assert_allclose(parts.hours.sum(axis=0), account.fleet_h, atol=1e-9)
        np.testing.assert_allclose(
            parts.idle_cost.sum(), account.fleet_cost[-len(IDLE) :].sum(), atol=1e-9
        )


# --- every second in one row ----------------------------------------------------------------------


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), order=st.sampled_from(["given", "shapley"]))
def test_rows_sum_to_the_window(seed, order):
    """On tiny networks with every feature in play, in both orders."""
    instance = generate("tiny", seed)
    resolver = Resolver(instance, None, seconds=2.0)
    if resolver.refresh().solution is not None:
        assert_complete(idle.account(Relaxations(resolver), order), instance)


@pytest.mark.parametrize("preset", [name for name in PRESETS if name in {"small", *PLANTED}])
def test_rows_sum_on_presets(preset):
    """However little time there was for plan and causes."""
    instance = generate(preset, seed=1)
    plan = solve(instance, "greedy", time_limit=5.0).solution
    found = Relaxations(Resolver(instance, plan, seconds=0.1))
    assert_complete(idle.account(found), instance)


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["medium", "large", "routing"])
def test_rows_sum_on_large_presets(preset):
    """However little time there was for plan and causes."""
    instance = generate(preset, seed=0)
    plan = solve(instance, "least-loaded", time_limit=20.0).solution
    found = Relaxations(Resolver(instance, plan, seconds=1.0))
    assert_complete(idle.account(found), instance)


# --- by hand --------------------------------------------------------------------------------------


def test_nothing_is_solved_where_all_is_served():
    """All that is idle then has no demand left."""
    found = by_hand_relaxations(requests={"count": 1_000})
    found.resolver.solve = None
    account = idle.account(found)
    assert account.of("serving") == pytest.approx(1_100 / 3600)
    assert account.of(NO_DEMAND) == pytest.approx(account.idle_h)
    assert main_cause(account, unserved.account(found)).cause == NO_DEMAND


@pytest.mark.parametrize(
    ("cause", "changes"),
    [
        (TRUST, {"nodes": {"tee": []}, "policies": {"requires_tee": ["tdx"]}}),
        (PLACE, {"requests": {"jurisdictions": ["US"]}}),
        (PLACE, {"requests": {"max_ttft_ms": 1}}),
        (PARTIES, {"operators": {"max_share": 0}}),
        (VERIFICATION, {"policies": {"verification_core_s": 1e6}}),
        (PRICE, {"nodes": {"accelerator_cost_per_hour": 1e5}}),
        (NOT_LOADED, {"nodes": {"hosted": [], "roles": ["inference"]}, "models": {"min_hosts": 0}}),
    ],
)
def test_one_obstacle_is_named(cause, changes):
    """Whatever keeps the one node from the one class has all of its idle time."""
    found = by_hand_relaxations(**changes)
    account, lost = idle.account(found), unserved.account(found)
    assert account.of(cause) == pytest.approx(6_000 * 1.1 / 3600)
    assert account.of(NO_DEMAND) == pytest.approx(2 - 6_000 * 1.1 / 3600)
    main = main_cause(account, lost)
    assert main.cause == cause
    assert main.decided
    assert "6,000" in main.sentence
    assert {row.cause: row.requests for row in lost.entries if row.requests} == {cause: 6_000}
    alone = {row.cause: row for row in unserved.alone(found).entries}[cause]
    assert alone.requests == 6_000
    assert alone.cost.verdict == "gain"


def test_what_no_rule_is_to_blame_for_is_capacity():
    """More than fits is unserved for lack of compute; the time of loading stays what it is."""
    found = by_hand_relaxations(requests={"count": 10_000})
    account, lost = idle.account(found), unserved.account(found)
    assert account.idle_h == pytest.approx(0, abs=1e-3)
    assert main_cause(account, lost).cause == CAPACITY
    rows = {row.cause: row.requests for row in lost.entries if row.requests}
    assert rows == {NOT_LOADED: 29, CAPACITY: 10_000 - 6_545}  # 32 s of loading


def test_a_node_that_nothing_can_use_is_other():
    """Accelerators without a profile serve nobody, whatever rule is lifted."""
    document = by_hand.network()
    odd = {**document["nodes"][0], "name": "odd", "accelerator": "tpu", "hosted": []}
    document["nodes"].append(odd)
    account = idle.account(relaxations(Instance.from_dict(document), seconds=5.0))
    assert account.of(OTHER) == pytest.approx(2)
    assert account.by("node").names[-1] == "odd"


def test_orders_share_what_two_causes_keep_together():
    """Two obstacles at once: the first in the order has nothing, the last all; Shapley halves."""
    found = by_hand_relaxations(
        nodes={"tee": []},
        policies={"requires_tee": ["tdx"]},
        requests={"jurisdictions": ["US"]},
    )
    whole = 6_000 * 1.1 / 3600
    assert idle.account(found).of(PLACE) == pytest.approx(whole)
    shared = idle.account(found, "shapley")
    assert shared.of(TRUST) == pytest.approx(whole / 2)
    assert shared.of(PLACE) == pytest.approx(whole / 2)


def test_a_share_smaller_than_the_gap_is_undecided():
    """Where the plan may be far from the best, nobody knows what lifting a rule is good for."""
    network = generate("small", seed=3)
    plan = solve(network, "random", time_limit=5.0).solution.replace(certificate=None)
    found = Relaxations(Resolver(network, plan, seconds=1.0))
    account = idle.account(found)
    assert plan.unserved
    assert not account.decided[NOT_LOADED]


def test_costs_are_those_of_the_time():
    """An accelerator-hour costs what the accelerator does, and its part of engagement."""
    found = by_hand_relaxations(nodes={"engaged_cost_per_hour": 4})
    account = idle.account(found)
    assert account.fleet_cost.sum() == pytest.approx(2 * (3 + 4 / 2))


def test_tables_have_all_rows():
    """One row a use, one a part; unknown groupings and orders are refused."""
    found = by_hand_relaxations()
    account = idle.account(found)
    assert [row["use"] for row in account.to_dict()] == list(USES)
    assert [row["name"] for row in account.by("region").to_dict()] == ["eu", "us"]
    assert set(account.decided) == set(CAUSES)
    with pytest.raises(InputError, match="grouping 'town'"):
        account.by("town")
    with pytest.raises(InputError, match="order 'random'"):
        idle.account(found, "random")


# --- the named scenarios --------------------------------------------------------------------------


@cache
def shipped(name):
    """A shipped instance and its best known plan."""
    instance = Instance.load(INSTANCES / f"{name}-0.json")
    return instance, Solution.load(INSTANCES / f"{name}-0.solution.json")


@pytest.mark.slow
@pytest.mark.parametrize("name", PLANTED)
def test_the_planted_cause_comes_first(name):
    """In every named scenario, decided, and with most of what is idle or unserved."""
    instance, plan = shipped(name)
    found = Relaxations(Resolver(instance, plan, seconds=4.0))
    account, lost = idle.account(found), unserved.account(found)
    main = main_cause(account, lost)
    assert main.cause == PLANTED[name]
    assert main.decided
    assert_complete(account, instance)
    if main.cause in CAUSES:
        assert account.of(main.cause) > 0.8 * account.idle_h
    if lost.penalty:
        shares = {row.cause: row.penalty / lost.penalty for row in lost.entries}
        assert shares[main.cause] > 0.9
