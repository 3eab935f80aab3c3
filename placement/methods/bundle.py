"""Prices of demand uphill, by a proximal bundle method on what the nodes take.

The pooled program knows accelerators of one type in one region; here every node packs whole
replicas by itself, so the bound can rise further. It is concave in the prices of demand and
verification, and each completion gives its value and a plane above it. The next prices maximise the
least of the planes kept, less a charge for going far (Lemaréchal 1978; Kiwiel 1990), which is a
small quadratic program over weights of the planes.

Going far is dearer for a price that has been passed over: where its slope changes sign, a class is
asked for too much and too little in turn (Riedmiller and Braun 1993). That begins with the first
step that is to no gain; before, long steps are worth more.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from placement.compiled import Compiled
from placement.methods.completion import Completer, Completion
from placement.quantities import Floats

PLANES = 12
"""Planes kept, one of them the weighted mean of those that are dropped."""
HOPED = 0.01
"""Relative gain that the first step would have along its plane."""
SERIOUS = 0.1
"""Part of the gain hoped for that makes the new prices the centre."""
FURTHER, NEARER = 1.25, 0.8
"""How the length of steps changes after good ones, and after bad ones."""
CALMER, CALMEST = 0.5, 0.02
"""How much shorter the steps of a price get when its slope changes sign; how short, at most."""
SETTLED = 5e-5
"""Relative gain hoped for below which it is over."""
_SUM = 1e3
"""Weight of the condition that weights sum to 1, over what else the program weighs."""


@dataclass(frozen=True)
class _Plane:
    """A plane above the bound: its slope, and how far above the bound at the centre it is."""

    slope: Floats
    above: float


class Bundle:
    """Prices on their way uphill.

    Parameters
    ----------
    completer : Completer
    start : Completion
        Where to begin.

    Attributes
    ----------
    best : Completion
        The prices that prove most so far.
    done : bool
        Whether little more is to be expected.
    """

    def __init__(self, completer: Completer, start: Completion) -> None:
        self._completer, self.best, self.done = completer, start, False
        compiled, prices = completer.compiled, start.prices
        q = compiled.quantities
        self._at = np.concatenate([prices.demand, prices.verification])
        asked = np.concatenate([q.count, q.count * compiled.wanted_checks])
        self._scale = self._at / np.maximum(asked, 1.0)
        self._calmest, self._missed = CALMEST * self._scale, False
        self._slope = slope = slopes(compiled, start)
        self._planes = [_Plane(slope, 0.0)]
        steep = float(self._scale @ slope**2)
        self.done = steep <= 0.0
        self._length = HOPED * abs(start.bound) / max(steep, 1e-300)

    def advance(self, evaluations: int, over: Callable[[], bool]) -> None:
        """Complete prices so many times, unless it is over before."""
        for _ in range(evaluations):
            if self.done or over():
                return
            self._step()

    def _step(self) -> None:
        table = np.stack([plane.slope for plane in self._planes])
        above = np.array([plane.above for plane in self._planes])
        gram = (table * self._scale) @ table.T
        weights = _weights(self._length * gram, above)
        mean = _Plane(weights @ table, float(weights @ above))
        hoped = self._length * float(weights @ gram @ weights) + mean.above
        if hoped <= SETTLED * abs(self.best.bound):
            self.done = True
            return
        to = np.maximum(self._at + self._length * self._scale * mean.slope, 0.0)
        half = len(to) // 2
        found = self._completer.complete(
            to[:half], to[half:], tolls=self.best.tolls, near=self.best
        )
        self._keep(weights, mean)
        self._judge(found, to, hoped)

    def _keep(self, weights: Floats, mean: _Plane) -> None:
        """Keep the planes that weigh most, and room for the next."""
        order = np.argsort(-weights, kind="stable")
        heavy = int((weights > 0).sum())
        planes = [self._planes[i] for i in order]
        if heavy >= PLANES:
            planes = [*planes[: PLANES - 2], mean]
        self._planes = planes[: PLANES - 1]

    def _judge(self, found: Completion, to: Floats, hoped: float) -> None:
        """Move the centre where the bound has risen enough; else only learn from it."""
        slope = slopes(self._completer.compiled, found)
        moved, rise = to - self._at, found.bound - self.best.bound
        serious = rise >= SERIOUS * hoped
        self._missed |= not serious
        if self._missed:
            self._calm(slope)
        self._slope = slope
        if serious:
            self._planes = [
                _Plane(p.slope, max(p.above + float(p.slope @ moved) - rise, 0.0))
                for p in self._planes
            ]
            self._planes.append(_Plane(slope, 0.0))
            self._at, self.best = to, found
            self._length *= FURTHER
            return
        above = max(rise - float(slope @ moved), 0.0)
        self._planes.append(_Plane(slope, above))
        if above > hoped:
            self._length *= NEARER

    def _calm(self, slope: Floats) -> None:
        """Shorten the steps of prices whose slope has changed sign."""
        calmer = np.maximum(CALMER * self._scale, self._calmest)
        self._scale = np.where(slope * self._slope < 0, calmer, self._scale)


def slopes(compiled: Compiled, done: Completion) -> Floats:
    """Demand and verifications asked for beyond what the nodes take: a slope of the bound."""
    q, prices = compiled.quantities, done.prices
    check_price = np.where(compiled.verified, prices.verification, 0.0)
    asked = prices.demand + compiled.wanted_checks * check_price
    served = np.where(asked < q.penalty, q.count, 0)
    checks = np.where(compiled.verified, compiled.wanted_checks * served - done.checked, 0.0)
    return np.concatenate([served - done.supply, checks])


def _weights(gram: Floats, above: Floats) -> Floats:
    """Weights w >= 0 of sum 1 of least w gram w / 2 + above w, by non-negative least squares."""
    size = len(above)
    mean = float(np.trace(gram)) / size
    root = np.linalg.cholesky(gram + 1e-12 * mean * np.eye(size)).T
    heavy = _SUM * np.sqrt(mean)
    table = np.vstack([root, np.full((1, size), heavy)])
    aim = np.append(-np.linalg.solve(root.T, above), heavy)
    found, _ = nnls(table, aim, maxiter=100 * size)
    return np.asarray(found / found.sum())
