"""What deciding a pair costs, and the pairs and nodes that this decides.

Tables of a knapsack from the first item on and from the last one back give, for every pair, the
bound with the pair decided the other way (Posta, Ferland and Michelon, 2012).
"""

from typing import Any

import numpy as np
from numba import types

from placement.methods.assignment.engaging import open_node
from placement.methods.assignment.knapsacks import fill_forward, gather, relax
from placement.methods.assignment.sheets import LIFT, SHEET, TRAIL
from placement.native import native

_INT, _REAL, _NONE = types.int64, types.float64, types.void


@native(_NONE(SHEET, _INT, _INT))
def _fill_backward(s: Any, i: Any, size: Any) -> None:
    """Row k of the table: the most that the items from the k-th on bring."""
    # The loop of fill_forward once more: calling one for both takes a tenth longer.
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


@native(_REAL(SHEET, _INT, _INT))
def _without(s: Any, k: Any, room: Any) -> Any:
    """The most that all items but the k-th bring in some room."""
    best = 0.0
    before, after = s.forward[k], s.backward[k + 1]
    for c in range(room + 1):
        best = max(best, before[c] + after[room - c])
    return best


@native(_INT(SHEET, _INT))
def _widest(s: Any, i: Any) -> Any:
    """The most units of a job that may be put on node i."""
    widest = 0
    for j in range(len(s.price)):
        if s.open[i, j] and s.choices[j] > 1 and s.units[i, j] <= s.left[i]:
            widest = max(widest, s.units[i, j])
    return widest


@native(_NONE(SHEET, _INT))
def _weigh_node(s: Any, i: Any) -> None:
    """What it costs node i to decide each pair the other way."""
    size, room = gather(s, i), s.left[i]
    gains, units = 0.0, 0
    for k in range(size):
        gains += s.price[s.items[k]] - s.cost[i, s.items[k]]
        units += s.units[i, s.items[k]]
    if units > room or units + _widest(s, i) > room:
        fill_forward(s, i, size)
        _fill_backward(s, i, size)
    engaged = 0.0 if s.used[i] else s.fixed[i] - s.value[LIFT]
    now = min(s.piece[i], 0.0) if s.idle[i] else s.piece[i] - s.fixed[i] + s.value[LIFT]
    k = 0
    for j in range(len(s.price)):
        if not s.open[i, j] or s.choices[j] <= 1:
            continue
        inside = k < size and s.items[k] == j
        gain, work = s.price[j] - s.cost[i, j], s.units[i, j]
        if work > room:
            s.change[i, j] = np.inf
            continue
        left = room if s.taken[i, j] else room - work
        rest = gains - inside * gain
        if units - inside * work > left:
            rest = _without(s, k, left) if inside else s.forward[size, left]
        if s.taken[i, j]:
            without = engaged - rest if s.used[i] else min(engaged - rest, 0.0)
            s.change[i, j] = max(0.0, without - now)
        else:
            s.change[i, j] = max(0.0, engaged - gain - rest - now)
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


@native(_INT(SHEET, _REAL, _REAL))
def sift(s: Any, bound: Any, cutoff: Any) -> Any:
    """Close pairs, weighed before, that no solution of cost up to the cutoff has; how many.

    Nodes that all of them engage are engaged. Pairs are shut in place: a call would cost more.
    """
    mark, size = s.cursor[TRAIL], len(s.price)
    closed = 0
    for j in range(len(s.price)):
        if s.choices[j] <= 1:
            continue
        for i in range(len(s.room)):
            if s.open[i, j] and bound + s.extra[i, j] > cutoff:
                s.open[i, j] = 0
                s.choices[j] -= 1
                s.ways[i] -= 1
                s.trail[mark + closed] = i * size + j
                closed += 1
    s.cursor[TRAIL] = mark + closed
    for i in range(len(s.room)):
        if s.idle[i] and s.fixed[i] > 0.0 and bound - s.piece[i] > cutoff:
            open_node(s, i)
    return closed
