"""The judge is held against sums done by hand, and finds every violation that is planted."""

import copy

import pytest
from oracle.judge import CONSTRAINTS, judge

INSTANCE = {
    "format": "placement-instance/1",
    "name": "by-hand",
    "window_s": 100,
    "regions": [{"name": "eu", "jurisdiction": "EU"}, {"name": "us", "jurisdiction": "US"}],
    "network": {
        "latency_ms": [[10, 200], [150, 20]],
        "transfer_cost_per_gb": [[0, 0.01], [0.02, 0]],
    },
    "operators": [{"name": "alpha", "max_share": 0.8}, {"name": "beta"}],
    "nodes": [
        {
            "name": "a",
            "operator": "alpha",
            "region": "eu",
            "roles": ["hosting", "inference", "verification"],
            "accelerator": "A",
            "accelerators": 2,
            "memory_gb": 32,
            "storage_gb": 20,
            "verification_cores": 1,
            "max_utilization": 0.9,
            "load_gb_per_s": 2,
            "engaged_cost_per_hour": 36,
            "accelerator_cost_per_hour": 36,
            "storage_cost_per_gb_hour": 0.36,
            "hosted": ["m"],
            "loaded": {"m": 1},
        },
        {
            "name": "b",
            "operator": "beta",
            "region": "us",
            "roles": ["hosting", "inference", "verification"],
            "accelerator": "A",
            "accelerators": 1,
            "memory_gb": 16,
            "storage_gb": 10,
            "verification_cores": 1,
            "engaged_cost_per_hour": 18,
            "accelerator_cost_per_hour": 36,
            "verification_cost_per_core_hour": 18,
            "storage_cost_per_gb_hour": 0.72,
        },
        {"name": "c", "roles": ["inference", "verification"], "engaged_cost_per_hour": 99},
    ],
    "models": [
        {"name": "m", "weights_gb": 10, "memory_gb": 16, "min_hosts": 2, "origin": "eu"},
    ],
    "profiles": [
        {"model": "m", "accelerator": "A", "prefill_tokens_per_s": 100, "decode_tokens_per_s": 10},
    ],
    "policies": [
        {
            "name": "again",
            "mode": "reexecution",
            "sample": 0.5,
            "executor_overhead": 1.2,
            "executor_extra_s": 1,
            "verification_core_s": 5,
        },
    ],
    "requests": [
        {
            "name": "g",
            "model": "m",
            "region": "eu",
            "policy": "again",
            "count": 4,
            "input_tokens": 100,
            "output_tokens": 100,
            "max_ttft_ms": 1010,
            "penalty": 3,
            "latency_cost_per_s": 1,
        },
        {"name": "job", "count": 1, "latency_cost_per_s": 1},
    ],
    "limits": {"max_new_replicas": 3, "max_transfer_gb": 30},
    "pairs": [{"request": "job", "node": "b", "cost": 0.5, "work_s": 20}],
}
SOLUTION = {
    "hosting": {"m": ["a", "b"]},
    "replicas": [
        {"model": "m", "node": "a", "count": 2},
        {"model": "m", "node": "b", "count": 1},
    ],
    "loads": [
        {"model": "m", "node": "a", "source": "a", "count": 1},
        {"model": "m", "node": "b", "source": "a", "count": 1},
    ],
    "inference": [
        {"request": "g", "node": "a", "count": 3},
        {"request": "job", "node": "b", "count": 1},
    ],
    "verification": [{"request": "g", "node": "b", "count": 2}],
    "unserved": {"g": 1},
}
# One request takes 1 + 10 s bare, 1.2 x 11 + 1 = 14.2 s with the policy; loading takes 5 s on a
# and 10 s on b. So a is busy for 3 x 14.2 + 5 = 47.6 s and b for 2 x 11 + 20 + 10 = 52 s.
TERMS = {
    "unserved": 3,
    "compute": 0.01 * (47.6 + 52),
    "engagement": 1 + 0.5,
    "verification": 0.005 * 2 * 5,
    "storage": 10 * 0.01 + 10 * 0.02,
    "transfer": 10 * 0.01 + 10 * 0.01,
    "latency": 3 * 0.010,
    "pair": 0.5,
}


def changed(*changes):
    """The instance and the solution by hand, after changes of single fields.

    A change is (path, value): a path starts at "instance" or "solution", steps into rows by their
    name or index, and a value of None takes the field away.
    """
    both = {"instance": copy.deepcopy(INSTANCE), "solution": copy.deepcopy(SOLUTION)}
    for path, value in changes:
        *steps, last = path.split(".")
        place = both
        for step in steps:
            place = _step(place, step)
        if value is None:
            place.pop(last)
        else:
            place[int(last) if isinstance(place, list) else last] = value
    return both["instance"], both["solution"]


