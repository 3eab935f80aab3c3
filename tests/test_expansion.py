"""Executor and verifiers of every single request: the lemma of constraint 11, made by hand."""

import json
import time
from collections import Counter
from itertools import product
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle.enumeration import splits
from oracle.exhaustive import optimal_solution
from oracle.tiny import tiny_instance

from placement import Instance, InvalidSolution, Solution, expand

WATCHED = {"name": "watched", "mode": "attestation", "verifiers": 1}


def network(cases, groups=(0, 1, 2, 3), **policy):
    """An instance of plain jobs and a solution of it; each case is a class.

    `groups` has the control group of each node n0, n1...; a case is (executed, verified, unserved),
    counts on these nodes and a number.
    """
    nodes = [f"n{i}" for i in range(len(groups))]
    operators = [{"name": f"o{group}"} for group in sorted(set(groups))]
    names = [f"c{i}" for i in range(len(cases))]
    totals = [sum(executed) + unserved for executed, _, unserved in cases]
    instance = {
        "name": "named",
        "window_s": 60.0,
        "operators": operators,
        "nodes": [
            {"name": node, "operator": f"o{group}", "roles": ["inference", "verification"]}
            for node, group in zip(nodes, groups, strict=True)
        ],
        "policies": [{**WATCHED, **policy}],
        "requests": [
            {"name": name, "count": total, "policy": "watched", "penalty": 1.0}
            for name, total in zip(names, totals, strict=True)
        ],
        "pairs": [
            {"request": name, "node": node, "work_s": 0.0} for name in names for node in nodes
        ],
    }
    solution = {
        "instance": "named",
        "inference": rows(names, nodes, [executed for executed, _, _ in cases]),
        "verification": rows(names, nodes, [verified for _, verified, _ in cases]),
        "unserved": {name: case[2] for name, case in zip(names, cases, strict=True) if case[2]},
    }
    return Instance.from_dict(instance), Solution.from_dict(solution)


def rows(names, nodes, table):
    """The rows of counts that are not 0."""
    return [
        {"request": name, "node": node, "count": count}
        for name, counts in zip(names, table, strict=True)
        for node, count in zip(nodes, counts, strict=True)
        if count
    ]


def parts(instance, independence):
    """The part that each node belongs to."""
    if independence != "group":
        return {node.name: node.name for node in instance.nodes}
    group = {o.name: o.control_group or o.name for o in instance.operators}
    return {n.name: group[n.operator] if n.operator else ("lone", n.name) for n in instance.nodes}


def assert_named(instance, solution, *, even=True):
    """Check everything that `expand` promises; `even` for solutions that verify no more than asked.

    Returns the verifiers of the requests of each class.
    """
    named = list(expand(instance, solution))
    listed = [(row["request"], row["index"]) for row in named]
    assert listed == [(r.name, i) for r in instance.requests for i in range(r.count)]
    served = [row for row in named if row["status"] == "served"]
    for row in named:
        assert set(row) == {"request", "index", "status", "executor", "verifiers"}
        assert (row["status"] == "unserved") == (row["executor"] is None)
        assert row["executor"] or row["verifiers"] == []
    executed = Counter((row["request"], row["executor"]) for row in served)
    verified = Counter((row["request"], n) for row in served for n in row["verifiers"])
    assert executed == {(r.request, r.node): r.count for r in solution.inference}
    assert verified == {(r.request, r.node): r.count for r in solution.verification}
    of = {request.name: [] for request in instance.requests}
    for row in served:
        of[row["request"]].append((row["executor"], row["verifiers"]))
    policies = {policy.name: policy for policy in instance.policies}
    for request in instance.requests:
        if request.policy is not None:
            assert_independent(instance, policies[request.policy], of[request.name], even=even)
    return {name: [verifiers for _, verifiers in pairs] for name, pairs in of.items()}


def assert_independent(instance, policy, pairs, *, even):
    """The executor and verifiers of each request are of distinct parts, and evenly many."""
    part = parts(instance, policy.independence)
    for executor, verifiers in pairs:
        of = [part[n] for n in verifiers]
        assert len(set(of)) == len(of)
        assert policy.independence == "none" or part[executor] not in of
    sampled = [(part[executor], verifiers) for executor, verifiers in pairs if verifiers]
    if not sampled:
        return
    numbers = [len(verifiers) for _, verifiers in sampled]
    asked = ceil(policy.sample * len(pairs) - 1e-9)
    assert max(numbers) - min(numbers) <= 1
    assert len(sampled) >= min(asked, sum(numbers))
    if policy.independence != "none" and sum(numbers) >= asked:
        assert len(sampled) == asked
        assert_shares(policy.sample, Counter(part[e] for e, _ in pairs), sampled)
    if even and policy.independence != "none":
        assert policy.verifier_count * asked - sum(numbers) < policy.verifier_count


def assert_shares(rate, executed, sampled):
    """From each part its share is sampled, up or down."""
    verified = Counter(part for part, _ in sampled)
    for part, count in executed.items():
        assert rate * count - 1 < verified[part] < rate * count + 1


