"""What a node asks for its time and memory when requests have prices, in native code.

At prices of an accelerator-second (lambda) and of a GB (mu) a node earns V = lambda capacity + mu
memory + what its replicas gain at these prices, and V is convex. For a given lambda the best mu is
the ratio at which a fractional knapsack of replicas breaks: each model offers the steps of its
concave hull over replica counts. Over lambda, V is cut by the lines at both ends of a bracket.
"""

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from placement.native import native

types: Any = numba.types
_F, _L = np.float64, np.int64
ROUNDS = 60
"""Lines tried at most for one node."""
TIGHT = 1e-9
"""Relative to what a node earns: what another line may still improve."""
BESIDE = 0.02
"""Relative distance from where the least is expected at which it is first bracketed."""
LISTED = 64
"""Replica counts tried one by one."""

NODE = np.dtype(
    [
        *((name, _F) for name in ("rate", "capacity_s", "memory_gb", "engagement", "each_s")),
        *((name, _F) for name in ("gb_per_s", "core_rate", "cores_s")),
        *((name, _F) for name in ("light", "value", "capacity", "memory", "guess")),
        *((name, _L) for name in ("first", "last", "sort")),
    ],
    align=True,
)
"""A node, its cells `first:last` and its sort, what light checks gain; V, lambda and mu as they are
found; about where lambda is expected, below 0 where there is no telling."""
MODEL = np.dtype([(name, _F) for name in ("span", "memory_gb", "load_gb")], align=True)
CELL = np.dtype([(name, _L) for name in ("model", "first", "last")], align=True)
"""A model on nodes that are alike: its items."""
ITEM = np.dtype(
    [*((name, _F) for name in ("ratio", "value", "work", "count")), ("g", _L)], align=True
)
"""An item by ratio of worth and work, the best first; `value` and `work` of all up to it."""
STEP = np.dtype(
    [
        *((name, _F) for name in ("ratio", "gain", "work", "memory_gb")),
        *((name, _L) for name in ("cell", "before", "after")),
    ],
    align=True,
)
"""From `before` replicas to `after`, a step of a concave hull."""
END = np.dtype([*((name, _F) for name in ("at", "value", "slope")), ("cells", _L)], align=True)
"""An end of a bracket of lambda: V and its slope there; how many cells gain there."""


class Task(NamedTuple):
    """All nodes and what they may take; `g` of an item is a class, or classes + class.

    Tables of nodes and models are by node first: what a node looks at lies together. `credit` is
    given back to a replica that is kept, by sort and model.
    """

    nodes: npt.NDArray[Any]
    order: npt.NDArray[np.int64]
    models: npt.NDArray[Any]
    cells: npt.NDArray[Any]
    items: npt.NDArray[Any]
    most: npt.NDArray[np.int64]
    loaded: npt.NDArray[np.int64]
    fetch: npt.NDArray[np.float64]
    own: npt.NDArray[np.float64]
    credit: npt.NDArray[np.float64]
    supply: npt.NDArray[np.float64]
    steps: npt.NDArray[Any]
    alive: npt.NDArray[np.int64]
    ends: npt.NDArray[Any]


def _array(dtype: Any, dimensions: int = 1) -> Any:
    return types.Array(numba.from_dtype(np.dtype(dtype)), dimensions, "C")


TASK = types.NamedTuple(
    [
        *(_array(kind) for kind in (NODE, _L, MODEL, CELL, ITEM)),
        *(_array(_L, 2), _array(_L, 2), _array(_F, 2), _array(_F, 2), _array(_F, 2)),
        *(_array(_F), _array(STEP), _array(_L), _array(END)),
    ],
    Task,
)
_REAL, _INT, _NONE = types.float64, types.int64, types.void
_PAIR = types.UniTuple(_REAL, 2)


@native(_INT(_array(ITEM), _INT, _INT, _REAL))
def _paying(items: Any, first: Any, last: Any, rate: Any) -> Any:
    """The end of the items that are worth more than the rate."""
    while first < last:
        middle = (first + last) // 2
        if items[middle].ratio > rate:
            first = middle + 1
        else:
            last = middle
    return first


