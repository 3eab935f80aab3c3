"""Cutting planes: replicas, and a place to load them from, are needed whole.

Let G be some of what model m may do on node n, W its work when all of it is done there, S the work
of one replica, k = W / S rounded up and r = W - (k - 1) S. Whoever does all of G on n needs k
replicas, and each one less leaves at least r undone:

    work done of G  <=  W - r (k - replicas)

New replicas come from somewhere: from the node itself if it stores the weights, from a zone that
does. A source that is not there gives none, one that is there need not give more than k. So each
source counts as its loads or as k times its being there, whichever is less:

    work done of G + r (k - kept)  <=  W + r sum over sources min(loads, k there)

which is linear for any choice of sides. With one replica it is mixed-integer rounding (Nemhauser
and Wolsey, 1990), with sources the (l, S) inequalities of lot sizing (Barany, Van Roy and Wolsey,
1984). The relaxation of the model prorates a source over all the replicas that could ever be
loaded from it; these rows do so over the replicas that its work is worth.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from placement.assembly import running_totals
from placement.model import Model
from placement.quantities import REEXECUTION, Floats, Ints

_SLIGHT = 1e-9


@dataclass(frozen=True)
class Rows:
    """Inequalities matrix @ x <= upper."""

    matrix: sp.csr_array
    upper: Floats


class Covers:
    """Finds the rows that a point breaks. Rows are in units of one replica's work."""

    def __init__(self, model: Model) -> None:
        q = model.compiled.quantities
        self.size = len(model.program.cost)
        self.share = q.replica_s(model.replica_m, model.replica_n)
        self.kept = np.minimum(q.loaded[model.replica_m, model.replica_n], model.replica_most)
        self._list_work(model)
        self._list_sources(model)

    def _list_work(self, model: Model) -> None:
        """What each replica column may do: requests and re-executions, by replica column."""
        q = model.compiled.quantities
        verify = model.verify
        redone = q.mode[verify.g] == REEXECUTION
        k = np.concatenate([
            model.replica_at[q.class_model[model.run.g], model.run.n],
            np.where(redone, model.replica_at[q.class_model[verify.g], verify.n], -1),
        ])  # fmt: skip
        column = np.concatenate([columns_of(model, name) for name in ("x", "v")])
        work = np.concatenate([model.run.work_s, verify.work_s])
        used = np.flatnonzero((k >= 0) & (work > 0) & (model.program.upper[column] > 0))
        used = used[np.argsort(k[used], kind="stable")]
        self.k, self.column = k[used], column[used]
        self.work = work[used] / self.share[self.k]
        self.all = self.work * model.program.upper[self.column]

    def _list_sources(self, model: Model) -> None:
        """The columns that load, and those that say whether the source is there, by replica."""
        q = model.compiled.quantities
        h_of: Ints = np.zeros((q.n_models, q.n_nodes), dtype=np.int64)
        h_of[model.host_m, model.host_n] = columns_of(model, "h")
        w_of: Ints = np.zeros((q.n_models, model.zones), dtype=np.int64)
        w_of[model.zone_m, model.zone_z] = columns_of(model, "w")
        own, fetch = model.own_k, model.fetch_k
        k = np.concatenate([own, fetch])
        order = np.argsort(k, kind="stable")
        self.source_k = k[order]
        self.load = np.concatenate([columns_of(model, "own"), columns_of(model, "fetch")])[order]
        there = [h_of[model.replica_m[own], model.replica_n[own]],
                 w_of[model.replica_m[fetch], model.fetch_z]]  # fmt: skip
        self.there = np.concatenate(there)[order]
        self.first = np.searchsorted(self.source_k, np.arange(len(self.share) + 1))

    def broken(self, values: Floats, least: float, most: int) -> Rows:
        """At most `most` rows that the point breaks by `least` or more, at most one a replica."""
        if not len(self.k):
            return self._rows([])
        done = self.work * values[self.column]
        order = np.lexsort((-done / self.all, self.k))
        k = self.k[order]
        begins = np.searchsorted(k, k)
        total = running_totals(self.all[order], k)
        needed = np.maximum(1.0, np.ceil(total - _SLIGHT))
        rest = total - (needed - 1.0)
        missing = needed - self._provided(values, k, needed)
        broken = running_totals(done[order], k) - total + rest * missing
        ranked = np.lexsort((-broken, k))
        best = ranked[np.unique(k[ranked], return_index=True)[1]]
        best = best[broken[best] >= least]
        best = best[np.argsort(-broken[best], kind="stable")[:most]]
        return self._rows([
            self._row(order[begins[i] : i + 1], int(k[i]), needed[i], rest[i], values)
            for i in best.tolist()
        ])  # fmt: skip

    def _provided(self, values: Floats, k: Ints, needed: Floats) -> Floats:
        """Replicas kept, and those that the sources give at most, for each prefix."""
        size = len(self.share)
        provided = np.zeros(len(k))
        for count in np.unique(needed).tolist():
            given = np.minimum(values[self.load], count * values[self.there])
            mine = needed == count
            provided[mine] = (self.kept + np.bincount(self.source_k, given, size))[k[mine]]
        return provided

    def _row(
        self, items: Ints, k: int, needed: float, rest: float, values: Floats
    ) -> tuple[Ints, Floats, float]:
        """The row of some items of one replica column, with the lesser side of each source."""
        mine = slice(self.first[k], self.first[k + 1])
        load, there = self.load[mine], self.there[mine]
        whole = needed * values[there] < values[load]
        columns = np.concatenate([self.column[items], np.where(whole, there, load)])
        factors = np.concatenate([self.work[items], -rest * np.where(whole, needed, 1.0)])
        return columns, factors, float(self.all[items].sum() - rest * (needed - self.kept[k]))

    def _rows(self, rows: list[tuple[Ints, Floats, float]]) -> Rows:
        """The rows as a matrix."""
        none: list[Ints] = [np.zeros(0, dtype=np.int64)]
        columns = np.concatenate([row[0] for row in rows] or none)
        factors = np.concatenate([row[1] for row in rows] or [np.zeros(0)])
        ends = np.cumsum([0, *(len(row[0]) for row in rows)])
        matrix = sp.csr_array((factors, columns, ends), shape=(len(rows), self.size))
        return Rows(matrix, np.array([row[2] for row in rows], dtype=float))


def columns_of(model: Model, name: str) -> Ints:
    """The columns of a family."""
    part = model.columns[name]
    return np.arange(part.start, part.stop)
