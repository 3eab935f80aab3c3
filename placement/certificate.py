"""From prices to a lower bound, without any solver: docs/formulation.md section 6.

The coupling constraints are put into the objective with their prices. What is left falls apart into
pieces whose minimum is closed form or a tiny enumeration: a class turned away or not, a replica
count of a model on a node with the best fractional filling, a node engaged or not, the hosts of a
model. By weak duality the sum is a lower bound for ANY non-negative prices; bad prices only make it
weak.
"""

import numpy as np

from placement.instance import Instance
from placement.prices import Prices
from placement.quantities import (
    ATTESTATION,
    NONE,
    REEXECUTION,
    ROUNDING,
    Bools,
    Floats,
    Ints,
    Quantities,
    whole_up,
)
from placement.sources import Sources

LISTED = 64
"""Replica counts tried one by one."""

MARGIN = 1e-11
"""Subtracted from the bound, relative to the sum of all its parts in absolute value.

A hundred thousand roundings that all fall on one side lose 1e-11 of that sum.
"""


def certified_bound(instance: Instance, prices: Prices) -> float:
    """The lower bound [$] on every placement's objective that the prices prove."""
    return lower_bound(Quantities(instance), prices)


def lower_bound(quantities: Quantities, prices: Prices) -> float:
    """As `certified_bound`, for an instance already read into `Quantities`."""
    parts = np.concatenate(_Dual(quantities, prices).parts())
    return float(parts.sum() - MARGIN * np.abs(parts).sum())