def _step(place, step):
    if isinstance(place, dict):
        return place[step]
    if step.isdigit():
        return place[int(step)]
    return next(row for row in place if row["name"] == step)


def test_the_solution_by_hand_is_feasible_and_costs_what_the_sum_says():
    """Every term is there and is not 0."""
    verdict = judge(INSTANCE, SOLUTION)
    assert verdict.violations == []
    assert verdict.feasible
    assert verdict.terms == pytest.approx(TERMS)
    assert verdict.objective == pytest.approx(sum(TERMS.values()))


NODE_A, NODE_B, CLASS_G = "instance.nodes.a", "instance.nodes.b", "instance.requests.g"
POLICY = "instance.policies.again"
ON_A = {"model": "m", "node": "a", "count": 1}
ON_C = {"model": "m", "node": "c", "count": 1}
[JOB_ON_B] = INSTANCE["pairs"]
LOAD_A, LOAD_B = SOLUTION["loads"]
PLANTED = [
    (1, "a request is lost", [("solution.unserved", {})]),
    (1, "one is served twice", [("solution.inference.0.count", 4)]),
    (1, "all must be served", [(CLASS_G + ".penalty", None)]),
    (2, "no role to run", [(NODE_A + ".roles", ["hosting", "verification"])]),
    (2, "no role to verify", [(NODE_B + ".roles", ["hosting", "inference"])]),
    (2, "no trusted hardware", [(POLICY + ".requires_tee", ["sgx"])]),
    (
        2,
        "the wrong trusted hardware",
        [(POLICY + ".requires_tee", ["sgx"]), (NODE_A + ".tee", ["tdx"])],
    ),
    (2, "run abroad", [(CLASS_G + ".jurisdictions", ["US"])]),
    (2, "verified abroad", [(CLASS_G + ".jurisdictions", ["EU"])]),
    (2, "too late", [(CLASS_G + ".max_ttft_ms", 1009)]),
    (
        2,
        "not listed",
        [
            ("instance.pairs.0.request", "g"),
            ("solution.inference.1.count", 0),
            ("instance.requests.job.count", 0),
        ],
    ),
    (2, "no profile", [("instance.profiles", [])]),
    (2, "verifier without a profile", [(NODE_B + ".accelerator", "B")]),
    (
        2,
        "verifier with a row instead of a profile",
        [
            (NODE_B + ".accelerator", "B"),
            (
                "instance.pairs",
                [JOB_ON_B, *({**JOB_ON_B, "request": "g", "node": n} for n in "ab")],
            ),
        ],
    ),
    (
        3,
        "too few replicas",
        [
            (POLICY + ".executor_extra_s", 20),
            ("solution.replicas.0", ON_A),
            ("solution.loads", [LOAD_B]),
        ],
    ),
    (3, "none to execute", [("solution.replicas.0.count", 0), ("solution.loads", [LOAD_B])]),
    (
        3,
        "none though no work",
        [
            (CLASS_G + ".input_tokens", 0),
            (CLASS_G + ".output_tokens", 0),
            (POLICY + ".executor_extra_s", 0),
            ("solution.replicas.0.count", 0),
            ("solution.loads", [LOAD_B]),
        ],
    ),
    (3, "none to re-execute", [("solution.replicas.1.count", 0), ("solution.loads", [LOAD_A])]),
    (4, "loading takes long", [(NODE_A + ".load_gb_per_s", 0.05)]),
    (4, "the plain job takes long", [("instance.pairs.0.work_s", 69)]),
    (5, "too many replicas", [("solution.replicas.0.count", 3), ("solution.loads.0.count", 2)]),
    (
        5,
        "replicas without accelerators",
        [
            ("instance.nodes.c.loaded", {"m": 1}),
            ("solution.replicas", [*SOLUTION["replicas"], ON_C]),
        ],
    ),
    (6, "too little storage", [(NODE_B + ".storage_gb", 9.9)]),
    (6, "no host", [(NODE_B + ".roles", ["inference", "verification"])]),
    (7, "not loaded", [("solution.loads", [LOAD_A])]),
    (7, "loaded twice", [("solution.loads.0.count", 2)]),
    (7, "loaded though there", [("solution.replicas.0", ON_A)]),
    (7, "from no host", [("solution.loads.0.source", "c")]),
    (8, "one host", [("solution.hosting.m", ["a"])]),
    (8, "two hosts asked of three", [("instance.models.m.min_hosts", 3)]),
    (9, "too few", [("solution.verification.0.count", 1)]),
    (9, "two verifiers asked", [(POLICY + ".verifiers", 2)]),
    (10, "no cores", [(NODE_B + ".verification_cores", 0)]),
    (10, "too few cores", [(POLICY + ".verification_core_s", 51)]),
    (11, "verifies itself", [("solution.verification.0.node", "a")]),
    (
        11,
        "verified by its like",
        [("instance.operators.1.control_group", "alpha"), ("instance.models.m.min_hosts", 1)],
    ),
    (
        11,
        "the node itself",
        [(POLICY + ".independence", "node"), ("solution.verification.0.node", "a")],
    ),
    (
        11,
        "more than served",
        [(POLICY + ".independence", "none"), ("solution.verification.0.count", 4)],
    ),
    (12, "too large a share", [("instance.operators.0.max_share", 0.59)]),
    (
        12,
        "too large for the group",
        [
            ("instance.operators.1", {"name": "z", "control_group": "alpha", "max_share": 0.5}),
            (NODE_B + ".operator", None),
        ],
    ),
    (13, "too many new", [("instance.limits.max_new_replicas", 1)]),
    (13, "too much moved", [("instance.limits.max_transfer_gb", 19)]),
]


