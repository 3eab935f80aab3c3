"""The proof: branch and bound below a target that rises, from the bound to the best plan known.

Each target that holds no plan raises the bound, and the lower the target, the more pairs close at
once (Posta, Ferland and Michelon, 2012).
"""

import numpy as np

from placement.methods.assignment.ascending import ascend
from placement.methods.assignment.board import Board
from placement.methods.assignment.jobs import Jobs
from placement.methods.assignment.sheets import FOUND, LEVEL, TRAIL, Sheet, sheet_of
from placement.methods.assignment.tree import explore
from placement.methods.assignment.weighing import weigh
from placement.quantities import Floats, Ints

STEPS = 4
"""Ascending steps between two siftings."""
WORK = 3e8
"""Cells of knapsack tables for one turn."""
_ASCENT, _PATIENCE = 1000, 20
_SLACK = 1e-6
"""Of a step, or of 0.1 % of a cost: what rounding may add to a bound."""
_MOST_STEPS = 64
"""Targets rise step by step where no more are left to the best plan."""
_LOWER = 0.2
"""A target is given up for one lower by half this part of its distance to the bound."""
_FIRST = 1.0 / 16.0
"""Else they rise by this part of what is left, and by twice the part each time."""


def cells_of(jobs: Jobs) -> float:
    """Cells of the knapsack tables of all nodes together."""
    return float((jobs.able * (jobs.room[:, None] + 1.0)).sum())


class Root:
    """The sheet without any decision: its bound, its prices, what deciding a pair costs.

    Attributes
    ----------
    bound : float
        The Lagrangian bound [coins]; minus infinity before `ascend`.
    price, extra, chosen
        As in `Sheet`.
    nodes : int
        How many nodes of a tree are looked at in one turn.
    """

    def __init__(self, board: Board, price: Floats) -> None:
        self.board = board
        self.sheet = sheet_of(board.jobs)
        self.sheet.price[:] = price
        self.able = self.sheet.open.copy()
        times = WORK / max(1.0, cells_of(board.jobs))
        self.nodes = int(np.clip(times, 1, 2000))
        self._chunk = int(np.clip(times, 2, _ASCENT))
        self.bound = -np.inf
        self.price = price
        self.extra: Floats = np.zeros_like(self.sheet.extra)
        self.chosen: Floats = self.sheet.chosen

    def ascend(self) -> None:
        """Find good prices, and weigh every pair with them."""
        board, left, length = self.board, _ASCENT, 1.0
        while left > 0 and not board.over:
            steps = min(left, self._chunk)
            goal = board.value if board.node is not None else 1.01 * self._guess()
            bound = ascend(self.sheet, steps, goal, board.top, length, _PATIENCE)
            left -= steps
            length *= 0.5 ** (steps / (2.0 * _PATIENCE))
            self.bound = max(self.bound, bound)
        if np.isfinite(self.bound):
            board.found(self.bound)
            weigh(self.sheet)
            self.bound = min(self.bound, board.value)
            self.price, self.extra = self.sheet.price.copy(), self.sheet.extra.copy()
            self.chosen = self.sheet.chosen.copy()

    def _guess(self) -> float:
        """About where the bound is."""
        return self.bound if np.isfinite(self.bound) else float(self.price.sum())

    def reset(self, sheet: Sheet, cutoff: float) -> None:
        """Open all pairs that a plan of cost up to the cutoff may have."""
        closed = self.able & (self.bound + self.extra > cutoff)
        sheet.open[:] = self.able & ~closed.astype(np.uint8)
        sheet.choices[:] = sheet.open.sum(axis=0)
        sheet.ways[:] = sheet.open.sum(axis=1)
        sheet.opened[:] = 0
        sheet.chosen[:] = self.chosen
        sheet.price[:] = self.price
        sheet.whim[:] = 1.0
        sheet.cursor[[TRAIL, LEVEL, FOUND]] = 0


class Proof:
    """Targets one after the other."""

    def __init__(self, board: Board, root: Root) -> None:
        self.board, self.root = board, root
        self.sheet = sheet_of(board.jobs)
        self.ended = self._over = False
        self._share = _FIRST
        self._begin(self._aim())

    def _aim(self) -> float:
        """The target that is right for the bound and the best plan of now."""
        board = self.board
        top, step = board.top, board.jobs.step
        target = board.bound
        if top - target > _MOST_STEPS * step:
            target += self._share * (top - target)
        if step > 0:
            target = np.floor(target / step + _SLACK) * step
        return min(float(target), top)

    def _begin(self, target: float) -> None:
        """A tree for another target."""
        self._target = target
        self.root.reset(self.sheet, self._cutoff())

    def _cutoff(self) -> float:
        """What plans may cost now, rounding allowed for."""
        target = min(self._target, self.board.top)
        return target + _SLACK * max(self.board.jobs.step, 1e-3 * abs(target))

    def advance(self) -> list[Ints]:
        """One turn; the plans that were found."""
        self._target = min(self._target, self.board.top)
        self._over = bool(explore(self.sheet, self._cutoff(), self.root.nodes, STEPS))
        return [self.sheet.answer.copy()] if self.sheet.cursor[FOUND] else []

    def conclude(self) -> None:
        """After a turn, once its plans are known: a higher bound and another target."""
        board = self.board
        if not self._over:
            target = self._aim()
            least = max(board.jobs.step, _LOWER * (self._target - board.bound)) / 2
            if target < self._target - least:
                self._begin(target)
            return
        board.found(self._target + board.jobs.step)
        if self._target < board.top:
            self._share *= 2.0
            self._begin(self._aim())
            return
        self.ended = True
        if board.node is None:
            board.search.infeasible = True
