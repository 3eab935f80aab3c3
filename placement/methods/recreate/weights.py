"""What it takes for a node to have the weights of a model: an own copy, or reading from a host."""

from typing import Any

from numba import types

from placement.methods.recreate.pointers import (
    BOOK,
    copy_of,
    fetch_of,
    known_of,
    model_at,
    node_at,
)
from placement.methods.recreate.records import BASE, CAN_HOST, KNOWN
from placement.native import native

_INT, _REAL = types.int64, types.float64
_SLACK = 1e-9


@native(_REAL(BOOK, _INT, _INT))
def _copy_cost(b: Any, n: Any, m: Any) -> Any:
    """$ of storing m on n."""
    stored = node_at(b, n).storage_rate * model_at(b, m).weights_gb
    if known_of(b)[n, m] & KNOWN:
        return stored
    return stored + copy_of(b)[m, node_at(b, n).region]


@native(_INT(BOOK, _INT, _INT, _INT, _INT))
def pays_own(b: Any, n: Any, m: Any, new: Any, own: Any) -> Any:
    """Whether n should store its own copy of m to load `new` replicas from; `own`: it does now."""
    flags = known_of(b)[n, m]
    if new <= 0 or flags & BASE or not flags & CAN_HOST:
        return 0
    size = model_at(b, m).weights_gb
    copied = 0.0 if flags & KNOWN else size
    if own and new * size - copied > b.moved_left + _SLACK:
        return 1
    if own == 0 and size > node_at(b, n).storage_gb + _SLACK:
        return 0
    if own == 0 and copied > b.moved_left + _SLACK:
        return 0
    return 1 if _copy_cost(b, n, m) < new * fetch_of(b)[m, node_at(b, n).region] else 0


@native(_REAL(BOOK, _INT, _INT, _INT, _INT))
def transfer_cost(b: Any, n: Any, m: Any, new: Any, own: Any) -> Any:
    """$ of having the weights of m for `new` replicas on n."""
    if new <= 0 or known_of(b)[n, m] & BASE:
        return 0.0
    if own:
        return _copy_cost(b, n, m)
    return new * fetch_of(b)[m, node_at(b, n).region]


@native(_REAL(BOOK, _INT, _INT, _INT, _INT))
def moved_gb(b: Any, n: Any, m: Any, new: Any, own: Any) -> Any:
    """GB moved to have the weights of m for `new` replicas on n."""
    if new <= 0 or known_of(b)[n, m] & BASE:
        return 0.0
    if own:
        return 0.0 if known_of(b)[n, m] & KNOWN else model_at(b, m).weights_gb
    return new * model_at(b, m).weights_gb
