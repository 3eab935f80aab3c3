"""Rows seen together: what is best known of each instance, and what a method did on a set."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from benchmarks.measures import SAME, Moment, gap_to_best, primal_integral, time_to
from benchmarks.profiles import Case
from benchmarks.rows import Row
from placement.quantities import Floats

NEAR = 0.01
"""Placements within this of the best known count as near it."""


class Instance(NamedTuple):
    """An instance of a set."""

    set: str
    name: str


class Group(NamedTuple):
    """What is compared with each other: a set at one limit and number of threads."""

    suite: str
    set: str
    limit_s: float
    threads: int | None

    @property
    def title(self) -> str:
        """For headings."""
        return f"{self.set}, {self.limit_s:g} s"


class Reference(NamedTuple):
    """The least cost of an instance, known before or found in these rows, and the best bound.

    The bound is proven: by a certificate, or published.
    """

    best: float | None
    source: str | None
    bound: float | None


def references(rows: Iterable[Row]) -> dict[Instance, Reference]:
    """What is known of each instance, by all rows together."""
    by_instance: dict[Instance, list[Row]] = {}
    for row in rows:
        by_instance.setdefault(Instance(row.set, row.instance), []).append(row)
    return {instance: _reference(found) for instance, found in by_instance.items()}


def _reference(rows: list[Row]) -> Reference:
    known = [(r.best_known, r.best_known_source) for r in rows if r.best_known is not None]
    found = [(r.objective, f"{r.method}, here") for r in rows if r.objective is not None]
    best, source = min(known, default=(None, None), key=lambda pair: pair[0])
    for cost, method in found:
        if best is None or cost < best - SAME * abs(best):
            best, source = cost, method
    bounds = [b for r in rows for b in (r.certified_bound, r.known_bound) if b is not None]
    return Reference(best, source, max(bounds, default=None))


def grouped(rows: Iterable[Row]) -> dict[Group, dict[str, "Record"]]:
    """What each method did on each set at each limit; skipped runs are none."""
    rows = list(rows)
    known = references(rows)
    found: dict[Group, dict[str, list[Row]]] = {}
    for row in rows:
        if row.ran:
            group = Group(row.suite, row.set, row.limit_s, row.threads)
            found.setdefault(group, {}).setdefault(row.method, []).append(row)
    return {
        group: {method: Record(runs, known) for method, runs in methods.items()}
        for group, methods in found.items()
    }


@dataclass(frozen=True)
class Record:
    """The runs of one method on one set at one limit."""

    rows: list[Row]
    known: dict[Instance, Reference]

    def reference(self, row: Row) -> Reference:
        """What is known of a row's instance."""
        return self.known[Instance(row.set, row.instance)]

    def _best(self, row: Row) -> float:
        best = self.reference(row).best
        assert best is not None  # where something was placed, something is known
        return best

    @cached_property
    def placed(self) -> list[Row]:
        """Runs that found a placement."""
        return [row for row in self.rows if row.objective is not None]

    @property
    def proven(self) -> int:
        """So many runs are optimal by their own bounds."""
        return sum(row.status == "optimal" for row in self.rows)

    @property
    def certified(self) -> int:
        """So many runs are optimal by their certificates alone."""
        return sum(row.status == "optimal" and row.bound_by == "certificate" for row in self.rows)

    @cached_property
    def gaps(self) -> Floats:
        """Of what was placed to the best known."""
        return np.array([gap_to_best(row.objective or 0.0, self._best(row)) for row in self.placed])

    @property
    def solved(self) -> int:
        """So many runs found the best known, or as good."""
        return int((self.gaps <= SAME).sum())

    @property
    def own_gaps(self) -> Floats:
        """Of what was placed to the bound of the same run."""
        return np.array([row.gap for row in self.placed if row.gap is not None])

    @property
    def proven_gaps(self) -> Floats:
        """Of what was placed to the best bound that is proven, whoever proved it."""
        pairs = [(row.objective or 0.0, self.reference(row).bound) for row in self.placed]
        return np.array([max(0.0, (c - b) / max(1e-9, abs(c))) for c, b in pairs if b is not None])

    @property
    def integrals(self) -> Floats:
        """Primal integrals as shares of the limit; nothing found is 1."""
        known = [(row, self.reference(row).best) for row in self.rows]
        parts = [
            primal_integral(row.incumbents, best, row.limit_s) / row.limit_s
            for row, best in known if best is not None
        ]  # fmt: skip
        return np.array(parts)

    @property
    def seconds(self) -> Floats:
        """What the runs took; one that was ended by force took its limit at least."""
        return np.array([row.limit_s if row.seconds is None else row.seconds for row in self.rows])

    @property
    def late(self) -> int:
        """So many runs ended a second and 5 % or more after their limit, or never."""
        late = [row.seconds is None or row.seconds > 1.05 * row.limit_s + 1 for row in self.rows]
        return sum(late)

    @property
    def peak_mb(self) -> float | None:
        """Most memory of any run."""
        return max((row.peak_mb for row in self.rows if row.peak_mb is not None), default=None)

    def costs(self) -> dict[Case, float]:
        """Cost by instance and seed; infinite where nothing was placed."""
        return {_case(row): _or_never(row.objective) for row in self.rows}

    def times_near(self) -> dict[Case, float]:
        """Seconds to a placement near the best known; infinite where it took longer than given."""
        return {_case(row): _or_never(self._time_near(row)) for row in self.rows}

    def _time_near(self, row: Row) -> float | None:
        best = self.reference(row).best
        if best is None:
            return None
        found = time_to(row.incumbents, best + NEAR * abs(best))
        return None if found is None or found > row.limit_s else max(found, 0.01)

    def courses(self) -> list[tuple[tuple[Moment, ...], tuple[Moment, ...], float]]:
        """Costs and bounds over time of each run, and the best cost known."""
        known = [(row, self.reference(row).best) for row in self.rows]
        return [(row.incumbents, row.bounds, best) for row, best in known if best is not None]


def _case(row: Row) -> Case:
    return row.instance, row.seed


def _or_never(value: float | None) -> float:
    return float("inf") if value is None else value
