"""Closing in from both sides: prices bound the cost and guide the search for a placement.

In turns of fixed work, side by side where there are two threads: the dual side improves its prices,
the primal side ruins and recreates; then they tell each other what they have found. Once the prices
are settled, a second search takes their place. What is done in a turn depends on work alone, so
before the time limit the same seed gives the same answer.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from placement.compiled import Compiled
from placement.methods.adapting import adapted
from placement.methods.completion import Completer, Completion
from placement.methods.pricing.pricer import Pricer
from placement.methods.recreate.improver import Recreation
from placement.prices import Prices
from placement.search import Search

OPENING, ARCS = 600, 60_000_000
"""Looks at every arc before a placement follows the prices, and arcs looked at in each turn."""
STEPS, STEPS_A_NODE = 20_000, 2
"""Steps of ruin and recreate in one turn: so many, and so many for each node."""
CHUNK = 5_000
"""Steps between two looks at the clock."""
WARM, MANY, COOLING = 0.01, 1500, 0.95
"""Temperature of the first turn over the mean cost of a node, halved for so many nodes; and of each
turn over the last."""
WORTH, PATIENCE = 3e-4, 5
"""Relative gain that makes a turn worthwhile; turns in a row without it that end the search."""
OFFERED = 8
"""Turns between two looks of the judge at the placement."""
FINISH_S = 1.8e-4
"""Seconds that reporting the answer takes for each class and node."""


def close_in(search: Search, deadline: float) -> Completion | None:
    """Improve bound and placement until turns give little, or the deadline.

    Returns the prices that prove most, None where there was no time for any.
    """
    return _BothSides(search, deadline).run()


class _Dual:
    """The dual side: pooled prices, completed node by node."""

    def __init__(self, compiled: Compiled, known: Prices | None) -> None:
        self.completer, self.pricer = Completer(compiled), Pricer(compiled)
        self.best: Completion | None = None
        if known is not None:
            self._complete(known)

    def advance(self, arcs: int, over: Callable[[], bool]) -> None:
        """Look at so many arcs, unless it is over before, and see what the prices prove."""
        while arcs > 0 and not self.pricer.done and not over():
            self.pricer.advance(min(arcs, ARCS))
            arcs -= ARCS
        self._complete(self.pricer.prices())

    def _complete(self, prices: Prices) -> None:
        found = self.completer.complete(prices.demand, prices.verification)
        if self.best is None or found.bound > self.best.bound:
            self.best = found


class _BothSides:
    def __init__(self, search: Search, deadline: float) -> None:
        self.search, self.compiled = search, search.compiled
        q = search.quantities
        self.deadline = min(deadline, search.deadline - FINISH_S * (q.n_classes + q.n_nodes))
        self.steps = STEPS + STEPS_A_NODE * q.n_nodes
        self.finish_s = 0.0
        self.dual: _Dual | None = None
        self.runs: list[Recreation] = []

    def over(self) -> bool:
        """Whether it is time to hand in what there is."""
        return self.search.done or self.search.clock() + self.finish_s >= self.deadline

    def run(self) -> Completion | None:
        """Open, then turn by turn."""
        search = self.search
        search.enter("prices and a first placement")
        self._side_by_side(self._open_primal, self._open_dual)
        if self.dual is None or self.dual.best is None:
            return None
        self._certify()
        if not self.over():
            self._start_runs(self.dual.best)
        search.enter("ruin and recreate")
        idle = turn = 0
        while self.runs and not self.over() and idle < PATIENCE:
            idle = 0 if self._turn(turn) > WORTH else idle + 1
            turn += 1
            if turn % OFFERED == 0:
                self._offer()
        self._offer()
        self._certify()
        return self.dual.best

    def _side_by_side(self, here: Callable[[], None], *beside: Callable[[], None]) -> None:
        """Do all, at once where there are two threads."""
        if self.search.threads < 2:
            for task in (*beside, here):
                task()
            return
        with ThreadPoolExecutor(1) as pool:
            others = [pool.submit(task) for task in beside]
            here()
            for other in others:
                other.result()

    # --- the dual side -------------------------------------------------------------------------

    def _open_dual(self) -> None:
        dual = _Dual(self.compiled, self.search.prices)
        if self.search.start is None:
            dual.advance(OPENING * len(dual.pricer.fine), self.over)
        self.dual = dual

    def _certify(self) -> None:
        """Have the judge see the best prices, where they prove more than it has seen."""
        best, known = self.dual.best if self.dual else None, self.search.certified
        if best is not None and (known is None or best.bound > known * (1 + 1e-9)):
            self.search.certify(best.prices)

    # --- the primal side -----------------------------------------------------------------------

    def _open_primal(self) -> None:
        """A first placement at the prices known; what an old one still says of it."""
        search = self.search
        if search.best is None:
            start = None if search.start is None else adapted(self.compiled, search.start)
            self.runs.append(
                Recreation(self.compiled, start, prices=search.prices, seed=search.seed)
            )
            self.runs[0].construct()
            self._offer()
            self._recreate(self.runs[0], self._warmth())

    def _start_runs(self, guide: Completion) -> None:
        """From the placement known, and from nothing at the new prices unless it is an old one."""
        if self.runs and self.search.start is not None:
            return
        anew = Recreation(self.compiled, None, prices=guide.prices, seed=self.search.seed)
        anew.construct()
        self.runs.append(anew)
        if self.search.best is not None:
            start, seed = self.search.best, self.search.seed + 1
            self.runs.append(Recreation(self.compiled, start, prices=guide.prices, seed=seed))
        self.runs = sorted(self.runs, key=lambda run: run.best_objective)[:2]

    def _turn(self, turn: int) -> float:
        """One turn of both sides; returns the relative gain of the placement."""
        assert self.dual is not None
        dual, guide = self.dual, self.dual.best
        assert guide is not None
        before = min(run.best_objective for run in self.runs)
        warmth = self._warmth() * COOLING**turn
        rent = guide.rent / np.maximum(self.compiled.quantities.capacity_s, 1e-9)
        for run in self.runs:
            run.guide(guide.prices, rent)
            run.rehost()
        searches = [partial(self._recreate, run, warmth) for run in self.runs]
        if dual.pricer.done:
            self._side_by_side(*searches)
        else:
            self._side_by_side(searches[0], partial(dual.advance, ARCS, self.over))
        return 1.0 - min(run.best_objective for run in self.runs) / before

    def _warmth(self) -> float:
        """$ of the first temperature."""
        nodes = self.compiled.quantities.n_nodes
        best = min(run.best_objective for run in self.runs)
        return WARM / (1.0 + nodes / MANY) * best / nodes

    def _recreate(self, run: Recreation, warmth: float) -> None:
        """The steps of one turn, from warm to cold."""
        done = 0
        while done < self.steps and not self.over():
            left = 1.0 - done / self.steps
            run.advance(min(CHUNK, self.steps - done), warmth * left)
            done += CHUNK

    def _offer(self) -> None:
        """Hand in the best placement; how long that takes is remembered for the last time."""
        if not self.runs:
            return
        begun = self.search.clock()
        best = min(self.runs, key=lambda run: run.best_objective).best
        if best is not None:
            self.search.offer(best)
        self.finish_s = max(self.finish_s, self.search.clock() - begun)
