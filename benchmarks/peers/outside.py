"""Solvers that live in an environment of their own: a process that is told a problem as JSON.

The worker reads one document from standard input and writes a line of JSON for each answer that it
has; the last one counts. What it prints otherwise has to go to standard error.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
GRACE_S = 2.0
"""How long past its time a worker may take before it is ended."""
_PROBE_S = 60.0

Answer = dict[str, Any]


def interpreter(variable: str) -> str:
    """The Python that an environment variable names, else this one."""
    return os.environ.get(variable) or sys.executable


@cache
def version(python: str, package: str) -> str | None:
    """The version of a package in another environment, None where it is not installed there."""
    code = f"from importlib.metadata import version; print(version({package!r}))"
    try:
        done = subprocess.run(  # noqa: S603 - the interpreter that the user named
            [python, "-I", "-c", code], capture_output=True, text=True, timeout=_PROBE_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def solve(
    python: str,
    worker: str,
    problem: dict[str, Any],
    ends: float,
    tell: Callable[[Answer], None],
    *,
    threads: int | None,
) -> None:
    """Have a worker solve a problem; it is ended where it does not end in time.

    Parameters
    ----------
    python, worker : str
        Interpreter, and the file in this folder that it runs.
    problem : dict
        What the worker is told; the seconds that it has left are added.
    ends : float
        When it has to be done, on the clock of `time.monotonic`.
    tell : callable
        Told of every answer as it comes.
    threads : int or None
        Processors that it may use, where the system can tell it; None for all.
    """
    process = subprocess.Popen(  # noqa: S603 - the interpreter that the user named
        [python, "-I", str(FOLDER / worker)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    stop = threading.Timer(max(0.0, ends + GRACE_S - time.monotonic()), process.kill)
    stop.start()
    _limit(process.pid, threads)
    try:
        assert process.stdin
        assert process.stdout
        with process.stdin as pipe:
            json.dump({**problem, "seconds": ends - time.monotonic()}, pipe, allow_nan=False)
        for line in process.stdout:
            tell(json.loads(line))
    except (BrokenPipeError, json.JSONDecodeError):
        pass  # a worker that ended early has said all that it had to say
    finally:
        stop.cancel()
        process.kill()
        process.wait()


def _limit(pid: int, threads: int | None) -> None:
    """Let a process use so many processors only; threads that it starts inherit this."""
    if threads is not None and hasattr(os, "sched_setaffinity"):
        mine = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(pid, mine[:threads])
