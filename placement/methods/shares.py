"""Which part of each class a relaxation executes where, as a guide for a construction."""

from dataclasses import dataclass, replace

import numpy as np

from placement.assembly import joined
from placement.methods.pricing.cells import Cells
from placement.quantities import Floats, Ints


@dataclass(frozen=True)
class Shares:
    """Parts of classes in cells of nodes.

    Attributes
    ----------
    g, cell : array of int
        Class and cell of each part.
    part : array
        The part of the class's requests that is executed in the cell.
    cells : Cells
    settled : bool
        Whether the relaxation is solved well; before, parts are blurred.
    kept_m, kept_n : array of int
        Models that nodes have loaded, where most of that is used.
    """

    g: Ints
    cell: Ints
    part: Floats
    cells: Cells
    settled: bool
    kept_m: Ints
    kept_n: Ints

    def above(self, part: float) -> "Shares":
        """Only what is more than so much of a class."""
        some = self.part > part
        return replace(self, g=self.g[some], cell=self.cell[some], part=self.part[some])

    def nodes(self) -> tuple[Ints, Ints]:
        """Where the nodes of each class begin, and the nodes of its cells, class by class."""
        n, cell = self.cells.by_cell
        order = np.argsort(self.g, kind="stable")
        row, at = joined(self.cell[order], cell)
        start = np.searchsorted(self.g[order][row], np.arange(self.cells.q.n_classes + 1))
        return start, n[at]
