"""A small instance, its solution by hand, and a way to run the command line in this process."""

import copy
import json
import resource
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from placement.cli import app

INSTANCE: dict[str, Any] = {
    "format": "placement-instance/1",
    "name": "sample",
    "source": "written by hand",
    "window_s": 3600,
    "regions": [
        {"name": "eu", "jurisdiction": "EU"},
        {"name": "us", "jurisdiction": "US"},
    ],
    "network": {"latency_ms": [[5, 90], [90, 5]], "transfer_cost_per_gb": [[0, 0.02], [0.02, 0]]},
    "operators": [
        {"name": "north", "control_group": "polar", "max_share": 0.9},
        {"name": "south", "max_share": 1},
    ],
    "nodes": [
        {
            "name": "alpha",
            "operator": "north",
            "region": "eu",
            "roles": ["hosting", "inference"],
            "accelerator": "h100",
            "accelerators": 2,
            "memory_gb": 160,
            "storage_gb": 500,
            "tee": ["tdx"],
            "max_utilization": 0.9,
            "load_gb_per_s": 2,
            "engaged_cost_per_hour": 1.5,
            "accelerator_cost_per_hour": 2.5,
            "storage_cost_per_gb_hour": 0.0001,
            "hosted": ["llm"],
            "loaded": {"llm": 1},
        },
        {
            "name": "beta",
            "operator": "south",
            "region": "us",
            "roles": ["verification", "hosting"],
            "verification_cores": 4,
            "storage_gb": 100,
            "verification_cost_per_core_hour": 0.05,
        },
    ],
    "models": [
        {"name": "llm", "weights_gb": 16, "memory_gb": 20, "min_hosts": 1, "origin": "us"},
    ],
    "profiles": [
        {
            "model": "llm",
            "accelerator": "h100",
            "prefill_tokens_per_s": 20000,
            "decode_tokens_per_s": 2000,
        }
    ],
    "policies": [
        {
            "name": "attested",
            "mode": "attestation",
            "verifiers": 1,
            "sample": 1,
            "independence": "group",
            "requires_tee": ["tdx"],
            "executor_overhead": 1.05,
            "executor_extra_s": 0.001,
            "verification_core_s": 0.01,
        }
    ],
    "requests": [
        {
            "name": "chat",
            "model": "llm",
            "region": "eu",
            "policy": "attested",
            "count": 100,
            "input_tokens": 1000,
            "output_tokens": 200,
            "max_ttft_ms": 2000,
            "jurisdictions": ["EU", "US"],
            "penalty": 0.5,
            "latency_cost_per_s": 0.001,
        },
        {"name": "job", "count": 5, "penalty": 0.1},
    ],
    "limits": {"max_new_replicas": 3, "max_transfer_gb": 100},
    "pairs": [{"request": "job", "node": "alpha", "cost": 0.01, "work_s": 2}],
}

SOLUTION: dict[str, Any] = {
    "format": "placement-solution/1",
    "instance": "sample",
    "method": "by hand",
    "engine": None,
    "status": "feasible",
    "stopped_by": "exhausted",
    "objective": 6.6575243055555555,
    "terms": {},
    "lower_bound": 0.0,
    "gap": 1.0,
    "hosting": {"llm": ["alpha"]},
    "replicas": [{"model": "llm", "node": "alpha", "count": 1}],
    "loads": [],
    "inference": [
        {"request": "chat", "node": "alpha", "count": 90},
        {"request": "job", "node": "alpha", "count": 4},
    ],
    "verification": [{"request": "chat", "node": "beta", "count": 90}],
    "unserved": {"chat": 10, "job": 1},
    "certificate": None,
    "reasons": [{"code": "share", "entities": ["polar"], "sentence": "polar may do 90 %."}],
    "runtime_s": {"solve": 0.1},
    "seed": 0,
    "version": "0",
}


def instance() -> dict[str, Any]:
    """Return a copy of the sample instance, to be changed."""
    return copy.deepcopy(INSTANCE)


def solution() -> dict[str, Any]:
    """Return a copy of the sample's solution, to be changed."""
    return copy.deepcopy(SOLUTION)


def write(path: Path, document: object) -> str:
    """Write a document as JSON and return the path as the command line wants it."""
    path.write_text(json.dumps(document), encoding="utf-8")
    return str(path)


def run(*arguments: str, stdin: str | bytes | None = None) -> Result:
    """Run the command line in this process."""
    return CliRunner().invoke(app, arguments, input=stdin, prog_name="placement")


def children_s() -> float:
    """Processor time of all child processes that have ended [s]; other programs cannot slow it."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
