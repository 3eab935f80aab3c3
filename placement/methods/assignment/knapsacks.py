"""What each node takes at given prices of jobs: exact knapsacks, and what changing one costs.

The assignment constraints are priced, capacities are kept: what is left is one 0/1 knapsack a node,
the stronger of the two Lagrangian bounds (Ross and Soland, 1975; Fisher, Jaikumar and Van
Wassenhove, 1986). Tables from the first item on and from the last one back give, for every pair,
the bound with the pair decided the other way (Posta, Ferland and Michelon, 2012).
"""

from typing import Any

import numpy as np
from numba import types

from placement.methods.assignment.sheets import SHEET, TRAIL
from placement.native import native

_INT, _REAL, _NONE = types.int64, types.float64, types.void


@native(_INT(SHEET, _INT))
def _gather(s: Any, i: Any) -> Any:
    """List the jobs that node i gains from and that still have a choice; how many."""
    size = 0
    for j in range(len(s.price)):
        inside = s.open[i, j] and s.choices[j] > 1 and s.units[i, j] <= s.left[i]
        if inside and s.price[j] > s.cost[i, j]:
            s.items[size] = j
            size += 1
    return size


@native(_NONE(SHEET, _INT, _INT))
def _fill_forward(s: Any, i: Any, size: Any) -> None:
    """Row k of the table: the most that the first k items bring, by units of room."""
    room = s.left[i]
    first = s.forward[0]
    for c in range(room + 1):
        first[c] = 0.0
    for k in range(size):
        j = s.items[k]
        gain, work = s.price[j] - s.cost[i, j], s.units[i, j]
        before, after = s.forward[k], s.forward[k + 1]
        for c in range(work):
            after[c] = before[c]
        for c in range(work, room + 1):
            after[c] = max(before[c], before[c - work] + gain)


@native(_NONE(SHEET, _INT, _INT))
def _fill_backward(s: Any, i: Any, size: Any) -> None:
    """Row k of the table: the most that the items from the k-th on bring."""
    # The loop of _fill_forward once more: calling one for both takes a tenth longer.
    room = s.left[i]
    last = s.backward[size]
    for c in range(room + 1):
        last[c] = 0.0
    for k in range(size - 1, -1, -1):
        j = s.items[k]
        gain, work = s.price[j] - s.cost[i, j], s.units[i, j]
        before, after = s.backward[k + 1], s.backward[k]
        for c in range(work):
            after[c] = before[c]
        for c in range(work, room + 1):
            after[c] = max(before[c], before[c - work] + gain)


@native(_NONE(SHEET, _INT, _INT))
def _take(s: Any, i: Any, size: Any) -> None:
    """Note what the table of node i takes."""
    s.taken[i, :] = 0
    c = s.left[i]
    for k in range(size - 1, -1, -1):
        j = s.items[k]
        if s.forward[k + 1, c] != s.forward[k, c]:
            s.taken[i, j] = 1
            c -= s.units[i, j]


@native(_REAL(SHEET))
def settle(s: Any) -> Any:
    """Put jobs with one choice where they must go; what that costs, infinite if it cannot be."""
    total = 0.0
    for i in range(len(s.room)):
        s.left[i] = s.room[i]
    for j in range(len(s.price)):
        if s.choices[j] == 0:
            return np.inf
        if s.choices[j] == 1:
            for i in range(len(s.room)):
                if s.open[i, j]:
                    s.left[i] -= s.units[i, j]
                    total += s.cost[i, j]
                    if s.left[i] < 0:
                        return np.inf
    return total


@native(_REAL(SHEET))
def relax(s: Any) -> Any:
    """The bound at the prices, what nodes then take, and how often each job is taken, less one."""
    total = settle(s)
    if total == np.inf:
        return np.inf
    for j in range(len(s.price)):
        if s.choices[j] > 1:
            total += s.price[j]
            s.gradient[j] = 1.0
        else:
            s.gradient[j] = 0.0
    for i in range(len(s.room)):
        size = _gather(s, i)
        _fill_forward(s, i, size)
        _take(s, i, size)
        total -= s.forward[size, s.left[i]]
        for k in range(size):
            if s.taken[i, s.items[k]]:
                s.gradient[s.items[k]] -= 1.0
    return total


@native(_REAL(SHEET, _INT, _INT))
def _without(s: Any, k: Any, room: Any) -> Any:
    """The most that all items but the k-th bring in some room."""
    best = 0.0
    before, after = s.forward[k], s.backward[k + 1]
    for c in range(room + 1):
        best = max(best, before[c] + after[room - c])
    return best


@native(_NONE(SHEET, _INT))
def _weigh_node(s: Any, i: Any) -> None:
    """What it costs node i to decide each pair the other way."""
    size = _gather(s, i)
    _fill_forward(s, i, size)
    _fill_backward(s, i, size)
    _take(s, i, size)
    room = s.left[i]
    most, k = s.forward[size, room], 0
    for j in range(len(s.price)):
        if not s.open[i, j] or s.choices[j] <= 1:
            continue
        inside = k < size and s.items[k] == j
        work = s.units[i, j]
        if work > room:
            s.change[i, j] = np.inf
        elif s.taken[i, j]:
            s.change[i, j] = max(0.0, most - _without(s, k, room))
        else:
            gain = s.price[j] - s.cost[i, j]
            rest = _without(s, k, room - work) if inside else s.forward[size, room - work]
            s.change[i, j] = max(0.0, most - gain - rest)
        k += inside


@native(_REAL(SHEET))
def weigh(s: Any) -> Any:
    """`change` and `extra` of every open pair; the bound, a job alone done in its best way."""
    total = relax(s)
    if total == np.inf:
        return np.inf
    for i in range(len(s.room)):
        _weigh_node(s, i)
    rise = 0.0
    for j in range(len(s.price)):
        if s.choices[j] <= 1:
            continue
        others = 0.0
        for i in range(len(s.room)):
            if s.open[i, j] and s.taken[i, j]:
                others += s.change[i, j]
        least = np.inf
        for i in range(len(s.room)):
            if s.open[i, j]:
                own = -s.change[i, j] if s.taken[i, j] else s.change[i, j]
                s.extra[i, j] = max(0.0, others + own)
                least = min(least, s.extra[i, j])
        rise = max(rise, least)
    return total + rise


@native(_NONE(SHEET, _INT, _INT))
def shut(s: Any, i: Any, j: Any) -> None:
    """Close a pair, to be opened again by the trail."""
    s.open[i, j] = 0
    s.choices[j] -= 1
    s.trail[s.cursor[TRAIL]] = i * len(s.price) + j
    s.cursor[TRAIL] += 1


@native(_INT(SHEET, _REAL, _REAL))
def sift(s: Any, bound: Any, cutoff: Any) -> Any:
    """Close pairs, weighed before, that no solution of cost up to the cutoff has; how many."""
    closed = 0
    for j in range(len(s.price)):
        if s.choices[j] <= 1:
            continue
        for i in range(len(s.room)):
            if s.open[i, j] and bound + s.extra[i, j] > cutoff:
                shut(s, i, j)
                closed += 1
    return closed
