"""Timefold, the successor of OptaPlanner, on the Java virtual machine.

It is told bundles, and what it cannot express is completed (`assigning`). Its solver comes with the
Python package `timefold`, the model is `Assignment.java`, for its makers say that a model in Python
is significantly slower. How to install it: docs/peers.md.
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.peers.assigning import assign
from benchmarks.peers.outside import interpreter, said, version
from placement import Instance, Solution

NAME = "Timefold"
PYTHON = "PLACEMENT_TIMEFOLD_PYTHON"
"""The environment variable that names the Python that has the package."""
MODEL = Path(__file__).with_name("Assignment.java")
BUNDLES, EACH = 200, 3
"""Bundles at least, and for each node."""
_APART = {"group": 0, "node": 1, "none": 2}


def unavailable(instance: Instance) -> str | None:
    """Why it cannot run here; it takes every instance."""
    del instance
    if version(interpreter(PYTHON), "timefold") is None:
        return f"Timefold is not installed in the Python that {PYTHON} names: see docs/peers.md"
    if shutil.which("java") is None or shutil.which("javac") is None:
        return "Timefold needs a JDK of version 17 or newer on the path; a runtime is not enough"
    _compiled()
    return None


def versions() -> dict[str, str]:
    """Version of Timefold."""
    found = version(interpreter(PYTHON), "timefold")
    return {} if found is None else {"timefold": found}


def run(
    instance: Instance,
    *,
    seconds: float,
    seed: int,
    threads: int | None,
    report: Callable[[Solution], None],
) -> Solution | None:
    """Have it assign the bundles, and complete what it finds."""
    path = f"{_jars()}{os.pathsep}{_compiled()}"
    return assign(
        instance, NAME, ["java", "-cp", path, "Assignment"], _write,
        bundles=max(BUNDLES, EACH * len(instance.nodes)),
        seconds=seconds, seed=seed, threads=threads, report=report,
    )  # fmt: skip


def _jars() -> str:
    """The Java archives that the package brings along."""
    where = "distribution('timefold').locate_file('timefold/solver/jars')"
    code = f"from importlib.metadata import distribution; print({where})"
    return f"{said(interpreter(PYTHON), code)}{os.sep}*"


@cache
def _compiled() -> Path:
    """The folder with the compiled model; compiled once on a machine, as native code is."""
    cache_folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    text = MODEL.read_bytes() + str(versions()).encode()
    folder = cache_folder / "placement" / f"timefold-{hashlib.sha256(text).hexdigest()[:16]}"
    if not (folder / "Assignment.class").exists():
        command = ["javac", "-cp", _jars(), "-d", str(folder), str(MODEL)]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - our own model
    return folder


def _write(problem: dict[str, Any]) -> str:
    """The problem as the numbers that the model reads, in its order."""
    return " ".join(map(str, _numbers(problem)))


def _numbers(problem: dict[str, Any]) -> Iterator[float]:
    prices = problem["replica_price"]
    yield from (problem["ends_at"], problem["seed"], problem["nodes"], len(prices))
    for j in range(problem["nodes"]):
        yield from (problem[name][j] for name in ("group", "capacity", "memory", "engagement"))
        yield from (row[j] for row in prices)
    yield from problem["replica_gb"]
    yield from (len(problem["group_most"]), *problem["group_most"])
    yield len(problem["sorts"])
    for sort in problem["sorts"]:
        yield from (sort["model"], sort["requests"], _APART[sort["apart"]], sort["away"])
        yield len(sort["node"])
        rows = (sort[name] for name in ("node", "work", "share", "cost", "spread_cost"))
        for row in zip(*rows, strict=True):
            yield from row
    yield len(problem["sort"])
    for row in zip(problem["sort"], problem["team"], strict=True):
        yield from row
