"""What must hold whatever the instance: changes whose effect on the optimum is known beforehand."""

import copy
import json

import numpy as np
import pytest
import tinies
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracle.facts import TABLES
from oracle.judge import judge

from placement import Instance, InvalidInstance, Solution, evaluate, solve

some = settings(max_examples=15, deadline=None, derandomize=True)
many = settings(max_examples=45, deadline=None, derandomize=True)
seeds = st.integers(0, 999)
PER_HOUR = (
    "engaged_cost_per_hour",
    "accelerator_cost_per_hour",
    "verification_cost_per_core_hour",
    "storage_cost_per_gb_hour",
)


def least(document):
    """The optimum [$] by the whole formulation, infinite where there is no placement."""
    result = solve(Instance.from_dict(document), "milp", gap=0, threads=1, time_limit=60)
    assert result.status in ("optimal", "infeasible")
    return np.inf if result.objective is None else result.objective


def tiny(seed):
    """A tiny instance as a dict, to be changed."""
    return copy.deepcopy(tinies.document(seed))


def scaled(rows, fields, factor):
    """Multiply fields, where they are given, in place."""
    for row in rows:
        for field in fields:
            if row.get(field) is not None:
                row[field] = row[field] * factor


def scale_matrix(network, field, factor):
    """Multiply a matrix, or the one number that stands for it, in place."""
    if field in network:
        network[field] = (np.array(network[field]) * factor).tolist()


def same(one, other):
    """Equal to 1e-6 relative, or both infinite."""
    return one == pytest.approx(other, rel=1e-6, abs=1e-9)


# --- the same thing said differently ----------------------------------------------------------


@some
@given(seeds, st.randoms(use_true_random=False))
def test_the_order_of_entities_does_not_matter(seed, random):
    """Every table shuffled, and the matrices of the network with the regions."""
    document = tiny(seed)
    expected = least(document)
    regions = list(range(len(document["regions"])))
    random.shuffle(regions)
    for field in ("latency_ms", "transfer_cost_per_gb"):
        matrix = document["network"].get(field)
        if isinstance(matrix, list) and matrix:
            document["network"][field] = [[matrix[i][j] for j in regions] for i in regions]
    document["regions"] = [document["regions"][i] for i in regions]
    for table in TABLES:
        if table != "regions" and table in document:
            random.shuffle(document[table])
    assert same(least(document), expected)


@some
@given(seeds)
def test_names_do_not_matter(seed):
    """Nor do letters of other scripts, quotes and separators in them."""
    document = tiny(seed)
    text = json.dumps(document)
    for table in ("regions", "operators", "nodes", "models", "policies", "requests"):
        for row in document.get(table, []):
            text = text.replace(f'"{row["name"]}"', json.dumps(f"{row['name']} on “é, x\\'"))
    assert same(least(json.loads(text)), least(document))


@some
@given(seeds)
def test_a_round_trip_through_json_changes_nothing(seed):
    """Defaults left out or not, rows or columns."""
    instance = tinies.instance(seed)
    document = json.loads(instance.to_json())
    assert Instance.from_dict(document) == instance
    whole = instance.model_dump(mode="json")
    assert Instance.from_dict(whole) == instance
    columns = {
        table: {field: [row[field] for row in rows] for field in rows[0]}
        for table, rows in whole.items()
        if table in TABLES and rows
    }
    assert Instance.from_dict({**whole, **columns}) == instance


@some
@given(seeds, st.sampled_from([0.01, 0.5, 3.0, 1000.0]))
def test_money_in_another_currency(seed, factor):
    """All amounts of money times a factor: so is the optimum."""
    document = tiny(seed)
    expected = least(document) * factor
    scaled(document["nodes"], PER_HOUR, factor)
    scaled(document["requests"], ["penalty", "latency_cost_per_s"], factor)
    scaled(document.get("pairs", []), ["cost"], factor)
    scale_matrix(document["network"], "transfer_cost_per_gb", factor)
    assert same(least(document), expected)


