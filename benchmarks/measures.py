"""How good a run is, against the best cost known: gaps, and their integral over time.

References
----------
T. Berthold (2013). Measuring the impact of primal heuristics. *Operations Research Letters* 41(6),
611-614.
"""

from collections.abc import Sequence

Moment = tuple[float, float]
"""Seconds since a run began, and what was known by then."""

SAME = 1e-6
"""Costs that differ by less than this, relative, are the same: the tolerance of the judge."""


def gap_to_best(objective: float, best: float) -> float:
    """How much dearer than the best known, as a share of it; 0 where it is no dearer."""
    return max(0.0, (objective - best) / max(1e-9, abs(best)))


def primal_gap(objective: float | None, best: float) -> float:
    """The primal gap of Berthold (2013), from 0 for the best to 1 for no placement at all."""
    if objective is None or objective * best < 0:
        return 1.0
    most = max(abs(objective), abs(best))
    return 0.0 if most == 0 else max(0.0, objective - best) / most


def primal_integral(incumbents: Sequence[Moment], best: float, limit_s: float) -> float:
    """The integral of the primal gap over the time of a run [s].

    Parameters
    ----------
    incumbents
        When improving placements were found, and their cost.
    best
        The best cost known.
    limit_s
        The time given: what is found later does not count, and what is known at the end of a run
        stays known until then.

    Returns
    -------
    float
        From 0, the best known at once, to `limit_s`, nothing in time.
    """
    total, since, gap = 0.0, 0.0, 1.0
    for seconds, objective in incumbents:
        if seconds > limit_s:
            break
        total += gap * (seconds - since)
        since, gap = seconds, primal_gap(objective, best)
    return total + gap * (limit_s - since)


def time_to(incumbents: Sequence[Moment], target: float) -> float | None:
    """Seconds until a cost of at most `target` was known; None where it never was."""
    return next((seconds for seconds, objective in incumbents if objective <= target), None)


def known_at(history: Sequence[Moment], seconds: float) -> float | None:
    """The last that was known at that time; None where nothing was."""
    values = [value for moment, value in history if moment <= seconds]
    return values[-1] if values else None


def improving(history: Sequence[Moment], step: float = 1e-5) -> list[Moment]:
    """Only what improves on what is kept by `step`, relative, and the best of all.

    Thousands of tiny steps become hundreds; the integral changes by less than `step` of the limit.
    """
    kept: list[Moment] = []
    last: Moment | None = None
    for seconds, value in history:
        if last is not None and value >= last[1]:
            continue
        last = (seconds, value)
        if not kept or value <= kept[-1][1] - step * abs(kept[-1][1]):
            kept.append(last)
    if last is not None and kept[-1] != last:
        kept.append(last)
    return kept
