"""Dual prices from coarse to fine: models, models by region, every class, at last parts of cells.

A step on a coarse program is cheap and settles what cells are worth; lifted, it leaves little for
the next one to do. The same idea as multigrid.
"""

from collections.abc import Callable

import numpy as np

from placement.compiled import Compiled
from placement.methods.newcopies import NewCopies
from placement.methods.pricing.cells import market
from placement.methods.pricing.firstorder import CHECKED, FirstOrder
from placement.methods.pricing.focusing import Focus
from placement.methods.pricing.kernels import VALUE, X
from placement.methods.pricing.levels import Level, lift, merge
from placement.methods.pricing.pooling import pool
from placement.methods.pricing.refining import refine
from placement.methods.pricing.splitting import take_apart
from placement.methods.shares import Shares
from placement.methods.sidebyside import SideBySide, one_by_one
from placement.prices import Prices

COARSER, FINEST = (5e-3, 1e-3), (1e-3, 5e-4)
"""When a level is done: relative distance of primal and dual values, or relative move of the dual
value since the last look; on coarser levels, and on the finest, whose fractions are of use too."""
MOST_STEPS = 1600
"""Steps on one level, at most."""
ENOUGH, ROUGHLY, WELL = 60_000_000, 500_000_000, 800_000_000
"""Arcs looked at with every class for itself: at most, in whole cells that are taken apart then,
and in parts where nodes are cells for what they have only; at least, on the finest level else."""
THOROUGH = 3000
"""Steps on the finest level, at least, as far as they are affordable."""
LOOKED, SOON = 4 * CHECKED, 20_000_000
"""Steps between two looks at how far a level has come; fewer, where that is so many arcs."""
LOOKED_APART = 2 * CHECKED
"""The same once cells are taken apart."""
WORTH_MERGING = 2.0
"""A coarser level has to have so many times fewer arcs."""
CELLS, KINDS = 16, 80
"""Arcs that are looked at for each class, beside those in use: of cells, and of their parts."""
WORTH_FOCUS = 1.3
"""That is done where all arcs are so many times as many."""
RENEWED, RENEWED_APART = 3 * LOOKED, LOOKED_APART
"""Steps after which those are chosen anew, and again after twice as many each time."""
PARTS, FEWEST = 240, 16
"""Parts of cells that each class is offered, at most and at least."""
MOST_ARCS = 5_000_000
"""Cells are taken apart where that takes no more arcs than this, give or take."""
APART_S = 2.5e-6
"""Seconds that this takes for each of them, at most."""
KEPT_FROM = 0.8
"""Part of what a node has loaded of a model that has to be used for it to be kept."""


