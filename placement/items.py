"""What a certificate's prices offer the nodes: requests, re-executions and light checks to take.

Nodes are alike where everything but their price of room is equal: of one kind, at one price of
shares and of cores, in no part that constraint 11 prices for itself, in no row of `pairs`. What one
of them may take, all may, and for the same reward; so items are listed once for all of them.
"""

import numpy as np

from placement.copying import Copying
from placement.prices import Prices
from placement.quantities import NONE, REEXECUTION, Floats, Ints, Quantities, whole_up

_CHUNK = 1 << 22
"""Pairs of a class and a set of nodes looked at together."""


class Items:
    """Items by sets of nodes that are alike.

    Attributes
    ----------
    rate, core_rate : array over nodes
        $ per accelerator-second and per core-second.
    check_price, check_cap : array over classes
        $ for a verification, and the most of them.
    alike : array over nodes
        The set that a node belongs to when it takes requests and re-executions.
    """

    def __init__(self, quantities: Quantities, prices: Prices, copying: Copying) -> None:
        self.q, self.p, self._copying = quantities, prices, copying
        q = quantities
        self.rate: Floats = q.accelerator_price / 3600.0 + prices.capacity
        self.core_rate: Floats = q.core_price / 3600.0 + prices.cores
        verified = (q.verifiers > 0) & (q.mode != NONE)
        self.check_price = np.where(verified, prices.verification, 0.0)
        self.check_cap = np.where(q.independence == 2, q.count, whole_up(q.sample * q.count))
        keys = prices.part_class * (q.n_groups + q.n_nodes) + prices.part
        order = np.argsort(keys)
        self._part_keys, self._part_price = keys[order], prices.independence[order]
        self._sort_nodes()

    def _sort_nodes(self) -> None:
        """Find the nodes that are alike."""
        q, p = self.q, self.p
        group, node = np.full(q.n_groups, -1), np.full(q.n_nodes, -1)
        priced = p.independence > 0
        grouped = q.independence[p.part_class] == 0
        parts = p.part[priced & grouped], p.part[priced & ~grouped]
        group[parts[0]], node[parts[1]] = parts
        self._part = np.stack([group[q.node_group], node])
        listed = q.pair_node[q.class_model[q.pair_class] >= 0]
        node[listed] = listed
        redone = np.any((q.mode == REEXECUTION) & (self.check_price > 0))
        cores = np.where(q.verifies & redone, self.core_rate, 0.0)
        columns = np.stack([q.node_kind, group[q.node_group], node, p.share[q.node_group], cores])
        _, self._first, alike = np.unique(columns, axis=1, return_index=True, return_inverse=True)
        self.alike: Ints = alike.reshape(-1)
        self._rate = np.full(len(self._first), np.inf)
        """The least price of an accelerator-second in each set."""
        np.minimum.at(self._rate, self.alike, self.rate)
        places = np.stack([q.node_type, q.node_region])[:, self._first]
        _, first, place = np.unique(places, axis=1, return_index=True, return_inverse=True)
        self._place_node, self._place = self._first[first], place.reshape(-1)

    def part_price(self, g: Ints, n: Ints) -> Floats:
        """Price of constraint 11 for a class on the part that a node belongs to."""
        q = self.q
        if not len(self._part_keys):
            return np.zeros(np.broadcast_shapes(g.shape, n.shape))
        part = np.where(q.independence[g] == 0, q.node_group[n], n)
        key = g * (q.n_groups + q.n_nodes) + part
        at = np.minimum(np.searchsorted(self._part_keys, key), len(self._part_keys) - 1)
        return np.where(self._part_keys[at] == key, self._part_price[at], 0.0)

    def reward(self, g: Ints, n: Ints) -> Floats:
        """$ for executing one request, all but the accelerator's time taken off."""
        q, p = self.q, self.p
        latency = q.latency_price[g] * q.latency_ms(g, n) / 1000.0
        part = np.where(q.independence[g] < 2, q.sample[g] * self.part_price(g, n), 0.0)
        paid = latency + q.pair_price(g, n) + p.share[q.node_group[n]] + part
        return p.demand[g] - paid - self._copying.toll(g, n)

    def of_model(self, classes: Ints) -> tuple[Ints, Floats, Floats]:
        """What some node of a set would take: set, worth and work of all that is asked for."""
        q = self.q
        parts = [(np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0))]
        asked = classes[self.p.demand[classes] > 0]
        for g, at in self._tempted(asked, again=False):
            n = self._first[at]
            parts.append((at, self.reward(g, n) * q.count[g], q.work_s(g, n) * q.count[g]))
        asked = classes[(q.mode[classes] == REEXECUTION) & (self.check_price[classes] > 0)]
        for g, at in self._tempted(asked, again=True):
            n = self._first[at]
            reward = self.check_price[g] - self.core_rate[n] * q.core_s[g] - self.part_price(g, n)
            cap = self.check_cap[g]
            parts.append((at, reward * cap, q.reexecution_work_s(g, n) * cap))
        at, worth, work = (np.concatenate(column) for column in zip(*parts, strict=True))
        pays = worth > self._rate[at] * work
        return at[pays], worth[pays], work[pays]

    def _tempted(self, classes: Ints, *, again: bool) -> list[tuple[Ints, Ints]]:
        """Classes and sets of nodes that may gain from them and are able to.

        Most pairs are ruled out by type and region, at the least rate of the set.
        """
        q, found = self.q, []
        step = max(1, _CHUNK // max(1, len(self._first)))
        for start in range(0, len(classes), step):
            g = classes[start : start + step]
            at = g[:, None], self._place_node[None, :]
            if again:
                work, price = q.reexecution_work_s(*at), self.check_price[g][:, None]
            else:
                latency = q.latency_price[g][:, None] * q.latency_ms(*at) / 1000.0
                work, price = q.work_s(*at), self.p.demand[g][:, None] - latency
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = np.where((price > 0) & q.profiled(*at), price / work, -np.inf)
            ratio[q.paired[g]] = np.inf
            row, at_set = np.nonzero(ratio[:, self._place] > self._rate)
            able = q.can_verify if again else q.can_run
            mine = able(g[row], self._first[at_set])
            found.append((g[row[mine]], at_set[mine]))
        return found

    def light_checks(self) -> tuple[Ints, Ints, Floats, Floats]:
        """Attestations and proofs: the set of each node (-1: none), set, worth and cores."""
        q = self.q
        row = np.full(q.n_nodes, -1)
        g = np.flatnonzero((q.mode != REEXECUTION) & (self.check_price > 0))
        nodes = np.flatnonzero(q.verifies)
        columns = np.vstack([q.node_region, self._part])[:, nodes]
        _, first, inverse = np.unique(columns, axis=1, return_index=True, return_inverse=True)
        row[nodes] = inverse.reshape(-1)
        least = np.full(len(first), np.inf)
        np.minimum.at(least, row[nodes], self.core_rate[nodes])
        seconds = (q.core_s * self.check_cap)[g]
        found = [(np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0))]
        step = max(1, _CHUNK // max(1, len(g)))
        for start in range(0, len(first), step):
            n = nodes[first[start : start + step, None]]
            worth = (self.check_price[g] - self.part_price(g[None, :], n)) * self.check_cap[g]
            at, item = np.nonzero(worth > least[start : start + step, None] * seconds)
            able = q.can_verify(g[item], n[at, 0])
            at, item = at[able], item[able]
            found.append((start + at, worth[at, item], seconds[item]))
        at, worth, work = (np.concatenate(column) for column in zip(*found, strict=True))
        return row, at, worth, work
