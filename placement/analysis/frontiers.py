"""Frontiers: the least cost against how much is moved, and against how evenly it is shared."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeVar

import numpy as np

from placement.analysis.indices import jain
from placement.analysis.resolving import Outcome, Resolver
from placement.analysis.tables import Records
from placement.instance import Instance, Operator
from placement.quantities import Floats, Ints, Quantities
from placement.solution import Solution, Status, to_placement

MOVES, FURTHER = (0, 1, 5, 10), 4
"""New replicas allowed at the first points of the first frontier, and how many points there are
between the last of these and what the plan moves, in equal ratios."""
CAPS = 4
"""Caps between an equal share and the largest share there is, on the second frontier."""
SOLVES = len(MOVES) + FURTHER + CAPS

Key = TypeVar("Key", int, float)


@dataclass(frozen=True)
class MovePoint:
    """The least cost with so many new replicas.

    Attributes
    ----------
    allowed : int or None
        New replicas allowed at most; None is what the instance allows.
    moved : int or None
        New replicas in the plan found; None without one.
    objective, lower_bound, gap : float or None
        $ of that plan, $ that none can go below, and their relative distance.
    unserved : int or None
        Requests that the plan turns away.
    status : {"optimal", "feasible", "infeasible", "unknown"}
        infeasible: some requests that must be served cannot be.
    """

    allowed: int | None
    moved: int | None
    objective: float | None
    lower_bound: float | None
    gap: float | None
    unserved: int | None
    status: Status


@dataclass(frozen=True)
class Moves(Records):
    """Cost against the number of new replicas, from the current state on."""

    title = "Cost against moves"
    record = MovePoint

    entries: tuple[MovePoint, ...]


@dataclass(frozen=True)
class FairPoint:
    """The least cost where no control group executes more than a share.

    Attributes
    ----------
    cap : float or None
        The largest share of all demanded requests that any control group may execute, besides its
        own `max_share`; None is no cap but those.
    top_share : float or None
        The largest share that one executes in the plan found; None without one.
    jain : float or None
        Jain's index of requests executed, among groups that can execute.
    objective, lower_bound, gap : float or None
        $ of that plan, $ that none can go below, and their relative distance.
    unserved : int or None
        Requests that the plan turns away.
    status : {"optimal", "feasible", "infeasible", "unknown"}
        infeasible: some requests that must be served cannot be.
    """

    cap: float | None
    top_share: float | None
    jain: float | None
    objective: float | None
    lower_bound: float | None
    gap: float | None
    unserved: int | None
    status: Status


@dataclass(frozen=True)
class Fairness(Records):
    """Cost against the largest share of a control group (epsilon-constraint)."""

    title = "Cost against fairness"
    record = FairPoint

    entries: tuple[FairPoint, ...]


@dataclass(frozen=True)
class Frontiers:
    """What moving less, and sharing more evenly, would cost.

    Attributes
    ----------
    moves : Moves
    fairness : Fairness
    """

    moves: Moves
    fairness: Fairness


def frontiers(resolver: Resolver) -> Frontiers:
    """Both frontiers, each point with its bound.

    Points are solved from the tightest limit on, each from the plan of the one before where that is
    cheaper. A plan for a tighter limit is one for a looser limit, and a bound for a looser limit is
    one for a tighter: so no point is worse than what another one proves.
    """
    return Frontiers(moves=_moves(resolver), fairness=_fairness(resolver))


def _moves(resolver: Resolver) -> Moves:
    instance = resolver.instance
    allowed = _limits(_moved(resolver.base))
    points = _solved(
        resolver,
        {
            most: instance.replace(
                limits=instance.limits.model_copy(update={"max_new_replicas": most})
            )
            for most in allowed
        },
        "at most {} moves",
    )
    return Moves(
        tuple(
            MovePoint(
                allowed=most,
                moved=_moved(outcome),
                objective=outcome.objective,
                lower_bound=outcome.lower_bound,
                gap=outcome.gap,
                unserved=outcome.unserved,
                status=outcome.status,
            )
            for most, outcome in zip([*allowed, None], points, strict=True)
        )
    )


def _limits(moved: int | None) -> list[int]:
    """The numbers of new replicas to look at, below what the plan moves."""
    if moved is None:
        return list(MOVES)
    ratios = np.geomspace(MOVES[-1], max(moved, MOVES[-1]), FURTHER + 1, endpoint=False)[1:]
    return sorted({most for most in (*MOVES, *ratios.round().astype(int).tolist()) if most < moved})


def _moved(outcome: Outcome) -> int | None:
    plan = outcome.solution
    return None if plan is None else sum(row.count for row in plan.loads)


def _fairness(resolver: Resolver) -> Fairness:
    q = resolver.quantities
    able = np.unique(q.node_group[q.infers])
    plan = resolver.base.solution
    top = 1.0 if plan is None else float(_executed(q, plan).max(initial=0)) / max(1, q.total_count)
    least = 1 / max(1, len(able))
    caps = [] if top <= least else np.linspace(least, top, CAPS, endpoint=False).tolist()
    points = _solved(
        resolver, {cap: capped(resolver.instance, cap) for cap in caps}, "at most {:.1%} a group"
    )
    return Fairness(
        tuple(
            _fair_point(cap, outcome, q, able)
            for cap, outcome in zip([*caps, None], points, strict=True)
        )
    )


def _fair_point(cap: float | None, outcome: Outcome, q: Quantities, able: Ints) -> FairPoint:
    executed = None if outcome.solution is None else _executed(q, outcome.solution)
    return FairPoint(
        cap=cap,
        top_share=None if executed is None else float(executed.max(initial=0)) / q.total_count,
        jain=None if executed is None else jain(executed[able]),
        objective=outcome.objective,
        lower_bound=outcome.lower_bound,
        gap=outcome.gap,
        unserved=outcome.unserved,
        status=outcome.status,
    )


def _executed(q: Quantities, plan: Solution) -> Floats:
    """Requests that each control group executes."""
    p = to_placement(q, plan)
    return np.bincount(q.node_group[p.run_n], p.run_count, q.n_groups).astype(float)


def capped(instance: Instance, share: float) -> Instance:
    """The instance where no control group executes more than a share of all demanded requests.

    Nodes without operator get one each, for the cap to hold for them too.
    """
    taken = {operator.name for operator in instance.operators}
    taken |= {operator.control_group or "" for operator in instance.operators}
    names: dict[str, str] = {}
    for node in instance.nodes:
        if node.operator is None:
            name = node.name
            while name in taken:
                name += "'"
            taken.add(name)
            names[node.name] = name
    operators = [
        operator.model_copy(update={"max_share": min(operator.max_share, share)})
        for operator in instance.operators
    ]
    return instance.replace(
        operators=[*operators, *(Operator(name=name, max_share=share) for name in names.values())],
        nodes=[
            node.model_copy(update={"operator": node.operator or names[node.name]})
            for node in instance.nodes
        ],
    )


def _solved(resolver: Resolver, changed: Mapping[Key, Instance], label: str) -> list[Outcome]:
    """The outcomes of ever looser limits, and last that of the instance itself."""
    outcomes: list[Outcome] = []
    for limit, instance in sorted(changed.items()):
        start = outcomes[-1].solution if outcomes else None
        outcomes.append(
            resolver.solve(instance, label.format(limit), relation="restricted", start=start)
        )
    return monotone([*outcomes, resolver.base])


def monotone(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Outcomes from the tightest limit to the loosest, each with what the others prove of it."""
    tight = list(accumulate(outcomes, lambda a, b: b.with_plan(a.objective, a.solution)))
    loose = accumulate(reversed(tight), lambda a, b: b.with_bound(a.lower_bound))
    return list(loose)[::-1]
