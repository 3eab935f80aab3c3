"""The pooled linear program: classes meet cells, nodes stay themselves.

    min  what is served and where, copies, engaged nodes, what is turned away
    class      sum of fractions over cells + turned away >= 1 (executions; re-executions)
    link       fraction <= what a copy can serve of it x copies, for each (class, cell)
    source     sum of fractions over a zone <= what a copy can serve x copies that need no host
               there + hosts, for each (class, zone) where the model has no host yet
    copies     windows used <= windows of copies, for each (model, cell)
    mask       windows used <= windows flowing to the kinds of the mask
    kind       windows flowing there <= windows of its engaged nodes
    memory     memory of copies <= memory of engaged nodes, for each cell

A cell may be inside of another: its copies and what flows to its kind count in both.

Copies are new, each reading its weights from elsewhere, or kept, or come in bulk: a node that
stores the model, newly or already, loads as many as it can. Links make it the strong relaxation of
facility location (Krarup and Pruzan, 1983); a node is engaged by a fraction. It is a guide: its
duals are certified on the instance itself, whatever was pooled.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from placement.methods.pricing.cells import Cells
from placement.methods.pricing.hosts import Hosts
from placement.methods.pricing.kernels import FAR, NEW_BULK, STORED
from placement.quantities import Floats, Ints

Indices = NDArray[np.int32]
"""What there is of each arc, in half the memory."""
WAYS, IN_BULK = FAR + 1, [NEW_BULK, STORED]
"""How many ways there are to have copies, and those in bulk."""


@dataclass(frozen=True)
class Rest:
    """All of the program but its arcs.

    Rows are those of classes (executions, then re-executions), copies, masks, kinds, memory, all
    `>= needed`; columns the five ways of copies, requests turned away, flows, engaged nodes, and at
    last the hosts.

    Attributes
    ----------
    matrix : sparse array
    cost, most : array
        $ and upper bound of each column.
    needed : array
        Right-hand side of each row.
    column_value, row_value : array
        $ that one unit of a column and of a row is about, for scaling.
    """

    matrix: sp.csr_array
    cost: Floats
    most: Floats
    needed: Floats
    column_value: Floats
    row_value: Floats


@dataclass(frozen=True)
class Pooled:
    """The program: arcs by arrays, the rest sparse.

    Attributes
    ----------
    cells : Cells
    run_g, check_g : array of int
        The classes of the first rows, sorted by model.
    first : array of int
        Where the arcs of each class row begin; arcs are sorted by row, then cell.
    at_cell, at_copy, at_mask : array of int
        Cell, (model, cell) and mask of each arc.
    cost, work : array
        $ and accelerator windows of all of the class on each arc.
    kappa, bulk_kappa : array
        The part of it that one copy, and one bulk, can serve.
    copy_m, copy_cell : array of int
        Model and cell of the copies.
    windows, bulk : array
        Copies that one accelerator window takes, and copies of a bulk, for each (model, cell).
    hosts : Hosts
    rest : Rest
    """

    cells: Cells
    run_g: Ints
    check_g: Ints
    first: Ints
    at_cell: Indices
    at_copy: Indices
    at_mask: Indices
    cost: Floats
    work: Floats
    kappa: Floats
    bulk_kappa: Floats
    copy_m: Ints
    copy_cell: Ints
    windows: Floats
    bulk: Floats
    hosts: Hosts
    rest: Rest

    def __len__(self) -> int:
        return len(self.cost)

    @cached_property
    def arc_row(self) -> Ints:
        """The class row of each arc."""
        return np.repeat(np.arange(self.n_rows), np.diff(self.first))

    @property
    def n_rows(self) -> int:
        """How many class rows there are."""
        return len(self.first) - 1

    @cached_property
    def source_keys(self) -> Ints:
        """The sources, sorted: row * hosts + host."""
        keys = self._arc_keys
        return np.unique(keys[keys >= 0])

    @property
    def sources(self) -> tuple[Ints, Ints]:
        """Class row and host of each source."""
        hosts = max(len(self.hosts), 1)
        return self.source_keys // hosts, self.source_keys % hosts

    @cached_property
    def at_source(self) -> Indices:
        """The source of each arc; past all of them for arcs without one."""
        keys = self._arc_keys
        at = np.where(keys >= 0, np.searchsorted(self.source_keys, keys), len(self.source_keys))
        return at.astype(np.int32)

    @property
    def _arc_keys(self) -> Ints:
        host, row = self.hosts.of_copy[self.at_copy], self.arc_row
        some = (host >= 0) & (row < len(self.run_g))
        return np.where(some, row * len(self.hosts) + host, -1)

    @property
    def turned(self) -> slice:
        """The columns of requests turned away."""
        before = WAYS * len(self.windows)
        return slice(before, before + len(self.run_g))
