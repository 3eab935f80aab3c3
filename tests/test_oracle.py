"""The oracle is held against itself: three readings of one page, by different means."""

import copy
from functools import cache
from itertools import combinations, product
from math import ceil

import pytest
from oracle.enumeration import TooLarge, enumerate_optimum, splits
from oracle.exhaustive import optimal_solution, optimum
from oracle.judge import judge
from oracle.tiny import MODES, tiny_instance

TINY = cache(tiny_instance)
OPTIMUM = cache(lambda seed: optimum(TINY(seed)))


def same(one, other):
    """Whether two optima are the same, to 1e-6 relative."""
    if one is None or other is None:
        return one is other
    return one == pytest.approx(other, rel=1e-6, abs=1e-12)


# The exact solvers


@pytest.mark.parametrize(
    ("small", "seeds", "least"),
    [
        (True, range(30), 15),
        (False, range(16), 3),
        pytest.param(True, range(30, 100), 40, marks=pytest.mark.slow),
        pytest.param(False, range(16, 50), 9, marks=pytest.mark.slow),
    ],
)
def test_program_and_enumeration_agree(small, seeds, least):
    """Wherever everything can be tried, the program finds the same optimum or none as well."""
    compared = infeasible = 0
    for seed in seeds:
        instance = tiny_instance(seed, small=small)
        try:
            expected = enumerate_optimum(instance, most=20_000)
        except TooLarge:
            continue
        assert same(optimum(instance), expected), instance["name"]
        compared, infeasible = compared + 1, infeasible + (expected is None)
    assert compared >= least
    assert infeasible >= 1


def test_optimal_solutions_are_judged_as_they_claim():
    """A solution of the program is feasible and costs what it says, read back from its dict."""
    for seed in range(40):
        solution = optimal_solution(TINY(seed))
        if solution is not None:
            verdict = judge(TINY(seed), solution)
            assert verdict.feasible, verdict.violations
            assert verdict.objective == solution["objective"]


def test_the_same_seed_gives_the_same_tiny_instance():
    """Twice."""
    assert [tiny_instance(seed) for seed in range(20)] == [TINY(seed) for seed in range(20)]


@pytest.mark.slow
def test_tiny_instances_are_mostly_feasible():
    """Five to twelve in a hundred are infeasible."""
    found = [OPTIMUM(seed) for seed in range(200)]
    assert 0.04 <= found.count(None) / 200 <= 0.12


# Every feature matters somewhere


def every(table, **changes):
    """A relaxation: set the fields in all rows of the table that give them."""

    def relax(instance):
        for row in instance.get(table, []):
            row.update({key: value for key, value in changes.items() if key in row})

    return relax


def without(table, *keys):
    """A relaxation: the fields take their defaults in all rows of the table."""

    def relax(instance):
        for row in instance.get(table, []):
            for key in keys:
                row.pop(key, None)

    return relax


def with_role(role):
    """A relaxation: all nodes have the role."""

    def relax(instance):
        for node in instance["nodes"]:
            node["roles"] = sorted({*node["roles"], role})

    return relax


def without_mode(mode):
    """A relaxation: policies of this mode verify nothing."""

    def relax(instance):
        for policy in instance["policies"]:
            if policy.get("mode") == mode:
                policy.update(mode="none", verifiers=0)

    return relax


def without_independence(kind):
    """A relaxation: policies of this independence ask for none."""

    def relax(instance):
        for policy in instance["policies"]:
            if policy.get("independence", "group") == kind:
                policy["independence"] = "none"

    return relax


def without_limit(name):
    """A relaxation: one of the limits is lifted."""
    return lambda instance: instance.get("limits", {}).pop(name, None)


def transpose_latency(instance):
    """Turn every latency round: it matters only where latencies are asymmetric."""
    rows = instance["network"].get("latency_ms", [])
    instance["network"]["latency_ms"] = [list(row) for row in zip(*rows, strict=True)]


def free_transfer(instance):
    """Moving weights costs nothing."""
    instance["network"]["transfer_cost_per_gb"] = 0


def unpaired(instance):
    """Classes with a model need no rows."""
    plain = {row["name"] for row in instance["requests"] if "model" not in row}
    rows = instance.get("pairs", [])
    instance["pairs"] = [row for row in rows if row["request"] in plain]


def computed_work(instance):
    """Rows do not set the work where a profile gives it."""
    model = {row["name"]: row.get("model") for row in instance["requests"]}
    kind = {row["name"]: row.get("accelerator") for row in instance["nodes"]}
    profiled = {(row["model"], row["accelerator"]) for row in instance["profiles"]}
    for row in instance.get("pairs", []):
        if (model[row["request"]], kind[row["node"]]) in profiled:
            row.pop("work_s", None)


