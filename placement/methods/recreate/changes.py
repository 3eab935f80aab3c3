"""The two changes a plan is made of, requests put somewhere and replicas resized, and their undo.

Every other function changes the plan through these, so books and objective are always right.
"""

from typing import Any

from numba import types

from placement.methods.recreate.pointers import (
    BOOK,
    class_at,
    crowd_of,
    entry_at,
    groups_of,
    holders_of,
    holding_at,
    known_of,
    log_of,
    loose_of,
    model_at,
    node_at,
    queue_of,
    roomy_of,
    slots_of,
    table_of,
    touched_of,
)
from placement.methods.recreate.records import FLAGS, LOG_SIZE, PUT, RESIZE, TOUCH_SIZE
from placement.methods.recreate.weights import moved_gb, pays_own, transfer_cost
from placement.native import native

_INT, _REAL, _NONE = types.int64, types.float64, types.void
_SLACK = 1e-9
_ROOMY = 0.05
"""A node with less than this part of its time left is not worth a look for another replica."""


@native(_INT(BOOK, _INT, _INT))
def find(b: Any, n: Any, m: Any) -> Any:
    """The holding of model m on node n, -1 for none."""
    for slot in range(b.places):
        if slots_of(b)[n, slot] == m:
            return n * b.places + slot
    return -1


@native(_NONE(BOOK, _INT, _INT, _INT, _INT, _INT))
def _note(b: Any, kind: Any, n: Any, m: Any, first: Any, second: Any) -> None:  # noqa: PLR0917
    at = b.logged
    if at < LOG_SIZE:
        log_of(b)[at, 0], log_of(b)[at, 1], log_of(b)[at, 2] = kind, n, m
        log_of(b)[at, 3], log_of(b)[at, 4] = first, second
    b.logged = at + 1


@native(_NONE(BOOK, _INT, _INT))
def touch(b: Any, n: Any, m: Any) -> None:
    """Remember that the holding of m on n may have too many replicas."""
    at = b.marked
    if at < TOUCH_SIZE:
        touched_of(b)[at, 0], touched_of(b)[at, 1] = n, m
        b.marked = at + 1


@native(_NONE(BOOK, _INT, _REAL))
def _spend(b: Any, n: Any, work: Any) -> None:
    """Take seconds of a node, or give them back."""
    node = node_at(b, n)
    node.free_s -= work
    roomy_of(b)[n] = node.free_s > _ROOMY * node.capacity_s


# --- requests ----------------------------------------------------------------------------------


@native(_NONE(BOOK, _INT, _INT))
def move(b: Any, g: Any, at: Any) -> None:
    """Move class g to a place in the queue of its model, and the class there to where g was."""
    m = class_at(b, g).model
    first = model_at(b, m).first
    other = queue_of(b)[first + at]
    old = class_at(b, g).at
    queue_of(b)[first + old], queue_of(b)[first + at] = other, g
    class_at(b, other).at = old
    class_at(b, g).at = at


@native(_NONE(BOOK, _INT, _INT))
def _join(b: Any, g: Any, at: Any) -> None:
    """Move class g to a place in the crowd, and the class there to where g was."""
    other, old = crowd_of(b)[at], class_at(b, g).place
    crowd_of(b)[old], crowd_of(b)[at] = other, g
    class_at(b, other).place = old
    class_at(b, g).place = at


@native(_NONE(BOOK, _INT, _INT))
def _await(b: Any, g: Any, delta: Any) -> None:
    """More requests (delta > 0) of g are without a place, or fewer."""
    c = class_at(b, g)
    before = c.left
    c.left = before + delta
    model = model_at(b, c.model)
    if before == 0 and c.left > 0:
        move(b, g, model.waiting)
        model.waiting += 1
        _join(b, g, b.crowded)
        b.crowded += 1
    elif before > 0 and c.left == 0:
        model.waiting -= 1
        move(b, g, model.waiting)
        b.crowded -= 1
        _join(b, g, b.crowded)


@native(_NONE(BOOK, _INT, _INT, _INT, _INT))
def _add_entry(b: Any, h: Any, g: Any, kind: Any, count: Any) -> None:
    e = b.free
    entry = entry_at(b, e)
    b.free = entry.next
    b.unused -= 1
    entry.g, entry.kind, entry.holding, entry.count = g, kind, h, count
    entry.group = node_at(b, holding_at(b, h).node).group
    first = holding_at(b, h).first
    entry.next, entry.back = first, -1
    if first >= 0:
        entry_at(b, first).back = e
    holding_at(b, h).first = e
    first = class_at(b, g).first
    entry.g_next, entry.g_back = first, -1
    if first >= 0:
        entry_at(b, first).g_back = e
    class_at(b, g).first = e


