"""Which replicas where, as networks do it today: the most wanted models first, spread out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from placement.compiled import Compiled
from placement.methods.ledger import Ledger
from placement.quantities import Bools, Floats, Ints

HEADROOM = 1.25
"""Accelerator time made ready for each pool of demand, as a multiple of what it takes."""


@dataclass(frozen=True)
class Pool:
    """Requests for one model that the same nodes can execute, or re-execute.

    Attributes
    ----------
    m : int
        The model.
    must : bool
        Whether the requests must be served.
    nodes : array of int
        The nodes that can do it.
    work_s : array
        Accelerator-seconds that all of it takes on each of these nodes.
    groups : int
        In how many control groups replicas are wanted.
    """

    m: int
    must: bool
    nodes: Ints
    work_s: Floats
    groups: int = 1


def load_by_popularity(
    ledger: Ledger, headroom: float = HEADROOM, stop: Callable[[], bool] = lambda: False
) -> None:
    """Open replicas in a ledger that has its hosts, until demand is covered or memory is full.

    Pools that must be served come first, then those of the models with the most work, the pools
    with the fewest nodes first. Replicas loaded now are kept where their model is asked for; new
    ones go where they cover most, less attractive the more the control group holds already. Ends
    early where `stop` says so.
    """
    pools = [pool for pool in _pools(ledger.compiled) if len(pool.nodes)]
    popularity = np.zeros(ledger.q.n_models)
    for pool in pools:
        popularity[pool.m] += float(pool.work_s.mean())
    _keep_loaded(ledger, popularity)
    pools.sort(key=lambda p: (not p.must, -popularity[p.m], p.m, p.groups, len(p.nodes)))
    loading = _Loading(ledger, stop)
    for pool in pools:
        if stop():
            return
        loading.cover(pool, headroom)


def _keep_loaded(ledger: Ledger, popularity: Floats) -> None:
    """Keep the replicas in memory now whose model is asked for, the most popular first."""
    m, n = np.nonzero(ledger.q.loaded * (popularity > 0)[:, None])
    for i in np.lexsort((n, -popularity[m])).tolist():
        useful = min(ledger.q.loaded[m[i], n[i]], ledger.compiled.max_replicas[m[i], n[i]])
        for _ in range(int(useful)):
            if ledger.can_open(int(m[i]), int(n[i])):
                ledger.open(int(m[i]), int(n[i]))


# --- pools of demand ---------------------------------------------------------------------------


def _pools(compiled: Compiled) -> Iterator[Pool]:
    q = compiled.quantities
    plain = np.flatnonzero(~q.paired & (q.class_model >= 0))
    weight = q.overhead[plain] * q.count[plain]
    extra = q.count * q.extra_s
    yield from _by_ability(compiled, plain, compiled.run_kinds, weight, extra[plain])
    for g in np.flatnonzero(q.paired & (q.class_model >= 0)).tolist():
        nodes = q.pair_node[slice(*np.searchsorted(q.pair_class, [g, g + 1]))]
        nodes = nodes[q.can_run(g, nodes)]
        must = bool(np.isinf(q.penalty[g]))
        yield Pool(int(q.class_model[g]), must, nodes, q.count[g] * q.work_s(g, nodes))
    redone = np.flatnonzero(compiled.redone & (q.class_model >= 0))
    weight = compiled.wanted_checks[redone] * q.count[redone]
    yield from _by_ability(compiled, redone, compiled.verify_kinds, weight, np.zeros(len(redone)))


def _by_ability(
    compiled: Compiled, classes: Ints, able: Bools, weight: Floats, extra_s: Floats
) -> Iterator[Pool]:
    """One pool for all classes of a model that the same kinds of nodes are able to do.

    `weight` counts requests, `extra_s` is work that comes on top, both one entry a class.
    """
    q = compiled.quantities
    if not len(classes):
        return
    must = np.isinf(q.penalty[classes])
    groups = np.where(able is compiled.verify_kinds, q.verifiers[classes] + 1, 1)
    keys = np.stack([q.class_model[classes], must, groups], axis=1).astype(np.int64)
    rows = np.concatenate([keys.view(np.uint8), np.packbits(able[classes], axis=1)], axis=1)
    whole = np.ascontiguousarray(rows).view(f"V{rows.shape[1]}").ravel()
    _, first, pool = np.unique(whole, return_index=True, return_inverse=True)
    prefill = np.bincount(pool, weight * q.input_tokens[classes])
    decode = np.bincount(pool, weight * q.output_tokens[classes])
    extra = np.bincount(pool, extra_s)
    for i, at in enumerate(first.tolist()):
        g = int(classes[at])
        m = int(q.class_model[g])
        nodes = np.flatnonzero(able[g][q.node_kind])
        t = q.node_type[nodes]
        work = prefill[i] / q.prefill_per_s[m, t] + decode[i] / q.decode_per_s[m, t] + extra[i]
        yield Pool(m, bool(must[at]), nodes, work, int(groups[at]))


# --- replicas for the pools --------------------------------------------------------------------


class _Loading:
    """Accelerator time set aside for pools, so that no time is promised twice."""

    def __init__(self, ledger: Ledger, stop: Callable[[], bool]) -> None:
        self.ledger, self.stop = ledger, stop
        self.promised_s: Floats = np.zeros_like(ledger.share_s)
        """Of each model on each node."""
        self.busy_s: Floats = np.zeros(ledger.q.n_nodes)
        """Promised on each node to all models."""
        limits = ledger.q.instance.limits
        self.limited = limits.max_new_replicas is not None or limits.max_transfer_gb is not None

    def cover(self, pool: Pool, headroom: float) -> None:
        """Set time aside for a pool on replicas there are, then on new ones."""
        ledger, m = self.ledger, pool.m
        group = ledger.q.node_group[pool.nodes]
        work = np.maximum(pool.work_s, 1e-12)
        wanted = headroom - self._promise_spare(pool, work, headroom)
        in_group = np.bincount(group, ledger.replicas[m, pool.nodes], ledger.q.n_groups)
        offered = self._offered_s(pool, np.arange(len(pool.nodes)))
        while wanted > 1e-9 or np.count_nonzero(in_group) < pool.groups:
            score = offered / work / (1.0 + in_group[group])
            if wanted <= 1e-9:
                score = np.where(in_group[group] > 0, 0.0, score)
            best = int(np.argmax(score))
            if score[best] <= 0 or self.stop():
                return
            used = min(float(offered[best]), max(wanted, 0.0) * float(work[best]))
            ledger.open(m, int(pool.nodes[best]))
            self._promise(m, pool.nodes[best], used)
            wanted -= used / float(work[best])
            in_group[group[best]] += 1
            changed = np.arange(len(pool.nodes)) if self.limited else np.array([best])
            offered[changed] = self._offered_s(pool, changed)

    def _promise_spare(self, pool: Pool, work: Floats, headroom: float) -> float:
        """Promise time of replicas there are, evenly; returns the part of the pool covered."""
        ledger, m, nodes = self.ledger, pool.m, pool.nodes
        spare = np.minimum(
            ledger.share_s[m, nodes] - self.promised_s[m, nodes],
            ledger.capacity_s[nodes] - self.busy_s[nodes],
        )
        spare = np.maximum(spare, 0.0)
        covered = float((spare / work).sum())
        spare *= min(1.0, headroom / max(covered, 1e-12))
        self._promise(m, nodes, spare)
        return min(covered, headroom)

    def _promise(self, m: int, n: Ints, seconds: Floats | float) -> None:
        self.promised_s[m, n] += seconds
        self.busy_s[n] += seconds

    def _offered_s(self, pool: Pool, rows: Ints) -> Floats:
        """Time that one more replica offers on some of the nodes; 0 where none can be or pays.

        What need not be served is not worth a load longer than the work that it makes room for.
        """
        ledger, q, m, n = self.ledger, self.ledger.q, pool.m, pool.nodes[rows]
        load = np.where(ledger.replicas[m, n] < q.loaded[m, n], 0.0, q.load_s(m, n))
        free = ledger.capacity_s[n] - self.busy_s[n] - load
        offered = np.minimum(q.replica_s(m, n), free)
        least = 0.0 if pool.must else load
        return np.where(ledger.openable(m, n) & (offered > least), offered, 0.0)
