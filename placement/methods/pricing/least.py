"""The arcs of least value in each row, in native code."""

from typing import Any

import numpy as np

from placement.native import native


@native("b1[:](i4[:], f8[:], i8)", makes_arrays=True)
def least_of_rows(first: Any, value: Any, most: Any) -> Any:
    """Which arcs are among so many of least value in their row; those of value -inf always are."""
    kept = value == -np.inf
    for r in range(len(first) - 1):
        row = value[first[r] : first[r + 1]]
        top = np.inf if len(row) <= most else np.partition(row, most)[most]
        for a in range(first[r], first[r + 1]):
            kept[a] |= value[a] < top
    return kept
