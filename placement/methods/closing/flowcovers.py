"""Cutting planes: who reads weights in a zone needs them stored there.

What a class executes on some nodes is at most what replicas there can serve that read nothing from
a zone, and all of it if some node of the zone stores the weights. For class g, zone Z and any nodes

    sum over the nodes of x(g, n) - most(g, n) (z(m, n) - loads from Z)  <=  count(g) w(m, Z)

where most is what one replica can serve of g: a flow cover (Padberg, Van Roy and Wolsey, 1985).
Certificates have the same rows for the nodes of Z.
"""

import numpy as np
import scipy.sparse as sp

from placement.methods.closing.covers import Rows, columns_of
from placement.model import Model
from placement.quantities import Floats, Ints


class FlowCovers:
    """Finds the rows that a point breaks. Rows are in units of one class."""

    def __init__(self, model: Model) -> None:
        q, run = model.compiled.quantities, model.run
        self.size, self.count, self.zones = len(model.program.cost), q.count, model.zones
        size = len(model.replica_m)
        k = model.replica_at[q.class_model[run.g], run.n]
        held = np.flatnonzero(k >= 0)
        self.g, self.k, self.x = run.g[held], k[held], columns_of(model, "x")[held]
        work = run.work_s[held]
        with np.errstate(divide="ignore"):
            share = q.replica_s(model.replica_m, model.replica_n)[self.k] / work
        self.most = np.minimum(self.count[self.g], share)
        self.z = columns_of(model, "z")[self.k]
        self.load: Ints = np.full((model.zones, size), -1, dtype=np.int64)
        self.load[model.fetch_z, model.fetch_k] = columns_of(model, "fetch")
        self.own: Ints = np.full((model.zones, size), -1, dtype=np.int64)
        self.own[model.zone[model.replica_n[model.own_k]], model.own_k] = columns_of(model, "own")
        there: Ints = np.full((q.n_models + 1, model.zones), -1, dtype=np.int64)
        there[model.zone_m, model.zone_z] = columns_of(model, "w")
        self.there = there[q.class_model]

    def broken(self, values: Floats, least: float, most: int) -> Rows:
        """At most `most` rows that the point breaks by `least` or more, one a class and zone."""
        known = np.append(values, 0.0)
        found = [self._beyond(known, zone) for zone in range(self.zones)]
        broken = np.array([per_class for _, per_class in found]).ravel()
        best = np.argsort(-broken, kind="stable")[:most]
        best = best[broken[best] >= least]
        row_of: Ints = np.full(broken.shape, -1, dtype=np.int64)
        row_of[best] = np.arange(len(best))
        row_of = row_of.reshape(self.zones, -1)
        entries = [
            entry
            for zone, (beyond, _) in enumerate(found)
            for entry in self._entries(zone, beyond, row_of[zone])
        ]
        row, column, factor = (np.concatenate(part) for part in zip(*entries, strict=True))
        inside = (row >= 0) & (column >= 0)
        matrix = sp.coo_array(
            (factor[inside], (row[inside], column[inside])), shape=(len(best), self.size)
        )
        return Rows(sp.csr_array(matrix), np.zeros(len(best)))

    def _beyond(self, known: Floats, zone: int) -> tuple[Floats, Floats]:
        """What arcs execute beyond what replicas that read elsewhere serve; what classes break."""
        read = known[self.load[zone]] + known[self.own[zone]]
        beyond = np.maximum(known[self.x] - self.most * (known[self.z] - read[self.k]), 0.0)
        total = np.bincount(self.g, beyond, len(self.count))
        return beyond, total / self.count - known[self.there[:, zone]]

    def _entries(self, zone: int, beyond: Floats, row_of: Ints) -> list[tuple[Ints, Ints, Floats]]:
        """Rows, columns and factors of the classes that have a row in a zone."""
        arcs = np.flatnonzero((beyond > 0) & (row_of[self.g] >= 0))
        g, k = self.g[arcs], self.k[arcs]
        row, one = row_of[g], 1.0 / self.count[g]
        most = self.most[arcs] * one
        return [
            (row, self.x[arcs], one),
            (row, self.z[arcs], -most),
            (row, self.load[zone, k], most),
            (row, self.own[zone, k], most),
            (row_of, self.there[:, zone], np.full(len(row_of), -1.0)),
        ]
