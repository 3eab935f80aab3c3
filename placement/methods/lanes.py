"""What given replicas offer: the lanes from class kinds to replicas, and what limits them.

Like classes are one kind here, so that 150,000 classes of one request are no more work than 2,000
classes; `spread` deals what a kind got out to its classes.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from placement.assembly import Counts
from placement.compiled import Compiled
from placement.methods.verifiers import outlook
from placement.quantities import Bools, Floats, Ints, at_most, whole_down

_PLENTY = 2**62


@dataclass(frozen=True)
class Lanes:
    """Lanes from class kinds to nodes with a replica of their model, sorted by kind, then node.

    Attributes
    ----------
    replicas : array of int, shape (models, nodes)
        The replicas that are given.
    count : array of int
        Requests of each kind.
    penalty : array
        $ per request of each kind turned away, infinite where all must be served.
    kind, n, site : array of int
        Kind and node of each lane, and its site: a model on a node.
    work_s : array
        Accelerator-seconds of one request.
    cost, check : array
        $ of executing one request, and at least for having it verified.
    site_key, site_n : array of int
        Key model * nodes + node of each site, in increasing order, and its node.
    site_s : array
        Accelerator-seconds that the replicas of each site offer; infinite for plain jobs.
    node_s : array
        Accelerator-seconds of each node once new replicas are loaded.
    group_most : array of int
        Requests that each control group may execute.
    """

    compiled: Compiled
    replicas: Ints
    count: Ints
    penalty: Floats
    kind: Ints
    n: Ints
    site: Ints
    work_s: Floats
    cost: Floats
    check: Floats
    site_key: Ints
    site_n: Ints
    site_s: Floats
    node_s: Floats
    group_most: Ints

    def __len__(self) -> int:
        return len(self.kind)

    @cached_property
    def must(self) -> Bools:
        """Kinds of which all requests must be served."""
        return np.isinf(self.penalty)

    @cached_property
    def group(self) -> Ints:
        """Control group of each lane."""
        return self.compiled.quantities.node_group[self.n]

    @cached_property
    def start(self) -> Ints:
        """Where the lanes of each kind begin, and one end more."""
        return np.searchsorted(self.kind, np.arange(len(self.count) + 1))

    def ways(self, kind: int) -> Ints:
        """The lanes of a kind that cost less than turning away, the cheapest first."""
        rows = np.arange(self.start[kind], self.start[kind + 1])
        price = self.cost[rows] + self.check[rows]
        rows, price = rows[price < self.penalty[kind]], price[price < self.penalty[kind]]
        return np.asarray(rows[np.argsort(price, kind="stable")])

    def find_site(self, key: Ints) -> Ints:
        """The site of each key, -1 where there is none."""
        at = np.searchsorted(self.site_key, key)
        known = np.append(self.site_key, -1)[at] == key
        return np.where(known, at, -1)

    def unserved(self, flow: Ints) -> Ints:
        """Requests of each kind that are turned away."""
        served = np.bincount(self.kind, flow, len(self.count)).astype(np.int64)
        return self.count - served

    def keeps(self, flow: Ints) -> bool:
        """Whether the work fits the replicas and the nodes."""
        work = self.work_s * flow
        by_site = np.bincount(self.site, work, len(self.site_n))
        by_node = np.bincount(self.n, work, len(self.node_s))
        return bool(at_most(by_site, self.site_s).all() and at_most(by_node, self.node_s).all())

    def least_cost(self, flow: Ints) -> float:
        """$ of executing, of verifying at least, and of turning away; infinite where none may."""
        away = self.unserved(flow)
        kept = away > 0
        return float((self.cost + self.check) @ flow + self.penalty[kept] @ away[kept])


def make_lanes(compiled: Compiled, replicas: Ints) -> Lanes:
    """The lanes to given replicas, shape (models, nodes)."""
    q = compiled.quantities
    holding = replicas > 0
    ahead = outlook(compiled, holding)
    arcs = compiled.run_arcs(holding, q.kind_class)
    arcs = arcs.take(ahead.allows(q.class_kind[arcs.g], arcs.n))
    arcs = arcs.take(np.argsort(q.class_kind[arcs.g], kind="stable"))
    kind, model = q.class_kind[arcs.g], q.class_model[arcs.g]
    key, site = np.unique(model * q.n_nodes + arcs.n, return_inverse=True)
    site_m, site_n = np.divmod(key, max(1, q.n_nodes))
    site_s = np.full(len(key), np.inf)
    held = site_m >= 0
    at = site_m[held], site_n[held]
    site_s[held] = q.replica_s(*at) * replicas[at]
    m, n = np.nonzero(replicas > q.loaded)
    loading = np.bincount(n, q.load_s(m, n) * (replicas - q.loaded)[m, n], q.n_nodes)
    limited = q.max_share < 1
    return Lanes(
        compiled=compiled,
        replicas=replicas,
        count=np.bincount(q.class_kind, q.count).astype(np.int64),
        penalty=q.penalty[q.kind_class],
        kind=kind,
        n=arcs.n,
        site=site.reshape(-1),
        work_s=arcs.work_s,
        cost=arcs.cost,
        check=ahead.price[kind],
        site_key=key,
        site_n=site_n,
        site_s=site_s,
        node_s=np.maximum(q.capacity_s - loading, 0.0),
        group_most=np.where(limited, whole_down(q.max_share * q.total_count), _PLENTY),
    )


def spread(compiled: Compiled, kind: Ints, n: Ints, count: Ints) -> Counts:
    """Rows (class, node, count) from rows (kind, node, count), each kind dealt out to its classes.

    The classes of a kind are filled in their order; the last are left with what is not served.
    """
    q = compiled.quantities
    rows = np.flatnonzero(count)
    if not len(rows):
        return rows, rows, rows
    rows = rows[np.argsort(kind[rows], kind="stable")]
    classes = np.argsort(q.class_kind, kind="stable")
    demand = np.bincount(q.class_kind, q.count)
    served = np.bincount(kind[rows], count[rows], len(demand))
    # On one line, kind after kind: where each class ends, and where each row ends.
    class_end = np.cumsum(q.count[classes])
    before = np.cumsum(demand) - demand
    ahead = np.cumsum(served) - served
    row_end = np.cumsum(count[rows]) + (before - ahead)[kind[rows]].astype(np.int64)
    row_start = row_end - count[rows]
    ends = np.union1d(class_end, row_end)
    at_row = np.minimum(np.searchsorted(row_end, ends), len(rows) - 1)
    starts = np.concatenate([[0], ends[:-1]])
    inside = (starts >= row_start[at_row]) & (ends <= row_end[at_row])
    cls = classes[np.searchsorted(class_end, ends[inside])]
    return cls, n[rows[at_row[inside]]], (ends - starts)[inside]


def fitting(seconds: Floats, place: Ints, work_s: Floats, *, longest: bool = False) -> Ints:
    """How many pieces of work fit each place, by the shortest or the longest that may come.

    Parameters
    ----------
    seconds : array
        What each place has.
    place, work_s : array
        Where each piece may go, and how long it takes there.
    """
    length = np.full(len(seconds), 0.0 if longest else np.inf)
    (np.maximum if longest else np.minimum).at(length, place, work_s)
    with np.errstate(divide="ignore", invalid="ignore"):
        pieces = np.where(length > 0, np.maximum(seconds, 0.0) / length, np.inf)
    return whole_down(np.minimum(pieces, _PLENTY))
