"""Ruin by ejection: what moves finds its model there already, and time that others give up."""

from typing import Any

import numpy as np
from numba import types

from placement.methods.recreate.chance import below, uniform
from placement.methods.recreate.changes import find, take_back
from placement.methods.recreate.filling import able
from placement.methods.recreate.pointers import (
    BOOK,
    checks_of,
    class_at,
    entry_at,
    holders_of,
    holding_at,
    homes_of,
    known_of,
    model_at,
    node_at,
    runs_of,
    slots_of,
    table_of,
)
from placement.methods.recreate.records import FLAGS
from placement.methods.recreate.ruining import (
    asked,
    clear_holding,
    draw_engaged,
    draw_model,
    list_node,
    worst_entry,
)
from placement.native import native

_INT, _REAL, _NONE = types.int64, types.float64, types.void
_SEEN = 6
"""Holders and homes that are looked at."""
_HOME = 0.2
"""How often a node is chosen that has the model loaded or stored and does not use it."""
_EJECTED = 24
"""The most entries that make room for another."""


@native(_INT(BOOK, _INT, _INT))
def _draw_home(b: Any, m: Any, avoided: Any) -> Any:
    """A node that has m loaded or stored and does not use all of it, -1 for none found."""
    model = model_at(b, m)
    for _ in range(4 if model.homed else 0):
        n = homes_of(b)[model.homes + below(b, model.homed)]
        h = find(b, n, m)
        z = holding_at(b, h).z if h >= 0 else 0
        if n != avoided and z < max(1, known_of(b)[n, m] // FLAGS):
            return n
    return -1


@native(_INT(BOOK, _INT, _INT))
def _better_holder(b: Any, g: Any, avoided: Any) -> Any:
    """Of some nodes that hold the model of g and can run g the cheapest, -1 for none."""
    model = model_at(b, class_at(b, g).model)
    best, least = -1, np.inf
    for _ in range(_SEEN if model.held else 0):
        n = holders_of(b)[model.holders + below(b, model.held)]
        if n != avoided and able(runs_of(b), g, node_at(b, n).kind):
            cost = asked(b, g, n)
            if cost < least:
                best, least = n, cost
    return best


@native(_INT(BOOK, _INT, _INT))
def _draw_entry(b: Any, n: Any, spared: Any) -> Any:
    """An entry of n that is not of class `spared`, -1 for none found."""
    for _ in range(4):
        slot = below(b, b.places)
        m = slots_of(b)[n, slot]
        if m >= 0:
            e = holding_at(b, n * b.places + slot).first
            for _ in range(below(b, 4)):
                if e >= 0 and entry_at(b, e).next >= 0:
                    e = entry_at(b, e).next
            if e >= 0 and entry_at(b, e).g != spared:
                return e
    return -1


@native(_NONE(BOOK, _INT, _INT, _REAL))
def make_room(b: Any, n: Any, spared: Any, needed: Any) -> None:
    """Take back requests of other classes on n until so many seconds are free."""
    for _ in range(_EJECTED):
        missing = needed - node_at(b, n).free_s
        if missing <= 0:
            return
        e = _draw_entry(b, n, spared)
        if e < 0:
            return
        entry = entry_at(b, e)
        work = table_of(b)[entry.g, node_at(b, n).type + entry.kind * b.types]
        take_back(b, e, np.int64(missing / max(work, 1e-12)) + 1)


@native(_INT(BOOK, _INT, _INT))
def _draw_target(b: Any, g: Any, n: Any) -> Any:
    """Where g should move from n: to a node that holds its model or could have it for little."""
    if uniform(b) < _HOME:
        home = _draw_home(b, class_at(b, g).model, n)
        if home >= 0:
            return home
    return _better_holder(b, g, n)


@native(_NONE(BOOK, _INT, _INT, _REAL))
def _make_room_to_verify(b: Any, g: Any, avoided: Any, requests: Any) -> None:
    """Make room for re-executions of g on a node that holds its model."""
    model = model_at(b, class_at(b, g).model)
    if model.held == 0:
        return
    n = holders_of(b)[model.holders + below(b, model.held)]
    if n != avoided and able(checks_of(b), g, node_at(b, n).kind):
        list_node(b, n)
        make_room(b, n, g, requests * table_of(b)[g, node_at(b, n).type + b.types])


@native(_NONE(BOOK))
def eject(b: Any) -> None:
    """Take an entry or a model off a node, and make room for it where its model is."""
    n = draw_engaged(b)
    m = draw_model(b, n) if n >= 0 else -1
    if m < 0:
        return
    whole = uniform(b) < 0.5
    e = holding_at(b, find(b, n, m)).first if whole else worst_entry(b, n)
    if e < 0:
        return
    g, h, count = entry_at(b, e).g, entry_at(b, e).holding, entry_at(b, e).count
    other = _draw_target(b, g, n)
    if other < 0:
        return
    pace = max(table_of(b)[g, node_at(b, n).type], 1e-12)
    requests = holding_at(b, h).work_s / pace if whole else 1.0 * count
    list_node(b, n)
    list_node(b, other)
    if whole:
        clear_holding(b, h)
    else:
        take_back(b, e, count)
    make_room(b, other, g, requests * table_of(b)[g, node_at(b, other).type])
    if class_at(b, g).wanted > 0:
        _make_room_to_verify(b, g, other, requests)
