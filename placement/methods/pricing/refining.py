"""From cells to their parts: what the coarse iterate says of them."""

import numpy as np

from placement.methods.pricing.firstorder import FirstOrder
from placement.methods.pricing.kernels import KEPT, LINK, STORED, VALUE, X
from placement.methods.pricing.pooled import IN_BULK, WAYS, Pooled
from placement.methods.pricing.pooling import NO_WAY
from placement.methods.pricing.splitting import flows_of
from placement.quantities import Floats

_TINY = 1e-12
_LOST = 1e-6
"""A class of which the parts on offer did no more than this is shared out among them evenly."""


def refine(solved: FirstOrder, fine: Pooled) -> FirstOrder:
    """An iterate of the program of parts that does about what the one of whole cells does."""
    return _Refining(solved, fine).result


class _Refining:
    def __init__(self, solved: FirstOrder, fine: Pooled) -> None:
        self.solved, self.coarse, self.fine = solved, solved.pooled, fine
        self.result = FirstOrder(fine)
        cells, size = fine.cells, len(self.coarse.cells)
        self.parent = self.coarse.cells.kind_cell[cells.kind_base]
        self.inner = cells.within != np.arange(len(cells))
        key = self.coarse.arc_row * size + self.coarse.at_cell
        self.arc = np.searchsorted(key, fine.arc_row * size + self.parent[fine.at_cell])
        number = np.zeros((int(self.coarse.copy_m.max(initial=0)) + 1, size), dtype=np.int64)
        number[self.coarse.copy_m, self.coarse.copy_cell] = np.arange(len(self.coarse.windows))
        self.copy = number[fine.copy_m, self.parent[fine.copy_cell]]
        self.done = solved.arc[X].clip(0.0)
        self._arcs()
        self.result.column[VALUE] = self._columns()
        self.result.row[VALUE] = self._rows()
        self.result.row[VALUE, : fine.n_rows] = self.result.least_prices()
        self.result.begin(solved.weight)

    def _arcs(self) -> None:
        """What is served in a cell is served by its parts.

        Kinds share as work flows to them. Of a kind, what new copies do goes where they can be, by
        capacity; what copies that are there already do goes to the nodes that have them.
        """
        fine, cells, result = self.fine, self.fine.cells, self.result
        coarse, ways = self.coarse.cells, self._ways()
        part = np.zeros((len(coarse.mask_cell), len(coarse.kind_cell)))
        part[coarse.flow_mask, coarse.flow_kind] = flows_of(self.solved)
        there = (ways[KEPT] + ways[STORED]) / np.maximum(ways.sum(axis=0), _TINY)
        of_kind = self.copy * len(coarse.kind_cell) + cells.kind_base[fine.copy_cell]
        _, group = np.unique(of_kind, return_inverse=True)
        has = _most(fine).sum(axis=0)
        mine = has / np.maximum(np.bincount(group, has)[group], _TINY)
        there = there[self.copy]
        size = cells.total(cells.q.capacity_s) * ~self.inner
        size /= np.maximum(np.bincount(cells.kind_base, size)[cells.kind_base], _TINY)
        base = cells.kind_base[fine.at_cell]
        served = self.done[self.arc] * part[self.coarse.at_mask[self.arc], base]
        self.new = served * (size[fine.copy_cell] * (1.0 - there))[fine.at_copy]
        self.kept = served * (there * mine)[fine.at_copy]
        self._restore()
        result.arc[X] = self.new + self.kept
        tighter = self.coarse.kappa[self.arc] / fine.kappa
        result.arc[LINK] = self.solved.arc[LINK, self.arc] * tighter

    def _restore(self) -> None:
        """Have the parts that there are do what others, not on offer, would have done."""
        fine, row = self.fine, self.fine.arc_row
        wanted = np.bincount(self.coarse.arc_row, self.done, fine.n_rows)
        found = np.bincount(row, self.new + self.kept, fine.n_rows)
        lost = found <= _LOST * wanted
        self.new[lost[row]] = 1.0
        self.kept[lost[row]] = 0.0
        found = np.where(lost, np.diff(fine.first), found)
        scale = (wanted / np.maximum(found, _TINY))[row]
        self.new, self.kept = scale * self.new, scale * self.kept

    def _ways(self) -> Floats:
        """Copies of the whole cells, by the way they are had."""
        column = self.solved.column[VALUE, : self.coarse.turned.start]
        ways = column.reshape(WAYS, -1).clip(0.0).copy()
        ways[IN_BULK] *= self.coarse.bulk
        return np.asarray(ways)

    def _columns(self) -> Floats:
        """Copies as their work wants them, where they can be had; flows too."""
        coarse, fine, column = self.coarse, self.fine, self.solved.column[VALUE]
        ways = self._ways()[:, self.copy]
        possible = fine.rest.cost[: fine.turned.start].reshape(ways.shape) < NO_WAY
        for way in range(WAYS):
            served = self.kept if way in {KEPT, STORED} else self.new
            here = np.bincount(fine.at_copy, fine.work * served, len(fine.windows))
            here *= possible[way]
            ways[way] *= here / np.maximum(np.bincount(self.copy, here)[self.copy], _TINY)
        ways[IN_BULK] /= fine.bulk
        ways = np.minimum(ways, _most(fine, of_new=np.inf))
        busy = fine.work * self.result.arc[X]
        flows = np.bincount(fine.at_mask, busy, len(fine.cells.mask_cell))
        engaged = column[coarse.turned.stop + len(coarse.cells.flow_mask) :]
        hosts = np.zeros(len(fine.hosts))
        return np.concatenate([ways.ravel(), column[coarse.turned], flows, engaged, hosts])

    def _rows(self) -> Floats:
        """Prices of the whole cells; what is inside of another cell pays nothing more there."""
        coarse, fine, y = self.coarse, self.fine, self.solved.row[VALUE]
        rows, copies = coarse.n_rows, len(coarse.windows)
        masks, size = len(coarse.cells.mask_cell), len(coarse.cells)
        of_kind = y[rows + copies + masks :][: len(coarse.cells.kind_cell)]
        saved = (coarse.cells.rate[self.parent] - fine.cells.rate) * fine.cells.q.window_s
        at_mask = np.maximum(of_kind[fine.cells.kind_base] + saved, 0.0)
        kinds, memory = np.where(self.inner, 0.0, at_mask), y[len(y) - size :][self.parent]
        memory = np.where(self.inner, 0.0, memory)
        of_copy = y[rows : rows + copies][self.copy]
        return np.concatenate([y[:rows], of_copy, at_mask, kinds, memory])


def _most(fine: Pooled, of_new: float = 0.0) -> Floats:
    """The most copies of each way to have them, as many as given of new ones."""
    most = fine.rest.most[: fine.turned.start].reshape(WAYS, -1)
    return np.asarray(np.where(np.isfinite(most), most, of_new))
