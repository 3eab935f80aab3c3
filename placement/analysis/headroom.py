"""Growth headroom: how many times today's demand the network could serve in full.

Whether a multiple can be served is asked of an instance without prices in which turning a request
away costs 1: a placement that costs nothing serves all, and a lower bound above zero proves that
none does.
"""

import math
from dataclasses import dataclass, replace
from typing import ClassVar

from placement.analysis.carrying import carry, trim
from placement.analysis.changes import MOST_FACTOR, relax, scale_demand
from placement.analysis.tables import Records
from placement.instance import Instance, Limits
from placement.quantities import Quantities
from placement.solution import Solution
from placement.solving import solve

PRECISION = 0.02
"""Headroom is looked for until it is known to this share of it."""
CLOSE_ENOUGH = 0.99
"""Relative gap at which a solve may stop: its bound is above zero then."""
FULL = 1e-6
"""$ (requests) that count as none."""


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
    settings = _Settings(time_limit_s / 2, seed, threads)
    free = relax(instance, "price")
    best = _search(free, solution, settings)
    fixed = _search(_fixed(free, solution), solution, settings)
    if fixed.at_least > best.at_least:  # what holds as it is holds at best
        best = replace(best, at_least=fixed.at_least)
    if best.at_most is not None:
        fixed = replace(fixed, at_most=min(best.at_most, fixed.at_most or math.inf))
    return Headroom((replace(fixed, placement="as it is"), replace(best, placement="best")))


@dataclass(frozen=True)
class _Settings:
    """How long to look, and how."""

    seconds: float
    seed: int
    threads: int | None


def _fixed(instance: Instance, plan: Solution) -> Instance:
    """The instance in which hosts and replicas are those of a plan."""
    replicas: dict[str, dict[str, int]] = {}
    for row in plan.replicas:
        replicas.setdefault(row.node, {})[row.model] = row.count
    nodes = [
        node.model_copy(
            update={
                "hosted": [m for m, at in plan.hosting.items() if node.name in at],
                "loaded": replicas.get(node.name, {}),
            }
        )
        for node in instance.nodes
    ]
    return instance.replace(nodes=nodes, limits=Limits(max_new_replicas=0, max_transfer_gb=0.0))
