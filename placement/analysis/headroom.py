"""Growth headroom: how many times today's demand the network could serve in full."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from placement.analysis.carrying import carry, trim
from placement.analysis.changes import scale_demand
from placement.analysis.resolving import Resolver
from placement.analysis.serving import counting, serve
from placement.analysis.tables import Records
from placement.instance import Instance, Limits
from placement.solution import Solution

PRECISION = 0.02
"""A bisection ends where its interval is this short, relative to where it lies."""
SMALLEST, LARGEST = 1 / 64, 1024.0
"""Multiples that are looked at."""
STEPS = 12
"""Each side of the truth is looked for in at most so many solves."""
PATIENCE = 0.4
"""Share of the time then left that one solve may take; most take next to none."""


SOLVES = 8
"""It takes as long as so many solves of a resolver."""


@dataclass(frozen=True)
class Room:
    """How far demand may grow.

    Attributes
    ----------
    placement : str
        "as it is": hosts and replicas stay, requests and verification move; "best": all may change.
    at_least : float
        A multiple of all demand that is served in full, by a placement found; 0 where none is.
    at_most : float or None
        Less than this multiple, which is proven not to be servable; None where nothing is proven.
    """

    placement: str
    at_least: float
    at_most: float | None


@dataclass(frozen=True)
class Headroom(Records):
    """Growth headroom as things stand, and at best."""

    title: ClassVar[str] = "Growth headroom"
    record: ClassVar[type] = Room

    entries: tuple[Room, ...]


def headroom(
    instance: Instance,
    solution: Solution,
    *,
    time_limit_s: float,
    seed: int = 0,
    threads: int | None = None,
) -> Headroom:
    """The largest uniform multiple of demand that is served, as it is and at best.

    With the placement as it is, replicas count as loaded: the time of loading them is past.

    Parameters
    ----------
    instance : Instance
    solution : Solution
        A feasible plan.
    time_limit_s : float
        Seconds for both.
    """
    free = counting(instance, dict.fromkeys((r.name for r in instance.requests), 1.0))
    held = _Probe(_fixed(free, solution), solution, time_limit_s / 2, seed, threads)
    open_ = _Probe(free, solution, time_limit_s / 2, seed, threads)
    served, best = held.most_served(), open_.most_served()
    failed, least = held.least_failed(), open_.least_failed()
    if least is not None:  # what cannot be served at best cannot be served as it is
        failed = min(least, failed or least)
    rows = Room("as it is", served, failed), Room("best", max(served, best), least)
    return Headroom(rows)


def room_to_grow(resolver: Resolver) -> Headroom:
    """Headroom with the plan, time and settings of a resolver."""
    return headroom(
        resolver.instance,
        resolver.plan,
        time_limit_s=SOLVES * resolver.seconds,
        seed=resolver.seed,
        threads=resolver.threads,
    )


def _fixed(instance: Instance, plan: Solution) -> Instance:
    """The instance in which hosts and replicas are those of a plan."""
    replicas: dict[str, dict[str, int]] = {}
    for row in plan.replicas:
        replicas.setdefault(row.node, {})[row.model] = row.count
    nodes = [
        node.model_copy(
            update={
                "hosted": tuple(m for m, at in plan.hosting.items() if node.name in at),
                "loaded": replicas.get(node.name, {}),
            }
        )
        for node in instance.nodes
    ]
    return instance.replace(nodes=nodes, limits=Limits(max_new_replicas=0, max_transfer_gb=0.0))


class _Probe:
    """Multiples of demand tried on one instance, each once."""

    def __init__(
        self, instance: Instance, plan: Solution, seconds: float, seed: int, threads: int | None
    ) -> None:
        self.instance, self.seed, self.threads = instance, seed, threads
        self.side_s = seconds / 2  # served, and not
        self.deadline = time.monotonic() + self.side_s
        self.best = instance, plan
        """The instance with the largest multiple that is served, and how."""
        self.answers: dict[float, bool | None] = {}

    def most_served(self) -> float:
        """The largest multiple found to be served; 0 where none is."""
        self._close_in(lambda served: served is True)
        return max((factor for factor, served in self.answers.items() if served), default=0.0)

    def least_failed(self) -> float | None:
        """The smallest multiple proven not to be served; None where none is."""
        self._close_in(lambda served: served is not False)
        failed = [factor for factor, served in self.answers.items() if served is False]
        return min(failed, default=None)

    def _close_in(self, passes: Callable[[bool | None], bool]) -> None:
        """Bisect for the largest multiple whose answer passes."""
        low, high, factor = 0.0, math.inf, 1.0
        self.deadline = time.monotonic() + self.side_s
        for _ in range(STEPS):
            if passes(self._serves(factor)):
                low = factor
            else:
                high = factor
            late = time.monotonic() >= self.deadline
            if late or high < low * (1 + PRECISION) or high <= SMALLEST or low >= LARGEST:
                return
            factor = _between(low, high)

    def _serves(self, factor: float) -> bool | None:
        """Whether a multiple is served in full; None where that is not known in time."""
        if factor not in self.answers:
            self.answers[factor] = self._solve(factor)
        return self.answers[factor]

    def _solve(self, factor: float) -> bool | None:
        changed = scale_demand(self.instance, factor)
        before, plan = self.best
        start = carry(plan, before, changed) or trim(plan, changed)
        seconds = PATIENCE * max(0.0, self.deadline - time.monotonic())
        found = serve(changed, start, seconds=seconds, seed=self.seed, threads=self.threads)
        if found.served and found.plan is not None:
            self.best = changed, found.plan
        return found.served


def _between(low: float, high: float) -> float:
    """A multiple to try next."""
    if math.isinf(high):
        return 2 * low
    return high / 2 if low == 0 else math.sqrt(low * high)
