"""From a placement to a book, and from a book to a placement."""

from typing import Any

import numpy as np
from numba import types

from placement.compiled import Compiled
from placement.methods.hosting import improved, plan_hosting
from placement.methods.ledger import Ledger
from placement.methods.recreate.changes import find, put, set_replicas
from placement.methods.recreate.pointers import BOOK, class_at, holding_at
from placement.methods.recreate.records import BASE, Book
from placement.methods.recreate.state import Rows, grow
from placement.methods.verifying import verify_all
from placement.native import native
from placement.quantities import REEXECUTION, Bools, Floats, Ints, whole_up
from placement.solution import Placement

_INT, _NONE = types.int64, types.void
_INTS = types.Array(types.int64, 1, "C")
_TABLE = types.Array(types.int64, 2, "C")
_REALS = types.Array(types.float64, 1, "C")


def frozen_classes(compiled: Compiled) -> Bools:
    """Classes that stay where they are: those with pairs, and plain jobs."""
    q = compiled.quantities
    return np.asarray(q.paired | (q.class_model < 0))


# --- hosting -----------------------------------------------------------------------------------


def planned_hosting(compiled: Compiled) -> Bools | None:
    """The cheapest hosts there have to be; None where none were found."""
    ledger = Ledger(compiled)
    return ledger.hosting if plan_hosting(ledger) else None


def lasting_hosting(compiled: Compiled, start: Placement) -> Bools:
    """The hosts of a placement without those that serve nobody but themselves."""
    q = compiled.quantities
    hosting = np.zeros((q.n_models, q.n_nodes), dtype=bool)
    hosting[start.host_m, start.host_n] = True
    return serving(compiled, hosting, start.load_m, start.load_s, start.load_n)


def serving(compiled: Compiled, hosting: Bools, m: Ints, source: Ints, n: Ints) -> Bools:
    """A hosting without hosts that serve only themselves, as far as models can do without.

    Models m are read from nodes `source` by nodes n.
    """
    q, base = compiled.quantities, hosting.copy()
    private, own = np.zeros_like(base), source == n
    private[m[own], n[own]] = True
    private[m[~own], source[~own]] = False
    for model in np.unique(np.nonzero(base & private)[0]).tolist():
        hosts = base[model]
        groups = np.bincount(q.node_group[hosts], minlength=q.n_groups)
        for at in np.flatnonzero(hosts & private[model]).tolist():
            spare = groups[q.node_group[at]] > 1 or np.count_nonzero(groups) > q.min_hosts[model]
            if spare and hosts.sum() > 1:
                hosts[at] = False
                groups[q.node_group[at]] -= 1
    return base


# --- into the book -----------------------------------------------------------------------------


@native(_NONE(BOOK, _TABLE, _TABLE))
def load_rows(b: Any, replicas: Any, requests: Any) -> None:
    """Enter rows (node, model, replicas, own) and (class, node, kind, count) into an empty book."""
    for i in range(len(replicas)):
        set_replicas(b, replicas[i, 0], replicas[i, 1], replicas[i, 2], replicas[i, 3])
    for i in range(len(requests)):
        g, n = requests[i, 0], requests[i, 1]
        put(b, find(b, n, class_at(b, g).model), g, requests[i, 2], requests[i, 3])


def enter(book: Book, rows: Rows) -> None:
    """Enter rows into a book that has nothing on their nodes."""
    grow(book, 2 * len(rows.g))
    load_rows(book.native, *rows.tables())


@native(_NONE(BOOK, _INTS, _INTS, _INTS, _REALS))
def _fix(b: Any, n: Any, m: Any, z: Any, work: Any) -> None:
    """Keep z replicas of m on n and so much of their time for what is frozen."""
    for i in range(len(n)):
        hold = holding_at(b, find(b, n[i], m[i]))
        hold.fixed = z[i]
        hold.work_s += work[i]


def rows_from(compiled: Compiled, base: Bools, start: Placement) -> Rows:
    """What a placement decides, as far as a book moves it."""
    q, p = compiled.quantities, start
    hosting = np.zeros_like(base)
    hosting[p.host_m, p.host_n] = True
    new = p.replica_count > q.loaded[p.replica_m, p.replica_n]
    own = hosting[p.replica_m, p.replica_n] & ~base[p.replica_m, p.replica_n] & new
    left_out = frozen_classes(compiled)
    again = q.mode[p.verify_g] == REEXECUTION
    left_out[p.verify_g[again & ~_held(compiled, p, p.verify_g, p.verify_n)]] = True
    runs, checks = ~left_out[p.run_g], ~left_out[p.verify_g] & again
    kind = np.repeat(np.arange(2), [runs.sum(), checks.sum()])
    return Rows(
        p.replica_n, p.replica_m, p.replica_count, own.astype(np.int64),
        np.concatenate([p.run_g[runs], p.verify_g[checks]]),
        np.concatenate([p.run_n[runs], p.verify_n[checks]]),
        kind,
        np.concatenate([p.run_count[runs], p.verify_count[checks]]),
    )  # fmt: skip