# --- all small cases --------------------------------------------------------------------------


def lemma_cases(d, k, n_parts):
    """All counts of k verifications for each of d requests that the lemma allows."""
    every = product(splits(d, n_parts), splits(k * d, n_parts))
    return [(x, v, 0) for x, v in every if all(e + c <= d for e, c in zip(x, v, strict=True))]


@pytest.mark.parametrize(("d", "k"), [(d, k) for k in (1, 2, 3) for d in range(1, 5)])
def test_all_small_cases_are_named(d, k):
    """Wherever executed + verified <= d on four parts, each request gets exactly k verifiers."""
    cases = lemma_cases(d, k, 4)
    assert cases
    named = assert_named(*network(cases, verifiers=k))
    assert {len(verifiers) for lists in named.values() for verifiers in lists} == {k}


@pytest.mark.parametrize("q", [0.1, 0.25, 0.3, 0.5, 0.75])
@pytest.mark.parametrize("k", [1, 2])
def test_all_small_samples_are_named(q, k):
    """Wherever q x executed + verified is within q x served rounded up, requests can be sampled."""
    cases = []
    for served in range(1, 6):
        d = ceil(q * served - 1e-9)
        for executed, verified in product(splits(served, 3), product(range(d + 1), repeat=3)):
            both = zip(executed, verified, strict=True)
            enough = k * q * served - 1e-9 <= sum(verified) <= k * d
            if enough and all(q * e + v <= d + 1e-9 for e, v in both):
                cases.append((executed, verified, 0))
    assert len(cases) >= 5
    assert_named(*network(cases, (0, 1, 2), sample=q, verifiers=k))


def test_all_small_cases_without_independence_are_named():
    """Every node may verify every request, its own too, but none twice."""
    cases = [
        (executed, verified, 0)
        for d in range(1, 5)
        for executed, verified in product(splits(d, 2), product(range(d + 1), repeat=2))
        if sum(verified) >= d
    ]
    assert_named(*network(cases, (0, 1), independence="none"), even=False)


# --- any case ---------------------------------------------------------------------------------


@st.composite
def any_case(draw):
    """A network of up to 7 nodes in up to 5 groups, and a class that fits constraints 9 and 11."""
    groups = draw(st.lists(st.integers(0, 4), min_size=1, max_size=7))
    policy = {
        "verifiers": draw(st.integers(1, 3)),
        "sample": draw(st.sampled_from([1, 0.9, 2 / 3, 0.5, 0.37, 0.1])),
        "independence": draw(st.sampled_from(["group", "node", "none"])),
    }
    executed = draw(st.lists(st.integers(0, 40), min_size=len(groups), max_size=len(groups)))
    served = sum(executed)
    part = groups if policy["independence"] == "group" else range(len(groups))
    free = policy["independence"] == "none"
    limit = served if free else ceil(policy["sample"] * served - 1e-9)
    left = dict.fromkeys(part, limit)
    if not free:
        for p in left:
            mine = sum(x for x, o in zip(executed, part, strict=True) if o == p)
            left[p] = limit - ceil(policy["sample"] * mine - 1e-9)
    verified = []
    for p in part:
        verified.append(draw(st.integers(0, left[p])))
        left[p] -= verified[-1]
    for i, p in enumerate(part):  # fill up to what constraint 9 asks, as far as there is room
        missing = ceil(policy["verifiers"] * policy["sample"] * served - 1e-9) - sum(verified)
        more = max(0, min(missing, left[p]))
        verified[i], left[p] = verified[i] + more, left[p] - more
    return groups, policy, (executed, verified, draw(st.integers(0, 3)))


@given(any_case())
def test_any_case_is_named_or_refused_for_too_few_verifications(given_case):
    """Whatever constraints 9 and 11 allow is named; where tokens ran out, constraint 9 says so."""
    groups, policy, (executed, verified, unserved) = given_case
    if not sum(executed) + unserved:
        return
    instance, solution = network([(executed, verified, unserved)], groups, **policy)
    needed = policy["verifiers"] * policy["sample"] * sum(executed)
    if sum(verified) < needed - 1e-6 * max(1, needed):
        with pytest.raises(InvalidSolution, match="constraint 9"):
            expand(instance, solution)
        return
    assert_named(instance, solution, even=False)


def test_optimal_solutions_of_tiny_instances_are_named():
    """What the oracle finds optimal can be named, for all policies and their mixtures."""
    verified = 0
    for seed in range(60):
        document = optimal_solution(tiny_instance(seed))
        if document is not None:
            instance = Instance.from_dict(tiny_instance(seed))
            named = assert_named(instance, Solution.from_dict(document), even=False)
            verified += sum(bool(v) for lists in named.values() for v in lists)
    assert verified >= 30


# --- by hand ----------------------------------------------------------------------------------


def test_unserved_requests_come_last_and_have_nobody():
    """Two served and one turned away."""
    instance, solution = network([((2, 0), (0, 2), 1)], (0, 1))
    assert [tuple(row.values()) for row in expand(instance, solution)] == [
        ("c0", 0, "served", "n0", ["n1"]),
        ("c0", 1, "served", "n0", ["n1"]),
        ("c0", 2, "unserved", None, []),
    ]


