"""Which classes can never be served, whatever is decided, and why: every verdict is a proof."""

import numpy as np

from placement.compiled import Compiled
from placement.explain import families
from placement.explain.causes import Sieve
from placement.explain.parts import INDEPENDENCE, needed_checks, too_few_parts
from placement.explain.places import Places, Spots, all_spots, check_spots, run_spots
from placement.explain.rooms import Rooms
from placement.explain.shortages import check_steps, run_steps
from placement.quantities import Bools, Ints

Sides = tuple[Spots, Spots]
"""Where classes can be executed and where they can be verified."""


def sift(compiled: Compiled, rooms: Rooms, g: Ints, served: Ints) -> tuple[Sieve, Sides]:
    """Sort out the classes of which `served` requests can never be served.

    Parameters
    ----------
    rooms
        Those of the empty network.
    served
        Requests of each class that would have to be served together; with one, it is shown that
        none of the class can ever be.
    """
    q, sieve, places = compiled.quantities, Sieve(g), Places(compiled.quantities, g)
    runs = run_spots(compiled, places, g)
    _sift_families(sieve, runs, rooms)
    some = runs.some()
    runs, served = runs.take(some), served[some]
    checks = check_spots(compiled, places, runs.g)
    lacking = (needed_checks(q, runs.g, served) > 0) & ~checks.some()
    _climb(sieve, all_spots(places, runs.g[lacking], checking=True), families.CHECK, rooms)
    runs, checks, served = runs.take(~lacking), checks.take(~lacking), served[~lacking]
    left = _sift_scarce(sieve, rooms, (runs, checks), served)
    runs, checks, served = runs.take(left), checks.take(left), served[left]
    left = sieve.drop(INDEPENDENCE, too_few_parts(rooms, runs, checks, served), rooms)
    return sieve, (runs.take(left), checks.take(left))


def _sift_families(sieve: Sieve, runs: Spots, rooms: Rooms) -> None:
    """Classes that no node can execute; the model and the policy tell most of them apart."""
    q, places = rooms.q, runs.places
    g = runs.g[~runs.some()]
    key = np.where(q.paired[g], -1 - g, (q.class_model[g] + 1) * q.n_classes + q.class_policy[g])
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    steps = families.steps(families.RUN, q, g[first], places.node)[: families.HARDWARE]
    level = all_spots(places, g[first], checking=False).climb(steps)[inverse]
    causes = families.causes(families.RUN)
    for i in range(families.HARDWARE):
        stopped = g[level == i]
        sieve.drop(causes[i], np.isin(sieve.left, stopped), rooms)
    rest = g[level == families.HARDWARE]
    _climb(sieve, all_spots(places, rest, checking=False), families.RUN, rooms)


def _climb(sieve: Sieve, spots: Spots, table: tuple[families.Family, ...], rooms: Rooms) -> None:
    steps = families.steps(table, rooms.q, spots.g, spots.places.node)
    sieve.climb(spots, list(zip(families.causes(table), steps, strict=True)), rooms)


def _sift_scarce(sieve: Sieve, rooms: Rooms, sides: Sides, served: Ints) -> Bools:
    """Sort out classes of which not even one fits somewhere; returns which are left."""
    runs, checks = sides
    left = sieve.climb(runs, run_steps(rooms, runs), rooms)
    asked = left & (needed_checks(rooms.q, runs.g, served) > 0)
    checks = checks.take(asked)
    left[asked] = sieve.climb(checks, check_steps(rooms, checks), rooms)
    return left