def _held(compiled: Compiled, p: Placement, g: Ints, n: Ints) -> Bools:
    """Whether the nodes hold replicas of the models of the classes; free work needs none."""
    q = compiled.quantities
    held = np.zeros((q.n_models + 1, q.n_nodes), dtype=bool)
    held[p.replica_m, p.replica_n] = True
    return np.asarray(held[q.class_model[g], n])


def freeze(compiled: Compiled, book: Book, start: Placement) -> float:
    """Set apart what frozen classes take; the replicas of the placement are in the book already.

    Returns
    -------
    float
        $ of engaging the nodes of plain jobs, which no move changes.
    """
    q, p = compiled.quantities, start
    frozen = frozen_classes(compiled)
    runs, checks = frozen[p.run_g], frozen[p.verify_g]
    g = np.concatenate([p.run_g[runs], p.verify_g[checks]])
    n = np.concatenate([p.run_n[runs], p.verify_n[checks]])
    executed = q.work_s(p.run_g[runs], p.run_n[runs]) * p.run_count[runs]
    again = q.reexecution_work_s(p.verify_g[checks], p.verify_n[checks]) * p.verify_count[checks]
    work = np.concatenate([executed, again])
    np.subtract.at(book.nodes["free_s"], n, work)
    np.subtract.at(book.groups, q.node_group[p.run_n[runs]], p.run_count[runs])
    cores = q.core_s[p.verify_g[checks]] * p.verify_count[checks]
    np.subtract.at(book.nodes["cores_s"], p.verify_n[checks], cores)
    held = np.flatnonzero(_held(compiled, p, g, n))
    holdings, at = np.unique(n[held] * q.n_models + q.class_model[g[held]], return_inverse=True)
    total = np.bincount(at, work[held], len(holdings))
    m, at_n = holdings % max(1, q.n_models), holdings // max(1, q.n_models)
    if len(m):
        fixed = np.maximum(whole_up(total / np.maximum(q.replica_s(m, at_n), 1e-12)), 1)
        _fix(book.native, at_n, m, fixed, total)
    plain = n[q.class_model[g] < 0]
    engaged = np.unique(plain)
    paid = engaged[book.nodes["held"][engaged] > 0]
    book.change("cost", book.cost - float(compiled.engagement[paid].sum()))
    book.nodes["pinned"][engaged] = 1
    return float(compiled.engagement[engaged].sum())


def standing_cost(compiled: Compiled, base: Bools, start: Placement) -> float:
    """$ of what no move changes: hosts, and frozen classes."""
    p, cost = start, float(np.sum(compiled.host_cost[base]))
    frozen = frozen_classes(compiled)
    runs, checks = frozen[p.run_g], frozen[p.verify_g]
    cost += float(compiled.price_runs(p.run_g[runs], p.run_n[runs]).cost @ p.run_count[runs])
    priced = compiled.price_checks(p.verify_g[checks], p.verify_n[checks]).cost
    cost += float(priced @ p.verify_count[checks])
    left = np.where(frozen & (p.unserved > 0), p.unserved, 0)
    penalty = compiled.quantities.penalty
    return cost + float(np.sum(left * np.where(np.isfinite(penalty), penalty, 0.0)))


def cost_of_rows(compiled: Compiled, book: Book, rows: Rows) -> float:
    """$ of what a book decides, added up anew."""
    q, nodes, classes = compiled.quantities, book.nodes, book.classes
    runs = rows.kind == 0
    g, n, count = rows.g[runs], rows.n[runs], rows.count[runs]
    cost = float((compiled.price_runs(g, n).cost + classes["light"][g]) @ count)
    left = np.where(classes["frozen"] > 0, 0, q.count - np.bincount(g, count, q.n_classes))
    cost += float(classes["penalty"] @ left)
    g, n, count = rows.g[~runs], rows.n[~runs], rows.count[~runs]
    cost += float(compiled.price_checks(g, n).cost @ count)
    m, n = rows.replica_m, rows.replica_n
    new = np.maximum(rows.replica_z - q.loaded[m, n], 0)
    cost += float(compiled.load_cost(m, n) @ new)
    base = (book.known[n, m] & BASE) > 0
    fetched = np.where(new > 0, new * book.fetch[m, nodes["region"][n]], 0.0)
    paid = np.where(rows.replica_own > 0, compiled.host_cost[m, n], fetched)
    engaged = np.unique(n)
    engaged = engaged[nodes["pinned"][engaged] == 0]
    return cost + float(paid[~base].sum()) + float(compiled.engagement[engaged].sum())


