"""Branch and bound, depth first, for solutions of cost up to a cutoff.

At every node prices ascend a little and pairs are closed (Posta, Ferland and Michelon, 2012). Where
prices leave open whether a node is engaged, that is decided first, as it is in facility location
(Goertz and Klose, 2012); else the pair whose two sides raise the bound most.
"""

from typing import Any

import numpy as np
from numba import types

from placement.methods.assignment.ascending import ascend
from placement.methods.assignment.engaging import open_node, shut, shut_node, undo
from placement.methods.assignment.knapsacks import settle
from placement.methods.assignment.sheets import COST, FOUND, LEVEL, LOOKED, SHEET, TRAIL
from placement.methods.assignment.weighing import sift, weigh
from placement.native import native

_INT, _REAL, _NONE = types.int64, types.float64, types.void
_AGAIN = 0.02
"""A node is sifted once more where so large a part of its pairs was closed."""
_BEYOND = 1e-4
"""How far beyond the cutoff ascents aim, relative."""
_DOUBT = 0.1
"""A node is decided if it was engaged as often lately, and as often not."""


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
def _choose_node(s: Any) -> Any:
    """The node that is engaged as often as it is not, costs considered; -1 where none is."""
    best, chosen = 0.0, -1
    for i in range(len(s.room)):
        doubt = min(s.chosen[i], 1.0 - s.chosen[i])
        if s.idle[i] and doubt >= _DOUBT and doubt * s.fixed[i] > best:
            best, chosen = doubt * s.fixed[i], i
    return chosen


@native(_INT(SHEET))
def _choose(s: Any) -> Any:
    """What to decide: a node to engage or not, what it does as a rule first; or else a pair.

    Pairs have their numbers, then come nodes to engage, then nodes to shut. Both sides of a pair
    raise the bound, together most.
    """
    node = _choose_node(s)
    if node >= 0:
        shutting = s.chosen[node] < 0.5
        return s.open.size + shutting * len(s.room) + node
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


@native(_NONE(SHEET), makes_arrays=True)
def _back(s: Any) -> None:
    """Leave a level: undo it, and have what it decided the other way."""
    level, size = s.cursor[LEVEL], len(s.price)
    undo(s, s.marks[level])
    s.price[:] = s.prices[level]
    s.cursor[LEVEL] = level - 1
    choice, node = s.decided[level], s.decided[level] - s.open.size
    if node < 0:
        shut(s, choice // size, choice % size)
    elif node < len(s.room):
        shut_node(s, node)
    else:
        open_node(s, node - len(s.room))


@native(_NONE(SHEET, _INT), makes_arrays=True)
def _deeper(s: Any, choice: Any) -> None:
    """Enter a level: a node is engaged or shut, or a pair is all that is open to its job."""
    s.cursor[LEVEL] += 1
    level, size = s.cursor[LEVEL], len(s.price)
    s.marks[level] = s.cursor[TRAIL]
    s.decided[level] = choice
    s.prices[level] = s.price
    node = choice - s.open.size
    if node >= len(s.room):
        shut_node(s, node - len(s.room))
    elif node >= 0:
        open_node(s, node)
    else:
        for i in range(len(s.room)):
            if s.open[i, choice % size] and i != choice // size:
                shut(s, i, choice % size)


@native(_NONE(SHEET))
def _record(s: Any) -> None:
    """Note the solution in which every job has one choice."""
    s.value[COST] = settle(s)
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
