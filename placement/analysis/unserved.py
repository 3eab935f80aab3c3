"""Demand that is turned away, by what would have to change for it to be served.

The causes are lifted one after the other, as for idle compute, so that the rows sum to what is
turned away; and each alone, which tells what a network gains that lifts nothing else.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from placement.analysis.relaxing import Lifted, Relaxations
from placement.analysis.resolving import Difference, difference
from placement.analysis.tables import Records

CAPACITY = "capacity"
"""What stays unserved when all causes are lifted: compute is short, or no node runs the model."""


@dataclass(frozen=True)
class UnservedRow:
    """Requests turned away for one cause.

    Attributes
    ----------
    cause : str
        One of `CAUSES`, or `CAPACITY`.
    requests : int
        How many fewer are turned away once the cause is lifted after those before it. Negative
        where the network then turns away more requests that are worth less.
    penalty : float
        The same in $ of penalties.
    decided : bool
        Whether what lifting it earns is more than the gap of the solve before.
    """

    cause: str
    requests: int
    penalty: float
    decided: bool


@dataclass(frozen=True)
class UnservedAccount(Records):
    """Why requests are turned away; the rows sum to all that are.

    Attributes
    ----------
    entries : tuple of UnservedRow
    demanded : int
        All requests.
    worth : float
        $ of penalties if all requests that may be were turned away.
    """

    title: ClassVar[str] = "Unserved demand"
    record: ClassVar[type] = UnservedRow

    entries: tuple[UnservedRow, ...]
    demanded: int
    worth: float

    @property
    def requests(self) -> int:
        """All requests turned away."""
        return sum(row.requests for row in self.entries)

    @property
    def penalty(self) -> float:
        """What they cost [$]."""
        return sum(row.penalty for row in self.entries)


@dataclass(frozen=True)
class AloneRow:
    """What lifting one cause and nothing else does.

    Attributes
    ----------
    cause : str
    requests : int
        How many fewer are turned away.
    penalty : float
        The same in $ of penalties.
    cost : Difference
        What it does to the least cost, as far as it is proven.
    """

    cause: str
    requests: int
    penalty: float
    cost: Difference


@dataclass(frozen=True)
class AloneAccount(Records):
    """Each cause lifted alone; these rows sum to nothing, for causes overlap."""

    title: ClassVar[str] = "Each cause lifted alone"
    shown: ClassVar[tuple[str, ...]] = (
        "cause",
        "requests",
        "penalty",
        "low",
        "high",
        "verdict",
    )
    record: ClassVar[type] = AloneRow

    entries: tuple[AloneRow, ...]


def account(relaxations: Relaxations) -> UnservedAccount:
    """Why a plan turns requests away, in the order of `CAUSES`."""
    steps = relaxations.steps(relaxations.lasting)
    rows = [
        UnservedRow(step.cause, *_fewer(step.before, step.after), step.decided) for step in steps
    ]
    last = relaxations.lifted(relaxations.lasting)
    rows.append(UnservedRow(CAPACITY, int(last.placement.unserved.sum()), last.penalty, True))
    q = relaxations.base.quantities
    worth = np.where(np.isfinite(q.penalty), q.penalty, 0.0) @ q.count
    return UnservedAccount(tuple(rows), q.total_count, float(worth))


def alone(relaxations: Relaxations) -> AloneAccount:
    """What each cause that is there does when nothing else is lifted."""
    base = relaxations.base
    rows = []
    for cause in relaxations.lasting:
        lifted = relaxations.lifted([cause])
        cost = difference(base.outcome, lifted.outcome, "relaxed")
        rows.append(AloneRow(cause, *_fewer(base, lifted), cost))
    return AloneAccount(tuple(rows))


def _fewer(before: Lifted, after: Lifted) -> tuple[int, float]:
    """How many requests fewer are turned away, and what that saves in penalties [$]."""
    requests = int(before.placement.unserved.sum() - after.placement.unserved.sum())
    return requests, before.penalty - after.penalty
