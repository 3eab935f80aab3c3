"""From two good placements a better one: what both have stays, the rest is decided anew.

Local optima of a search have most replicas in common, and where they differ each has its own
mistakes. Between two of them lies a program that is small enough to be solved: what both engage,
store or load stays, other numbers are between those of the two, and requests go in parts wherever
either has a replica (Rothberg, 2007, of solutions to integer programs; Cook and Seymour, 2003, of
tours). Requests are made whole afterwards.
"""

import numpy as np

from placement.compiled import Compiled
from placement.decisions import encode
from placement.engines import solve_whole
from placement.methods.whole import DECIDED, made_whole
from placement.model import Model, build
from placement.program import Program
from placement.quantities import REEXECUTION, Bools, Floats
from placement.search import Search
from placement.solution import Placement

BRANCH_NODES, WHOLE_NODES = 200, 1
"""Branch-and-bound nodes between two placements, and to make requests whole."""
GAP, WHOLE_GAP = 1e-4, 1e-5
"""Relative gaps to which both are solved."""
HEAVY = 0.05
"""Requests that take such a part of a node are whole from the first."""
LEAST_GAIN = 1e-5
"""What parts of requests must save, relative, for it to be worth making them whole."""


def cross(
    compiled: Compiled, best: Placement, other: Placement, *, latest: float, seed: int
) -> Placement | None:
    """A feasible placement between two, cheaper as a rule; None where none is found.

    Parameters
    ----------
    compiled : Compiled
    best, other : Placement
        Feasible placements; the search begins at the first.
    latest : float
        When all has to be over, on the clock of `time.monotonic`.
    seed : int
    """
    model = _between(compiled, (best, other))
    start, end = encode(model, best), encode(model, other)
    halfway = (Search.clock() + latest) / 2
    answer = solve_whole(
        _bounded(model, start, end), "highs", halfway, gap=GAP, seed=seed, start=start,
        node_limit=BRANCH_NODES,
    )  # fmt: skip
    cost = model.program.cost
    if answer.values is None or cost @ answer.values > (1 - LEAST_GAIN) * (cost @ start):
        return None
    return made_whole(
        model, answer.values, latest, gap=WHOLE_GAP, seed=seed, node_limit=WHOLE_NODES
    )


def _between(compiled: Compiled, pair: tuple[Placement, Placement]) -> Model:
    """The model over the arcs to replicas that either has, and to nodes that either engages."""
    q, run, verify = compiled.quantities, compiled.run, compiled.verify
    held: Bools = np.zeros((q.n_models + 1, q.n_nodes), dtype=bool)
    engaged: Bools = np.zeros(q.n_nodes, dtype=bool)
    held[-1] = True
    for p in pair:
        held[p.replica_m, p.replica_n] = True
        engaged[np.concatenate([p.replica_n, p.run_n, p.verify_n])] = True
    redone = q.mode[verify.g] == REEXECUTION
    checked = np.where(redone, held[q.class_model[verify.g], verify.n], engaged[verify.n])
    return build(compiled, run.take(held[q.class_model[run.g], run.n]), verify.take(checked))


def _bounded(model: Model, start: Floats, end: Floats) -> Program:
    """Its program with what is where between two points; that and heavy requests are whole."""
    p, columns = model.program, model.columns
    lower, upper, whole = p.lower.copy(), p.upper.copy(), np.zeros_like(p.whole)
    for name in DECIDED:
        part = columns[name]
        lower[part] = np.minimum(start[part], end[part])
        upper[part] = np.maximum(start[part], end[part])
        whole[part] = True
    for name, arcs in (("x", model.run), ("v", model.verify)):
        heavy = arcs.work_s >= HEAVY * model.compiled.quantities.capacity_s[arcs.n]
        whole[columns[name]] = heavy & (arcs.work_s > 0)
    return Program(p.cost, lower, upper, whole, p.matrix, p.row_lower, p.row_upper)
