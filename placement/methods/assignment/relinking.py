"""Path relinking: from one good plan part of the way to another, and down by chains from there.

Fines rise where nodes stay overloaded and fall where nothing is, so that plans stay near the
border (Yagiura, Ibaraki and Glover, 2006).
"""

from typing import Any

import numpy as np
from numba import types

from placement.methods.assignment.chains import (
    adding,
    below,
    descend,
    enter,
    fined,
    leave,
    settling,
    shuffle,
    uniform,
)
from placement.methods.assignment.plans import BEST, ELITE, ENDED, KEPT, NOW, PLAN
from placement.native import native

_INT, _REAL, _NONE = types.int64, types.float64, types.void
_SLIGHT = 1e-9
_ODD, _HALF = np.uint64(0x9E3779B97F4A7C15), np.uint64(32)
_STEEP = 1.5
"""By how much fines rise as long as no plan keeps all capacities."""
_FRESH = 0.3
"""How often a plan is made anew while the elite is not complete."""
_KICKED = 0.05
"""Part of the jobs that are moved at random before a descent."""
_TRIED = 5
"""How many empty nodes are looked at to swap one for."""
_SWITCHED = 0.7
"""How often a node is emptied or filled instead, where nodes cost to engage."""


@native(types.uint64(_INT))
def _mixed(k: Any) -> Any:
    """A number as good as random."""
    x = np.uint64(k + 1) * _ODD
    x ^= x >> _HALF
    return x * _ODD


@native(_NONE(PLAN))
def clear(p: Any) -> None:
    """No job is anywhere."""
    p.load[:] = 0.0
    p.held[:] = 0
    p.value[NOW] = 0.0


@native(_NONE(PLAN))
def weigh_all(p: Any) -> None:
    """Loads and cost of the plan, anew."""
    clear(p)
    for j in range(len(p.node)):
        enter(p, j, p.node[j])


@native(_REAL(PLAN))
def _fines(p: Any) -> Any:
    total = 0.0
    for i in range(len(p.room)):
        total += fined(p, i)
    return total


@native(types.uint64(PLAN), makes_arrays=True)
def _key(p: Any) -> Any:
    """Tells plans apart: by the nodes that they engage, or where that is free by all they do."""
    key = np.uint64(0)
    if p.fixed.max() > 0.0:
        for i in range(len(p.held)):
            if p.held[i] > 0:
                key += _mixed(i)
    else:
        for j in range(len(p.node)):
            key += _mixed(p.node[j] * len(p.node) + j)
    return key


@native(_NONE(PLAN), makes_arrays=True)
def _join_elite(p: Any) -> None:
    """Take the plan in, at the fines of today, for its like, or else for the worst one."""
    mine, key = p.value[NOW] + _fines(p), _key(p)
    size = p.counts[KEPT]
    worst, at, full = -np.inf, -1, size == ELITE
    for k in range(size):
        p.load[:] = 0.0
        for j in range(len(p.node)):
            p.load[p.elite[k, j]] += p.work[p.elite[k, j], j]
        value = p.elite_cost[k] + _fines(p)
        if p.elite_key[k] == key:
            worst, at, full = value, k, True
            break
        if value > worst:
            worst, at = value, k
    if not full:
        at = size
        p.counts[KEPT] = size + 1
    if not full or mine < worst:
        p.elite[at] = p.node
        p.elite_cost[at] = p.value[NOW]
        p.elite_key[at] = key
    weigh_all(p)


@native(_NONE(PLAN), makes_arrays=True)
def keep(p: Any) -> None:
    """Remember the plan: as the best, as one of the elite; have fines follow."""
    weigh_all(p)
    over = 0.0
    for i in range(len(p.room)):
        over = max(over, p.load[i] - p.room[i])
    if over <= 0.0 and p.value[NOW] < p.value[BEST] - _SLIGHT:
        p.value[BEST] = p.value[NOW]
        p.best[:] = p.node
    _join_elite(p)
    known, shared = p.value[BEST] < np.inf, over > 0.0 and p.fixed.max() > 0.0
    for i in range(len(p.room)):
        if shared or p.load[i] > p.room[i]:
            p.fine[i] *= 1.05 + 0.1 * uniform(p.chance) if known else _STEEP
        elif over <= 0.0:
            p.fine[i] *= 0.9


@native(_NONE(PLAN, types.Array(types.int64, 1, "C")), makes_arrays=True)
def adopt(p: Any, node: Any) -> None:
    """Take a plan in from elsewhere, for the next descent to begin with."""
    p.node[:] = node
    keep(p)
    p.counts[ENDED] = 0


