"""Hosting: every model is stored, where it can be, and as cheaply as loads allow."""

from itertools import combinations, product

import numpy as np
import pytest
from searches import compiled_of, judged, search_of, tiny

from placement.assembly import assemble
from placement.methods.hosting import improve_hosting, improved, plan_hosting
from placement.methods.ledger import Ledger
from placement.methods.nearest import nearest


def all_hostings(compiled):
    """Every hosting with the fewest hosts that min_hosts allows, feasible or not."""
    q = compiled.quantities
    options = []
    for m in range(q.n_models):
        hosts = np.flatnonzero(compiled.can_host[m])
        choices = combinations(hosts.tolist(), int(q.min_hosts[m]))
        groups = q.node_group
        options.append([c for c in choices if len({groups[n] for n in c}) == len(c)])
    for choice in product(*options):
        hosting = np.zeros((q.n_models, q.n_nodes), dtype=bool)
        for m, hosts in enumerate(choice):
            hosting[m, list(hosts)] = True
        yield hosting


def is_allowed(compiled, hosting):
    """Whether storage and the limit on transfers allow a hosting."""
    q, limit = compiled.quantities, compiled.instance.limits.max_transfer_gb
    stored = q.weights_gb @ hosting
    moved = (q.weights_gb[:, None] * (hosting & ~q.hosted)).sum()
    return bool(np.all(stored <= q.storage_gb + 1e-9)) and (limit is None or moved <= limit + 1e-9)


def cost(compiled, hosting):
    """What a hosting costs, loads aside [$]."""
    return float((compiled.host_cost * hosting).sum())


def nothing_served(compiled, hosting):
    """The placement that only stores weights."""
    q, none = compiled.quantities, (np.zeros(0, dtype=np.int64),) * 3
    replicas = np.zeros_like(q.loaded)
    return assemble(compiled, hosting, replicas, runs=none, checks=none, unserved=q.count)


@pytest.mark.parametrize("start", range(0, 200, 20))
def test_a_hosting_is_found_where_there_is_one(start):
    """`plan_hosting` succeeds exactly where trying everything does, with an allowed hosting."""
    for seed in range(start, start + 20):
        compiled = tiny(seed)
        ledger = Ledger(compiled)
        exists = any(is_allowed(compiled, hosting) for hosting in all_hostings(compiled))
        assert plan_hosting(ledger) == exists, seed
        violations = judged(compiled, nothing_served(compiled, ledger.hosting)).violations
        assert not exists or {v.constraint for v in violations} <= {1}, seed


def test_hosting_is_cheapest_where_storage_is_plenty():
    """Without a shortage each model takes its cheapest groups, which nothing can beat."""
    for seed in range(60):
        compiled = tiny(seed)
        roomy = compiled.instance.replace(
            limits={},
            nodes=[
                {**node.model_dump(), "storage_gb": 1e3} if "hosting" in node.roles else node
                for node in compiled.instance.nodes
            ],
        )
        roomy = type(compiled)(roomy)
        asked = np.isin(np.arange(roomy.quantities.n_models), roomy.quantities.class_model)
        needed = roomy.quantities.min_hosts > 0
        ledger = Ledger(roomy)
        if plan_hosting(ledger) and np.all(needed | ~asked):
            best = min(cost(roomy, hosting) for hosting in all_hostings(roomy))
            assert cost(roomy, ledger.hosting) == pytest.approx(best), seed


def test_exact_packing_where_greedy_packing_fails():
    """Weights 3, 3, 2, 2, 2 fill two stores of 6 only as 3 + 3 and 2 + 2 + 2."""
    weights = [3, 3, 2, 2, 2]
    compiled = compiled_of(
        nodes=[{"name": f"n{i}", "roles": ["hosting"], "storage_gb": 6} for i in range(2)],
        models=[{"name": f"m{i}", "weights_gb": w, "memory_gb": 1} for i, w in enumerate(weights)],
        requests=[],
    )
    ledger = Ledger(compiled)
    assert plan_hosting(ledger)
    assert sorted(compiled.quantities.weights_gb @ ledger.hosting) == [6, 6]


