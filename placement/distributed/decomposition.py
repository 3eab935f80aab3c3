"""`solve_in_pieces`: deal, solve apart, join, and repair as a whole, under one clock."""

import math
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Literal, Protocol

from placement import native
from placement.distributed.cutting import Piece, cut
from placement.distributed.dealing import deal
from placement.distributed.joining import join, join_prices
from placement.distributed.piecework import Finding, Task
from placement.distributed.pricing import Pricing
from placement.distributed.repairing import certify, repair
from placement.errors import InputError
from placement.instance import Instance
from placement.methods.auto import auto
from placement.methods.recreate.starting import planned_hosting
from placement.quantities import Bools
from placement.result import Progress, Result
from placement.search import Search
from placement.solution import StoppedBy
from placement.solving import load_method, solve_by

APART = 0.7
"""Share of the time in which pieces are solved; then they are joined and repaired."""
LATEST = 0.92
"""Share of the time after which workers are no longer waited for."""

Workers = Literal["processes", "ray"]


class Crew(Protocol):
    """Who solves the pieces."""

    size: int
    interrupted: bool
    trouble: str | None

    def run(self, tasks: Sequence[Task], last: float) -> Iterator[tuple[int, Finding]]:
        """Solve the tasks until `last`; yields number and finding, as they come."""


def solve_in_pieces(
    instance: Instance,
    method: str = "auto",
    *,
    pieces: int | None = None,
    workers: Workers = "processes",
    time_limit: float | None = 30.0,
    gap: float = 1e-3,
    seed: int = 0,
    threads: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Result:
    """Solve a large instance by many workers: in pieces, joined and repaired as a whole.

    Nodes and requests are dealt to pieces that are small copies of the network, each is solved by a
    worker of its own, and the union of what they find is repaired. Objective, lower bound and
    certificate are those of the whole instance, judged as those of `solve`. A worker that dies or
    is late costs no more than its piece, whose requests go to the repair.

    Parameters
    ----------
    instance : Instance
    method : str
        How each piece is solved: one of `placement.solving.METHODS`.
    pieces : int or None
        How many pieces; None for one a worker.
    workers : {"processes", "ray"}
        Processes of this machine, or tasks of a Ray cluster: the one that is running, else one
        started on this machine. Connecting to it is not counted in `time_limit`.
    time_limit : float or None
        Seconds for everything; None for no limit.
    gap : float
        Stop at this relative gap; also asked of every piece.
    seed : int
        Same instance, pieces, seed and version give the same answer unless the time ended it.
    threads : int or None
        Most processes at a time; None is one for each processor. Of no effect on a cluster.
    progress : callable or None
        Told of every `Progress` of the whole.

    Returns
    -------
    Result

    Raises
    ------
    InputError
        If an argument makes no sense.
    EngineError
        If Ray is asked for and cannot be had, or native code cannot be compiled.

    Examples
    --------
    >>> from placement.generate import generate
    >>> result = solve_in_pieces(generate("small"), "greedy", pieces=2, time_limit=10)
    >>> result.status, result.lower_bound <= result.objective
    ('feasible', True)
    """
    load_method(method)
    if pieces is not None and pieces < 1:
        raise InputError(f"pieces must be at least 1 or None, got {pieces!r}.")
    native.prepare()
    crew = _crew(workers, threads or os.cpu_count() or 1)
    work = _Decomposition(crew, method, pieces or crew.size)
    return solve_by(
        work.run,
        instance,
        name=f"pieces of {method}",
        time_limit=time_limit,
        gap=gap,
        seed=seed,
        threads=threads,
        progress=progress,
    )


def _crew(workers: str, size: int) -> Crew:
    if workers == "processes":
        from placement.distributed.processes import Processes

        return Processes(size)
    if workers == "ray":
        from placement.distributed.cluster import Cluster

        return Cluster()
    raise InputError(f"workers {workers!r} is unknown; choose one of processes, ray.")


class _Decomposition:
    """The method: what happens between the first look and the report."""

    def __init__(self, crew: Crew, method: str, pieces: int) -> None:
        self.crew, self.method, self.pieces = crew, method, pieces

    def run(self, search: Search) -> StoppedBy:
        """Pieces first; what they leave undone, the whole at once."""
        hosting = planned_hosting(search.compiled)
        if hosting is None:
            return auto(search)
        pricing = Pricing(search.compiled)
        try:
            self._decompose(search, hosting, pricing)
        finally:
            pricing.stop()
        if self.crew.interrupted:
            return "interrupted"
        return auto(search) if search.best is None else search.stopped_by("work_limit")

    def _decompose(self, search: Search, hosting: Bools, pricing: Pricing) -> None:
        search.enter("dealing")
        dealt = deal(search.compiled, self.pieces, search.seed)
        pieces = cut(search.compiled, dealt, hosting)
        findings = self._solve(search, pieces)
        search.enter("joining")
        joined = join(search.compiled, pieces, findings, hosting)
        if not search.verdict(joined).violations:
            search.offer(joined)
        if self.crew.interrupted:
            certify(search, pricing)
        elif not search.done:
            search.enter("repairing")
            rough = partial(join_prices, search.compiled, pieces, findings)
            repair(search, joined, pricing, rough)

    def _solve(self, search: Search, pieces: Sequence[Piece]) -> dict[int, Finding]:
        """What the workers find, by number of the piece."""
        search.enter(f"solving {len(pieces)} pieces")
        spare = search.remaining_s
        seconds = None
        if math.isfinite(spare):
            rounds = -(-len(pieces) // self.crew.size)
            seconds = APART * spare / max(1, rounds)
        tasks = [
            Task(piece.instance, self.method, seconds, math.inf, search.gap, search.seed, 1)
            for piece in pieces
        ]
        findings = {}
        for number, finding in self.crew.run(tasks, search.deadline - (1 - LATEST) * spare):
            findings[number] = finding
            search.enter(f"solved {len(findings)} of {len(pieces)} pieces")
        if len(findings) < len(pieces) and self.crew.trouble:
            search.enter(f"a worker was lost: {self.crew.trouble}")
        return findings
