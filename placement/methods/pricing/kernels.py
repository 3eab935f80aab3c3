"""The steps of the first-order method on the pooled program, in native code.

Arcs belong to rows of classes: those of row r are `first[r]:first[r + 1]`. What is known of arcs is
kept in single precision, in the columns named here, because reading it is what takes the time; sums
are in double. Everything else is a small sparse program of its own, the rest.
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
"""Columns of the rest's variables, and of its rows."""


@native("f8(f4[:, :], i4[:], i4[:], i4[:], f8[:], f8[:], f8[:], f8, f8)")
def move_arcs(
    arc: Any,
    first: Any,
    at_copy: Any,
    at_mask: Any,
    worth: Any,
    copy: Any,
    mask: Any,
    weight: Any,
    stay: Any,
) -> Any:
    """Move the fractions served against their reduced costs; returns the squared way.

    `worth`, `copy`, `mask` are the prices of class rows, and of windows of (model, cell) and mask.
    """
    way = 0.0
    for r in range(len(first) - 1):
        for a in range(first[r], first[r + 1]):
            price = copy[at_copy[a]] + mask[at_mask[a]]
            reduced = arc[COST, a] + arc[WORK, a] * price + arc[LINK, a] - worth[r]
            x, step = arc[X, a], arc[TAU, a] / weight
            moved = max(0.0, x - step * reduced)
            way += (moved - x) * (moved - x) / step
            arc[MOVED, a] = 2.0 * moved - x
            arc[X, a] = stay * (2.0 * moved - x) + (1.0 - stay) * arc[X_START, a]
    return way


