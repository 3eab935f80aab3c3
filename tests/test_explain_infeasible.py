"""Proofs that there is no placement: what cannot be done together, and all against the oracle."""

import copy
from functools import cache
from itertools import count

import numpy as np
import pytest
from by_hand import demanded, infeasible, network, only, proven, second_model
from oracle.exhaustive import optimal_solution, optimum
from oracle.tiny import tiny_instance

from placement.compiled import Compiled
from placement.explain import explain_unserved
from placement.explain.families import CHECK, RUN
from placement.instance import Instance
from placement.solution import Solution, to_placement

TINY = cache(tiny_instance)


# --- what cannot be done together ----------------------------------------------------------------


@pytest.fixture
def must():
    """The network with all ten requests to be served."""
    return demanded(network())


def test_capped_groups_together(must):
    """Two groups that may execute three of ten each."""
    must["nodes"].append(must["nodes"][0] | {"name": "second", "operator": "b"})
    for operator in must["operators"][:2]:
        operator["max_share"] = 0.3
    reason = only(infeasible(must))
    assert reason.code == "share-cap"
    assert "(a and b) may execute only 6 requests" in reason.sentence
    assert "a max_share larger by 0.4, all groups together" in reason.sentence


def test_work_above_capacity(must):
    """11,000 s of work, 7,200 s of capacity."""
    must["requests"][0]["count"] = 10_000
    reason = only(infeasible(must))
    assert reason.code == "capacity"
    assert "at least 2 more accelerators" in reason.sentence


def test_requests_that_do_not_fit_whole(must):
    """Three requests of 3,000 s take 9,000 of 10,800 s, but each node has room for one."""
    must["nodes"][0]["accelerators"] = 1
    must["nodes"] += [must["nodes"][0] | {"name": name} for name in ("second", "third")]
    must["requests"][0].update(count=4, output_tokens=2_500_000)
    reason = only(infeasible(must))
    assert reason.code == "capacity"
    assert "room for 3 of 4 requests" in reason.sentence


def test_verifications_above_cores(must):
    """Ten hours of verification, eight cores for an hour."""
    reason = only(infeasible(proven(must)))
    assert reason.code == "verification-cores"
    assert "at least 2 more verification cores" in reason.sentence


def test_models_that_do_not_fit_together(must):
    """Two replicas of 120 GB, one node of 160 GB."""
    must["models"][0].update(memory_gb=120, accelerators=2)
    second_model(must)
    reason = only(infeasible(must))
    assert (reason.code, reason.entities) == ("memory", ("chat", "more"))
    assert "80 GB more on able nodes" in reason.sentence


def test_too_few_groups_to_store(must):
    """Three copies are wanted; two groups have hosting nodes."""
    must["models"][0]["min_hosts"] = 3
    reason = only(infeasible(must))
    assert (reason.code, reason.entities) == ("hosting", ("llm",))
    assert "1 more control group with a hosting node of 16 GB of storage" in reason.sentence


def test_more_copies_than_storage(must):
    """Seven models of 16 GB, two copies each, where a group of two has 100 GB."""
    must["models"][0]["min_hosts"] = 2
    for i in range(6):
        must["models"].append(must["models"][0] | {"name": f"m{i}"})
    reason = only(infeasible(must))
    assert reason.code == "hosting"
    assert "are 14 while there is room for 13" in reason.sentence


def test_more_models_than_new_replicas(must):
    """Two models to load, one new replica allowed."""
    second_model(must)
    reason = only(infeasible(must | {"limits": {"max_new_replicas": 1}}))
    assert (reason.code, reason.entities) == ("max-new-replicas", ("llm", "other"))
    assert "max_new_replicas of at least 2" in reason.sentence


def test_more_weights_to_move_than_allowed(must):
    """Two more copies of 16 GB each, 20 GB allowed."""
    must["models"][0]["min_hosts"] = 2
    second_model(must)
    must["nodes"][0]["hosted"].append("other")
    reason = only(infeasible(must | {"limits": {"max_transfer_gb": 20}}))
    assert reason.code == "max-transfer"
    assert "max_transfer_gb of at least 32" in reason.sentence


# --- against the oracle --------------------------------------------------------------------------


def some_demanded(seed):
    """A tiny instance three times: as it is, with half of its classes demanded, with all."""
    yield TINY(seed)
    for choice in (lambda i: i % 2 == seed % 2, lambda _: True):
        data = copy.deepcopy(TINY(seed))
        for i, row in zip(count(), data["requests"], strict=False):
            if choice(i):
                row.pop("penalty", None)
        yield data


@pytest.mark.parametrize("start", range(0, 300, 30))
def test_infeasible_is_never_claimed_in_vain(start):
    """Whatever is explained as infeasible is infeasible, and most of what is gets explained."""
    explained = 0
    for seed in range(start, start + 30):
        for data in some_demanded(seed):
            reasons = infeasible(data)
            if reasons:
                assert optimum(data) is None, (seed, reasons)
                explained += 1
    assert explained >= 20


@pytest.mark.parametrize("start", range(0, 120, 20))
def test_never_served_is_never_claimed_in_vain(start):
    """With nothing placed, every code but price and combination is a proof for its classes."""
    for seed in range(start, start + 20):
        compiled = Compiled(Instance.from_dict(TINY(seed)))
        nothing = Solution(instance="", unserved={r["name"]: 1 for r in TINY(seed)["requests"]})
        for reason in explain_unserved(compiled, to_placement(compiled.quantities, nothing)):
            for name in reason.entities if reason.code not in {"price", "combination"} else ():
                data = copy.deepcopy(TINY(seed))
                row = next(row for row in data["requests"] if row["name"] == name)
                row.update(count=1, penalty=None)
                assert optimum(data) is None, (seed, reason.sentence)


@pytest.mark.parametrize("start", range(0, 120, 20))
def test_each_unserved_class_has_one_reason(start):
    """Of an optimal placement; and nobody blames the search for it."""
    for seed in range(start, start + 20):
        solution = optimal_solution(TINY(seed))
        if solution is None:
            continue
        compiled = Compiled(Instance.from_dict(TINY(seed)))
        placement = to_placement(compiled.quantities, Solution.from_dict(solution))
        reasons = explain_unserved(compiled, placement)
        named = sorted(name for reason in reasons for name in reason.entities)
        assert named == sorted(solution["unserved"]), seed
        assert "search" not in {reason.code for reason in reasons}, seed


def test_conditions_taken_one_by_one_are_the_conditions():
    """All families together allow what `can_run` and `can_verify` allow, pairs included."""
    for seed in range(100):
        q = Compiled(Instance.from_dict(TINY(seed))).quantities
        g, n = np.indices((q.n_classes, q.n_nodes)).reshape(2, -1)
        listed = ~q.paired[g] | (q.pair_row(g, n) >= 0)
        for families, able in ((RUN, q.can_run(g, n)), (CHECK, q.can_verify(g, n))):
            passed = np.all([family.passes(q, g, n) for family in families], axis=0)
            assert np.array_equal(passed & (listed | (families is CHECK)), able), seed
