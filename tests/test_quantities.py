"""The derived quantities of section 2: by hand, and as the oracle reads them, class by class."""

from fractions import Fraction
from math import ceil, floor

import numpy as np
import pytest
import tinies
from hypothesis import given
from hypothesis import strategies as st
from oracle.facts import Facts
from test_oracle_judge import INSTANCE, changed

from placement import Instance
from placement.quantities import Quantities, at_most, whole_down, whole_up

SEEDS = range(120)


def grids(q):
    """Index arrays of all classes and nodes, and of all models and nodes."""
    n = np.arange(q.n_nodes)[None, :]
    return np.arange(q.n_classes)[:, None], np.arange(q.n_models)[:, None], n


def each(seeds):
    """Quantities and facts of tiny instances, with the names in order."""
    for seed in seeds:
        facts = Facts(tinies.document(seed))
        yield Quantities(tinies.instance(seed)), facts, [
            list(table) for table in (facts.requests, facts.models, facts.nodes)
        ]  # fmt: skip


def table(rows, columns, entry):
    """Entries of a function of two names, None as NaN."""
    values = [[entry(row, column) for column in columns] for row in rows]
    return np.array(values, dtype=float).reshape(len(rows), len(columns))


# --- as the oracle reads them -----------------------------------------------------------------


@pytest.mark.parametrize("name", ["work_s", "ttft_ms", "latency_ms"])
def test_amounts_of_classes_on_nodes(name):
    """Work and times of every class on every node, where the oracle knows them."""
    known = 0
    for q, facts, (requests, _, nodes) in each(SEEDS):
        g, _, n = grids(q)
        expected = table(requests, nodes, getattr(facts, name))
        found = np.broadcast_to(getattr(q, name)(g, n), expected.shape)
        there = ~np.isnan(expected)
        assert found[there] == pytest.approx(expected[there], rel=1e-12, abs=1e-12)
        known += there.sum()
    assert known >= 700


def test_work_of_verifications():
    """What is re-executed is executed bare; attestations and proofs take no accelerator."""
    for q, facts, (requests, _, nodes) in each(SEEDS):
        g, _, n = grids(q)
        expected = table(requests, nodes, facts.reexecution_s)
        able = np.broadcast_to(q.can_verify(g, n), expected.shape)
        assert q.reexecution_work_s(g, n)[able] == pytest.approx(expected[able], rel=1e-12)


@pytest.mark.parametrize("name", ["can_run", "can_verify"])
def test_who_can_run_and_who_can_verify(name):
    """Every pair of class and node, and some of either answer."""
    answers = []
    for q, facts, (requests, _, nodes) in each(SEEDS):
        g, _, n = grids(q)
        expected = table(requests, nodes, getattr(facts, name)).astype(bool)
        found = np.broadcast_to(getattr(q, name)(g, n), expected.shape)
        assert (found == expected).all(), facts.name
        answers.append(expected.ravel())
    assert 0.1 < np.concatenate(answers).mean() < 0.9


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("can_hold", "may_hold"), ("fits", "fits"), ("replica_s", "share_s"), ("load_s", "load_s")],
)
def test_models_on_nodes(ours, theirs):
    """What a replica takes, gives, and where it may be."""
    for q, facts, (_, models, nodes) in each(SEEDS):
        _, m, n = grids(q)
        expected = table(models, nodes, getattr(facts, theirs))
        found = np.broadcast_to(getattr(q, ours)(m, n), expected.shape)
        assert found.astype(float) == pytest.approx(expected, rel=1e-12)


def test_nodes():
    """Capacities, and who belongs to which control group with which share."""
    for q, facts, (_, _, nodes) in each(SEEDS):
        assert q.capacity_s == pytest.approx([facts.capacity_s(n) for n in nodes])
        cores = [facts.nodes[n]["verification_cores"] * facts.window_s for n in nodes]
        assert q.cores_s == pytest.approx(cores)
        groups = [facts.group(n) for n in nodes]
        assert [q.group_keys[o] for o in q.node_group] == groups
        assert q.max_share[q.node_group] == pytest.approx([facts.max_share(o) for o in groups])


