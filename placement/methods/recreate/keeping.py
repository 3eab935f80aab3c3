"""What nodes have loaded and should keep: opened before a construction, given up after it."""

from typing import Any

from numba import types

from placement.methods.recreate.changes import set_replicas, tidy, touch
from placement.methods.recreate.filling import most_more
from placement.methods.recreate.pointers import BOOK, known_of, node_at
from placement.methods.recreate.records import FLAGS
from placement.native import native

_INTS = types.Array(types.int64, 1, "C")


@native(types.void(BOOK, _INTS, _INTS))
def keep(b: Any, n: Any, m: Any) -> None:
    """Open the loaded replicas of models on nodes, where there is room for them."""
    for i in range(len(n)):
        loaded = known_of(b)[n[i], m[i]] // FLAGS
        if node_at(b, n[i]).held < b.places and most_more(b, n[i], m[i], 0) >= loaded:
            b.logged = 0
            set_replicas(b, n[i], m[i], loaded, 0)


@native(types.void(BOOK, _INTS, _INTS))
def release(b: Any, n: Any, m: Any) -> None:
    """Drop those that serve nothing."""
    for i in range(len(n)):
        b.logged = b.marked = 0
        touch(b, n[i], m[i])
        tidy(b)