@native(_INT(_array(ITEM), _INT, _INT, _REAL))
def _whole(items: Any, first: Any, last: Any, room: Any) -> Any:
    """The end of the items that fit as a whole."""
    while first < last:
        middle = (first + last) // 2
        if items[middle].work <= room:
            first = middle + 1
        else:
            last = middle
    return first


@native(_PAIR(_array(ITEM), _INT, _INT, _REAL, _REAL))
def _fill(items: Any, first: Any, end: Any, rate: Any, room: Any) -> Any:
    """Gain and work of filling some room from the items `first:end`, which all pay."""
    at = end
    if at > first and items[at - 1].work > room:
        at = _whole(items, first, end, room)
    value, work = 0.0, 0.0
    if at > first:
        value, work = items[at - 1].value, items[at - 1].work
    gain = value - rate * work
    if at < end:
        gain += (items[at].ratio - rate) * (room - work)
        work = room
    return gain, work


@native(_REAL(TASK, _INT, _INT))
def _room(t: Any, n: Any, m: Any) -> Any:
    """Accelerator-seconds of one replica; plain jobs have the whole node."""
    plain = m == len(t.models) - 1
    return t.nodes[n].capacity_s if plain else t.models[m].span * t.nodes[n].each_s


@native(_REAL(TASK, _INT, _INT))
def _given(t: Any, n: Any, m: Any) -> Any:
    """What a replica is given that is kept."""
    return t.credit[t.nodes[n].sort, m] if t.loaded[n, m] > 0 else 0.0


@native(types.boolean(TASK, _INT, _INT))
def _paid(t: Any, n: Any, m: Any) -> Any:
    """Whether replicas earn something even without requests."""
    return _given(t, n, m) > 0.0 or t.fetch[n, m] < 0.0


@native(_REAL(TASK, _INT))
def _best(t: Any, c: Any) -> Any:
    """The best ratio of the items of a cell, which may have none."""
    cell = t.cells[c]
    return t.items[cell.first].ratio if cell.first < cell.last else 0.0


@native(types.boolean(TASK, _INT, _INT, _INT, _REAL))
def _is_vain(t: Any, n: Any, c: Any, end: Any, rate: Any) -> Any:
    """Whether the items up to `end` gain no more, with any room, than the first new replica costs.

    Nor does it pay where there are none, unless replicas earn something without.
    """
    m = t.cells[c].model
    if end == t.cells[c].first:
        return not _paid(t, n, m)
    if t.loaded[n, m] > 0 or t.fetch[n, m] < 0.0:
        return False
    gain = t.items[end - 1].value - rate * t.items[end - 1].work
    load = rate * t.models[m].load_gb / t.nodes[n].gb_per_s
    return gain <= load + min(t.fetch[n, m], t.own[n, m])


@native(_INT(TASK, _INT, _INT, _REAL, _INT))
def _hull(t: Any, n: Any, c: Any, rate: Any, size: Any) -> Any:
    """Append the steps of a cell's concave hull; returns how many steps there are now."""
    first, m, start = t.cells[c].first, t.cells[c].model, size
    end = _paying(t.items, first, t.cells[c].last, rate)
    if _is_vain(t, n, c, end, rate):
        return size
    given, fetch = _given(t, n, m), t.fetch[n, m]
    asked = t.items[end - 1].work if end > first else 0.0
    room, model = _room(t, n, m), t.models[m]
    load, loaded = model.load_gb / t.nodes[n].gb_per_s, t.loaded[n, m]
    before, gain_before, work_before = 0, 0.0, 0.0
    for z in range(1, min(t.most[n, m], LISTED) + 1):
        new = max(z - loaded, 0)
        gain, work = _fill(t.items, first, end, rate, z * room)
        gain += given * min(z, loaded)
        if new > 0:
            gain -= new * rate * load + min(new * fetch, t.own[n, m])
            work += new * load
        while size > start:
            last = t.steps[size - 1]
            if (gain - gain_before) * (last.after - last.before) < last.gain * (z - before):
                break
            gain_before -= last.gain
            work_before -= last.work
            before = last.before
            size -= 1
        if gain > gain_before:
            step = t.steps[size]
            step.gain, step.work = gain - gain_before, work - work_before
            step.memory_gb = (z - before) * model.memory_gb
            step.ratio = step.gain / step.memory_gb
            step.cell, step.before, step.after = c, before, z
            before, gain_before, work_before = z, gain, work
            size += 1
        if z * room >= asked and (given == 0.0 or z >= loaded) and fetch >= 0.0:
            break
    return size


