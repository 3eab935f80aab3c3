"""Like classes made one and split again: the same optimum, the same cost, the same bound."""

import copy

import numpy as np
import pytest
import tinies
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle.exhaustive import optimal_solution, optimum
from oracle.judge import judge

from placement import Instance, Solution, evaluate, solve
from placement.aggregation import aggregate
from placement.certificate import lower_bound
from placement.evaluation import evaluate_placement
from placement.prices import Prices
from placement.quantities import Quantities
from placement.solution import Placement, to_placement, to_solution
from placement.solving import METHODS

many = settings(max_examples=60, deadline=None, derandomize=True)
FEW, MANY = 15, 200

seeds_of = pytest.mark.parametrize(
    "seeds",
    [
        pytest.param(range(FEW), id="few"),
        pytest.param(range(FEW, MANY), id="many", marks=pytest.mark.slow),
    ],
)


def same(one, other):
    """Equal to 1e-6 relative, or both None."""
    return one == (None if other is None else pytest.approx(other, rel=1e-6, abs=1e-9))


def pieces(rng, count):
    """A number as a sum of numbers of at least 1."""
    cuts = np.flatnonzero(rng.random(count - 1) < 0.6) + 1
    return np.diff([0, *cuts.tolist(), count]).tolist()


def taken_apart(seed):
    """A tiny instance (dict) whose classes are given as several each, in another order."""
    document = copy.deepcopy(tinies.document(seed))
    rng = np.random.default_rng(seed)
    for policy in document.get("policies", []):
        if rng.random() < 0.8:
            policy["sample"] = 1
    parts = [
        {**row, "name": f"{row['name']}/{i}", "count": count}
        for row in document["requests"]
        for i, count in enumerate(pieces(rng, row["count"]))
    ]
    document["requests"] = [parts[i] for i in rng.permutation(len(parts))]
    document["pairs"] = [
        {**pair, "request": row["name"]}
        for pair in document.get("pairs", [])
        for row in parts
        if row["name"].startswith(pair["request"] + "/")
    ]
    return document


def merged(seeds):
    """Instances taken apart, with their aggregation, where there is one."""
    for seed in seeds:
        document = taken_apart(seed)
        aggregation = aggregate(Quantities(Instance.from_dict(document)))
        if aggregation is not None:
            yield document, aggregation


# --- the optimum ------------------------------------------------------------------------------


@seeds_of
def test_the_optimum_is_the_same(seeds):
    """By the oracle, which knows nothing of merging; and its answers go there and back."""
    found = 0
    for document, aggregation in merged(seeds):
        small = aggregation.merged.to_dict()
        best = optimal_solution(small)
        assert same(best and best["objective"], optimum(document)), document["name"]
        if best is None:
            continue
        found += 1
        quantities = Quantities(aggregation.merged)
        solution = Solution.from_dict(best)
        split = aggregation.split(to_placement(quantities, solution))
        whole = to_solution(aggregation.original, split)
        verdict = judge(document, whole.to_dict())
        assert verdict.feasible, (document["name"], verdict.violations)
        assert same(verdict.objective, best["objective"])
        back = aggregation.gather(to_placement(aggregation.original, whole))
        again = to_solution(quantities, back)
        for table in ("inference", "verification", "replicas"):
            assert getattr(again, table) == getattr(solution, table)
        assert again.unserved == solution.unserved
    assert found > len(seeds) / 3


@seeds_of
def test_what_is_gathered_is_allowed(seeds):
    """An optimal placement of the classes as they were is one of the merged, at the same cost."""
    for document, aggregation in merged(seeds):
        best = optimal_solution(document)
        if best is not None:
            placement = to_placement(aggregation.original, Solution.from_dict(best))
            verdict = evaluate_placement(
                Quantities(aggregation.merged), aggregation.gather(placement)
            )
            assert verdict.feasible, (document["name"], verdict.violations)
            assert same(verdict.objective, best["objective"])


# --- verifiers --------------------------------------------------------------------------------


