"""Which nodes to engage at given prices: those that pay for themselves, and enough of them.

Nodes that cost to engage do so where their knapsack is worth more. All nodes in use must together
have room for all jobs, so at least some number of nodes is needed: that row is priced as well, the
same for every node, by the price that makes the bound largest (the surrogate capacity constraint of
facility location, see Cornuejols, Sridharan and Thizy, 1991).
"""

from typing import Any

import numpy as np
from numba import types

from placement.methods.assignment.sheets import LEAST, LIFT, NEEDED, SHEET, TRAIL
from placement.native import native

_INT, _REAL, _NONE = types.int64, types.float64, types.void
_SHARE = 0.1
"""How much the last choice counts in how often a node was engaged lately."""


@native(_INT(SHEET))
def need(s: Any) -> Any:
    """Note how many nodes must be engaged for all jobs to have room; 0: there are not enough.

    Those in use are not counted; the others that may be are noted as idle.
    Rooms count as they are, and jobs where they take least.
    """
    room, count = 0.0, 0
    for i in range(len(s.room)):
        s.idle[i] = s.ways[i] > 0 and not s.used[i]
        if s.used[i]:
            room += s.room[i]
    for k in range(len(s.room)):
        if room >= s.value[LEAST]:
            break
        if s.idle[s.ranks[k]]:
            room += s.room[s.ranks[k]]
            count += 1
    s.cursor[NEEDED] = count
    return room >= s.value[LEAST]


@native(_REAL(SHEET, _INT))
def _lift(s: Any, paying: Any) -> Any:
    """The last piece that is needed: the price of one node more. So many pieces cost nothing."""
    bar, passed = 0.0, paying
    for _ in range(s.cursor[NEEDED]):
        if passed >= s.cursor[NEEDED]:
            break
        least, count = np.inf, 0
        for i in range(len(s.room)):
            if s.idle[i] and s.piece[i] > bar:
                if s.piece[i] < least:
                    least, count = s.piece[i], 1
                elif s.piece[i] == least:
                    count += 1
        bar = least
        passed += count
    return bar


@native(_NONE(SHEET, _INT))
def _release(s: Any, i: Any) -> None:
    """Take from a node what it takes."""
    for j in range(len(s.price)):
        s.gradient[j] += s.taken[i, j]
        s.taken[i, j] = 0


@native(_REAL(SHEET))
def engage(s: Any) -> Any:
    """What the nodes that are not in use add at least; their pieces become what they are beyond it.

    Begins with pieces that are a node's cost less the worth of its knapsack. What nodes take that
    are not engaged is taken from them.
    """
    paying = 0
    for i in range(len(s.room)):
        paying += s.idle[i] and s.piece[i] <= 0.0
    s.value[LIFT] = _lift(s, paying) if paying < s.cursor[NEEDED] else 0.0
    total, missing = s.value[LIFT] * s.cursor[NEEDED], s.cursor[NEEDED]
    for i in range(len(s.room)):
        s.piece[i] -= s.value[LIFT]
        missing -= s.idle[i] and s.piece[i] < 0.0
    for i in range(len(s.room)):
        free = s.idle[i]
        tied = free and missing > 0 and s.piece[i] == 0.0
        missing -= tied
        engaged = s.used[i] or tied or (free and s.piece[i] < 0.0)
        if free:
            total += min(s.piece[i], 0.0)
        if not engaged and s.piece[i] + s.value[LIFT] < s.fixed[i]:
            _release(s, i)
        s.chosen[i] += _SHARE * (engaged - s.chosen[i])
    return total


@native(_NONE(SHEET, _INT, _INT))
def shut(s: Any, i: Any, j: Any) -> None:
    """Close a pair, to be opened again by the trail."""
    s.open[i, j] = 0
    s.choices[j] -= 1
    s.ways[i] -= 1
    s.trail[s.cursor[TRAIL]] = i * len(s.price) + j
    s.cursor[TRAIL] += 1


@native(_NONE(SHEET, _INT))
def shut_node(s: Any, i: Any) -> None:
    """Close all pairs of a node."""
    for j in range(len(s.price)):
        if s.open[i, j]:
            shut(s, i, j)


@native(_NONE(SHEET, _INT))
def open_node(s: Any, i: Any) -> None:
    """Have a node engaged, to be undone by the trail."""
    s.opened[i] = 1
    s.trail[s.cursor[TRAIL]] = s.open.size + i
    s.cursor[TRAIL] += 1


@native(_NONE(SHEET, _INT))
def undo(s: Any, mark: Any) -> None:
    """Go back on the trail."""
    size = len(s.price)
    while s.cursor[TRAIL] > mark:
        s.cursor[TRAIL] -= 1
        entry = s.trail[s.cursor[TRAIL]]
        if entry >= s.open.size:
            s.opened[entry - s.open.size] = 0
            continue
        s.open[entry // size, entry % size] = 1
        s.choices[entry % size] += 1
        s.ways[entry // size] += 1
