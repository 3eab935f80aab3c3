"""A book that for a while lets classes run only where a relaxation has them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numba import types

from placement.methods.recreate.filling import able
from placement.methods.recreate.records import Book
from placement.methods.shares import Shares
from placement.native import native
from placement.quantities import Ints

_TABLES = ("runs", "checks", "holds")
_BITS, _LONGS = types.Array(types.uint8, 2, "C"), types.Array(types.int64, 1, "C")


@contextmanager
def confined(book: Book, shares: Shares) -> Iterator[None]:
    """Let classes be executed only where they have a share.

    Re-executions may go anywhere.
    """
    before = {name: book.arrays[name] for name in _TABLES}
    kind, cells = book.nodes["kind"].copy(), shares.cells
    base = np.ascontiguousarray(cells.kind_base)
    runs, checks = (
        np.zeros((len(kept), -(-len(base) // 8)), np.uint8) for kept in [before["runs"]] * 2
    )
    first, kinds = _kinds_of(shares)
    _mark(runs, before["runs"], base, shares.g, shares.cell, first, kinds)
    _spread(checks, before["checks"], base)
    tables = (runs, checks, np.ascontiguousarray(before["holds"][:, base]))
    _change(book, dict(zip(_TABLES, tables, strict=True)), cells.node_kind)
    try:
        yield
    finally:
        _change(book, before, kind)


def _kinds_of(shares: Shares) -> tuple[Ints, Ints]:
    """Where the kinds of each cell begin, those inside of it too, and the kinds."""
    cells = shares.cells
    kind = np.arange(len(cells.kind_cell))
    outer = cells.within[cells.kind_cell]
    two = outer != cells.kind_cell
    cell = np.concatenate([cells.kind_cell, outer[two]])
    order = np.argsort(cell, kind="stable")
    first = np.searchsorted(cell[order], np.arange(len(cells) + 1))
    return first, np.concatenate([kind, kind[two]])[order]


@native(types.void(_BITS, _BITS, _LONGS, _LONGS, _LONGS, _LONGS, _LONGS))
def _mark(  # noqa: PLR0917
    bits: Any, before: Any, base: Any, classes: Any, cells: Any, first: Any, kinds: Any
) -> None:
    """Set the bits of all kinds of the cells of each class that it can use."""
    for i in range(len(classes)):
        g = classes[i]
        for at in range(first[cells[i]], first[cells[i] + 1]):
            kind = kinds[at]
            bits[g, kind >> 3] |= able(before, g, base[kind]) << (7 - (kind & 7))


@native(types.void(_BITS, _BITS, _LONGS))
def _spread(bits: Any, before: Any, base: Any) -> None:
    """Give every kind the bit of the kind that it is a part of."""
    for g in range(len(bits)):
        if before[g].any():
            for kind in range(len(base)):
                bits[g, kind >> 3] |= able(before, g, base[kind]) << (7 - (kind & 7))


def _change(book: Book, tables: dict[str, Any], node_kind: Ints) -> None:
    for name, table in tables.items():
        book.set(name, table)
    book.change("bytes", tables["runs"].shape[1])
    book.change("kinds", tables["holds"].shape[1])
    book.nodes["kind"] = node_kind
