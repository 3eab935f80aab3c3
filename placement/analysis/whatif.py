"""What if: changed instances side by side, each with what is proven of its cost."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from placement.analysis.changes import Change
from placement.analysis.resolving import Difference, Outcome, Progress, Resolver
from placement.analysis.tables import Records
from placement.evaluation import evaluate_placement
from placement.instance import Instance
from placement.quantities import Quantities
from placement.solution import Solution, Status, to_placement

EACH_S, ALL_S = 30.0, 120.0
"""Seconds for each solve where no limit is given, and for all of them at most."""
FIRST = 0.25
"""Least share of the time for the instance as it is, where there is no plan to begin with."""


@dataclass(frozen=True)
class Answer:
    """What one change does.

    Attributes
    ----------
    change : str
        What it is called; the first answer is the instance as it is.
    objective, lower_bound, gap : float or None
        $ of the best placement found, $ that none can go below, and their relative distance.
    difference : Difference
        Least cost with the change minus that without it.
    unserved : int or None
        Requests that the placement found turns away; None without one.
    idle_h : float or None
        Accelerator-hours that it leaves idle, reserve aside.
    status : {"optimal", "feasible", "infeasible", "unknown"}
    """

    change: str
    objective: float | None
    lower_bound: float | None
    gap: float | None
    difference: Difference
    unserved: int | None
    idle_h: float | None
    status: Status


@dataclass(frozen=True)
class WhatIf(Records):
    """Changes side by side, the instance as it is in the first row."""

    title = "What if"
    shown = (
        "change", "objective", "low", "estimate", "high", "verdict", "unserved", "idle_h",
    )  # fmt: skip
    record = Answer

    entries: tuple[Answer, ...]


def what_if(
    instance: Instance,
    solution: Solution | None,
    changes: Sequence[Change],
    *,
    time_limit_s: float | None = None,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
) -> WhatIf:
    """Solve an instance with each of some changes, from the plan there is.

    The instance as it is is solved once more too, for as long as each change, so that no change is
    credited with what more time would have found anyway.

    Parameters
    ----------
    instance : Instance
    solution : Solution or None
        A feasible plan; None to look for one first.
    changes : sequence of Change
        Each is answered alone. Several at once are one `Change` with all of them in its instance.
    time_limit_s : float or None
        Seconds for everything, shared evenly: what one solve leaves the others have. None is 30
        for each solve, but at most 120.
    seed, threads
        As for `solve`.
    progress : callable or None
        Told of every change done: its label, how many, of how many.

    Raises
    ------
    InputError
        If the solution is not a feasible one of the instance.

    Examples
    --------
    >>> from placement import solve
    >>> from placement.analysis.changes import Change, drop_nodes
    >>> from placement.generate import generate
    >>> network = generate("tiny", seed=4)
    >>> plan = solve(network, gap=0).solution
    >>> change = Change("without node-3", drop_nodes(network, ["node-3"]), "restricted")
    >>> for answer in what_if(network, plan, [change]).entries:
    ...     print(answer.change, answer.objective, answer.unserved, answer.difference.verdict)
    as it is 5.1 0 none
    without node-3 8.46 0 loss
    """
    solves = len(changes) + 1
    total = min(EACH_S * solves, ALL_S) if time_limit_s is None else time_limit_s
    deadline = time.monotonic() + total
    resolver = Resolver(
        instance, solution, seconds=total / solves, seed=seed, threads=threads,
        progress=progress, planned=solves,
    )  # fmt: skip
    resolver.refresh(max(resolver.seconds, FIRST * total if solution is None else 0.0))
    outcomes = []
    for done, change in enumerate(changes):
        resolver.pace(deadline, len(changes) - done)
        outcomes.append(resolver.solve(change.instance, change.label, relation=change.relation))
    base = resolver.base
    answers = [_answer(Change("as it is", instance), base, resolver)]
    answers += [_answer(*both, resolver) for both in zip(changes, outcomes, strict=True)]
    return WhatIf(tuple(answers))


def _answer(change: Change, outcome: Outcome, resolver: Resolver) -> Answer:
    plan = outcome.solution
    return Answer(
        change=change.label,
        objective=outcome.objective,
        lower_bound=outcome.lower_bound,
        gap=outcome.gap,
        difference=resolver.difference(outcome, change.relation),
        unserved=outcome.unserved,
        idle_h=None if plan is None else idle_hours(change.instance, plan),
        status=outcome.status,
    )


def idle_hours(instance: Instance, solution: Solution) -> float:
    """Accelerator-hours of the window that a placement leaves idle, reserve aside."""
    q = Quantities(instance)
    loads = evaluate_placement(q, to_placement(q, solution)).loads
    return float((q.capacity_s - loads.busy_s).sum() / 3600)
