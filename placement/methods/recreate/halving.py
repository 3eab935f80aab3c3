"""Two halves of a network, each searched by itself, so that two threads can.

Control groups stay together, so what they may do at most, and which parts are independent, is
decided within a half. Of each class a half moves the requests that it executes. Where classes are
re-executed, a half takes what the other executes and verifies as it was when they parted; what does
not match when they meet is matched then.
"""

from collections.abc import Sequence

import numpy as np

from placement.compiled import Compiled
from placement.methods.recreate.portions import Dealt, portion
from placement.methods.recreate.records import Book
from placement.methods.recreate.starting import enter
from placement.methods.recreate.state import Rows, chance_of, rows_of
from placement.methods.recreate.walking import match_all, steps
from placement.prices import Prices
from placement.quantities import Bools, Ints

_LEAST = 0.25
"""The least part of all compute that is worth being called a half."""


class Half:
    """Some nodes with what they do, and some of the requests that wait.

    Parameters
    ----------
    book : Book
        Of these nodes and of the requests that the half may move, nothing placed yet.
    rows : Rows
        What is on these nodes.
    """

    def __init__(self, book: Book, rows: Rows) -> None:
        self.book = book
        enter(book, rows)

    def advance(self, iterations: int, temperature: float) -> None:
        """So many steps of ruin and recreate at a temperature [$]."""
        steps(self.book, iterations, temperature, temperature)


def halve(
    compiled: Compiled, book: Book, least: Prices, base: Bools, rng: np.random.Generator
) -> list[Half]:
    """Two halves of what a book decides, drawn anew each time; none where there are no two.

    Parameters
    ----------
    book : Book
        Without limits, and without classes that stay anyway.
    least : Prices
        The least that everything costs.
    base : array of bool, shape (models, nodes)
        Who stores what in any case.
    """
    q, rows = compiled.quantities, rows_of(book)
    first = _first_half(compiled, rng)
    if not _LEAST < q.capacity_s[first].sum() / max(q.capacity_s.sum(), 1e-9) < 1.0 - _LEAST:
        return []
    drawn = rng.random(q.n_classes) < 0.5
    found = []
    for nodes, waits in ((first, drawn), (~first, ~drawn)):
        dealt = _deal(book, rows, nodes, waits)
        chance = chance_of(int(rng.integers(1 << 32)))
        part = portion(compiled, book, least, base, nodes, dealt, chance)
        found.append(Half(part, rows.only(nodes[rows.replica_n], nodes[rows.n])))
    return found


def _first_half(compiled: Compiled, rng: np.random.Generator) -> Bools:
    """Nodes of some control groups with about half of all compute."""
    q = compiled.quantities
    size = np.bincount(q.node_group, q.capacity_s, q.n_groups)
    order = rng.permutation(q.n_groups)
    side = np.zeros(q.n_groups, dtype=bool)
    total = np.cumsum(size[order])
    side[order[total - 0.5 * size[order] <= 0.5 * size.sum()]] = True
    return side[q.node_group]


def _deal(book: Book, rows: Rows, nodes: Bools, waits: Bools) -> Dealt:
    """What some nodes execute, and all that waits of some classes."""
    size, there = len(book.classes), nodes[rows.n]

    def total(some: Bools) -> Ints:
        return np.bincount(rows.g[some], rows.count[some], size).astype(np.int64)

    runs, redone = rows.kind == 0, book.classes["wanted"] > 0
    left = total(runs & there) + np.where(waits, book.classes["left"], 0)
    checked = total(~runs & ~there)
    frozen = (left == 0) & (np.bincount(rows.g[there], minlength=size) == 0)
    return Dealt(left, np.where(redone, total(runs & ~there), 0), checked, frozen)


def join(
    compiled: Compiled, book: Book, least: Prices, base: Bools, halves: Sequence[Half]
) -> Book:
    """The book that holds what the halves hold; `book` is the one that was halved."""
    q = compiled.quantities
    none, every = np.zeros(q.n_classes, dtype=np.int64), np.ones(q.n_nodes, dtype=bool)
    dealt = Dealt(q.count, none, none, none > 0)
    whole = portion(compiled, book, least, base, every, dealt, book.chance)
    for half in halves:
        enter(whole, rows_of(half.book))
    match_all(whole.native)
    return whole
