"""Ejection chains: a job leaves its node, others move up one after the other, it settles last.

A chain of one is a shift, one of two a swap (Yagiura, Ibaraki and Glover, 2004). Plans may overload
nodes at a fine.
"""

from typing import Any

import numpy as np
from numba import types

from placement.methods.assignment.plans import CHAINS, LONGEST, NOW, PLAN
from placement.native import native

_INT, _REAL, _NONE = types.int64, types.float64, types.void
_LEAST = 1e-7
"""Gains smaller than this are noise."""
_WORD = types.Array(types.uint64, 1, "C")
_A, _B, _C, _D = np.uint64(12), np.uint64(25), np.uint64(27), np.uint64(11)
_MULTIPLIER = np.uint64(2685821657736338717)


@native(_REAL(_WORD))
def uniform(chance: Any) -> Any:
    """A number in [0, 1), by xorshift64*."""
    x = chance[0]
    x ^= x >> _A
    x ^= x << _B
    x ^= x >> _C
    chance[0] = x
    return np.float64((x * _MULTIPLIER) >> _D) / 9007199254740992.0


@native(_INT(_WORD, _INT))
def below(chance: Any, n: Any) -> Any:
    """A whole number in 0 .. n-1."""
    return min(np.int64(uniform(chance) * n), n - 1)


@native(_NONE(PLAN))
def shuffle(p: Any) -> None:
    """A new random order of the jobs."""
    for k in range(len(p.order) - 1, 0, -1):
        other = below(p.chance, k + 1)
        p.order[k], p.order[other] = p.order[other], p.order[k]


@native(_REAL(PLAN, _INT))
def fined(p: Any, i: Any) -> Any:
    """The fine of a node now."""
    return p.fine[i] * max(0.0, p.load[i] - p.room[i])


@native(_REAL(PLAN, _INT, _INT))
def enter(p: Any, j: Any, i: Any) -> Any:
    """Put a job on a node; what that adds, fines included."""
    before = fined(p, i)
    cost = p.cost[i, j] + (p.fixed[i] if p.held[i] == 0 else 0.0)
    p.load[i] += p.work[i, j]
    p.held[i] += 1
    p.node[j] = i
    p.value[NOW] += cost
    return cost + fined(p, i) - before


@native(_REAL(PLAN, _INT))
def leave(p: Any, j: Any) -> Any:
    """Take a job off its node; what that adds, as a rule less than nothing."""
    i = p.node[j]
    before = fined(p, i)
    p.load[i] -= p.work[i, j]
    p.held[i] -= 1
    cost = p.cost[i, j] + (p.fixed[i] if p.held[i] == 0 else 0.0)
    p.value[NOW] -= cost
    return fined(p, i) - before - cost


@native(_REAL(PLAN, _INT, _INT))
def adding(p: Any, j: Any, i: Any) -> Any:
    """What a job would add on a node that it is not on, fines included."""
    free = p.room[i] - p.load[i]
    cost = p.cost[i, j] + (p.fixed[i] if p.held[i] == 0 else 0.0)
    return cost + p.fine[i] * (max(0.0, p.work[i, j] - free) - max(0.0, -free))


@native(_INT(PLAN, _INT, _INT))
def settling(p: Any, j: Any, but: Any) -> Any:
    """The node, all but one, on which a job adds least; -1 where it has no other."""
    least, at = np.inf, -1
    for i in range(len(p.room)):
        if p.open[i, j] and i != but:
            added = adding(p, j, i)
            if added < least:
                least, at = added, i
    return at


@native(_INT(PLAN, _INT, _REAL))
def _successor(p: Any, hole: Any, noise: Any) -> Any:
    """The job that had best move up to a node with room, -1 where none may."""
    stamp = p.counts[CHAINS]
    free = p.room[hole] - p.load[hole]
    fine_hole = p.fine[hole] * max(0.0, -free)
    best, chosen = np.inf, -1
    for j in range(len(p.node)):
        i = p.node[j]
        if i == hole or not p.open[hole, j] or p.moved[j] == stamp:
            continue
        work, own = p.work[hole, j], p.work[i, j]
        over = p.load[i] - p.room[i]
        relief = p.fine[i] * (max(0.0, over) - max(0.0, over - own)) if over > 0 else 0.0
        relief += p.fixed[i] if p.held[i] == 1 else 0.0
        score = (
            p.cost[hole, j] - p.cost[i, j] + p.rate[hole] * work - p.rate[i] * own
            + p.fine[hole] * max(0.0, work - free) - fine_hole - relief
        )  # fmt: skip
        if noise > 0:
            score += noise * uniform(p.chance)
        if score < best:
            best, chosen = score, j
    return chosen


@native(_REAL(PLAN, _INT, _REAL))
def eject(p: Any, job: Any, noise: Any) -> Any:
    """Try the chain that begins with a job, keep its best part if that gains; the gain."""
    p.counts[CHAINS] += 1
    stamp, home = p.counts[CHAINS], p.node[job]
    total = leave(p, job)
    p.moved[job] = stamp
    best, length, target, hole, size = -_LEAST, -1, -1, home, 0
    while True:
        at = settling(p, job, home if size == 0 else -1)
        if at >= 0 and total + adding(p, job, at) < best:
            best, length, target = total + adding(p, job, at), size, at
        if size == LONGEST:
            break
        j = _successor(p, hole, noise)
        if j < 0:
            break
        p.moved[j] = stamp
        p.chain[size], p.origin[size] = j, p.node[j]
        total += leave(p, j) + enter(p, j, hole)
        hole = p.origin[size]
        size += 1
    while size > max(length, 0):
        size -= 1
        leave(p, p.chain[size])
        enter(p, p.chain[size], p.origin[size])
    p.node[job] = home
    enter(p, job, home if length < 0 else target)
    return -best if length >= 0 else 0.0


@native(types.boolean(PLAN, _REAL, _INT))
def descend(p: Any, noise: Any, most: Any) -> Any:
    """Chains from every job until none gains, or there were so many; whether none gains."""
    failed, k, size = 0, 0, len(p.node)
    shuffle(p)
    for _ in range(most):
        if failed == size:
            return True
        if eject(p, p.order[k], noise) > 0:
            failed = 0
        else:
            failed += 1
        k = (k + 1) % size
    return failed == size
