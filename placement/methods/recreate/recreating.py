"""Recreate: what waits is put somewhere again, model by model, the cheapest star first."""

from typing import Any

import numpy as np
from numba import types

from placement.methods.recreate.chance import below, uniform
from placement.methods.recreate.changes import loosen, strip
from placement.methods.recreate.checking import (
    add_checks,
    forget_parts,
    settle_checks,
    share_out,
)
from placement.methods.recreate.filling import able, best_star, take_star
from placement.methods.recreate.pointers import (
    BOOK,
    checks_of,
    class_at,
    holders_of,
    holds_of,
    loose_of,
    model_at,
    node_at,
    queue_of,
    reals_of,
    roomy_of,
    roster_of,
    scratch_of,
    touched_of,
)
from placement.native import native

_INT, _REAL, _NONE = types.int64, types.float64, types.void
_RUINED, _CANDIDATE, _POOL, _OPENED = 0, 1, 2, 5
_STAR, _WHIM = 3, 4
_OLD = 6
"""Classes drawn from those that wait longest, where not all fit into the pool."""
_FREED = 64
"""Nodes that are looked at because they were ruined, or something of the model was taken back."""
_CHECKERS, _SOUGHT = 12, 400
"""Holders, and other nodes, that are looked at for re-executions; among so many, where few can."""
_MOST = 32
"""Classes placed together, at most."""
_PICKS = 48
"""The most stars taken for one model at a time."""


@native(_NONE(BOOK, _INT, _INT))
def add_candidate(b: Any, n: Any, m: Any) -> None:
    """Look at node n for model m, once."""
    node = node_at(b, n)
    if node.stamp != b.stamp and holds_of(b)[m, node.kind]:
        node.stamp = b.stamp
        scratch_of(b)[_CANDIDATE, b.candidates] = n
        b.candidates += 1


@native(_NONE(BOOK, _INT, _INT))
def _add_holders(b: Any, m: Any, number: Any) -> None:
    """Nodes that hold m and have time left."""
    model = model_at(b, m)
    if model.held == 0:
        return
    at = below(b, model.held)
    for _ in range(min(model.held, 4 * number)):
        n = holders_of(b)[model.holders + at]
        node = node_at(b, n)
        if node.free_s > 0.002 * node.capacity_s:
            add_candidate(b, n, m)
            number -= 1
            if number <= 0:
                return
        at = at + 1 if at + 1 < model.held else 0


@native(_INT(BOOK, _INT, _INT))
def _roomy(b: Any, m: Any, n: Any) -> Any:
    """Whether n has time and memory left for a replica of m."""
    return roomy_of(b)[n] and node_at(b, n).free_gb >= model_at(b, m).replica_gb


@native(_NONE(BOOK, _INT, _INT))
def _add_others(b: Any, m: Any, number: Any) -> None:
    """Nodes that could hold m and have time and memory left, cheap ones more often."""
    model = model_at(b, m)
    if model.listed == 0:
        return
    for i in range(number):
        draw = uniform(b)
        at: Any = np.int64(model.listed * (draw if i & 1 else draw * draw))
        for _ in range(8):
            n = roster_of(b)[model.roster + at]
            if _roomy(b, m, n):
                add_candidate(b, n, m)
                break
            at += 1
            if at == model.listed:
                at = 0


@native(_NONE(BOOK, _INT, _INT))
def add_first(b: Any, m: Any, number: Any) -> None:
    """The cheapest nodes that could hold m and have time and memory left.

    Where nothing is ever taken back, full nodes at the front are passed over once and for all.
    """
    model = model_at(b, m)
    while model.front < model.listed and not _roomy(b, m, roster_of(b)[model.roster + model.front]):
        model.front += 1
    at = model.front
    while at < model.listed and number > 0:
        n = roster_of(b)[model.roster + at]
        if _roomy(b, m, n):
            add_candidate(b, n, m)
            number -= 1
        at += 1


@native(_NONE(BOOK, _INT, _INT, _INT))
def gather(b: Any, m: Any, holders: Any, others: Any) -> None:
    """Choose the nodes that are looked at for a model."""
    b.stamp += 1
    b.candidates = 0
    for i in range(b.ruined):
        add_candidate(b, scratch_of(b)[_RUINED, i], m)
    for i in range(b.marked):
        if b.candidates >= _FREED:
            break
        if touched_of(b)[i, 1] == m:
            add_candidate(b, touched_of(b)[i, 0], m)
    _add_holders(b, m, holders)
    _add_others(b, m, others)


