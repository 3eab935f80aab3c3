"""Workers on this machine: one process for each piece, so many at a time.

A process that dies takes nothing with it but its piece.
"""

import math
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import replace

from placement.distributed.piecework import Finding, Task

WIND_UP_S = 30.0
"""Seconds that workers have to hand over what they found once a person interrupts."""
LATE = 1.05
"""A worker that takes so many times what it was given is told to stop."""
_START_S = 2.0
"""Seconds that a process may take to start."""
_WAIT_S = 0.25


class Processes:
    """Processes of this machine.

    Parameters
    ----------
    size : int
        How many run at a time.

    Attributes
    ----------
    interrupted : bool
        Whether a person ended the run.
    trouble : str or None
        What the last worker that was lost had to say.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.interrupted = False
        self.trouble: str | None = None
        self._last = math.inf

    def run(self, tasks: Sequence[Task], last: float) -> Iterator[tuple[int, Finding]]:
        """Solve the tasks; yields each finding with the number of its task, as they come.

        Tasks of workers that die, or have no answer by `last` on the clock of `time.monotonic`, are
        left out. After an interrupt, workers hand over what they have.
        """
        self._last = last
        with ThreadPoolExecutor(self.size) as pool:
            number = {pool.submit(self._work, task): i for i, task in enumerate(tasks)}
            try:
                yield from self._found(number)
            finally:
                self._last = 0.0

    def _found(self, number: dict[Future[Finding | None], int]) -> Iterator[tuple[int, Finding]]:
        """What is found; a first interrupt makes it come sooner, a second one is raised."""
        seen: set[int] = set()
        while len(seen) < len(number):
            try:
                for future in as_completed(number):
                    found, i = future.result(), number[future]
                    if i not in seen:
                        seen.add(i)
                        if found is not None:
                            yield i, found
            except KeyboardInterrupt:
                if self.interrupted:
                    raise
                self._last = min(self._last, time.monotonic() + WIND_UP_S)
                self.interrupted = True

    def _work(self, task: Task) -> Finding | None:
        """One piece in a process of its own; None where that was lost."""
        if self.interrupted or time.monotonic() >= self._last:
            return None
        seconds = math.inf if task.seconds is None else task.seconds
        task = replace(task, ends_at=time.time() + seconds)
        with _start(task) as process:
            enough = time.monotonic() + LATE * seconds + _START_S
            answer, said = self._converse(process, enough)
        if process.returncode == 0:
            finding: Finding = pickle.loads(answer)  # noqa: S301 - from a process of ours
            return finding
        self.trouble = _last_line(said) or f"it ended with code {process.returncode}"
        return None

    def _converse(self, process: "subprocess.Popen[bytes]", enough: float) -> tuple[bytes, bytes]:
        """Wait for the answer, which is asked for when it is time, and given up when too late."""
        asked = False
        while True:
            try:
                return process.communicate(timeout=_WAIT_S)
            except subprocess.TimeoutExpired:
                now = time.monotonic()
            if now >= self._last:
                process.kill()
            elif not asked and (self.interrupted or now >= enough):
                asked = True
                process.send_signal(signal.SIGINT)


def _start(task: Task) -> "subprocess.Popen[bytes]":
    """Start a worker on a task, out of reach of the terminal's interrupts."""
    with tempfile.TemporaryFile() as request:
        pickle.dump(task, request, protocol=pickle.HIGHEST_PROTOCOL)
        request.seek(0)
        return subprocess.Popen(
            [sys.executable, "-m", "placement.distributed"],
            stdin=request,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            start_new_session=True,
        )


def _last_line(said: bytes) -> str:
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""
