"""What `solve` answers: why it stopped, what was found and what is proven are three things."""

from dataclasses import dataclass, field

from placement.solution import Reason, Solution, Status, StoppedBy


def relative_gap(objective: float | None, lower_bound: float | None) -> float | None:
    """(objective - lower_bound) / max(1e-9, |objective|), None where either is unknown."""
    if objective is None or lower_bound is None:
        return None
    return max(0.0, (objective - lower_bound) / max(1e-9, abs(objective)))


@dataclass(frozen=True)
class Progress:
    """Where a solve stands.

    Attributes
    ----------
    elapsed_s : float
        Seconds since `solve` was called.
    objective, lower_bound, gap : float or None
        Best placement and best bound so far; None where there is none yet.
    phase : str
        What is being done, for people.
    """

    elapsed_s: float
    objective: float | None
    lower_bound: float | None
    gap: float | None
    phase: str


@dataclass(frozen=True)
class Result:
    """The answer of `solve`.

    Attributes
    ----------
    status : {"optimal", "feasible", "infeasible", "unknown"}
        optimal: proven within 1e-6; feasible: a placement, perhaps with a gap; infeasible: proven
        that there is none; unknown: none was found in time and none excluded.
    solution : Solution
        The document to keep; without decisions where there is no placement.
    objective : float or None
        $ per window of the placement, as judged by `evaluate`; None without a placement.
    lower_bound : float or None
        No placement costs less; None where no bound is known.
    gap : float or None
        (objective - lower_bound) / |objective|.
    terms : dict
        The objective by term [$], empty without a placement.
    runtime_s : dict
        Seconds by phase: read, compile, build, solve, check.
    stopped_by : {"gap", "time_limit", "work_limit", "exhausted", "interrupted"}
        What ended the search.
    reasons : tuple of Reason
        Why requests are unserved, or why there is no placement.
    """

    status: Status
    solution: Solution = field(repr=False)
    objective: float | None
    lower_bound: float | None
    gap: float | None
    terms: dict[str, float]
    runtime_s: dict[str, float]
    stopped_by: StoppedBy
    reasons: tuple[Reason, ...] = ()
