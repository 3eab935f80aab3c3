"""Who is run: our methods, peers, and solvers of flow, each by a name.

`ours:METHOD[/ENGINE]` is `placement.solve`; `peer:NAME` a module of `benchmarks.peers`;
`flow:NAME` solves networks of min-cost flow. What any of them says is judged after it has ended,
by `benchmarks.judging`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import version
from typing import Any, Protocol

import numpy as np

from benchmarks import peers
from benchmarks.measures import Moment
from benchmarks.problems import Problem
from placement import InputError, Instance, Progress, Solution, native, solve
from placement.engines import ENGINES
from placement.formats.dimacs import FlowProblem, solve_flow
from placement.quantities import Ints
from placement.solving import METHODS, needs_native

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
    if kind == "peer" and rest in peers.PEERS:
        return _Peer(rest)
    if kind == "flow" and rest in FLOWS:
        return _Flow(rest)
    known = {"peer": peers.PEERS, "flow": FLOWS}.get(kind)
    if known is None:
        raise InputError(f"method {name!r} must begin with ours:, peer: or flow:.")
    raise InputError(f"method {name!r} is unknown; choose {kind}: and one of {', '.join(known)}.")


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
        if isinstance(problem, Instance) and needs_native(problem):
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


# --- min-cost flow --------------------------------------------------------------------------------


def _by_networkx(problem: FlowProblem) -> Ints:
    """Network simplex of networkx; it has no least flows either."""
    import networkx as nx

    graph = nx.MultiDiGraph()
    graph.add_nodes_from((i, {"demand": -s}) for i, s in enumerate(problem.supply.tolist()))
    columns = (problem.tail, problem.head, problem.capacity, problem.cost)
    for arc, (a, b, most, cost) in enumerate(zip(*(c.tolist() for c in columns), strict=True)):
        graph.add_edge(a, b, key=arc, capacity=most, weight=cost)
    flows = nx.network_simplex(graph)[1]
    ends = zip(problem.tail.tolist(), problem.head.tolist(), strict=True)
    return np.array([flows[a][b][arc] for arc, (a, b) in enumerate(ends)], dtype=np.int64)


def _by_ortools(problem: FlowProblem) -> Ints:
    """The engine of OR-Tools by its own calls."""
    from benchmarks.flows import engine_alone

    return np.asarray(engine_alone(problem)())


FLOWS: dict[str, tuple[Callable[[FlowProblem], Ints | None], str]] = {
    "placement": (solve_flow, "ortools.graph.python.min_cost_flow"),
    "ortools": (_by_ortools, "ortools.graph.python.min_cost_flow"),
    "networkx": (_by_networkx, "networkx"),
}
"""Solvers of min-cost flow, by name, and the module that each needs."""


@dataclass(frozen=True)
class _Flow:
    name: str

    def unavailable(self, problem: Problem) -> str | None:
        if not isinstance(problem, FlowProblem):
            return _only(FlowProblem, problem)
        import_module(FLOWS[self.name][1])
        least = self.name != "placement" and problem.lower.any()
        return "it does not take least flows." if least else None

    def run(self, problem: FlowProblem, task: Task, watch: Watch) -> Answer:
        del task, watch  # exact, without a clock
        return FLOWS[self.name][0](problem)

    def versions(self) -> dict[str, str]:
        return {"networkx": version("networkx")} if self.name == "networkx" else {}
