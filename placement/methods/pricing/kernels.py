"""The steps of the first-order method on the pooled program, in native code.

Arcs belong to rows of classes: those of row r are `first[r]:first[r + 1]`. What is known of arcs is
kept in single precision, in the columns named here, because reading it is what takes the time; sums
are in double. Sources of row r, what is executed of it in a zone where its model has no host yet,
are `sources[r]:sources[r + 1]`. Everything else is a small sparse program of its own, the rest.
"""

from typing import Any

import numpy as np

from placement.native import native

X, X_START, MOVED, LINK, LINK_START, COST, WORK, KAPPA, BULK, TAU, SIGMA = range(11)
"""Columns of an arc: fraction served there, the same at the restart, reflected; dual of its link,
the same at the restart; $ for all, accelerator windows for all; most that one copy, and that one
bulk of copies, serves; steps."""
ARC_COLUMNS = 11

VALUE, START, REFLECTED, STEP = range(4)
"""Columns of the rest's variables, of its rows, and of sources."""
SHORT = REFLECTED
"""Of a source: how much more is executed there than there is weights for."""
SINGLE, BULKS = range(2)
"""Copies that serve one by one, and in bulk."""
HOST, SPOT = range(2)
"""Of a copy: the host that it would be loaded from in its zone; its spot: copies of a model that
need no such host and serve as much each. Below 0 where the model has a host in the zone."""
NEW, KEPT, NEW_BULK, STORED, FAR = range(5)
"""Ways to have copies: new, kept, in bulk, in bulk where the weights are stored already, new and
read from another zone."""


@native("f8(f4[:, :], i4[:], i4[:], i4[:], i4[:], f8[:], f8[:], f8[:], f8[:], f8, f8)")
def move_arcs(
    arc: Any,
    first: Any,
    at_copy: Any,
    at_mask: Any,
    at_source: Any,
    worth: Any,
    copy: Any,
    mask: Any,
    source: Any,
    weight: Any,
    stay: Any,
) -> Any:
    """Move the fractions served against their reduced costs; returns the squared way.

    `worth`, `copy`, `mask`, `source` are the prices of class rows, of windows of (model, cell) and
    mask, and of sources.
    """
    way = 0.0
    for r in range(len(first) - 1):
        for a in range(first[r], first[r + 1]):
            price = copy[at_copy[a]] + mask[at_mask[a]]
            reduced = arc[COST, a] + arc[WORK, a] * price + arc[LINK, a] - worth[r]
            reduced += source[at_source[a]]
            x, step = arc[X, a], arc[TAU, a] / weight
            moved = max(0.0, x - step * reduced)
            way += (moved - x) * (moved - x) / step
            arc[MOVED, a] = 2.0 * moved - x
            arc[X, a] = stay * (2.0 * moved - x) + (1.0 - stay) * arc[X_START, a]
    return way


@native(
    "f8(f4[:, :], i4[:], i4[:], i4[:], i4[:], f8[:, :], i4[:], f8[:, :], f8[:], f8[:, :], f8[:],"
    " f8[:], f8, f8)"
)
def charge_arcs(
    arc: Any,
    first: Any,
    at_copy: Any,
    at_mask: Any,
    at_source: Any,
    source: Any,
    sources: Any,
    copies: Any,
    served: Any,
    pull: Any,
    used: Any,
    busy: Any,
    weight: Any,
    stay: Any,
) -> Any:
    """Charge links that are overdrawn and sum up what arcs ask for; returns the squared way.

    `copies` are single ones and bulks. Written are, for the reflected fractions: `served` of a
    class row, `used` windows of a (model, cell), `busy` windows of a mask, what is executed at each
    source; and `pull`, what the links pay for a copy and for a bulk.
    """
    way = 0.0
    pull[:, :], used[:], busy[:] = 0.0, 0.0, 0.0
    for r in range(len(first) - 1):
        total = 0.0
        source[SHORT, sources[r] : sources[r + 1]] = 0.0
        for a in range(first[r], first[r + 1]):
            c = at_copy[a]
            moved, link = arc[MOVED, a], arc[LINK, a]
            short = moved - arc[KAPPA, a] * copies[SINGLE, c] - arc[BULK, a] * copies[BULKS, c]
            step = weight * arc[SIGMA, a]
            charged = max(0.0, link + step * short)
            way += (charged - link) * (charged - link) / step
            link = stay * (2.0 * charged - link) + (1.0 - stay) * arc[LINK_START, a]
            arc[LINK, a] = link
            pull[SINGLE, c] += arc[KAPPA, a] * link
            pull[BULKS, c] += arc[BULK, a] * link
            used[c] += arc[WORK, a] * moved
            busy[at_mask[a]] += arc[WORK, a] * moved
            total += moved
            if at_source[a] < sources[r + 1]:
                source[SHORT, at_source[a]] += moved
        served[r] = total
    return way


