"""Ruin: a few related nodes are cleared, or replicas of a model, or classes of it."""

from typing import Any

import numpy as np
from numba import types

from placement.methods.recreate.chance import below, uniform
from placement.methods.recreate.changes import find, set_replicas, strip, take_back, touch
from placement.methods.recreate.filling import able
from placement.methods.recreate.pointers import (
    BOOK,
    class_at,
    crowd_of,
    entry_at,
    holders_of,
    holding_at,
    log_of,
    losses_of,
    model_at,
    node_at,
    queue_of,
    roster_of,
    runs_of,
    scratch_of,
    slots_of,
    table_of,
)
from placement.methods.recreate.records import IDLE, LOG_SIZE
from placement.native import native

_INT, _REAL, _NONE = types.int64, types.float64, types.void
_RUINED = 0
_INVITED = 0.5
"""How often an idle node is looked at by all models."""
_MISPLACED = 0.15
_SEEN = 10
"""Nodes that are looked at for a class that should run elsewhere."""
_ENTRANTS, _PART = 100, 0.1
"""Of up to so many engaged nodes, and of no more than this part of all nodes, the one that loses
most is ruined."""
_HOLDERS, _IDLE = 6, 20
"""The same for nodes that hold a model, and the one that would earn most for idle nodes."""
_TRIES = 200
"""Nodes drawn, at most, until there are so many."""
_MANY = 4000
"""Changes after which nothing more is ruined."""


@native(_NONE(BOOK, _INT))
def list_node(b: Any, n: Any) -> None:
    """Have all models that were ruined look at a node."""
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
        e = holding_at(b, h).first
        take_back(b, e, entry_at(b, e).count)
    fixed = holding_at(b, h).fixed
    if fixed < holding_at(b, h).z:
        set_replicas(b, n, m, fixed, holding_at(b, h).own if fixed > holding_at(b, h).loaded else 0)


@native(_NONE(BOOK, _INT, _INT))
def clear_model(b: Any, n: Any, m: Any) -> None:
    """Take back all that a node does with a model that it holds."""
    list_node(b, n)
    clear_holding(b, find(b, n, m))


@native(_NONE(BOOK, _INT))
def clear_node(b: Any, n: Any) -> None:
    """Take back all that a node does."""
    list_node(b, n)
    for slot in range(b.places):
        if slots_of(b)[n, slot] >= 0:
            clear_holding(b, n * b.places + slot)


@native(_REAL(BOOK, _INT))
def _holding_loss(b: Any, h: Any) -> Any:
    """$ that a holding costs beyond what its requests are worth, its time at the guide's prices."""
    hold = holding_at(b, h)
    node = node_at(b, hold.node)
    asked = node.rate + node.level
    loss = hold.transfer + asked * hold.load_s * max(0, hold.z - hold.loaded)
    e = hold.first
    while e >= 0:
        entry = entry_at(b, e)
        if entry.kind == 0:
            c = class_at(b, entry.g)
            cost = asked * table_of(b)[entry.g, node.type] + c.light + c.extra - c.value
            loss += entry.count * (cost + table_of(b)[entry.g, 2 * b.types + node.region])
        e = entry.next
    return loss


@native(_REAL(BOOK, _INT))
def _loss(b: Any, n: Any) -> Any:
    """$ that a node loses at the prices of the guide, if it is engaged."""
    node = node_at(b, n)
    if node.held == 0:
        return IDLE
    loss = max(node.waste, 0.0) + node.level * node.free_s
    for slot in range(b.places):
        if slots_of(b)[n, slot] >= 0:
            loss += _holding_loss(b, n * b.places + slot)
    return loss


@native(_NONE(BOOK))
def appraise_all(b: Any) -> None:
    """Note what every node loses."""
    for n in range(b.n_nodes):
        losses_of(b)[n] = _loss(b, n)


@native(_NONE(BOOK))
def appraise_changed(b: Any) -> None:
    """Note what nodes lose that the log says were changed."""
    b.stamp += 1
    for i in range(min(b.logged, LOG_SIZE)):
        n = log_of(b)[i, 1]
        node = node_at(b, n)
        if node.stamp != b.stamp:
            node.stamp = b.stamp
            losses_of(b)[n] = _loss(b, n)


@native(_INT(BOOK))
def draw_engaged(b: Any) -> Any:
    """An engaged node; of some the one that loses most."""
    best, most = -1, -np.inf
    wanted = 1 + below(b, min(_ENTRANTS, 1 + np.int64(_PART * b.n_nodes)))
    for _ in range(_TRIES):
        n = below(b, b.n_nodes)
        loss = losses_of(b)[n]
        if loss > IDLE:
            if loss > most:
                best, most = n, loss
            wanted -= 1
            if wanted == 0:
                break
    return best


@native(_INT(BOOK))
def draw_idle(b: Any) -> Any:
    """An idle node, of some the one that would earn most; -1 for none found."""
    best, least = -1, np.inf
    wanted = 1 + below(b, _IDLE)
    for _ in range(_TRIES):
        n = below(b, b.n_nodes)
        if losses_of(b)[n] == IDLE and node_at(b, n).free_s > 0:
            if node_at(b, n).waste < least:
                best, least = n, node_at(b, n).waste
            wanted -= 1
            if wanted == 0:
                break
    return best


@native(_NONE(BOOK))
def _invite_idle(b: Any) -> None:
    """Have all models look at an idle node."""
    n = draw_idle(b)
    if n >= 0:
        list_node(b, n)


