"""The instance as a market of cells: accelerators of one type in one region, or parts of them.

Work and latency of a class are the same on all nodes of a cell, so classes meet cells and not
nodes. What differs inside a cell (trusted hardware, size, roles) makes its node kinds; a class can
use the kinds of its mask only.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from placement.compiled import Compiled
from placement.quantities import Bools, Floats, Ints, Quantities

_MOST_KINDS = 62
"""Kinds of one cell that a mask can tell apart; further ones count as the last of these."""


@dataclass(frozen=True)
class Offers:
    """Where classes can go: one entry a (class, cell), in each class sorted by cell.

    Attributes
    ----------
    g, cell, mask : array of int
        The class, the cell, and the kinds of the cell that it can use.
    work_s : array
        Accelerator-seconds of all requests (or re-executions) of the class.
    cost : array
        $ of all of them at the cell's mean rate, latency included.
    """

    g: Ints
    cell: Ints
    mask: Ints
    work_s: Floats
    cost: Floats


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells, their kinds and masks.

    A node may be a cell of its own for what it has already, inside a cell of all that are like it:
    then its capacity and memory count in both, and so does what is done in the inner cell.

    Attributes
    ----------
    compiled : Compiled
    node_cell, node_kind : array of int
        The cell and kind of each node, the inner one where there are two.
    kind_cell, kind_base : array of int
        The cell of each kind, and what `quantities` calls the kind.
    within, kind_within : array of int
        The cell that each cell is inside of, and the same for kinds; themselves for most.
    mask_cell : array of int
        The cell of each mask.
    flow_mask, flow_kind : array of int
        Pairs of a mask and a kind that it stands for, sorted by mask.
    """

    compiled: Compiled
    node_cell: Ints
    node_kind: Ints
    kind_cell: Ints
    kind_base: Ints
    within: Ints
    kind_within: Ints
    mask_cell: Ints
    flow_mask: Ints
    flow_kind: Ints

    def __len__(self) -> int:
        return len(self.within)

    @property
    def flat(self) -> bool:
        """Whether no cell is inside of another."""
        return bool((self.within == np.arange(len(self))).all())

    @property
    def q(self) -> Quantities:
        """What the instance says."""
        return self.compiled.quantities

    @cached_property
    def _inside(self) -> tuple[Ints, Ints]:
        """Nodes and their cells, outer ones too."""
        return with_outer(self.node_cell, self.within)

    @cached_property
    def by_cell(self) -> tuple[Ints, Ints]:
        """The same sorted by cell, then node."""
        n, cell = self._inside
        order = np.lexsort((n, cell))
        return n[order], cell[order]

    @cached_property
    def members(self) -> list[Ints]:
        """The nodes of each cell."""
        n, cell = self.by_cell
        return np.split(n, np.searchsorted(cell, range(1, len(self))))

    @cached_property
    def node(self) -> Ints:
        """One node of each cell, to ask about work and latency."""
        return np.array([nodes[0] for nodes in self.members], dtype=np.int64)

    @cached_property
    def rate(self) -> Floats:
        """Mean $ per accelerator-second of each cell, of the outer one where there are two."""
        return self.mean(self.compiled.rate)[self.within]

    @cached_property
    def asking(self) -> Floats:
        """The same with engagement."""
        asking = self.compiled.rate + self.compiled.engagement_rate
        return self.mean(asking)[self.within]

    def mean(self, value: Floats) -> Floats:
        """Mean of something over the nodes of each cell, by capacity."""
        seconds = self.total(self.q.capacity_s)
        return self.total(value * self.q.capacity_s) / np.maximum(seconds, 1e-300)

    def total(self, value: Floats) -> Floats:
        """Sum of something over the nodes of each cell."""
        n, cell = self._inside
        return np.bincount(cell, value[n], len(self)).astype(float)

    def runs(self, g: Ints, cell: Ints, mask: Ints) -> Offers:
        """Executions of classes in cells."""
        q, n = self.q, self.node[cell]
        each = q.work_s(g, n)
        latency = q.latency_price[g] * q.latency_ms(g, n) / 1000.0
        count = q.count[g]
        return Offers(g, cell, mask, each * count, (self.rate[cell] * each + latency) * count)

    def redone(self, g: Ints, cell: Ints, mask: Ints) -> Offers:
        """Re-executions, as many as are wanted when every request is served."""
        work = self.q.reexecution_work_s(g, self.node[cell])
        work = work * self.compiled.wanted_checks[g] * self.q.count[g]
        return Offers(g, cell, mask, work, self.rate[cell] * work)