def network(groups, policy, counts):
    """An instance with all room in the world; nodes n0, n1, ... of the given control groups."""
    return Instance.from_dict(
        {
            "name": "roomy",
            "window_s": 1000,
            "operators": [{"name": f"o{group}"} for group in sorted(set(groups))],
            "nodes": [
                {
                    "name": f"n{i}",
                    "operator": f"o{group}",
                    "roles": ["hosting", "inference", "verification"],
                    "accelerator": "t",
                    "accelerators": 10,
                    "memory_gb": 100,
                    "loaded": {"m": 10},
                }
                for i, group in enumerate(groups)
            ],
            "models": [{"name": "m", "weights_gb": 0, "memory_gb": 1}],
            "profiles": [
                {
                    "model": "m",
                    "accelerator": "t",
                    "prefill_tokens_per_s": 1,
                    "decode_tokens_per_s": 1,
                }
            ],
            "policies": [{"name": "p", **policy}],
            "requests": [
                {"name": f"c{i}", "model": "m", "policy": "p", "penalty": 1.0, "count": count}
                for i, count in enumerate(counts)
            ],
        }
    )


@st.composite
def named(draw):
    """Classes of one kind, and requests with their executor and verifiers, drawn one by one."""
    groups = draw(st.lists(st.integers(0, 4), min_size=3, max_size=7))
    independence = draw(st.sampled_from(["group", "node", "none"]))
    part = {"group": groups}.get(independence, list(range(len(groups))))
    verifiers = draw(st.integers(0, min(3, len(set(part)) - (independence != "none"))))
    mode = "reexecution" if verifiers else "none"
    policy = {"mode": mode, "verifiers": verifiers, "independence": independence}
    counts = draw(st.lists(st.integers(1, 6), min_size=2, max_size=9))
    runs, checks = [], []
    for _ in range(draw(st.integers(0, sum(counts)))):
        nodes = draw(st.permutations(range(len(groups))))
        runs.append(nodes[0])
        taken = {part[nodes[0]]} if independence != "none" else set()
        extra = draw(st.integers(0, 9)) == 0 and verifiers > 0
        for n in nodes if independence == "none" else nodes[1:]:
            if part[n] not in taken and len(taken) < verifiers + extra + (independence != "none"):
                taken.add(part[n])
                checks.append(n)
    return network(groups, policy, counts), runs, checks


def rows(nodes, size):
    """Nodes as rows of class 0, and how often each is there."""
    count = np.bincount(np.array(nodes, dtype=np.int64), minlength=size)
    n = np.flatnonzero(count)
    return np.zeros_like(n), n, count[n]


@many
@given(named())
def test_verifiers_are_split_so_that_none_verifies_its_own(case):
    """Whatever can be named for each request can be split over classes of any sizes."""
    instance, runs, checks = case
    aggregation = aggregate(Quantities(instance))
    quantities = Quantities(aggregation.merged)
    m, n = np.nonzero(quantities.loaded)
    columns = dict(
        zip(("run_g", "run_n", "run_count"), rows(runs, quantities.n_nodes), strict=True)
    )
    checks = rows(checks, quantities.n_nodes)
    columns |= dict(zip(("verify_g", "verify_n", "verify_count"), checks, strict=True))
    placement = Placement(
        **{
            **vars(Placement.empty(quantities)),
            **columns,
            "host_m": np.array([0]),
            "host_n": np.array([0]),
            "replica_m": m,
            "replica_n": n,
            "replica_count": quantities.loaded[m, n],
            "unserved": quantities.count - len(runs),
        }
    )
    before = evaluate_placement(quantities, placement)
    after = evaluate_placement(aggregation.original, aggregation.split(placement))
    assert before.feasible, before.violations
    assert after.feasible, after.violations
    assert after.terms == pytest.approx(before.terms)