@native(
    "f8(f8[:, :], f8[:], f8[:], i4[:], i4[:], f8[:], f8[:], f8[:, :], i4[:, :], f8[:], f8[:], i8,"
    " i8, f8, f8)"
)
def move_rest(
    column: Any,
    cost: Any,
    most: Any,
    start: Any,
    index: Any,
    value: Any,
    price: Any,
    pull: Any,
    of_copy: Any,
    host: Any,
    spot: Any,
    begin: Any,
    end: Any,
    weight: Any,
    stay: Any,
) -> Any:
    """Move some of the rest's variables within their bounds; returns the squared way.

    Those that can only be 0 stay so. The others move against what rows pay for them at their
    prices, `start`, `index`, `value` the rest's matrix by columns, and what links and sources do:
    `of_copy` says the host and spot of each copy.
    """
    way, n, hosts = 0.0, pull.shape[1], len(cost) - len(host)
    kind, c = begin // n, begin % n - 1
    for j in range(begin, end):
        c += 1
        if c == n:
            kind, c = kind + 1, 0
        if most[j] == 0.0:
            continue
        worth = 0.0
        for p in range(start[j], start[j + 1]):
            worth += value[p] * price[index[p]]
        if kind <= FAR:
            worth += pull[BULKS if kind in (NEW_BULK, STORED) else SINGLE, c]
            if kind in (KEPT, FAR) and of_copy[SPOT, c] >= 0:
                worth += spot[of_copy[SPOT, c]]
            elif kind == NEW_BULK and of_copy[HOST, c] >= 0:
                worth += host[of_copy[HOST, c]]
        elif j >= hosts:
            worth += host[j - hosts]
        x, step = column[VALUE, j], column[STEP, j] / weight
        moved = min(most[j], max(0.0, x - step * (cost[j] - worth)))
        way += (moved - x) * (moved - x) / step
        column[REFLECTED, j] = 2.0 * moved - x
        column[VALUE, j] = stay * (2.0 * moved - x) + (1.0 - stay) * column[START, j]
    return way


@native("void(f8[:, :], i4[:, :], f8[:, :], f8[:], f8[:])", makes_arrays=True)
def count_copies(column: Any, of_copy: Any, copies: Any, hosts: Any, free: Any) -> None:
    """Single copies and bulks, weights by host, copies that need none by spot, as reflected."""
    n, moved = copies.shape[1], column[REFLECTED]
    hosts[:], free[:] = moved[len(moved) - len(hosts) :], 0.0
    for c in range(n):
        apart = moved[KEPT * n + c] + moved[FAR * n + c]
        copies[SINGLE, c] = moved[NEW * n + c] + apart
        copies[BULKS, c] = moved[NEW_BULK * n + c] + moved[STORED * n + c]
        if of_copy[HOST, c] >= 0:
            hosts[of_copy[HOST, c]] += moved[NEW_BULK * n + c]
            free[of_copy[SPOT, c]] += apart


