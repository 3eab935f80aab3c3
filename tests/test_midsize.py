"""Instances just large enough for native functions: whatever is in them, auto gives an answer."""

import time

import pytest

from placement import Instance, evaluate, native, solve
from placement.methods.chain import Chain

LIMIT_S = 1.0
NODES, CLASSES, MODELS = 60, 100, 3


def document(nodes=NODES, classes=CLASSES):
    """An instance (dict) of 6,000 class-node pairs; no regions, no limits."""
    node = {
        "roles": ["hosting", "inference", "verification"], "accelerator": "t", "accelerators": 2,
        "memory_gb": 40, "storage_gb": 500, "verification_cores": 4, "engaged_cost_per_hour": 1,
        "verification_cost_per_core_hour": 0.1,
    }  # fmt: skip
    models = [f"m{i}" for i in range(MODELS)]
    speed = {"accelerator": "t", "prefill_tokens_per_s": 2000, "decode_tokens_per_s": 80}
    return {
        "name": "mid-size", "window_s": 3600,
        "operators": [{"name": f"o{i}"} for i in range(7)],
        "nodes": [
            {**node, "name": f"n{i}", "operator": f"o{i % 7}", "accelerator_cost_per_hour": i % 5}
            for i in range(nodes)
        ],
        "models": [{"name": name, "weights_gb": 5, "memory_gb": 8} for name in models],
        "profiles": [{"model": name, **speed} for name in models],
        "policies": [
            {"name": "twice", "mode": "reexecution", "verification_core_s": 1},
            {"name": "attested", "mode": "attestation", "sample": 0.3, "verification_core_s": 1},
        ],
        "requests": [
            {"name": f"c{i}", "model": models[i % MODELS], "policy": ("twice", "attested")[i % 2],
             "count": 5 + i % 11, "input_tokens": 500 + 13 * i, "output_tokens": 100 + i,
             "penalty": 0.05 + 0.01 * (i % 9)}
            for i in range(classes)
        ],
    }  # fmt: skip


def every(table, **changes):
    """All rows of a table changed."""

    def change(rows):
        for row in rows[table]:
            row.update(changes)

    return change


def pairs(every_class):
    """Classes with pairs of their own, some of them jobs without a model."""

    def change(rows):
        for i, row in enumerate(rows["requests"]):
            if i % 4 == 0:
                for key in ("model", "policy", "input_tokens", "output_tokens"):
                    row.pop(key)
        rows["pairs"] = [
            {"request": f"c{g}", "node": f"n{n}", "work_s": 1.0 + n % 3}
            for g in range(0, CLASSES, every_class)
            for n in range(g % 5, NODES, 3)
        ]

    return change


def plain_jobs_only(rows):
    """No model at all."""
    pairs(1)(rows)
    for row in rows["requests"]:
        for key in ("model", "policy", "input_tokens", "output_tokens"):
            row.pop(key, None)
    rows.update(models=[], profiles=[], policies=[])


def no_new_replicas(rows):
    """What is loaded has to do."""
    rows["limits"] = {"max_new_replicas": 0}
    for i, node in enumerate(rows["nodes"]):
        node["loaded"] = {f"m{i % MODELS}": 1}


def half_empty(rows):
    """Every second node has nothing to give."""
    for node in rows["nodes"][::2]:
        node.update(accelerators=0, memory_gb=0, verification_cores=0)


CASES = {
    "no regions": lambda _: None,
    "pairs and plain jobs": pairs(2),
    "plain jobs that all can be run": pairs(4),
    "plain jobs only": plain_jobs_only,
    "no new replicas": no_new_replicas,
    "no new replicas and none there": lambda rows: rows.update(limits={"max_new_replicas": 0}),
    "a model nobody can run": lambda rows: rows["profiles"].pop(),
    "no model anybody can run": lambda rows: rows["profiles"].clear(),
    "half the nodes empty": half_empty,
    "all nodes empty": every("nodes", accelerators=0, memory_gb=0, verification_cores=0),
    "one operator": every("nodes", operator="o0"),
    "nobody verifies": every("nodes", roles=["hosting", "inference"]),
    "nobody infers": every("nodes", roles=["hosting", "verification"]),
    "no cost at all": every(
        "nodes",
        accelerator_cost_per_hour=0,
        engaged_cost_per_hour=0,
        verification_cost_per_core_hour=0,
    ),
    "nothing is worth serving": every("requests", penalty=0),
    "no weights": every("models", weights_gb=0, memory_gb=0),
    "many hosts": every("models", min_hosts=7),
    "penalties beyond measure": every("requests", penalty=1e12),
    "costs next to nothing": every("nodes", engaged_cost_per_hour=1e-12),
    "all has to be served": every("requests", penalty=None),
}


def made(name):
    """One of the cases."""
    rows = document()
    CASES[name](rows)
    instance = Instance.from_dict(rows)
    assert native.pays(len(instance.requests), len(instance.nodes))
    return instance


def answered(instance, time_limit):
    """The result of auto, in time, feasible, its bound no higher than its cost."""
    native.prepare()
    begun = time.process_time()
    result = solve(instance, threads=1, time_limit=time_limit)
    assert time.process_time() - begun < time_limit + 1.0
    if result.objective is not None:
        assert evaluate(instance, result.solution).feasible
        assert result.lower_bound <= result.objective * (1 + 1e-6)
    return result


@pytest.mark.parametrize("name", CASES)
def test_auto_answers(name):
    """All of these can be served or turned away."""
    assert answered(made(name), LIMIT_S).objective is not None


@pytest.mark.parametrize("name", CASES)
def test_no_time_is_no_harm(name):
    """Back at once, with or without an answer."""
    answered(made(name), 0)


@pytest.mark.parametrize(("nodes", "classes"), [(1, 5000), (5000, 1)])
def test_one_of_a_kind(nodes, classes):
    """One node for all classes; all nodes for one class."""
    assert answered(Instance.from_dict(document(nodes, classes)), 2.0).objective is not None


def test_too_much_that_has_to_be_served():
    """No placement is made up."""
    rows = document()
    every("requests", penalty=None, count=100_000)(rows)
    assert answered(Instance.from_dict(rows), LIMIT_S).status in ("infeasible", "unknown")


def test_counts_beyond_any_search_in_steps():
    """Huge nodes and classes are answered by methods that do not count replica by replica."""
    rows = document()
    every("nodes", accelerators=1e9, memory_gb=1e12, verification_cores=1e9)(rows)
    every("requests", count=10**12)(rows)
    begun = time.process_time()
    solve(Instance.from_dict(rows), threads=1, time_limit=2)
    assert time.process_time() - begun < 20


def test_a_plan_that_is_still_allowed_is_improved():
    """The search goes on from it, and does not begin anew at other prices."""
    problem = Instance.from_dict(document())
    known = solve(problem, gap=0.0, time_limit=2 * LIMIT_S)
    begun, recreate = [], Chain.recreate
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            Chain, "recreate", lambda *a, **k: begun.append(a[0].objective) or recreate(*a, **k)
        )
        solve(problem, gap=0.0, time_limit=LIMIT_S, initial_solution=known.solution)
    assert begun[0] <= known.objective * (1 + 1e-9)
