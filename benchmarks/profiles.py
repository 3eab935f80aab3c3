"""Performance profiles: how often a method is within a factor of the best of all.

References
----------
E. D. Dolan and J. J. More (2002). Benchmarking optimization software with performance profiles.
*Mathematical Programming* 91(2), 201-213.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.measures import SAME, Moment, known_at, primal_gap
from placement.quantities import Floats

Case = tuple[str, int]
"""Instance and seed."""


def ratios(measured: Mapping[str, Mapping[Case, float]]) -> dict[str, Floats]:
    """Each method's measure against the least of all methods, case by case, ascending.

    Parameters
    ----------
    measured
        Cost or seconds by method and case, less is better; infinite where the method failed. Only
        cases that all methods were given count, and of them those that any has solved.
    """
    cases = sorted(set.intersection(*(set(values) for values in measured.values())))
    table = np.array([[values[case] for case in cases] for values in measured.values()])
    table = table[:, np.isfinite(table).any(axis=0)]
    least = table.min(axis=0, initial=np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.where(table == least, 1.0, table / least)
    return {method: np.sort(row) for method, row in zip(measured, found, strict=True)}


def share_within(ascending: Floats, factor: float) -> float:
    """The share of cases in which a method is within a factor of the best, 1e-6 aside."""
    if not len(ascending):
        return 0.0
    return float(np.searchsorted(ascending, factor * (1 + SAME), side="right") / len(ascending))


def mean_gap(
    courses: Sequence[tuple[Sequence[Moment], Sequence[Moment], float]], seconds: float
) -> tuple[float, float | None]:
    """How far cost is above the best known at that time, and the bound below, on average.

    The second is None where no run has told of a bound by then.
    """
    above = [primal_gap(known_at(costs, seconds), best) for costs, _, best in courses]
    below = [
        max(0.0, best - bound) / max(1e-9, abs(best))
        for _, bounds, best in courses
        if (bound := known_at(bounds, seconds)) is not None
    ]
    return float(np.mean(above)), float(np.mean(below)) if len(below) == len(above) else None