@native(
    "f8(f8[:, :], f8[:], i4[:], i4[:], f8[:], f8[:], f8[:], f8[:], f8[:], f8[:], i8, i8, f8, f8)"
)
def charge_rows(
    row: Any,
    needed: Any,
    start: Any,
    index: Any,
    value: Any,
    moved: Any,
    served: Any,
    used: Any,
    busy: Any,
    windows: Any,
    begin: Any,
    end: Any,
    weight: Any,
    stay: Any,
) -> Any:
    """Charge some of the rows where they fall short; returns the squared way.

    `moved` are the reflected variables of the rest, `start`, `index`, `value` its matrix by rows;
    `served`, `used` and `busy` what arcs ask for.
    """
    way, classes = 0.0, len(served)
    masks = classes + len(used)
    for i in range(begin, end):
        given = 0.0
        for p in range(start[i], start[i + 1]):
            given += value[p] * moved[index[p]]
        if i < classes:
            given += served[i]
        elif i < masks:
            given -= used[i - classes] * windows[i - classes]
        elif i < masks + len(busy):
            given -= busy[i - masks]
        y, step = row[VALUE, i], weight * row[STEP, i]
        charged = max(0.0, y + step * (needed[i] - given))
        way += (charged - y) * (charged - y) / step
        row[VALUE, i] = stay * (2.0 * charged - y) + (1.0 - stay) * row[START, i]
    return way


@native("void(f8[:, :], i4[:], i4[:], i4[:], f4[:], f8[:], f8[:], i8, i8)")
def pull_sources(
    source: Any,
    at_host: Any,
    spots: Any,
    first: Any,
    kappa: Any,
    host: Any,
    spot: Any,
    begin: Any,
    end: Any,
) -> None:
    """What some of the sources pay to hosts and for copies that need none, as they are.

    Source h has the spots of its host, from `spots[host]`; one copy there serves the part
    `kappa[first[h]]` and following of the class.
    """
    host[:], spot[:] = 0.0, 0.0
    for h in range(begin, end):
        host[at_host[h]] += source[VALUE, h]
        here = spots[at_host[h]] - first[h]
        for e in range(first[h], first[h + 1]):
            spot[here + e] += kappa[e] * source[VALUE, h]


@native("f8(f8[:, :], i4[:], i4[:], i4[:], f4[:], f8[:], f8[:], f8[:], f8[:], i8, i8, f8, f8)")
def charge_sources(
    source: Any,
    at_host: Any,
    spots: Any,
    first: Any,
    kappa: Any,
    hosts: Any,
    free: Any,
    host: Any,
    spot: Any,
    begin: Any,
    end: Any,
    weight: Any,
    stay: Any,
) -> Any:
    """Charge some of the sources that are overdrawn; returns the squared way.

    Written are `host` and `spot`, what is paid to hosts and for copies that need none.
    """
    way = 0.0
    for h in range(begin, end):
        here = spots[at_host[h]] - first[h]
        short = source[SHORT, h] - hosts[at_host[h]]
        for e in range(first[h], first[h + 1]):
            short -= kappa[e] * free[here + e]
        y, step = source[VALUE, h], weight * source[STEP, h]
        charged = max(0.0, y + step * short)
        way += (charged - y) * (charged - y) / step
        source[VALUE, h] = stay * (2.0 * charged - y) + (1.0 - stay) * source[START, h]
    pull_sources(source, at_host, spots, first, kappa, host, spot, begin, end)
    return way


@native("void(f4[:, :], i4[:], i4[:], f8[:, :])")
def pull_copies(arc: Any, first: Any, at_copy: Any, pull: Any) -> None:
    """What the links pay for a copy and for a bulk, as they are."""
    pull[:, :] = 0.0
    for a in range(first[0], first[len(first) - 1]):
        pull[SINGLE, at_copy[a]] += arc[KAPPA, a] * arc[LINK, a]
        pull[BULKS, at_copy[a]] += arc[BULK, a] * arc[LINK, a]


