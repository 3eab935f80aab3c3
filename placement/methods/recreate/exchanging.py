"""Ruin by exchange: two nodes that are alike take over what the other does.

One of them may be idle. Where nodes differ only in what they cost, how fast they load and what they
have loaded, this is a move that clearing and filling again would have to find piece by piece.
"""

from typing import Any

import numpy as np
from numba import types

from placement.methods.recreate.chance import below, uniform
from placement.methods.recreate.changes import find, put, resize
from placement.methods.recreate.filling import able, most_more, opening_cost, room_with
from placement.methods.recreate.pointers import (
    BOOK,
    groups_of,
    holding_at,
    holds_of,
    known_of,
    log_of,
    model_at,
    node_at,
    runs_of,
    slots_of,
    table_of,
    twins_of,
)
from placement.methods.recreate.records import FLAGS, LOG_SIZE, PUT, RESIZE
from placement.methods.recreate.ruining import clear_node, draw_engaged, draw_idle
from placement.methods.recreate.weights import pays_own, transfer_cost
from placement.native import native

_INT, _REAL, _NONE = types.int64, types.float64, types.void
_SLACK = 1e-9
_SEEN = 24
"""Nodes like one of them that are looked at."""
_OVER = 2.0
"""Time that a node does not have is charged so many times more."""


@native(_REAL(BOOK, _INT, _INT))
def _cost_on(b: Any, n: Any, other: Any) -> Any:
    """$ about of what `other` does, done on n at the guide's prices; latency aside."""
    node = node_at(b, n)
    busy = cost = 0.0
    for slot in range(b.places):
        m = slots_of(b)[other, slot]
        if m >= 0:
            hold, model = holding_at(b, other * b.places + slot), model_at(b, m)
            new = max(0, hold.z - known_of(b)[n, m] // FLAGS)
            busy += hold.work_s + model.span * model.weights_gb / node.gb_per_s * new
            cost += transfer_cost(b, n, m, new, pays_own(b, n, m, new, 0))
    if busy > 0:
        over = max(0.0, busy - node.capacity_s)
        cost += (node.rate + node.level) * (busy + _OVER * over)
        cost += node.engagement - node.level * node.capacity_s
    return cost


@native(_INT(BOOK, _INT))
def _best_twin(b: Any, n: Any) -> Any:
    """Of some nodes like n the one with which it had best exchange all; -1 where none gains."""
    best, most = -1, 0.0
    node = node_at(b, n)
    here = _cost_on(b, n, n)
    for _ in range(min(_SEEN, node.alike)):
        other = twins_of(b)[node.twins + below(b, node.alike)]
        if other != n:
            gain = here + _cost_on(b, other, other) - _cost_on(b, other, n) - _cost_on(b, n, other)
            if gain > most:
                best, most = other, gain
    return best


@native(_NONE(BOOK, _INT, _INT, _INT))
def _take_over(b: Any, mark: Any, giver: Any, taker: Any) -> None:
    """Have a node execute what another did, as the first rows of the log say, as far as it can."""
    kind, group = node_at(b, taker).kind, node_at(b, taker).group
    for i in range(mark):
        m, z = log_of(b)[i, 2], log_of(b)[i, 3]
        if log_of(b)[i, 0] == RESIZE and log_of(b)[i, 1] == giver and holds_of(b)[m, kind]:
            h = find(b, taker, m)
            held = holding_at(b, h).z if h >= 0 else 0
            z = min(z, most_more(b, taker, m, held))
            if z > 0 and np.isfinite(opening_cost(b, taker, m, h, z)):
                resize(b, taker, m, held + z)
    for i in range(mark):
        m, g, again = log_of(b)[i, 2], log_of(b)[i, 3] // 2, log_of(b)[i, 3] % 2
        if log_of(b)[i, 0] != PUT or log_of(b)[i, 1] != giver or again:
            continue
        h = find(b, taker, m)
        if h >= 0 and able(runs_of(b), g, kind) and b.unused > 0:
            work = max(table_of(b)[g, node_at(b, taker).type], 1e-12)
            room = max(room_with(b, taker, m, h, 0), 0.0) / work + _SLACK
            count = np.int64(min(room, np.float64(-log_of(b)[i, 4])))
            count = min(count, groups_of(b)[group])
            if count > 0:
                put(b, h, g, 0, count)


@native(_NONE(BOOK))
def exchange(b: Any) -> None:
    """Let two nodes take over what the other executes; verifications are left to be done anew."""
    n = draw_idle(b) if uniform(b) < 0.5 else draw_engaged(b)
    other = _best_twin(b, n) if n >= 0 else -1
    if other < 0:
        return
    clear_node(b, n)
    clear_node(b, other)
    mark = min(b.logged, LOG_SIZE)
    _take_over(b, mark, n, other)
    _take_over(b, mark, other, n)
