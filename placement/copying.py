"""The dual of new copies of weights: the requests that need them bear what they cost.

Where nobody of a zone stores a model today, each node there that stores it is a new copy. For class
g and such a zone

    executed in the zone <= sum over its nodes of q(g,n) replicas kept, or read from another zone
                            + count(g) if there is a new copy in the zone

with q(g,n) the most that one replica can execute. That is a flow cover (Padberg, Van Roy and Wolsey
1985): without a copy in the zone only the other replicas execute anything. `Prices.copying` is its
price. Requests pay it when they are executed; it is given back to replicas that read from no copy
of the zone, and to the copy.
"""

import numpy as np

from placement.prices import Prices
from placement.quantities import Bools, Floats, Ints, Quantities


class Copying:
    """Prices of new copies, and who gets what of them.

    Zones are regions with the same transfer prices to everywhere; a zone's price is that of its
    first region. Classes that differ in name and count only are one class here, at the greatest of
    their prices; those with `pairs`, and zones where the model is stored, pay nothing.

    Attributes
    ----------
    price : array, shape (zones, regions + 1)
        $ per GB from each zone to each region; the last column is for nodes without a region.
    region_zone, zone : array of int
        The zone of each region, and of each node.
    priced : array of bool, over models
        Whether there are any prices for it.
    """

    def __init__(self, quantities: Quantities, prices: Prices) -> None:
        self.q = q = quantities
        self.price, zone = np.unique(q.transfer_price, axis=0, return_inverse=True)
        self.region_zone: Ints = zone.reshape(-1)
        self.zone: Ints = self.region_zone[q.node_region]
        first = np.full(len(self.price), -1)
        first[self.region_zone[: q.n_regions][::-1]] = np.arange(q.n_regions)[::-1]
        table = np.zeros((q.n_classes, len(first)))
        table[:, first >= 0] = prices.copying[:, first[first >= 0]]
        table[(q.class_model < 0) | q.paired] = 0.0
        table[self._stored()[q.class_model]] = 0.0
        best = np.zeros((len(q.kind_class), len(first)))
        np.maximum.at(best, q.class_kind, table)
        self._toll = best[q.class_kind]
        self._paying: Ints = np.flatnonzero(self._toll.any(axis=1))
        self.priced = np.bincount(q.class_model[self._paying], minlength=q.n_models) > 0
        self._alike = np.bincount(q.class_kind, q.count)[q.class_kind]
        keys = np.stack([q.node_kind, q.utilization])
        _, self._sorts, sort = np.unique(keys, axis=1, return_index=True, return_inverse=True)
        self._sort: Ints = sort.reshape(-1)

    def _stored(self) -> Bools:
        """Where each model is stored today, by zone; nowhere what plain jobs run."""
        stored = np.zeros((self.q.n_models + 1, len(self.price)), dtype=bool)
        m, n = np.nonzero(self.q.hosted)
        stored[m, self.zone[n]] = True
        return stored

    def toll(self, g: Ints, n: Ints) -> Floats:
        """$ per executed request."""
        return np.asarray(self._toll[g, self.zone[n]])

    def relief(self, m: int) -> Floats:
        """$ that new copies in each zone are given, once for all of them."""
        g = self._of(m)
        return np.asarray(self.q.count[g] @ self._toll[g])

    def credit(self, m: int) -> Floats:
        """$ given back to a replica on each node that reads from no copy of its zone."""
        q, given, payers = self.q, np.zeros(len(self._sorts)), self._of(m)
        sort_zone = self.zone[self._sorts]
        for z in np.flatnonzero(self._toll[payers].any(axis=0)).tolist():
            g, at = payers[self._toll[payers, z] > 0][:, None], np.flatnonzero(sort_zone == z)
            n = self._sorts[at]
            with np.errstate(divide="ignore"):
                room = q.replica_s(np.array(m), n) / (q.work_s(g, n) * self._alike[g])
            most = np.where(q.can_run(g, n), np.minimum(room, 1.0), 0.0) * q.count[g]
            given[at] = np.sum(most * self._toll[g, z], axis=0)
        return given[self._sort]

    def _of(self, m: int) -> Ints:
        """The classes of a model that pay."""
        return np.asarray(self._paying[self.q.class_model[self._paying] == m])
