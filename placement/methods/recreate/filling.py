"""What one node could take of the waiting requests of one model, and at what price.

A star is a model on a node with the waiting requests that suit it best. Its price is its cost for
each $ that the same requests are worth, so stars of all nodes and sizes compare.
"""

from typing import Any

import numpy as np
from numba import types

from placement.methods.recreate.changes import find, put, resize
from placement.methods.recreate.pointers import (
    BOOK,
    class_at,
    groups_of,
    holding_at,
    known_of,
    model_at,
    node_at,
    reals_of,
    runs_of,
    scratch_of,
    table_of,
    tuple_of,
)
from placement.methods.recreate.records import FLAGS
from placement.methods.recreate.weights import moved_gb, pays_own, transfer_cost
from placement.native import native

_INT, _REAL, _NONE = types.int64, types.float64, types.void
_FOUR = tuple_of(_REAL, _REAL, _REAL, _REAL)
_SLACK = 1e-9
_POOL, _ORDER = 2, 3
_KEY, _WORK, _PRICE = 0, 1, 2
_LITTLE = 0.35
"""A last replica that would fill up less is tried without."""


@native(_INT(types.Array(types.uint8, 2, "C"), _INT, _INT))
def able(bits: Any, g: Any, kind: Any) -> Any:
    """Whether a class may use a node kind."""
    return (bits[g, kind >> 3] >> (7 - (kind & 7))) & 1


@native(_INT(BOOK, _INT, _INT, _REAL, _REAL, _REAL))
def _insert(b: Any, size: Any, g: Any, key: Any, work: Any, price: Any) -> Any:  # noqa: PLR0917
    """Insert a class into the order, highest key first; returns the new size."""
    at = size
    while at > 0 and reals_of(b)[_KEY, at - 1] < key:
        scratch_of(b)[_ORDER, at] = scratch_of(b)[_ORDER, at - 1]
        for row in range(3):
            reals_of(b)[row, at] = reals_of(b)[row, at - 1]
        at -= 1
    scratch_of(b)[_ORDER, at] = g
    reals_of(b)[_KEY, at], reals_of(b)[_WORK, at], reals_of(b)[_PRICE, at] = key, work, price
    return size + 1


@native(_INT(BOOK, _INT))
def survey(b: Any, n: Any) -> Any:
    """Bring the pooled classes that n can run in order of what its time earns; their number."""
    node = node_at(b, n)
    n_types = b.types
    size = 0
    for i in range(b.pooled):
        g = scratch_of(b)[_POOL, i]
        c = class_at(b, g)
        if c.left == 0 or not able(runs_of(b), g, node.kind):
            continue
        work = table_of(b)[g, node.type]
        price = node.rate * work + table_of(b)[g, 2 * n_types + node.region] + c.light + c.extra
        if price < c.penalty:
            size = _insert(b, size, g, (c.value - price) / (work + 1e-12), work, price)
    return size


@native(_INT(BOOK, _INT, _REAL, _REAL))
def _fits(b: Any, i: Any, room: Any, requests: Any) -> Any:
    """How many requests of the i-th class in order fit into so many seconds."""
    count = class_at(b, scratch_of(b)[_ORDER, i]).left
    work = reals_of(b)[_WORK, i]
    if work * count > room:
        count = np.int64(max(room / work + _SLACK, 0.0))
    return min(count, np.int64(requests))


@native(_FOUR(BOOK, _INT, _REAL, _INT))
def _weigh(b: Any, size: Any, room: Any, requests: Any) -> Any:
    """Cost, value, penalties saved and seconds of filling a room."""
    cost, value, saved, spent = 0.0, 0.0, 0.0, 0.0
    for i in range(size):
        count = _fits(b, i, room - spent, requests)
        if count > 0:
            c = class_at(b, scratch_of(b)[_ORDER, i])
            requests -= count
            cost += reals_of(b)[_PRICE, i] * count
            value += c.value * count
            saved += c.penalty * count
            spent += reals_of(b)[_WORK, i] * count
    return cost, value, saved, spent


@native(_NONE(BOOK, _INT, _INT, _REAL))
def _fill(b: Any, h: Any, size: Any, room: Any) -> None:
    """Execute what fits into a room of a holding."""
    group = node_at(b, holding_at(b, h).node).group
    for i in range(size):
        count = _fits(b, i, room, groups_of(b)[group])
        if count > 0 and b.unused > 0:
            room -= reals_of(b)[_WORK, i] * count
            put(b, h, scratch_of(b)[_ORDER, i], 0, count)


@native(tuple_of(_INT, _INT)(BOOK, _INT, _INT, _INT))
def _replicas(b: Any, n: Any, m: Any, h: Any) -> Any:
    """Replicas of m on n, and how many are loaded today; h is the holding, -1 for none."""
    if h >= 0:
        return holding_at(b, h).z, holding_at(b, h).loaded
    return 0, known_of(b)[n, m] // FLAGS


@native(_REAL(BOOK, _INT, _INT, _INT, _INT))
def _loading_s(b: Any, n: Any, m: Any, h: Any, r: Any) -> Any:
    """Accelerator-seconds that loading r more replicas of m on n takes, beside those it has."""
    if r == 0:
        return 0.0
    node, model = node_at(b, n), model_at(b, m)
    z, loaded = _replicas(b, n, m, h)
    new = max(0, z + r - loaded) - max(0, z - loaded)
    return model.span * model.weights_gb / node.gb_per_s * new


