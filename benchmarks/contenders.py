"""Who is run: our methods, peers, and solvers of flow, each by a name.

`ours:METHOD[/ENGINE]` is `placement.solve`; `peer:NAME` a module of `benchmarks.peers`;
`flow:NAME` solves networks of min-cost flow. What any of them says is judged after it has ended,
by `benchmarks.judging`.
"""

import time
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import version
from typing import Any, Protocol

from benchmarks import peers
from benchmarks.measures import Moment
from benchmarks.problems import Problem
from placement import InputError, Instance, Progress, Solution, native, solve
from placement.engines import ENGINES
from placement.formats.dimacs import FlowProblem
from placement.quantities import Ints
from placement.solving import METHODS

Answer = Solution | Ints | None
"""A placement, or the flow on each arc."""


class Watch:
    """What is said while a run is under way, and when; none of it is looked at on its clock."""

    def __init__(self) -> None:
        self._begun = time.perf_counter()
        self.costs: list[Moment] = []
        self.bounds: list[Moment] = []
        self.solutions: list[tuple[float, Solution]] = []

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return time.perf_counter() - self._begun

    def progress(self, progress: Progress) -> None:
        """One of ours says where it stands; `solve` has judged what it tells of."""
        now = self.seconds
        if progress.objective is not None:
            self.costs.append((now, progress.objective))
        if progress.lower_bound is not None:
            self.bounds.append((now, progress.lower_bound))

    def report(self, solution: Solution) -> None:
        """Keep what a peer found on the way."""
        self.solutions.append((self.seconds, solution))


@dataclass(frozen=True)
class Task:
    """What a contender is given besides the problem."""

    limit_s: float
    seed: int
    threads: int | None
    gap: float


class Contender(Protocol):
    """Whoever is run."""

    def unavailable(self, problem: Problem) -> str | None:
        """Why it cannot run here or on this, in one sentence; None where it can.

        Comes before the clock starts, and loads the code that is needed.
        """

    def run(self, problem: Any, task: Task, watch: Watch) -> Answer:
        """Its answer; None where it found nothing."""

    def versions(self) -> dict[str, str]:
        """Of what it is made of, beyond what ours are."""


def find(name: str) -> Contender:
    """The contender of that name.

    Raises
    ------
    InputError
        If there is none.
    """
    kind, _, rest = name.partition(":")
    if kind == "ours":
        return _ours(name, *rest.partition("/")[::2])
    if kind not in ("peer", "flow"):
        raise InputError(f"method {name!r} must begin with ours:, peer: or flow:.")
    known = peers.PEERS if kind == "peer" else _flows()
    if rest in known:
        return _Peer(rest) if kind == "peer" else _Flow(rest)
    raise InputError(f"method {name!r} is unknown; choose {kind}: and one of {', '.join(known)}.")


def _flows() -> tuple[str, ...]:
    """The solvers of flow; they load engines that all others do without."""
    from benchmarks.peers.flows import SOLVERS

    return tuple(SOLVERS)


def _ours(name: str, method: str, engine: str) -> "_Ours":
    if method not in METHODS or (engine and engine not in ENGINES):
        raise InputError(
            f"method {name!r} is unknown; choose ours: and one of {', '.join(METHODS)}, "
            f"with / and one of {', '.join(ENGINES)} where an engine is to be named."
        )
    return _Ours(method, engine or None)


@dataclass(frozen=True)
class _Ours:
    method: str
    engine: str | None

    def unavailable(self, problem: Problem) -> str | None:
        if isinstance(problem, Instance) and native.pays_for(problem):
            native.prepare()
        return _only(Instance, problem)

    def run(self, problem: Instance, task: Task, watch: Watch) -> Answer:
        return solve(
            problem, self.method, engine=self.engine, time_limit=task.limit_s, gap=task.gap,
            seed=task.seed, threads=task.threads, progress=watch.progress,
        ).solution  # fmt: skip

    def versions(self) -> dict[str, str]:
        return {}


@dataclass(frozen=True)
class _Peer:
    name: str
    _loaded: list[peers.Peer] = field(default_factory=list, compare=False)

    def unavailable(self, problem: Problem) -> str | None:
        try:
            self._loaded.append(peers.load(self.name))
        except ImportError as error:
            return f"it cannot be imported: {error}."
        if not isinstance(problem, Instance):
            return _only(Instance, problem)
        return self._loaded[0].unavailable(problem)

    def run(self, problem: Instance, task: Task, watch: Watch) -> Answer:
        return self._loaded[0].run(
            problem, seconds=task.limit_s, seed=task.seed, threads=task.threads,
            report=watch.report,
        )  # fmt: skip

    def versions(self) -> dict[str, str]:
        return self._loaded[0].versions() if self._loaded else {}


def _only(kind: type, problem: Problem) -> str | None:
    if isinstance(problem, kind):
        return None
    what = "a network of flow" if isinstance(problem, FlowProblem) else "an instance"
    return f"it does not take {what}."


@dataclass(frozen=True)
class _Flow:
    name: str

    def unavailable(self, problem: Problem) -> str | None:
        if not isinstance(problem, FlowProblem):
            return _only(FlowProblem, problem)
        if self.name.startswith("networkx"):
            import_module("networkx")
        from benchmarks.peers import flows

        return flows.unavailable(self.name, problem)

    def run(self, problem: FlowProblem, task: Task, watch: Watch) -> Answer:
        del task, watch  # exact, without a clock
        from benchmarks.peers import flows

        return flows.SOLVERS[self.name](problem)

    def versions(self) -> dict[str, str]:
        return {"networkx": version("networkx")} if self.name.startswith("networkx") else {}
