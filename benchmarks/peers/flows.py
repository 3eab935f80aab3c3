"""Solvers of minimum-cost flow, each a function from a network to the flow on its arcs.

None of them has a clock, and networkx is slow: whoever compares them runs each in a process of its
own and judges the flow itself.
"""

from collections.abc import Callable

import numpy as np

from benchmarks.flows import engine_alone
from placement.formats.dimacs import FlowProblem, solve_flow
from placement.quantities import Ints

Solver = Callable[[FlowProblem], Ints | None]


def unavailable(name: str, problem: FlowProblem) -> str | None:
    """Why a solver cannot take a network; None where it can."""
    if name != "placement" and problem.lower.any():
        return f"{name} takes no least flows"
    return None


def ortools(problem: FlowProblem) -> Ints:
    """Cost-scaling push-relabel of OR-Tools, without anything of ours."""
    return np.asarray(engine_alone(problem)(), dtype=np.int64)


def network_simplex(problem: FlowProblem) -> Ints | None:
    """Network simplex of networkx, in Python; None where there is no flow."""
    return _by_networkx(problem, "network_simplex")


def capacity_scaling(problem: FlowProblem) -> Ints | None:
    """Capacity scaling of networkx, in Python; None where there is no flow."""
    return _by_networkx(problem, "capacity_scaling")


SOLVERS: dict[str, Solver] = {
    "placement": solve_flow,
    "ortools": ortools,
    "networkx": network_simplex,
    "networkx-scaling": capacity_scaling,
}
"""Solvers by name."""


def _by_networkx(problem: FlowProblem, algorithm: str) -> Ints | None:
    import networkx as nx

    graph = nx.MultiDiGraph()
    graph.add_nodes_from((i, {"demand": -s}) for i, s in enumerate(problem.supply.tolist()))
    columns = (problem.tail, problem.head, problem.capacity, problem.cost)
    arcs = zip(*(column.tolist() for column in columns), strict=True)
    graph.add_edges_from(
        (tail, head, i, {"capacity": most, "weight": cost})
        for i, (tail, head, most, cost) in enumerate(arcs)
    )
    try:
        _, flows = getattr(nx, algorithm)(graph)
    except nx.NetworkXUnfeasible:
        return None
    flow = np.zeros(len(problem.tail), dtype=np.int64)
    for heads in flows.values():
        for by_arc in heads.values():
            flow[list(by_arc)] = list(by_arc.values())
    return flow