@native(types.UniTuple(_INT, 2)(TASK, _INT, _INT, _REAL))
def _steps(t: Any, n: Any, cells: Any, rate: Any) -> Any:
    """All steps at a rate; the cells that have any come first, and how many these are."""
    size, kept = 0, 0
    for i in range(cells):
        c, start = t.alive[i], size
        if _best(t, c) > rate or _paid(t, n, t.cells[c].model):
            size = _hull(t, n, c, rate, size)
        if size > start:
            t.alive[i], t.alive[kept] = t.alive[kept], c
            kept += 1
    return size, kept


@native(types.UniTuple(_REAL, 3)(TASK, _INT, _INT, _REAL), makes_arrays=True)
def _pack(t: Any, n: Any, size: Any, rate: Any) -> Any:
    """Fill the memory by ratio: V less the light checks, its slope, and mu. Steps get fractions.

    The fraction taken of a step replaces its `work`.
    """
    node = t.nodes[n]
    order = np.argsort(-t.steps.ratio[:size], kind="mergesort")
    left, lam = node.memory_gb, rate - node.rate
    value, slope, mu = lam * node.capacity_s, node.capacity_s, 0.0
    for i in order:
        step = t.steps[i]
        part = 1.0
        if step.memory_gb > left:
            part = left / step.memory_gb
            if mu == 0.0:
                mu = step.ratio
        left -= part * step.memory_gb
        value += part * step.gain
        slope -= part * step.work
        step.work = part
    return value, slope, mu


@native(_NONE(TASK, _INT, _INT, _REAL, _REAL))
def _take(t: Any, n: Any, size: Any, rate: Any, weight: Any) -> None:
    """Add to the supply what the steps take, by their fractions."""
    for i in range(size):
        step = t.steps[i]
        cell = t.cells[step.cell]
        end = _paying(t.items, cell.first, cell.last, rate)
        room = _room(t, n, cell.model)
        share = weight * step.work
        for sign, z in ((1.0, step.after), (-1.0, step.before)):
            used = 0.0
            for k in range(cell.first, end if share > 0 else cell.first):
                item = t.items[k]
                if item.work > z * room:
                    part = max(0.0, (z * room - used) / (item.work - used))
                    t.supply[item.g] += sign * share * part * item.count
                    break
                t.supply[item.g] += sign * share * item.count
                used = item.work


@native(_NONE(TASK, _INT, _REAL, _REAL))
def _supply(t: Any, n: Any, lam: Any, weight: Any) -> None:
    """Add to the supply what a node takes at a price of the bracket."""
    rate = t.nodes[n].rate + lam
    size, _ = _steps(t, n, t.ends[0].cells, rate)
    _pack(t, n, size, rate)
    _take(t, n, size, rate, weight)


@native(_REAL(TASK, _INT, _REAL, _REAL, _REAL))
def _keep_least(t: Any, n: Any, value: Any, lam: Any, mu: Any) -> Any:
    """Keep the least V met; returns what it is above the engagement."""
    node = t.nodes[n]
    if value < node.value:
        node.value, node.capacity, node.memory = value, lam, mu
    return node.value + node.light - node.engagement


@native(_REAL(TASK, _INT, _REAL, _INT))
def _evaluate(t: Any, n: Any, at: Any, cells: Any) -> Any:
    """Make a price an end of the bracket, by its slope; returns what V is above the engagement."""
    rate = t.nodes[n].rate + at
    size, kept = _steps(t, n, cells, rate)
    value, slope, mu = _pack(t, n, size, rate)
    end = t.ends[0] if slope < 0 else t.ends[1]
    end.at, end.value, end.slope, end.cells = at, value, slope, kept
    return _keep_least(t, n, value, at, mu)


