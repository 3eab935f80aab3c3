"""Nodes that could leave, and what the network would lose."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from placement.analysis.candidates import certified
from placement.analysis.carrying import carry
from placement.analysis.changes import drop_nodes
from placement.analysis.resolving import NONE, Resolver
from placement.analysis.tables import Records
from placement.certificate import node_parts
from placement.evaluation import evaluate_placement
from placement.prices import Prices
from placement.quantities import Floats
from placement.solution import Solution, to_placement

TRIES = 3
"""So many nodes in use are solved without."""

Verdict = Literal["free", "needed", "undecided"]


@dataclass(frozen=True)
class Departure:
    """A node that could leave.

    Attributes
    ----------
    node : str
    busy : float or None
        Share of its accelerator time that the plan uses; None without accelerators.
    loss_at_least : float
        $ that the network loses against the plan, proven; 0 where nothing is.
    loss_at_most : float or None
        $ that it loses by the best placement known without the node; None without one.
    verdict : {"free", "needed", "undecided"}
        free: there is a placement without the node that costs no more than the plan; needed: there
        is none, proven.
    """

    node: str
    busy: float | None
    loss_at_least: float
    loss_at_most: float | None
    verdict: Verdict


@dataclass(frozen=True)
class Departures(Records):
    """All nodes, those that are missed least first.

    Attributes
    ----------
    entries : tuple of Departure
    together : tuple of str
        Nodes that could leave all at once, the plan staying as it is.
    """

    title: ClassVar[str] = "Nodes that could leave"
    record: ClassVar[type] = Departure

    entries: tuple[Departure, ...]
    together: tuple[str, ...]


def departures(resolver: Resolver, tries: int = TRIES) -> Departures:
    """What each node is needed for.

    Nodes that the plan leaves alone could leave at once. For all others the plan's prices prove
    what is lost at least, and the network is solved without those that seem to be missed least.

    Parameters
    ----------
    resolver : Resolver
        With a plan in its base.
    tries : int
        How many nodes in use to solve without.
    """
    plan = certified(resolver)
    q = resolver.quantities
    names = [node.name for node in resolver.instance.nodes]
    least = _losses_at_least(resolver, plan)
    busy = _busy(resolver, plan)
    most = dict.fromkeys(_left_alone(resolver, plan), 0.0)
    in_use = [name for name in names if name not in most]
    for name in sorted(in_use, key=lambda name: least[q.node_index[name]])[:tries]:
        changed = drop_nodes(resolver.instance, [name])
        outcome = resolver.solve(changed, f"without {name}", relation="restricted")
        at = q.node_index[name]
        least[at] = max(least[at], _loss(resolver, outcome.lower_bound))
        if outcome.objective is not None:
            most[name] = _loss(resolver, outcome.objective)
    together = tuple(name for name in names if name not in in_use)
    rows = (_row(resolver, name, busy[i], least[i], most.get(name)) for i, name in enumerate(names))
    return Departures(tuple(sorted(rows, key=_missed)), together)


def _losses_at_least(resolver: Resolver, plan: Solution) -> Floats:
    """What the plan's prices prove of each loss: the bound without the part of the node."""
    q = resolver.quantities
    bound, parts = node_parts(q, Prices.from_document(q, plan.certificate or {}))
    return np.maximum(bound - parts - (resolver.base.objective or 0.0), 0.0)


def _busy(resolver: Resolver, plan: Solution) -> list[float | None]:
    q = resolver.quantities
    used = evaluate_placement(q, to_placement(q, plan)).loads.busy_s
    total = q.accelerators * q.window_s
    return [float(u / t) if t else None for u, t in zip(used, total, strict=True)]


def _left_alone(resolver: Resolver, plan: Solution) -> tuple[str, ...]:
    """Nodes that the plan does nothing with, if it stays as it is when all of them leave."""
    used = {name for at in plan.hosting.values() for name in at}
    used |= {row.node for row in plan.replicas}
    used |= {row.node for row in (*plan.inference, *plan.verification)}
    names = [node.name for node in resolver.instance.nodes if node.name not in used]
    return tuple(names) if names and _stays(resolver, plan, names) else ()


def _stays(resolver: Resolver, plan: Solution, lost: Iterable[str]) -> bool:
    """Whether a plan costs no more once some nodes are lost."""
    kept = carry(plan, resolver.instance, drop_nodes(resolver.instance, lost))
    return kept is not None and _loss(resolver, kept.objective) <= _noise(resolver)


def _loss(resolver: Resolver, cost: float | None) -> float:
    return 0.0 if cost is None else max(0.0, cost - (resolver.base.objective or 0.0))


def _noise(resolver: Resolver) -> float:
    return NONE * max(1.0, resolver.base.objective or 0.0)


def _row(
    resolver: Resolver, name: str, busy: float | None, least: float, most: float | None
) -> Departure:
    noise = _noise(resolver)
    verdict: Verdict = "needed" if least > noise else "undecided"
    if most is not None and most <= noise:
        verdict = "free"
    return Departure(name, busy, float(least), most, verdict)


def _missed(row: Departure) -> tuple[bool, float, float]:
    most = np.inf if row.loss_at_most is None else row.loss_at_most
    return row.verdict != "free", row.loss_at_least, most
