"""Cells taken apart: kinds of nodes, and single nodes where those have models already.

A node that has models loaded or stored is a cell of its own, and so are all others of a kind that
load about as fast. Where that makes too many pairs, such a node is a cell only for what it has: for
all that is new it stays with its kind, whose nodes are alike but for what they cost. Of all these
parts a class is offered those that cost it least at the prices of the coarse cells.
"""

import numpy as np

from placement.assembly import joined
from placement.methods.pricing.cells import Cells, Offers
from placement.methods.pricing.firstorder import FirstOrder
from placement.methods.pricing.focusing import USED, likely
from placement.methods.pricing.kernels import VALUE, X
from placement.methods.pricing.least import least_of_rows, least_parts
from placement.quantities import Floats, Ints, Quantities

_TINY = 1e-9
SPEEDS = 2
"""Speeds of loading that are told apart in each kind: the slower half of its nodes, the others."""
LIKELY = 16
"""Coarse cells of each class whose parts are looked at."""
MOST_PAIRS = 2_500_000
"""Nodes are cells for all classes where that makes no more pairs than this to choose from."""


def take_apart(solved: FirstOrder, most: int) -> tuple[Cells, Offers, Offers]:
    """Parts of the cells of a program, and so many for each class row to run or be re-executed.

    Parameters
    ----------
    solved : FirstOrder
        An iterate of the program of whole cells.
    most : int
        Parts of each class row beside those in use; as many again where it is at home.
    """
    coarse, parts = solved.pooled, _Parts(solved)
    row, cell = parts.chosen(most)
    again = row >= len(coarse.run_g)
    g = np.concatenate([coarse.run_g, coarse.check_g])[row]
    run, check = (g[~again], cell[~again]), (g[again], cell[again])
    cells = parts.cells
    return cells, cells.runs(*run, run[1]), cells.redone(*check, check[1])


