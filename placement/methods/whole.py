"""Whole requests for nodes, copies and replicas that are known."""

import numpy as np

from placement.decisions import decode
from placement.engines import solve_whole
from placement.model import Model
from placement.program import Program
from placement.quantities import Floats
from placement.solution import Placement

DECIDED = ("e", "h", "z")
"""Families of columns that say what is where; requests follow."""


def made_whole(
    model: Model, values: Floats, deadline: float, *, gap: float, seed: int, node_limit: int
) -> Placement | None:
    """The best placement with the nodes, copies and replicas of a point; None if none is found.

    Parameters
    ----------
    model : Model
    values : array
        Its columns, with parts of requests.
    deadline : float
        On the clock of `time.monotonic`.
    gap, seed, node_limit : float, int, int
        As for `solve_whole`.
    """
    program = model.program
    lower, upper = program.lower.copy(), program.upper.copy()
    for name in DECIDED:
        part = model.columns[name]
        lower[part] = upper[part] = np.rint(values[part])
    fixed = Program(
        program.cost, lower, upper, program.whole,
        program.matrix, program.row_lower, program.row_upper,
    )  # fmt: skip
    answer = solve_whole(fixed, "highs", deadline, gap=gap, seed=seed, node_limit=node_limit)
    return None if answer.values is None else decode(model, answer.values)
