"""Random numbers for native functions: xorshift64*, one word of state in the book."""

from typing import Any

import numpy as np
from numba import types

from placement.methods.recreate.pointers import BOOK
from placement.native import native

_A, _B, _C, _D = np.uint64(12), np.uint64(25), np.uint64(27), np.uint64(11)
_MULTIPLIER = np.uint64(2685821657736338717)


@native(types.float64(BOOK))
def uniform(b: Any) -> Any:
    """A number in [0, 1)."""
    x = b.chance
    x ^= x >> _A
    x ^= x << _B
    x ^= x >> _C
    b.chance = x
    return np.float64((x * _MULTIPLIER) >> _D) / 9007199254740992.0


@native(types.int64(BOOK, types.int64))
def below(b: Any, n: Any) -> Any:
    """A whole number in 0 .. n-1."""
    return min(np.int64(uniform(b) * n), n - 1)
