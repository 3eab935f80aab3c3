"""Workers on a Ray cluster: one task for each piece.

Ray is an extra (`pip install placement[ray]`), and this is the only file that touches it. The
package has to be installed on the machines of the cluster.
"""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from placement import native
from placement.distributed.piecework import Finding, Task, solve_piece
from placement.distributed.processes import WIND_UP_S
from placement.errors import EngineError

_WAIT_S = 0.5


class Cluster:
    """A Ray cluster: the one that is there, else one on this machine.

    Native code is compiled on every machine before anything is solved.

    Attributes
    ----------
    size : int
        How many tasks run at a time.
    interrupted : bool
        Whether a person ended the run.
    trouble : str or None
        What the last worker that was lost had to say.

    Raises
    ------
    EngineError
        If Ray is not installed or cannot be started.
    """

    def __init__(self) -> None:
        self._ray = _connect()
        self.size = max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        self.interrupted = False
        self.trouble: str | None = None
        self._prepare()

    def _prepare(self) -> None:
        """Compile native code once on each machine."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        prepare = self._ray.remote(native.prepare)
        machines = [node["NodeID"] for node in self._ray.nodes() if node["Alive"]]
        placed = [
            prepare.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=True))
            for node in machines
        ]
        try:
            self._ray.get([task.remote() for task in placed])
        except self._ray.exceptions.RayError as error:
            raise EngineError(f"Ray cannot run this package: {_sentence(error)}") from None

    def run(self, tasks: Sequence[Task], last: float) -> Iterator[tuple[int, Finding]]:
        """Solve the tasks; yields each finding with the number of its task, as they come.

        Tasks of workers that die, or have no answer by `last` on the clock of `time.monotonic`, are
        left out. After an interrupt, workers hand over what they have.
        """
        work = self._ray.remote(solve_piece)
        spare = last - time.monotonic()
        ends_at = time.time() + spare if math.isfinite(spare) else math.inf
        number = {
            work.options(num_cpus=task.threads, max_retries=0).remote(
                replace(task, ends_at=ends_at)
            ): i
            for i, task in enumerate(tasks)
        }
        try:
            while number and time.monotonic() < last:
                ready = self._ready(list(number))
                if self.interrupted:
                    last = min(last, time.monotonic() + WIND_UP_S)
                for reference in ready:
                    yield from self._finding(reference, number.pop(reference))
        finally:
            for reference in number:
                self._ray.cancel(reference, force=True)

    def _ready(self, references: list[Any]) -> list[Any]:
        """The tasks that have ended; a first interrupt is passed on to all."""
        try:
            ready, _ = self._ray.wait(references, timeout=_WAIT_S)
        except KeyboardInterrupt:
            if self.interrupted:
                raise
            self.interrupted = True
            for reference in references:
                self._ray.cancel(reference)
            return []
        return list(ready)

    def _finding(self, reference: Any, number: int) -> Iterator[tuple[int, Finding]]:
        try:
            yield number, self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            self.trouble = _sentence(error)


def _connect() -> Any:
    """Ray, connected to the cluster there is, else to one of its own on this machine."""
    try:
        import ray
    except ImportError:
        raise EngineError(
            "Ray is not installed, which a cluster needs: pip install placement[ray]."
        ) from None
    if ray.is_initialized():
        return ray
    quiet: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}
    try:
        with suppress(ConnectionError):
            ray.init(address="auto", **quiet)
            return ray
        ray.init(include_dashboard=False, **quiet)
    except (OSError, RuntimeError, ValueError) as error:
        raise EngineError(f"Ray cannot be started: {_sentence(error)}") from None
    return ray


def _sentence(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1].strip() if lines else type(error).__name__
