"""Method flow: what it offers is feasible, built on the start, and bounded where that is sure."""

import time
from functools import cache

import numpy as np
import pytest
from oracle.exhaustive import optimum
from oracle.tiny import tiny_instance
from routings import pure_instance
from searches import compiled_of, judged, search_of, tiny

from placement.compiled import Compiled
from placement.generate import generate
from placement.instance import Instance
from placement.methods.flow import flow
from placement.methods.uniform import random

OPTIMUM = cache(lambda seed: optimum(tiny_instance(seed)))


def run(compiled, **options):
    """The search after the method has run in it."""
    search = search_of(compiled, **options)
    flow(search)
    return search


def phases(compiled, **options):
    """The search, and what it said it was doing."""
    said = []
    search = run(compiled, listener=lambda progress: said.append(progress.phase), **options)
    return search, said


@pytest.mark.parametrize("start", range(0, 200, 50))
def test_offers_are_feasible_and_not_below_the_optimum(start):
    """From the current state of tiny instances; an infeasible offer raises."""
    for seed in range(start, start + 50):
        search = run(tiny(seed))
        if search.best is not None:
            best = OPTIMUM(seed)
            assert search.objective >= best - 1e-6 * max(1.0, best), seed


def test_a_start_is_kept_or_improved():
    """Over the replicas of another method's placement the routing is hardly ever dearer."""
    offered = better = 0
    for seed in range(100):
        begun = search_of(tiny(seed))
        random(begun)
        search = run(tiny(seed), start=begun.best)
        if begun.best is not None and search.best is not None:
            offered += 1
            better += search.objective <= begun.objective + 1e-9
            used = search.best.replica_m * 100 + search.best.replica_n
            assert set(used) <= set(begun.best.replica_m * 100 + begun.best.replica_n)
    assert better > 0.9 * offered > 50


def test_a_start_that_is_not_allowed_is_cut_down():
    """Replicas of a placement for a larger fleet that do not fit now are left out."""
    for seed in range(60):
        begun = search_of(tiny(seed))
        random(begun)
        document = tiny_instance(seed)
        for node in document["nodes"]:
            node["memory_gb"] = 0.6 * node.get("memory_gb", 0)
            node.pop("loaded", None)
            node["storage_gb"] = 0.8 * node.get("storage_gb", 0)
        smaller = Compiled(Instance.from_dict(document))
        run(smaller, start=begun.best)


def test_nothing_new_is_loaded_without_a_start():
    """From the current state, replicas are kept or dropped."""
    for seed in range(60):
        search = run(tiny(seed))
        if search.best is not None:
            assert not len(search.best.load_m)


def test_bound_where_nothing_new_is_allowed():
    """With no new replicas, the flow over all loaded ones bounds the optimum."""
    raised = 0
    for seed in range(150):
        document = tiny_instance(seed)
        document.setdefault("limits", {})["max_new_replicas"] = 0
        search = run(Compiled(Instance.from_dict(document)))
        if search.lower_bound is not None:
            best = optimum(document)
            raised += 1
            assert best is None or search.lower_bound <= best + 1e-6 * max(1.0, best), seed
    assert raised > 100


def test_no_bound_where_something_is_free():
    """If replicas may be added, the routing over those that are there proves nothing."""
    free = [seed for seed in range(40) if "limits" not in tiny_instance(seed)]
    assert all(run(tiny(seed)).lower_bound is None for seed in free)


def test_a_pure_instance_is_solved_to_the_optimum():
    """Requests a pure flow, nothing to load: optimal with a proof, and said to be exact."""
    for seed in range(40):
        document = pure_instance(seed)
        for model in document["models"]:
            model["min_hosts"] = 0
        search, said = phases(Compiled(Instance.from_dict(document)))
        if search.best is None:
            assert optimum(document) is None
        else:
            assert "exact for these replicas" in said
            assert search.closed
            assert search.objective == pytest.approx(optimum(document))


def test_must_serve_beyond_the_replicas_offers_nothing():
    """A request that must be served and has no replica: no placement, no error."""
    compiled = compiled_of(
        nodes=[{"name": "a", "roles": ["inference"], "accelerators": 1.0, "accelerator": "x"}],
        models=[{"name": "m", "weights_gb": 1.0, "memory_gb": 0.0, "min_hosts": 0}],
        profiles=[
            {
                "model": "m",
                "accelerator": "x",
                "prefill_tokens_per_s": 1.0,
                "decode_tokens_per_s": 1.0,
            }
        ],
        requests=[{"name": "job", "model": "m", "count": 1, "input_tokens": 1.0}],
    )
    assert run(compiled).best is None


def test_weights_are_read_where_it_costs_least():
    """A new replica of the start reads from the cheaper of two hosts."""
    compiled = compiled_of(
        regions=[{"name": "near"}, {"name": "far"}],
        network={"transfer_cost_per_gb": [[0.1, 1.0], [5.0, 0.1]]},
        nodes=[
            {"name": "dear", "region": "far", "roles": ["hosting"], "storage_gb": 9.0},
            {"name": "cheap", "region": "near", "roles": ["hosting"], "storage_gb": 9.0},
            {
                "name": "runs",
                "region": "near",
                "roles": ["inference"],
                "accelerator": "x",
                "accelerators": 1.0,
                "memory_gb": 9.0,
            },
        ],
        models=[{"name": "m", "weights_gb": 2.0, "memory_gb": 2.0, "min_hosts": 2}],
        profiles=[
            {
                "model": "m",
                "accelerator": "x",
                "prefill_tokens_per_s": 1.0,
                "decode_tokens_per_s": 1.0,
            }
        ],
        requests=[{"name": "job", "model": "m", "count": 3, "input_tokens": 1.0, "penalty": 9.0}],
    )
    begun = search_of(compiled)
    random(begun)
    search = run(compiled, start=begun.best)
    assert search.best.load_s.tolist() == [1]
    assert judged(compiled, search.best).terms["transfer"] == pytest.approx(0.2)


def test_deadline_in_the_past():
    """Out of time from the first moment: no error, and the reason is the time limit."""
    for seed in range(10):
        search = search_of(tiny(seed), deadline=time.monotonic() - 1)
        assert flow(search) == "time_limit"


@pytest.mark.parametrize("preset", ["small", "verifier-scarce", "dominant-operator"])
def test_generated_instances(preset):
    """Feasible over what another method has loaded, and at least as good as that."""
    compiled = Compiled(generate(preset))
    begun = search_of(compiled)
    random(begun)
    search = run(compiled, start=begun.best)
    assert search.objective <= begun.objective
    assert (search.best.unserved >= 0).all()
    assert np.isfinite(search.objective)


@pytest.mark.slow
def test_routing_preset_merged_and_not():
    """12,500 nodes and 150,000 requests: in 2,000 classes or one by one, the cost is the same."""
    costs = []
    for preset in ("routing", "routing-unaggregated"):
        search, said = phases(Compiled(generate(preset)))
        assert "exact for these replicas" in said
        assert search.closed
        costs.append(search.objective)
    assert costs[0] == pytest.approx(costs[1], rel=1e-9)
