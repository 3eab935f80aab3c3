"""A book that for a while lets classes run only where a relaxation has them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numba import types

from placement.assembly import joined
from placement.methods.pricing.cells import with_outer
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
    size = (len(before["runs"]), -(-len(base) // 8))
    runs, checks = np.zeros(size, dtype=np.uint8), np.zeros(size, dtype=np.uint8)
    kinds, cell = with_outer(cells.kind_cell, cells.within)
    order = np.argsort(cell, kind="stable")
    row, at = joined(shares.cell, cell[order])
    _mark(runs, before["runs"], base, shares.g[row], kinds[order][at])
    _spread(checks, before["checks"], base)
    tables = (runs, checks, np.ascontiguousarray(before["holds"][:, base]))
    _change(book, dict(zip(_TABLES, tables, strict=True)), cells.node_kind)
    try:
        yield
    finally:
        _change(book, before, kind)


@native(types.void(_BITS, _BITS, _LONGS, _LONGS, _LONGS))
def _mark(bits: Any, before: Any, base: Any, classes: Any, kinds: Any) -> None:
    """Set the bits of classes at kinds that they can use."""
    for i in range(len(classes)):
        g, kind = classes[i], kinds[i]
        bits[g, kind >> 3] |= able(before, g, base[kind]) << (7 - (kind & 7))


@native(types.void(_BITS, _BITS, _LONGS), makes_arrays=True)
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
