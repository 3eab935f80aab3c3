"""Rebalancer, Meta's solver of assignment problems, in an environment of its own.

It is told bundles, and what it cannot express is completed (`assigning`). What that is, and how to
install it: docs/peers.md.
"""

import json
from collections.abc import Callable
from pathlib import Path

from benchmarks.peers.assigning import assign
from benchmarks.peers.outside import interpreter, version
from placement import Instance, Solution

NAME = "Rebalancer"
PYTHON = "PLACEMENT_REBALANCER_PYTHON"
"""The environment variable that names the Python to use."""
WORKER = Path(__file__).with_name("rebalancer_worker.py")
BUNDLES, EACH = 200, 3
"""Bundles at least, and for each node: with more, ten seconds do not see its search through."""


def unavailable(instance: Instance) -> str | None:
    """Why it cannot run here; it takes every instance."""
    del instance
    if version(interpreter(PYTHON), "rebalancer") is None:
        return f"Rebalancer is not installed in the Python that {PYTHON} names: see docs/peers.md"
    return None


def versions() -> dict[str, str]:
    """Version of Rebalancer, which brings its HiGHS along."""
    found = version(interpreter(PYTHON), "rebalancer")
    return {} if found is None else {"rebalancer": found}


def run(
    instance: Instance,
    *,
    seconds: float,
    seed: int,
    threads: int | None,
    report: Callable[[Solution], None],
) -> Solution | None:
    """Have it assign the bundles, and complete what it finds."""
    return assign(
        instance, NAME, [interpreter(PYTHON), "-I", str(WORKER)], json.dumps,
        bundles=max(BUNDLES, EACH * len(instance.nodes)),
        seconds=seconds, seed=seed, threads=threads, report=report,
    )  # fmt: skip
