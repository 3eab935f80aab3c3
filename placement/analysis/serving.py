"""Whether an instance can serve what it must, asked of one that counts what it does not.

Without prices, and with a price for each request turned away, a placement that costs nothing serves
all, and a lower bound above zero proves that none does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from placement.analysis.changes import relax
from placement.instance import Instance
from placement.solution import Solution
from placement.solving import solve

BOUND_ABOVE_ZERO = 0.99
"""Relative gap at which a solve may stop: its bound is above zero then."""
NONE = 1e-6
"""$ that count as none."""


@dataclass(frozen=True)
class Served:
    """What is known of serving all.

    Attributes
    ----------
    served : bool or None
        Whether all is served; None where that is not known in time.
    plan : Solution or None
        The placement that turns least away, as far as known.
    at_least, at_most : float or None
        $ of what is turned away by the best placement; None where there is no such bound.
    """

    served: bool | None
    plan: Solution | None = field(repr=False)
    at_least: float | None
    at_most: float | None


def counting(instance: Instance, prices: Mapping[str, float]) -> Instance:
    """The instance in which nothing costs anything but turning away requests.

    Parameters
    ----------
    prices : mapping
        $ per request of each class; classes left out may be turned away for nothing.
    """
    free = relax(instance, "price")
    rows = [
        row.model_copy(update={"penalty": float(prices.get(row.name, 0.0))})
        for row in free.requests
    ]
    return free.replace(requests=rows)


def serve(
    instance: Instance,
    start: Solution | None = None,
    *,
    seconds: float,
    gap: float = BOUND_ABOVE_ZERO,
    seed: int = 0,
    threads: int | None = None,
) -> Served:
    """Ask a counting instance whether it serves all, or, at a small gap, how much it does not."""
    result = solve(
        instance, time_limit=seconds, gap=gap, seed=seed, threads=threads, initial_solution=start
    )
    if result.status == "infeasible":
        return Served(False, None, None, None)
    plan = None if result.objective is None else result.solution
    served = None
    if result.objective is not None and result.objective <= NONE:
        served = True
    elif (result.lower_bound or 0.0) > NONE:
        served = False
    return Served(served, plan, result.lower_bound, result.objective)
