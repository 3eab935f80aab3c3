"""The arcs of least value in each row, and their parts, in native code."""

from typing import Any

import numpy as np

from placement.native import native


@native("f8(f8[:], i8)", makes_arrays=True)
def _beyond(value: Any, most: Any) -> Any:
    """The value that so many least ones are below; inf where there are no more."""
    return np.inf if len(value) <= most else np.partition(value, most)[most]


@native("b1[:](i4[:], f8[:], i8)", makes_arrays=True)
def least_of_rows(first: Any, value: Any, most: Any) -> Any:
    """Which arcs are among so many of least value in their row; those of value -inf always are."""
    kept = value == -np.inf
    for r in range(len(first) - 1):
        top = _beyond(value[first[r] : first[r + 1]], most)
        for a in range(first[r], first[r + 1]):
            kept[a] |= value[a] < top
    return kept


@native("i8[:](i8[:], f8[:,:], i8[:], b1[:], i8[:], i8[:], b1[:], f8[:,:], i8)", makes_arrays=True)
def least_parts(  # noqa: PLR0917
    first: Any,
    arcs: Any,
    mask: Any,
    used: Any,
    of_mask: Any,
    cell: Any,
    flows: Any,
    cells: Any,
    most: Any,
) -> Any:
    """Keys (row times cells, and cell) of so many parts of least reduced cost, and those in use.

    By arc, sorted by row: reduced cost but for its work, work, price of a window and GB to load,
    then its mask, and whether it is used; by part of each mask: its cell, and whether work flows
    there; by cell: price of a window, and of a GB to load for each window.
    """
    size, widest, total = cells.shape[1], 0, 0
    for r in range(len(first) - 1):
        wide = 0
        for a in range(first[r], first[r + 1]):
            wide += of_mask[mask[a] + 1] - of_mask[mask[a]]
        widest, total = max(widest, wide), total + wide
    value, at, kept = np.empty(widest), np.empty(widest, np.int64), np.empty(total, np.int64)
    n = 0
    for r in range(len(first) - 1):
        wide = 0
        for a in range(first[r], first[r + 1]):
            without, work, window, gb = arcs[0, a], arcs[1, a], arcs[2, a], arcs[3, a]
            for e in range(of_mask[mask[a]], of_mask[mask[a] + 1]):
                z = cell[e]
                reduced = without + work * (window + cells[0, z] + gb * cells[1, z])
                value[wide] = -np.inf if used[a] and flows[e] else reduced
                at[wide] = r * size + z
                wide += 1
        top = _beyond(value[:wide], most)
        for i in range(wide):
            if value[i] < top or value[i] == -np.inf:
                kept[n] = at[i]
                n += 1
    return kept[:n].copy()
