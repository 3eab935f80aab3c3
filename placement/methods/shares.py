"""Which part of each class a relaxation executes where, as a guide for a construction."""

from dataclasses import dataclass

import numpy as np

from placement.compiled import Compiled
from placement.quantities import Bools, Floats, Ints


@dataclass(frozen=True)
class Shares:
    """Parts of classes in cells of nodes.

    Attributes
    ----------
    g, cell : array of int
        Class and cell of each part.
    part : array
        The part of the class's requests that is executed in the cell.
    kind_cell, kind_base : array of int
        The cell of each kind of nodes, and what `quantities` calls that kind.
    node_kind : array of int
        The kind of each node.
    """

    g: Ints
    cell: Ints
    part: Floats
    kind_cell: Ints
    kind_base: Ints
    node_kind: Ints

    def able(self, compiled: Compiled, part: float) -> Bools:
        """Whether a class can run on a kind, and more than a part of it is executed in its cell."""
        size = (compiled.quantities.n_classes, int(self.kind_cell.max(initial=-1)) + 1)
        used = np.zeros(size, dtype=bool)
        some = self.part > part
        used[self.g[some], self.cell[some]] = True
        return np.asarray(used[:, self.kind_cell] & compiled.run_kinds[:, self.kind_base])
