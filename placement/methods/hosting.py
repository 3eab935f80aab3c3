"""Who stores the weights: hosts for every model, as cheaply as storage and the limits allow.

`plan_hosting` comes before replicas are placed and looks at storage alone. `improve_hosting` comes
after: once it is known where replicas are loaded, it weighs storing against moving.
"""

import numpy as np

from placement.assembly import assemble
from placement.compiled import Compiled
from placement.methods.ledger import Ledger
from placement.quantities import Bools, Floats, Ints, Quantities
from placement.solution import Placement

_SLACK = 1e-9
_MAX_PAIRS = 300_000
"""The most pairs of model and node that the exact packing takes on."""
_MAX_SWAPPED = 16
"""With more hosts than this, a model's hosts are dropped one by one but no longer exchanged."""

_FEW = 4
"""The cheapest nodes of each region that are looked at to add a host which loads nothing."""


# --- before replicas are placed ----------------------------------------------------------------


def plan_hosting(ledger: Ledger, *, time_limit: float = 5.0) -> bool:
    """Choose hosts for every model and enter them in the ledger.

    Models with the fewest groups to spare choose first, each the cheapest host of a new control
    group. Where that fails, copies are packed to move least, and last an exact program decides.
    What the ledger already hosts stays and counts. A model that needs no host but is asked for
    gets one where there is room: new replicas are read from a host.

    Parameters
    ----------
    ledger : Ledger
        Changed only on success.
    time_limit : float
        Seconds that the exact program may take.

    Returns
    -------
    bool
        False where no hosting exists, or none was found in time; an instance with more than some
        300,000 pairs of model and possible host is not given to the exact program.
    """
    compiled, q = ledger.compiled, ledger.q
    missing = q.min_hosts - _groups_storing(q, ledger.hosting)
    eligible = _groups_storing(q, compiled.can_host | ledger.hosting)
    if np.any(eligible < q.min_hosts):
        return False
    order = np.lexsort((-q.weights_gb, eligible - q.min_hosts))
    packing = (
        _pack(ledger, missing, order, compiled.host_cost)
        or _pack(ledger, missing, order, np.where(q.hosted, 0.0, 1.0))
        or _pack_exactly(ledger, missing, time_limit)
    )
    if packing is None:
        return False
    asked = np.zeros(q.n_models + 1, dtype=bool)
    asked[q.class_model] = True
    for m in np.flatnonzero(asked[:-1] & ~packing.hosting.any(axis=1)).tolist():
        packing.store_cheapest(m, compiled.can_host[m], compiled.host_cost[m])
    for m, n in np.argwhere(packing.hosting & ~ledger.hosting).tolist():
        ledger.host(m, n)
    return True


def _groups_storing(q: Quantities, stored: Bools) -> Ints:
    """For each model, in how many control groups a node is marked; `stored` is (models, nodes)."""
    if not q.n_nodes:
        return np.zeros(q.n_models, dtype=np.int64)
    order = np.argsort(q.node_group, kind="stable")
    starts = np.flatnonzero(np.diff(q.node_group[order], prepend=-1))
    return np.asarray(np.logical_or.reduceat(stored[:, order], starts, axis=1).sum(axis=1))


class _Packing:
    """A hosting under construction, with the storage and the GB to move that are left."""

    def __init__(self, ledger: Ledger) -> None:
        self.q = ledger.q
        self.hosting = ledger.hosting.copy()
        self.storage_gb = ledger.storage_gb.copy()
        self.transfer_gb = float(ledger.transfer_left)

    def store_cheapest(self, m: int, able: Bools, price: Floats) -> int | None:
        """Store m on the able node of least price that has room, if any; returns the node.

        Among equals, one that stores it already, then the one with most room.
        """
        q, size = self.q, self.q.weights_gb[m]
        nodes = np.flatnonzero(able & (self.storage_gb + _SLACK * q.storage_gb >= size))
        if size > self.transfer_gb + _SLACK:
            nodes = nodes[q.hosted[m, nodes]]
        if not len(nodes):
            return None
        least = price[nodes].min()
        nodes = nodes[price[nodes] <= least + _SLACK * max(1.0, least)]
        n = int(nodes[np.argmax(self.storage_gb[nodes] + np.where(q.hosted[m, nodes], 1e18, 0.0))])
        self.hosting[m, n] = True
        self.storage_gb[n] -= size
        self.transfer_gb -= 0.0 if q.hosted[m, n] else size
        return n