@some
@given(seeds, st.sampled_from([0.1, 2.0, 60.0]))
def test_time_in_another_unit(seed, factor):
    """All times take a factor longer, at prices a factor lower: nothing else changes."""
    document = tiny(seed)
    expected = least(document)
    document["window_s"] *= factor
    scaled(document["nodes"], [*PER_HOUR, "load_gb_per_s"], 1 / factor)
    for node in document["nodes"]:
        node.setdefault("load_gb_per_s", 1 / factor)
    scaled(document["requests"], ["input_tokens", "output_tokens", "max_ttft_ms"], factor)
    scaled(document["requests"], ["latency_cost_per_s"], 1 / factor)
    scaled(document["policies"], ["executor_extra_s", "verification_core_s"], factor)
    scaled(document.get("pairs", []), ["work_s"], factor)
    scale_matrix(document["network"], "latency_ms", factor)
    assert same(least(document), expected)


@some
@given(seeds, st.sampled_from([0.5, 8.0]))
def test_memory_in_another_unit(seed, factor):
    """All GB times a factor, prices of a GB by as much lower, loading by as much faster."""
    document = tiny(seed)
    expected = least(document)
    for node in document["nodes"]:
        node.setdefault("load_gb_per_s", 1)
    scaled(document["nodes"], ["memory_gb", "storage_gb", "load_gb_per_s"], factor)
    scaled(document["nodes"], ["storage_cost_per_gb_hour"], 1 / factor)
    scaled(document["models"], ["memory_gb", "weights_gb"], factor)
    scale_matrix(document["network"], "transfer_cost_per_gb", 1 / factor)
    scaled([document.get("limits", {})], ["max_transfer_gb"], factor)
    assert same(least(document), expected)


@some
@given(seeds)
def test_classes_are_only_shorthand(seed):
    """Classes split into requests, one each: the same optimum, where all requests are sampled.

    This is the lemma of constraint 11 once more: what is allowed for a class can be named for each
    of its requests, and the other way round.
    """
    document = tiny(seed)
    for policy in document["policies"]:
        policy["sample"] = 1
    expected = least(document)
    singles = [
        {**row, "name": f"{row['name']}/{i}", "count": 1}
        for row in document["requests"]
        for i in range(row["count"])
    ]
    document["pairs"] = [
        {**row, "request": single["name"]}
        for row in document.get("pairs", [])
        for single in singles
        if single["name"].startswith(row["request"] + "/")
    ]
    document["requests"] = singles
    assert same(least(document), expected)


# --- what never hurts -------------------------------------------------------------------------


@some
@given(seeds)
def test_an_extra_free_node_never_hurts(seed):
    """Of every role, with accelerators, memory and cores for nothing, in a group of its own."""
    document = tiny(seed)
    expected = least(document)
    document["nodes"].append(
        {
            "name": "gift",
            "roles": ["hosting", "inference", "verification"],
            "accelerator": next((row["accelerator"] for row in document["profiles"]), "A"),
            "accelerators": 4,
            "memory_gb": 100,
            "storage_gb": 100,
            "verification_cores": 10,
        }
    )
    assert least(document) <= expected * (1 + 1e-6) + 1e-9


RELIEFS = {
    "limits": lambda d: d.pop("limits", None),
    "max_share": lambda d: [row.pop("max_share", 0) for row in d["operators"]],
    "max_ttft_ms": lambda d: [row.pop("max_ttft_ms", 0) for row in d["requests"]],
    "jurisdictions": lambda d: [row.pop("jurisdictions", 0) for row in d["requests"]],
    "requires_tee": lambda d: [row.pop("requires_tee", 0) for row in d["policies"]],
    "min_hosts": lambda d: [row.update(min_hosts=0) for row in d["models"]],
    "verifiers": lambda d: [row.update(verifiers=0) for row in d["policies"]],
    "independence": lambda d: [row.update(independence="node") for row in d["policies"]
                               if row.get("independence", "group") == "group"],
    "memory": lambda d: scaled(d["nodes"], ["memory_gb"], 3),
    "storage": lambda d: scaled(d["nodes"], ["storage_gb"], 3),
    "cores": lambda d: scaled(d["nodes"], ["verification_cores"], 3),
    "engagement": lambda d: [row.pop("engaged_cost_per_hour", 0) for row in d["nodes"]],
    "a penalty lower": lambda d: scaled(d["requests"], ["penalty"], 0.5),
    "profiles": lambda d: scaled(
        d["profiles"], ["prefill_tokens_per_s", "decode_tokens_per_s"], 1.5
    ),
}  # fmt: skip