@native(_NONE(PLAN, _INT, _REAL))
def _towards(p: Any, k: Any, part: Any) -> None:
    """Move part of the way to a plan of the elite, the cheapest of a few moves first."""
    size = len(p.node)
    differs = 0
    for j in range(size):
        if p.node[j] != p.elite[k, j]:
            p.chain[differs] = j
            differs += 1
    for _ in range(int(part * differs)):
        best, at = np.inf, -1
        for _ in range(5):
            x = below(p.chance, differs)
            j = p.chain[x]
            home, there = p.node[j], p.elite[k, j]
            over = p.load[home] - p.room[home]
            relief = p.fine[home] * (max(0.0, over) - max(0.0, over - p.work[home, j]))
            added = adding(p, j, there) - p.cost[home, j] - relief
            if added < best:
                best, at = added, x
        j = p.chain[at]
        leave(p, j)
        enter(p, j, p.elite[k, j])
        differs -= 1
        p.chain[at] = p.chain[differs]


@native(_NONE(PLAN, _REAL))
def _kick(p: Any, part: Any) -> None:
    """Send some jobs somewhere else."""
    for _ in range(1 + int(part * len(p.node))):
        j = below(p.chance, len(p.node))
        home = p.node[j]
        leave(p, j)
        i, tries = below(p.chance, len(p.room)), 0
        while tries < 20 and (not p.open[i, j] or i == home):
            i = below(p.chance, len(p.room))
            tries += 1
        enter(p, j, i if p.open[i, j] else home)


@native(_NONE(PLAN))
def _empty_one(p: Any) -> None:
    """Send all jobs of a node where they add least elsewhere."""
    home = p.node[below(p.chance, len(p.node))]
    for j in range(len(p.node)):
        if p.node[j] == home:
            leave(p, j)
            i = settling(p, j, home)
            enter(p, j, i if i >= 0 else home)


@native(_NONE(PLAN))
def _fill_one(p: Any) -> None:
    """Send to an empty node, as far as there is room, the jobs that cost least there."""
    i = below(p.chance, len(p.room))
    if p.held[i] > 0:
        return
    shuffle(p)
    for k in range(len(p.node)):
        j = p.order[k]
        saved = p.cost[p.node[j], j] + p.rate[p.node[j]] * p.work[p.node[j], j]
        if p.open[i, j] and p.cost[i, j] < saved and p.load[i] + p.work[i, j] <= p.room[i]:
            leave(p, j)
            enter(p, j, i)


@native(_NONE(PLAN))
def _swap_one(p: Any) -> None:
    """Send all jobs of a node to an empty one, the one of a few where they cost least."""
    home = p.node[below(p.chance, len(p.node))]
    least, at = np.inf, -1
    for _ in range(_TRIED):
        i = below(p.chance, len(p.room))
        cost = p.fixed[i]
        for j in range(len(p.node)):
            if p.node[j] == home and p.open[i, j]:
                cost += p.cost[i, j] - p.cost[home, j]
        if p.held[i] == 0 and cost < least:
            least, at = cost, i
    for j in range(len(p.node)):
        if at >= 0 and p.node[j] == home and p.open[at, j]:
            leave(p, j)
            enter(p, j, at)


@native(_NONE(PLAN))
def _switch(p: Any) -> None:
    """Empty a node, fill an empty one, or both at once."""
    which = uniform(p.chance)
    if which < 0.25:
        _empty_one(p)
    elif which < 0.5:
        _fill_one(p)
    else:
        _swap_one(p)


@native(_NONE(PLAN))
def construct(p: Any) -> None:
    """Each job, in random order, where it adds least."""
    shuffle(p)
    clear(p)
    for k in range(len(p.node)):
        enter(p, p.order[k], settling(p, p.order[k], -1))


@native(_NONE(PLAN), makes_arrays=True)
def _begin(p: Any) -> None:
    """A plan to descend from: made anew, or from between two of the elite."""
    size = p.counts[KEPT]
    if size == 0 or (size < ELITE and uniform(p.chance) < _FRESH):
        construct(p)
        return
    p.node[:] = p.elite[below(p.chance, size)]
    weigh_all(p)
    if p.fixed.max() > 0.0 and uniform(p.chance) < _SWITCHED:
        _switch(p)
        return
    _towards(p, below(p.chance, size), 0.2 + 0.6 * uniform(p.chance))
    _kick(p, _KICKED * uniform(p.chance))


@native(_NONE(PLAN, _INT, _INT))
def walk(p: Any, steps: Any, most: Any) -> None:
    """So many descents of at most so many chains; one that did not end is gone on with."""
    for _ in range(steps):
        if p.counts[ENDED]:
            _begin(p)
        p.counts[ENDED] = descend(p, 0.0, most)
        keep(p)
