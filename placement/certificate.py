"""From prices to a lower bound, without any solver: docs/formulation.md section 6.

The coupling constraints are put into the objective with their prices. What is left falls apart into
pieces whose minimum is closed form or a tiny enumeration: a class turned away or not, a replica
count of a model on a node with the best fractional filling, a node engaged or not, the hosts of a
model. By weak duality the sum is a lower bound for ANY non-negative prices; bad prices only make it
weak.
"""

import numpy as np

from placement.copying import Copying
from placement.filling import Filling
from placement.instance import Instance
from placement.items import Items
from placement.prices import Prices
from placement.quantities import ROUNDING, Floats, Ints, Quantities
from placement.replicas import Replicas
from placement.sources import Sources

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


def node_parts(quantities: Quantities, prices: Prices) -> tuple[float, Floats]:
    """The lower bound that prices prove, and the part of it that each node has, at most 0.

    Without a node that `quantities` has, no placement costs less than the bound less its part: all
    that the node could add, at these prices, is in there.
    """
    dual = _Dual(quantities, prices)
    return lower_bound(quantities, prices), np.minimum(dual.nodes(), 0.0)


class _Dual:
    """The pieces of the Lagrangian dual at given prices."""

    def __init__(self, quantities: Quantities, prices: Prices) -> None:
        self.q, self.p = q, p = quantities, prices
        self.hours = q.window_s / 3600.0
        order = np.argsort(q.class_model, kind="stable")
        bounds = np.searchsorted(q.class_model[order], np.arange(q.n_models + 1))
        self.members = [order[bounds[m] : bounds[m + 1]] for m in range(q.n_models)]
        limits = q.instance.limits
        given = (limits.max_new_replicas, limits.max_transfer_gb)
        self.limits: Floats = np.array([0.0 if v is None else v for v in given], dtype=float)
        self.limit_price = np.where([v is not None for v in given], p.limits, 0.0)
        self.copying = Copying(q, p)
        self.sources = Sources(q, p, float(self.limit_price[1]), self.copying)
        self.items = Items(q, p, self.copying)

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
        asked = p.demand + q.verifiers * q.sample * self.items.check_price - sample * rounding
        return [
            np.minimum(asked, q.penalty) * q.count,
            -rounding * rounds,
            -np.maximum(paid - rounding, 0.0) * self.items.check_cap,
        ]

    # --- nodes ---------------------------------------------------------------------------------

    def nodes(self) -> Floats:
        """Least cost of engaging each node, everything on it priced; positive: leave it alone."""
        q, p = self.q, self.p
        sold = p.capacity * q.capacity_s + p.memory * q.memory_gb + p.cores * q.cores_s
        value = q.engaged_price * self.hours - sold
        for m in range(q.n_models):
            nodes, cost = self.replicas(m)
            value[nodes] += cost
        return value + self.plain() + self.light_checks()

    def replicas(self, m: int) -> tuple[Ints, Floats]:
        """Nodes that might gain from replicas of m, and the least cost of any number there."""
        q, items = self.q, self.items
        at, worth, work = items.of_model(self.members[m])
        sets, row = np.unique(at, return_inverse=True)
        filling = Filling.of_items(row.reshape(-1), worth, work, len(sets) + 1)
        row_of = np.full(int(items.alike.max(initial=-1)) + 1, len(sets))
        row_of[sets] = np.arange(len(sets))
        row = row_of[items.alike]
        credit = self.copying.credit(m)
        given = credit > self.p.memory * q.replica_gb[m]
        nodes = np.flatnonzero((filling.ratio[row, 0] > items.rate) | given)
        nodes = nodes[q.max_replicas(np.array(m), nodes) > 0]
        replicas = self._replicas(m, nodes, credit)
        knapsacks = filling.knapsacks(row[nodes], items.rate[nodes])
        pays = np.flatnonzero((knapsacks.unbounded() > replicas.cost(1)) | given[nodes])
        nodes, replicas, knapsacks = nodes[pays], replicas.take(pays), knapsacks.take(pays)
        room = q.replica_s(np.array(m), nodes)
        return nodes, replicas.least(lambda at, z: knapsacks.take(at).most(z * room[at]))

    def _replicas(self, m: int, nodes: Ints, credit: Floats) -> Replicas:
        q, index = self.q, np.array(m)
        most = q.max_replicas(index, nodes)
        return Replicas(
            most=most,
            loaded=np.minimum(q.loaded[m, nodes], most),
            held=self.p.memory[nodes] * q.replica_gb[m],
            fresh=self.items.rate[nodes] * q.load_s(index, nodes) + self.limit_price[0],
            fetch=self.sources.fetch(m, credit)[nodes],
            own=self.sources.own(m)[nodes],
            kept=credit[nodes],
        )

    def plain(self) -> Floats:
        """Least cost of plain jobs on each node, within its capacity."""
        q = self.q
        rows = np.flatnonzero(q.class_model[q.pair_class] < 0)
        rows = rows[q.can_run(q.pair_class[rows], q.pair_node[rows])]
        g, n = q.pair_class[rows], q.pair_node[rows]
        work = q.work_s(g, n)
        cost = np.minimum(self.items.rate[n] * work - self.items.reward(g, n), 0.0)
        return _fill_rows(n, cost * q.count[g], work * q.count[g], q.capacity_s)

    def light_checks(self) -> Floats:
        """Least cost of attestations and proofs on each node, within its cores."""
        q, value = self.q, np.zeros(self.q.n_nodes)
        row, at, worth, seconds = self.items.light_checks()
        filling = Filling.of_items(at, worth, seconds, int(row.max(initial=-1)) + 1)
        nodes = np.flatnonzero(row >= 0)
        value[nodes] = -filling.most(row[nodes], self.items.core_rate[nodes], q.cores_s[nodes])
        return value


def _fill_rows(n: Ints, cost: Floats, work: Floats, room: Floats) -> Floats:
    """As `Filling` for items given as rows (node, cost, work)."""
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