@native(_NONE(TASK, _INT))
def _bracket(t: Any, n: Any) -> None:
    """Find a bracket of the least V.

    Begins where it is expected, or where a node's whole time pays for its engagement, and asks no
    more of a node that is seen not to: then both ends are the same.
    """
    node, low, high = t.nodes[n], t.ends[0], t.ends[1]
    cells, top = node.last - node.first, node.rate
    for c in range(node.first, node.last):
        t.alive[c - node.first] = c
        top = max(top, _best(t, c))
    node.value, low.at = np.inf, -1.0
    high.at, high.slope = top - node.rate, node.capacity_s
    high.value = high.at * high.slope
    each, away = node.engagement / max(node.capacity_s, 1e-300), BESIDE
    at = min(high.at, each if node.guess < 0 else node.guess)
    while low.at < 0:
        above = _evaluate(t, n, at, cells)
        if low.at < 0 and (at == 0.0 or above <= 0):
            t.ends[0] = high
            return
        away = away if node.guess >= 0 else 0.5
        at = at * (1.0 - away) if at > 0.2 * each else 0.0
        away = min(4.0 * away, 0.5)
    while node.guess >= 0 and high.at > low.at * (1.0 + away):
        at = low.at * (1.0 + away)
        _evaluate(t, n, at, low.cells)
        away = 4.0 * away + 1e-9


@native(_NONE(TASK, _INT))
def _least(t: Any, n: Any) -> None:
    """Find the least V: the lines at both ends of the bracket meet there."""
    _bracket(t, n)
    node, low, high = t.nodes[n], t.ends[0], t.ends[1]
    width = high.at - low.at
    for turn in range(ROUNDS if low.slope < 0 else 0):
        cut = high.value - low.value + low.slope * low.at - high.slope * high.at
        cut /= low.slope - high.slope
        floor = low.value + low.slope * (cut - low.at)
        if floor >= node.value - TIGHT * (node.value + node.engagement):
            break
        if turn % 3 == 2:
            if high.at - low.at > 0.3 * width:
                cut = (low.at + high.at) / 2
            width = high.at - low.at
        if _evaluate(t, n, cut, low.cells) <= 0:
            break


@native(_NONE(_array(NODE), _array(ITEM), _array(_L, 2)))
def value_checks(nodes: Any, items: Any, ends: Any) -> None:
    """Gain of light checks: the items `ends[n, 0]:ends[n, 1]` of each node."""
    for n in range(len(nodes)):
        first, rate = ends[n, 0], nodes[n].core_rate
        end = _paying(items, first, ends[n, 1], rate)
        nodes[n].light, _ = _fill(items, first, end, rate, nodes[n].cores_s)


@native(_NONE(_array(NODE), _array(ITEM), _array(_L, 2), _array(_F)))
def take_checks(nodes: Any, items: Any, ends: Any, supply: Any) -> None:
    """Add to the supply the light checks of the nodes that pay."""
    for n in range(len(nodes)):
        node, used = nodes[n], 0.0
        if node.value + node.light <= node.engagement:
            continue
        for k in range(ends[n, 0], _paying(items, ends[n, 0], ends[n, 1], node.core_rate)):
            item = items[k]
            if item.work > node.cores_s:
                part = max(0.0, (node.cores_s - used) / (item.work - used))
                supply[item.g] += part * item.count
                break
            supply[item.g] += item.count
            used = item.work


@native(_NONE(TASK, _INT, _INT))
def complete_nodes(t: Any, begin: Any, end: Any) -> None:
    """The least V of some nodes, where it is met, and what is taken there by those that pay."""
    for i in range(begin, end):
        n = t.order[i]
        node = t.nodes[n]
        _least(t, n)
        if node.value + node.light <= node.engagement:
            continue
        low, high = t.ends[0], t.ends[1]
        share = high.slope / (high.slope - low.slope) if low.slope < 0 else 1.0
        _supply(t, n, low.at, share)
        if share < 1:
            _supply(t, n, high.at, 1 - share)