@native("UniTuple(f8, 2)(f4[:, :], f8[:, :], f8[:, :], f8[:, :])")
def ways(arc: Any, column: Any, row: Any, source: Any) -> Any:
    """Squared ways since the restart of the primal and of the dual side, in the steps' metric."""
    primal = dual = 0.0
    for a in range(arc.shape[1]):
        x, y = arc[X, a] - arc[X_START, a], arc[LINK, a] - arc[LINK_START, a]
        primal += x * x / arc[TAU, a]
        dual += y * y / arc[SIGMA, a]
    for j in range(column.shape[1]):
        x = column[VALUE, j] - column[START, j]
        primal += x * x / column[STEP, j]
    for side in (row, source):
        for i in range(side.shape[1]):
            y = side[VALUE, i] - side[START, i]
            dual += y * y / side[STEP, i]
    return primal, dual


@native(
    "f8(i8, i8, f8, f4[:, :], i4[:], i4[:], i4[:], i4[:], f8[:, :], i4[:], i4[:], i4[:], i4[:],"
    " f4[:], i4[:, :], f8[:], f8[:, :], f8[:], f8[:], i4[:], i4[:], f8[:], i4[:], i4[:], f8[:],"
    " f8[:, :], f8[:], i8, i8)",
    makes_arrays=True,
)
def iterate(
    steps: Any,
    since: Any,
    weight: Any,
    arc: Any,
    first: Any,
    at_copy: Any,
    at_mask: Any,
    at_source: Any,
    source: Any,
    sources: Any,
    at_host: Any,
    spots: Any,
    first_spot: Any,
    kappa: Any,
    of_copy: Any,
    windows: Any,
    column: Any,
    cost: Any,
    most: Any,
    row_start: Any,
    row_index: Any,
    row_value: Any,
    col_start: Any,
    col_index: Any,
    col_value: Any,
    row: Any,
    needed: Any,
    n_masks: Any,
    n_hosts: Any,
) -> Any:
    """Steps of the reflected Halpern iteration, `since` of them since the restart.

    Rows are those of classes, then of copies by model and cell, then of masks, then others; columns
    are copies by the ways to have them, then others, at last hosts; `windows` is how many copies
    one accelerator window takes. Returns the squared way of the last step.
    """
    n_classes, n_copies, n_sources = len(first) - 1, len(windows), len(at_host)
    masks = n_classes + n_copies
    served, copies, pull = np.empty(n_classes), np.empty((2, n_copies)), np.empty((2, n_copies))
    used, busy = np.empty(n_copies), np.empty(n_masks)
    hosts, free = np.empty(n_hosts), np.empty(spots[n_hosts])
    host, spot = np.empty(n_hosts), np.empty(spots[n_hosts])
    pull_copies(arc, first, at_copy, pull)
    pull_sources(source, at_host, spots, first_spot, kappa, host, spot, 0, n_sources)
    way = 0.0
    for step in range(since, since + steps):
        stay = (step + 1.0) / (step + 2.0)
        y = row[VALUE]
        price = y[n_classes:masks] * windows
        way = move_arcs(
            arc, first, at_copy, at_mask, at_source, y, price, y[masks : masks + n_masks],
            source[VALUE], weight, stay,
        )  # fmt: skip
        way += move_rest(
            column, cost, most, col_start, col_index, col_value, y, pull, of_copy, host, spot, 0,
            len(cost), weight, stay,
        )  # fmt: skip
        count_copies(column, of_copy, copies, hosts, free)
        way += charge_arcs(
            arc, first, at_copy, at_mask, at_source, source, sources, copies, served, pull, used,
            busy, weight, stay,
        )  # fmt: skip
        way += charge_sources(
            source, at_host, spots, first_spot, kappa, hosts, free, host, spot, 0, n_sources,
            weight, stay,
        )  # fmt: skip
        way += charge_rows(
            row, needed, row_start, row_index, row_value, column[REFLECTED], served, used, busy,
            windows, 0, len(needed), weight, stay,
        )  # fmt: skip
    return way
