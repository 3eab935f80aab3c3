"""A program without the arcs that are too dear to matter at the prices there are.

Of all the cells that a class could go to, a handful matters. A step looks at every arc, so without
the others there are several times more steps in the same time. As prices move other arcs come to
matter; so they are chosen anew now and then (sifting: Bixby and others 1992).
"""

from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from placement.methods.pricing.firstorder import FirstOrder
from placement.methods.pricing.kernels import KEPT, LINK, VALUE, X
from placement.methods.pricing.least import least_of_rows
from placement.methods.pricing.pooled import WAYS, Pooled, Rest
from placement.quantities import Bools, Ints

USED = 1e-3
"""Part of a class from which on an arc is in use, and of a copy."""


class Focus:
    """The part of a program that matters, and an iterate of it.

    Parameters
    ----------
    solved : FirstOrder
        Where to begin.
    most : int
        Arcs of each class row that are looked at, beside those in use.

    Attributes
    ----------
    full : Pooled
        All of the program.
    order : FirstOrder
        The iterate; its program has some of the arcs, and the copies that they need.
    """

    def __init__(self, solved: FirstOrder, most: int) -> None:
        self.full: Pooled = solved.pooled
        self.order = self._whole = solved
        self._most = most
        self._choose()

    def renew(self) -> None:
        """Choose anew what matters, and go on with it."""
        self.whole()
        self._choose()

    def whole(self) -> FirstOrder:
        """The iterate of all of the program."""
        whole, order = self._whole, self.order
        whole.arc[X] = 0.0
        for column in (X, LINK):
            whole.arc[column, self._arcs] = order.arc[column]
        whole.column[VALUE, self._columns] = order.column[VALUE]
        whole.row[VALUE, self._rows] = order.row[VALUE]
        whole.source[VALUE, :-1] = order.paid(*self.full.sources)
        whole.begin(order.weight)
        whole.steps = order.steps
        return whole

    def _choose(self) -> None:
        whole, full, steps = self._whole, self.full, self.order.steps
        self.order = whole
        self._arcs = np.flatnonzero(likely(whole, self._most))
        kept = whole.column[VALUE, : full.turned.start].reshape(WAYS, -1)[KEPT]
        free = np.flatnonzero((kept > USED) & (full.hosts.of_copy >= 0))
        copies = np.union1d(full.at_copy[self._arcs], free)
        part, self._rows, self._columns = _part(full, self._arcs, copies)
        order = FirstOrder(part)
        for column in (X, LINK):
            order.arc[column] = whole.arc[column, self._arcs]
        order.column[VALUE] = whole.column[VALUE, self._columns]
        order.row[VALUE] = whole.row[VALUE, self._rows]
        order.source[VALUE, :-1] = whole.paid(*part.sources)
        order.begin(whole.weight)
        order.steps = steps
        self.order = order


def likely(solved: FirstOrder, most: int) -> Bools:
    """Arcs in use, and so many of each class row that cost least at the prices there are."""
    reduced = solved.reduced_costs()
    reduced[solved.arc[X] > USED] = -np.inf
    return np.asarray(least_of_rows(solved.pooled.first.astype(np.int32), reduced, most))


def _part(full: Pooled, arcs: Ints, copies: Ints) -> tuple[Pooled, Ints, Ints]:
    """The program with some of its arcs and copies; its rows and columns in the whole."""
    at_copy = np.searchsorted(copies, full.at_copy[arcs])
    size, rest = len(full.windows), full.rest
    gone = np.ones(size, dtype=bool)
    gone[copies] = False
    rows = np.ones(len(rest.needed), dtype=bool)
    rows[full.n_rows : full.n_rows + size] = ~gone
    columns = np.ones(len(rest.cost), dtype=bool)
    columns[: WAYS * size] = np.tile(~gone, WAYS)
    i, j = np.flatnonzero(rows), np.flatnonzero(columns)
    less = Rest(
        matrix=sp.csr_array(rest.matrix[i][:, j]),
        cost=rest.cost[j],
        most=rest.most[j],
        needed=rest.needed[i],
        column_value=rest.column_value[j],
        row_value=rest.row_value[i],
    )
    names = ("at_cell", "at_mask", "cost", "work", "kappa", "bulk_kappa")
    arrays: dict[str, Any] = {name: getattr(full, name)[arcs] for name in names}
    arrays |= {n: getattr(full, n)[copies] for n in ("copy_m", "copy_cell", "windows", "bulk")}
    first = np.searchsorted(arcs, full.first)
    arrays |= {"at_copy": at_copy, "hosts": full.hosts.take(copies)}
    part = replace(full, first=first, rest=less, **arrays)
    return part, i, j
