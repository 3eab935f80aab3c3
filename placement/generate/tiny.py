"""Tiny instances, odd in every way the format allows, small enough for brute force.

Amounts are round and of like size, so that each part of the objective and each constraint decides
something in some seed. Every instance has a feasible placement.
"""

from typing import Any

from placement.generate.draw import Rng, stream
from placement.instance import Instance

WINDOW_S = 100.0
TYPES = ("fast", "slow")
POLICIES: tuple[dict[str, Any], ...] = (
    {"name": "plain", "mode": "none"},
    {"name": "enclave", "mode": "none", "requires_tee": ["tee-a"], "executor_overhead": 1.2},
    {
        "name": "attested",
        "mode": "attestation",
        "requires_tee": ["tee-a", "tee-b"],
        "executor_overhead": 1.1,
        "verification_core_s": 10.0,
    },
    {
        "name": "proven",
        "mode": "proof",
        "executor_extra_s": 5.0,
        "verification_core_s": 20.0,
        "independence": "node",
    },
    {"name": "repeated", "mode": "reexecution", "verification_core_s": 2.0},
    {"name": "repeated-by-two", "mode": "reexecution", "verifiers": 2},
    {"name": "sampled", "mode": "reexecution", "sample": 0.5, "independence": "node"},
    {
        "name": "unwatched",
        "mode": "attestation",
        "verification_core_s": 5.0,
        "independence": "none",
    },
)
POLICY_WEIGHTS = (0.25, 0.1, 0.15, 0.1, 0.15, 0.05, 0.1, 0.1)
ROLES = (
    (["hosting", "inference", "verification"], 0.5),
    (["hosting", "inference"], 0.15),
    (["inference", "verification"], 0.15),
    (["inference"], 0.1),
    (["verification"], 0.05),
    (["hosting"], 0.05),
)
Rows = list[dict[str, Any]]


def build(seed: int) -> Instance:
    """A tiny instance; three seeds in ten have requests that must be served."""
    draw = _Draw(stream(seed, "tiny"))
    must_serve = draw.chance(0.3)
    operators = _operators(draw, must_serve)
    models = _models(draw)
    nodes = _nodes(draw, operators, models)
    if must_serve:
        _make_able(nodes[0], models)
    copies = _store(draw, nodes, models, operators)
    profiles = _profiles(draw, models)
    requests = _requests(draw, models)
    if must_serve:
        requests.append(_must_serve(draw, models))
    return Instance.from_dict(
        {
            "format": "placement-instance/1",
            "name": f"tiny-{seed}",
            "source": f"placement generate tiny --seed {seed}",
            "window_s": WINDOW_S,
            "regions": [
                {"name": "west", "jurisdiction": "US"},
                {"name": "east", "jurisdiction": "EU"},
            ],
            "network": {
                "latency_ms": [[5, 80], [120, 10]],
                "transfer_cost_per_gb": draw.one(0.1, 0.0, [[0.02, 0.2], [0.1, 0.05]]),
            },
            "operators": operators,
            "nodes": nodes,
            "models": models,
            "profiles": profiles,
            "policies": list(POLICIES),
            "requests": requests,
            "limits": _limits(draw, copies, models),
            "pairs": _pairs(draw, requests, nodes, profiles),
        }
    )


class _Draw:
    """Draws in the words of this module."""

    def __init__(self, rng: Rng) -> None:
        self._rng = rng

    def chance(self, share: float) -> bool:
        return bool(self._rng.random() < share)

    def one(self, *options: Any) -> Any:
        return options[int(self._rng.integers(len(options)))]

    def weighted(self, weights: tuple[float, ...]) -> int:
        return int(self._rng.choice(len(weights), p=weights))

    def shuffled(self, items: list[Any]) -> list[Any]:
        return [items[i] for i in self._rng.permutation(len(items))]


def _operators(draw: _Draw, must_serve: bool) -> Rows:
    """Two or three; the first has no cap where it may have to serve."""
    rows: Rows = [{"name": name} for name in ("anna", "bert", "cleo")[: draw.one(2, 3, 3)]]
    if draw.chance(0.2):
        rows[1]["control_group"] = draw.one("anna", "holding")
    if draw.chance(0.3):
        capped = rows[-1] if must_serve else draw.one(*rows)
        if not (must_serve and capped.get("control_group") == "anna"):
            capped["max_share"] = draw.one(0.34, 0.5, 0.67)
    return rows


def _models(draw: _Draw) -> Rows:
    return [
        {
            "name": name,
            "weights_gb": draw.one(4, 8, 10),
            "memory_gb": draw.one(5, 9, 12),
            "accelerators": draw.one(1, 1, 1, 2),
            "min_hosts": draw.one(0, 1, 1, 2),
            "origin": draw.one("west", "east", None),
        }
        for name in ("alpha", "beta")[: draw.one(1, 2, 2)]
    ]


def _nodes(draw: _Draw, operators: Rows, models: Rows) -> Rows:
    size = (2, 3, 4)[draw.weighted((0.25, 0.6, 0.15))]
    return [_node(draw, i, operators, models) for i in range(size)]