def market(compiled: Compiled) -> tuple[Cells, Offers, Offers]:
    """The cells of an instance, where classes without pairs can run, and where be re-executed."""
    q = compiled.quantities
    some, node_kind = _numbered(q.node_kind)
    first, node_cell = _numbered((q.node_type + 1) * (q.n_regions + 1) + q.node_region + 1)
    kind_cell, kind_base = node_cell[some], q.node_kind[some]
    masks = _Masks(compiled, kind_cell, kind_base, len(first))
    cells = Cells(
        compiled=compiled,
        node_cell=node_cell,
        node_kind=node_kind,
        kind_cell=kind_cell,
        kind_base=kind_base,
        within=np.arange(len(first)),
        kind_within=np.arange(len(some)),
        mask_cell=masks.cell,
        flow_mask=masks.flow_mask,
        flow_kind=masks.flow_kind,
    )
    runs = masks.pairs(np.flatnonzero(~q.paired), masks.run)
    redone = masks.pairs(np.flatnonzero(compiled.redone & ~q.paired), masks.check)
    return cells, cells.runs(*runs), cells.redone(*redone)


class _Masks:
    """The sets of kinds of a cell that classes can use, and which class can use which."""

    def __init__(self, compiled: Compiled, kind_cell: Ints, kind_base: Ints, size: int) -> None:
        self.q = q = compiled.quantities
        order = np.argsort(kind_cell, kind="stable")
        rank = np.empty(len(order), dtype=np.int64)
        start = np.searchsorted(kind_cell[order], kind_cell[order])
        rank[order] = np.arange(len(order)) - start
        bit = np.minimum(rank, _MOST_KINDS)
        tables = [compiled.run_kinds, compiled.verify_kinds]
        able: Bools = np.concatenate([t[q.kind_class][:, kind_base] for t in tables])
        bits = np.zeros((size, len(able)), dtype=np.int64)
        for kind in range(len(order)):
            bits[kind_cell[kind]] |= able[:, kind].astype(np.int64) << bit[kind]
        number: Ints = np.full(bits.shape, -1, dtype=np.int64)
        cells, values, total = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], 0
        for cell in range(size):
            distinct, at = np.unique(bits[cell], return_inverse=True)
            kept = distinct != 0
            number[cell] = np.where(kept, total + np.cumsum(kept) - 1, -1)[at.reshape(-1)]
            cells.append(np.full(int(kept.sum()), cell))
            values.append(distinct[kept])
            total += int(kept.sum())
        self.cell: Ints = np.concatenate(cells)
        inside = self.cell[:, None] == kind_cell[None, :]
        held = (np.concatenate(values)[:, None] >> bit[None, :]) & 1
        self.flow_mask, self.flow_kind = np.nonzero(inside & (held > 0))
        half = len(able) // 2
        self.run, self.check = number[:, :half].T, number[:, half:].T

    def pairs(self, g: Ints, masks: Ints) -> tuple[Ints, Ints, Ints]:
        """Classes, cells where they can go, and their masks there."""
        masks = masks[self.q.class_kind[g]]
        row, cell = np.nonzero(masks >= 0)
        return g[row], cell, masks[row, cell]


def with_outer(at: Ints, within: Ints) -> tuple[Ints, Ints]:
    """Positions in a list of cells, or of kinds, and those; then again with what they are in."""
    two = np.flatnonzero(within[at] != at)
    return np.append(np.arange(len(at)), two), np.append(at, within[at[two]])


def _numbered(keys: Ints) -> tuple[Ints, Ints]:
    """One node of each group of equal keys, and the number of each node's group."""
    _, first, number = np.unique(keys, return_index=True, return_inverse=True)
    return np.asarray(first, dtype=np.int64), np.asarray(number, dtype=np.int64).reshape(-1)
