"""The search for plans by trees that need not end: dives from the root, and slices of a few nodes.

A dive restarts the tree in another order of jobs, below a target between bound and best plan. A
slice leaves the jobs of a few nodes free among those nodes, and all else where the best plan has
it: the same tree then solves it, as a rule to the end.
"""

import numpy as np

from placement.methods.assignment.board import Board
from placement.methods.assignment.proving import STEPS, WORK, Root
from placement.methods.assignment.sheets import FOUND, LOOKED, sheet_of
from placement.methods.assignment.tree import explore
from placement.quantities import Ints

_DIVE = 1000
"""Nodes of the tree that a dive looks at after its last plan."""
_FEW = 20
"""Where a turn is so few nodes of the whole tree there are slices only."""
_EACH = 20.0
"""What a node of a tree costs beside its tables, in cells for each pair."""
_START = 3e6
"""What starting a tree costs, in cells."""
_SLICED = 0.8
"""How often a start is a slice."""
_SLICE = 400
"""The same for a slice."""
_FIRST = 4.0
"""How many nodes the first slices free."""
_GROW, _SHRINK = 0.05, 0.1
"""How slices get larger when one ends, and smaller when one does not."""


class Dives:
    """Dives and slices in turn; the same seed and turns give the same plans."""

    def __init__(self, board: Board, root: Root, seed: int) -> None:
        self.board, self.root = board, root
        self.sheet = sheet_of(board.jobs)._replace(units=board.jobs.units_up)
        self._rng = np.random.default_rng(seed)
        self._width = _FIRST
        self._sliced = True
        self._left = 0
        self._each = 1.0
        self._node: Ints | None = None
        self._value = np.inf

    def advance(self) -> list[Ints]:
        """One turn: so many nodes of trees; the best plan that was found."""
        budget = WORK
        self._node, self._value = self.board.node, self.board.value
        before = self._value
        while budget > 0:
            if self._left <= 0:
                self._start()
                budget -= _START
            looked = int(self.sheet.cursor[LOOKED])
            most = int(np.clip(budget / self._each, 1, self._left))
            over = explore(self.sheet, self._cutoff(), most, STEPS)
            used = int(self.sheet.cursor[LOOKED]) - looked
            budget -= used * self._each
            self._left -= used
            if self.sheet.cursor[FOUND]:
                self._take()
            self._end(over=bool(over))
        return [] if self._node is None or self._value >= before else [self._node]

    def _cutoff(self) -> float:
        """The target, always below the best plan."""
        board = self.board
        best = self._value if self._node is not None else board.most
        least = max(board.jobs.step, 1e-9 * abs(best))
        below = best - least if self._node is not None else best
        return min(self._target, below) + 1e-6 * least

    def _take(self) -> None:
        """Keep a plan if it is one: units may have rounded work down."""
        node = self.sheet.answer
        value = self.board.jobs.objective(node)
        if value < self._value and self.board.jobs.feasible(node):
            self._node, self._value = node.copy(), value
            self._left = _SLICE if self._sliced else _DIVE

    def _end(self, *, over: bool) -> None:
        """See to what comes after a tree that is over, or took too long."""
        if self._sliced and (over or self._left <= 0):
            most = len(self.board.jobs.room_s)
            width = self._width + (_GROW if over else -_SHRINK)
            self._width = float(np.clip(width, 2.0, most))
        if over:
            self._left = 0

    def _start(self) -> None:
        """A dive after a slice; a slice after a dive or, mostly, another slice."""
        large = self.root.nodes < _FEW
        self._sliced = self._node is not None and (large or self._rng.random() < _SLICED)
        self._left = _SLICE if self._sliced else _DIVE
        best = self._value if self._node is not None else self.board.most
        bound = max(self.root.bound, self.board.bound)
        self._target = np.inf if self._sliced else bound + (best - bound) * self._rng.random()
        self.root.reset(self.sheet, self._cutoff())
        self.sheet.room[:] = self.board.jobs.room
        if self._sliced:
            self._slice()
        else:
            size = len(self.sheet.whim)
            self.sheet.whim[:] = np.exp(self._rng.standard_normal(size))
        free = (self.sheet.open * (self.sheet.choices > 1)).sum(axis=1)
        self._each = float(free @ (self.sheet.room + 1)) + _EACH * self.sheet.open.size

    def _kinds(self, node: Ints) -> list[Ints]:
        """Nodes to choose from: where they cost to engage, those in use and the others apart."""
        sheet = self.sheet
        used = np.zeros(len(sheet.room), dtype=bool)
        used[node] = True
        empty = ~used & (sheet.fixed > 0)
        return [np.flatnonzero(~empty), np.flatnonzero(empty)]

    def _slice(self) -> None:
        """Leave open what lies among a few nodes, and where every job is."""
        node, sheet = self._node, self.sheet
        assert node is not None
        nodes = len(sheet.room)
        size = int(self._width + self._rng.random())
        free = np.zeros(nodes, dtype=bool)
        for some in self._kinds(node):
            chosen = self._rng.choice(some, size=min(len(some), size), replace=False)
            free[chosen] = True
        load = np.bincount(node, sheet.units[node, np.arange(len(node))], nodes)
        np.maximum(sheet.room, load.astype(np.int64), out=sheet.room)
        sheet.open[:] &= free[:, None] & free[node][None, :]
        sheet.open[node, np.arange(len(node))] = 1
        sheet.choices[:] = sheet.open.sum(axis=0)
        sheet.ways[:] = sheet.open.sum(axis=1)
