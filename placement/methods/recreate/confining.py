"""A book that for a while lets classes run only where a relaxation has them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from placement.compiled import Compiled
from placement.methods.recreate.records import Book
from placement.methods.recreate.state import bits
from placement.methods.shares import Shares
from placement.quantities import Ints

_TABLES = ("runs", "checks", "holds")


@contextmanager
def confined(book: Book, compiled: Compiled, shares: Shares, part: float) -> Iterator[None]:
    """Let classes be executed only where more than a part of them has its share.

    Re-executions may go anywhere.
    """
    before = {name: book.arrays[name] for name in _TABLES}
    kind = book.nodes["kind"].copy()
    checks = np.unpackbits(before["checks"], axis=1)[:, shares.kind_base] > 0
    runs = bits(shares.able(compiled, part))
    tables = (runs, bits(checks), before["holds"][:, shares.kind_base])
    _change(book, dict(zip(_TABLES, tables, strict=True)), shares.node_kind)
    try:
        yield
    finally:
        _change(book, before, kind)


def _change(book: Book, tables: dict[str, Any], node_kind: Ints) -> None:
    for name, table in tables.items():
        book.set(name, table)
    book.change("bytes", tables["runs"].shape[1])
    book.change("kinds", tables["holds"].shape[1])
    book.nodes["kind"] = node_kind
