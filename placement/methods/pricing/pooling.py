"""From an instance to its pooled program."""

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp

from placement.methods.newcopies import NewCopies
from placement.methods.pricing.cells import Cells, Offers, with_outer
from placement.methods.pricing.hosts import find_hosts, no_hosts
from placement.methods.pricing.kernels import KEPT, NEW_BULK
from placement.methods.pricing.pooled import WAYS, Pooled, Rest
from placement.quantities import Bools, Floats, Ints

_TINY = 1e-9
_DEAR = 100.0
"""Turning away what must be served costs so many times what serving it costs."""
_Entries = tuple[Ints, Ints, Floats]
"""Rows, columns and values of entries."""
NO_WAY = 1e6
"""$ of reading weights from where there can be none."""


def pool(cells: Cells, runs: Offers, redone: Offers, new_copies: NewCopies | None = None) -> Pooled:
    """The pooled program of what can run, and be re-executed, where.

    With new copies it has hosts; without, weights are read from anywhere.
    """
    return _Pool(cells, runs, redone, new_copies).program()


class _Pool:
    def __init__(
        self, cells: Cells, runs: Offers, redone: Offers, new_copies: NewCopies | None
    ) -> None:
        self.c, self.q, self.cells = cells.compiled, cells.q, cells
        self.window = self.q.window_s
        self.run_g = self._by_model(np.flatnonzero(~self.q.paired))
        self.check_g = self._by_model(np.unique(redone.g))
        self._join(runs, redone)
        self._copies()
        self._hosts(new_copies)
        self.worth = self._worth()

    def _join(self, runs: Offers, redone: Offers) -> None:
        """Executions and re-executions as arcs of class rows."""
        self.row_of = _places(self.run_g, self.q.n_classes)
        again = len(self.run_g) + _places(self.check_g, self.q.n_classes)
        row = np.concatenate([self.row_of[runs.g], again[redone.g]])
        order = np.argsort(row, kind="stable")
        self.row = row[order]
        self.rows = len(self.run_g) + len(self.check_g)
        self.first = np.searchsorted(self.row, np.arange(self.rows + 1))
        self.model = self.q.class_model[np.concatenate([runs.g, redone.g])[order]]
        self.cell = np.concatenate([runs.cell, redone.cell])[order].astype(np.int32)
        self.mask = np.concatenate([runs.mask, redone.mask])[order].astype(np.int32)
        self.cost = np.concatenate([runs.cost, redone.cost])[order]
        self.work = np.concatenate([runs.work_s, redone.work_s])[order] / self.window

    def _by_model(self, g: Ints) -> Ints:
        """Classes sorted by model: what arcs look at then lies together, and steps are faster."""
        return g[np.argsort(self.q.class_model[g], kind="stable")]

    def _copies(self) -> None:
        """(model, cell) with arcs: what a copy offers, costs, and how many are there already."""
        q, c, cells = self.q, self.c, self.cells
        useful = np.zeros((q.n_models, len(cells)), dtype=bool)
        useful[self.model, self.cell] = True
        number = np.cumsum(useful, dtype=np.int32).reshape(useful.shape) - 1
        self.m, self.z = np.nonzero(useful)
        self.at_copy = number[self.model, self.cell]
        self.offered = q.span[self.m] * cells.mean(q.utilization)[self.z]
        kept, stored = np.zeros(useful.shape), np.zeros(useful.shape)
        here = np.minimum(q.loaded, c.max_replicas)
        for table, value in ((kept, here), (stored, q.hosted & (c.max_replicas > 0))):
            m, n = np.nonzero(value)
            np.add.at(table, (m, cells.node_cell[n]), value[m, n])
        self.kept, self.stored = kept[self.m, self.z], stored[self.m, self.z]
        self.load_s = q.span[self.m] * q.weights_gb[self.m] / cells.mean(q.load_gb_per_s)[self.z]
        loading = cells.rate[self.z] * self.load_s
        self.fetch, self.own, self.bulk = self._reading()
        self.copy_cost = [loading + self.fetch, 0.0 * loading]
        self.copy_cost += [loading * self.bulk + self.own, loading * self.bulk]

    def _hosts(self, new_copies: NewCopies | None) -> None:
        """Hosts, copies that are read from another zone, and new ones in bulk.

        None of these where as many single ones, and the cheapest host there, cost no more.
        """
        self.hosts, far = no_hosts(len(self.m)), np.full(len(self.m), NO_WAY)
        if new_copies is not None:
            copies, offered = (self.m, self.z), np.maximum(self.offered, _TINY)
            self.hosts = find_hosts(self.cells, new_copies, self.run_g, copies, offered)
            region = self.q.node_region[self.cells.node][self.z]
            far = np.minimum(new_copies.apart[self.m, region], NO_WAY)
        self.copy_cost.append(self.cells.rate[self.z] * self.load_s + far)
        first = np.append(self.hosts.cost, 0.0)[self.hosts.of_copy]
        self.pays_bulk: Bools = self.own < self.bulk * self.fetch + first
        self.copy_cost[NEW_BULK][~self.pays_bulk] = NO_WAY

    def _widest_masks(self) -> Ints:
        """For each (model, cell) the mask of most capacity among those of its classes."""
        q, cells = self.q, self.cells
        of_kind = np.bincount(cells.node_kind, q.capacity_s, len(cells.kind_cell))
        size = np.bincount(cells.flow_mask, of_kind[cells.flow_kind], len(cells.mask_cell))
        order = np.argsort(size, kind="stable")
        place, widest = np.empty_like(order), np.zeros(len(self.m), dtype=np.int64)
        place[order] = np.arange(len(order))
        np.maximum.at(widest, self.at_copy, place[self.mask])
        return np.asarray(order[widest])

    def _reading(self) -> tuple[Floats, Floats, Floats]:
        """$ of fetching weights from the best region, and of storing them; copies of a bulk."""
        q, c, cells = self.q, self.c, self.cells
        able = np.zeros((q.n_models, q.n_regions + 1), dtype=bool)
        own = np.full((q.n_models, len(cells)), np.inf)
        bulk = np.ones((q.n_models, len(cells)))
        for cell, nodes in enumerate(cells.members):
            can = c.can_host[:, nodes]
            able[:, q.node_region[nodes[0]]] |= can.any(axis=1)
            each = np.where(can & ~q.hosted[:, nodes], c.host_cost[:, nodes], np.inf)
            own[:, cell] = each.min(axis=1, initial=np.inf)
            bulk[:, cell] = c.max_replicas[:, nodes].max(axis=1, initial=1)
        price = np.where(able[:, :, None], q.transfer_price[None], np.inf).min(axis=1)
        fetch = q.weights_gb[self.m] * price[self.m, q.node_region[cells.node][self.z]]
        own = own[self.m, self.z]
        return np.minimum(fetch, NO_WAY), np.minimum(own, NO_WAY), bulk[self.m, self.z]

    def _worth(self) -> Floats:
        """$ that serving each class row costs at least, nodes at what they ask for."""
        extra = (self.cells.asking - self.cells.rate)[self.cell] * self.work * self.window
        worth = np.full(self.rows, np.inf)
        np.minimum.at(worth, self.row, self.cost + extra)
        return np.where(np.isfinite(worth), np.maximum(worth, _TINY), _TINY)

    def program(self) -> Pooled:
        """Everything."""
        offered = np.maximum(self.offered, _TINY)
        share = offered[self.at_copy] / np.maximum(self.work, _TINY)
        return Pooled(
            cells=self.cells,
            run_g=self.run_g,
            check_g=self.check_g,
            first=self.first,
            at_cell=self.cell,
            at_copy=self.at_copy,
            at_mask=self.mask,
            cost=self.cost,
            work=self.work,
            kappa=np.minimum(1.0, share),
            bulk_kappa=np.minimum(1.0, share * self.bulk[self.at_copy]),
            copy_m=self.m,
            copy_cell=self.z,
            windows=1.0 / offered,
            bulk=self.bulk,
            hosts=self.hosts,
            rest=self._rest(),
        )

    def _rest(self) -> Rest:
        """Costs, bounds and sizes of everything but the arcs."""
        q, c, cells = self.q, self.c, self.cells
        able = (q.infers | q.verifies) & (q.capacity_s > 0)
        nodes = self.nodes = np.flatnonzero(able)
        cell = cells.node_cell[nodes]
        asking = (c.rate + c.engagement_rate)[nodes] * q.capacity_s[nodes]
        engaged = c.engagement[nodes] + (c.rate[nodes] - cells.rate[cell]) * q.capacity_s[nodes]
        copy = self.offered * self.window * cells.asking[self.z]
        window = self.window * cells.asking
        worth, flows = self.worth[: len(self.run_g)], len(cells.flow_mask)
        penalty = q.penalty[self.run_g] * q.count[self.run_g]
        penalty = np.where(np.isfinite(penalty), penalty, _DEAR * worth)
        size = cells.total(q.memory_gb * able)
        gb = 0.1 * cells.total((c.rate + c.engagement_rate) * q.capacity_s * able)
        gb /= np.maximum(size, _TINY)
        many = np.full(len(copy), np.inf)
        far = np.where(self.hosts.of_copy >= 0, np.inf, 0.0)
        most = [many, self.kept, np.where(self.pays_bulk, np.inf, 0.0), self.stored, far]
        most += [np.ones(len(worth)), np.full(flows, np.inf), np.ones(len(nodes))]
        most.append(np.full(len(self.hosts), np.inf))
        ways = copy, copy, copy * self.bulk, copy * self.bulk, copy
        masks, kinds = window[cells.mask_cell], window[cells.kind_cell]
        matrix = self._matrix()
        return Rest(
            matrix=matrix,
            cost=np.concatenate(
                [*self.copy_cost, penalty, np.zeros(flows), engaged, self.hosts.cost]
            ),
            most=np.concatenate(most),
            needed=np.concatenate([np.ones(self.rows), np.zeros(matrix.shape[0] - self.rows)]),
            column_value=_sizeable(*ways, worth, masks[cells.flow_mask], asking, self.hosts.cost),
            row_value=_sizeable(self.worth, copy, masks, kinds, gb),
        )

    def _matrix(self) -> sp.csr_array:
        """Rows and columns that have no arcs of their own."""
        q, cells, nodes = self.q, self.cells, self.nodes
        copies, masks, kinds = len(self.m), len(cells.mask_cell), len(cells.kind_cell)
        i = np.cumsum([0, self.rows, copies, masks, kinds, len(cells)]).tolist()
        sizes = [len(self.run_g), len(cells.flow_mask), len(nodes), len(self.hosts)]
        j = np.cumsum([WAYS * copies, *sizes]).tolist()
        u, f, e = (np.arange(size) for size in sizes[:3])
        checked = self.row_of[self.check_g]
        again = len(self.run_g) + np.arange(len(self.check_g))
        kind, cell = cells.node_kind[nodes], cells.node_cell[nodes]
        seconds, memory = q.capacity_s[nodes] / self.window, q.memory_gb[nodes]
        entries: list[_Entries] = [
            *self._copy_entries(i[1], i[2], i[4]),
            (u, j[0] + u, np.ones(len(u))), (again, j[0] + checked, np.ones(len(again))),
            (i[2] + cells.flow_mask, j[1] + f, np.ones(len(f))),
            _both(i[3], cells.flow_kind, cells.kind_within, j[1] + f, -np.ones(len(f))),
            _both(i[3], kind, cells.kind_within, j[2] + e, seconds),
            _both(i[4], cell, cells.within, j[2] + e, memory),
        ]  # fmt: skip
        row, column, value = (np.concatenate(each) for each in zip(*entries, strict=True))
        return sp.csr_array((value, (row, column)), shape=(i[-1], j[-1]))

    def _copy_entries(self, copies: int, masks: int, memory: int) -> Iterator[_Entries]:
        """What copies serve, hold and load, by the way they are had, where there can be any."""
        held, load = self.q.replica_gb[self.m], self.load_s / self.window
        wide = self._widest_masks()
        one, size = np.ones(len(self.m)), len(self.m)
        ways = (
            (one, one), (self.kept, one), (self.pays_bulk, self.bulk), (self.stored, self.bulk),
            (self.hosts.of_copy >= 0, one),
        )  # fmt: skip
        for way, (most, each) in enumerate(ways):
            k = np.flatnonzero(most)
            column = way * size + k
            yield copies + k, column, each[k]
            yield _both(memory, self.z[k], self.cells.within, column, -(held * each)[k])
            if way != KEPT:
                yield masks + wide[k], column, -(load * each)[k]


def _sizeable(*values: Floats) -> Floats:
    """One column of values, those next to nothing raised to a millionth of the mean."""
    joined = np.concatenate(values)
    return np.maximum(joined, 1e-6 * float(joined.mean()) + _TINY)


def _places(values: Ints, size: int) -> Ints:
    """Where each number below a size is in an array, 0 for those that are not in it."""
    places = np.zeros(size, dtype=np.int64)
    places[values] = np.arange(len(values))
    return places


def _both(first: int, at: Ints, within: Ints, column: Ints, value: Floats) -> _Entries:
    """Entries of cells or kinds, and the same again of those that they are inside of."""
    i, row = with_outer(at, within)
    return first + row, column[i], value[i]
