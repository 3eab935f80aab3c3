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
        starts = whole.first, whole.by_column[0], whole.by_row[0], whole.first_spot
        self.classes, self.columns, self.rows, self.mine = (
            _half_of(start, number) for start in starts
        )
        begin, end = self.classes
        self.first, copies = whole.first[begin : end + 1], len(whole.windows)
        self.sources = whole.sources[begin : end + 1]
        self.served, self.pull = np.empty(end - begin), np.empty((2, copies))
        self.host, self.spot = np.empty(len(whole.hosts)), np.empty(len(whole.free))
        self.used, self.busy = np.empty(copies), np.empty(whole.n_masks)
        self.way = 0.0
        kernels.pull_copies(whole.arc, self.first, whole.at[0], self.pull)
        kernels.pull_sources(whole.source, *whole.spots, self.host, self.spot, *self.mine)

    def move(self, prices: tuple[Floats, ...], steps: tuple[float, float]) -> None:
        """Move its fractions and variables.

        At prices of rows, of windows of copies and of sources, and what is paid for copies, to
        hosts, and for copies that need none.
        """
        whole, (begin, end) = self.whole, self.classes
        y, copy, source, pull, host, spot = prices
        self.way = kernels.move_arcs(
            whole.arc, self.first, *whole.at, y[begin:end], copy, y[whole.masks], source, *steps
        ) + kernels.move_rest(
            whole.column, whole.cost, whole.most, *whole.by_column, y, pull, whole.of_copy, host,
            spot, *self.columns, *steps,
        )  # fmt: skip

    def charge(self, steps: tuple[float, float]) -> None:
        """Charge its links."""
        whole = self.whole
        self.way += kernels.charge_arcs(
            whole.arc, self.first, *whole.at, whole.source, self.sources, whole.copies, self.served,
            self.pull, self.used, self.busy, *steps,
        )  # fmt: skip

    def charge_rows(
        self, served: Floats, used: Floats, busy: Floats, steps: tuple[float, float]
    ) -> None:
        """Charge its rows and sources."""
        whole = self.whole
        self.way += kernels.charge_sources(
            whole.source, *whole.spots, whole.hosts, whole.free, self.host, self.spot, *self.mine,
            *steps,
        ) + kernels.charge_rows(
            whole.row, whole.needed, *whole.by_row, whole.column[REFLECTED], served, used, busy,
            whole.windows, *self.rows, *steps,
        )  # fmt: skip


class Halves:
    """Steps on a program, its arrays as `kernels.iterate` takes them.

    Parameters
    ----------
    arcs : tuple
        What is known of arcs, where those of each class row begin, their (model, cell), mask and
        source.
    columns, rows : tuple
        Of the rest: its variables, their cost, upper bounds and the matrix by columns; its rows,
        what they need, the matrix by rows, and how many are of masks.
    sources : tuple
        What is known of sources, where those of each class row begin, their hosts; where the spots
        of each host begin, where those of each source do, the part of the class that one copy there
        serves; host and spot of each (model, cell).
    windows : array
        Copies that one accelerator window takes, for each (model, cell).
    """

    def __init__(
        self,
        arcs: tuple[Any, Ints, Ints, Ints, Ints],
        columns: tuple[Floats, Floats, Floats, Matrix],
        rows: tuple[Floats, Floats, Matrix, int],
        sources: tuple[Floats, Ints, Ints, Ints, Ints, Floats, Ints],
        windows: Floats,
    ) -> None:
        self.arc, self.first = arcs[:2]
        self.at: tuple[Ints, Ints, Ints] = arcs[2:]
        self.column, self.cost, self.most, self.by_column = columns
        self.row, self.needed, self.by_row, self.n_masks = rows
        self.source, self.sources, at_host, spots, self.first_spot, kappa, self.of_copy = sources
        self.spots = at_host, spots, self.first_spot, kappa
        self.hosts, self.free = np.empty(len(spots) - 1), np.empty(spots[-1])
        self.windows = windows
        self.copies = np.empty((2, len(windows)))
        n_classes = len(self.first) - 1
        self.of_copies = slice(n_classes, n_classes + len(windows))
        self.masks = slice(self.of_copies.stop, self.of_copies.stop + self.n_masks)
        self.halves = [_Half(self, number) for number in range(2)]

    def iterate(self, steps: int, since: int, weight: float, side_by_side: SideBySide) -> float:
        """So many steps, `since` of them since the restart; the squared way of the last."""
        one, two = self.halves
        for step in range(since, since + steps):
            lengths = weight, (step + 1.0) / (step + 2.0)
            y = self.row[VALUE].copy()
            copy, source = y[self.of_copies] * self.windows, self.source[VALUE]
            paid = one.pull + two.pull, one.host + two.host, one.spot + two.spot
            prices = y, copy, source, *paid
            side_by_side([partial(half.move, prices, lengths) for half in self.halves])
            kernels.count_copies(self.column, self.of_copy, self.copies, self.hosts, self.free)
            side_by_side([partial(half.charge, lengths) for half in self.halves])
            asked = np.concatenate([one.served, two.served]), one.used + two.used
            busy = one.busy + two.busy
            side_by_side([partial(half.charge_rows, *asked, busy, lengths) for half in self.halves])
        return float(one.way + two.way)


def _half_of(start: Ints, number: int) -> tuple[int, int]:
    """The first or second half of rows that begin at these places, by what is in them."""
    middle = int(np.searchsorted(start, start[-1] // 2))
    return (middle, len(start) - 1) if number else (0, middle)