def _pack(ledger: Ledger, missing: Ints, order: Ints, price: Floats) -> _Packing | None:
    """Hosts in `missing` new groups for each model, each at the least price; None if that fails."""
    q, packing = ledger.q, _Packing(ledger)
    for m in order[missing[order] > 0].tolist():
        taken = np.zeros(q.n_groups, dtype=bool)
        taken[q.node_group[packing.hosting[m]]] = True
        able = ledger.compiled.can_host[m] & ~taken[q.node_group]
        for _ in range(int(missing[m])):
            n = packing.store_cheapest(m, able, price[m])
            if n is None:
                return None
            able &= q.node_group != q.node_group[n]
    return packing


def _pack_exactly(ledger: Ledger, missing: Ints, time_limit: float) -> _Packing | None:
    """Cheapest hosts in `missing` new groups for each model by an integer program; None if none.

    Binary h(m,n) for hosts, w(m,o) in [0,1] for control groups that store m:
    sum_o w(m,o) >= missing(m); w(m,o) <= sum_{n in o} h(m,n); storage; transfer.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import coo_array

    q = ledger.q
    stored = np.zeros((q.n_models, q.n_groups), dtype=bool)
    at_m, at_n = np.nonzero(ledger.hosting)
    stored[at_m, q.node_group[at_n]] = True
    able = ledger.compiled.can_host & ~stored[:, q.node_group] & (missing > 0)[:, None]
    m, n = np.nonzero(able)
    if len(m) > _MAX_PAIRS:
        return None
    part, link = np.unique(m * q.n_groups + q.node_group[n], return_inverse=True)
    h, w = np.arange(len(m)), len(m) + np.arange(len(part))
    weight = q.weights_gb[m]
    blocks = (  # rows, columns, values
        (part // q.n_groups, w, np.ones(len(w))),
        (q.n_models + link, h, np.ones(len(h))),
        (q.n_models + w - len(m), w, -np.ones(len(w))),
        (q.n_models + len(part) + n, h, -weight),
        (np.full(len(h), q.n_models + len(part) + q.n_nodes), h, -weight * ~q.hosted[m, n]),
    )
    row, column, value = (np.concatenate(columns) for columns in zip(*blocks, strict=True))
    least = np.concatenate(
        [missing, np.zeros(len(part)), -ledger.storage_gb, [-float(ledger.transfer_left)]]
    )
    found = milp(
        np.concatenate([ledger.compiled.host_cost[m, n], np.zeros(len(w))]),
        integrality=np.repeat([1, 0], [len(h), len(w)]),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(
            coo_array((value, (row, column)), shape=(len(least), len(h) + len(w))).tocsr(), least
        ),
        options={"time_limit": time_limit, "mip_rel_gap": 1e-4},
    )
    if found.x is None:
        return None
    packing = _Packing(ledger)
    chosen = found.x[: len(h)] > 0.5
    packing.hosting[m[chosen], n[chosen]] = True
    packing.storage_gb -= np.bincount(n[chosen], weight[chosen], q.n_nodes)
    packing.transfer_gb -= float((weight * ~q.hosted[m, n])[chosen].sum())
    return packing


# --- once replicas are placed ------------------------------------------------------------------


def improve_hosting(compiled: Compiled, hosting: Bools, replicas: Ints) -> Bools:
    """A hosting at most as dear as the given one for these replicas, loads read where cheapest.

    Model by model, hosts are added where they save more transfer than they cost, then exchanged or
    dropped, as long as the objective falls.

    Parameters
    ----------
    compiled : Compiled
        The instance.
    hosting : array of bool, shape (models, nodes)
        A feasible hosting; not changed.
    replicas : array of int, shape (models, nodes)
        Replicas of the finished placement.
    """
    q = compiled.quantities
    books = _Books(compiled, hosting, np.maximum(replicas - q.loaded, 0))
    for m in range(q.n_models):
        _ModelHosts(books, m).improve()
    return books.hosting


def improved(compiled: Compiled, placement: Placement) -> Placement:
    """The placement with its hosting improved for the replicas it loads."""
    q = compiled.quantities
    hosting = np.zeros((q.n_models, q.n_nodes), dtype=bool)
    hosting[placement.host_m, placement.host_n] = True
    replicas = np.zeros((q.n_models, q.n_nodes), dtype=np.int64)
    replicas[placement.replica_m, placement.replica_n] = placement.replica_count
    return assemble(
        compiled,
        improve_hosting(compiled, hosting, replicas),
        replicas,
        runs=(placement.run_g, placement.run_n, placement.run_count),
        checks=(placement.verify_g, placement.verify_n, placement.verify_count),
        unserved=placement.unserved,
    )


class _Books:
    """What all models share: storage, and what may still be moved."""

    def __init__(self, compiled: Compiled, hosting: Bools, fresh: Ints) -> None:
        self.compiled = compiled
        self.q = q = compiled.quantities
        self.hosting = hosting.copy()
        self.fresh = fresh
        self.storage_gb = q.storage_gb - q.weights_gb @ hosting
        limit = q.instance.limits.max_transfer_gb
        copied = (q.weights_gb[:, None] * (hosting & ~q.hosted)).sum()
        loaded = (q.weights_gb[:, None] * np.where(hosting, 0, fresh)).sum()
        self.transfer_gb = np.inf if limit is None else float(limit - copied - loaded)


class _ModelHosts:
    """The hosts of one model, weighed against the loads that read from them."""

    def __init__(self, books: _Books, m: int) -> None:
        q = books.q
        self.books, self.m = books, m
        self.weight = float(q.weights_gb[m])
        self.hosts = books.hosting[m]
        self.host_cost = books.compiled.host_cost[m]
        self.loads = np.flatnonzero(books.fresh[m])
        self.gb = books.fresh[m, self.loads] * self.weight
        to = q.node_region[self.loads]
        self.price = q.transfer_price[:, to]
        """$ per GB from each region (the last: none) to each load."""
        self.near_price = q.transfer_price[to, to]
        copied = np.where(q.hosted[m], 0.0, self.weight)
        self.moved_gb = copied - books.fresh[m] * self.weight
        """GB more that are moved with each node as a host than without it."""

    def improve(self) -> None:
        """Add hosts while it pays, then exchange or drop while it pays."""
        nodes = np.flatnonzero(self.books.compiled.can_host[self.m])
        nodes = self._likely(nodes) if len(self.loads) else nodes
        while len(self.loads) and self._step(nodes, [-1]):
            pass
        while self._step(nodes, [int(s) for s in np.flatnonzero(self.hosts)]):
            pass

    def _likely(self, nodes: Ints) -> Ints:
        """The nodes that load, and the cheapest few of each region."""
        order = nodes[np.lexsort((self.host_cost[nodes], self.books.q.node_region[nodes]))]
        region = self.books.q.node_region[order]
        first = np.searchsorted(region, region)
        few = order[np.arange(len(order)) - first < _FEW]
        return np.union1d(few, self.loads[self.books.compiled.can_host[self.m, self.loads]])

    def _step(self, nodes: Ints, leaving: list[int]) -> bool:
        """Make the best move that lets one of `leaving` go (-1: none), if one pays."""
        alone = leaving == [-1]
        now = float(self._reading(-1) @ self.gb)
        best, move = _SLACK * (1.0 + now), None
        if leaving and not alone and np.isfinite(now):
            gains = now - self._cost_without(np.array(leaving))
            if gains.max() > best:
                best, move = float(gains.max()), (leaving[int(np.argmax(gains))], -1)
        for s in leaving if len(leaving) <= _MAX_SWAPPED else []:
            before = now + (self.host_cost[s] if s >= 0 else 0.0)
            entrants = self._entrants(nodes, s)
            gains = before - self._cost_with(entrants, self._reading(s))
            if len(gains) and gains.max() > best:
                best, move = float(gains.max()), (s, int(entrants[np.argmax(gains)]))
        if move is not None:
            self._apply(*move)
        return move is not None

    def _cost_without(self, hosts: Ints) -> Floats:
        """$ of reading without each of all hosts, less what it costs; infinite where it must stay.

        Reading gets dearer for the host's own loads, and for others where no host of its region is
        left.
        """
        regions, at, number = np.unique(
            self.books.q.node_region[hosts], return_inverse=True, return_counts=True
        )
        price = np.vstack([self.price[regions], np.full(len(self.loads), np.inf)])
        least, second = np.partition(price, 1, axis=0)[:2]
        only = (number == 1)[:, None] & (price[:-1] == least)
        without = np.where(self.gb > 0, np.where(only, second, least), 0.0) * self.gb
        own = self.hosts[self.loads]
        cost = without[:, ~own].sum(axis=1)[at] - self.host_cost[hosts]
        load, host = np.nonzero(self.loads[:, None] == hosts)
        cost[host] += without[at[host], load]
        cost[~self._may_drop(hosts)] = np.inf
        return np.asarray(cost)

    def _reading(self, leaving: int) -> Floats:
        """$ per GB of each load without one of the hosts; infinite without any."""
        hosts = np.flatnonzero(self.hosts)
        hosts = hosts[hosts != leaving]
        regions = np.unique(self.books.q.node_region[hosts])
        price = self.price[regions].min(axis=0, initial=np.inf)
        own = self.hosts[self.loads] & (self.loads != leaving)
        return np.asarray(np.where(own, 0.0, price))

    def _cost_with(self, nodes: Ints, reading: Floats) -> Floats:
        """$ of reading and storing once each of `nodes` is a host too."""
        by_region = np.minimum(reading, self.price) @ self.gb
        total = by_region[self.books.q.node_region[nodes]] + self.host_cost[nodes]
        at = np.searchsorted(self.loads, nodes)
        at = np.minimum(at, max(0, len(self.loads) - 1))
        if len(self.loads):
            own = self.loads[at] == nodes
            spared = np.minimum(reading, self.near_price) * self.gb
            total -= np.where(own, spared[at], 0.0)
        return np.asarray(total)

    def _entrants(self, nodes: Ints, leaving: int) -> Ints:
        """The nodes that may become hosts when `leaving` goes."""
        books, q = self.books, self.books.q
        able: Bools = ~self.hosts[nodes]
        able &= books.storage_gb[nodes] + _SLACK * q.storage_gb[nodes] >= self.weight
        if np.isfinite(books.transfer_gb):
            spared = self.moved_gb[leaving] if leaving >= 0 else 0.0
            able &= self.moved_gb[nodes] - spared <= books.transfer_gb + _SLACK
        taken = self._groups(leaving)
        if len(taken) < q.min_hosts[self.m]:
            able &= ~np.isin(q.node_group[nodes], taken)
        return np.asarray(nodes[able])

    def _may_drop(self, hosts: Ints) -> Bools:
        """Whether the groups, the loads and the limit on transfers can do without each host."""
        groups, at, number = np.unique(
            self.books.q.node_group[hosts], return_inverse=True, return_counts=True
        )
        enough = len(groups) - (number[at] == 1) >= self.books.q.min_hosts[self.m]
        served = not len(self.loads) or len(hosts) > 1
        affordable = -self.moved_gb[hosts] <= self.books.transfer_gb + _SLACK
        return np.asarray(enough & served & affordable)

    def _groups(self, leaving: int) -> Ints:
        """The control groups that store the model when `leaving` goes."""
        hosts = np.flatnonzero(self.hosts)
        return np.asarray(np.unique(self.books.q.node_group[hosts[hosts != leaving]]))

    def _apply(self, leaving: int, entering: int) -> None:
        for n, sign in ((leaving, -1), (entering, 1)):
            if n >= 0:
                self.hosts[n] = sign > 0
                self.books.storage_gb[n] -= sign * self.weight
                self.books.transfer_gb -= sign * self.moved_gb[n]