def test_classes():
    """Policies are spread over the classes that follow them."""
    for q, facts, (requests, _, _) in each(SEEDS):
        assert q.count.tolist() == [facts.requests[g]["count"] for g in requests]
        assert q.verifiers.tolist() == [facts.verifiers(g) for g in requests]
        assert q.sample.tolist() == [facts.policy(g)["sample"] for g in requests]
        kinds = ["group", "node", "none"]
        found = [kinds[kind] for kind in q.independence]
        assert found == [facts.policy(g)["independence"] for g in requests]
        penalties = [facts.requests[g]["penalty"] for g in requests]
        assert q.penalty.tolist() == [np.inf if p is None else p for p in penalties]
        assert q.total_count == q.count.sum()


def test_transfer_prices():
    """Between the regions of any two nodes, and from the origin of any model."""
    for q, facts, (_, models, nodes) in each(SEEDS):
        region = {n: facts.nodes[n]["region"] for n in nodes}
        expected = table(
            nodes, nodes, lambda s, n, r=region, f=facts: f.transfer_cost_per_gb(r[s], r[n])
        )
        assert q.transfer_price[q.node_region[:, None], q.node_region] == pytest.approx(expected)
        expected = table(
            models,
            nodes,
            lambda m, n, r=region, f=facts: f.transfer_cost_per_gb(f.models[m]["origin"], r[n]),
        )
        assert q.transfer_price[q.origin[:, None], q.node_region] == pytest.approx(expected)


def test_pairs():
    """Each row is found, and only what has a row."""
    rows = 0
    for q, facts, (requests, _, nodes) in each(SEEDS):
        g, _, n = grids(q)
        expected = table(requests, nodes, lambda g, n, f=facts: (g, n) in f.pairs).astype(bool)
        assert ((q.pair_row(g, n) >= 0) == expected).all()
        cost = table(
            requests, nodes, lambda g, n, f=facts: f.pairs.get((g, n), {"cost": 0})["cost"]
        )
        assert q.pair_price(g, n) == pytest.approx(cost)
        assert q.paired.tolist() == [g in facts.paired for g in requests]
        rows += expected.sum()
    assert rows >= 100


# --- by hand ----------------------------------------------------------------------------------


@pytest.fixture
def by_hand():
    """Two regions, nodes a, b, c, model m, class g that is re-executed, and a plain job."""
    return Quantities(Instance.from_dict(INSTANCE))


def test_the_sums_of_the_instance_by_hand(by_hand):
    """1 + 10 s bare, 1.2 x 11 + 1 = 14.2 s with the policy; 10 ms away, 1 s to the first token."""
    q = by_hand
    g, a, b, m = 0, 0, 1, 0
    assert q.work_s(g, a) == pytest.approx(14.2)
    assert q.reexecution_work_s(g, b) == pytest.approx(11)
    assert q.work_s(1, b) == 20
    assert q.ttft_ms(g, a) == pytest.approx(1010)
    assert q.ttft_ms(g, b) == pytest.approx(1200)
    assert q.capacity_s == pytest.approx([2 * 100 * 0.9, 100, 0])
    assert q.replica_s(m, np.array([a, b])) == pytest.approx([90, 100])
    assert q.load_s(m, np.array([a, b])) == pytest.approx([5, 10])
    assert q.max_replicas(np.array([m]), np.array([a, b, 2])).tolist() == [2, 1, 0]


def test_a_model_over_several_accelerators():
    """Its first token comes as much earlier, its replica offers and loads as much more."""
    problem, _ = changed(("instance.models.m.accelerators", 2))
    q = Quantities(Instance.from_dict(problem))
    assert q.ttft_ms(0, 0) == pytest.approx(10 + 500)
    assert q.work_s(0, 0) == pytest.approx(14.2)
    assert q.replica_s(0, 0) == pytest.approx(180)
    assert q.load_s(0, 0) == pytest.approx(10)
    assert q.fits(0, np.array([0, 1, 2])).tolist() == [True, False, False]
    assert q.max_replicas(np.array([0]), np.array([0, 1])).tolist() == [1, 0]


def test_more_replicas_than_accelerators_are_of_no_use():
    """A replica that takes no memory is there at most once for each accelerator, or part of one."""
    problem, _ = changed(("instance.models.m.memory_gb", 0), ("instance.nodes.a.accelerators", 2.5))
    q = Quantities(Instance.from_dict(problem))
    assert q.max_replicas(np.array([0]), np.array([0, 1, 2])).tolist() == [3, 1, 0]