@many
@given(seeds, st.sampled_from(sorted(RELIEFS)))
def test_asking_for_less_never_hurts(seed, relief):
    """A limit dropped, a resource enlarged, a price cut: no optimum is higher than before."""
    document = tiny(seed)
    before = json.dumps(document)
    expected = least(document)
    RELIEFS[relief](document)
    assume(json.dumps(document) != before)
    assert least(document) <= expected * (1 + 1e-6) + 1e-9


@many
@given(seeds, st.sampled_from(["greedy", "flow", "relaxation", "auto", "random"]))
def test_every_answer_is_an_answer_to_a_relieved_instance(seed, method):
    """Feasible with all limits is feasible without, at the same cost."""
    document = tiny(seed)
    result = solve(tinies.instance(seed), method, threads=1, gap=0.05)
    assume(result.objective is not None)
    for relief in ("limits", "max_share", "max_ttft_ms", "jurisdictions", "min_hosts", "memory"):
        RELIEFS[relief](document)
    verdict = evaluate(Instance.from_dict(document), result.solution)
    assert verdict.feasible, verdict.violations
    assert verdict.objective == pytest.approx(result.objective)


@some
@given(seeds)
def test_turning_one_more_away_is_always_judged_alike(seed):
    """Judge and oracle agree on what one request less costs."""
    assume(tinies.optimal(seed) is not None)
    solution = copy.deepcopy(tinies.optimal(seed))
    assume(solution["inference"])
    row = solution["inference"][0]
    row["count"] -= 1
    solution["inference"] = [row for row in solution["inference"] if row["count"]]
    solution["unserved"][row["request"]] = solution["unserved"].get(row["request"], 0) + 1
    ours = evaluate(tinies.instance(seed), Solution.from_dict(solution))
    theirs = judge(tinies.document(seed), solution)
    assert ours.feasible == theirs.feasible
    assert ours.objective == pytest.approx(theirs.objective)


# --- broken fields ----------------------------------------------------------------------------


@st.composite
def broken(draw):
    """A tiny instance with one value replaced by nonsense, and the key under which it stands."""
    document = tiny(draw(st.integers(0, 50)))
    tables = [table for table in TABLES if document.get(table)]
    row = draw(st.sampled_from([document, *(r for table in tables for r in document[table])]))
    field = draw(st.sampled_from(sorted(set(row) - {"network", "limits"})))
    bad = [-1, True, {"x": 1}, [["x"]], 1e300, "", "nobody at all"]
    good = {
        "source": [-1, True, {"x": 1}, [["x"]], 1e300],
        "jurisdiction": [-1, True, {"x": 1}, [["x"]]],
        "name": [-1, True, {"x": 1}, [["x"]], 1e300, ""],
        "accelerator": [-1, True, {"x": 1}, [["x"]], ""],
        "control_group": [-1, True, {"x": 1}, [["x"]], ""],
    }
    row[field] = draw(st.sampled_from(good.get(field, bad)))
    return document, field


@settings(max_examples=200, deadline=None, derandomize=True)
@given(broken())
def test_any_single_broken_field_is_named(case):
    """In one sentence, whatever stands there instead."""
    document, field = case
    with pytest.raises(InvalidInstance) as caught:
        Instance.from_dict(document)
    said = str(caught.value)
    assert field in said
    assert said.endswith(".")
    assert "\n" not in said
    assert len(said) < 300
