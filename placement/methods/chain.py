"""A chain of plans, each made from the one before: ruin and recreate, now and then reflow.

Ruin and recreate changes a few nodes at a time. Where all nodes are full it cannot close a replica
that hardly pays, since what it serves has no place to go unless many others move up, node by node.
Reflow lets all move at once, in parts of requests; what it closes stays closed when requests are
made whole, and ruin and recreate places the few that found no place.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from placement.compiled import Compiled
from placement.methods.completion import Completion
from placement.methods.recreate.halving import Half
from placement.methods.recreate.improver import Recreation
from placement.methods.recreate.starting import cost_of
from placement.methods.reflow.reflower import reflow
from placement.methods.sidebyside import SideBySide
from placement.search import Search
from placement.solution import Placement

CHUNK = 5_000
"""Steps between two looks at the clock."""
_AFTER = 1.003
"""A plan that costs so much more than the best is given up for it."""


def _cool(
    run: Recreation | Half, steps: int, warmth: float, last: float, over: Callable[[], bool]
) -> None:
    """So many steps, from one temperature [$] down to another."""
    done = 0
    while done < steps and not over():
        left = 1.0 - done / steps
        run.advance(min(CHUNK, steps - done), last + (warmth - last) * left)
        done += CHUNK


class Chain:
    """A chain that begins with a plan.

    Parameters
    ----------
    compiled : Compiled
    run : Recreation
        The plan.
    seed : int
        The same seed and calls give the same plans.
    """

    def __init__(self, compiled: Compiled, run: Recreation, seed: int) -> None:
        self.compiled, self.seed = compiled, seed
        self.run, self.turns = run, 0
        self._best: Placement | None = None
        self._best_cost = np.inf

    @property
    def objective(self) -> float:
        """$ of the best plan so far."""
        return self.run.best_objective if self._leads else self._best_cost

    @property
    def best(self) -> Placement | None:
        """The best plan so far, verified throughout; None where none serves what must be served."""
        return self._cheaper(self.run.best) if self._leads else self._best

    def _cheaper(self, found: Placement | None) -> Placement | None:
        """A plan, or the best before it where that is cheaper, now that both are verified."""
        if found is None or self._best is None:
            return self._best if found is None else found
        cost, before = cost_of(self.compiled, found), cost_of(self.compiled, self._best)
        return found if cost < before else self._best

    @property
    def _leads(self) -> bool:
        """Whether the plan there is now, and none before it, is the best so far."""
        better = self.run.complete and self.run.best_objective < self._best_cost
        return self._best is None or better

    def guide(self, guide: Completion) -> None:
        """Follow new prices, and read weights from where it is cheapest."""
        self.run.guide(guide.prices, guide.rent_per_s)
        self.run.rehost()

    def recreate(
        self, steps: int, warmth: float, over: Callable[[], bool], *, last: float = 0.0
    ) -> None:
        """So many steps of ruin and recreate, from a temperature [$] down to the `last`."""
        _cool(self.run, steps, warmth, last, over)

    def recreate_halves(
        self,
        steps: int,
        warmth: float,
        over: Callable[[], bool],
        side_by_side: SideBySide,
        *,
        last: float = 0.0,
    ) -> None:
        """The same in either half of the network at once, or in all of it where there are none."""
        halves = self.run.halves()
        parts: Sequence[Half | Recreation] = halves or [self.run]
        side_by_side([partial(_cool, part, steps, warmth, last, over) for part in parts])
        if halves:
            self.run.join(halves)

    def follow(self, leader: "Chain") -> None:
        """Give up what it has for the best plan of another chain, where that is far better."""
        found = leader.best if self.objective > _AFTER * leader.objective else None
        if found is not None:
            self._best, self._best_cost = found, leader.objective

    def reflow(self, guide: Completion, latest: float, side_by_side: SideBySide) -> None:
        """Go on from what reflow makes of the plan, or of the best one, unless it is `latest`."""
        self.turns += 1
        start = self.run.best
        if start is not None and self._leads:
            self._best, self._best_cost = self._cheaper(start), self.run.best_objective
        if start is None or self.run.best_objective > _AFTER * self._best_cost:
            start = self._best
        if start is None:
            return
        seed = 1000 * self.seed + self.turns
        found = reflow(
            self.compiled, start, seed=seed, latest=latest, side_by_side=side_by_side
        )  # fmt: skip
        if Search.clock() >= latest:
            return
        self.run = Recreation(self.compiled, found, prices=guide.prices, seed=seed)
        self.guide(guide)
        self.run.construct()
