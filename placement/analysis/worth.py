"""What a change is worth: what it saves less what it costs, as far as it is proven."""

from dataclasses import dataclass
from typing import Literal

from placement.analysis.resolving import Difference

Verdict = Literal["pays", "does not pay", "undecided"]


@dataclass(frozen=True)
class Worth:
    """What is gained in a window [$].

    Attributes
    ----------
    low, high : float or None
        At least and at most so much; None where there is no such bound.
    estimate : float or None
        By the placements found; None where nothing was solved.
    verdict : {"pays", "does not pay", "undecided"}
        pays: the gain is above zero, proven; does not pay: it is not above zero, proven.
    """

    low: float | None
    estimate: float | None
    high: float | None
    verdict: Verdict


NOISE = 1e-6
"""$ that count as nothing."""


def worth(cost: Difference, price: float = 0.0) -> Worth:
    """The gain of a change that has a price of its own [$].

    Parameters
    ----------
    cost : Difference
        What the change does to the least cost.
    """
    saved = -cost
    return bounded(_less(saved.low, price), _less(saved.estimate, price), _less(saved.high, price))


def bounded(low: float | None, estimate: float | None, high: float | None) -> Worth:
    """The gain and what its bounds decide."""
    if low is not None and low > NOISE:
        return Worth(low, estimate, high, "pays")
    if high is not None and high <= NOISE:
        return Worth(low, estimate, high, "does not pay")
    return Worth(low, estimate, high, "undecided")


def _less(value: float | None, price: float) -> float | None:
    return None if value is None else value - price