@native(_REAL(BOOK, _INT, _INT, _INT, _INT))
def opening_cost(b: Any, n: Any, m: Any, h: Any, r: Any) -> Any:
    """$ for r more replicas of m on n, infinite where they are not allowed; engagement aside."""
    node = node_at(b, n)
    own, paid = 0, 0.0
    if h >= 0:
        own, paid = holding_at(b, h).own, holding_at(b, h).transfer
    elif node.held >= b.places:
        return np.inf
    z, loaded = _replicas(b, n, m, h)
    before, after = max(0, z - loaded), max(0, z + r - loaded)
    if after - before > b.new_left:
        return np.inf
    owning = pays_own(b, n, m, after, own)
    moved = moved_gb(b, n, m, after, owning) - moved_gb(b, n, m, before, own)
    if moved > b.moved_left + _SLACK:
        return np.inf
    loading = node.rate * _loading_s(b, n, m, h, r)
    return loading + transfer_cost(b, n, m, after, owning) - paid


@native(_INT(BOOK, _INT, _INT, _INT))
def most_more(b: Any, n: Any, m: Any, z: Any) -> Any:
    """How many replicas of m fit on n beside the z that it has."""
    node, model = node_at(b, n), model_at(b, m)
    most = np.int64(np.ceil(node.accelerators / model.span - _SLACK)) - z
    if model.replica_gb > 0:
        most = min(most, np.int64(max(node.free_gb / model.replica_gb + _SLACK, 0.0)))
    return most


@native(_REAL(BOOK, _INT, _INT, _INT, _INT))
def room_with(b: Any, n: Any, m: Any, h: Any, r: Any) -> Any:
    """Accelerator-seconds that m could use on n, where its holding is h, with r more replicas."""
    node = node_at(b, n)
    share = model_at(b, m).span * node.each_s * r
    if h >= 0:
        hold = holding_at(b, h)
        share += hold.share_s * hold.z - hold.work_s
    return min(share, node.free_s - _loading_s(b, n, m, h, r))


@native(_REAL(BOOK, _INT, _INT, _INT, _INT, _INT, _REAL))
def _price(b: Any, n: Any, m: Any, h: Any, r: Any, size: Any, thrift: Any) -> Any:  # noqa: PLR0917
    """The price of a star with r more replicas; infinite where it does not pay."""
    room = room_with(b, n, m, h, r)
    node = node_at(b, n)
    if room <= _SLACK * node.capacity_s:
        return np.inf
    cost, value, saved, spent = _weigh(b, size, room, groups_of(b)[node.group])
    if value <= 0:
        return np.inf
    if r > 0:
        cost += opening_cost(b, n, m, h, r)
        spent += _loading_s(b, n, m, h, r)
    if node.held == 0 and node.pinned == 0:
        cost += node.engagement * max(thrift, min(1.0, spent / node.capacity_s))
    if cost >= saved:
        return np.inf
    if node.held > 0 or node.pinned > 0:
        cost += (1.0 - b.sunk) * node.engagement * spent / node.capacity_s
    return (cost + node.rent * spent) / value


@native(tuple_of(_REAL, _INT)(BOOK, _INT, _INT, _REAL))
def best_star(b: Any, n: Any, m: Any, thrift: Any) -> Any:
    """The least price of m on n, and with how many more replicas.

    `thrift` is the least part of an idle node's engagement that the first to come there pays.
    """
    size = survey(b, n)
    if size == 0:
        return np.inf, 0
    h = find(b, n, m)
    z = holding_at(b, h).z if h >= 0 else 0
    best, opened = np.inf, 0
    if h >= 0:
        best = _price(b, n, m, h, 0, size, thrift)
    most = most_more(b, n, m, z)
    if most <= 0:
        return best, 0
    asked = 0.0
    for i in range(size):
        asked += reals_of(b)[_WORK, i] * class_at(b, scratch_of(b)[_ORDER, i]).left
    each = model_at(b, m).span * node_at(b, n).each_s
    spare = max(room_with(b, n, m, h, 0), 0.0) if h >= 0 else 0.0
    wanted = (min(asked, node_at(b, n).free_s) - spare) / max(each, 1e-12)
    r = min(most, np.int64(np.ceil(wanted - _SLACK)))
    tries = 2 if r > 1 and wanted - np.floor(wanted) < _LITTLE else 1
    for _ in range(tries):
        if r <= 0:
            break
        price = _price(b, n, m, h, r, size, thrift)
        if price < best:
            best, opened = price, r
        r -= 1
    return best, opened


@native(_NONE(BOOK, _INT, _INT, _INT))
def take_star(b: Any, n: Any, m: Any, r: Any) -> None:
    """Open r more replicas of m on n and fill its room."""
    size = survey(b, n)
    h = find(b, n, m)
    room = room_with(b, n, m, h, r)
    if r > 0:
        h = resize(b, n, m, (holding_at(b, h).z if h >= 0 else 0) + r)
    _fill(b, h, size, room)
