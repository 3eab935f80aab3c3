"""What got better or worse between two measurings, and what of it is noise.

Runs of the same instance, method, limit and threads are compared, the mean of their seeds. Where
several seeds were run, their spread over all instances of a set says what chance does; else a
tolerance stands for it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, NamedTuple

import numpy as np
from scipy.stats import binomtest, bootstrap

from benchmarks.rows import Row
from placement.quantities import Floats

DEVIATIONS = 3.0
"""A change is beyond noise from so many standard errors on: by chance one in four hundred is."""
CONFIDENCE = 0.95
TIME_TOLERANCE, LEAST_S = 0.25, 0.5
"""Seconds differ from run to run: a quarter counts as none, and half a second."""

What = Literal["cost", "bound", "time"]
Verdict = Literal["better", "worse", "same"]


class Case(NamedTuple):
    """What is run with several seeds."""

    suite: str
    set: str
    instance: str
    method: str
    limit_s: float
    threads: int | None

    @classmethod
    def of(cls, row: Row) -> "Case":
        """The case of a row."""
        return cls(*(getattr(row, name) for name in cls._fields))


@dataclass(frozen=True)
class Change:
    """One case, before and after.

    Attributes
    ----------
    what
        Cost, lower bound or seconds.
    old, new
        Mean over seeds; None where there was none.
    change
        Relative to the old; positive is worse. None where either is missing.
    noise
        Changes up to this count as none.
    """

    case: Case
    what: What
    old: float | None
    new: float | None
    change: float | None
    noise: float

    @property
    def verdict(self) -> Verdict:
        """What it means; what is there on one side only is better or worse for that."""
        if self.change is None:
            return "same" if self.old is self.new else "worse" if self.new is None else "better"
        if abs(self.change) <= self.noise:
            return "same"
        return "worse" if self.change > 0 else "better"


@dataclass(frozen=True)
class Overall:
    """A method on a set at a limit, cost before and after.

    Attributes
    ----------
    better, worse, same
        Cases whose cost went down, up, or neither, whatever noise is.
    chance
        How often a coin would be as one-sided; None without a change.
    mean, low, high
        Mean relative change and its bootstrapped interval; None where there are too few cases.
    """

    title: str
    better: int
    worse: int
    same: int
    chance: float | None
    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Comparison:
    """All of it, and how many cases are in one of both only."""

    changes: list[Change]
    overall: list[Overall]
    only_old: int
    only_new: int


Samples = dict[Case, list[Row]]


def compare(
    old: Iterable[Row], new: Iterable[Row], tolerance: float, *, times: bool = False
) -> Comparison:
    """Compare two measurings.

    Parameters
    ----------
    old, new
        Their rows.
    tolerance
        Relative change of cost or bound that counts as none, whatever the seeds say.
    times
        Whether seconds are compared, of runs that ended before their limit.
    """
    before, after = _by_case(old), _by_case(new)
    common = sorted(before.keys() & after.keys(), key=lambda case: (_group(case), case.instance))
    kinds: list[What] = ["cost", "bound", "time"] if times else ["cost", "bound"]
    changes = [
        change
        for _, cases in groupby(common, key=_group)
        for change in _changes(list(cases), before, after, kinds, tolerance)
    ]
    costs = [change for change in changes if change.what == "cost"]
    overall = [_overall(list(found)) for _, found in groupby(costs, key=lambda c: _group(c.case))]
    return Comparison(changes, overall, len(before.keys() - after), len(after.keys() - before))


def _group(case: Case) -> tuple[str, str, str, str, str]:
    return case.suite, case.set, case.method, str(case.limit_s), str(case.threads)


def _by_case(rows: Iterable[Row]) -> Samples:
    found: Samples = {}
    for row in rows:
        if row.ran:
            found.setdefault(Case.of(row), []).append(row)
    return found


def _cost(row: Row) -> float | None:
    return row.objective


def _bound(row: Row) -> float | None:
    return row.bound


def _time(row: Row) -> float | None:
    return row.seconds if row.seconds is not None and row.seconds < row.limit_s else None


VALUES: dict[What, Callable[[Row], float | None]] = {"cost": _cost, "bound": _bound, "time": _time}


def _changes(
    cases: list[Case], before: Samples, after: Samples, kinds: list[What], tolerance: float
) -> Iterable[Change]:
    """All changes of one method on one set at one limit."""
    for what in kinds:
        pairs = [(_values(before[case], what), _values(after[case], what)) for case in cases]
        spread = _spread([values for pair in pairs for values in pair])
        for case, pair in zip(cases, pairs, strict=True):
            yield _change(case, what, pair, spread, tolerance)


def _values(rows: list[Row], what: What) -> Floats | None:
    """The value of each seed; None where a seed has none."""
    values = [VALUES[what](row) for row in rows]
    known = [value for value in values if value is not None]
    return np.array(known) if len(known) == len(values) else None


def _spread(samples: list[Floats | None]) -> float:
    """The relative standard deviation between seeds, over all samples with several."""
    several = [values for values in samples if values is not None and len(values) > 1]
    parts = [values.var(ddof=1) / max(1e-18, values.mean() ** 2) for values in several]
    return float(np.sqrt(np.mean(parts))) if parts else 0.0


def _change(
    case: Case,
    what: What,
    pair: tuple[Floats | None, Floats | None],
    spread: float,
    tolerance: float,
) -> Change:
    one, other = pair
    old, new = (None if values is None else float(values.mean()) for values in (one, other))
    if one is None or other is None or old is None or new is None:
        return Change(case, what, old, new, None, tolerance)
    noise = DEVIATIONS * spread * float(np.sqrt(1 / len(one) + 1 / len(other)))
    relative = (new - old) / max(1e-9, abs(old))
    least = max(TIME_TOLERANCE, LEAST_S / max(old, 1e-9)) if what == "time" else tolerance
    return Change(
        case, what, old, new, -relative if what == "bound" else relative, max(noise, least)
    )


def _overall(changes: list[Change]) -> Overall:
    case = changes[0].case
    parts = np.array([c.change for c in changes if c.change is not None], dtype=float)
    better, worse = int((parts < 0).sum()), int((parts > 0).sum())
    chance = float(binomtest(better, better + worse).pvalue) if better + worse else None
    low, high = _interval(parts)
    mean = float(parts.mean()) if len(parts) else 0.0
    title = f"{case.set}, {case.method}, {case.limit_s:g} s"
    return Overall(title, better, worse, len(parts) - better - worse, chance, mean, low, high)


def _interval(parts: Floats) -> tuple[float | None, float | None]:
    """Where the mean would be expected if other instances had been drawn."""
    if len(parts) < 3 or np.ptp(parts) == 0:
        return None, None
    found = bootstrap(
        (parts,), np.mean, confidence_level=CONFIDENCE, method="percentile", rng=0
    ).confidence_interval
    return float(found.low), float(found.high)
