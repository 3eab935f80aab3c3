"""Rows of benchmarks made by hand, and a runner whose runs cost nothing."""

import subprocess
import sys
from pathlib import Path

from benchmarks.rows import Row

ROOT = Path(__file__).parent.parent

FAKE = """
import sys, time, zlib
from benchmarks import cli, execution, running, single

def instead(run):
    time.sleep(0.01)
    chance = zlib.crc32(repr(run.key).encode()) / 2**32
    cost, bound = 100 + round(10 * chance), 99.0
    row = single.blank(
        run, None, status="feasible", objective=float(cost), bound=bound, certified_bound=bound,
        bound_by="certificate", gap=1 - bound / cost, incumbents=((0.1, float(cost)),),
        seconds=time.perf_counter(),
    )
    return execution.Outcome(run, row)

execution.apart = instead
running.prepare = lambda runs: None
cli.app(sys.argv[1:])
"""
"""The command line, but that no method is run: costs follow from which run it is."""


def row(**given):
    """A row: a placement of 10 whose proven bound is 9, found after a second of ten."""
    fields = {
        "suite": "s", "set": "set", "instance": "i", "method": "ours:greedy", "seed": 0,
        "limit_s": 10.0, "status": "feasible", "objective": 10.0, "certified_bound": 9.0,
        "bound": 9.0, "bound_by": "certificate", "gap": 0.1, "seconds": 2.0,
        "incumbents": ((1.0, 10.0),), "date": "2026-01-01T00:00:00+00:00",
    }  # fmt: skip
    return Row(**{**fields, **given})


def write(path, rows):
    """A file of rows."""
    path.write_text("".join(f"{row.to_json()}\n" for row in rows), encoding="utf-8")
    return path


def command(*arguments, fake=False):
    """The words that start the command line, or the one whose runs cost nothing."""
    start = ["-c", FAKE] if fake else ["-m", "benchmarks"]
    return [sys.executable, *start, *map(str, arguments)]


def run(*arguments, fake=False):
    """The command line, until its end."""
    return subprocess.run(
        command(*arguments, fake=fake), cwd=ROOT, capture_output=True, text=True, check=False
    )


def tree(folder):
    """All files of a folder, with their bytes."""
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}