class _Parts:
    def __init__(self, solved: FirstOrder) -> None:
        self.solved, self.coarse = solved, solved.pooled
        self.q: Quantities = self.coarse.cells.q
        q, compiled = self.q, self.coarse.cells.compiled
        at_home = ((q.loaded > 0) | q.hosted) & (compiled.max_replicas > 0)
        self.home_m, self.home_n = np.nonzero(at_home)
        self.alone = np.flatnonzero(at_home.any(axis=0))
        self.arcs = np.flatnonzero(likely(solved, LIKELY))
        self.cells = self._cells(inside=False)
        if self._pairs() > MOST_PAIRS:
            self.cells = self._cells(inside=True)
        y = solved.row[VALUE, self.coarse.n_rows :]
        copies, masks = len(self.coarse.windows), len(self.coarse.cells.mask_cell)
        self.of_copy, self.of_kind = y[:copies], y[copies + masks :]
        worth = solved.row[VALUE, : self.coarse.n_rows][self.coarse.arc_row]
        self.without = self.coarse.cost - worth

    def _cells(self, *, inside: bool) -> Cells:
        """A cell for each node at home, and for each kind, of the other nodes or of all of them."""
        q, alone = self.q, self.alone
        known, kind = np.unique(q.node_kind * SPEEDS + _speeds(q), return_inverse=True)
        inner, kinds = kind.copy(), len(known)
        inner[alone] = kinds + np.arange(len(alone))
        base = np.concatenate([known // SPEEDS, q.node_kind[alone]])
        within = np.concatenate([np.arange(kinds), kind[alone]])
        if not inside:
            some, inner = np.unique(inner, return_inverse=True)
            base, within = base[some], np.arange(len(some))
        every = np.arange(len(base))
        return Cells(
            compiled=self.coarse.cells.compiled,
            node_cell=inner,
            node_kind=inner,
            kind_cell=every,
            kind_base=base,
            within=within,
            kind_within=within,
            mask_cell=every,
            flow_mask=every,
            flow_kind=every,
        )

    def _open(self) -> tuple[Ints, Ints]:
        """Flows of the coarse masks and cells for what is new, of the kinds that they flow to."""
        cells = self.cells
        outer = np.flatnonzero(cells.within == np.arange(len(cells)))
        outer = outer[np.argsort(cells.kind_base[outer], kind="stable")]
        flow, at = joined(self.coarse.cells.flow_kind, cells.kind_base[outer])
        return flow, outer[at]

    def _pairs(self) -> int:
        """How many pairs of a class row and a part of a likely cell there are."""
        mask = self.coarse.cells.flow_mask[self._open()[0]]
        number = np.bincount(mask, minlength=len(self.coarse.cells.mask_cell))
        return int(number[self.coarse.at_mask[self.arcs]].sum())

    def chosen(self, most: int) -> tuple[Ints, Ints]:
        """Class rows and their parts, sorted."""
        keys = np.sort(np.concatenate([self._new(most), self._homes(most)]))
        keys = keys[np.append(True, keys[1:] > keys[:-1])]
        return keys // len(self.cells), keys % len(self.cells)

    def _new(self, most: int) -> Ints:
        """Keys of class rows and parts: what likely arcs stand for, in use or of least cost."""
        p, arcs = self.coarse, self.arcs
        flow, cell = self._open()
        masks, copy = len(p.cells.mask_cell), p.at_copy[arcs]
        price = self.of_copy[copy] * p.windows[copy]
        keys: Ints = least_parts(
            np.searchsorted(p.arc_row[arcs], np.arange(p.n_rows + 1)),
            np.stack([self.without[arcs], p.work[arcs], price, self.q.weights_gb[p.copy_m[copy]]]),
            p.at_mask[arcs].astype(np.int64),
            self.solved.arc[X, arcs] > USED,
            np.searchsorted(p.cells.flow_mask[flow], np.arange(masks + 1)),
            cell,
            flows_of(self.solved)[flow] > USED,
            np.stack([self.of_kind[self.cells.kind_base], self._loading()]),
            most,
        )
        return keys

    def _loading(self) -> Floats:
        """$ of loading a GB in each part, for each accelerator window that a new copy can give."""
        q, coarse = self.q, self.coarse
        window = coarse.cells.asking[coarse.cells.kind_cell] * q.window_s
        window = window + self.of_kind[: len(window)]
        speed = self.cells.mean(q.load_gb_per_s * q.utilization) * q.window_s
        return np.asarray(window[self.cells.kind_base] / np.maximum(speed, _TINY))

    def _homes(self, most: int) -> Ints:
        """The same for what nodes have already, where copies cost nothing."""
        p, q = self.coarse, self.q
        compiled = p.cells.compiled
        size = len(p.cells)
        key = p.arc_row * size + p.at_cell
        rows = np.concatenate([p.run_g, p.check_g])
        again = np.arange(len(rows)) >= len(p.run_g)
        row, pair = joined(q.class_model[rows], self.home_m)
        kind = q.node_kind[self.home_n[pair]]
        g = rows[row]
        able = np.where(again[row], compiled.verify_kinds[g, kind], compiled.run_kinds[g, kind])
        row, pair, kind = row[able], pair[able], kind[able]
        arc = np.searchsorted(key, row * size + p.cells.kind_cell[kind])
        reduced = self.without[arc] + p.work[arc] * self.of_kind[kind]
        first = np.searchsorted(row, np.arange(p.n_rows + 1)).astype(np.int32)
        kept = least_of_rows(first, reduced, most)
        return np.asarray((row * len(self.cells) + self.cells.node_cell[self.home_n[pair]])[kept])


def _speeds(q: Quantities) -> Ints:
    """Which of the speeds of its kind each node loads at, the slowest 0."""
    known, speed = np.unique(q.load_gb_per_s, return_inverse=True)
    key = q.node_kind * len(known) + speed
    kinds, keys = np.sort(q.node_kind), np.sort(key)
    first = np.searchsorted(kinds, q.node_kind)
    size = np.searchsorted(kinds, q.node_kind, side="right") - first
    return np.asarray(SPEEDS * (np.searchsorted(keys, key) - first) // size)


def flows_of(solved: FirstOrder) -> Floats:
    """The part of each mask's work that flows to each of its kinds."""
    p = solved.pooled
    mask = p.cells.flow_mask
    flow = solved.column[VALUE, p.turned.stop :][: len(mask)].clip(0.0) + 1e-12
    return np.asarray(flow / np.bincount(mask, flow)[mask])
