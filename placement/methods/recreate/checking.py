"""Re-execution: who verifies a class by doing its work again.

Executor and verifiers have to be in distinct parts (constraint 11), so a class is placed as a
whole: its requests first, then its verifications, and what cannot be verified is taken back.
"""

from typing import Any

import numpy as np
from numba import types

from placement.methods.recreate.changes import fasten, find, put, resize, take_off
from placement.methods.recreate.filling import able, most_more, opening_cost, room_with
from placement.methods.recreate.pointers import (
    BOOK,
    checks_of,
    class_at,
    entry_at,
    holding_at,
    model_at,
    node_at,
    scratch_of,
    table_of,
    tally_of,
    tuple_of,
)
from placement.native import native

_INT, _REAL, _NONE = types.int64, types.float64, types.void
_SLACK = 1e-9
_CANDIDATE = 1
_AT_ONCE = 64
"""Where verifications want more replicas of one node than this, they are opened several a time."""


@native(_INT(_REAL))
def _up(amount: Any) -> Any:
    """Rounded up to whole requests, rounding noise aside."""
    return np.int64(np.ceil(amount - min(_SLACK * max(1.0, amount), 0.1)))


@native(_INT(BOOK, _INT, _INT))
def _part_of(b: Any, g: Any, n: Any) -> Any:
    """The part that a node belongs to where g is verified: its control group, or itself."""
    return node_at(b, n).group if class_at(b, g).parts == 0 else n


@native(_INT(BOOK, _INT, _INT))
def _part(b: Any, g: Any, e: Any) -> Any:
    """The same of an entry of g, which knows it without a look at its node."""
    entry = entry_at(b, e)
    return entry.group if class_at(b, g).parts == 0 else entry.holding // b.places


@native(_REAL(BOOK, _INT))
def _count_parts(b: Any, g: Any) -> Any:
    """Tally what parts execute and verify of g, as constraint 11 counts it; the most of one."""
    c, most = class_at(b, g), 0.0
    e = c.first
    while e >= 0:
        entry, part = entry_at(b, e), _part(b, g, e)
        each = 1.0 if entry.kind else c.sample * (c.parts < 2)
        tally_of(b)[part] += entry.count * each
        most = max(most, tally_of(b)[part])
        e = entry.g_next
    return most


@native(_NONE(BOOK, _INT))
def forget_parts(b: Any, g: Any) -> None:
    """Clear the tally of g."""
    e = class_at(b, g).first
    while e >= 0:
        tally_of(b)[_part(b, g, e)] = 0.0
        e = entry_at(b, e).g_next


@native(_REAL(BOOK, _INT))
def _ceiling(b: Any, g: Any) -> Any:
    """The most that one part may execute and verify of g."""
    c = class_at(b, g)
    served = c.count - c.left
    return _up(c.sample * served) if c.parts < 2 else served


@native(_INT(BOOK, _INT, _INT, _INT, _INT, _REAL))
def _room(b: Any, g: Any, n: Any, h: Any, r: Any, most: Any) -> Any:  # noqa: PLR0917
    """How many verifications of g, of so many at most, fit on n with r more replicas."""
    c, node = class_at(b, g), node_at(b, n)
    cap = most
    work = table_of(b)[g, node.type + b.types]
    if work > 0:
        cap = min(cap, room_with(b, n, c.model, h, r) / work)
    if c.core_s > 0:
        cap = min(cap, node.cores_s / c.core_s)
    return np.int64(max(cap + _SLACK, 0.0))


@native(_INT(BOOK, _INT, _INT, _INT, _INT))
def _at_once(b: Any, g: Any, n: Any, most: Any, missing: Any) -> Any:
    """How many replicas to open on n at a time: one, unless verifying takes very many."""
    node = node_at(b, n)
    each = model_at(b, class_at(b, g).model).span * node.each_s
    wanted = missing * table_of(b)[g, node.type + b.types] / max(each, 1e-12)
    return np.int64(max(1.0, min(wanted / _AT_ONCE, np.float64(most))))


