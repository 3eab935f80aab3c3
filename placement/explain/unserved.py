"""Why a placement turns requests away."""

import numpy as np

from placement.compiled import Compiled
from placement.explain.causes import Cause, Detail, Sieve, reasons
from placement.explain.codes import Code
from placement.explain.money import LOADING_PRICE, SEARCH, loading_pays, price_step
from placement.explain.never import Sides, sift
from placement.explain.parts import INDEPENDENCE_USED, too_few_parts
from placement.explain.rooms import Rooms, empty_rooms, left_rooms
from placement.explain.shortages import (
    SCRAPS,
    SHARE_SCRAPS,
    check_steps,
    few_fit,
    held_step,
    run_steps,
)
from placement.quantities import Bools, Quantities, whole_up
from placement.solution import Placement, Reason

COMBINATION = Cause(
    Code.COMBINATION,
    "nothing that they need is short by itself, but no paying way was found to have it all at once",
    detail=lambda _rooms, _g: Detail(
        (), ("more time or another method, unless the placement is proven optimal",)
    ),
)
"""No single thing is known to stop these."""


def explain_unserved(compiled: Compiled, placement: Placement) -> tuple[Reason, ...]:
    """Say for every class with requests turned away what keeps them from being served.

    A class is in exactly one reason, that of the first thing that leaves it without a node: first
    what no placement could change, then what this one uses up.

    Parameters
    ----------
    compiled
        The instance.
    placement
        A feasible placement of it.

    Returns
    -------
    tuple of Reason
        Empty where all requests are served. Classes of like cause share a reason, which names at
        most 20 of them and counts the rest.
    """
    unserved = placement.unserved
    g = np.flatnonzero(unserved > 0)
    if not len(g):
        return ()
    rooms = empty_rooms(compiled)
    sieve, (runs, checks) = sift(compiled, rooms, g, np.ones_like(g))
    left = sieve.climb(runs, [price_step(rooms, runs)], rooms)
    sides = runs.take(left), checks.take(left)
    _sift_used(sieve, left_rooms(compiled, placement), sides, placement)
    return reasons(sieve, unserved, must=False)


def _sift_used(sieve: Sieve, rooms: Rooms, sides: Sides, placement: Placement) -> None:
    """Sort out by what the placement leaves; all classes end up somewhere."""
    runs, checks = sides
    price = price_step(rooms, runs)
    surely = [held_step(rooms, runs, engaged=True), price_step(rooms, runs, surely=True)[1]]
    wasted = (runs.climb(surely) == 2) & (rooms.q.verifiers[runs.g] == 0)
    held = runs.climb([held_step(rooms, runs, engaged=False), price[1]]) == 2
    left = sieve.climb(runs, [*run_steps(rooms, runs), price], rooms)
    runs, checks, held, wasted = runs.take(left), checks.take(left), held[left], wasted[left]
    left = _sift_checks(sieve, rooms, (runs, checks), placement)
    runs, held, wasted = runs.take(left), held[left], wasted[left]
    few, few_allowed = few_fit(rooms, runs, placement.unserved[runs.g])
    worth = held | loading_pays(rooms, runs.g, placement.unserved[runs.g])
    everything = np.ones(len(runs), dtype=bool)
    for cause, stopped in (
        (SCRAPS, few),
        (SHARE_SCRAPS, few_allowed),
        (SEARCH, wasted),
        (LOADING_PRICE, ~worth),
        (COMBINATION, everything),
    ):
        sieve.drop(cause, np.isin(sieve.left, runs.g[stopped]), rooms)


def _sift_checks(sieve: Sieve, rooms: Rooms, sides: Sides, placement: Placement) -> Bools:
    """Sort out what another verification would take; returns which classes are left."""
    runs, checks = sides
    left = ~_short_of_checks(rooms.q, placement)[runs.g]
    asked = checks.take(~left)
    left[~left] = sieve.climb(asked, check_steps(rooms, asked), rooms)
    asked, runs = checks.take(left), runs.take(left)
    few = too_few_parts(rooms, runs, asked, np.ones_like(runs.g))
    few &= _short_of_checks(rooms.q, placement)[runs.g]
    left[left] = sieve.drop(INDEPENDENCE_USED, few, rooms)
    return left


def _short_of_checks(q: Quantities, p: Placement) -> Bools:
    """Classes of which one more request would need another verification."""
    executed = np.bincount(p.run_g, p.run_count, q.n_classes)
    done = np.bincount(p.verify_g, p.verify_count, q.n_classes)
    return np.asarray(whole_up(q.verifiers * q.sample * (executed + 1)) > done)
