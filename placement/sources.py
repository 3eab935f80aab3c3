"""The dual of where weights come from: new replicas, their hosts and the transfers between them.

A new replica reads its weights from another node, or from the node's own copy. So a node pays for
its k new replicas of a model min(k fetch, own), where

- `fetch` is the price of having weights read from elsewhere, at least the least cost of a transfer
  to here from where another node could store the model. What the price is above the cost of a
  transfer is given back to the zone that it comes from, which may have no host at all.
- `own` is the cost of the node's own copy less the share `storing` of it that the hosts of the
  model bear. That share is paid once, in the piece of the model, where `min_hosts` have to be found
  and where zones collect what is given back.

What requests pay for new copies of the weights in their zone (`placement.copying`) comes back here:
to replicas that read from another zone, and to the copies, whose hosts bear that much more.

Why that is below every placement's cost: with the own copy used or not as o <= h, the storing cost
c h is at least (c - storing) o + storing h, and a transfer at cost t is fetch less (fetch - t),
which only a zone with h = 1 can collect, for as many replicas as are new at most.
"""

import numpy as np

from placement.copying import Copying
from placement.prices import Prices
from placement.quantities import Bools, Floats, Ints, Quantities


class Sources:
    """Prices of sources and the least cost of hosts, model by model.

    Zones are regions with the same transfer prices to everywhere.
    """

    def __init__(
        self, quantities: Quantities, prices: Prices, moved_price: float, copying: Copying
    ) -> None:
        self.q, self.p, self.copying = quantities, prices, copying
        self.moved_price = moved_price
        self.hours = quantities.window_s / 3600.0
        self.zone = copying.zone
        self.price: Floats = copying.price + moved_price
        """$ per GB from each zone to each region."""
        self._members = [np.flatnonzero(self.zone == z) for z in range(len(self.price))]

    def hosts(self, m: int) -> Bools:
        """Who could store the model."""
        return self.q.can_host(np.array(m), np.arange(self.q.n_nodes))

    def fetch(self, m: int, credit: Floats) -> Floats:
        """$ per new replica on each node, read from another; infinite where there is no other.

        `credit` is given back on each node for reading from another zone.
        """
        near, apart = self._read(m)
        return np.minimum(near, apart - credit) if self.copying.priced[m] else near

    def _read(self, m: int) -> tuple[Floats, Floats]:
        """$ per new replica on each node, read from another, and from one of another zone."""
        hosts, region = self.hosts(m), self.q.node_region
        count = np.bincount(self.zone[hosts], minlength=len(self.price))
        price = np.where(count[:, None] > 0, self.price, np.inf)
        near = price.min(axis=0)[region]
        price[self.copying.region_zone, np.arange(price.shape[1])] = np.inf
        apart = price.min(axis=0)[region]
        near = np.where(hosts & (count[self.zone] == 1), apart, near)
        return self._moved(m, near), self._moved(m, apart)

    def _moved(self, m: int, price: Floats) -> Floats:
        """$ of moving the weights at such prices for a GB, at least the price of loading."""
        some = np.isfinite(price)
        cost = np.where(some, self.q.weights_gb[m] * np.where(some, price, 0.0), np.inf)
        return np.asarray(np.maximum(cost, self.p.loading[m]))

    def _cost(self, m: int) -> Floats:
        """$ of storing the model on each node, infinite where that cannot be."""
        q = self.q
        copy = np.full(q.n_nodes, self.moved_price)
        if q.origin[m] >= 0:
            copy += q.transfer_price[q.origin[m]][q.node_region]
        each = q.storage_price * self.hours + self.p.storage + np.where(q.hosted[m], 0.0, copy)
        return np.where(self.hosts(m), q.weights_gb[m] * each, np.inf)

    def own(self, m: int) -> Floats:
        """$ of a node's own copy that its replicas bear, infinite where it cannot have one."""
        if not (self.p.storing[m].any() or self.copying.priced[m]):
            return self._cost(m)
        rest: Floats = np.maximum(self._cost(m) - self._storing(m), 0.0)
        return rest

    def _storing(self, m: int) -> Floats:
        """$ of a copy that the hosts of the model bear, at least what a new one is given.

        No more than of the copies that are used when the cheapest of each zone are, which makes
        nothing cheaper for the hosts, but own copies dearer.
        """
        given = self.copying.relief(m)[self.zone]
        borne: Floats = np.minimum(np.maximum(self.p.storing[m], given), self._cost(m))
        for _, mine in self._sites(m):
            last = min(max(int(self.q.min_hosts[m]), 1), len(mine)) - 1
            borne[mine] = np.minimum(borne[mine], np.partition(borne[mine], last)[last])
        return borne

    def _sites(self, m: int) -> list[tuple[int, Ints]]:
        """Zones, and the nodes in each that could store the model, where there are any."""
        hosts = self.hosts(m)
        sites = [(z, nodes[hosts[nodes]]) for z, nodes in enumerate(self._members)]
        return [(z, mine) for z, mine in sites if len(mine)]

    def hosting(self) -> Floats:
        """Least cost of each model's hosts, less what they are given back."""
        q, p = self.q, self.p
        values = np.zeros(q.n_models)
        priced = p.storing.any(axis=1) | p.loading.any(axis=1) | self.copying.priced
        for m in np.flatnonzero(priced).tolist():
            values[m] = self._hosts_of(m)
        return values

    def _hosts_of(self, m: int) -> float:
        """Least cost over all ways to spread the hosts of a model over the zones.

        A load may read from several zones; counting it for each that has a host makes the bound
        weaker only.
        """
        borne, relief = self._storing(m), self.copying.relief(m)
        size = max(int(self.q.min_hosts[m]), 1) + 1
        total = np.full(size, np.inf)
        total[0] = 0.0
        for z, mine in self._sites(m):
            given = float(relief[z]) + self._given_back(m, z, mine)
            total = _spread(total, _zone_values(borne[mine], given, size))
        best = total[int(self.q.min_hosts[m])]
        known = total[np.isfinite(total)].min()
        return float(best) if np.isfinite(best) else min(float(known), 0.0)

    def _given_back(self, m: int, z: int, mine: Ints) -> float:
        """$ that new replicas pay above the cost of reading from the nodes of a zone."""
        if not self.p.loading[m].any():
            return 0.0
        q, fetch = self.q, self._read(m)[0]
        fresh = np.maximum(q.max_replicas(np.array(m), np.arange(q.n_nodes)) - q.loaded[m], 0)
        fresh = np.where(np.isfinite(fetch), fresh, 0)
        if len(mine) == 1:
            fresh[mine] = 0
        reads = fresh > 0
        cost = q.weights_gb[m] * self.price[z][q.node_region[reads]]
        return float(np.sum(fresh[reads] * np.maximum(fetch[reads] - cost, 0.0)))


def _zone_values(cost: Floats, given: float, size: int) -> Floats:
    """Least cost of at least j hosts in one zone, for j = 0..size - 1."""
    totals = np.cumsum(np.sort(cost))[: size - 1]
    values = np.full(size, np.inf)
    values[1 : len(totals) + 1] = totals - given
    values[0] = min(0.0, values[1])
    return values


def _spread(total: Floats, value: Floats) -> Floats:
    """Least cost of j hosts, i of them in the zone that is added."""
    spread = np.full_like(total, np.inf)
    for i, cost in enumerate(value.tolist()):
        spread[i:] = np.minimum(spread[i:], total[: len(total) - i] + cost)
    return spread
