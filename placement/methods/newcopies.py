"""Prices of new copies of weights in a completion: who pays them, who is given them back.

See `placement.copying` for the inequality that they belong to. They change nothing but what
replicas and requests cost.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from placement.compiled import Compiled
from placement.methods.newcopies_kernels import give_back
from placement.quantities import Bools, Floats, Ints, Quantities

_TINY = 1e-9


@dataclass(frozen=True)
class Tolls:
    """What prices of new copies do.

    Attributes
    ----------
    copying : array, shape (classes, regions)
        The prices, as `Prices` has them.
    by_region : array, shape (classes, regions + 1), or None
        $ per request executed in each region; the last is for nodes without one. None where there
        are no prices.
    sort : array of int
        The sort of each node: those alike in what a replica there can execute.
    credit : array, shape (sorts, models + 1)
        $ given back to a replica that reads from no copy of its zone.
    fetch, own : array, shape (nodes, models + 1)
        $ per new replica that reads from elsewhere, and of an own copy.
    earning : pair of arrays of int
        Nodes and models where replicas may earn something without requests.
    """

    copying: Floats
    by_region: Floats | None
    sort: Ints
    credit: Floats
    fetch: Floats
    own: Floats
    earning: tuple[Ints, Ints]


def no_tolls(q: Quantities, fetch: Floats, own: Floats) -> Tolls:
    """What no prices do, where sources cost so much."""
    none = np.zeros(0, dtype=np.int64)
    return Tolls(
        copying=np.zeros((q.n_classes, q.n_regions)),
        by_region=None,
        sort=np.zeros(q.n_nodes, dtype=np.int64),
        credit=np.zeros((1, q.n_models + 1)),
        fetch=fetch,
        own=own,
        earning=(none, none),
    )


class NewCopies:
    """Where a new copy of a model would be the first of its zone.

    Zones are regions with the same transfer prices to everywhere.

    Attributes
    ----------
    zone : array of int
        The zone of each region; the last is that of nodes without one.
    apart : array, shape (models, regions + 1)
        $ per new replica in each region that reads from a node of another zone that could store the
        model; infinite where there is none.
    cheapest : array, shape (models, zones)
        $ of the cheapest new copy where it would be the first; 0 elsewhere, for nothing can be had
        for it there.
    """

    def __init__(self, compiled: Compiled) -> None:
        self.q = q = compiled.quantities
        self._price, zone = np.unique(q.transfer_price, axis=0, return_inverse=True)
        self.zone: Ints = zone.reshape(-1)
        self._node_zone = self.zone[q.node_region]
        self.zones = len(self._price)
        self._known, self._first = np.unique(self.zone[: q.n_regions], return_index=True)
        self._model = np.maximum(q.class_model, 0)
        keys = np.stack([q.node_kind, q.utilization])
        _, node, sort = np.unique(keys, axis=1, return_index=True, return_inverse=True)
        self._sort: Ints = sort.reshape(-1)
        self._kind, self._utilization = q.node_kind[node], q.utilization[node]
        self._of_sort = np.stack([self._kind, q.node_type[node], self._node_zone[node]])
        self._able = compiled.run_kinds.view(np.uint8)
        self._needed = self._copies_needed()
        self._loaded = ((q.loaded > 0) & (compiled.max_replicas > 0)).T
        self.apart = self._apart(compiled.can_host)
        self.cheapest = self._cheapest(compiled)
        self._pays = ~q.paired & (q.class_model >= 0)

    def _copies_needed(self) -> Floats:
        """Copies, never idle, that all of a class takes, by class and type of accelerator."""
        q, n, g = self.q, self.q.type_node, np.arange(self.q.n_classes)[:, None]
        alike = np.bincount(q.class_kind, q.count)[q.class_kind]
        offered = np.append(q.span * q.window_s, np.inf)[q.class_model]
        table = np.zeros((q.n_classes, len(q.type_index) + 1))
        table[:, q.node_type[n]] = q.work_s(g, n) * alike[:, None] / offered[:, None]
        return table

    def _apart(self, hosts: Bools) -> Floats:
        q, zone = self.q, self.zone
        some = np.stack([self._there(hosts, z).any(axis=1) for z in range(self.zones)], axis=1)
        price = np.where(some[:, :, None], self._price, np.inf)
        price[:, zone, np.arange(len(zone))] = np.inf
        least = price.min(axis=1)
        known = np.isfinite(least)
        return np.where(known, q.weights_gb[:, None] * np.where(known, least, 0.0), np.inf)

    def _there(self, table: npt.NDArray[Any], zone: int) -> npt.NDArray[Any]:
        """The nodes of a zone."""
        return table[:, self._node_zone == zone]

    def _cheapest(self, compiled: Compiled) -> Floats:
        q = self.q
        cost = np.where(compiled.can_host, compiled.host_cost, np.inf)
        cheapest = np.zeros((q.n_models, self.zones))
        for z in self._known.tolist():
            least = self._there(cost, z).min(axis=1, initial=np.inf)
            first = np.isfinite(least) & ~self._there(q.hosted, z).any(axis=1)
            cheapest[:, z] = np.where(first, least, 0.0)
        return cheapest

    def _capped(self, price: Floats) -> Floats:
        """Prices by class and zone, equal for classes alike, lowered where copies cost less.

        No copy is then given more than it costs.
        """
        q = self.q
        price = np.where(self._pays[:, None] & (self.cheapest[self._model] > _TINY), price, 0.0)
        best = np.zeros((len(q.kind_class), self.zones))
        np.maximum.at(best, q.class_kind, price)
        price = best[q.class_kind]
        part = np.minimum(1.0, self.cheapest / np.maximum(self._relief(price), 1e-300))
        return price * part[self._model]

    def _relief(self, price: Floats) -> Floats:
        """$ that the first new copy is given, by model and zone."""
        given = np.zeros((self.q.n_models, self.zones))
        np.add.at(given, self._model, self.q.count[:, None] * price)
        return given

    def tolls(self, copying: Floats, fetch: Floats, own: Floats) -> Tolls:
        """What prices by class and region do, lowered where they are too high.

        `fetch` and `own` are what sources cost before anything is given back.
        """
        price = np.zeros((self.q.n_classes, self.zones))
        price[:, self._known] = copying[:, self._first]
        price = self._capped(price)
        credit, models = self._credit(price), slice(self.q.n_models)
        fetch, own, given = fetch.copy(), own.copy(), credit[self._sort, models]
        apart = self.apart.T[self.q.node_region] - given
        np.minimum(fetch[:, models], apart, out=fetch[:, models])
        own[:, models] -= self._relief(price).T[self._node_zone]
        np.maximum(own, 0.0, out=own)
        n, m = np.nonzero(self._loaded & (given > 0) | (fetch[:, models] < 0))
        by_region = price[:, self.zone]
        return Tolls(self.as_copying(price), by_region, self._sort, credit, fetch, own, (n, m))

    def as_copying(self, price: Floats) -> Floats:
        """Prices by class and zone as `Prices` has them: at the first region of each zone."""
        table = np.zeros((self.q.n_classes, self.q.n_regions))
        table[:, self._first] = price[:, self._known]
        return table

    def _credit(self, price: Floats) -> Floats:
        q = self.q
        given = np.zeros((len(self._kind), q.n_models + 1))
        paid = np.ascontiguousarray(price * q.count[:, None])
        give_back(
            self._able, self._needed, self._model, paid, self._of_sort, self._utilization, given
        )
        return given
