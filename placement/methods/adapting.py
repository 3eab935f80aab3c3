"""An earlier placement made to fit the instance of today, as far as it does."""

import numpy as np

from placement.assembly import Counts, assemble
from placement.compiled import Compiled
from placement.methods.hosting import plan_hosting
from placement.methods.ledger import Ledger
from placement.quantities import REEXECUTION, Bools, Ints, whole_down
from placement.solution import Placement

_SLACK = 1e-9


def adapted(compiled: Compiled, start: Placement) -> Placement | None:
    """What of a placement is still allowed: requests beyond today's demand are left out.

    So are new replicas beyond the limits. Nodes that are overdrawn lose what they run, control
    groups what is above their share, and classes that are re-executed all they have where anything
    of it changed. Nothing is verified but these. None where no hosts are found.
    """
    hosting = _hosting(compiled, start)
    if hosting is None:
        return None
    q = compiled.quantities
    replicas = np.zeros((q.n_models, q.n_nodes), dtype=np.int64)
    np.add.at(replicas, (start.replica_m, start.replica_n), start.replica_count)
    replicas = np.minimum(replicas, compiled.max_replicas)
    replicas = _within_limits(compiled, start, hosting, replicas)
    runs = _runs(compiled, start, replicas)
    redone = compiled.verified & (q.mode == REEXECUTION)
    executed = np.bincount(runs[0], runs[2], q.n_classes)
    before = np.bincount(start.run_g, start.run_count, q.n_classes)
    kept = ~redone | ((executed == before) & (before + start.unserved == q.count))
    verified = start.verify_g, start.verify_n, start.verify_count
    checks = _rows(verified, (kept & redone)[start.verify_g])
    runs = _rows(runs, kept[runs[0]])
    runs, checks = _within_nodes(compiled, replicas, runs, checks)
    served = np.bincount(runs[0], runs[2], q.n_classes).astype(np.int64)
    return assemble(
        compiled, hosting, replicas, runs=runs, checks=checks, unserved=q.count - served
    )


def _rows(rows: Counts, kept: Bools) -> Counts:
    return rows[0][kept], rows[1][kept], rows[2][kept]


def _hosting(compiled: Compiled, start: Placement) -> Bools | None:
    """The hosts there were, as far as they are allowed, and those that are needed besides."""
    q, ledger = compiled.quantities, Ledger(compiled)
    for m, n in zip(start.host_m.tolist(), start.host_n.tolist(), strict=True):
        if ledger.can_host(m, n):
            ledger.host(m, n)
    enough = [
        len(np.unique(q.node_group[ledger.hosting[m]])) >= q.min_hosts[m] for m in range(q.n_models)
    ]
    if all(enough):
        return ledger.hosting
    fresh = Ledger(compiled)
    return fresh.hosting if plan_hosting(fresh) else None


def _within_limits(compiled: Compiled, start: Placement, hosting: Bools, replicas: Ints) -> Ints:
    """The replicas without the new ones beyond the limits; those with most work come first."""
    q = compiled.quantities
    limits = q.instance.limits
    m, n = np.nonzero(replicas > q.loaded)
    work = np.zeros((q.n_models + 1, q.n_nodes))
    seconds = q.work_s(start.run_g, start.run_n) * start.run_count
    np.add.at(work, (q.class_model[start.run_g], start.run_n), seconds)
    order = np.argsort(-work[m, n], kind="stable")
    m, n = m[order], n[order]
    new = replicas[m, n] - q.loaded[m, n]
    kept = new
    if limits.max_new_replicas is not None:
        kept = np.clip(limits.max_new_replicas - (np.cumsum(new) - new), 0, new)
    if limits.max_transfer_gb is not None:
        copied = float((q.weights_gb @ (hosting & ~q.hosted)).sum())
        moved = np.where(hosting[m, n], 0.0, q.weights_gb[m]) * kept
        kept = np.where(np.cumsum(moved) <= limits.max_transfer_gb - copied + _SLACK, kept, 0)
    fitted = replicas.copy()
    fitted[m, n] = q.loaded[m, n] + kept
    return fitted


def _runs(compiled: Compiled, start: Placement, replicas: Ints) -> Counts:
    """Executions where they are allowed, up to the demand and the shares of control groups."""
    q = compiled.quantities
    g, n, count = start.run_g, start.run_n, start.run_count
    held = q.class_model[g] < 0
    if q.n_models:
        held = held | (replicas[q.class_model[g], n] > 0)
    rows = _rows((g, n, count), q.can_run(g, n) & held)
    rows = _up_to(rows, rows[0], q.count)
    return _up_to(rows, q.node_group[rows[1]], whole_down(q.max_share * q.total_count))


def _up_to(rows: Counts, key: Ints, most: Ints) -> Counts:
    """The rows, cut where those of one key are more than its most."""
    order = np.argsort(key, kind="stable")
    g, n, count = (column[order] for column in rows)
    key = key[order]
    before = np.cumsum(count) - count
    before = before - before[np.searchsorted(key, key)]
    count = np.clip(most[key] - before, 0, count).astype(np.int64)
    return g[count > 0], n[count > 0], count[count > 0]


def _within_nodes(
    compiled: Compiled, replicas: Ints, runs: Counts, checks: Counts
) -> tuple[Counts, Counts]:
    """The rows without those of nodes that have no time or memory for what they would hold."""
    q = compiled.quantities
    (g, n, count), (checked, at, number) = runs, checks
    work, again = q.work_s(g, n) * count, q.reexecution_work_s(checked, at) * number
    used = np.bincount(n, work, q.n_nodes) + np.bincount(at, again, q.n_nodes).astype(float)
    share = np.zeros((q.n_models + 1, q.n_nodes))
    np.add.at(share, (q.class_model[g], n), work)
    np.add.at(share, (q.class_model[checked], at), again)
    m, held = np.nonzero(replicas)
    new = np.maximum(replicas[m, held] - q.loaded[m, held], 0)
    used += np.bincount(held, new * q.load_s(m, held), q.n_nodes)
    stored = np.bincount(held, q.replica_gb[m] * replicas[m, held], q.n_nodes)
    over = (used > q.capacity_s * (1 + _SLACK)) | (stored > q.memory_gb * (1 + _SLACK))
    short = share[m, held] > q.replica_s(m, held) * replicas[m, held] * (1 + _SLACK)
    over[held[short]] = True
    redone = np.zeros(q.n_classes, dtype=bool)
    redone[checked] = True
    lost = np.zeros(q.n_classes, dtype=bool)
    lost[g[over[n]]] = lost[checked[over[at]]] = True
    keep = ~over[n] & ~(redone & lost)[g]
    return _rows(runs, keep), _rows(checks, ~(redone & lost)[checked])