@native("f8(f4[:, :], i4[:], i4[:], i4[:], f8[:, :], f8[:], f8[:, :], f8[:], f8[:], f8, f8)")
def charge_arcs(
    arc: Any,
    first: Any,
    at_copy: Any,
    at_mask: Any,
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
    class row, `used` windows of a (model, cell), `busy` windows of a mask; and `pull`, what the
    links pay for a copy and for a bulk.
    """
    way = 0.0
    pull[:, :], used[:], busy[:] = 0.0, 0.0, 0.0
    for r in range(len(first) - 1):
        total = 0.0
        for a in range(first[r], first[r + 1]):
            c = at_copy[a]
            moved, link = arc[MOVED, a], arc[LINK, a]
            short = moved - arc[KAPPA, a] * copies[0, c] - arc[BULK, a] * copies[1, c]
            step = weight * arc[SIGMA, a]
            charged = max(0.0, link + step * short)
            way += (charged - link) * (charged - link) / step
            link = stay * (2.0 * charged - link) + (1.0 - stay) * arc[LINK_START, a]
            arc[LINK, a] = link
            pull[0, c] += arc[KAPPA, a] * link
            pull[1, c] += arc[BULK, a] * link
            used[c] += arc[WORK, a] * moved
            busy[at_mask[a]] += arc[WORK, a] * moved
            total += moved
        served[r] = total
    return way


@native("f8(f8[:, :], f8[:], f8[:], i4[:], i4[:], f8[:], f8[:], f8[:, :], i8, i8, f8, f8)")
def move_rest(
    column: Any,
    cost: Any,
    most: Any,
    start: Any,
    index: Any,
    value: Any,
    price: Any,
    pull: Any,
    begin: Any,
    end: Any,
    weight: Any,
    stay: Any,
) -> Any:
    """Move some of the rest's variables within their bounds; returns the squared way.

    They move against what rows pay for them at their prices, `start`, `index`, `value` the rest's
    matrix by columns, and what links do.
    """
    way, n = 0.0, pull.shape[1]
    for j in range(begin, end):
        worth = 0.0
        for p in range(start[j], start[j + 1]):
            worth += value[p] * price[index[p]]
        if j < 4 * n:
            worth += pull[j // (2 * n), j % n]
        x, step = column[VALUE, j], column[STEP, j] / weight
        moved = min(most[j], max(0.0, x - step * (cost[j] - worth)))
        way += (moved - x) * (moved - x) / step
        column[REFLECTED, j] = 2.0 * moved - x
        column[VALUE, j] = stay * (2.0 * moved - x) + (1.0 - stay) * column[START, j]
    return way


@native("void(f8[:, :], f8[:, :])")
def count_copies(column: Any, copies: Any) -> None:
    """Single copies and bulks, new or not, as they are reflected."""
    n, moved = copies.shape[1], column[REFLECTED]
    for c in range(n):
        copies[0, c] = moved[c] + moved[n + c]
        copies[1, c] = moved[2 * n + c] + moved[3 * n + c]


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


@native("void(f4[:, :], i4[:], i4[:], f8[:, :])")
def pull_copies(arc: Any, first: Any, at_copy: Any, pull: Any) -> None:
    """What the links pay for a copy and for a bulk, as they are."""
    pull[:, :] = 0.0
    for a in range(first[0], first[len(first) - 1]):
        pull[0, at_copy[a]] += arc[KAPPA, a] * arc[LINK, a]
        pull[1, at_copy[a]] += arc[BULK, a] * arc[LINK, a]


@native("b1[:](i4[:], f8[:], i8)")
def least_of_rows(first: Any, value: Any, most: Any) -> Any:
    """Which arcs are among so many of least value in their row; those of value -inf always are."""
    kept = value == -np.inf
    for r in range(len(first) - 1):
        row = value[first[r] : first[r + 1]]
        top = np.inf if len(row) <= most else np.partition(row, most)[most]
        for a in range(first[r], first[r + 1]):
            kept[a] |= value[a] < top
    return kept


@native("UniTuple(f8, 2)(f4[:, :], f8[:, :], f8[:, :])")
def ways(arc: Any, column: Any, row: Any) -> Any:
    """Squared ways since the restart of the primal and of the dual side, in the steps' metric."""
    primal = dual = 0.0
    for a in range(arc.shape[1]):
        x, y = arc[X, a] - arc[X_START, a], arc[LINK, a] - arc[LINK_START, a]
        primal += x * x / arc[TAU, a]
        dual += y * y / arc[SIGMA, a]
    for j in range(column.shape[1]):
        x = column[VALUE, j] - column[START, j]
        primal += x * x / column[STEP, j]
    for i in range(row.shape[1]):
        y = row[VALUE, i] - row[START, i]
        dual += y * y / row[STEP, i]
    return primal, dual


@native(
    "f8(i8, i8, f8, f4[:, :], i4[:], i4[:], i4[:], f8[:], f8[:, :], f8[:], f8[:], i4[:], i4[:],"
    " f8[:], i4[:], i4[:], f8[:], f8[:, :], f8[:], i8)"
)
def iterate(
    steps: Any,
    since: Any,
    weight: Any,
    arc: Any,
    first: Any,
    at_copy: Any,
    at_mask: Any,
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
) -> Any:
    """Steps of the reflected Halpern iteration, `since` of them since the restart.

    Rows are those of classes, then of copies by model and cell, then of masks, then others; columns
    are new copies, kept copies, bulks, bulks where the weights are stored, then others; `windows`
    is how many copies one accelerator window takes. Returns the squared way of the last step.
    """
    n_classes, n_copies = len(first) - 1, len(windows)
    masks = n_classes + n_copies
    served, copies, pull = np.empty(n_classes), np.empty((2, n_copies)), np.empty((2, n_copies))
    used, busy = np.empty(n_copies), np.empty(n_masks)
    pull_copies(arc, first, at_copy, pull)
    way = 0.0
    for step in range(since, since + steps):
        stay = (step + 1.0) / (step + 2.0)
        y = row[VALUE]
        price = y[n_classes:masks] * windows
        way = move_arcs(
            arc, first, at_copy, at_mask, y, price, y[masks : masks + n_masks], weight, stay
        )
        way += move_rest(
            column, cost, most, col_start, col_index, col_value, y, pull, 0, len(cost), weight, stay
        )
        count_copies(column, copies)
        way += charge_arcs(
            arc, first, at_copy, at_mask, copies, served, pull, used, busy, weight, stay
        )
        way += charge_rows(
            row, needed, row_start, row_index, row_value, column[REFLECTED], served, used, busy,
            windows, 0, len(needed), weight, stay,
        )  # fmt: skip
    return way