@pytest.mark.parametrize(("number", "what", "changes"), PLANTED, ids=[p[1] for p in PLANTED])
def test_planted_violations_are_found(number, what, changes):
    """One change of the feasible solution breaks one constraint, and the judge finds just that."""
    verdict = judge(*changed(*changes))
    assert not verdict.feasible
    assert {violation.constraint for violation in verdict.violations} == {number}, what
    assert all(violation.amount > 0 and violation.message for violation in verdict.violations)


def test_every_constraint_is_planted():
    """The cases above leave out none of the thirteen constraints."""
    assert {number for number, *_ in PLANTED} == set(CONSTRAINTS)


ALLOWED = {
    "share just reached": [("instance.operators.0.max_share", 0.6)],
    "limits just reached": [("instance.limits", {"max_new_replicas": 2, "max_transfer_gb": 20})],
    "node independence within a group": [
        ("instance.operators.1.control_group", "alpha"),
        ("instance.models.m.min_hosts", 1),
        (POLICY + ".independence", "node"),
    ],
    "verifies itself": [(POLICY + ".independence", "none"), ("solution.verification.0.node", "a")],
    "one of the trusted hardwares": [
        (POLICY + ".requires_tee", ["sgx", "tdx"]),
        (NODE_A + ".tee", ["tdx"]),
    ],
    "cores just reached": [(POLICY + ".verification_core_s", 50)],
    "noise of the sixth digit": [("instance.pairs.0.work_s", 68.00009)],
    "replicas of the past dropped": [
        ("instance.nodes.b.loaded", {"m": 1}),
        ("solution.loads", [LOAD_A]),
    ],
}


@pytest.mark.parametrize("changes", ALLOWED.values(), ids=ALLOWED)
def test_limits_may_be_reached(changes):
    """What is just within a limit, or asked by no rule, is no violation."""
    assert judge(*changed(*changes)).violations == []


def test_rounding_up_is_not_disturbed_by_noise():
    """With q = 0.1 and 30 served, 3.0000000000000004 rounds up to 3, not to 4."""
    common = [
        (CLASS_G + ".count", 30),
        (POLICY + ".sample", 0.1),
        (POLICY + ".independence", "node"),
        ("instance.window_s", 1000),
        ("solution.unserved", {}),
        ("solution.inference.0.count", 30),
        ("instance.operators.0.max_share", 1),
    ]
    three = judge(*changed(*common, ("solution.verification.0.count", 3)))
    four = judge(*changed(*common, ("solution.verification.0.count", 4)))
    assert three.feasible
    assert [violation.constraint for violation in four.violations] == [11]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (("instance.colour", "red"), ValueError),
        (("instance.nodes.a.colour", "red"), ValueError),
        (("instance.pairs.0.work_s", None), ValueError),
        (("solution.inference.0.count", 1.5), ValueError),
        (("solution.inference.0.count", -1), ValueError),
        (("solution.inference.1", {"request": "g", "node": "a", "count": 1}), ValueError),
        (("solution.inference.0.node", "nowhere"), KeyError),
    ],
)
def test_nonsense_is_refused(change, error):
    """What has no meaning gets no verdict."""
    with pytest.raises(error):
        judge(*changed(change))


def test_columns_mean_the_same_as_rows():
    """A table may be written by columns."""
    instance = copy.deepcopy(INSTANCE)
    instance["profiles"] = {key: [value] for key, value in INSTANCE["profiles"][0].items()}
    assert judge(instance, SOLUTION) == judge(INSTANCE, SOLUTION)
