"""A linear program solved again and again, each time a little changed, by HiGHS' dual simplex.

`engines` solves a program once. Cutting planes and branching solve the same one thousands of times
with a few bounds or rows more; from the basis before, that takes milliseconds.
"""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp

from placement.engines import highs_api
from placement.errors import EngineError
from placement.program import Program
from placement.quantities import Floats, Ints

Interval = tuple[float, float]
Basis = Any
"""Where a solve ended, for another to begin; made by this module only."""

_NO_LIMIT = 2**31 - 1
_DEVEX = 1
"""Steepest edge would begin with one solve a row."""


class Simplex:
    """One linear program in one HiGHS instance; `whole` is ignored.

    The same calls give the same answers.

    Raises
    ------
    EngineError
        If HiGHS cannot be imported or refuses the program.
    """

    def __init__(self, program: Program) -> None:
        self._api = highs_api()
        self._highs = self._api.Highs()
        self._lower, self._upper = program.lower.copy(), program.upper.copy()
        self._changed: dict[int, Interval] = {}
        self._rows = 0
        self._highs.setOptionValue("output_flag", False)
        self._highs.setOptionValue("presolve", "off")
        self._highs.setOptionValue("threads", 1)
        self._highs.setOptionValue("simplex_dual_edge_weight_strategy", _DEVEX)
        size = len(program.cost)
        self._highs.addVars(size, program.lower, self._finite(program.upper))
        self._highs.changeColsCost(size, np.arange(size, dtype=np.int32), program.cost)
        self.add_rows(program.matrix, program.row_lower, program.row_upper)

    def _finite(self, values: Floats) -> Floats:
        infinite = self._api.kHighsInf
        return np.nan_to_num(values, nan=0.0, posinf=infinite, neginf=-infinite)

    def add_rows(self, matrix: sp.csr_array, lower: Floats, upper: Floats) -> None:
        """Add constraints lower <= matrix @ x <= upper."""
        size = matrix.shape[0]
        if not size:
            return
        status = self._highs.addRows(
            size, self._finite(lower), self._finite(upper), matrix.nnz,
            matrix.indptr[:-1].astype(np.int32), matrix.indices.astype(np.int32), matrix.data,
        )  # fmt: skip
        if status == self._api.HighsStatus.kError:
            raise EngineError("HiGHS refuses rows.")
        self._rows += size

    def within(self, bounds: Mapping[int, Interval]) -> None:
        """Have exactly these bounds instead of the program's own."""
        highs, changed = self._highs, self._changed
        for column in [c for c in changed if c not in bounds]:
            highs.changeColBounds(column, self._lower[column], self._upper[column])
            del changed[column]
        for column, interval in bounds.items():
            if changed.get(column) != interval:
                highs.changeColBounds(column, *interval)
                changed[column] = interval

    def stop_at(self, latest: float) -> None:
        """Give up solving at a time on the clock of `time.monotonic`."""
        if np.isfinite(latest):
            left = max(0.0, latest - time.monotonic())
            self._highs.setOptionValue("time_limit", self._highs.getRunTime() + left)

    def charge(self, cost: Floats) -> None:
        """Give the columns another cost."""
        self._highs.changeColsCost(len(cost), np.arange(len(cost), dtype=np.int32), cost)

    def bound(self, columns: Ints, lower: Floats, upper: Floats) -> None:
        """Give some columns other bounds for good."""
        self._lower[columns], self._upper[columns] = lower, upper
        self._highs.changeColsBounds(len(columns), columns.astype(np.int32), lower, upper)

    def limit(self, rows: Ints, lower: Floats, upper: Floats) -> None:
        """Give some rows other bounds for good."""
        bounds = self._finite(lower), self._finite(upper)
        self._highs.changeRowsBounds(len(rows), rows.astype(np.int32), *bounds)

    def solve(self, start: Basis | None = None, most_steps: int | None = None) -> float | None:
        """The least objective, infinite where there is none, None where HiGHS fails.

        Parameters
        ----------
        start : Basis or None
            Where to begin; None for where the last solve ended.
        most_steps : int or None
            Stop after so many steps of the dual simplex. The value is then a guess, as a rule
            below the least, and proves nothing.
        """
        if start is not None:
            self._begin_at(start)
        self._highs.setOptionValue("simplex_iteration_limit", most_steps or _NO_LIMIT)
        self._highs.run()
        status, known = self._highs.getModelStatus(), self._api.HighsModelStatus
        if status == known.kInfeasible:
            return np.inf
        if status in (known.kOptimal, known.kIterationLimit):
            return float(self._highs.getInfo().objective_function_value)
        return None

    def _begin_at(self, start: Basis) -> None:
        missing = self._rows - len(start.row_status)
        if missing > 0:  # rows that came later
            basic = self._api.HighsBasisStatus.kBasic
            start.row_status = [*start.row_status, *[basic] * missing]
        self._highs.setBasis(start)

    @property
    def basis(self) -> Basis:
        """Where the last solve ended."""
        return self._highs.getBasis()

    @property
    def values(self) -> Floats:
        """The columns."""
        return np.array(self._highs.getSolution().col_value)

    @property
    def duals(self) -> Floats:
        """One a row, >= 0 on rows bounded below, for minimisation."""
        return np.array(self._highs.getSolution().row_dual)