# --- out of the book ---------------------------------------------------------------------------


def placement_of(compiled: Compiled, base: Bools, start: Placement, rows: Rows) -> Placement:
    """The placement that rows stand for: the rest verified, hosts as cheap as can be."""
    ledger = _ledger(compiled, base, rows)
    _enter_frozen(ledger, start)
    verify_all(ledger)
    return improved(compiled, ledger.placement())


def _ledger(compiled: Compiled, base: Bools, rows: Rows) -> Ledger:
    q, ledger = compiled.quantities, Ledger(compiled)
    ledger.hosting |= rows.hosting(base)
    ledger.replicas[rows.replica_m, rows.replica_n] = rows.replica_z
    m, n = np.nonzero(ledger.replicas)
    held = ledger.replicas[m, n]
    new = np.maximum(held - q.loaded[m, n], 0)
    np.subtract.at(ledger.capacity_s, n, q.load_s(m, n) * new)
    np.subtract.at(ledger.memory_gb, n, q.replica_gb[m] * held)
    ledger.share_s[m, n] = q.replica_s(m, n) * held
    ledger.storage_gb -= q.weights_gb @ ledger.hosting
    ledger.transfer_left -= float(np.sum((q.weights_gb[m] * new)[~ledger.hosting[m, n]]))
    ledger.transfer_left -= float(q.weights_gb @ np.sum(ledger.hosting & ~q.hosted, axis=1))
    ledger.new_left -= int(new.sum())
    runs = rows.kind == 0
    _enter(ledger, rows.g[runs], rows.n[runs], rows.count[runs])
    _enter_checks(ledger, rows.g[~runs], rows.n[~runs], rows.count[~runs])
    return ledger


def _spend(ledger: Ledger, g: Ints, n: Ints, work: Floats) -> None:
    q = ledger.q
    np.subtract.at(ledger.capacity_s, n, work)
    held = q.class_model[g] >= 0
    np.subtract.at(ledger.share_s, (q.class_model[g[held]], n[held]), work[held])


def _enter(ledger: Ledger, g: Ints, n: Ints, count: Ints) -> None:
    q = ledger.q
    keys = zip(g.tolist(), n.tolist(), strict=True)
    ledger.executed.update(zip(keys, count.tolist(), strict=True))
    np.subtract.at(ledger.left, g, count)
    np.subtract.at(ledger.group_left, q.node_group[n], count)
    _spend(ledger, g, n, q.work_s(g, n) * count)


def _enter_checks(ledger: Ledger, g: Ints, n: Ints, count: Ints) -> None:
    q = ledger.q
    keys = zip(g.tolist(), n.tolist(), strict=True)
    ledger.checked.update(zip(keys, count.tolist(), strict=True))
    np.subtract.at(ledger.cores_s, n, q.core_s[g] * count)
    _spend(ledger, g, n, q.reexecution_work_s(g, n) * count)


def _enter_frozen(ledger: Ledger, start: Placement) -> None:
    frozen = frozen_classes(ledger.compiled)
    runs, checks = frozen[start.run_g], frozen[start.verify_g]
    _enter(ledger, start.run_g[runs], start.run_n[runs], start.run_count[runs])
    columns = start.verify_g[checks], start.verify_n[checks], start.verify_count[checks]
    _enter_checks(ledger, *columns)


def cost_of(compiled: Compiled, p: Placement) -> float:
    """$ of a placement, infinite where what must be served is not."""
    q = compiled.quantities
    turned_away = p.unserved > 0
    cost = float(np.sum(q.penalty[turned_away] * p.unserved[turned_away]))
    cost += float(compiled.price_runs(p.run_g, p.run_n).cost @ p.run_count)
    cost += float(compiled.price_checks(p.verify_g, p.verify_n).cost @ p.verify_count)
    cost += float(compiled.load_cost(p.load_m, p.load_n) @ p.load_count)
    cost += float(compiled.host_cost[p.host_m, p.host_n].sum())
    price = q.transfer_price[q.node_region[p.load_s], q.node_region[p.load_n]]
    fetched = np.where(p.load_s == p.load_n, 0.0, q.weights_gb[p.load_m] * price)
    engaged = np.unique(np.concatenate([p.replica_n, p.run_n, p.verify_n]))
    return cost + float(fetched @ p.load_count) + float(compiled.engagement[engaged].sum())
