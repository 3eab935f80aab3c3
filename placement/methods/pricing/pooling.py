"""From an instance to its pooled program."""

import numpy as np
import scipy.sparse as sp

from placement.compiled import Compiled
from placement.methods.pricing.cells import Cells, Offers
from placement.methods.pricing.pooled import Pooled, Rest
from placement.quantities import Floats, Ints

_TINY = 1e-9
_DEAR = 100.0
"""Turning away what must be served costs so many times what serving it costs."""
NO_WAY = 1e6
"""$ of reading weights from where there can be none."""


def pool(compiled: Compiled, cells: Cells) -> Pooled:
    """The pooled program of an instance; classes with pairs are left out."""
    return _Pool(compiled, cells).program()


class _Pool:
    def __init__(self, compiled: Compiled, cells: Cells) -> None:
        self.c, self.q, self.cells = compiled, compiled.quantities, cells
        self.window = self.q.window_s
        self.run_g = np.flatnonzero(~self.q.paired)
        runs, redone = cells.runs(), cells.redone()
        self.check_g = np.unique(redone.g)
        self._join(runs, redone)
        self._copies()
        self.worth = self._worth()

    def _join(self, runs: Offers, redone: Offers) -> None:
        """Executions and re-executions as arcs of class rows."""
        row = np.searchsorted(self.run_g, runs.g)
        again = len(self.run_g) + np.searchsorted(self.check_g, redone.g)
        self.row = np.concatenate([row, again])
        self.rows = len(self.run_g) + len(self.check_g)
        self.first = np.searchsorted(self.row, np.arange(self.rows + 1))
        self.model = self.q.class_model[np.concatenate([runs.g, redone.g])]
        self.cell = np.concatenate([runs.cell, redone.cell])
        self.mask = np.concatenate([runs.mask, redone.mask])
        self.cost = np.concatenate([runs.cost, redone.cost])
        self.work = np.concatenate([runs.work_s, redone.work_s]) / self.window

    def _copies(self) -> None:
        """(model, cell) with arcs: what a copy offers, costs, and how many are there already."""
        q, c, cells = self.q, self.c, self.cells
        useful = np.zeros((q.n_models, len(cells)), dtype=bool)
        useful[self.model, self.cell] = True
        number = np.cumsum(useful).reshape(useful.shape) - 1
        self.m, self.z = np.nonzero(useful)
        self.at_copy = number[self.model, self.cell]
        self.offered = q.span[self.m] * cells.mean(q.utilization)[self.z]
        kept, stored = np.zeros(useful.shape), np.zeros(useful.shape)
        np.add.at(kept.T, cells.node_cell, np.minimum(q.loaded, c.max_replicas).T)
        np.add.at(stored.T, cells.node_cell, (q.hosted & (c.max_replicas > 0)).T)
        self.kept, self.stored = kept[self.m, self.z], stored[self.m, self.z]
        self.load_s = q.span[self.m] * q.weights_gb[self.m] / cells.mean(q.load_gb_per_s)[self.z]
        loading = cells.rate[self.z] * self.load_s
        fetch, own, self.bulk = self._reading()
        self.copy_cost = [loading + fetch, 0.0 * loading]
        self.copy_cost += [loading * self.bulk + own, loading * self.bulk]

    def _widest_masks(self) -> Ints:
        """For each (model, cell) the mask of most capacity among those of its classes."""
        q, cells = self.q, self.cells
        of_kind = np.bincount(cells.node_kind, q.capacity_s, len(cells.kind_cell))
        size = cells.mask_kinds @ of_kind
        order = np.lexsort((size[self.mask], self.at_copy))
        last = np.searchsorted(self.at_copy[order], np.arange(len(self.m)), side="right") - 1
        return np.asarray(self.mask[order[last]])

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
            rest=self._rest(),
        )

    def _rest(self) -> Rest:
        """Costs, bounds and sizes of everything but the arcs."""
        q, c, cells = self.q, self.c, self.cells
        nodes = self.nodes = np.flatnonzero((q.infers | q.verifies) & (q.capacity_s > 0))
        cell = cells.node_cell[nodes]
        self.flow_mask, flow_kind = np.nonzero(cells.mask_kinds)
        self.flow_kind = flow_kind
        asking = (c.rate + c.engagement_rate)[nodes] * q.capacity_s[nodes]
        engaged = c.engagement[nodes] + (c.rate[nodes] - cells.rate[cell]) * q.capacity_s[nodes]
        copy = self.offered * self.window * cells.asking[self.z]
        window = self.window * cells.asking
        worth, flows = self.worth[: len(self.run_g)], len(self.flow_mask)
        penalty = q.penalty[self.run_g] * q.count[self.run_g]
        penalty = np.where(np.isfinite(penalty), penalty, _DEAR * worth)
        size = np.bincount(cell, q.memory_gb[nodes], len(cells))
        gb = 0.1 * np.bincount(cell, asking, len(cells)) / np.maximum(size, _TINY)
        many = np.full(len(copy), np.inf)
        most = [many, self.kept, many, self.stored]
        most += [np.ones(len(worth)), np.full(flows, np.inf), np.ones(len(nodes))]
        masks, kinds = window[cells.mask_cell], window[cells.kind_cell]
        matrix = self._matrix()
        return Rest(
            matrix=matrix,
            cost=np.concatenate([*self.copy_cost, penalty, np.zeros(flows), engaged]),
            most=np.concatenate(most),
            needed=np.concatenate([np.ones(self.rows), np.zeros(matrix.shape[0] - self.rows)]),
            column_value=_sizeable(
                copy, copy, *[copy * self.bulk] * 2, worth, masks[self.flow_mask], asking
            ),
            row_value=_sizeable(self.worth, copy, masks, kinds, gb),
        )

    def _matrix(self) -> sp.csr_array:
        """Rows and columns that have no arcs of their own."""
        q, cells, nodes = self.q, self.cells, self.nodes
        copies, masks, kinds = len(self.m), len(cells.mask_cell), len(cells.kind_cell)
        i = np.cumsum([0, self.rows, copies, masks, kinds, len(cells)]).tolist()
        sizes = [*[copies] * 4, len(self.run_g), len(self.flow_mask), len(nodes)]
        j = np.cumsum([0, *sizes]).tolist()
        k, u, f, e = (np.arange(size) for size in sizes[3:])
        checked = np.searchsorted(self.run_g, self.check_g)
        again = len(self.run_g) + np.arange(len(self.check_g))
        held = q.replica_gb[self.m]
        each = (np.ones(len(k)), np.ones(len(k)), self.bulk, self.bulk)
        loads = (self.load_s, 0.0 * self.load_s, self.load_s * self.bulk, self.load_s * self.bulk)
        wide = i[2] + self._widest_masks()
        entries: list[tuple[Ints, Ints, Floats | float]] = [
            *((i[1] + k, j[way] + k, many) for way, many in enumerate(each)),
            *((i[4] + self.z, j[way] + k, -held * many) for way, many in enumerate(each)),
            *((wide, j[way] + k, -load / self.window) for way, load in enumerate(loads)),
            (u, j[4] + u, 1.0), (again, j[4] + checked, 1.0),
            (i[2] + self.flow_mask, j[5] + f, 1.0), (i[3] + self.flow_kind, j[5] + f, -1.0),
            (i[3] + cells.node_kind[nodes], j[6] + e, q.capacity_s[nodes] / self.window),
            (i[4] + cells.node_cell[nodes], j[6] + e, q.memory_gb[nodes]),
        ]  # fmt: skip
        row = np.concatenate([entry[0] for entry in entries])
        column = np.concatenate([entry[1] for entry in entries])
        value = np.concatenate([np.ones(len(r)) * v for r, _, v in entries])
        return sp.csr_array((value, (row, column)), shape=(i[-1], j[-1]))


def _sizeable(*values: Floats) -> Floats:
    """One column of values, those next to nothing raised to a millionth of the mean."""
    joined = np.concatenate(values)
    return np.maximum(joined, 1e-6 * float(joined.mean()) + _TINY)
