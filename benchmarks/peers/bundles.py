"""An instance as solvers of assignment problems want it: bundles of requests, one node for each.

A bundle is so many like requests of one class; bundles of a class are of one or two sizes, and
those of one size are of one sort. A class that is re-executed has further bundles, one for each
verifier, which have to be apart from the one they check. Everything is said in whole bundles: work
as a share of a replica and of a node, money, and what it costs to leave a bundle out.

What a solver of assignments cannot see is said in a way it can: loading takes a share of a new
replica, and weights come from the cheapest region that may hold them.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from placement.assembly import Counts
from placement.compiled import Arcs, Compiled
from placement.quantities import REEXECUTION, Floats, Ints, whole_down, whole_up

DEAR = 10.0
"""Leaving out what must be served costs so many times the dearest bundle that need not be."""


@dataclass(frozen=True)
class Sort:
    """Bundles of one class and size, to execute or to re-execute.

    Attributes
    ----------
    g, size : int
        Class, and requests (or re-executions) in each bundle.
    check : bool
        Whether these re-execute.
    """

    g: int
    size: int
    check: bool


@dataclass(frozen=True)
class Bundles:
    """Bundles and their sorts.

    Attributes
    ----------
    sorts : tuple of Sort
    sort : array of int
        The sort of each bundle.
    team : array of int
        Bundles with one number execute and re-execute the same requests.
    """

    compiled: Compiled
    sorts: tuple[Sort, ...]
    sort: Ints
    team: Ints

    def rows(self, node: Ints) -> tuple[Counts, Counts]:
        """Rows (class, node, count) to execute and to re-execute, from the node of each bundle.

        Bundles left out are on node -1.
        """
        kept = np.flatnonzero(node >= 0)
        g = np.array([sort.g for sort in self.sorts], dtype=np.int64)[self.sort[kept]]
        size = np.array([sort.size for sort in self.sorts], dtype=np.int64)[self.sort[kept]]
        check = np.array([sort.check for sort in self.sorts], dtype=bool)[self.sort[kept]]
        return tuple(  # type: ignore[return-value]
            _added_up(g[part], node[kept][part], size[part], self.compiled.quantities.n_nodes)
            for part in (~check, check)
        )

    def to_document(self) -> dict[str, Any]:
        """All that a solver in another process needs to know, as plain data."""
        q = self.compiled.quantities
        most = np.where(q.max_share < 1, whole_down(q.max_share * q.total_count), -1)
        price = _replica_prices(self.compiled)
        return {
            "nodes": q.n_nodes,
            "capacity": q.capacity_s.tolist(),
            "memory": q.memory_gb.tolist(),
            "engagement": self.compiled.engagement.tolist(),
            "group": q.node_group.tolist(),
            "group_most": most.tolist(),
            "replica_gb": q.replica_gb.tolist(),
            "replica_price": price.tolist(),
            "sorts": _sort_documents(self, price),
            "sort": self.sort.tolist(),
            "team": self.team.tolist(),
        }


def bundle(compiled: Compiled, number: int) -> Bundles:
    """Bundles of about equal work, about so many in all, at least one for each class."""
    q = compiled.quantities
    redone = (q.mode == REEXECUTION) & (q.verifiers > 0)
    work = _mean_work(compiled) * q.count * (1 + redone * compiled.wanted_checks)
    wanted = whole_up(number * work / max(float(work.sum()), 1e-300))
    parts = np.clip(wanted, 1, q.count)
    sorts: dict[Sort, int] = {}
    sort: list[int] = []
    team: list[int] = []
    for g, many in enumerate(parts.tolist()):
        for start, end in _cuts(int(q.count[g]), many):
            mates = [Sort(g, end - start, check=False)]
            if redone[g]:
                checks = whole_up(q.sample[g] * np.array([start, end]))
                check = Sort(g, int(checks[1] - checks[0]), check=True)
                mates += [check] * int(q.verifiers[g]) * bool(check.size)
            team += [team[-1] + 1 if team else 0] * len(mates)
            sort += [sorts.setdefault(mate, len(sorts)) for mate in mates]
    return Bundles(compiled, tuple(sorts), np.array(sort, np.int64), np.array(team, np.int64))


def _cuts(count: int, parts: int) -> list[tuple[int, int]]:
    ends = [count * i // parts for i in range(parts + 1)]
    return list(pairwise(ends))


def _mean_work(compiled: Compiled) -> Floats:
    """Accelerator-seconds of one request, the mean over the nodes that can run it."""
    run, size = compiled.run, compiled.quantities.n_classes
    arcs = np.maximum(np.bincount(run.g, minlength=size), 1)
    return np.asarray(np.bincount(run.g, run.work_s, size) / arcs)


def _added_up(g: Ints, n: Ints, count: Ints, nodes: int) -> Counts:
    keys, at = np.unique(g * nodes + n, return_inverse=True)
    total = np.bincount(at.reshape(-1), count, len(keys)).astype(np.int64)
    return keys // nodes, keys % nodes, total


def _replica_prices(compiled: Compiled) -> Floats:
    """$ of a replica of each model on each node: none where one is loaded, else load and move."""
    q = compiled.quantities
    m, n = np.indices((q.n_models, q.n_nodes))
    price = compiled.load_cost(m, n)
    for model in range(q.n_models):
        regions = np.unique(q.node_region[q.hosted[model] | compiled.can_host[model]])
        if len(regions):
            cheapest = q.transfer_price[regions][:, q.node_region].min(axis=0)
            price[model] += q.weights_gb[model] * np.where(q.hosted[model], 0.0, cheapest)
    return np.where(q.loaded > 0, 0.0, price)


def _sort_documents(bundles: Bundles, price: Floats) -> list[dict[str, Any]]:
    compiled, q = bundles.compiled, bundles.compiled.quantities
    slices = [(arcs, np.searchsorted(arcs.g, np.arange(q.n_classes + 1)))
              for arcs in (compiled.run, compiled.verify)]  # fmt: skip
    documents = []
    for sort, away in zip(bundles.sorts, _penalties(bundles).tolist(), strict=True):
        arcs, start = slices[sort.check]
        mine = arcs.take(np.arange(start[sort.g], start[sort.g + 1]))
        share = _shares(compiled, mine)
        documents.append({
            "model": int(q.class_model[sort.g]),
            "requests": 0 if sort.check else sort.size,
            "apart": ("group", "node", "none")[int(q.independence[sort.g])],
            "away": away,
            "node": mine.n.tolist(),
            "work": (_work(compiled, mine, share) * sort.size).tolist(),
            "share": (share * sort.size).tolist(),
            "cost": (mine.cost * sort.size).tolist(),
            "spread_cost": (_spread_cost(compiled, mine, share, price) * sort.size).tolist(),
        })  # fmt: skip
    return documents


def _spread_cost(compiled: Compiled, arcs: Arcs, share: Floats, price: Floats) -> Floats:
    """$ of one request with what its node and its replica cost spread over all they can do."""
    m, n = compiled.quantities.class_model[arcs.g], arcs.n
    loading = np.vstack([price, np.zeros(len(compiled.rate))])[m, n]  # the last row: no model
    node = compiled.engagement_rate[n] * arcs.work_s
    return np.asarray(arcs.cost + node + loading * share)


def _shares(compiled: Compiled, arcs: Arcs) -> Floats:
    """What one request takes of a replica, loading included; 0 for plain jobs."""
    q = compiled.quantities
    m, n = q.class_model[arcs.g], arcs.n
    if not q.n_models:
        return np.zeros(len(arcs))
    loading = np.where(q.loaded[m, n] > 0, 0.0, q.load_s(m, n))
    offered = np.maximum(q.replica_s(m, n) - loading, 1e-9)
    return np.where(m >= 0, arcs.work_s / offered, 0.0)


def _work(compiled: Compiled, arcs: Arcs, share: Floats) -> Floats:
    """Accelerator-seconds of one request, with its share of loading its replica."""
    q = compiled.quantities
    m = q.class_model[arcs.g]
    if not q.n_models:
        return arcs.work_s
    return np.where(m >= 0, share * q.replica_s(m, arcs.n), arcs.work_s)


def _penalties(bundles: Bundles) -> Floats:
    """$ of leaving a bundle of each sort out; executor and verifiers share it."""
    q = bundles.compiled.quantities
    g = np.array([sort.g for sort in bundles.sorts], dtype=np.int64)
    size = np.array([sort.size for sort in bundles.sorts])
    redone = (q.mode[g] == REEXECUTION) & (q.verifiers[g] > 0)
    check = np.array([sort.check for sort in bundles.sorts])
    requests = np.where(check, size / q.sample[g], size)
    share = requests / (1.0 + np.where(redone, q.verifiers[g], 0))
    known = np.isfinite(q.penalty[g])
    most = float((q.penalty[g] * share)[known].max(initial=0.0))
    run = bundles.compiled.run
    dearest = float((run.cost * q.count[run.g]).max(initial=0.0))
    must = DEAR * max(most, dearest, float(bundles.compiled.engagement.max(initial=0.0)), 1e-9)
    return np.where(known, q.penalty[g] * share, must)
