"""Routing over given replicas: exact where it is a pure flow, feasible and bounded always."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from routings import pure_instance, random_replicas, routing_optimum
from searches import compiled_of, judged, tiny

from placement.compiled import Compiled
from placement.instance import Instance
from placement.methods import proofs, relaxed
from placement.methods.hosting import plan_hosting
from placement.methods.lanes import make_lanes, spread
from placement.methods.ledger import Ledger
from placement.methods.requestflow import request_flow, work_flow
from placement.methods.rounding import whole_flow
from placement.methods.routing import Router, route


def pure(seed, **options):
    """A pure instance, compiled."""
    return Compiled(Instance.from_dict(pure_instance(seed, **options)))


def close(left, right):
    """Whether two costs are the same, both infinite included."""
    return left == right or abs(left - right) <= 1e-6 * max(1.0, abs(right))


def assert_sound(routed, best, seed=None):
    """Bounded by the optimum on both sides, and equal to it where that is claimed."""
    assert routed.lower_bound == best or routed.lower_bound <= best + 1e-6 * max(1, best), seed
    assert close(routed.staying_cost, best) or routed.staying_cost > best, seed
    assert close(routed.staying_cost, best) or not routed.exact, seed


# --- the pure flow ---------------------------------------------------------------------------


def test_flow_is_linear_program_is_integer_program():
    """Where all work in a place is alike, all three find the same cost."""
    for seed in range(100):
        compiled = pure(seed)
        loaded = compiled.quantities.loaded
        routed = Router(compiled, loaded).by_flow()
        best = routing_optimum(compiled, loaded)
        assert routed.exact, seed
        assert close(routed.staying_cost, best), seed
        assert close(routing_optimum(compiled, loaded, whole=False), best), seed


def test_program_of_a_pure_flow_agrees():
    """The linear program with its rounding finds no better routing than the exact flow."""
    for seed in range(60):
        compiled = pure(seed)
        router = Router(compiled, compiled.quantities.loaded)
        flow, program = router.by_flow(), router.by_program()
        assert program.lower_bound <= flow.staying_cost + 1e-6
        assert program.staying_cost >= flow.staying_cost - 1e-6


def test_pure_flow_with_proofs_against_an_integer_program():
    """Requests first and proofs afterwards: mostly exact, never claimed where it is not."""
    exact = 0
    for seed in range(100):
        compiled = pure(seed, verified=True)
        loaded = compiled.quantities.loaded
        routed = route(compiled, loaded)
        assert_sound(routed, routing_optimum(compiled, loaded), seed)
        exact += routed.exact
    assert exact > 60


@pytest.mark.parametrize("start", range(0, 120, 30))
def test_any_instance_against_an_integer_program(start):
    """Every feature in play: costs no less than the optimum, bounds no more, and feasible."""
    for seed in range(start, start + 30):
        compiled, rng = tiny(seed), np.random.default_rng(seed)
        replicas = random_replicas(compiled, rng)
        best = routing_optimum(compiled, replicas)
        router = Router(compiled, replicas)
        for routed in (router.by_flow(), router.by_program(), route(compiled, replicas)):
            if routed is not None:
                assert_sound(routed, best, seed)
                assert_feasible(compiled, replicas, routed)


def assert_feasible(compiled, replicas, routed):
    """The judge finds nothing wrong, limits on what may be moved aside."""
    ledger = Ledger(compiled)
    ledger.new_left = ledger.transfer_left = np.inf
    if not np.isfinite(routed.cost) or not plan_hosting(ledger):
        return
    if (ledger.hosting.any(axis=1) | ~replicas.any(axis=1)).all():
        placement = routed.placement(compiled, ledger.hosting, replicas)
        broken = {v.constraint for v in judged(compiled, placement).violations}
        assert broken <= {13}


def test_cost_is_what_the_judge_says():
    """`cost` is the objective but for storage, transfers and loading."""
    for seed in range(60):
        compiled = tiny(seed)
        loaded = np.minimum(compiled.quantities.loaded, compiled.max_replicas)
        ledger, routed = Ledger(compiled), route(compiled, loaded)
        if np.isfinite(routed.cost) and plan_hosting(ledger):
            placement = routed.placement(compiled, ledger.hosting, loaded)
            terms = judged(compiled, placement).terms
            settled = terms["storage"] + terms["transfer"]
            assert routed.cost == pytest.approx(sum(terms.values()) - settled)


# --- like classes ----------------------------------------------------------------------------


def one_by_one(instance):
    """The instance with a class of its own for every request."""
    rows = [
        request | {"name": f"{request['name']}-{i}", "count": 1}
        for request in instance["requests"]
        for i in range(request["count"])
    ]
    return instance | {"requests": rows}


def test_classes_of_one_cost_the_same():
    """Like classes are merged before and split after; the cost is that of whole classes."""
    for seed in range(40):
        for verified in (False, True):
            instance = pure_instance(seed, verified=verified)
            merged, split = (
                Compiled(Instance.from_dict(i)) for i in (instance, one_by_one(instance))
            )
            router = Router(merged, merged.quantities.loaded)
            apart = Router(split, split.quantities.loaded)
            assert len(apart.lanes) == len(router.lanes)
            assert apart.least_cost == pytest.approx(router.least_cost)
            if not verified:
                costs = router.by_flow().cost, apart.by_flow().cost
                assert close(*costs), seed


@given(st.data())
@settings(max_examples=50, deadline=None)
def test_spread_deals_out_all(data):
    """Each kind's rows go to its classes, none gets more than it has, nothing is lost."""
    sizes = data.draw(st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=4), min_size=1))
    requests = [
        {"name": f"{k}-{i}", "model": "m", "input_tokens": float(k + 1), "count": c, "penalty": 1.0}
        for k, counts in enumerate(sizes)
        for i, c in enumerate(counts)
    ]
    compiled = compiled_of(
        nodes=[{"name": "a"}],
        models=[{"name": "m", "weights_gb": 1.0, "memory_gb": 1.0}],
        requests=data.draw(st.permutations(requests)),
    )
    q = compiled.quantities
    demand = np.bincount(q.class_kind, q.count).astype(int)
    rows = [
        (kind, n, count)
        for kind, most in enumerate(demand.tolist())
        for n, count in enumerate(data.draw(st.lists(st.integers(0, most // 3), max_size=3)))
    ]
    kind, n, count = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    cls, at, dealt = spread(compiled, kind, n, count)
    assert (dealt > 0).all()
    assert (np.bincount(cls, dealt, q.n_classes) <= q.count).all()
    before = np.zeros((len(demand), 3))
    after = before.copy()
    np.add.at(before, (kind, n), count)
    np.add.at(after, (q.class_kind[cls], at), dealt)
    assert (before == after).all()


# --- must be served, cannot be verified, no time ---------------------------------------------


def test_what_must_be_served_and_cannot_be():
    """Two requests must be served where one fits: proven, and the cost is infinite."""
    compiled = compiled_of(
        nodes=[{"name": "a", "roles": ["inference"], "accelerators": 1.0}],
        requests=[{"name": "job", "count": 2}],
        pairs=[{"request": "job", "node": "a", "work_s": 60.0}],
    )
    routed = route(compiled, compiled.quantities.loaded)
    assert routed.cost == routed.lower_bound == np.inf
    assert routed.exact
    assert routed.unserved.tolist() == [1]


def test_no_time_no_routing():
    """After the deadline there is none."""
    compiled = pure(0)
    assert route(compiled, compiled.quantities.loaded, time.monotonic() - 1) is None


def verified_by(parts, **policy):
    """Three control groups with a node each, of which the first `parts` may verify."""
    roles = ["inference", "verification"]
    return compiled_of(
        nodes=[
            {
                "name": f"n{i}",
                "roles": roles if i < parts else roles[:1],
                "accelerators": 1.0,
                "accelerator_cost_per_hour": 1.0 + i,
                "verification_cores": 9.0,
            }
            for i in range(3)
        ],
        policies=[{"name": "p", "mode": "proof", "verification_core_s": 1.0, **policy}],
        requests=[{"name": "job", "policy": "p", "count": 2, "penalty": 9.0}],
        pairs=[{"request": "job", "node": f"n{i}", "work_s": 10.0} for i in range(3)],
    )


@pytest.mark.parametrize(
    ("parts", "policy", "executors"),
    [
        (3, {}, {0}),
        (1, {}, {1}),
        (0, {}, set()),
        (2, {"verifiers": 2}, {2}),
        (1, {"verifiers": 2}, set()),
        (1, {"independence": "none"}, {0}),
        (1, {"independence": "none", "verifiers": 2}, set()),
        (1, {"independence": "node", "sample": 0.5}, {1}),
    ],
)
def test_executors_leave_verifiers(parts, policy, executors):
    """The cheapest node executes that leaves as many parts to verify as the policy asks for."""
    compiled = verified_by(parts, **policy)
    routed = route(compiled, compiled.quantities.loaded)
    assert set(routed.runs[1].tolist()) == executors
    assert routed.exact


# --- proofs ----------------------------------------------------------------------------------


def test_few_verifiers_are_enough(monkeypatch):
    """Verification by the few cheapest nodes costs no more than by all."""
    for seed in range(60):
        compiled = pure(seed, verified=True)
        router = Router(compiled, compiled.quantities.loaded)
        monkeypatch.setattr(proofs, "_FEW", 1)
        few = router.by_flow()
        monkeypatch.setattr(proofs, "_FEW", 10**6)
        assert close(few.cost, router.by_flow().cost), seed
        monkeypatch.undo()


def test_too_many_pairs_are_verified_by_hand(monkeypatch):
    """Where a flow of proofs is not worth it, the constructive way still verifies everything."""
    monkeypatch.setattr(proofs, "MAX_ARCS", 0)
    for seed in range(30):
        compiled = pure(seed, verified=True)
        loaded = compiled.quantities.loaded
        routed = route(compiled, loaded)
        assert_sound(routed, routing_optimum(compiled, loaded), seed)
        assert_feasible(compiled, loaded, routed)


# --- rounding --------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(0, 60, 3))
def test_whole_flow_keeps_the_rules(seed):
    """From any target: whole, within shares, capacities, group caps and demand."""
    rng = np.random.default_rng(seed)
    compiled = tiny(seed)
    lanes = make_lanes(compiled, random_replicas(compiled, rng))
    even = lanes.count[lanes.kind] / np.maximum(np.bincount(lanes.kind)[lanes.kind], 1)
    flow = whole_flow(lanes, even * rng.random(len(lanes)))
    assert (flow >= 0).all()
    assert (lanes.unserved(flow) >= 0).all()
    assert lanes.keeps(flow)
    executed = np.bincount(lanes.group, flow, len(lanes.group_most))
    assert (executed <= lanes.group_most).all()


def test_rounding_a_whole_flow_changes_nothing():
    """A flow that keeps the rules and that nothing can be added to comes back as it is."""
    for seed in range(40):
        compiled = pure(seed)
        lanes = make_lanes(compiled, compiled.quantities.loaded)
        flow = request_flow(lanes)
        assert lanes.least_cost(whole_flow(lanes, flow)) == pytest.approx(lanes.least_cost(flow))


def test_flow_of_work_is_the_linear_program_where_work_is_separable():
    """Twice as fast a node and half as long a request: the flow of work finds the LP's optimum."""
    compiled = compiled_of(
        nodes=[
            {
                "name": f"n{i}",
                "roles": ["inference"],
                "accelerators": 1.0,
                "accelerator_cost_per_hour": price,
            }
            for i, price in enumerate([300.0, 60.0, 90.0])
        ],
        requests=[{"name": f"g{i}", "count": 9, "penalty": 0.5 * (i + 1)} for i in range(3)],
        pairs=[
            {"request": f"g{i}", "node": f"n{j}", "work_s": work / pace}
            for i, work in enumerate([8.0, 11.0, 17.0])
            for j, pace in enumerate([4.0, 1.0, 2.0])
        ],
    )
    lanes = make_lanes(compiled, compiled.quantities.loaded)
    flow, reserve = work_flow(lanes)
    away = lanes.count - np.bincount(lanes.kind, flow)
    least = relaxed.solve_relaxed(lanes).lower_bound
    assert not lanes.keeps(request_flow(lanes))
    assert lanes.cost @ flow + lanes.penalty @ away == pytest.approx(least, rel=1e-4)
    assert not reserve.node_s.any()


def test_what_must_be_served_pushes_out_the_rest():
    """A full node takes back what may be turned away."""
    compiled = compiled_of(
        nodes=[{"name": "a", "roles": ["inference"], "accelerators": 1.0}],
        requests=[
            {"name": "may", "count": 3, "penalty": 5.0},
            {"name": "must", "count": 1},
        ],
        pairs=[
            {"request": "may", "node": "a", "work_s": 30.0},
            {"request": "must", "node": "a", "work_s": 50.0},
        ],
    )
    lanes = make_lanes(compiled, compiled.quantities.loaded)
    flow = whole_flow(lanes, np.where(lanes.must[lanes.kind], 0.0, 3.0))
    assert dict(zip(lanes.must[lanes.kind].tolist(), flow.tolist(), strict=True)) == {
        False: 1,
        True: 1,
    }


def test_ample_and_scarce_cores_agree(monkeypatch):
    """With verifications by cores as columns of the program or priced in, bounds hold."""
    for seed in range(30):
        compiled = pure(seed, verified=True)
        loaded = compiled.quantities.loaded
        best = routing_optimum(compiled, loaded)
        for ample in (0.0, 1e9):
            monkeypatch.setattr(relaxed, "_AMPLE", ample)
            routed = Router(compiled, loaded).by_program()
            assert_sound(routed, best, seed)