@native(_NONE(BOOK, _INT))
def _gather_checkers(b: Any, g: Any) -> None:
    """Choose nodes that can verify a class, where few can: holders, and others with room."""
    b.stamp += 1
    b.candidates = 0
    m = class_at(b, g).model
    model = model_at(b, m)
    at = below(b, model.held) if model.held else 0
    for _ in range(min(model.held, _SOUGHT)):
        if b.candidates >= _CHECKERS:
            break
        n = holders_of(b)[model.holders + at]
        if able(checks_of(b), g, node_at(b, n).kind):
            add_candidate(b, n, m)
        at = at + 1 if at + 1 < model.held else 0
    at = below(b, model.fitting) if model.fitting else 0
    for _ in range(min(model.fitting, _SOUGHT)):
        if b.candidates >= 2 * _CHECKERS:
            break
        n = roster_of(b)[model.roster + at]
        if able(checks_of(b), g, node_at(b, n).kind) and _roomy(b, m, n):
            add_candidate(b, n, m)
        at = at + 1 if at + 1 < model.fitting else 0


@native(_NONE(BOOK, _INT, _INT))
def _pool(b: Any, m: Any, most: Any) -> None:
    """Choose the classes of a model that are placed together: the last that came, and a few."""
    model = model_at(b, m)
    size = min(model.waiting, most)
    drawn = 0 if size == model.waiting else min(_OLD, size)
    for i in range(size):
        at = model.waiting - 1 - i
        if i >= size - drawn:
            at = below(b, model.waiting - size + drawn)
        scratch_of(b)[_POOL, i] = queue_of(b)[model.first + at]
    b.pooled = size
    for i in range(size):
        g = scratch_of(b)[_POOL, i]
        if class_at(b, g).wanted > 0:
            loosen(b, g)


@native(_NONE(BOOK, _INT, _INT, _REAL))
def _appraise(b: Any, m: Any, i: Any, thrift: Any) -> None:
    """Price the star of m on the i-th candidate as things are now."""
    price, r = best_star(b, scratch_of(b)[_CANDIDATE, i], m, thrift)
    reals_of(b)[_STAR, i] = price * reals_of(b)[_WHIM, i]
    scratch_of(b)[_OPENED, i] = r


@native(_INT(BOOK))
def _cheapest(b: Any) -> Any:
    """The candidate of least price."""
    best = 0
    for i in range(1, b.candidates):
        if reals_of(b)[_STAR, i] < reals_of(b)[_STAR, best]:
            best = i
    return best


@native(_NONE(BOOK, _INT, _REAL, _REAL))
def _take_stars(b: Any, m: Any, thrift: Any, noise: Any) -> None:
    """Take the cheapest stars of m on the candidates.

    As the pool empties prices rise, so one is priced anew only when it seems the cheapest.
    """
    size = b.candidates
    for i in range(size):
        reals_of(b)[_WHIM, i] = 1.0 + noise * uniform(b)
        _appraise(b, m, i, thrift)
    fresh = True
    taken = 0
    while size and taken < _PICKS:
        best = _cheapest(b)
        if not np.isfinite(reals_of(b)[_STAR, best]):
            break
        if not fresh:
            before = reals_of(b)[_STAR, best]
            _appraise(b, m, best, thrift)
            fresh = reals_of(b)[_STAR, best] <= before * (1.0 + 1e-12)
            if not fresh:
                fresh = _cheapest(b) == best
        if fresh and np.isfinite(reals_of(b)[_STAR, best]):
            take_star(b, scratch_of(b)[_CANDIDATE, best], m, scratch_of(b)[_OPENED, best])
            taken += 1
            _appraise(b, m, best, thrift)
            fresh = False


@native(_NONE(BOOK, _INT, _INT))
def check_model(b: Any, m: Any, tries: Any) -> None:
    """Have what is loose of a model verified, looking for further nodes so many times."""
    gathered, i = False, 0
    while i < b.loosened:
        g = loose_of(b)[i]
        if class_at(b, g).model != m:
            i += 1
            continue
        share_out(b, g)
        for attempt in range(tries):
            if attempt:
                _gather_checkers(b, g)
            elif not gathered:
                gather(b, m, _CHECKERS, _CHECKERS)
            gathered = add_checks(b, g) <= 0
            if gathered:
                break
        forget_parts(b, g)
        before = b.loosened
        settle_checks(b, g)
        i += b.loosened == before


@native(_NONE(BOOK, _INT, _REAL, _REAL))
def recreate_model(b: Any, m: Any, thrift: Any, noise: Any) -> None:
    """Place what waits of a model on the candidates that were gathered, and have it verified."""
    _pool(b, m, _MOST)
    if b.pooled:
        _take_stars(b, m, thrift, noise)
    check_model(b, m, 2)


@native(_NONE(BOOK, _INT))
def place_class(b: Any, g: Any) -> None:
    """Place a class by itself on the candidates that were gathered, and have it verified."""
    m = class_at(b, g).model
    strip(b, g)
    loosen(b, g)
    b.pooled = 1
    scratch_of(b)[_POOL, 0] = g
    _take_stars(b, m, 0.0, 0.0)
    check_model(b, m, 8)
