"""The dual side: pooled prices, completed node by node, then taken uphill."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from placement.compiled import Compiled
from placement.methods.bundle import Bundle
from placement.methods.completion import Completer, Completion
from placement.methods.pricing.pricer import Pricer
from placement.methods.shares import Shares
from placement.methods.sidebyside import SideBySide, one_by_one
from placement.prices import Prices

LOOK = 8_000_000
"""Arcs looked at between two looks at the clock."""
AROUND, EACH = 500_000, 12
"""Completing prices counts like looking at so many arcs, and at so many for each offer to nodes
that are alike: more than it takes, for the search beside it is worth more by then."""
COMPLETE_S = 4e-7
"""Seconds that completing prices takes for each node and model, at least."""


class DualSide:
    """Prices that improve.

    Parameters
    ----------
    compiled : Compiled
    known : Prices or None
        Prices of an earlier answer.
    left_s : callable or None
        Seconds that are left; None for no limit. Pricing ends where completion just fits in.
    side_by_side : callable
        Does several tasks at once.

    Attributes
    ----------
    guide : Completion or None
        The pooled prices that prove most: those that a search follows. What bundles add to the
        bound is of no use to it.
    settled : bool
        Whether the guide is as good as it gets.
    """

    def __init__(
        self,
        compiled: Compiled,
        known: Prices | None,
        left_s: Callable[[], float] | None = None,
        side_by_side: SideBySide = one_by_one,
    ) -> None:
        def complete() -> None:
            self.completer = Completer(compiled)

        def price() -> None:
            self.pricer = Pricer(compiled, left_s, side_by_side)

        side_by_side([complete, price])
        size = compiled.quantities.n_nodes * compiled.quantities.n_models
        self._left_s = left_s or (lambda: math.inf)
        self._side_by_side = side_by_side
        self._least_s = self._complete_s = COMPLETE_S * size
        self.guide: Completion | None = None
        self._bundle: Bundle | None = None
        self.settled = False
        if known is not None:
            self._complete(known)

    @property
    def best(self) -> Completion | None:
        """The prices that prove most."""
        return self.guide if self._bundle is None else self._bundle.best

    def above(self, known: float | None) -> Completion | None:
        """The best prices, where they prove more than is known."""
        best = self.best
        better = best is not None and (known is None or best.bound > known * (1 + 1e-9))
        return best if better else None

    def shares(self) -> Shares | None:
        """Where the relaxation has the classes; None where cells are whole, too wide to follow."""
        return self.pricer.shares() if self.pricer.apart else None

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        return self._bundle is not None and self._bundle.done

    def advance(self, arcs: int, over: Callable[[], bool]) -> None:
        """Look at so many arcs, or do what takes as long, unless it is over before."""
        if self.settled:
            self._bundle = self._bundle or Bundle(self.completer, self._known)
            effort = AROUND + EACH * self.completer.n_items
            for _ in range(max(1, arcs // effort)):
                with self._timed():
                    self._bundle.advance(1, lambda: over() or self.late)
        else:
            self.price(over, lambda done: done >= arcs)

    def price(self, over: Callable[[], bool], enough: Callable[[int], bool]) -> None:
        """Better pooled prices, until so many arcs are enough; completed if there is time."""
        done = 0
        while not (self.pricer.done or enough(done) or over() or self.late):
            done += self.pricer.advance(LOOK)
        if not over():
            self._complete(self.pricer.prices())
            self.settled = self.pricer.done

    @property
    def _known(self) -> Completion:
        assert self.guide is not None
        return self.guide

    @contextmanager
    def _timed(self) -> Iterator[None]:
        """Remember how long completing prices took; beside a search that is longer."""
        begun = time.monotonic()
        yield
        self._complete_s = max(self._least_s, time.monotonic() - begun)

    @property
    def late(self) -> bool:
        """Whether there is no more than the time to complete prices."""
        return self._left_s() <= self._complete_s

    def _complete(self, prices: Prices) -> None:
        """Complete prices, and follow them where they prove more than those before."""
        with self._timed():
            found = self.completer.complete(
                prices.demand,
                prices.verification,
                tolls=self.completer.tolls(prices.copying),
                near=self.guide,
                side_by_side=self._side_by_side,
            )
        if self.guide is None or found.bound > self.guide.bound:
            self.guide = found