class Pricer:
    """Prices that get better with every portion of work.

    Parameters
    ----------
    compiled : Compiled
    left_s : callable or None
        Seconds that are left, so that nothing long is begun at the end; None for no limit.
    side_by_side : callable
        Does several tasks at once.

    Attributes
    ----------
    done : bool
        Whether more work would change little.
    apart : bool
        Whether cells have been taken apart.
    """

    def __init__(
        self,
        compiled: Compiled,
        left_s: Callable[[], float] | None = None,
        side_by_side: SideBySide = one_by_one,
    ) -> None:
        self.compiled, self.q = compiled, compiled.quantities
        self._left_s = left_s or (lambda: np.inf)
        self._side_by_side = side_by_side
        self.fine = pool(*market(compiled))
        self._new_copies: NewCopies | None = None
        self._levels = self._merge()
        self._since, self._dual = 0, -np.inf
        self._chosen = 0
        self._refinable, self.apart, self._ending = True, False, False
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
    def followable(self) -> bool:
        """Whether its shares can be followed; or whether they never will be."""
        if self.apart:
            return self._order.steps >= CHECKED
        return self.done or not self._refinable

    @property
    def finest(self) -> bool:
        """Whether no finer level is left."""
        return not self._levels and not self._refinable

    @property
    def _fully(self) -> bool:
        """Whether this is the finest level, and no node is a cell for a part of all only."""
        return self.finest and self.fine.cells.flat

    @property
    def _enough(self) -> int:
        """Arcs looked at with every class for itself, more or less."""
        if not self.finest:
            return ENOUGH
        return WELL if self._fully else ROUGHLY

    @property
    def _looked(self) -> int:
        """Steps between two looks at the present level."""
        if self._ending:
            return CHECKED
        if self.finest:
            return LOOKED_APART if self.apart else LOOKED
        return min(LOOKED, max(CHECKED, SOON // self._order.effort // CHECKED * CHECKED))

    @property
    def _outdated(self) -> int:
        """Steps after which what matters is chosen anew: twice as many each time."""
        return max(RENEWED_APART if self.apart else RENEWED, 2 * self._chosen)

    def advance(self, work: int) -> int:
        """Look at about so many arcs; returns at how many it did."""
        done = 0
        while done < work and not self.done:
            effort = self._order.effort
            steps = max(CHECKED, min((work - done) // effort, self._looked - self._since))
            self._order.advance(steps, self._side_by_side)
            self._since += steps
            done += steps * effort
            if self._since >= self._looked:
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
        afforded = self._enough // self._order.effort
        most = MOST_STEPS if self._levels or self._fully else min(MOST_STEPS, afforded)
        going = open_ and moving and steps < most
        if not self._ending and (going or (self.finest and steps < min(THOROUGH, afforded))):
            if steps >= self._outdated:
                self._renew()
        elif self._levels:
            self._begin(lift(self._levels.pop(), self._whole()))
        elif not self._refinable or not self._take_apart(self._whole()):
            self._end()

    def hasten(self) -> bool:
        """Let it end here if cells are apart, though more steps were of use; whether it does."""
        if self.apart and not (self._ending or self.done):
            self._since = 0
            self._end()
        return self._ending

    def _end(self) -> None:
        """Choose once more what matters, and price that, too, with the next few steps.

        What was left out has become too cheap by now, and the bound with it.
        """
        if self._focus is None or self._ending:
            self.done = True
        else:
            self._ending = True
            if self._order.steps > self._chosen:
                self._renew()

    def _begin(self, order: FirstOrder) -> None:
        """Go on with what matters of the program of a finer level."""
        self._dual, self._focus, self._order = -np.inf, None, order
        self._renew()

    def _renew(self) -> None:
        """Choose anew what matters, where that is not nearly everything.

        On the coarsest level nothing is known of it at first.
        """
        most = KINDS if self.apart else CELLS
        self._chosen = self._order.steps
        if self._focus is not None:
            self._focus.renew()
        elif len(self._order.pooled) > WORTH_FOCUS * most * self._order.pooled.n_rows:
            self._focus = Focus(self._order, most)
        else:
            return
        self._order = self._focus.order

    def _whole(self) -> FirstOrder:
        """The iterate of the present level, of all of its program."""
        return self._order if self._focus is None else self._focus.whole()

    def _take_apart(self, solved: FirstOrder) -> bool:
        """Go on with the parts of cells, where that is affordable."""
        self._refinable = False
        rows = self.fine.n_rows
        most = min(PARTS, MOST_ARCS // max(1, rows))
        if most < FEWEST or APART_S * most * rows > self._left_s():
            return False
        self.apart = True
        parts = take_apart(solved, most)
        if parts[0].flat:
            self._new_copies = NewCopies(self.compiled)
        self.fine = pool(*parts, self._new_copies)
        self._begin(refine(solved, self.fine))
        return True

    def solved(self) -> FirstOrder:
        """The iterate as it is now, of every class."""
        order = self._whole()
        for level in reversed(self._levels):
            order = lift(level, order)
        return order

    def prices(self) -> Prices:
        """Prices of demand, verification and new copies as they are now; all others are zero."""
        q, solved = self.q, self.solved()
        run, check = solved.class_prices()
        prices = Prices.zero(q)
        prices.demand[self.fine.run_g] = run / q.count[self.fine.run_g]
        g = self.fine.check_g
        prices.verification[g] = check / (self.compiled.wanted_checks[g] * q.count[g])
        if self._new_copies is None:
            return prices
        row, host = solved.pooled.sources
        g, paid = self.fine.run_g[row], np.zeros((q.n_classes, self._new_copies.zones))
        paid[g, self.fine.hosts.zone[host]] = solved.source[VALUE, :-1].clip(0.0) / q.count[g]
        prices.copying[:] = self._new_copies.as_copying(paid)
        return prices

    def shares(self) -> Shares:
        """Which part of each class is executed where, as it is now."""
        solved = self.solved()
        program = solved.pooled
        runs = slice(0, program.first[len(program.run_g)])
        kept = np.flatnonzero(solved.used_as_loaded() > KEPT_FROM)
        return Shares(
            g=program.run_g[program.arc_row[runs]],
            cell=program.at_cell[runs].astype(np.int64),
            part=solved.arc[X, runs].astype(float),
            cells=program.cells,
            settled=self.done,
            kept_m=program.copy_m[kept],
            kept_n=program.cells.node[program.copy_cell[kept]],
        )