RELAXATIONS = {
    "operators": without("nodes", "operator"),
    "control_group": without("operators", "control_group"),
    "max_share": without("operators", "max_share"),
    "hosting": with_role("hosting"),
    "inference": with_role("inference"),
    "verification": with_role("verification"),
    "memory_gb": every("nodes", memory_gb=200),
    "storage_gb": every("nodes", storage_gb=200),
    "verification_cores": every("nodes", verification_cores=99),
    "max_utilization": without("nodes", "max_utilization"),
    "load_gb_per_s": every("nodes", load_gb_per_s=1e6),
    "engaged_cost": without("nodes", "engaged_cost_per_hour"),
    "accelerator_cost": without("nodes", "accelerator_cost_per_hour"),
    "verification_cost": without("nodes", "verification_cost_per_core_hour"),
    "storage_cost": without("nodes", "storage_cost_per_gb_hour"),
    "node region": without("nodes", "region"),
    "hosted": without("nodes", "hosted"),
    "loaded": without("nodes", "loaded"),
    "min_hosts": without("models", "min_hosts"),
    "origin": without("models", "origin"),
    "model accelerators": without("models", "accelerators"),
    **{mode: without_mode(mode) for mode in MODES if mode != "none"},
    "verifiers": without("policies", "verifiers"),
    "sample": without("policies", "sample"),
    "independence group": without_independence("group"),
    "independence node": without_independence("node"),
    "requires_tee": without("policies", "requires_tee"),
    "executor_overhead": without("policies", "executor_overhead"),
    "executor_extra_s": without("policies", "executor_extra_s"),
    "verification_core_s": without("policies", "verification_core_s"),
    "max_ttft_ms": without("requests", "max_ttft_ms"),
    "jurisdictions": without("requests", "jurisdictions"),
    "penalty": without("requests", "penalty"),
    "latency_cost_per_s": without("requests", "latency_cost_per_s"),
    "asymmetric latency": transpose_latency,
    "transfer_cost_per_gb": free_transfer,
    "max_new_replicas": without_limit("max_new_replicas"),
    "max_transfer_gb": without_limit("max_transfer_gb"),
    "pairs": unpaired,
    "pair cost": without("pairs", "cost"),
    "work_s": computed_work,
}


@pytest.mark.parametrize("feature", RELAXATIONS)
def test_every_feature_changes_some_optimum(feature):
    """Among the tiny instances at least three have another optimum without the feature."""
    changed = 0
    for seed in range(300):
        instance = copy.deepcopy(TINY(seed))
        RELAXATIONS[feature](instance)
        if instance != TINY(seed):
            changed += not same(optimum(instance), OPTIMUM(seed))
        if changed == 3:
            return
    pytest.fail(f"{feature} changes {changed} optima of 300")


# The lemma of constraint 11


@cache
def nameable(executed, verified, k):
    """Whether each request can have k verifiers, on parts unlike each other's and its executor's.

    Parts are tried in all ways; requests are alike, so the next one may be any of its executor's.
    """
    if not any(executed):
        return not any(verified)
    part = next(o for o, count in enumerate(executed) if count)
    rest = tuple(count - (o == part) for o, count in enumerate(executed))
    able = [o for o, count in enumerate(verified) if count and o != part]
    return any(
        nameable(rest, tuple(count - (o in chosen) for o, count in enumerate(verified)), k)
        for chosen in combinations(able, k)
    )


@pytest.mark.parametrize(
    ("d", "k"), [(d, k) for k in (1, 2, 3) for d in range(1, 5 if k < 3 else 4)]
)
def test_verifiers_can_be_named_where_no_part_has_more_than_all(d, k):
    """Executor and verifiers can be named if and only if executed + verified <= d on each part."""
    for parts in range(1, 5):
        for executed, verified in product(splits(d, parts), splits(k * d, parts)):
            fits = all(e + v <= d for e, v in zip(executed, verified, strict=True))
            assert nameable(executed, verified, k) == fits, (executed, verified)


@pytest.mark.parametrize("q", [0.1, 0.25, 0.3, 0.5, 0.75, 1])
def test_requests_can_be_sampled_where_constraint_11_holds(q):
    """Of each part's requests so many can be sampled that the lemma applies to the sample.

    That is where q x executed + verified <= d on each part, d = q x served rounded up.
    """
    for served in range(1, 7):
        d = ceil(q * served - 1e-9)
        for executed in splits(served, 3):
            for verified in product(range(d + 1), repeat=3):
                both = list(zip(executed, verified, strict=True))
                if all(q * e + v <= d + 1e-9 for e, v in both):
                    assert sum(min(e, d - v) for e, v in both) >= d