def _node(draw: _Draw, i: int, operators: Rows, models: Rows) -> dict[str, Any]:
    accelerators = draw.one(1, 2, 2)
    memory = accelerators * draw.one(6, 12, 20)
    row: dict[str, Any] = {
        "name": f"node-{i + 1}",
        "operator": None if draw.chance(0.1) else operators[i % len(operators)]["name"],
        "region": None if draw.chance(0.1) else draw.one("west", "east"),
        "roles": ROLES[draw.weighted(tuple(weight for _, weight in ROLES))][0],
        "accelerator": draw.one(*TYPES),
        "accelerators": accelerators,
        "memory_gb": memory,
        "verification_cores": draw.one(0.2, 1, 2),
        "tee": draw.one([], [], ["tee-a"], ["tee-b"], ["tee-a", "tee-b"]),
        "max_utilization": draw.one(0.6, 0.8, 1, 1),
        "load_gb_per_s": draw.one(0.5, 1, 2),
        "engaged_cost_per_hour": draw.one(0, 18, 72, 180),
        "accelerator_cost_per_hour": draw.one(36, 72, 144, 360),
        "verification_cost_per_core_hour": draw.one(0, 36, 72),
        "storage_cost_per_gb_hour": draw.one(0, 0.36, 3.6),
    }
    model = draw.one(*models)
    if draw.chance(0.35) and model["memory_gb"] <= memory:
        row["loaded"] = {model["name"]: 1 if model["memory_gb"] * 2 > memory else draw.one(1, 2)}
    return row


def _make_able(node: dict[str, Any], models: Rows) -> None:
    """Turn a node into one that can do whatever has to be done."""
    node |= {
        "operator": "anna",
        "roles": ["hosting", "inference", "verification"],
        "accelerator": "fast",
        "accelerators": 2,
        "memory_gb": 2 * sum(model["memory_gb"] for model in models),
        "max_utilization": 1,
    }


def _store(draw: _Draw, nodes: Rows, models: Rows, operators: Rows) -> float:
    """Give the hosts room for one way to store all models; return the GB it has to move."""
    hosts = [node for node in nodes if "hosting" in node["roles"]]
    group = {row["name"]: row.get("control_group", row["name"]) for row in operators}
    moved = 0.0
    for node in hosts:
        node["storage_gb"] = draw.one(0, 0, 5, 20)
        node["hosted"] = []
    for model in models:
        chosen: dict[str, dict[str, Any]] = {}
        for node in [*hosts[:1], *draw.shuffled(hosts[1:])]:
            chosen.setdefault(group.get(node["operator"], node["name"]), node)
        model["min_hosts"] = min(model["min_hosts"], len(chosen))
        for node in list(chosen.values())[: max(1, model["min_hosts"])]:
            node["storage_gb"] += model["weights_gb"]
            if draw.chance(0.5):
                node["hosted"].append(model["name"])
            else:
                moved += model["weights_gb"]
    return moved


def _profiles(draw: _Draw, models: Rows) -> Rows:
    return [
        {
            "model": model["name"],
            "accelerator": kind,
            "prefill_tokens_per_s": draw.one(100, 200) / (1 if kind == "fast" else 2),
            "decode_tokens_per_s": draw.one(20, 25) / (1 if kind == "fast" else draw.one(1, 2)),
        }
        for model in models
        for kind in TYPES
        if kind == "fast" or draw.chance(0.8)
    ]


def _requests(draw: _Draw, models: Rows) -> Rows:
    rows = [_request(draw, f"class-{i + 1}", models) for i in range(draw.one(1, 2, 2, 3))]
    if draw.chance(0.2):
        rows.append({"name": "job", "count": draw.one(1, 2), "penalty": draw.one(3, 12)})
    return rows


def _request(draw: _Draw, name: str, models: Rows) -> dict[str, Any]:
    tokens = draw.one(100, 400, 1000)
    return {
        "name": name,
        "model": draw.one(*models)["name"],
        "region": draw.one("west", "east", None),
        "policy": None if draw.chance(0.1) else POLICIES[draw.weighted(POLICY_WEIGHTS)]["name"],
        "count": draw.one(1, 2, 3),
        "input_tokens": tokens,
        "output_tokens": draw.one(50, 200, 500),
        "max_ttft_ms": draw.one(10 * tokens + 50, 5 * tokens + 100) if draw.chance(0.2) else None,
        "jurisdictions": draw.one(["EU"], ["US"], ["US", "EU"]) if draw.chance(0.25) else None,
        "penalty": draw.one(1, 4, 10, 20),
        "latency_cost_per_s": draw.one(0, 1, 10),
    }


def _must_serve(draw: _Draw, models: Rows) -> dict[str, Any]:
    """One or two requests that the node of `_make_able` could serve alone."""
    return {
        "name": "duty",
        "model": models[0]["name"],
        "count": draw.one(1, 2),
        "input_tokens": 400,
        "output_tokens": draw.one(100, 400),
        "policy": None,
    }


def _limits(draw: _Draw, copies: float, models: Rows) -> dict[str, Any]:
    """Limits that leave room for the copies that must be made and for one more."""
    limits: dict[str, Any] = {}
    if draw.chance(0.2):
        limits["max_new_replicas"] = draw.one(1, 2, 3)
    if draw.chance(0.2):
        limits["max_transfer_gb"] = copies + models[0]["weights_gb"] * draw.one(0, 1, 3)
    return limits


def _pairs(draw: _Draw, requests: Rows, nodes: Rows, profiles: Rows) -> Rows:
    """Rows for plain jobs, and sometimes for a class with a model."""
    known = {(row["model"], row["accelerator"]) for row in profiles}
    rows: Rows = []
    for request in requests:
        model = request.get("model")
        if request["name"] == "duty" or (model and not draw.chance(0.15)):
            continue
        for node in draw.shuffled(nodes)[: draw.one(1, 2, 3)]:
            row = {"request": request["name"], "node": node["name"], "cost": draw.one(0, 0.3, 1)}
            if model is None or (model, node["accelerator"]) not in known or draw.chance(0.5):
                row["work_s"] = draw.one(10, 25, 40)
            rows.append(row)
    return rows
