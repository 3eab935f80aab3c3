"""The program of a group of nodes: it allows and costs what the formulation says."""

from collections import Counter

import numpy as np
import pytest
from reflows import (
    FEASIBLE,
    PRESETS,
    TWISTS,
    as_it_stands,
    broken,
    changed,
    columns,
    compiled,
    constructed,
    demand,
    fleet,
    holds,
    models,
    optimum,
    placed,
    rooms,
    row,
)
from searches import compiled_of, tiny
from tinies import feasible_seeds

from placement.methods.reflow import offering
from placement.methods.reflow.flowmodel import FlowModel
from placement.methods.reflow.offering import Offers, offers_to
from placement.methods.reflow.reflower import reflow
from placement.methods.reflow.slopes import close_by_slopes, priced
from placement.methods.slices.plan import Plan
from placement.simplex import Simplex

MORE = feasible_seeds(range(120))
NONE = np.zeros(0, dtype=np.int64)


@pytest.mark.parametrize("waiting", [True, False])
@pytest.mark.parametrize("twist", TWISTS)
def test_the_plan_satisfies_the_program_of_every_group(twist, waiting, monkeypatch):
    """The flows there are keep all rows and bounds, whoever may use what is left."""
    monkeypatch.setattr(offering, "NODES", 7)
    for preset in ("small", "medium"):
        one = compiled(preset, twist)
        for model in models(Plan(one, constructed(one)), waiting=waiting):
            assert holds(model, model.now)


@pytest.mark.parametrize("seed", FEASIBLE)
def test_the_optimum_satisfies_its_program(seed, monkeypatch):
    """Of tiny instances too, with every feature there is, all nodes together or one by one."""
    for nodes in (1, 300):
        monkeypatch.setattr(offering, "NODES", nodes)
        for waiting in (True, False):
            for model in models(Plan(tiny(seed), optimum(seed)), waiting=waiting):
                assert holds(model, model.now)


def shaken(model, rng):
    """Flows and replicas near those there are; None where something is less than nothing."""
    count = model.now[model.x].copy()
    at = rng.integers(len(count), size=rng.integers(1, 4)) if len(count) else []
    np.add.at(count, at, rng.choice([-1.0, 1.0, 1.0], len(at)))
    z = rng.integers(np.maximum(model.needed, np.minimum(model.z, 1)), model.z + 1)
    values = columns(model, np.maximum(count, 0.0))
    enough = min(model.room(z).min(initial=0.0), model.capacity(z).min(initial=0.0)) >= -1e-9
    return (values, z) if enough and values.min(initial=0.0) >= 0 else None


def test_a_program_allows_what_the_judge_allows():
    """Flows of whole requests keep the rows where, and only where, the judge finds them feasible.

    Some nodes of tiny instances move, with every feature there is, and the others stay.
    """
    seen = Counter()
    for seed in MORE:
        rng, plan = np.random.default_rng(seed), Plan(tiny(seed), optimum(seed))
        for _ in range(8):
            size = rng.integers(1, plan.q.n_nodes + 1)
            nodes = np.sort(rng.choice(plan.q.n_nodes, size, replace=False))
            model = FlowModel(plan, nodes, offers_to(plan, nodes, rng), waiting=True)
            draw = shaken(model, rng)
            if draw is not None:
                values, z = draw
                found = as_it_stands(changed(model, values[model.x], z))
                allowed = not broken(tiny(seed), found, repaired=False)
                assert holds(model, values, rooms(model, z)) == allowed
                seen[allowed, bool(len(model.redone))] += 1
    assert (
        min(seen[key] for key in ((True, True), (True, False), (False, True), (False, False))) > 9
    )


