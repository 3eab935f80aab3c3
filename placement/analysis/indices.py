"""How evenly something is shared, and how few have most of it.

Each index takes amounts, one for each party and none negative, and is None where all are zero. What
an index means, and where it comes from, is in docs/analysis.md.
"""

import numpy as np

from placement.quantities import ROUNDING, Floats

THIRD = 1 / 3
"""More than this share is enough to stop agreement among parties that may lie (Lamport, Shostak
and Pease 1982)."""


def jain(amounts: Floats) -> float | None:
    """(sum x)^2 / (n sum x^2): 1 where all have the same, 1/n where one has all (Jain 1984)."""
    squares = float(np.sum(_scaled(amounts) ** 2))
    return float(np.sum(_scaled(amounts))) ** 2 / (len(amounts) * squares) if squares else None


def gini(amounts: Floats) -> float | None:
    """Sum |x_i - x_j| / (2 n sum x): 0 where all have the same, (n - 1)/n where one has all."""
    ordered, size = np.sort(_scaled(amounts)), len(amounts)
    total = float(ordered.sum())
    if not total:
        return None
    rank = 2 * np.arange(1, size + 1) - size - 1
    return float(rank @ ordered) / (size * total)


def herfindahl(amounts: Floats) -> float | None:
    """The sum of squared shares: 1 where one has all, 1/n where all have the same."""
    shares = _shares(amounts)
    return None if shares is None else float(np.sum(shares**2))


def top_share(amounts: Floats) -> float | None:
    """The share of who has most."""
    shares = _shares(amounts)
    return None if shares is None else float(shares.max())


def nakamoto(amounts: Floats, threshold: float = THIRD) -> int | None:
    """The fewest parties that have more than `threshold` of all (Srinivasan and Lee 2017)."""
    shares = _shares(amounts)
    if shares is None:
        return None
    held = np.cumsum(np.sort(shares)[::-1])
    return int(np.argmax(held > threshold + ROUNDING)) + 1


def _scaled(amounts: Floats) -> Floats:
    """The amounts over the largest, so that squares stay finite."""
    return np.asarray(amounts / max(float(np.max(amounts, initial=0.0)), 1e-300))


def _shares(amounts: Floats) -> Floats | None:
    total = float(_scaled(amounts).sum())
    return np.asarray(_scaled(amounts) / total) if total else None
