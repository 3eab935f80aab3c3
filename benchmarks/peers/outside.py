"""Solvers that live in an environment of their own: a process that is told a problem as text.

The worker reads standard input to its end and writes a line of JSON for each answer that it has.
What it prints otherwise has to go to standard error.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from typing import Any

GRACE_S = 2.0
"""How long past its time a worker may take before it is ended."""
_PROBE_S = 60.0

Answer = dict[str, Any]


def interpreter(variable: str) -> str:
    """The Python that an environment variable names, else this one."""
    return os.environ.get(variable) or sys.executable


def version(python: str, package: str) -> str | None:
    """The version of a package in another environment, None where it is not installed there."""
    return said(python, f"from importlib.metadata import version; print(version({package!r}))")


@cache
def said(python: str, code: str) -> str | None:
    """What a line of code prints in another environment, None where it fails."""
    try:
        done = subprocess.run(  # noqa: S603 - the interpreter that the user named
            [python, "-I", "-c", code], capture_output=True, text=True, timeout=_PROBE_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def solve(
    command: Sequence[str],
    write: Callable[[float], str],
    ends: float,
    tell: Callable[[Answer], None],
    *,
    threads: int | None,
) -> None:
    """Have a worker solve a problem; it is ended where it does not end in time.

    Parameters
    ----------
    command : sequence of str
        What runs the worker.
    write : callable
        The text that it is told, given when it has to be done, on the clock of `time.time`.
    ends : float
        The same on the clock of `time.monotonic`.
    tell : callable
        Told of every answer as it comes.
    threads : int or None
        Processors that it may use, where the system can tell it; None for all.

    Raises
    ------
    RuntimeError
        If the worker fails; the sentence is the last that it wrote to standard error.
    """
    with tempfile.TemporaryFile("w+") as chatter:
        with subprocess.Popen(  # noqa: S603 - what the user installed
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=chatter, text=True
        ) as process:
            stop = threading.Timer(max(0.0, ends + GRACE_S - time.monotonic()), process.kill)
            stop.start()
            _limit(process.pid, threads)
            try:
                _converse(process, write(time.time() + ends - time.monotonic()), tell)
                process.wait()
            finally:
                stop.cancel()
                process.kill()
        if process.returncode > 0:  # below 0: ended by us
            chatter.seek(0)
            last = (chatter.read().strip().splitlines() or ["no word"])[-1]
            raise RuntimeError(f"{command[0]} failed: {last}")


def _converse(process: subprocess.Popen[str], text: str, tell: Callable[[Answer], None]) -> None:
    assert process.stdin
    assert process.stdout
    with suppress(BrokenPipeError), process.stdin as pipe:
        pipe.write(text)
    for line in process.stdout:
        if line.endswith("\n"):  # else it was ended while it spoke
            tell(json.loads(line))


def _limit(pid: int, threads: int | None) -> None:
    """Let a process use so many processors only; threads that it starts inherit this."""
    if threads is not None and hasattr(os, "sched_setaffinity"):
        mine = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(pid, mine[:threads])
