"""The walk: ruin, recreate, keep what is accepted; and the construction from what there is."""

from typing import Any

import numpy as np
from numba import types

from placement.methods.recreate.chance import below, uniform
from placement.methods.recreate.changes import loosen, move, tidy, undo
from placement.methods.recreate.ejecting import eject
from placement.methods.recreate.exchanging import exchange
from placement.methods.recreate.pointers import (
    BOOK,
    class_at,
    loose_of,
    model_at,
    node_at,
    reals_of,
    scratch_of,
    spots_of,
    touched_of,
)
from placement.methods.recreate.records import LOG_SIZE, WIDTH, Book
from placement.methods.recreate.recreating import (
    add_candidate,
    add_first,
    check_model,
    gather,
    place_class,
    recreate_model,
)
from placement.methods.recreate.ruining import appraise_all, appraise_changed, clear_node, ruin
from placement.methods.recreate.state import grow
from placement.native import native

_INT, _REAL, _NONE = types.int64, types.float64, types.void
_MODELS, _RANK = 4, 5
FEW_ENTRIES = 4096
_EJECT, _EXCHANGE = 0.35, 0.1
"""How often a step ruins by ejection, and by exchange."""
_SPOTS = 600
"""Nodes where a relaxation has a class that a construction looks at."""
_HOLDERS, _OTHERS = 5, 3
"""Nodes that a step looks at for a model, beside those that it ruined."""


@native(_INT(BOOK, _INT, _INT))
def _list_model(b: Any, size: Any, m: Any) -> Any:
    """Insert a model into the list, heavy ones first, give or take; the new size."""
    model = model_at(b, m)
    if model.stamp == b.stamp:
        return size
    model.stamp = b.stamp
    key = (model.weights_gb + 1.0) * (0.2 + uniform(b))
    at = size
    while at > 0 and reals_of(b)[_RANK, at - 1] < key:
        scratch_of(b)[_MODELS, at] = scratch_of(b)[_MODELS, at - 1]
        reals_of(b)[_RANK, at] = reals_of(b)[_RANK, at - 1]
        at -= 1
    scratch_of(b)[_MODELS, at] = m
    reals_of(b)[_RANK, at] = key
    return size + 1


@native(_INT(BOOK))
def _list_models(b: Any) -> Any:
    """The models with loose classes, those touched that wait, and one or two others that do."""
    b.stamp += 1
    size = 0
    most = WIDTH - 4
    for i in range(b.loosened):
        if size < most:
            size = _list_model(b, size, class_at(b, loose_of(b)[i]).model)
    for i in range(b.marked):
        m = touched_of(b)[i, 1]
        if size < most and model_at(b, m).waiting > 0:
            size = _list_model(b, size, m)
    for _ in range(2):
        c = class_at(b, below(b, b.n_classes))
        if c.left > 0 and not c.frozen:
            size = _list_model(b, size, c.model)
    return size


@native(_NONE(BOOK, _INT))
def _add_spots(b: Any, g: Any) -> None:
    """All nodes where a relaxation has a class, or many, from a random one on."""
    c = class_at(b, g)
    if c.spotted > 0:
        at = below(b, c.spotted)
        for _ in range(min(c.spotted, _SPOTS)):
            add_candidate(b, spots_of(b)[c.spots + at], c.model)
            at = at + 1 if at + 1 < c.spotted else 0


@native(_NONE(BOOK))
def _begin(b: Any) -> None:
    b.logged = b.marked = b.ruined = b.loosened = 0


@native(_NONE(BOOK))
def _match(b: Any) -> None:
    """Have all that is loose verified, once."""
    i = b.loosened - 1
    while i >= 0:
        if i < b.loosened:
            check_model(b, class_at(b, loose_of(b)[i]).model, 2)
        i -= 1


@native(_NONE(BOOK))
def match_all(b: Any) -> None:
    """Have all that is executed verified, or take it back, however it came there."""
    _begin(b)
    for g in range(b.n_classes):
        if class_at(b, g).wanted > 0 and class_at(b, g).first >= 0:
            loosen(b, g)
    _match(b)
    tidy(b)


@native(_NONE(BOOK))
def recreate(b: Any) -> None:
    """Place again what was taken back."""
    size = _list_models(b)
    draw = uniform(b)
    thrift = 0.0 if draw < 0.4 else uniform(b)
    b.sunk = 0.0 if uniform(b) < 0.6 else uniform(b)
    noise = 0.0 if uniform(b) < 0.3 else 0.2 * uniform(b)
    for i in range(size):
        m = scratch_of(b)[_MODELS, i]
        gather(b, m, _HOLDERS, _OTHERS)
        recreate_model(b, m, thrift, noise)
    _match(b)
    tidy(b)


@native(_INT(BOOK, _INT, _REAL, _REAL))
def walk(b: Any, iterations: Any, hot: Any, cold: Any) -> Any:
    """So many steps, worse ones accepted up to a temperature [$] that falls; how many were done."""
    appraise_all(b)
    for i in range(iterations):
        if b.unused < FEW_ENTRIES:
            return i
        _begin(b)
        before = b.cost
        draw = uniform(b)
        if draw < _EJECT:
            eject(b)
        elif draw < _EJECT + _EXCHANGE:
            exchange(b)
        else:
            ruin(b)
        recreate(b)
        heat = hot + (cold - hot) * i / iterations
        worse = b.cost - before
        allowed = -heat * np.log(uniform(b) + 1e-300)
        if (worse > allowed or b.loosened) and 2 * b.logged <= LOG_SIZE:
            undo(b)
            b.cost = before
        else:
            appraise_changed(b)
    return iterations


def make_room(book: Book) -> None:
    """Let a book grow where it is nearly full."""
    if book.unused < 2 * FEW_ENTRIES:
        grow(book, max(len(book.entries), 2 * FEW_ENTRIES))


def steps(book: Book, iterations: int, hot: float, cold: float) -> None:
    """So many steps, whatever room they need."""
    done = 0
    while done < iterations:
        begun = hot + (cold - hot) * done / iterations
        done += walk(book.native, iterations - done, begun, cold)
        make_room(book)


@native(_INT(BOOK, types.Array(types.int64, 1, "C"), _INT, _INT, _INT))
def construct(b: Any, order: Any, holders: Any, others: Any, first: Any) -> Any:
    """Place waiting classes in the given order, each with others of its model; how far it came."""
    for i in range(len(order)):
        if b.unused < FEW_ENTRIES:
            return i
        g = order[i]
        c = class_at(b, g)
        if c.left > 0 and not c.frozen:
            _begin(b)
            b.sunk = 0.0
            gather(b, c.model, holders, others)
            add_first(b, c.model, first)
            _add_spots(b, g)
            if c.wanted > 0:
                place_class(b, g)
            else:
                move(b, g, model_at(b, c.model).waiting - 1)
                recreate_model(b, c.model, 0.0, 0.0)
            tidy(b)
    return len(order)


@native(_NONE(BOOK))
def close(b: Any) -> None:
    """Clear each node that is worth less than it costs."""
    for n in range(b.n_nodes):
        if node_at(b, n).held > 0:
            _begin(b)
            before = b.cost
            clear_node(b, n)
            recreate(b)
            if b.cost > before and 2 * b.logged <= LOG_SIZE:
                undo(b)
                b.cost = before
