"""Where request classes may go, and how far they get through a list of conditions.

Thousands of classes meet thousands of nodes here, so nodes are taken by kind (see
`Quantities.node_kind`); single nodes appear only where `pairs` name them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from placement.compiled import Compiled
from placement.quantities import Bools, Floats, Ints, Quantities

Step = Callable[[Ints, Ints], Bools]
"""A condition: (position of the class in its spots, place) to whether it holds; elementwise."""

_FIRST_BLOCK = 16
_CELLS = 1 << 22


class Places:
    """The node kinds, followed by the single nodes that the pairs of some classes name.

    Attributes
    ----------
    node : array of int
        A node that stands for each place.
    n_kinds : int
        Places before this one are kinds, the others single nodes.
    """

    def __init__(self, q: Quantities, classes: Ints) -> None:
        self.q = q
        self.n_kinds = len(q.kind_node)
        self.pairs = np.flatnonzero(np.isin(q.pair_class, classes))
        self._single = np.unique(q.pair_node[self.pairs])
        self.node = np.concatenate([q.kind_node, self._single])
        self.of_pair = self.n_kinds + np.searchsorted(self._single, q.pair_node[self.pairs])
        self._order = np.argsort(q.node_kind, kind="stable")
        self._starts = np.searchsorted(q.node_kind[self._order], np.arange(self.n_kinds))

    def best(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """The largest value of the nodes of each place; nodes are the last axis of `values`."""
        by_kind = np.maximum.reduceat(values[..., self._order], self._starts, axis=-1)
        return np.concatenate([by_kind, values[..., self._single]], axis=-1)

    def total(self, values: Floats) -> Floats:
        """The sum over the nodes of each place."""
        by_kind = np.add.reduceat(values[..., self._order], self._starts, axis=-1)
        return np.concatenate([by_kind, values[..., self._single]], axis=-1)

    def best_of_rows(self, row: Ints, node: Ints, values: Floats, rows: int) -> Floats:
        """As `best` for a sparse table, shape (rows, places); -inf where there is nothing."""
        table = np.full((rows, len(self.node)), -np.inf)
        np.maximum.at(table, (row, self.q.node_kind[node]), values)
        if len(self._single):
            at = np.minimum(np.searchsorted(self._single, node), len(self._single) - 1)
            alone = self._single[at] == node
            np.maximum.at(table, (row[alone], self.n_kinds + at[alone]), values[alone])
        return table

    def least(self, values: Floats) -> Floats:
        """The smallest value of the nodes of each place."""
        return -self.best(-values)


@dataclass(frozen=True)
class Spots:
    """Some classes and the places able to execute them (or to verify them).

    Attributes
    ----------
    g : array of int
        The classes.
    able : array of bool, shape (len(g), kinds)
        Which node kinds are able.
    row, place : array of int
        The able single nodes, for classes with pairs: position in `g`, and place.
    checking : bool
        Whether this is about verifying.
    """

    places: Places
    g: Ints
    able: Bools
    row: Ints
    place: Ints
    checking: bool

    def __len__(self) -> int:
        return len(self.g)

    def some(self) -> Bools:
        """Whether a class has any able place."""
        found = np.array(self.able.any(axis=1))
        found[self.row] = True
        return found

    def take(self, kept: Bools) -> "Spots":
        """The spots of some of the classes."""
        at = np.cumsum(kept) - 1
        rows = kept[self.row]
        row, place = at[self.row[rows]], self.place[rows]
        return Spots(self.places, self.g[kept], self.able[kept], row, place, self.checking)

    @cached_property
    def _by_type(self) -> Floats:
        """Work of each class on each accelerator type, pairs aside."""
        q, n = self.places.q, self.places.q.type_node
        table = np.full((len(self.g), len(q.type_index) + 1), np.inf)
        ask = q.reexecution_work_s if self.checking else q.work_s
        table[:, q.node_type[n]] = ask(self.g[:, None], n)
        # A pair may set the work on one node of a type only; nothing is claimed about those.
        table[q.paired[self.g]] = 0.0
        return table

    def work_s(self, at: Ints, place: Ints) -> Floats:
        """Accelerator-seconds of one request (or verification) of a class in a place."""
        places, q = self.places, self.places.q
        work = self._by_type[at, q.node_type[places.node[place]]]
        single = place >= places.n_kinds
        if single.any():
            work[single] = q.work_s(self.g[at[single]], places.node[place[single]])
        return np.asarray(work)

    def climb(self, steps: Sequence[Step]) -> Ints:
        """How many of the conditions, taken in order, some able place of each class meets.

        The first condition that leaves a class without a place is thus `steps[climb(...)]`.
        """
        level = np.zeros(len(self.g), dtype=np.int64)
        for at, place in self._portions(level, len(steps)):
            kept, where = at, place
            for passed, step in enumerate(steps, start=1):
                held = step(kept, where)
                kept, where = kept[held], where[held]
                level[kept] = np.maximum(level[kept], passed)
        return level

    def reach(self, target: Floats, amount: Callable[[Ints, Ints], Floats]) -> Bools:
        """Whether an amount, summed over the able places of a class, reaches its target."""
        total, reached = np.zeros(len(self.g)), np.zeros(len(self.g), dtype=np.int64)
        for at, place in self._portions(reached, 1):
            total += np.bincount(at, np.minimum(amount(at, place), 1e15), len(total))
            reached[total >= target] = 1
        return np.asarray(reached > 0)

    def _portions(self, level: Ints, top: int) -> Iterator[tuple[Ints, Ints]]:
        """Able (class, place) in portions; classes that have reached the top are done."""
        yield self.row, self.place
        start, width = 0, _FIRST_BLOCK
        while start < self.places.n_kinds:
            open_ = np.flatnonzero(level < top)
            stop = min(start + width, self.places.n_kinds)
            height = max(1, _CELLS // (stop - start))
            for first in range(0, len(open_), height):
                rows = open_[first : first + height]
                at, kind = np.nonzero(self.able[rows, start:stop])
                yield rows[at], kind + start
            start, width = stop, 2 * width


def run_spots(compiled: Compiled, places: Places, g: Ints) -> Spots:
    """Where classes can be executed."""
    q = compiled.quantities
    row, place = _listed(places, g)
    kept = q.can_run(g[row], places.node[place])
    able = _table(compiled, "run_kinds", g)
    return Spots(places, g, able, row[kept], place[kept], checking=False)


def all_spots(places: Places, g: Ints, *, checking: bool) -> Spots:
    """Everywhere that classes could think of: all nodes, or those that their pairs list."""
    row, place = _listed(places, g)
    able = np.ones((len(g), places.n_kinds), dtype=bool)
    if checking:
        return Spots(places, g, able, row[:0], place[:0], checking=True)
    able[places.q.paired[g]] = False
    return Spots(places, g, able, row, place, checking=False)


def _listed(places: Places, g: Ints) -> tuple[Ints, Ints]:
    """The pairs of some classes: position in `g`, and place."""
    position = np.full(places.q.n_classes, -1)
    position[g] = np.arange(len(g))
    row = position[places.q.pair_class[places.pairs]]
    return row[row >= 0], places.of_pair[row >= 0]


def check_spots(compiled: Compiled, places: Places, g: Ints) -> Spots:
    """Where classes can be verified; nowhere where they need no verifiers."""
    nothing = np.zeros(0, dtype=np.int64)
    able = _table(compiled, "verify_kinds", g)
    return Spots(places, g, able, nothing, nothing, checking=True)


def _table(compiled: Compiled, name: str, g: Ints) -> Bools:
    """Rows of a table of `compiled`; only these are computed where they are few and it is not."""
    if name in vars(compiled) or 4 * len(g) > compiled.quantities.n_classes:
        return np.asarray(getattr(compiled, name)[g])
    q = compiled.quantities
    kinds, at = np.unique(q.class_kind[g], return_inverse=True)
    cls, node = q.kind_class[kinds][:, None], q.kind_node[None, :]
    if name == "run_kinds":
        able = q.can_run(cls, node) & ~q.paired[cls]
    else:
        able = q.can_verify(cls, node) & compiled.verified[cls]
    return able[at.reshape(-1)]
