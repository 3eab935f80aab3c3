"""Reflow: programs that say what the formulation says, whole requests and placements that hold."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from reflows import (
    FEASIBLE,
    PRESETS,
    TWISTS,
    as_it_stands,
    broken,
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
    same,
)
from searches import compiled_of, judged, tiny

from placement.methods.recreate.improver import Recreation
from placement.methods.reflow import offering
from placement.methods.reflow.diving import dive
from placement.methods.reflow.offering import groups_of, offers_to
from placement.methods.reflow.reflower import _Group, reflow
from placement.methods.reflow.slopes import close_by_slopes, priced, set_room
from placement.methods.slices.plan import Plan
from placement.search import Search
from placement.simplex import Simplex

some = settings(max_examples=60, deadline=None, derandomize=True)
seeds = st.integers(0, 199)


@pytest.fixture
def small_groups(monkeypatch):
    """Programs of few nodes, so that there are many."""
    monkeypatch.setattr(offering, "NODES", 7)


# --- slopes and dives --------------------------------------------------------------------------


@pytest.mark.parametrize("preset", PRESETS)
def test_slopes_find_flows_that_hold_and_are_no_dearer(preset, small_groups):
    """With the replicas they say, and for less where anything can close at all."""
    one, saved = compiled(preset), 0.0
    for model in models(Plan(one, constructed(one))):
        flow = close_by_slopes(model, Simplex(model.program))
        before = priced(model, model.now)
        assert flow.cost <= before.cost
        assert np.all(flow.z <= model.z)
        assert holds(model, flow.values, rooms(model, flow.z))
        saved += before.cost - flow.cost
    assert saved > 0


def test_slopes_gain_nothing_whole_on_an_optimum():
    """Where the least cost is reached, what is cheaper is in parts of requests.

    Where attestations and proofs are wanted it may also be what nobody can verify.
    """
    compared = 0
    for seed in FEASIBLE:
        one = tiny(seed)
        for model in models(Plan(one, optimum(seed))):
            light = (one.verified & ~model.plan.redone)[model.classes].any()
            flow = close_by_slopes(model, Simplex(model.program))
            least = priced(model, model.now).cost
            if not light and np.allclose(flow.values, np.rint(flow.values)):
                assert flow.cost == pytest.approx(least, rel=1e-6, abs=1e-6)
                compared += flow.values.any()
    assert compared > 9


@pytest.mark.parametrize("preset", PRESETS)
def test_a_dive_gives_whole_requests_that_fit(preset, small_groups):
    """Near the flow it begins with, in its replicas, verified apart; few are turned away."""
    one, served = compiled(preset), Counter()
    for model in models(Plan(one, constructed(one))):
        simplex = Simplex(model.program)
        flow = close_by_slopes(model, simplex)
        count = dive(model, simplex, flow)
        assert np.array_equal(count, np.rint(count))
        assert count.min(initial=0.0) >= 0
        assert holds(model, columns(model, count), rooms(model, flow.z))
        assert np.all(model.replicas_for(count) <= flow.z)
        runs = model.arcs.kind == 0
        served.update(flow=flow.values[model.x][runs].sum(), dive=count[runs].sum())
    assert served["dive"] > 0.97 * served["flow"]


def test_a_dive_keeps_what_is_whole():
    """Flows of whole requests come out as they went in."""
    one = compiled("medium")
    for model in models(Plan(one, constructed(one))):
        simplex, now = Simplex(model.program), priced(model, model.now)
        simplex.bound(model.x, model.now[model.x], model.now[model.x])
        assert np.array_equal(dive(model, simplex, now), model.now[model.x])


def test_the_room_of_closed_replicas_is_taken_back():
    """Nothing flows where there is none, and the time of loading is free again."""
    one = compiled("medium")
    model = next(iter(models(Plan(one, constructed(one)))))
    simplex, none = Simplex(model.program), np.zeros_like(model.z)
    set_room(simplex, model, none, none)
    simplex.solve()
    assert simplex.values[model.x] == pytest.approx(0.0, abs=1e-6)
    assert model.capacity(none).sum() > model.capacity(model.z).sum()


# --- offers ------------------------------------------------------------------------------------


def offered(plan, rng):
    """Replicas that are offered on all nodes, after a look at each."""
    q, number = plan.q, 0
    limits = q.instance.limits
    for nodes in groups_of(plan, rng):
        offers = offers_to(plan, nodes, rng)
        at = offers.m, offers.n
        assert len(np.unique(offers.m * q.n_nodes + offers.n)) == len(offers.m)
        assert np.isin(offers.n, nodes).all()
        assert not plan.replicas[at].any()
        assert np.all((offers.z > 0) & (offers.z <= plan.compiled.max_replicas[at]))
        assert np.all(q.infers[offers.n])
        taken = np.bincount(offers.n, q.replica_gb[offers.m] * offers.z, q.n_nodes)
        assert np.all(taken <= plan.free_gb + 1e-9)
        if limits.max_new_replicas is not None or limits.max_transfer_gb is not None:
            assert np.all(offers.z <= q.loaded[at])
        number += len(offers.m)
    return number


@pytest.mark.parametrize("twist", TWISTS)
def test_offers_fit_beside_what_there_is(twist, small_groups):
    """Models that a node does not hold and can hold, in memory that is free, within the limits."""
    one = compiled("medium", twist)
    assert offered(Plan(one, constructed(one)), np.random.default_rng(0))


def test_tiny_offers_fit_beside_what_there_is():
    """Whatever roles the nodes have, with limits and without."""
    plans = [Plan(tiny(seed), optimum(seed)) for seed in FEASIBLE]
    assert sum(offered(plan, np.random.default_rng(0)) for plan in plans) > 9


def test_what_cannot_be_read_is_not_offered():
    """A model that nobody is to store stays where it is loaded."""
    data = fleet("A", "B", requests=[demand("all", 2)])
    data["models"][0]["min_hosts"] = 0
    data["nodes"][1].update(loaded={}, hosted=["m"])
    one = compiled_of(**data)
    decisions = {"replicas": [row("A", 1, model="m")], "inference": [row("A", 2, request="all")]}
    for hosting, number in (({}, 0), ({"m": ["A"]}, 1)):
        plan = Plan(one, placed(one, hosting=hosting, **decisions))
        for seed in range(10):
            assert offered(plan, np.random.default_rng(seed)) == number


@pytest.mark.parametrize("preset", ["small", "medium", "large"])
def test_every_node_is_in_one_group(preset, small_groups):
    """Groups are of nearly one size, and others every time."""
    one = compiled(preset)
    plan = Plan(one, constructed(one))
    found = [groups_of(plan, np.random.default_rng(seed)) for seed in range(2)]
    for groups in found:
        assert np.array_equal(np.sort(np.concatenate(groups)), np.arange(one.quantities.n_nodes))
        assert np.ptp([len(nodes) for nodes in groups]) <= 1
        assert len(groups) == max(1, round(one.quantities.n_nodes / 7))
    if len(found[0]) > 2:
        assert not all(map(np.array_equal, *found))


# --- reflow ------------------------------------------------------------------------------------


@pytest.mark.parametrize("nodes", [7, 300])
@pytest.mark.parametrize("twist", TWISTS)
@pytest.mark.parametrize("preset", ["small", "medium", "dominant-operator"])
def test_presets_reflow_feasibly(preset, twist, nodes, monkeypatch):
    """Only requests that must be served may be left; everything else holds."""
    monkeypatch.setattr(offering, "NODES", nodes)
    one = compiled(preset, twist)
    assert not broken(one, reflow(one, constructed(one), seed=1))


@pytest.mark.parametrize("nodes", [7, 300])
@pytest.mark.parametrize("twist", TWISTS)
def test_nothing_has_to_be_repaired(twist, nodes, monkeypatch):
    """What programs decide holds before verification is gone over again."""
    monkeypatch.setattr(offering, "NODES", nodes)
    monkeypatch.setattr(Plan, "placement", as_it_stands)
    for preset in ("medium", "verifier-scarce"):
        one = compiled(preset, twist)
        assert not broken(one, reflow(one, constructed(one), seed=2), repaired=False)


@pytest.mark.parametrize("seed", FEASIBLE)
def test_tiny_instances_reflow_feasibly(seed, monkeypatch):
    """From the best there is, and with every feature, all nodes together or one by one."""
    for nodes in (1, 300):
        monkeypatch.setattr(offering, "NODES", nodes)
        assert not broken(tiny(seed), reflow(tiny(seed), optimum(seed), seed=seed))


@some
@given(seeds, st.integers(1, 4))
def test_tiny_instances_from_any_placement(seed, nodes):
    """Whatever a construction leaves reflows into what holds."""
    recreation = Recreation(tiny(seed), None, seed=seed)
    recreation.construct()
    start = recreation.best
    assume(start is not None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(offering, "NODES", nodes)
        assert not broken(tiny(seed), reflow(tiny(seed), start, seed=seed))


def test_the_same_seed_gives_the_same_placement(small_groups):
    """Bytes, not only cost; another seed gives another."""
    one = compiled("medium")
    first, second, other = (reflow(one, constructed(one), seed=s) for s in (3, 3, 4))
    assert same(first, second)
    assert not same(first, other)


def test_threads_do_not_matter(small_groups):
    """Two groups side by side give what one after the other gives."""
    one = compiled("medium")
    most = []

    def side_by_side(tasks):
        most.append(len(tasks))
        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(task) for task in reversed(tasks)]:
                done.result()

    beside = reflow(one, constructed(one), seed=5, side_by_side=side_by_side)
    assert same(beside, reflow(one, constructed(one), seed=5))
    assert max(most) == 2


def test_it_is_too_late_for_changes(small_groups):
    """After the latest time requests and replicas stay where they are."""
    one = compiled("medium")
    start, late = constructed(one), Search.clock() - 1.0
    found = reflow(one, start, seed=0, latest=late)
    for name in ("run_g", "run_n", "run_count", "replica_n", "replica_count", "unserved"):
        assert np.array_equal(np.sort(getattr(found, name)), np.sort(getattr(start, name)))
    plan, rng = Plan(one, start), np.random.default_rng(0)
    group = _Group(plan, groups_of(plan, rng)[0], rng, late, waiting=True)
    group.solve()
    assert group.change is None


def test_plans_get_cheaper():
    """What a construction leaves dear is put right, for all groups together."""
    one = compiled("medium")
    start = constructed(one)
    found = reflow(one, start, seed=0)
    assert judged(one, found).objective < 0.97 * judged(one, start).objective


# --- by hand -----------------------------------------------------------------------------------


def chain():
    """A has one request, B is full, and C has room for one that B has and A may not send there."""
    one = compiled_of(**fleet("A", "B", "C", requests=[
        demand("left", 6, jurisdictions=["A", "B"]), demand("right", 14, jurisdictions=["B", "C"]),
    ]))  # fmt: skip
    rows = [
        row("A", 1, request="left"), row("B", 5, request="left"), row("B", 5, request="right"),
        row("C", 9, request="right"),
    ]  # fmt: skip
    replicas = [row(node, 1, model="m") for node in "ABC"]
    return one, placed(one, hosting={"m": ["C"]}, replicas=replicas, inference=rows)


def test_a_replica_that_hardly_pays_closes_in_a_chain():
    """A gives its request to B, which is full and gives one to C; A is not engaged any more."""
    one, start = chain()
    found = reflow(one, start, seed=0)
    assert sorted(found.replica_n.tolist()) == [1, 2]
    assert found.unserved.sum() == 0
    assert not judged(one, found).violations
    assert judged(one, start).objective - judged(one, found).objective == pytest.approx(1.0)


def test_engagement_that_is_due_anyway_closes_nothing():
    """A node with a plain job is paid for, however dear: what the other does moves there."""
    data = fleet("A", "B", requests=[
        demand("job", 1, model=None, output_tokens=0), demand("all", 3),
    ], pairs=[{"request": "job", "node": "A", "work_s": 1}])  # fmt: skip
    data["nodes"][0]["engaged_cost_per_hour"] = 360
    one = compiled_of(**data)
    rows = [
        row("A", 1, request="job"), row("A", 1, request="all"), row("B", 2, request="all")
    ]  # fmt: skip
    replicas = [row(node, 1, model="m") for node in "AB"]
    start = placed(one, hosting={"m": ["A"]}, replicas=replicas, inference=rows)
    assert reflow(one, start, seed=0).replica_n.tolist() == [0]


def test_a_copy_that_saves_gb_is_kept():
    """Reading from elsewhere would be cheaper, and more than the limit on GB moved."""
    data = fleet("A", "B", requests=[demand("all", 2)], limits={"max_transfer_gb": 0})
    data["network"] = {"transfer_cost_per_gb": 0.001}
    for node in data["nodes"]:
        node.update(hosted=["m"], loaded={}, storage_cost_per_gb_hour=int(node["name"] == "A"))
    data["nodes"][1]["roles"] = ["hosting"]
    one = compiled_of(**data)
    start = placed(
        one, hosting={"m": ["A", "B"]}, replicas=[row("A", 1, model="m")],
        loads=[row("A", 1, model="m", source="A")], inference=[row("A", 2, request="all")],
    )  # fmt: skip
    found = reflow(one, start, seed=0)
    assert not judged(one, found).violations
    assert found.load_s.tolist() == [0]
