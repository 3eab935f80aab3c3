"""The relaxation with cutting planes, over the rows that matter: small, and stronger than before.

Most rows of a model do not bind at the optimum of its relaxation. Without them every further solve
is several times faster; those that a later point breaks come back. A relaxation with fewer rows
bounds all the same.
"""

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp

from placement.methods.closing.covers import Covers, Rows
from placement.methods.closing.flowcovers import FlowCovers
from placement.model import Model
from placement.program import Program
from placement.quantities import Bools, Floats
from placement.simplex import Simplex

ROUNDS = 60
"""The most rounds of cutting planes before branching."""
LEAST, MOST = 1e-3, 150
"""How much of a replica a cutting plane must cut off, and how many a round may add."""
RETURNING = 400
"""The most rows that come back in one round."""
_BROKEN = 1e-6
_KEPT = ("demand", "verification", "share", "new", "source", "capacity", "memory", "limits")
"""Families that are never left out."""

Addition = tuple[sp.csr_array, Floats, Floats]
"""Rows: matrix, lower, upper."""


class Relaxation:
    """A growing set of rows of one model, rows of its own and cutting planes.

    Parameters
    ----------
    model : Model
    duals : array
        Row duals of its relaxation, which say what rows matter.
    """

    def __init__(self, model: Model, duals: Floats) -> None:
        self.model = model
        self.families = (Covers(model), FlowCovers(model))
        self.inside: Bools = np.abs(duals) > 0
        for name in _KEPT:
            self.inside[model.rows[name]] = True
        program = model.program
        rows = np.flatnonzero(self.inside)
        self.core = Program(
            program.cost, program.lower, program.upper, program.whole,
            sp.csr_array(program.matrix[rows]), program.row_lower[rows], program.row_upper[rows],
        )  # fmt: skip
        self.added: list[Addition] = []
        """What came to the core, in order."""
        self._cuts: list[Rows] = []

    def program(self) -> Program:
        """The whole model with all cutting planes found."""
        p = self.model.program
        none = [np.full(len(cut.upper), -np.inf) for cut in self._cuts]
        return Program(
            p.cost, p.lower, p.upper, p.whole,
            sp.csr_array(sp.vstack([p.matrix, *(cut.matrix for cut in self._cuts)], format="csr")),
            np.concatenate([p.row_lower, *none]),
            np.concatenate([p.row_upper, *(cut.upper for cut in self._cuts)]),
        )  # fmt: skip

    def extend(self, simplexes: list[Simplex], values: Floats, least: float = LEAST) -> int:
        """Add what a point breaks to all the given programs; returns how many rows that were."""
        p = self.model.program
        activity = p.matrix @ values
        excess = np.maximum(activity - p.row_upper, p.row_lower - activity)
        excess = np.where(self.inside, 0.0, excess / (1.0 + np.abs(activity)))
        rows = np.flatnonzero(excess > _BROKEN)
        rows = np.sort(rows[np.argsort(-excess[rows], kind="stable")[:RETURNING]])
        self.inside[rows] = True
        self._add(sp.csr_array(p.matrix[rows]), p.row_lower[rows], p.row_upper[rows], simplexes)
        found = [family.broken(values, least, MOST) for family in self.families]
        for cuts in found:
            self._add(cuts.matrix, np.full(len(cuts.upper), -np.inf), cuts.upper, simplexes)
        self._cuts.extend(found)
        return len(rows) + sum(len(cuts.upper) for cuts in found)

    def _add(
        self, matrix: sp.csr_array, lower: Floats, upper: Floats, simplexes: list[Simplex]
    ) -> None:
        """Rows for all the given programs, and for those that come later."""
        self.added.append((matrix, lower, upper))
        for simplex in simplexes:
            simplex.add_rows(matrix, lower, upper)

    def simplex(self) -> Simplex:
        """A simplex with all rows so far."""
        simplex = Simplex(self.core)
        for addition in self.added:
            simplex.add_rows(*addition)
        return simplex


def strengthen(
    relaxation: Relaxation,
    simplex: Simplex,
    over: Callable[[], bool],
    found: Callable[[float], None],
) -> float | None:
    """Rounds of cutting planes until there are none, or it is `over`; the relaxation's value.

    `found` is told of every value, each a lower bound.
    """
    value = simplex.solve()
    for _ in range(ROUNDS):
        if value is None or not np.isfinite(value):
            break
        found(value)
        if over() or not relaxation.extend([simplex], simplex.values):
            break
        value = simplex.solve()
    return value
