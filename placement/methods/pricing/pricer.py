"""Dual prices from coarse to fine: models, models by region, every class, every node kind.

A step on a coarse program is cheap and settles what cells are worth; lifted, it leaves little for
the next one to do. The same idea as multigrid.
"""

import numpy as np

from placement.compiled import Compiled
from placement.methods.pricing.cells import Cells
from placement.methods.pricing.firstorder import CHECKED, FirstOrder
from placement.methods.pricing.levels import Level, lift, merge
from placement.methods.pricing.pooling import pool
from placement.methods.pricing.refining import refine
from placement.prices import Prices

SETTLED = 0.005
"""Relative distance of primal and dual values at which a level is done."""
MOST_STEPS = 1600
"""Steps at most on one level."""
WORTH_MERGING = 2.0
"""A coarser level has to have so many times fewer arcs."""
MOST_ARCS = 4_000_000
"""Node kinds become cells of their own where that takes no more arcs than this."""


class Pricer:
    """Prices that get better with every portion of work.

    Attributes
    ----------
    done : bool
        Whether more work would change little.
    """

    def __init__(self, compiled: Compiled) -> None:
        self.compiled, self.q = compiled, compiled.quantities
        self.fine = pool(compiled, Cells(compiled))
        self._levels = self._merge()
        self._order = FirstOrder(self._levels[-1].coarse if self._levels else self.fine)
        arcs = int(compiled.run_kinds.sum()) + int(compiled.verify_kinds.sum())
        self._refinable = arcs <= MOST_ARCS
        self.done = not len(self.fine)

    def _merge(self) -> list[Level]:
        """Finest merging first."""
        q, program = self.q, self.fine
        levels: list[Level] = []
        classes = np.concatenate([program.run_g, program.check_g])
        model = q.class_model[classes]
        row = np.arange(len(classes))
        for label in (model * (q.n_regions + 1) + q.class_region[classes], model):
            merged = np.zeros(program.n_rows, dtype=np.int64)
            merged[row] = label
            level = merge(program, merged)
            if len(level.coarse) * WORTH_MERGING <= len(program):
                levels.append(level)
                program, row = level.coarse, level.row[row]
        return levels

    @property
    def finest(self) -> bool:
        """Whether no finer level is left."""
        return not self._levels and not self._refinable

    def advance(self, work: int) -> None:
        """Look at about so many arcs."""
        while work > 0 and not self.done:
            arcs = len(self._order.pooled)
            steps = max(CHECKED, min(work // arcs, 4 * CHECKED))
            self._order.advance(steps)
            work -= steps * arcs
            self._settle()

    def _settle(self) -> None:
        """Go to the finer level, or end, where this one has said what it can."""
        primal, dual = self._order.values()
        apart = abs(primal - dual) > SETTLED * max(abs(primal), abs(dual))
        if apart and self._order.steps < MOST_STEPS:
            return
        if self._levels:
            self._order = lift(self._levels.pop(), self._order)
        elif self._refinable:
            self._refinable = False
            self.fine = pool(self.compiled, Cells(self.compiled, kinds=True))
            self._order = refine(self._order, self.fine)
        else:
            self.done = self._order.steps >= MOST_STEPS

    def solved(self) -> FirstOrder:
        """The iterate as it is now, of every class."""
        order = self._order
        for level in reversed(self._levels):
            order = lift(level, order)
        return order

    def prices(self) -> Prices:
        """Prices of demand and verification as they are now; all others are zero."""
        q = self.q
        run, check = self.solved().class_prices()
        prices = Prices.zero(q)
        prices.demand[self.fine.run_g] = run / q.count[self.fine.run_g]
        g = self.fine.check_g
        prices.verification[g] = check / (self.compiled.wanted_checks[g] * q.count[g])
        return prices