def test_a_lone_node_may_have_the_name_of_a_control_group():
    """They are two parties all the same, and their names tell them apart."""
    problem, _ = changed(("instance.nodes.c.name", "alpha"))
    q = Quantities(Instance.from_dict(problem))
    assert q.node_group[0] != q.node_group[2]
    assert q.group_names[q.node_group[2]] == q.group_names[q.node_group[0]] == "alpha"
    assert len(set(q.group_keys)) == q.n_groups


def test_the_smallest_share_of_a_group_holds():
    """Operators under one control, with 0.8 and 0.3."""
    beta = {"name": "beta", "control_group": "alpha", "max_share": 0.3}
    problem, _ = changed(("instance.operators.1", beta))
    q = Quantities(Instance.from_dict(problem))
    assert q.node_group[0] == q.node_group[1]
    assert q.max_share[q.node_group[0]] == 0.3


# --- kinds ------------------------------------------------------------------------------------


def test_nodes_of_a_kind_can_do_the_same():
    """Whatever is asked of a node is the same for its kind, paired classes aside."""
    shared = 0
    for q, _, _ in each(SEEDS):
        g, m, _ = grids(q)
        plain = g[~q.paired]
        here, there = np.arange(q.n_nodes), q.kind_node[q.node_kind]
        assert (q.node_kind[there] == q.node_kind).all()
        for ask in (q.can_run, q.can_verify, q.work_s, q.ttft_ms, q.latency_ms):
            assert np.array_equal(ask(plain, here[None, :]), ask(plain, there[None, :]))
        assert np.array_equal(q.fits(m, here[None, :]), q.fits(m, there[None, :]))
        shared += q.n_nodes - len(q.kind_node)
    assert shared >= 3


def test_classes_of_a_kind_differ_in_name_and_count_only():
    """Twins in all but count are of one kind, whatever else differs makes two."""
    twin = {**INSTANCE["requests"][0], "name": "twin", "count": 9}
    others = [
        {**twin, "name": f"other {field}", field: value}
        for field, value in (
            ("region", "us"), ("policy", None), ("input_tokens", 7), ("output_tokens", 7),
            ("max_ttft_ms", 2000), ("jurisdictions", ["EU"]), ("penalty", 1),
            ("latency_cost_per_s", 0),
        )
    ]  # fmt: skip
    problem = {**INSTANCE, "requests": [*INSTANCE["requests"], twin, *others]}
    q = Quantities(Instance.from_dict(problem))
    assert q.class_kind[0] == q.class_kind[2]
    assert len(set(q.class_kind.tolist())) == len(q.kind_class) == 2 + len(others)
    assert (q.class_kind[q.kind_class] == np.arange(len(q.kind_class))).all()


def test_paired_classes_are_a_kind_each():
    """Their rows differ, if nothing else does."""
    twin = {**INSTANCE["requests"][1], "name": "twin"}
    pairs = [*INSTANCE["pairs"], {"request": "twin", "node": "b", "work_s": 1}]
    problem = {**INSTANCE, "requests": [*INSTANCE["requests"], twin], "pairs": pairs}
    q = Quantities(Instance.from_dict(problem))
    assert q.class_kind[1] != q.class_kind[2]


# --- rounding ---------------------------------------------------------------------------------


@given(st.integers(1, 10**5), st.integers(1, 1000), st.integers(1, 1000))
def test_rounding_is_not_disturbed_by_noise(count, one, other):
    """A share of a count in floating point rounds as the fraction does."""
    numerator, denominator = sorted((one, other))
    exact = Fraction(numerator, denominator) * count
    computed = numerator / denominator * count
    assert whole_up(computed) == ceil(exact)
    assert whole_down(computed) == floor(exact)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [(1, 1, True), (1.0000000001, 1, True), (1.00001, 1, False), (0, 0, True), (1e-5, 0, False),
     (3e9 + 1, 3e9, True), (5, np.inf, True)],
)  # fmt: skip
def test_equal_amounts_are_at_most_each_other(left, right, expected):
    """Up to rounding, never beyond."""
    assert at_most(left, right) == expected
