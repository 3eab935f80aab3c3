"""From where weights are read: hosts in further regions, or others, where that costs less."""

from typing import Any

import numpy as np
from numba import types

from placement.assembly import cheapest_source
from placement.compiled import Compiled
from placement.methods.hosting import improve_hosting
from placement.methods.recreate.changes import set_replicas
from placement.methods.recreate.pointers import BOOK, holding_at, slots_of
from placement.methods.recreate.records import BASE, Book
from placement.methods.recreate.starting import serving
from placement.methods.recreate.state import fetch_costs, reading_prices, rows_of
from placement.methods.recreate.weights import pays_own
from placement.native import native
from placement.quantities import Bools, Floats, Ints

_NONE = types.void
_ROUNDS = 6
_SLACK = 1e-9


class _Loads:
    """The replicas that a book loads, and what their weights cost."""

    def __init__(self, compiled: Compiled, book: Book) -> None:
        q = self.q = compiled.quantities
        n, slot = np.nonzero(book.slots >= 0)
        held = book.holdings[n * int(book.places) + slot]
        new = np.maximum(held["z"] - held["loaded"], 0)
        rows = new > 0
        self.n, self.m = n[rows], held["model"][rows].astype(np.int64)
        self.gb = new[rows] * q.weights_gb[self.m]
        self.region = q.node_region[self.n]
        able = compiled.can_host[self.m, self.n]
        roomy = (held["own"][rows] > 0) | (book.nodes["storage_gb"][self.n] >= self.gb)
        cost = compiled.host_cost[self.m, self.n]
        self.own: Floats = np.where(able & roomy, cost, np.inf)

    def charges(self, price: Floats) -> Floats:
        """$ of each load at given prices of reading, by model and region, own copies aside."""
        return np.asarray(np.minimum(self.gb * price[self.m, self.region], self.own))

    def saved(self, price: Floats, s: int) -> Floats:
        """$ that a host in region s would save, by model."""
        q = self.q
        offered = np.minimum(price, q.transfer_price[s])
        less = self.charges(price) - self.charges(offered)
        return np.bincount(self.m, less, q.n_models).astype(float)


def better_hosting(compiled: Compiled, book: Book, least: Bools) -> Bools:
    """The hosts that there have to be, and one more in each region where it pays."""
    q, loads = compiled.quantities, _Loads(compiled, book)
    base, room = least.copy(), book.nodes["storage_gb"].copy()
    where, cost = _cheapest_hosts(compiled, room)
    price = reading_prices(compiled, base)
    for _ in range(_ROUNDS):
        saved = np.stack([loads.saved(price, s) for s in range(q.n_regions + 1)], axis=1)
        gain = np.where(np.isfinite(saved), saved, 1e300) - cost
        best = gain.argmax(axis=1)
        chosen = np.flatnonzero(gain[np.arange(q.n_models), best] > _SLACK)
        if not len(chosen):
            break
        for m in chosen.tolist():
            s = int(best[m])
            n = int(where[m, s])
            cost[m, s] = np.inf
            if room[n] >= q.weights_gb[m] and not base[m, n]:
                base[m, n] = True
                room[n] -= q.weights_gb[m]
                price[m] = np.minimum(price[m], q.transfer_price[s])
    return base


def exchanged_hosting(compiled: Compiled, book: Book, base: Bools) -> Bools:
    """Hosts exchanged for others, with what is loaded in mind: a host reads from itself."""
    q, rows = compiled.quantities, rows_of(book)
    replicas: Ints = np.zeros(base.shape, dtype=np.int64)
    replicas[rows.replica_m, rows.replica_n] = rows.replica_z
    hosting = improve_hosting(compiled, rows.hosting(base), replicas)
    m, n = np.nonzero(replicas > q.loaded)
    return serving(compiled, hosting, m, cheapest_source(compiled, hosting, m, n), n)


def _cheapest_hosts(compiled: Compiled, room: Floats) -> tuple[Ints, Floats]:
    """The cheapest node that may store each model in each region, and $ of that.

    The last region is none at all.
    """
    q = compiled.quantities
    regions = q.n_regions + 1
    where: Ints = np.zeros((q.n_models, regions), dtype=np.int64)
    cost = np.full((q.n_models, regions), np.inf)
    for s in range(regions):
        nodes = np.flatnonzero((q.node_region % regions == s) & q.hosts)
        if not len(nodes):
            continue
        able = compiled.can_host[:, nodes] & (room[nodes] >= q.weights_gb[:, None])
        asked = np.where(able, compiled.host_cost[:, nodes], np.inf)
        best = asked.argmin(axis=1)
        where[:, s], cost[:, s] = nodes[best], asked[np.arange(q.n_models), best]
    return where, cost


def rehost(compiled: Compiled, book: Book, before: Bools, after: Bools) -> None:
    """Have a book read its weights from other hosts; its cost without that of the hosts follows."""
    q = compiled.quantities
    book.nodes["storage_gb"] -= q.weights_gb @ (after.astype(float) - before)
    known = book.known & ~BASE
    book.set("known", known | (after.T * BASE).astype(np.int32))
    book.set("fetch", fetch_costs(compiled, after))
    _reload(book.native)


@native(_NONE(BOOK))
def _reload(b: Any) -> None:
    """Give each holding the cheapest weights."""
    b.logged = 0
    for n in range(b.n_nodes):
        for slot in range(b.places):
            m = slots_of(b)[n, slot]
            if m >= 0:
                hold = holding_at(b, n * b.places + slot)
                own = pays_own(b, n, m, hold.z - hold.loaded, hold.own)
                set_replicas(b, n, m, hold.z, own)
    b.logged = 0
