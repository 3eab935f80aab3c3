"""Branch and bound, depth first, for solutions of cost up to a cutoff.

At every node prices ascend a little and pairs are closed (Posta, Ferland and Michelon, 2012); the
pair whose two sides raise the bound most is decided.
"""

from typing import Any

import numpy as np
from numba import types

from placement.methods.assignment.ascending import ascend
from placement.methods.assignment.knapsacks import settle, shut, sift, weigh
from placement.methods.assignment.sheets import FOUND, LEVEL, LOOKED, SHEET, TRAIL
from placement.native import native

_INT, _REAL, _NONE = types.int64, types.float64, types.void
_AGAIN = 0.02
"""A node is sifted once more where so large a part of its pairs was closed."""
_BEYOND = 1e-4
"""How far beyond the cutoff ascents aim, relative."""


@native(_INT(SHEET))
def _free(s: Any) -> Any:
    """How many pairs are open to jobs with a choice."""
    total = 0
    for j in range(len(s.price)):
        if s.choices[j] > 1:
            total += s.choices[j]
    return total


@native(_INT(SHEET, _REAL, _INT))
def tighten(s: Any, cutoff: Any, steps: Any) -> Any:
    """Ascend and close pairs while that helps; -1: nothing here, 0: all decided, 1: open."""
    goal = cutoff + _BEYOND * abs(cutoff)
    while True:
        bound = ascend(s, steps, goal, cutoff, 0.6, 3)
        if bound > cutoff:
            return -1
        if weigh(s) > cutoff:
            return -1
        left = _free(s)
        closed = sift(s, bound, cutoff)
        if settle(s) > cutoff:
            return -1
        if _free(s) == 0:
            return 0
        if closed < _AGAIN * left:
            return 1


@native(_INT(SHEET))
def _choose(s: Any) -> Any:
    """The pair to decide: both sides raise the bound, together most."""
    best, chosen = -1.0, -1
    for j in range(len(s.price)):
        if s.choices[j] <= 1:
            continue
        least, second, at = np.inf, np.inf, -1
        for i in range(len(s.room)):
            if s.open[i, j]:
                if s.extra[i, j] < least:
                    second, least, at = least, s.extra[i, j], i
                else:
                    second = min(second, s.extra[i, j])
        score = s.whim[j] * (least + 1e-2) * (second + 1e-2)
        if score > best:
            best, chosen = score, at * len(s.price) + j
    return chosen


@native(_NONE(SHEET))
def _back(s: Any) -> None:
    """Leave a level: open what it closed, and close the pair that it decided."""
    level = s.cursor[LEVEL]
    size = len(s.price)
    while s.cursor[TRAIL] > s.marks[level]:
        s.cursor[TRAIL] -= 1
        pair = s.trail[s.cursor[TRAIL]]
        s.open[pair // size, pair % size] = 1
        s.choices[pair % size] += 1
    s.price[:] = s.prices[level]
    s.cursor[LEVEL] = level - 1
    pair = s.decided[level]
    shut(s, pair // size, pair % size)


@native(_NONE(SHEET, _INT))
def _deeper(s: Any, pair: Any) -> None:
    """Enter a level: the pair is all that is open to its job."""
    s.cursor[LEVEL] += 1
    level, size = s.cursor[LEVEL], len(s.price)
    s.marks[level] = s.cursor[TRAIL]
    s.decided[level] = pair
    s.prices[level] = s.price
    j = pair % size
    for i in range(len(s.room)):
        if s.open[i, j] and i != pair // size:
            shut(s, i, j)


@native(_NONE(SHEET))
def _record(s: Any) -> None:
    """Note the solution in which every job has one choice."""
    s.value[0] = settle(s)
    for j in range(len(s.price)):
        for i in range(len(s.room)):
            if s.open[i, j]:
                s.answer[j] = i
    s.cursor[FOUND] = 1


@native(_INT(SHEET, _REAL, _INT, _INT))
def explore(s: Any, cutoff: Any, most: Any, steps: Any) -> Any:
    """Look at up to so many nodes; 1: there is no more to look at, 0: there is.

    Ends early where a solution is found; it is left behind, so that going on finds others.
    """
    s.cursor[FOUND] = 0
    for _ in range(most):
        s.cursor[LOOKED] += 1
        state = tighten(s, cutoff, steps)
        if state == 1:
            _deeper(s, _choose(s))
            continue
        if state == 0:
            _record(s)
        if s.cursor[LEVEL] == 0:
            return 1
        _back(s)
        if s.cursor[FOUND]:
            return 0
    return 0
