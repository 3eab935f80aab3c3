"""A sparse mixed-integer program, and the builder that collects one family by family."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from placement.quantities import Bools, Floats, Ints

Values = Floats | Ints | float
Entry = tuple[Ints, Ints, Values]
"""Rows within a family, columns, and their factors."""


@dataclass(frozen=True)
class Program:
    """min cost @ x, row_lower <= A x <= row_upper, lower <= x <= upper, some x whole."""

    cost: Floats
    lower: Floats
    upper: Floats
    whole: Bools
    matrix: sp.csr_array
    row_lower: Floats
    row_upper: Floats


class ProgramBuilder:
    """Collects columns and rows family by family."""

    def __init__(self) -> None:
        self.columns: dict[str, slice] = {}
        self.rows: dict[str, slice] = {}
        self._cost: list[Floats] = []
        self._upper: list[Floats] = []
        self._whole: list[Bools] = []
        self._row_lower: list[Floats] = []
        self._row_upper: list[Floats] = []
        self._entries: list[tuple[Ints, Ints, Floats]] = []
        self._n_columns = self._n_rows = 0

    def add_columns(
        self, name: str, cost: Floats | Ints, upper: Values, *, whole: bool = True
    ) -> Ints:
        """Variables from 0 to `upper`; returns their indices."""
        size = len(cost)
        self.columns[name] = slice(self._n_columns, self._n_columns + size)
        self._n_columns += size
        self._cost.append(np.asarray(cost, dtype=float))
        self._upper.append(np.broadcast_to(np.asarray(upper, dtype=float), size))
        self._whole.append(np.full(size, whole))
        return np.arange(self.columns[name].start, self.columns[name].stop)

    def add_rows(
        self,
        name: str,
        size: int,
        entries: Sequence[Entry],
        *,
        lower: Values = -np.inf,
        upper: Values = np.inf,
    ) -> None:
        """Add constraints lower <= sum of the entries <= upper."""
        start = self._n_rows
        self.rows[name] = slice(start, start + size)
        self._n_rows += size
        for bound, into in ((lower, self._row_lower), (upper, self._row_upper)):
            into.append(np.broadcast_to(np.asarray(bound, dtype=float), size))
        for row, column, factor in entries:
            values = np.broadcast_to(np.asarray(factor, dtype=float), len(row))
            self._entries.append((np.asarray(row) + start, np.asarray(column), values))

    def finish(self) -> Program:
        """The program."""
        row, column, value = (np.concatenate(part) for part in zip(*self._entries, strict=True))
        shape = (self._n_rows, self._n_columns)
        matrix = sp.csr_array(sp.coo_array((value, (row, column)), shape=shape))
        upper = np.concatenate(self._upper)
        return Program(
            np.concatenate(self._cost), np.zeros_like(upper), upper, np.concatenate(self._whole),
            matrix, np.concatenate(self._row_lower), np.concatenate(self._row_upper),
        )  # fmt: skip