class _Dual:
    """The pieces of the Lagrangian dual at given prices."""

    def __init__(self, quantities: Quantities, prices: Prices) -> None:
        self.q, self.p = q, p = quantities, prices
        self.hours = q.window_s / 3600.0
        self.rate = q.accelerator_price / 3600.0 + p.capacity
        self.kind_rate = np.full(len(q.kind_node), np.inf)
        """The least price of an accelerator-second among the nodes of each kind."""
        np.minimum.at(self.kind_rate, q.node_kind, self.rate)
        self.kind_core = np.full(len(q.kind_node), np.inf)
        np.minimum.at(self.kind_core, q.node_kind, q.core_price / 3600.0 + p.cores)
        order = np.argsort(q.class_model, kind="stable")
        bounds = np.searchsorted(q.class_model[order], np.arange(q.n_models + 1))
        self.members = [order[bounds[m] : bounds[m + 1]] for m in range(q.n_models)]
        limits = q.instance.limits
        given = (limits.max_new_replicas, limits.max_transfer_gb)
        self.limits: Floats = np.array([0.0 if v is None else v for v in given], dtype=float)
        self.limit_price = np.where([v is not None for v in given], p.limits, 0.0)
        self.sources = Sources(q, p, float(self.limit_price[1]))
        verified = (q.verifiers > 0) & (q.mode != NONE)
        self.check_price = np.where(verified, p.verification, 0.0)
        self.check_cap = np.where(q.independence == 2, q.count, whole_up(q.sample * q.count))
        keys = p.part_class * (q.n_groups + q.n_nodes) + p.part
        order = np.argsort(keys)
        self.part_keys, self.part_price = keys[order], p.independence[order]

    def parts(self) -> list[Floats]:
        """All parts whose sum is the bound."""
        q, p = self.q, self.p
        return [
            *self.demand(),
            np.minimum(self.nodes(), 0.0),
            self.sources.hosting(),
            -p.share * q.max_share * q.total_count,
            -self.limit_price * self.limits,
            -p.storage * q.storage_gb,
        ]

    def demand(self) -> list[Floats]:
        """Each class served at its prices or turned away at its penalty, and constraint 11."""
        q, p = self.q, self.p
        sample = np.where(q.independence == 2, 1.0, q.sample)
        rounds = (q.independence < 2) & (q.sample < 1)
        paid = np.bincount(p.part_class, p.independence, q.n_classes)
        rounding = np.where(rounds, p.rounding, paid)
        asked = p.demand + q.verifiers * q.sample * self.check_price - sample * rounding
        return [
            np.minimum(asked, q.penalty) * q.count,
            -rounding * rounds,
            -np.maximum(paid - rounding, 0.0) * self.check_cap,
        ]

    def part_price_at(self, g: Ints, n: Ints) -> Floats:
        """Price of constraint 11 for a class on the part that a node belongs to."""
        q = self.q
        if not len(self.part_keys):
            return np.zeros(np.broadcast_shapes(g.shape, n.shape))
        part = np.where(q.independence[g] == 0, q.node_group[n], n)
        key = g * (q.n_groups + q.n_nodes) + part
        at = np.minimum(np.searchsorted(self.part_keys, key), len(self.part_keys) - 1)
        return np.where(self.part_keys[at] == key, self.part_price[at], 0.0)

    # --- nodes ---------------------------------------------------------------------------------

    def nodes(self) -> Floats:
        """Least cost of engaging each node, everything on it priced; positive: leave it alone."""
        q, p = self.q, self.p
        sold = p.capacity * q.capacity_s + p.memory * q.memory_gb + p.cores * q.cores_s
        value = q.engaged_price * self.hours - sold
        for m in range(q.n_models):
            value += self.replicas(m)
        return value + self.plain() + self.light_checks()

    def run_price(self, g: Ints, n: Ints, work: Floats) -> Floats:
        """Reduced cost of executing one request."""
        q, p = self.q, self.p
        latency = q.latency_price[g] * q.latency_ms(g, n) / 1000.0
        part = np.where(q.independence[g] < 2, q.sample[g] * self.part_price_at(g, n), 0.0)
        share = p.share[q.node_group[n]]
        return self.rate[n] * work + latency + q.pair_price(g, n) + share + part - p.demand[g]

    def replicas(self, m: int) -> Floats:
        """Least cost of replicas of m on each node, filled with requests and re-executions.

        Counts are tried one by one up to `LISTED`; more replicas gain at most as much each as the
        first, and their source costs at least its share of the own copy.
        """
        q, p = self.q, self.p
        value = np.zeros(q.n_nodes)
        g = self._tempted(self.members[m])
        if not len(g):
            return value
        nodes = np.flatnonzero(q.max_replicas(np.array(m), np.arange(q.n_nodes)) > 0)
        if not len(nodes):
            return value
        most = q.max_replicas(np.array(m), nodes)
        cost, work = self._items(g, nodes)
        filling = _Filling(cost, work)
        fresh = self.rate[nodes] * q.load_s(np.array(m), nodes) + self.limit_price[0]
        fetch, own = self.sources.fetch(m)[nodes], self.sources.own(m)[nodes]
        held = p.memory[nodes] * q.replica_gb[m]
        loaded = np.minimum(q.loaded[m, nodes], most)
        one = filling.least(q.replica_s(np.array(m), nodes))
        each = fresh + np.minimum(fetch, own / np.maximum(most - loaded, 1))
        each = np.minimum(each, np.maximum(-one - held, 0.0))
        best = np.where(most > LISTED, most * np.minimum(one + held + each, 0) - loaded * each, 0)
        for z in range(1, min(int(most.max(initial=0)), LISTED) + 1):
            new = np.maximum(z - loaded, 0)
            source = np.where(new > 0, np.minimum(np.maximum(new, 1) * fetch, own), 0.0)
            total = (
                z * held + new * fresh + source + filling.least(z * q.replica_s(np.array(m), nodes))
            )
            best = np.where(z <= most, np.minimum(best, total), best)
        value[nodes] = best
        return value

    def _tempted(self, g: Ints) -> Ints:
        """The classes that some node might gain from, judged by the best of each node kind."""
        q = self.q
        g = g[(self.p.demand[g] > 0) | (self.check_price[g] > 0)]
        if not len(g):
            return g
        at = g[:, None], q.kind_node[None, :]
        latency = q.latency_price[g][:, None] * q.latency_ms(*at) / 1000.0
        run = self.kind_rate * q.work_s(*at) + latency < self.p.demand[g][:, None]
        redo = self.kind_rate * q.reexecution_work_s(*at) + np.outer(q.core_s[g], self.kind_core)
        check = redo < self.check_price[g][:, None]
        run &= q.can_run(*at)
        check &= (q.mode[g] == REEXECUTION)[:, None] & q.can_verify(*at)
        return np.asarray(g[np.any(run | check, axis=1) | q.paired[g]])

    def _items(self, g: Ints, nodes: Ints) -> tuple[Floats, Floats]:
        """Cost and work of all requests, and all re-executions, of each class on each node."""
        q = self.q
        at = g[:, None], nodes[None, :]
        work = q.work_s(*at)
        able = self._able(g, nodes)
        cost = np.where(able, np.minimum(self.run_price(*at, work), 0.0), 0.0)
        cost = cost * q.count[at[0]]
        work = work * q.count[at[0]]
        again = g[(q.mode[g] == REEXECUTION) & (q.verifiers[g] > 0)]
        if not len(again):
            return cost, work
        at = again[:, None], nodes[None, :]
        redo = q.reexecution_work_s(*at)
        price = self.rate[nodes] * redo + self.core_rate(again, nodes) + self.part_price_at(*at)
        price = np.minimum(price - self.check_price[again][:, None], 0.0) * q.can_verify(*at)
        cap = self.check_cap[again][:, None]
        return np.concatenate([cost, price * cap]), np.concatenate([work, redo * cap])

    def _able(self, g: Ints, nodes: Ints) -> Bools:
        """Who can run what; asked once a node kind for classes without pairs."""
        q = self.q
        kinds, at = np.unique(q.node_kind[nodes], return_inverse=True)
        able = q.can_run(g[:, None], q.kind_node[kinds][None, :])[:, at.reshape(-1)]
        paired = np.flatnonzero(q.paired[g])
        if len(paired):
            able[paired] = q.can_run(g[paired][:, None], nodes[None, :])
        return able

    def core_rate(self, g: Ints, n: Ints) -> Floats:
        """Priced core-seconds of one verification, shape (classes, nodes)."""
        price = self.q.core_price[n] / 3600.0 + self.p.cores[n]
        return np.outer(np.where(self.q.mode[g] >= ATTESTATION, self.q.core_s[g], 0.0), price)

    def plain(self) -> Floats:
        """Least cost of plain jobs on each node, within its capacity."""
        q = self.q
        rows = np.flatnonzero(q.class_model[q.pair_class] < 0)
        rows = rows[q.can_run(q.pair_class[rows], q.pair_node[rows])]
        g, n = q.pair_class[rows], q.pair_node[rows]
        work = q.work_s(g, n)
        cost = np.minimum(self.run_price(g, n, work), 0.0)
        return _fill_rows(n, cost * q.count[g], work * q.count[g], q.capacity_s)

    def light_checks(self) -> Floats:
        """Least cost of attestations and proofs on each node, within its cores."""
        q = self.q
        value = np.zeros(q.n_nodes)
        light = (q.mode != NONE) & (q.mode != REEXECUTION) & (self.check_price > 0)
        g = np.flatnonzero(light)
        nodes = np.flatnonzero(q.verifies)
        if not len(g) or not len(nodes):
            return value
        kinds, at = np.unique(q.node_kind[nodes], return_inverse=True)
        step = max(1, (1 << 22) // len(nodes))
        cost, cores = [], []
        for start in range(0, len(g), step):
            some = g[start : start + step]
            able = q.can_verify(some[:, None], q.kind_node[kinds][None, :])[:, at.reshape(-1)]
            price = self.core_rate(some, nodes) - self.check_price[some][:, None]
            price = price + self.part_price_at(some[:, None], nodes[None, :])
            gain = np.where(able, np.minimum(price, 0.0), 0.0) * self.check_cap[some][:, None]
            used = np.flatnonzero(gain.any(axis=1))
            cost.append(gain[used])
            seconds = q.core_s[some[used]] * self.check_cap[some[used]]
            cores.append(np.broadcast_to(seconds[:, None], gain[used].shape))
        value[nodes] = _Filling(np.concatenate(cost), np.concatenate(cores)).least(q.cores_s[nodes])
        return value


class _Filling:
    """Least cost of filling knapsacks with divisible items, one knapsack a column.

    Items are taken by cost per work, the best first; items that cost nothing or more stay out.
    """

    def __init__(self, cost: Floats, work: Floats) -> None:
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(cost < 0, np.where(work > 0, cost / work, -np.inf), np.inf)
        order = np.argsort(ratio, axis=0)
        self.cost = np.take_along_axis(np.minimum(cost, 0.0), order, axis=0)
        self.work = np.take_along_axis(work, order, axis=0)
        self.before = np.cumsum(self.work, axis=0) - self.work

    def least(self, room: Floats) -> Floats:
        """The least cost within `room` of work, for each column."""
        with np.errstate(divide="ignore", invalid="ignore"):
            part = np.where(self.work > 0, (room * (1 + ROUNDING) - self.before) / self.work, 1.0)
        return np.asarray(np.sum(self.cost * np.clip(part, 0.0, 1.0), axis=0))


def _fill_rows(n: Ints, cost: Floats, work: Floats, room: Floats) -> Floats:
    """As `_Filling` for items given as rows (node, cost, work)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(work > 0, cost / work, -np.inf)
    order = np.lexsort((ratio, n))
    n, cost, work = n[order], cost[order], work[order]
    total = np.cumsum(work) - work
    first = np.searchsorted(n, n)
    before = total - total[first]
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(work > 0, (room[n] * (1 + ROUNDING) - before) / work, 1.0)
    return np.bincount(n, cost * np.clip(part, 0.0, 1.0), len(room)).astype(float)
