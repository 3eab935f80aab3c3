"""The instance as a market of cells: accelerators of one type in one region, or finer.

Work and latency of a class are the same on all nodes of a cell, so classes meet cells and not
nodes. What differs inside a cell (trusted hardware, size, roles) makes its node kinds; a class can
use the kinds of its mask only. Finer cells are single nodes, where those have models already, and
kinds.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from placement.compiled import Compiled
from placement.quantities import Bools, Floats, Ints

_MOST_KINDS = 62
"""Kinds of one cell that a mask can tell apart; further ones count as the last of these."""


@dataclass(frozen=True)
class Offers:
    """Where classes can go: one entry a (class, cell), sorted by class, then cell.

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


class Cells:
    """Cells, their kinds and masks, and what classes can do where.

    Parameters
    ----------
    compiled : Compiled
    parent : Cells or None
        Coarser cells to take apart: a node with models loaded or stored is then a cell of its own,
        and so are all others of a kind together.
    among : array of bool, shape (classes, cells of `parent`), or None
        Where classes may go; None for wherever they can.

    Attributes
    ----------
    node_cell, kind_cell : array of int
        The cell of each node and of each node kind.
    node_kind : array of int
        The kind of each node; finer than `quantities` has it where cells are fine.
    kind_base : array of int
        What `quantities` calls that kind.
    members : list of array
        The nodes of each cell.
    node : array of int
        One node of each cell, to ask about work and latency.
    mask_cell : array of int
        The cell of each mask.
    mask_kinds : array of bool, shape (masks, kinds)
        Which kinds a mask stands for.
    rate, asking : array
        Mean $ per accelerator-second of each cell, without and with engagement.
    """

    def __init__(
        self, compiled: Compiled, parent: "Cells | None" = None, among: Bools | None = None
    ) -> None:
        self.compiled = compiled
        self.q = q = compiled.quantities
        if parent is None:
            kinds, cells = q.node_kind, (q.node_type + 1) * (q.n_regions + 1) + q.node_region + 1
        else:
            alone = len(q.kind_node) + np.arange(q.n_nodes)
            kinds = cells = np.where(parent.at_home, alone, q.node_kind)
        some, self.node_kind = _numbered(kinds)
        self.node, self.node_cell = _numbered(cells)
        self.kind_base: Ints = q.node_kind[some]
        self.kind_cell: Ints = self.node_cell[some]
        self._among: Bools | None = None
        if parent is not None and among is not None:
            self._among = among[:, parent.node_cell[self.node]]
        order = np.argsort(self.node_cell, kind="stable")
        self.members = np.split(order, np.searchsorted(self.node_cell[order], range(1, len(self))))
        self.rate = self.mean(compiled.rate)
        self.asking = self.mean(compiled.rate + compiled.engagement_rate)
        self._read_masks()

    @cached_property
    def at_home(self) -> Bools:
        """Nodes that have a model loaded or stored, and could run it."""
        q = self.q
        homes = ((q.loaded > 0) | q.hosted) & (self.compiled.max_replicas > 0)
        return np.asarray(homes.any(axis=0))

    def __len__(self) -> int:
        return len(self.node)

    @property
    def finer(self) -> Ints:
        """How many cells each one is taken apart into, at most."""
        alone = np.bincount(self.node_cell[self.at_home], minlength=len(self))
        together = np.bincount(self.kind_cell, minlength=len(self))
        return np.asarray(alone + together)

    def mean(self, value: Floats) -> Floats:
        """Mean of something over the nodes of each cell, by capacity."""
        size, weight = len(self), self.q.capacity_s
        seconds = np.bincount(self.node_cell, weight, size)
        return np.asarray(
            np.bincount(self.node_cell, value * weight, size) / np.maximum(seconds, 1e-300)
        )

    def _read_masks(self) -> None:
        order = np.argsort(self.kind_cell, kind="stable")
        rank = np.empty(len(order), dtype=np.int64)
        start = np.searchsorted(self.kind_cell[order], self.kind_cell[order])
        rank[order] = np.arange(len(order)) - start
        bit = np.minimum(rank, _MOST_KINDS)
        q = self.q
        tables = [self.compiled.run_kinds, self.compiled.verify_kinds]
        able: Bools = np.concatenate([t[q.kind_class][:, self.kind_base] for t in tables])
        bits = np.zeros((len(self), len(able)), dtype=np.int64)
        for kind in range(len(order)):
            bits[self.kind_cell[kind]] |= able[:, kind].astype(np.int64) << bit[kind]
        number: Ints = np.full(bits.shape, -1, dtype=np.int64)
        cells, values, size = [], [], 0
        for cell in range(len(self)):
            distinct, at = np.unique(bits[cell], return_inverse=True)
            kept = distinct != 0
            number[cell] = np.where(kept, size + np.cumsum(kept) - 1, -1)[at.reshape(-1)]
            cells.append(np.full(int(kept.sum()), cell))
            values.append(distinct[kept])
            size += int(kept.sum())
        self.mask_cell: Ints = np.concatenate(cells) if cells else np.zeros(0, np.int64)
        inside = self.mask_cell[:, None] == self.kind_cell[None, :]
        held = (np.concatenate(values)[:, None] >> bit[None, :]) & 1 if values else inside
        self.mask_kinds: Bools = inside & (held > 0)
        half = len(able) // 2
        self._run_mask, self._check_mask = number[:, :half].T, number[:, half:].T

    def runs(self) -> Offers:
        """Executions of all classes without pairs."""
        q = self.q
        g = np.flatnonzero(~q.paired)
        g, cell, mask = self._pairs(g, self._run_mask)
        n = self.node[cell]
        each = q.work_s(g, n)
        latency = q.latency_price[g] * q.latency_ms(g, n) / 1000.0
        count = q.count[g]
        return Offers(g, cell, mask, each * count, (self.rate[cell] * each + latency) * count)

    def redone(self) -> Offers:
        """Re-executions, as many as are wanted when every request is served."""
        q = self.q
        redone = np.flatnonzero(self.compiled.redone & ~q.paired)
        g, cell, mask = self._pairs(redone, self._check_mask)
        work = q.reexecution_work_s(g, self.node[cell])
        work = work * self.compiled.wanted_checks[g] * q.count[g]
        return Offers(g, cell, mask, work, self.rate[cell] * work)

    def _pairs(self, g: Ints, masks: Ints) -> tuple[Ints, Ints, Ints]:
        masks = masks[self.q.class_kind[g]]
        able = masks >= 0
        if self._among is not None:
            able &= self._among[g]
        row, cell = np.nonzero(able)
        return g[row], cell, masks[row, cell]


def _numbered(keys: Ints) -> tuple[Ints, Ints]:
    """One node of each group of equal keys, and the number of each node's group."""
    _, first, number = np.unique(keys, return_index=True, return_inverse=True)
    return np.asarray(first, dtype=np.int64), np.asarray(number, dtype=np.int64).reshape(-1)
