"""The steps of `kernels.iterate` with the arcs in two halves, which two threads can take.

Which arcs are in which half, and so what comes out, does not depend on the threads there are.
"""

from functools import partial
from typing import Any

import numpy as np

from placement.methods.pricing import kernels
from placement.methods.pricing.kernels import REFLECTED, VALUE
from placement.methods.sidebyside import SideBySide
from placement.quantities import Floats, Ints

Matrix = tuple[Any, Any, Any]
"""A sparse matrix: where its rows (or columns) begin, indices, values."""


class _Half:
    """Some arcs, variables and rows, and what the arcs ask for in a step."""

    def __init__(self, whole: "Halves", number: int) -> None:
        self.whole = whole
        starts = whole.first, whole.by_column[0], whole.by_row[0]
        self.classes, self.columns, self.rows = (_half_of(start, number) for start in starts)
        begin, end = self.classes
        self.first, copies = whole.first[begin : end + 1], len(whole.windows)
        self.served, self.pull = np.empty(end - begin), np.empty((2, copies))
        self.used, self.busy = np.empty(copies), np.empty(whole.n_masks)
        self.way = 0.0
        kernels.pull_copies(whole.arc, self.first, whole.at[0], self.pull)

    def move(self, y: Floats, copy: Floats, pull: Floats, steps: tuple[float, float]) -> None:
        """Move its fractions and variables at prices of rows, and of windows of copies."""
        whole, (begin, end) = self.whole, self.classes
        mask = y[whole.masks]
        self.way = kernels.move_arcs(
            whole.arc, self.first, *whole.at, y[begin:end], copy, mask, *steps
        ) + kernels.move_rest(
            whole.column, whole.cost, whole.most, *whole.by_column, y, pull, *self.columns, *steps
        )

    def charge(self, steps: tuple[float, float]) -> None:
        """Charge its links."""
        whole = self.whole
        self.way += kernels.charge_arcs(
            whole.arc, self.first, *whole.at, whole.copies, self.served, self.pull, self.used,
            self.busy, *steps,
        )  # fmt: skip

    def charge_rows(
        self, served: Floats, used: Floats, busy: Floats, steps: tuple[float, float]
    ) -> None:
        """Charge its rows."""
        whole = self.whole
        self.way += kernels.charge_rows(
            whole.row, whole.needed, *whole.by_row, whole.column[REFLECTED], served, used, busy,
            whole.windows, *self.rows, *steps,
        )  # fmt: skip


class Halves:
    """Steps on a program, its arrays as `kernels.iterate` takes them.

    Parameters
    ----------
    arcs : tuple
        What is known of arcs, where those of each class row begin, their (model, cell) and mask.
    columns, rows : tuple
        Of the rest: its variables, their cost, upper bounds and the matrix by columns; its rows,
        what they need and the matrix by rows.
    windows : array
        Copies that one accelerator window takes, for each (model, cell).
    n_masks : int
    """

    def __init__(
        self,
        arcs: tuple[Any, Ints, Ints, Ints],
        columns: tuple[Floats, Floats, Floats, Matrix],
        rows: tuple[Floats, Floats, Matrix],
        windows: Floats,
        n_masks: int,
    ) -> None:
        self.arc, self.first, at_copy, at_mask = arcs
        self.at = at_copy, at_mask
        self.column, self.cost, self.most, self.by_column = columns
        self.row, self.needed, self.by_row = rows
        self.windows, self.n_masks = windows, n_masks
        self.copies = np.empty((2, len(windows)))
        n_classes = len(self.first) - 1
        self.of_copies = slice(n_classes, n_classes + len(windows))
        self.masks = slice(self.of_copies.stop, self.of_copies.stop + n_masks)
        self.halves = [_Half(self, number) for number in range(2)]

    def iterate(self, steps: int, since: int, weight: float, side_by_side: SideBySide) -> float:
        """So many steps, `since` of them since the restart; the squared way of the last."""
        one, two = self.halves
        for step in range(since, since + steps):
            lengths = weight, (step + 1.0) / (step + 2.0)
            y, pull = self.row[VALUE].copy(), one.pull + two.pull
            copy = y[self.of_copies] * self.windows
            side_by_side([partial(half.move, y, copy, pull, lengths) for half in self.halves])
            kernels.count_copies(self.column, self.copies)
            side_by_side([partial(half.charge, lengths) for half in self.halves])
            asked = np.concatenate([one.served, two.served]), one.used + two.used
            busy = one.busy + two.busy
            side_by_side([partial(half.charge_rows, *asked, busy, lengths) for half in self.halves])
        return float(one.way + two.way)


def _half_of(start: Ints, number: int) -> tuple[int, int]:
    """The first or second half of rows that begin at these places, by what is in them."""
    middle = int(np.searchsorted(start, start[-1] // 2))
    return (middle, len(start) - 1) if number else (0, middle)
