"""The best local optima of searches from nothing, and what comes of crossing them."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from placement.methods.chain import Chain
from placement.methods.crossing import cross
from placement.methods.sidebyside import SideBySide
from placement.search import Search
from placement.solution import Placement

KEPT, SAME = 8, 1e-9
"""How many are kept; relative difference of cost below which two are the same."""
PAIRS = 2
"""Crossings at once, however many threads there are, so that answers do not differ."""


class Elite:
    """Keeps local optima and crosses the incumbent with them."""

    def __init__(self, search: Search) -> None:
        self.search = search
        self._kept: list[tuple[float, int, Placement]] = []
        self._number = 0
        self._crossed: set[int] = set()
        self._with: Placement | None = None

    def keep(self, chains: Sequence[Chain]) -> None:
        """Remember what chains have come to, unless it is known or there are better ones enough."""
        for chain in chains:
            cost, best = chain.objective, chain.best
            known = [np.isclose(cost, other, rtol=SAME, atol=0.0) for other, _, _ in self._kept]
            if best is not None and not any(known):
                self._number += 1
                self._kept = sorted([*self._kept, (cost, self._number, best)])[:KEPT]

    def cross(self, latest: float, side_by_side: SideBySide) -> list[Placement] | None:
        """Offer what lies between the incumbent and others, and return it.

        None where it has been crossed with all of them; `latest` is as for `cross`.
        """
        pairs = self._pairs()
        found: list[Placement | None] = [None] * len(pairs)

        def between(i: int) -> None:
            found[i] = cross(self.search.compiled, *pairs[i], latest=latest, seed=self.search.seed)

        side_by_side([partial(between, i) for i in range(len(pairs))])
        children = [placement for placement in found if placement is not None]
        for placement in children:
            self.search.offer(placement)
        return children if pairs else None

    def _pairs(self) -> list[tuple[Placement, Placement]]:
        """The incumbent with some that it has not been crossed with, the cheapest first."""
        best = self.search.best
        if best is None:
            return []
        if self._with is not best:
            self._with, self._crossed = best, set()
        found = [
            (number, placement)
            for _, number, placement in self._kept
            if placement is not best and number not in self._crossed
        ][:PAIRS]
        self._crossed.update(number for number, _ in found)
        return [(best, placement) for _, placement in found]