@native(_NONE(BOOK, _INT))
def _drop_entry(b: Any, e: Any) -> None:
    entry = entry_at(b, e)
    if entry.back >= 0:
        entry_at(b, entry.back).next = entry.next
    else:
        holding_at(b, entry.holding).first = entry.next
    if entry.next >= 0:
        entry_at(b, entry.next).back = entry.back
    if entry.g_back >= 0:
        entry_at(b, entry.g_back).g_next = entry.g_next
    else:
        class_at(b, entry.g).first = entry.g_next
    if entry.g_next >= 0:
        entry_at(b, entry.g_next).g_back = entry.g_back
    entry.next = b.free
    b.free = e
    b.unused += 1


@native(_NONE(BOOK, _INT, _INT, _INT, _INT))
def _count_entry(b: Any, h: Any, g: Any, kind: Any, delta: Any) -> None:
    e = holding_at(b, h).first
    while e >= 0:
        entry = entry_at(b, e)
        if entry.g == g and entry.kind == kind:
            entry.count += delta
            if entry.count == 0:
                _drop_entry(b, e)
            return
        e = entry.next
    _add_entry(b, h, g, kind, delta)


@native(_NONE(BOOK, _INT, _INT, _INT, _INT))
def put(b: Any, h: Any, g: Any, kind: Any, delta: Any) -> None:
    """Execute (kind 0) or re-execute (1) `delta` more requests of g in holding h, or fewer."""
    hold = holding_at(b, h)
    c = class_at(b, g)
    node = node_at(b, hold.node)
    n_types = b.types
    work = table_of(b)[g, node.type + kind * n_types] * delta
    _spend(b, hold.node, work)
    hold.work_s += work
    if kind == 0:
        other = table_of(b)[g, 2 * n_types + node.region] + c.light - c.penalty
        b.cost += node.rate * work + other * delta
        groups_of(b)[node.group] -= delta
        _await(b, g, -delta)
    else:
        cores = c.core_s * delta
        node.cores_s -= cores
        b.cost += node.rate * work + node.core_rate * cores
        c.checked += delta
    _count_entry(b, h, g, kind, delta)
    _note(b, PUT, hold.node, hold.model, 2 * g + kind, delta)


@native(_NONE(BOOK, _INT))
def loosen(b: Any, g: Any) -> None:
    """Remember that what is executed of g and what is verified may not match."""
    at = class_at(b, g).loose
    if at >= b.loosened or loose_of(b)[at] != g:
        class_at(b, g).loose = b.loosened
        loose_of(b)[b.loosened] = g
        b.loosened += 1


@native(_NONE(BOOK, _INT))
def fasten(b: Any, g: Any) -> None:
    """Forget it again: they match."""
    at = class_at(b, g).loose
    b.loosened -= 1
    last = loose_of(b)[b.loosened]
    loose_of(b)[at] = last
    class_at(b, last).loose = at


@native(_NONE(BOOK, _INT, _INT))
def take_off(b: Any, e: Any, count: Any) -> None:
    """Take so many requests off an entry, at most all that it has."""
    entry = entry_at(b, e)
    h = entry.holding
    touch(b, holding_at(b, h).node, holding_at(b, h).model)
    put(b, h, entry.g, entry.kind, -count)


@native(_NONE(BOOK, _INT, _INT))
def take_back(b: Any, e: Any, count: Any) -> None:
    """Take back so many requests of an entry, or all; if verified, they have to match again."""
    entry = entry_at(b, e)
    if class_at(b, entry.g).wanted > 0:
        loosen(b, entry.g)
    take_off(b, e, min(entry.count, count))


@native(_NONE(BOOK, _INT))
def strip(b: Any, g: Any) -> None:
    """Take back everything of a class."""
    while class_at(b, g).first >= 0:
        e = class_at(b, g).first
        take_back(b, e, entry_at(b, e).count)


# --- replicas ----------------------------------------------------------------------------------