@native(_INT(BOOK, _INT))
def draw_model(b: Any, n: Any) -> Any:
    """A model that n holds, those that lose more there more often; -1 for none."""
    worst, most = -1, -np.inf
    plain = uniform(b) < 0.3
    for slot in range(b.places):
        if slots_of(b)[n, slot] >= 0:
            loss = 1.0 if plain else _holding_loss(b, n * b.places + slot)
            loss *= uniform(b)
            if loss > most:
                worst, most = slots_of(b)[n, slot], loss
    return worst


@native(_INT(BOOK, _INT))
def _draw_holder(b: Any, m: Any) -> Any:
    """A node that holds m; of some the one that loses most."""
    model = model_at(b, m)
    best, most = -1, -np.inf
    for _ in range(1 + below(b, _HOLDERS)):
        n = holders_of(b)[model.holders + below(b, model.held)]
        if losses_of(b)[n] > most:
            best, most = n, losses_of(b)[n]
    return best


@native(_NONE(BOOK))
def _ruin_nodes(b: Any) -> None:
    """Clear one to three nodes, or a model on them, related by the models they hold."""
    seed = draw_engaged(b)
    if seed < 0:
        return
    number = 1 + below(b, 3)
    for _ in range(number):
        m = draw_model(b, seed)
        if m < 0 or uniform(b) < 0.5:
            clear_node(b, seed)
        else:
            clear_model(b, seed, m)
        if m < 0 or model_at(b, m).held == 0 or b.logged > _MANY:
            return
        seed = _draw_holder(b, m)


@native(_REAL(BOOK, _INT, _INT))
def asked(b: Any, g: Any, n: Any) -> Any:
    """$ of one request of g on n, its time at the guide's prices."""
    node, c = node_at(b, n), class_at(b, g)
    work = table_of(b)[g, node.type]
    return (node.rate + node.level) * work + table_of(b)[g, 2 * b.types + node.region] + c.light


@native(_INT(BOOK, _INT))
def worst_entry(b: Any, n: Any) -> Any:
    """The entry of n that loses most at the guide's prices, each seen through a whim."""
    worst, most = -1, 0.0
    for slot in range(b.places):
        if slots_of(b)[n, slot] < 0:
            continue
        e = holding_at(b, n * b.places + slot).first
        while e >= 0:
            entry = entry_at(b, e)
            c = class_at(b, entry.g)
            if entry.kind == 0:
                loss = entry.count * (asked(b, entry.g, n) + c.extra - c.value) * uniform(b)
                if worst < 0 or loss > most:
                    worst, most = e, loss
            e = entry.next
    return worst


@native(_INT(BOOK, _INT, _INT))
def _better_node(b: Any, g: Any, avoided: Any) -> Any:
    """Of some nodes that can run g the cheapest at the guide's prices, -1 for none."""
    model = model_at(b, class_at(b, g).model)
    best, least = -1, np.inf
    if model.listed == 0:
        return best
    for _ in range(_SEEN):
        draw = uniform(b)
        n = roster_of(b)[model.roster + np.int64(model.listed * draw * draw)]
        if n != avoided and able(runs_of(b), g, node_at(b, n).kind):
            cost = asked(b, g, n)
            if cost < least:
                best, least = n, cost
    return best


@native(_NONE(BOOK))
def _ruin_misplaced(b: Any) -> None:
    """Clear a node, or a model on it, that runs what should run elsewhere, and a node there."""
    n = draw_engaged(b)
    if n < 0:
        return
    e = worst_entry(b, n)
    if e < 0:
        return
    g = entry_at(b, e).g
    other = _better_node(b, g, n)
    if uniform(b) < 0.5:
        clear_node(b, n)
    else:
        clear_model(b, n, class_at(b, g).model)
    if other >= 0:
        clear_node(b, other)


@native(_NONE(BOOK))
def _ruin_model(b: Any) -> None:
    """Clear a model on one to four of the nodes that hold it."""
    seed = draw_engaged(b)
    if seed < 0:
        return
    m = draw_model(b, seed)
    for _ in range(1 + below(b, 4)):
        if m < 0 or model_at(b, m).held == 0 or b.logged > _MANY:
            return
        clear_model(b, _draw_holder(b, m), m)


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


@native(_INT(BOOK, _INT))
def _draw_able(b: Any, g: Any) -> Any:
    """A node that could run g, of up to three an idle one or what loses most; -1 for none found."""
    model = model_at(b, class_at(b, g).model)
    best, most = -1, -np.inf
    wanted = 1 + below(b, 3)
    for _ in range(24):
        n = roster_of(b)[model.roster + below(b, model.listed)]
        if able(runs_of(b), g, node_at(b, n).kind):
            loss = losses_of(b)[n] if losses_of(b)[n] > IDLE else np.inf
            if loss > most:
                best, most = n, loss
            wanted -= 1
            if wanted == 0:
                break
    return best


@native(_NONE(BOOK))
def _ruin_for_waiting(b: Any) -> None:
    """Clear a node that could run a class that waits; for re-execution, up to four."""
    g = crowd_of(b)[below(b, b.crowded)]
    m = class_at(b, g).model
    if model_at(b, m).listed == 0:
        return
    touch(b, 0, m)
    number = 1 + below(b, 4) if class_at(b, g).wanted > 0 else 1
    for _ in range(number):
        n = _draw_able(b, g)
        if n < 0 or b.logged > _MANY:
            return
        clear_node(b, n)


@native(_NONE(BOOK))
def ruin(b: Any) -> None:
    """Take something back."""
    draw = uniform(b)
    if uniform(b) < _INVITED:
        _invite_idle(b)
    if b.crowded and uniform(b) < 0.25:
        _ruin_for_waiting(b)
    elif draw < _MISPLACED:
        _ruin_misplaced(b)
    elif draw < 0.7:
        _ruin_nodes(b)
    elif draw < 0.85:
        _ruin_model(b)
    else:
        _ruin_classes(b)
