"""Ruin: a few related nodes are cleared, or replicas of a model, or classes of it."""

from typing import Any

import numpy as np
from numba import types

from placement.methods.recreate.chance import below, uniform
from placement.methods.recreate.changes import put, set_replicas, strip, touch
from placement.methods.recreate.filling import able
from placement.methods.recreate.pointers import (
    BOOK,
    class_at,
    crowd_of,
    entry_at,
    holders_of,
    holding_at,
    model_at,
    node_at,
    queue_of,
    roster_of,
    runs_of,
    scratch_of,
    slots_of,
)
from placement.native import native

_INT, _NONE = types.int64, types.void
_RUINED = 0
_MANY = 4000
"""Changes after which nothing more is ruined."""


@native(_NONE(BOOK, _INT))
def _list_node(b: Any, n: Any) -> None:
    for i in range(b.ruined):
        if scratch_of(b)[_RUINED, i] == n:
            return
    scratch_of(b)[_RUINED, b.ruined] = n
    b.ruined += 1


@native(_NONE(BOOK, _INT))
def clear_holding(b: Any, h: Any) -> None:
    """Take back all that a holding executes and verifies, and its replicas."""
    n, m = holding_at(b, h).node, holding_at(b, h).model
    touch(b, n, m)
    while holding_at(b, h).first >= 0:
        entry = entry_at(b, holding_at(b, h).first)
        if class_at(b, entry.g).wanted > 0:
            strip(b, entry.g)
        else:
            put(b, h, entry.g, entry.kind, -entry.count)
    fixed = holding_at(b, h).fixed
    if fixed < holding_at(b, h).z:
        set_replicas(b, n, m, fixed, holding_at(b, h).own if fixed > holding_at(b, h).loaded else 0)


@native(_NONE(BOOK, _INT))
def clear_node(b: Any, n: Any) -> None:
    """Take back all that a node does."""
    _list_node(b, n)
    for slot in range(b.places):
        if slots_of(b)[n, slot] >= 0:
            clear_holding(b, n * b.places + slot)


@native(_INT(BOOK))
def _draw_engaged(b: Any) -> Any:
    """An engaged node, the more wasteful of two more often."""
    best = -1
    for _ in range(24):
        n = below(b, b.n_nodes)
        if node_at(b, n).held > 0:
            if best < 0:
                best = n
                if uniform(b) < 0.5:
                    return n
            else:
                first = node_at(b, best).free_s / node_at(b, best).capacity_s
                second = node_at(b, n).free_s / node_at(b, n).capacity_s
                return n if second > first else best
    return best


@native(_INT(BOOK, _INT))
def draw_model(b: Any, n: Any) -> Any:
    """A model that n holds, -1 for none."""
    slots = b.places
    at = below(b, slots)
    for _ in range(slots):
        if slots_of(b)[n, at] >= 0:
            return slots_of(b)[n, at]
        at = at + 1 if at + 1 < slots else 0
    return -1


@native(_NONE(BOOK))
def _ruin_nodes(b: Any) -> None:
    """Clear one to three nodes, related by the models they hold."""
    seed = _draw_engaged(b)
    if seed < 0:
        return
    number = 1 + below(b, 3)
    for _ in range(number):
        m = draw_model(b, seed)
        clear_node(b, seed)
        if m < 0 or model_at(b, m).held == 0 or b.logged > _MANY:
            return
        seed = holders_of(b)[model_at(b, m).holders + below(b, model_at(b, m).held)]


@native(_NONE(BOOK))
def _ruin_model(b: Any) -> None:
    """Clear a model on one to four of the nodes that hold it."""
    seed = _draw_engaged(b)
    if seed < 0:
        return
    m = draw_model(b, seed)
    for _ in range(1 + below(b, 4)):
        if m < 0 or model_at(b, m).held == 0 or b.logged > _MANY:
            return
        n = holders_of(b)[model_at(b, m).holders + below(b, model_at(b, m).held)]
        _list_node(b, n)
        for slot in range(b.places):
            if slots_of(b)[n, slot] == m:
                clear_holding(b, n * b.places + slot)


@native(_NONE(BOOK))
def _ruin_classes(b: Any) -> None:
    """Take back one to four classes of a model everywhere."""
    g = below(b, b.n_classes)
    if class_at(b, g).frozen:
        return
    model = model_at(b, class_at(b, g).model)
    for _ in range(1 + below(b, 4)):
        touch(b, 0, class_at(b, g).model)
        strip(b, g)
        if b.logged > _MANY:
            return
        g = queue_of(b)[model.first + below(b, model.size)]


@native(_NONE(BOOK))
def _ruin_for_waiting(b: Any) -> None:
    """Clear one or two nodes that could run a class that waits."""
    g = crowd_of(b)[below(b, b.crowded)]
    m = class_at(b, g).model
    touch(b, 0, m)
    cleared = 0
    for _ in range(24):
        draw = uniform(b)
        n = roster_of(b)[model_at(b, m).roster + np.int64(model_at(b, m).listed * draw)]
        if able(runs_of(b), g, node_at(b, n).kind):
            clear_node(b, n)
            cleared += 1
            if cleared == 2 or uniform(b) < 0.6:
                return


@native(_NONE(BOOK))
def ruin(b: Any) -> None:
    """Take something back."""
    draw = uniform(b)
    if b.crowded and uniform(b) < 0.25:
        _ruin_for_waiting(b)
    elif draw < 0.65:
        _ruin_nodes(b)
    elif draw < 0.85:
        _ruin_model(b)
    else:
        _ruin_classes(b)