@native(tuple_of(_REAL, _INT, _INT)(BOOK, _INT, _INT, _INT, _REAL))
def _offer(b: Any, g: Any, n: Any, missing: Any, best: Any) -> Any:
    """Cost of one verification of g on n, how many, and with how many more replicas.

    Infinite and none where it cannot be less than the best known.
    """
    node, m = node_at(b, n), class_at(b, g).model
    if not able(checks_of(b), g, node.kind):
        return np.inf, 0, 0
    each = node.rate * table_of(b)[g, node.type + b.types]
    each += node.core_rate * class_at(b, g).core_s + node.rent * (each / max(node.rate, 1e-12))
    allowed = min(np.float64(missing), _ceiling(b, g) - tally_of(b)[_part_of(b, g, n)])
    if each >= best or allowed < 1.0 - _SLACK:
        return np.inf, 0, 0
    h = find(b, n, m)
    if h >= 0:
        count = _room(b, g, n, h, 0, allowed)
        if count > 0:
            return each, count, 0
    most = most_more(b, n, m, holding_at(b, h).z if h >= 0 else 0)
    if most <= 0:
        return np.inf, 0, 0
    r = _at_once(b, g, n, most, missing)
    count, opening = _room(b, g, n, h, r, allowed), opening_cost(b, n, m, h, r)
    if r > 1 and (count <= 0 or not np.isfinite(opening)):
        r = 1
        count, opening = _room(b, g, n, h, r, allowed), opening_cost(b, n, m, h, r)
    if count <= 0:
        return np.inf, 0, 0
    if node.held == 0 and node.pinned == 0:
        opening += node.engagement
    return each + opening / count, count, r


@native(_INT(BOOK, _INT, _INT))
def _check_once(b: Any, g: Any, missing: Any) -> Any:
    """Have verifications of g done where they are cheapest; how many."""
    best, where, number, opened = np.inf, -1, 0, 0
    for i in range(b.candidates):
        n = scratch_of(b)[_CANDIDATE, i]
        price, count, r = _offer(b, g, n, missing, best)
        if price < best:
            best, where, number, opened = price, n, count, r
    if where < 0 or b.unused <= 0:
        return 0
    m = class_at(b, g).model
    h = find(b, where, m)
    if opened:
        h = resize(b, where, m, (holding_at(b, h).z if h >= 0 else 0) + opened)
    put(b, h, g, 1, number)
    tally_of(b)[_part_of(b, g, where)] += number
    return number


@native(_NONE(BOOK, _INT, _INT))
def _shrink(b: Any, g: Any, surplus: Any) -> None:
    """Take back so many executed requests of g."""
    e = class_at(b, g).first
    while e >= 0 and surplus > 0:
        entry = entry_at(b, e)
        following = entry.g_next
        if entry.kind == 0:
            count = min(surplus, entry.count)
            take_off(b, e, count)
            surplus -= count
        e = following


@native(_INT(BOOK, _INT))
def share_out(b: Any, g: Any) -> Any:
    """Take back verifications of parts that do more of g than they may; how many.

    Parts are tallied from then on, until `forget_parts`.
    """
    ceiling = _ceiling(b, g) + _SLACK
    total = 0
    if _count_parts(b, g) <= ceiling:
        return total
    e = class_at(b, g).first
    while e >= 0:
        entry = entry_at(b, e)
        following, part = entry.g_next, _part(b, g, e)
        excess = np.int64(np.ceil(tally_of(b)[part] - ceiling))
        if entry.kind == 1 and excess > 0:
            count = min(excess, entry.count)
            tally_of(b)[part] -= count
            take_off(b, e, count)
            total += count
        e = following
    return total


@native(_INT(BOOK, _INT))
def add_checks(b: Any, g: Any) -> Any:
    """Have what is executed of g, parts tallied, verified on the candidates; how much is left."""
    c = class_at(b, g)
    missing = _up(c.wanted * (c.count - c.left)) - c.checked
    while missing > 0:
        done = _check_once(b, g, missing)
        if done == 0:
            break
        missing -= done
    return missing


@native(_NONE(BOOK, _INT))
def _drop_surplus(b: Any, g: Any) -> None:
    """Take back verifications of g that nothing needs, the dearest first."""
    c = class_at(b, g)
    surplus = c.checked - _up(c.wanted * (c.count - c.left))
    while surplus > 0:
        worst, most = -1, -np.inf
        e = c.first
        while e >= 0:
            entry = entry_at(b, e)
            if entry.kind == 1:
                node = node_at(b, holding_at(b, entry.holding).node)
                cost = (node.rate + node.level) * table_of(b)[g, node.type + b.types]
                if cost > most:
                    worst, most = e, cost
            e = entry.g_next
        if worst < 0:
            return
        count = min(surplus, entry_at(b, worst).count)
        take_off(b, worst, count)
        surplus -= count


@native(_NONE(BOOK, _INT))
def settle_checks(b: Any, g: Any) -> None:
    """Take back what is executed of g and not verified, or verified and not executed.

    No part does too much of it before. Where others execute it too (see `portion`) it may stay
    loose.
    """
    c = class_at(b, g)
    taken = 1
    while taken > 0:
        surplus = c.count - c.left - np.int64(c.checked / c.wanted + _SLACK)
        if surplus <= 0:
            break
        _shrink(b, g, surplus)
        taken = share_out(b, g)
        forget_parts(b, g)
    _drop_surplus(b, g)
    if c.checked >= _up(c.wanted * (c.count - c.left)):
        fasten(b, g)
