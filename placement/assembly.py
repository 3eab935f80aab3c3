"""From decisions in dense or columnar form to a placement, nothing idle kept."""

from typing import TypeVar

import numpy as np

from placement.compiled import Compiled
from placement.quantities import Bools, Floats, Ints, whole_up
from placement.solution import Placement

Values = TypeVar("Values", Ints, Floats)
Counts = tuple[Ints, Ints, Ints]
"""Rows (class, node, count)."""


def assemble(
    compiled: Compiled,
    hosting: Bools,
    replicas: Ints,
    *,
    runs: Counts,
    checks: Counts,
    unserved: Ints,
) -> Placement:
    """A placement in which each load reads from its cheapest host.

    Parameters
    ----------
    hosting : array of bool, shape (models, nodes)
    replicas : array of int, shape (models, nodes)
        Replicas available; those that the work does not need are dropped.
    runs, checks : tuple of arrays
        Requests executed and verifications done; of these, surplus ones are dropped.
    unserved : array of int
        Requests turned away, for each class.
    """
    q = compiled.quantities
    checks = _no_more_than_needed(compiled, runs, checks)
    replicas = np.minimum(replicas, replicas_needed(compiled, runs, checks))
    host_m, host_n = np.nonzero(hosting)
    m, n = np.nonzero(replicas)
    fresh = np.maximum(replicas[m, n] - q.loaded[m, n], 0)
    new = fresh > 0
    source = cheapest_source(compiled, hosting, m[new], n[new])
    return Placement(
        host_m, host_n, m, n, replicas[m, n], m[new], source, n[new], fresh[new],
        *runs, *checks, np.asarray(unserved, dtype=np.int64),
    )  # fmt: skip


def _no_more_than_needed(compiled: Compiled, runs: Counts, checks: Counts) -> Counts:
    """The verifications without those beyond what the executed requests need."""
    q = compiled.quantities
    g, n, count = checks
    executed = np.bincount(runs[0], runs[2], q.n_classes)
    surplus = np.bincount(g, count, q.n_classes) - whole_up(compiled.wanted_checks * executed)
    rows = np.flatnonzero(surplus[g] > 0)
    if not len(rows):
        return checks
    cost = compiled.price_checks(g[rows], n[rows]).cost
    order = rows[np.lexsort((-cost, g[rows]))]
    before = running_totals(count[order], g[order]) - count[order]
    count = count.copy()
    count[order] -= np.clip(surplus[g[order]] - before, 0, count[order]).astype(np.int64)
    return g[count > 0], n[count > 0], count[count > 0]


def running_totals(amount: Values, key: Ints) -> Values:
    """Running totals that begin anew with every key; keys are in increasing order."""
    total = np.cumsum(amount)
    return total - (total - amount)[np.searchsorted(key, key)]


def joined(left: Ints, right: Ints) -> tuple[Ints, Ints]:
    """All pairs of positions, one on each side, with the same number there; `right` is sorted."""
    first = np.searchsorted(right, left)
    number = np.searchsorted(right, left, side="right") - first
    i = np.repeat(np.arange(len(left)), number)
    j = np.arange(len(i)) + np.repeat(first - (np.cumsum(number) - number), number)
    return i, j


def replicas_needed(compiled: Compiled, runs: Counts, checks: Counts) -> Ints:
    """The fewest replicas that the work needs, shape (models, nodes)."""
    q = compiled.quantities
    (g, n, count), (checked_g, checked_n, checked) = runs, checks
    work = np.zeros((q.n_models + 1, q.n_nodes))
    used = np.zeros((q.n_models + 1, q.n_nodes), dtype=bool)
    np.add.at(work, (q.class_model[g], n), q.work_s(g, n) * count)
    again = q.reexecution_work_s(checked_g, checked_n) * checked
    np.add.at(work, (q.class_model[checked_g], checked_n), again)
    used[q.class_model[g], n] = True
    needed: Ints = np.zeros((q.n_models, q.n_nodes), dtype=np.int64)
    at = np.nonzero((work > 0)[: q.n_models] | used[: q.n_models])
    with np.errstate(divide="ignore", invalid="ignore"):
        needed[at] = np.maximum(whole_up(work[at] / q.replica_s(*at)), 1)
    return needed


def cheapest_source(compiled: Compiled, hosting: Bools, m: Ints, n: Ints) -> Ints:
    """The host from which each (m, n) reads its weights: itself, or one in the cheapest region.

    Every model asked for must have a host.
    """
    q = compiled.quantities
    source = n.copy()
    remote = np.flatnonzero(~hosting[m, n])
    for model in np.unique(m[remote]).tolist():
        rows = remote[m[remote] == model]
        hosts = np.flatnonzero(hosting[model])
        price = q.transfer_price[q.node_region[hosts][:, None], q.node_region[n[rows]][None, :]]
        source[rows] = hosts[np.argmin(price, axis=0)]
    return source
