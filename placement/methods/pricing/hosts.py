"""Hosts of the pooled program: where a copy of a model's weights would be the first of its zone.

What is executed of a class in such a zone, its *source*, needs the host, or copies of the model
that are kept or read from another zone: see `placement.copying`. Those copies count by *spot*:
those of a host that serve as much each.
"""

from dataclasses import dataclass, replace

import numpy as np

from placement.methods.newcopies import NewCopies
from placement.methods.pricing.cells import Cells
from placement.quantities import Floats, Ints

_TINY = 1e-12


@dataclass(frozen=True)
class Hosts:
    """Hosts and spots.

    Attributes
    ----------
    m, zone, cost : array
        Model, zone and $ of each host.
    of_copy, spot_of : array of int
        Host and spot of each (model, cell); below 0 where the model has a host in the zone.
    spots : array of int
        Where the spots of each host begin, and their end.
    kind, offered : array
        Type of accelerator of each spot, and accelerator windows that one copy there offers.
    work : array, shape (executed rows, types)
        Windows that all of a class row takes; infinite where it cannot run.
    """

    m: Ints
    zone: Ints
    cost: Floats
    of_copy: Ints
    spot_of: Ints
    spots: Ints
    kind: Ints
    offered: Floats
    work: Floats

    def __len__(self) -> int:
        return len(self.m)

    def take(self, copies: Ints) -> "Hosts":
        """The same for some of the copies."""
        return replace(self, of_copy=self.of_copy[copies], spot_of=self.spot_of[copies])

    def serving(self, row: Ints, host: Ints) -> tuple[Ints, Ints, Floats]:
        """The part of a class row that one copy at each spot serves.

        Returns
        -------
        first, spot, kappa : array
            Where the spots of each source begin, and their end; the spots, the parts.
        """
        size = np.diff(self.spots)[host]
        first = np.append(0, np.cumsum(size))
        at = np.repeat(np.arange(len(row)), size)
        spot = np.arange(len(at)) - first[at] + self.spots[host][at]
        work = np.maximum(self.work[row[at], self.kind[spot]], _TINY)
        return first, spot, np.minimum(1.0, self.offered[spot] / work)


def no_hosts(copies: int) -> Hosts:
    """None, for a program with so many copies by model and cell."""
    none, empty = np.zeros(0, dtype=np.int64), np.zeros(0)
    nowhere, start = np.full(copies, -1), np.zeros(1, dtype=np.int64)
    return Hosts(none, none, empty, nowhere, nowhere, start, none, empty, np.zeros((0, 1)))


def find_hosts(
    cells: Cells, new_copies: NewCopies, run_g: Ints, copy: tuple[Ints, Ints], offered: Floats
) -> Hosts:
    """The hosts for copies of models in cells, each of which offers so many windows."""
    q, cheapest = cells.q, new_copies.cheapest
    m, cell = copy
    host_m, host_zone = np.nonzero(cheapest)
    number = np.full(cheapest.shape, -1)
    number[host_m, host_zone] = np.arange(len(host_m))
    of_copy = number[m, new_copies.zone[q.node_region[cells.node]][cell]]
    some = np.flatnonzero(of_copy >= 0)
    kind = q.node_type[cells.node][cell]
    keys = np.stack([of_copy[some], kind[some], offered[some]])
    known, at = np.unique(keys, axis=1, return_inverse=True)
    spot_of = np.full(len(m), -1)
    spot_of[some] = at.reshape(-1)
    g, n = run_g[:, None], q.type_node
    work = np.full((len(run_g), len(q.type_index) + 1), np.inf)
    whole = q.work_s(g, n) * q.count[g] / q.window_s
    work[:, q.node_type[n]] = np.where(q.profiled(g, n), whole, np.inf)
    return Hosts(
        m=host_m,
        zone=host_zone,
        cost=cheapest[host_m, host_zone],
        of_copy=of_copy,
        spot_of=spot_of,
        spots=np.searchsorted(known[0], np.arange(len(host_m) + 1)),
        kind=known[1].astype(np.int64),
        offered=known[2],
        work=work,
    )
