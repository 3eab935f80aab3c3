"""What reading and solving DIMACS files takes, against the engine alone on arrays that are there.

    python benchmarks/flows.py FILE...

Each round does both, one after the other, so that what else the machine does hits both alike; the
least time of all rounds counts.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from ortools.graph.python.min_cost_flow import SimpleMinCostFlow

from placement.formats.dimacs import FlowProblem, read_dimacs, solve_flow

ROUNDS = 25


def engine_alone(problem: FlowProblem) -> Callable[[], object]:
    """Return what solves the network by calls of the engine only; it has no lower bounds."""
    assert not problem.lower.any()
    tail, head = problem.tail.astype(np.int32), problem.head.astype(np.int32)
    nodes, arcs = (np.arange(len(x), dtype=np.int32) for x in (problem.supply, tail))

    def run() -> object:
        engine = SimpleMinCostFlow()
        engine.add_arcs_with_capacity_and_unit_cost(tail, head, problem.capacity, problem.cost)
        engine.set_nodes_supplies(nodes, problem.supply)
        engine.solve()
        return engine.flows(arcs)

    return run


def seconds(run: Callable[[], object]) -> float:
    """Time one call."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def main(paths: list[str]) -> None:
    """Print a line a file, and the ratio of the sums."""
    totals = np.zeros(3)
    for path in paths:
        problem = read_dimacs(path)
        runs = [
            lambda path=path: read_dimacs(path),
            lambda problem=problem: solve_flow(problem),
            engine_alone(problem),
        ]
        least = np.min([[seconds(run) for run in runs] for _ in range(ROUNDS)], axis=0)
        totals += least
        read, solved, alone = least * 1e3
        name = Path(path).name
        print(f"{name:<32} read {read:6.2f}  solve {solved:6.2f}  engine alone {alone:6.2f} ms")
    print(f"read and solve / engine alone: {(totals[0] + totals[1]) / totals[2]:.2f}")


if __name__ == "__main__":
    main(sys.argv[1:])