def test_rows_are_plain_json():
    """Every row is what a line of JSON can hold."""
    instance, solution = network([((2, 0), (0, 2), 1)], (0, 1))
    for row in expand(instance, solution):
        assert json.loads(json.dumps(row)) == row


def test_more_verifications_than_asked_are_all_named():
    """Five for three requests, one asked for each: two, two and one."""
    named = assert_named(*network([((3, 0, 0), (0, 3, 2), 0)], (0, 1, 2)), even=False)
    assert sorted(map(len, named["c0"])) == [1, 2, 2]


def test_what_is_missing_to_whole_samples_is_missing_once():
    """Three verifications for 2 x 0.3 x 5: of two sampled requests one has a single verifier."""
    case = (5, 0, 0), (0, 1, 2), 0
    named = assert_named(*network([case], (0, 1, 2), verifiers=2, sample=0.3))
    assert sorted(len(verifiers) for verifiers in named["c0"] if verifiers) == [1, 2]


def test_samples_are_spread_over_the_requests_of_a_part():
    """Of ten requests with a sample of 0.2, not the first two."""
    named = assert_named(*network([((10, 0), (0, 2), 0)], (0, 1), sample=0.2))
    assert [i for i, verifiers in enumerate(named["c0"]) if verifiers] == [4, 9]


def test_mode_none_may_be_verified_and_needs_no_verifier():
    """Verifications that nobody asked for are named all the same."""
    for verified in ((0, 0), (0, 1)):
        case = (2, 0), verified, 0
        named = assert_named(*network([case], (0, 1), mode="none", verifiers=0), even=False)
        assert sum(map(len, named["c0"])) == sum(verified)


@pytest.mark.parametrize(
    ("constraint", "changes"),
    [
        (1, {"inference": [{"request": "c0", "node": "n0", "count": 1}]}),
        (1, {"unserved": {"c0": 1}}),
        (2, {"inference": [{"request": "c0", "node": "n2", "count": 2}]}),
        (9, {"verification": [{"request": "c0", "node": "n1", "count": 1}]}),
        (11, {"verification": [{"request": "c0", "node": "n0", "count": 2}]}),
        (11, {"verification": [{"request": "c0", "node": "n1", "count": 3}]}),
    ],
)
def test_solutions_that_break_a_rule_of_naming_are_refused_at_once(constraint, changes):
    """The constraint is named before any request is."""
    instance, solution = network([((2, 0), (0, 2), 0)], (0, 1))
    idle = {"name": "n2", "roles": ["verification"]}
    instance = instance.replace(nodes=[*instance.to_dict()["nodes"], idle])
    broken = Solution.from_dict({**solution.to_dict(), **changes})
    with pytest.raises(InvalidSolution, match=f"constraint {constraint}"):
        expand(instance, broken)


def test_a_part_that_leaves_too_few_samples_to_others_is_refused():
    """Half of four and two verifications, where three samples are to be had in all."""
    with pytest.raises(InvalidSolution, match="constraint 11"):
        expand(*network([((4, 2), (2, 1), 0)], (0, 1), sample=0.5))


def test_a_sample_of_next_to_nothing_is_rounded_the_way_that_works():
    """n0 executes a ten-millionth of a request and verifies one: n1's request is the sample."""
    named = assert_named(*network([((1, 1), (1, 0), 0)], (0, 1), sample=1e-7))
    assert named["c0"] == [[], ["n0"]]


def test_unknown_names_are_refused():
    """A solution of another instance."""
    instance, solution = network([((2, 0), (0, 2), 0)], (0, 1))
    stranger = Solution.from_dict(
        {**solution.to_dict(), "inference": [{"request": "c0", "node": "zoe", "count": 2}]}
    )
    with pytest.raises(InvalidSolution, match="zoe"):
        expand(instance, stranger)


def test_a_breach_within_the_tolerance_of_huge_sums_is_refused():
    """Of 3,000,000 requests, one verification too many is feasible but cannot be named."""
    many = 3_000_000
    with pytest.raises(InvalidSolution, match="constraint 11"):
        expand(*network([((many, 0), (1, many), 0)], (0, 1)))


def crowd(classes, count):
    """Classes of `count` requests on four nodes, two verifiers a request on four others."""
    cases = [((count // 4,) * 4 + (0,) * 4, (0,) * 4 + (count // 2,) * 4, 0)] * classes
    instance, solution = network(cases, range(8), verifiers=2)
    return instance, solution


@pytest.mark.parametrize(
    ("classes", "count", "limit_s"),
    [(1000, 52, 2.0), pytest.param(20_000, 52, 20.0, marks=pytest.mark.slow)],
)
def test_many_requests_are_named_fast(classes, count, limit_s):
    """A million requests in 20,000 classes take a few seconds."""
    instance, solution = crowd(classes, count)
    begun = time.process_time()
    named = sum(len(row["verifiers"]) for row in expand(instance, solution))
    assert time.process_time() - begun < limit_s
    assert named == 2 * classes * count
