"""What each node takes at given prices of jobs: exact knapsacks.

The assignment constraints are priced, capacities are kept: what is left is one 0/1 knapsack a node,
the stronger of the two Lagrangian bounds (Ross and Soland, 1975; Fisher, Jaikumar and Van
Wassenhove, 1986).
"""

from typing import Any

import numpy as np
from numba import types

from placement.methods.assignment.engaging import engage, need
from placement.methods.assignment.sheets import SHEET
from placement.native import native

_INT, _REAL, _NONE = types.int64, types.float64, types.void


@native(_INT(SHEET, _INT))
def gather(s: Any, i: Any) -> Any:
    """List the jobs that node i gains from and that still have a choice; how many."""
    size = 0
    for j in range(len(s.price)):
        inside = s.open[i, j] and s.choices[j] > 1 and s.units[i, j] <= s.left[i]
        if inside and s.price[j] > s.cost[i, j]:
            s.items[size] = j
            size += 1
    return size


@native(_NONE(SHEET, _INT, _INT))
def fill_forward(s: Any, i: Any, size: Any) -> None:
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
        s.used[i] = s.opened[i]
    for j in range(len(s.price)):
        if s.choices[j] == 0:
            return np.inf
        if s.choices[j] == 1:
            for i in range(len(s.room)):
                if s.open[i, j]:
                    s.used[i] = 1
                    s.left[i] -= s.units[i, j]
                    total += s.cost[i, j]
                    if s.left[i] < 0:
                        return np.inf
    for i in range(len(s.room)):
        if s.used[i]:
            total += s.fixed[i]
    return total if need(s) else np.inf


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
        size = gather(s, i)
        worth, units = 0.0, 0
        s.taken[i, :] = 0
        for k in range(size):
            j = s.items[k]
            worth += s.price[j] - s.cost[i, j]
            units += s.units[i, j]
            s.taken[i, j] = 1
        if units > s.left[i]:
            fill_forward(s, i, size)
            _take(s, i, size)
            worth = s.forward[size, s.left[i]]
        for k in range(size):
            s.gradient[s.items[k]] -= s.taken[i, s.items[k]]
        s.piece[i] = s.fixed[i] - worth
        if s.used[i]:
            total -= worth
    return total + engage(s)
