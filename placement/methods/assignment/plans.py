"""What the native search works on: where every job is now, and the best plans so far."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import types

from placement.methods.assignment.jobs import Jobs
from placement.quantities import Bools, Floats, Ints

LONGEST = 12
"""Most jobs that one chain moves."""
ELITE = 20
"""Plans that are kept to relink."""


class Plan(NamedTuple):
    """A plan that may overload nodes at a price, and the better ones before.

    Attributes
    ----------
    cost, work, room, fixed
        As `cost`, `work_s`, `room_s` and `fixed` of `Jobs`.
    open : array of bytes, shape (nodes, jobs)
        1 where the job may go.
    rate : array over nodes
        Coins that a second of capacity is worth, a guide.
    fine : array over nodes
        Coins per second of overload.
    node, load, held : array over jobs, over nodes, over nodes
        The plan: where each job is, how much work and how many jobs a node has.
    best : array over jobs
        The best plan without overload.
    elite, elite_cost, elite_key : array, shape (plans, jobs), arrays over plans
        Plans to relink, what they cost without fines, and what tells them apart.
    order, moved, chain : array over jobs
        A random order, the chain that moved a job last, the jobs of a chain in turn.
    origin : array over jobs
        Where the jobs of a chain came from.
    chance : array
        One word of state of the dice.
    counts : array of int
        Chains so far, plans in the elite, whether the last descent ended.
    value : array
        Cost of the plan, of the best one.
    """

    cost: Floats
    work: Floats
    room: Floats
    fixed: Floats
    open: Bools
    rate: Floats
    fine: Floats
    node: Ints
    load: Floats
    held: Ints
    best: Ints
    elite: Ints
    elite_cost: Floats
    elite_key: npt.NDArray[np.uint64]
    order: Ints
    moved: Ints
    chain: Ints
    origin: Ints
    chance: npt.NDArray[np.uint64]
    counts: Ints
    value: Floats


_REALS, _WHOLES, _BYTES, _WORDS = (
    {n: types.Array(kind, n, "C") for n in (1, 2)}
    for kind in (types.float64, types.int64, types.uint8, types.uint64)
)
_named: Any = types.NamedTuple
PLAN = _named(
    [
        _REALS[2], _REALS[2], _REALS[1], _REALS[1], _BYTES[2], _REALS[1], _REALS[1], _WHOLES[1],
        _REALS[1], _WHOLES[1], _WHOLES[1], _WHOLES[2], _REALS[1], _WORDS[1], _WHOLES[1],
        _WHOLES[1], _WHOLES[1], _WHOLES[1], _WORDS[1], _WHOLES[1], _REALS[1],
    ],
    Plan,
)  # fmt: skip
"""The type of a plan for the compiler."""
CHAINS, KEPT, ENDED = range(3)
"""Places in `counts`."""
_ODD = 0x9E3779B97F4A7C15
"""Spreads seeds over a word."""
NOW, BEST = range(2)
"""Places in `value`."""


def plan_of(jobs: Jobs, rate: Floats, seed: int) -> Plan:
    """A plan in which no job has a node yet."""
    nodes, size = jobs.cost.shape
    able = jobs.able
    each = jobs.cost[able] / np.maximum(jobs.work_s[able], 1e-12)
    fine = max(float(np.median(each)) if len(each) else 1.0, 1e-9)
    roomy = jobs.room_s > 0
    spared = float((jobs.fixed[roomy] / jobs.room_s[roomy]).max(initial=0.0))

    def wholes(*shape: int) -> Ints:
        return np.zeros(shape, dtype=np.int64)

    chance = np.array([(seed * 2 + 1) * _ODD % 2**64], dtype=np.uint64)
    return Plan(
        np.where(able, jobs.cost, 0.0), jobs.work_s, jobs.room_s, jobs.fixed,
        able.astype(np.uint8), rate.copy(), np.maximum(2.0 * rate, max(0.1 * fine, 2.0 * spared)),
        wholes(size), np.zeros(nodes), wholes(nodes), wholes(size),
        wholes(ELITE, size), np.zeros(ELITE), np.zeros(ELITE, dtype=np.uint64), np.arange(size),
        wholes(size), wholes(size), wholes(size),
        chance, np.array([0, 0, 1]), np.array([np.inf, np.inf]),
    )  # fmt: skip
