"""What a worker does: solve one piece and hand back what was found, as arrays.

An interrupt ends the search early, and what was found is handed back all the same.
"""

import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from placement.instance import Instance
from placement.prices import Prices
from placement.quantities import Floats, Quantities
from placement.search import Method, Search
from placement.solution import Placement, StoppedBy, to_placement
from placement.solving import load_method, solve_by


@dataclass(frozen=True)
class Task:
    """One piece, and how to solve it; `ends_at` [s] is on the clock of `time.time`."""

    instance: Instance
    method: str
    seconds: float | None
    ends_at: float
    gap: float
    seed: int
    threads: int


@dataclass(frozen=True)
class Finding:
    """What a worker found, in the indices of the piece.

    Attributes
    ----------
    placement : Placement or None
        The best placement.
    demand, verification : array over classes
        Dual prices [$].
    copying : array, shape (classes, regions)
        Those of new copies of weights.
    memory_gb : float
        The most memory that the worker used.
    """

    placement: Placement | None
    demand: Floats
    verification: Floats
    copying: Floats
    memory_gb: float


def solve_piece(task: Task, guard: Callable[[Method], Method] = lambda method: method) -> Finding:
    """Solve one piece; the clock of another machine can only make the time shorter.

    `guard` may put something around the method.
    """
    seconds = None
    if task.seconds is not None:
        seconds = min(task.seconds, max(0.0, task.ends_at - time.time()))
    result = solve_by(
        guard(load_method(task.method)),
        task.instance,
        name=task.method,
        time_limit=seconds,
        gap=task.gap,
        seed=task.seed,
        threads=task.threads,
    )
    q = Quantities(task.instance)
    found = None if result.objective is None else to_placement(q, result.solution)
    prices = Prices.from_document(q, result.solution.certificate or {})
    return Finding(found, prices.demand, prices.verification, prices.copying, _memory_gb())


def _memory_gb() -> float:
    """The most memory this process has used, 0 where the system does not tell."""
    try:
        import resource
    except ImportError:
        return 0.0
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / (1e9 if sys.platform == "darwin" else 1e6)


class _Interruptible:
    """Interrupts end a method and nothing else: what was found has to be handed over."""

    def __init__(self) -> None:
        self._told = self._searching = False
        signal.signal(signal.SIGINT, self._tell)

    def _tell(self, *_: object) -> None:
        if self._searching and not self._told:
            self._told = True
            raise KeyboardInterrupt
        self._told = True

    def __call__(self, method: Method) -> Method:
        def run(search: Search) -> StoppedBy:
            if self._told:
                return "interrupted"
            self._searching = True
            try:
                return method(search)
            finally:
                self._searching = False

        return run


def _outlive_nobody(parent: int) -> None:
    """End this process once the one that started it is gone."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


def serve() -> None:
    """Read one `Task` from standard input and write the `Finding` to standard output.

    What engines print goes to standard error.
    """
    guard = _Interruptible()
    threading.Thread(target=_outlive_nobody, args=(os.getppid(),), daemon=True).start()
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    task = pickle.loads(sys.stdin.buffer.read())  # noqa: S301 - from the process that started this
    with answer:
        pickle.dump(solve_piece(task, guard), answer, protocol=pickle.HIGHEST_PROTOCOL)
