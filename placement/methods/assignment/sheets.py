"""What the native functions of proofs work on: one sheet of arrays."""

from typing import Any, NamedTuple

import numpy as np
from numba import types

from placement.methods.assignment.jobs import Jobs
from placement.quantities import Bools, Floats, Ints

_Bytes = Bools


class Sheet(NamedTuple):
    """An assignment problem with some pairs closed, and prices of its jobs.

    Attributes
    ----------
    cost, units, room, fixed
        As in `Jobs`; where a job may not go, `units` is beyond any room.
    ways : array over nodes
        How many jobs a node is open to.
    opened : array of bytes over nodes
        1 where the node is engaged, as was decided.
    used, idle : array of bytes over nodes
        1 where it is engaged, by decision or by a job with one choice; 1 where it may be and need
        not be.
    piece : array over nodes
        Coins for engaging a node with what it takes at these prices, beyond what the whole pays for
        any node; jobs with one choice aside.
    chosen : array over nodes
        How often a node was engaged lately, 0 to 1.
    ranks : array of int over nodes
        The nodes, largest room first.
    open : array of bytes, shape (nodes, jobs)
        1 where the job may go as far as is known.
    choices : array over jobs
        How many nodes are open to it.
    whim : array over jobs
        How much a job is preferred when one is chosen to branch on.
    price : array over jobs
        Coins for having it done, the multipliers.
    taken : array of bytes, shape (nodes, jobs)
        What each node takes at these prices.
    change : array, shape (nodes, jobs)
        Coins that the bound rises if the node decides the other way: leaves the job, or takes it.
    extra : array, shape (nodes, jobs)
        Coins that the bound rises if the job goes to that node and to no other.
    forward, backward : array
        Tables of knapsacks: items x units.
    items : array over jobs
        The jobs in the tables.
    left : array of int over nodes
        Units that jobs with one choice leave.
    best, step, gradient : array over jobs
        Best prices in an ascent, its direction, what nodes take less one.
    trail : array
        Pairs that were closed, in turn, to open them again.
    marks, decided : array over levels
        Where the trail of each level begins, and the pair that was decided there.
    prices : array, shape (levels, jobs)
        Prices at which each level began.
    answer : array over jobs
        The nodes of the last solution found.
    cursor : array of int
        Length of the trail, level, nodes looked at, whether a solution was found, how many nodes
        must be engaged beside those in use.
    value : array
        Cost of the last solution found, coins for every node that must be engaged, the least units
        of all jobs.
    """

    cost: Floats
    units: Ints
    room: Ints
    fixed: Floats
    ways: Ints
    opened: _Bytes
    used: _Bytes
    idle: _Bytes
    piece: Floats
    chosen: Floats
    ranks: Ints
    open: _Bytes
    choices: Ints
    whim: Floats
    price: Floats
    taken: _Bytes
    change: Floats
    extra: Floats
    forward: Floats
    backward: Floats
    items: Ints
    left: Ints
    best: Floats
    step: Floats
    gradient: Floats
    trail: Ints
    marks: Ints
    decided: Ints
    prices: Floats
    answer: Ints
    cursor: Ints
    value: Floats


_REALS, _WHOLES, _BYTES = (
    {n: types.Array(kind, n, "C") for n in (1, 2)}
    for kind in (types.float64, types.int64, types.uint8)
)
_named: Any = types.NamedTuple
SHEET = _named(
    [
        _REALS[2], _WHOLES[2], _WHOLES[1], _REALS[1], _WHOLES[1], _BYTES[1], _BYTES[1],
        _BYTES[1], _REALS[1], _REALS[1], _WHOLES[1], _BYTES[2], _WHOLES[1], _REALS[1], _REALS[1],
        _BYTES[2],
        _REALS[2], _REALS[2], _REALS[2], _REALS[2], _WHOLES[1], _WHOLES[1],
        _REALS[1], _REALS[1], _REALS[1], _WHOLES[1], _WHOLES[1], _WHOLES[1],
        _REALS[2], _WHOLES[1], _WHOLES[1], _REALS[1],
    ],
    Sheet,
)  # fmt: skip
"""The type of a sheet for the compiler."""
TRAIL, LEVEL, LOOKED, FOUND, NEEDED = range(5)
"""Places in `cursor`."""
COST, LIFT, LEAST = range(3)
"""Places in `value`."""


def sheet_of(jobs: Jobs) -> Sheet:
    """A sheet with every pair open that the instance allows, prices zero."""
    nodes, size = jobs.cost.shape
    levels = nodes + size + 2
    width = int(jobs.room.max(initial=0)) + 1
    able = jobs.able & (jobs.units <= jobs.room[:, None])
    least = np.where(able, jobs.units, width).min(axis=0, initial=width).sum()

    def reals(*shape: int) -> Floats:
        return np.zeros(shape)

    def bits(*shape: int) -> _Bytes:
        return np.zeros(shape, dtype=np.uint8)

    def wholes(length: int) -> Ints:
        return np.zeros(length, dtype=np.int64)

    return Sheet(
        np.where(able, jobs.cost, 0.0), np.ascontiguousarray(jobs.units), jobs.room.copy(),
        jobs.fixed.copy(), able.sum(axis=1), bits(nodes), bits(nodes), bits(nodes), reals(nodes),
        reals(nodes),
        np.argsort(-jobs.room, kind="stable"),
        able.astype(np.uint8), able.sum(axis=0), np.ones(size), reals(size),
        bits(nodes, size), reals(nodes, size), reals(nodes, size),
        reals(size + 1, width), reals(size + 1, width), wholes(size), wholes(nodes),
        reals(size), reals(size), reals(size), wholes(nodes * (size + 1)), wholes(levels),
        wholes(levels), reals(levels, size), wholes(size), wholes(5), np.array([0.0, 0.0, least]),
    )  # fmt: skip