@native(_INT(BOOK, _INT, _INT))
def _new_holding(b: Any, n: Any, m: Any) -> Any:
    slot = 0
    while slots_of(b)[n, slot] >= 0:
        slot += 1
    h = n * b.places + slot
    slots_of(b)[n, slot] = m
    hold, node, model = holding_at(b, h), node_at(b, n), model_at(b, m)
    hold.model, hold.node, hold.own, hold.first = m, n, 0, -1
    hold.z = hold.fixed = 0
    hold.loaded = known_of(b)[n, m] // FLAGS
    hold.work_s = hold.transfer = 0.0
    hold.share_s = model.span * node.each_s
    hold.load_s = model.span * model.weights_gb / node.gb_per_s
    hold.at = model.held
    holders_of(b)[model.holders + model.held] = n
    model.held += 1
    if node.held == 0 and node.pinned == 0:
        b.cost += node.engagement
    node.held += 1
    return h


@native(_NONE(BOOK, _INT))
def _end_holding(b: Any, h: Any) -> None:
    hold = holding_at(b, h)
    n, m = hold.node, hold.model
    node, model = node_at(b, n), model_at(b, m)
    slots_of(b)[n, h - n * b.places] = -1
    model.held -= 1
    last = holders_of(b)[model.holders + model.held]
    holders_of(b)[model.holders + hold.at] = last
    if last != n:
        holding_at(b, find(b, last, m)).at = hold.at
    node.held -= 1
    if node.held == 0 and node.pinned == 0:
        b.cost -= node.engagement


@native(_INT(BOOK, _INT, _INT, _INT, _INT))
def set_replicas(b: Any, n: Any, m: Any, z: Any, own: Any) -> Any:
    """Make it z replicas of m on n, with an own copy or not; returns the holding."""
    h = find(b, n, m)
    if h < 0:
        if z == 0:
            return -1
        h = _new_holding(b, n, m)
    hold, node = holding_at(b, h), node_at(b, n)
    _note(b, RESIZE, n, m, hold.z, hold.own)
    before, after = max(0, hold.z - hold.loaded), max(0, z - hold.loaded)
    loading = hold.load_s * (after - before)
    _spend(b, n, loading)
    node.free_gb -= model_at(b, m).replica_gb * (z - hold.z)
    node.storage_gb -= model_at(b, m).weights_gb * (own - hold.own)
    transfer = transfer_cost(b, n, m, after, own)
    b.cost += node.rate * loading + transfer - hold.transfer
    b.new_left -= after - before
    b.moved_left -= moved_gb(b, n, m, after, own) - moved_gb(b, n, m, before, hold.own)
    hold.z, hold.own, hold.transfer = z, own, transfer
    if z == 0:
        _end_holding(b, h)
        return -1
    return h


@native(_INT(BOOK, _INT, _INT, _INT))
def resize(b: Any, n: Any, m: Any, z: Any) -> Any:
    """Make it z replicas of m on n, weights from where they are cheapest; returns the holding."""
    h = find(b, n, m)
    own = holding_at(b, h).own if h >= 0 else 0
    new = z - known_of(b)[n, m] // FLAGS
    return set_replicas(b, n, m, z, pays_own(b, n, m, new, own))


@native(_NONE(BOOK))
def undo(b: Any) -> None:
    """Take back all that the log holds."""
    for i in range(b.logged - 1, -1, -1):
        n, m, first, second = log_of(b)[i, 1], log_of(b)[i, 2], log_of(b)[i, 3], log_of(b)[i, 4]
        if log_of(b)[i, 0] == PUT:
            put(b, find(b, n, m), first // 2, first % 2, -second)
        else:
            set_replicas(b, n, m, first, second)
    b.logged = 0


@native(_NONE(BOOK))
def tidy(b: Any) -> None:
    """Drop the replicas that what was touched does not need."""
    for i in range(b.marked):
        h = find(b, touched_of(b)[i, 0], touched_of(b)[i, 1])
        if h < 0:
            continue
        hold = holding_at(b, h)
        needed = max(hold.fixed, 1 if hold.first >= 0 else 0)
        if hold.work_s > 0 and hold.share_s > 0:
            needed = max(needed, int((hold.work_s / hold.share_s) * (1 - _SLACK)) + 1)
        if hold.first < 0 and hold.fixed == 0:
            needed = 0
        if needed < hold.z:
            resize(b, touched_of(b)[i, 0], touched_of(b)[i, 1], needed)
    b.marked = 0