def test_impossible_hosting_leaves_the_ledger_alone():
    """Where two groups are wanted and one can store, nothing is entered."""
    compiled = compiled_of(
        nodes=[{"name": "n", "roles": ["hosting"], "storage_gb": 6}],
        models=[{"name": "m", "weights_gb": 1, "memory_gb": 1, "min_hosts": 2}],
        requests=[],
    )
    ledger = Ledger(compiled)
    assert not plan_hosting(ledger)
    assert not ledger.hosting.any()


def test_copies_move_no_more_than_allowed():
    """A store that has the model already wins over a cheaper one when nothing may be moved."""
    node = {"roles": ["hosting"], "storage_gb": 9}
    compiled = compiled_of(
        nodes=[
            {"name": "cheap", **node},
            {"name": "dear", **node, "storage_cost_per_gb_hour": 9, "hosted": ["m"]},
        ],
        models=[{"name": "m", "weights_gb": 1, "memory_gb": 1}],
        requests=[],
        limits={"max_transfer_gb": 0},
    )
    ledger = Ledger(compiled)
    assert plan_hosting(ledger)
    assert ledger.hosting.tolist() == [[False, True]]


def dearer(compiled, placement, rng):
    """The placement with more hosts, as many as storage and limits allow."""
    q = compiled.quantities
    hosting = np.zeros((q.n_models, q.n_nodes), dtype=bool)
    hosting[placement.host_m, placement.host_n] = True
    for m, n in rng.permutation(np.argwhere(compiled.can_host & ~hosting)).tolist():
        hosting[m, n] = True
        if not is_allowed(compiled, hosting):
            hosting[m, n] = False
    replicas = np.zeros_like(q.loaded)
    replicas[placement.replica_m, placement.replica_n] = placement.replica_count
    return assemble(
        compiled, hosting, replicas,
        runs=(placement.run_g, placement.run_n, placement.run_count),
        checks=(placement.verify_g, placement.verify_n, placement.verify_count),
        unserved=placement.unserved,
    )  # fmt: skip


@pytest.mark.parametrize("start", range(0, 150, 30))
def test_improving_never_costs_more(start):
    """Whatever feasible hosting it is given, the improved one is feasible and at most as dear."""
    tried = 0
    for seed in range(start, start + 30):
        compiled = tiny(seed)
        search = search_of(compiled)
        nearest(search)
        if search.best is None:
            continue
        for before in (search.best, dearer(compiled, search.best, np.random.default_rng(seed))):
            was, now = judged(compiled, before), judged(compiled, improved(compiled, before))
            if was.feasible:
                tried += 1
                assert now.feasible, seed
                assert now.objective <= was.objective + 1e-9, seed
    assert tried > 20


def two_regions(storage_price):
    """A store in one region, a node with a store of its own in the other; 10 $ to move a copy.

    Storing the copy on the node costs 10 times `storage_price`.
    """
    return compiled_of(
        regions=[{"name": "here"}, {"name": "there"}],
        network={"transfer_cost_per_gb": [[0, 1], [1, 0]]},
        nodes=[
            {
                "name": "far",
                "region": "here",
                "roles": ["hosting"],
                "storage_gb": 10,
                "storage_cost_per_gb_hour": 0.01,
            },
            {
                "name": "near",
                "region": "there",
                "roles": ["hosting", "inference"],
                "accelerator": "A",
                "accelerators": 4,
                "memory_gb": 40,
                "storage_gb": 10,
                "storage_cost_per_gb_hour": storage_price * 36,
            },
        ],
        models=[{"name": "m", "weights_gb": 10, "memory_gb": 10}],
        requests=[],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("storage_price", "loads", "expected"),
    [
        (0.5, 0, [True, False]),
        (0.5, 1, [False, True]),
        (1.5, 1, [True, False]),
        (1.5, 2, [False, True]),
    ],
)
def test_storing_is_weighed_against_moving(storage_price, loads, expected):
    """A host moves to the loads once it saves more transfer, 10 $ a load, than it costs."""
    compiled = two_regions(storage_price)
    hosting = np.array([[True, False]])
    replicas = np.array([[0, loads]])
    assert improve_hosting(compiled, hosting, replicas).tolist() == [expected]
