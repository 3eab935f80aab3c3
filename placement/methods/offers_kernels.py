"""Which items each set of nodes may take, the best first, in native code."""

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from placement.methods.completion_kernels import CELL, ITEM
from placement.native import native

types: Any = numba.types
_F, _L = np.float64, np.int64

ASK = np.dtype(
    [("g", _L), *((name, _F) for name in ("price", "count", "core_s", "executed"))], align=True
)
"""Executions or re-executions of a class, what is paid for one; `g` is past all classes for these;
the core-seconds it takes, and 1 where it counts as executed."""
BLOCK = np.dtype(
    [("place", _L), ("first", _L), ("last", _L), ("share", _F), ("core_rate", _F)], align=True
)
"""Sets of nodes with the same order of items: works, transfers, prices of shares and of cores."""
SET = np.dtype([("spot", _L), ("last", _L), ("rate", _F)], align=True)
"""Nodes alike, who can do what by `spot`; the end of its cells, the least rate."""


class Market(NamedTuple):
    """All asks, sorted by model, and all sets, sorted by block."""

    asks: npt.NDArray[Any]
    first: npt.NDArray[np.int64]
    """Of each model's asks."""
    work: npt.NDArray[np.float64]
    """By place and ask, below 0 where there is no telling."""
    other: npt.NDArray[np.float64]
    """$ by place and ask."""
    able: npt.NDArray[np.uint8]
    """By spot and ask."""
    earning: npt.NDArray[np.uint8]
    """By model and set: where replicas may earn without items, a cell is listed even so."""
    blocks: npt.NDArray[Any]
    sets: npt.NDArray[Any]
    found: npt.NDArray[Any]
    ranked: npt.NDArray[Any]
    """The items of a block, as they come and in order."""


def _array(dtype: Any, dimensions: int = 1) -> Any:
    return types.Array(numba.from_dtype(np.dtype(dtype)), dimensions, "C")


MARKET = types.NamedTuple(
    [
        *(_array(ASK), _array(_L), _array(_F, 2), _array(_F, 2), _array(np.uint8, 2)),
        *(_array(np.uint8, 2), _array(BLOCK), _array(SET), _array(ITEM), _array(ITEM)),
    ],
    Market,
)


@native(types.void(_array(ITEM), _array(_L)))
def add_up(items: Any, key: Any) -> None:
    """Turn value and work of each item into sums since the first of its key."""
    for k in range(1, len(items)):
        if key[k] == key[k - 1]:
            items[k].value += items[k - 1].value
            items[k].work += items[k - 1].work


@native(types.int64(MARKET, types.int64, types.int64), makes_arrays=True)
def _rank(o: Any, b: Any, m: Any) -> Any:
    """Put the asks of a model in order, with worth and work of each; returns where they end.

    `g` of an item is the ask for now.
    """
    block = o.blocks[b]
    start = end = o.first[m]
    for a in range(start, o.first[m + 1]):
        ask, work = o.asks[a], o.work[block.place, a]
        worth = ask.price - o.other[block.place, a]
        worth -= block.share * ask.executed + block.core_rate * ask.core_s
        if worth <= 0 or work < 0:
            continue
        item = o.found[end]
        item.ratio = worth / work
        item.value, item.work = worth * ask.count, work * ask.count
        item.count, item.g = ask.count, a
        end += 1
    order = np.argsort(-o.found.ratio[start:end], kind="mergesort")
    for i in range(end - start):
        o.ranked[start + i] = o.found[start + order[i]]
    return end


@native(types.int64(MARKET, types.int64, types.UniTuple(types.int64, 2), _array(ITEM), types.int64))
def _filter(o: Any, s: Any, among: Any, items: Any, size: Any) -> Any:
    """Append what a set is able to take and gains from, summed up; returns the new size."""
    value = work = 0.0
    able = o.able[o.sets[s].spot]
    for k in range(among[0], among[1]):
        item = o.ranked[k]
        if item.ratio <= o.sets[s].rate:
            break
        if able[item.g]:
            value += item.value
            work += item.work
            if size < len(items):
                listed = items[size]
                listed.ratio, listed.value, listed.work = item.ratio, value, work
                listed.count, listed.g = item.count, o.asks[item.g].g
            size += 1
    return size


@native(types.UniTuple(types.int64, 2)(MARKET, _array(ITEM), _array(CELL), _array(_L)))
def list_items(o: Any, items: Any, cells: Any, ends: Any) -> Any:
    """List the items of all cells, as far as they fit; returns how many items and cells there are.

    `ends` is scratch, one a model.
    """
    size = count = 0
    for b in range(len(o.blocks)):
        for m in range(len(ends)):
            ends[m] = _rank(o, b, m)
        for s in range(o.blocks[b].first, o.blocks[b].last):
            for m in range(len(ends)):
                start = size
                size = _filter(o, s, (o.first[m], ends[m]), items, size)
                if size > start or o.earning[m, s]:
                    cells[count].model, cells[count].first, cells[count].last = m, start, size
                    count += 1
            o.sets[s].last = count
    return size, count
