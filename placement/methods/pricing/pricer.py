"""Dual prices from coarse to fine: models, models by region, every class, at last single nodes.

A step on a coarse program is cheap and settles what cells are worth; lifted, it leaves little for
the next one to do. The same idea as multigrid.
"""

from collections.abc import Callable

import numpy as np

from placement.compiled import Compiled
from placement.methods.pricing.cells import Cells
from placement.methods.pricing.firstorder import CHECKED, FirstOrder
from placement.methods.pricing.focusing import Focus, likely
from placement.methods.pricing.kernels import X
from placement.methods.pricing.levels import Level, lift, merge
from placement.methods.pricing.pooling import pool
from placement.methods.pricing.refining import refine
from placement.methods.shares import Shares
from placement.prices import Prices

COARSER, FINEST = (5e-3, 1e-3), (1e-3, 5e-4)
"""When a level is done: relative distance of primal and dual values, or relative move of the dual
value since the last look; on coarser levels, and on the finest, whose fractions are of use too."""
MOST_STEPS = 1600
"""Steps on one level, at most."""
THOROUGH, AFFORDED = 3000, 400_000_000
"""Steps on the finest level, at least, as far as they look at no more than so many arcs."""
LOOKED = 4 * CHECKED
"""Steps between two looks at how far a level has come."""
WORTH_MERGING = 2.0
"""A coarser level has to have so many times fewer arcs."""
CELLS, KINDS = 16, 80
"""Arcs that are looked at for each class, beside those in use: of cells, and of their parts."""
RENEWED = 3 * LOOKED
"""Steps after which those are chosen anew."""
MOST_ARCS = 4_000_000
"""Cells are taken apart where that takes no more arcs than this, give or take."""
APART_S = 5e-6
"""Seconds that this takes for each of them, at most."""


class Pricer:
    """Prices that get better with every portion of work.

    Parameters
    ----------
    compiled : Compiled
    left_s : callable or None
        Seconds that are left, so that nothing long is begun at the end; None for no limit.

    Attributes
    ----------
    done : bool
        Whether more work would change little.
    apart : bool
        Whether cells have been taken apart.
    """

    def __init__(self, compiled: Compiled, left_s: Callable[[], float] | None = None) -> None:
        self.compiled, self.q = compiled, compiled.quantities
        self._left_s = left_s or (lambda: np.inf)
        self.fine = pool(compiled, Cells(compiled))
        self._levels = self._merge()
        self._since, self._dual = 0, -np.inf
        self._refinable, self.apart = True, False
        self.done = not len(self.fine)
        self._focus: Focus | None = None
        self._order = FirstOrder(self._levels[-1].coarse if self._levels else self.fine)

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

    def advance(self, work: int) -> int:
        """Look at about so many arcs; returns at how many it did."""
        done = 0
        while done < work and not self.done:
            effort = self._order.effort
            steps = max(CHECKED, min((work - done) // effort, LOOKED - self._since))
            self._order.advance(steps)
            self._since += steps
            done += steps * effort
            if self._since >= LOOKED:
                self._since = 0
                self._look()
        return done

    def _look(self) -> None:
        """Go to the finer level, or end, where this one has said what it can."""
        primal, dual = self._order.values()
        settled, stalled = FINEST if self.finest else COARSER
        open_ = abs(primal - dual) > settled * max(abs(primal), abs(dual))
        moving = abs(dual - self._dual) > stalled * abs(dual)
        self._dual = dual
        steps = self._order.steps
        going = open_ and moving and steps < MOST_STEPS
        if going or (self.finest and steps < min(THOROUGH, AFFORDED // self._order.effort)):
            if steps % RENEWED < LOOKED:
                self._renew()
        elif self._levels:
            self._begin(lift(self._levels.pop(), self._whole()))
        elif self._refinable:
            self._refine()
        else:
            self.done = True

    def _begin(self, order: FirstOrder) -> None:
        """Go on with what matters of the program of a finer level."""
        self._dual, self._focus, self._order = -np.inf, None, order
        self._renew()

    def _renew(self) -> None:
        """Choose anew what matters; on the coarsest level nothing is known of that at first."""
        if self._focus is None:
            self._focus = Focus(self._order, CELLS if self._refinable else KINDS)
        else:
            self._focus.renew()
        self._order = self._focus.order

    def _whole(self) -> FirstOrder:
        """The iterate of the present level, of all of its program."""
        return self._order if self._focus is None else self._focus.whole()

    def _refine(self) -> None:
        """Take cells apart, for each class those that are likely to matter."""
        self._refinable = False
        solved, q = self.solved(), self.q
        program = solved.pooled
        kept = np.flatnonzero(likely(solved, CELLS))
        among = np.zeros((q.n_classes, len(program.cells)), dtype=bool)
        classes = np.concatenate([program.run_g, program.check_g])
        among[classes[program.arc_row[kept]], program.at_cell[kept]] = True
        arcs = int((among @ program.cells.finer).sum())
        if arcs > MOST_ARCS or APART_S * arcs > self._left_s():
            return
        self.apart = True
        self.fine = pool(self.compiled, Cells(self.compiled, program.cells, among))
        self._begin(refine(solved, self.fine))

    def solved(self) -> FirstOrder:
        """The iterate as it is now, of every class."""
        order = self._whole()
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

    def shares(self) -> Shares:
        """Which part of each class is executed where, as it is now."""
        solved = self.solved()
        program, cells = solved.pooled, solved.pooled.cells
        runs = slice(0, program.first[len(program.run_g)])
        return Shares(
            g=program.run_g[program.arc_row[runs]],
            cell=program.at_cell[runs],
            part=solved.arc[X, runs].astype(float),
            kind_cell=cells.kind_cell,
            kind_base=cells.kind_base,
            node_kind=cells.node_kind,
        )