def test_a_class_for_each_request():
    """A thousand classes of one request, all verified twice, by the simplest of methods."""
    counts = [1] * 1000
    instance = network(range(40), {"mode": "attestation", "verifiers": 2}, counts)
    result = solve(instance, "least-loaded")
    assert result.solution.unserved == {}
    assert evaluate(instance, result.solution).feasible


# --- the bound --------------------------------------------------------------------------------


def some_prices(rng, q):
    """Random prices of all constraints."""
    zero = Prices.zero(q)
    drawn = {
        name: rng.random(column.shape) * rng.integers(0, 2, column.shape)
        for name, column in vars(zero).items()
        if name not in ("part_class", "part", "independence")
    }
    pairs = rng.permutation(q.n_classes * q.n_groups)[: rng.integers(0, 6)]
    bound = q.independence[pairs // q.n_groups] == 0
    g, part = np.divmod(pairs[bound], q.n_groups)
    return Prices(**drawn, part_class=g, part=part, independence=rng.random(len(g)))


@seeds_of
def test_prices_prove_the_same_bound(seeds):
    """Whatever the prices are."""
    for _, aggregation in merged(seeds):
        rng = np.random.default_rng(0)
        quantities = Quantities(aggregation.merged)
        for _ in range(5):
            prices = some_prices(rng, quantities)
            split = aggregation.split_prices(prices)
            bound = lower_bound(quantities, prices)
            assert lower_bound(aggregation.original, split) == pytest.approx(bound, rel=1e-9)
            listed = split.to_document(aggregation.original)
            read = Prices.from_document(aggregation.original, listed)
            assert lower_bound(aggregation.original, read) == pytest.approx(bound, rel=1e-9)


# --- every method -----------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "seeds",
    [
        pytest.param(range(5), id="few"),
        pytest.param(range(5, 25), id="many", marks=pytest.mark.slow),
    ],
)
def test_answers_are_about_the_classes_as_given(method, seeds):
    """Feasible, certified and explained in the names of the instance; a start is taken up."""
    for document, aggregation in merged(seeds):
        instance = aggregation.original.instance
        result = solve(instance, method, gap=0.0, threads=1)
        best = optimum(document)
        assert (result.lower_bound or 0.0) <= (np.inf if best is None else best) * (1 + 1e-6)
        entities = {name for reason in result.reasons for name in reason.entities}
        assert not {name for name in entities if "like it" in name}
        if result.objective is None:
            continue
        verdict = judge(document, result.solution.to_dict())
        assert verdict.feasible, verdict.violations
        assert same(verdict.objective, result.objective)
        again = solve(instance, method, gap=0.0, threads=1, initial_solution=result.solution)
        assert again.objective <= result.objective * (1 + 1e-9)


def test_nothing_to_merge():
    """Classes that differ, that are sampled, or that have pairs of their own, stay apart."""
    counts = [2, 3]
    sampled = network(range(3), {"mode": "attestation", "sample": 0.5}, counts)
    assert aggregate(Quantities(sampled)) is None
    like = network(range(3), {"mode": "attestation"}, counts)
    assert len(aggregate(Quantities(like)).merged.requests) == 1
    first, second = (row.model_dump() for row in like.requests)
    unlike = like.replace(requests=[first, {**second, "penalty": 2.0}])
    assert aggregate(Quantities(unlike)) is None
    pairs = [{"request": name, "node": "n0", "work_s": 1.0} for name in ("c0", "c1")]
    assert aggregate(Quantities(like.replace(pairs=pairs))) is None


def test_what_is_impossible_only_together_is_told_in_names_of_the_instance():
    """Requests that must be served, each class of them with room enough by itself."""
    like = network(range(2), {"mode": "none"}, [1] * 3)
    rows = [{**row.model_dump(), "penalty": None, "output_tokens": 9000.0} for row in like.requests]
    result = solve(like.replace(requests=rows))
    assert result.status == "infeasible"
    assert result.reasons
    assert all(
        set(reason.entities) <= {"c0", "c1", "c2", "m", "n0", "n1"} for reason in result.reasons
    )