def test_no_group_asks_for_verification_of_what_waits_elsewhere():
    """Where another group may place what waits, this one verifies what it executes, no more."""
    seen = 0
    for seed in FEASIBLE:
        plan = Plan(tiny(seed), optimum(seed))
        nodes = np.arange(plan.q.n_nodes)
        model = FlowModel(plan, nodes, Offers(NONE, NONE, NONE), waiting=False)
        g = model.classes[model.redone]
        executed = plan.flows.kind == 0
        served = np.bincount(plan.flows.g[executed], plan.flows.count[executed], plan.q.n_classes)
        assert model.asked == pytest.approx(plan.compiled.wanted_checks[g] * served[g])
        arcs = np.flatnonzero(model.part_of >= 0)
        assert np.array_equal(model.part_top[model.part_of[arcs]], served[model.arcs.g[arcs]])
        seen += np.count_nonzero(plan.left[model.arcs.g[arcs]])
    assert seen


@pytest.mark.parametrize("preset", PRESETS)
def test_what_flows_cost_is_what_the_plan_costs_more(preset):
    """Requests, replicas, engagement and own copies, counted at their cheapest as plans do."""
    one = compiled(preset)
    plan = Plan(one, constructed(one))
    for model in models(plan):
        flow = close_by_slopes(model, Simplex(model.program))
        before, after = priced(model, model.now), changed(model, flow.values[model.x], flow.z)
        saved = plan.objective - after.objective
        assert before.cost - flow.cost == pytest.approx(saved, rel=1e-6, abs=1e-6)


def test_what_tiny_flows_cost_is_what_the_plan_costs_more():
    """Nothing at all included: everything is turned away and closed that can be."""
    for seed in FEASIBLE:
        plan = Plan(tiny(seed), optimum(seed))
        for model in models(plan):
            values = columns(model, np.zeros(len(model.x)))
            before, after = priced(model, model.now), priced(model, values)
            tidy = changed(model, model.now[model.x], before.z)
            saved = tidy.objective - changed(model, values[model.x], after.z).objective
            assert before.cost - after.cost == pytest.approx(saved, rel=1e-6, abs=1e-6)


# --- replicas ----------------------------------------------------------------------------------


def idle(**fields):
    """A holds the model for two requests that take no time at all; B does nothing."""
    requests = [demand("free", 2, output_tokens=0, **fields.pop("request", {}))]
    data = fleet("A", "B", requests=requests, **fields)
    for node in data["nodes"]:
        node["roles"] = ["hosting", "inference", "verification"]
    return compiled_of(**data)


@pytest.mark.parametrize("frozen", [True, False])
def test_a_replica_stays_for_requests_that_take_no_time(frozen):
    """Of classes that do not move, by pairs or since their limits are rounded."""
    if frozen:
        one, checks = idle(pairs=[{"request": "free", "node": "A"}]), []
    else:
        policy = {"name": "twice", "mode": "reexecution", "sample": 0.5}
        one = idle(request={"policy": "twice"}, policies=[policy])
        checks = [row("B", 1, request="free")]
    start = placed(
        one, hosting={"m": ["B"]}, replicas=[row(node, 1, model="m") for node in "AB"],
        inference=[row("A", 2, request="free")], verification=checks,
    )  # fmt: skip
    plan = Plan(one, start)
    model = FlowModel(plan, np.arange(2), Offers(NONE, NONE, NONE), waiting=True)
    kept = model.replicas_for(np.zeros(len(model.x)))
    assert kept[model.n == 0].tolist() == [1]
    assert 0 in reflow(one, start, seed=0).replica_n


def test_copies_of_offers_fit_the_storage():
    """All of a node's, or none of them has a copy of its own."""
    for storage, able in ((20, [True, True]), (19, [False, False])):
        data = fleet("A", "B", requests=[demand("all", 1)])
        data["models"] += [data["models"][0] | {"name": "other"}]
        data["profiles"] += [data["profiles"][0] | {"model": "other"}]
        data["nodes"][0].update(storage_gb=storage, memory_gb=20, loaded={})
        data["nodes"][1].update(storage_gb=20)
        one = compiled_of(**data)
        start = placed(
            one, hosting={"m": ["B"], "other": ["B"]}, replicas=[row("B", 1, model="m")],
            inference=[row("B", 1, request="all")],
        )  # fmt: skip
        offers = Offers(np.array([0, 1]), np.array([0, 0]), np.array([1, 1]))
        model = FlowModel(Plan(one, start), np.arange(2), offers, waiting=True)
        assert model.own[model.n == 0].tolist() == able
