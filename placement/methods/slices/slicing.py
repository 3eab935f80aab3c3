"""What a slice may decide: classes, arcs and replicas of a few nodes, and arcs beside them."""

from dataclasses import dataclass

import numpy as np

from placement.methods.candidates import ranks
from placement.methods.slices.plan import Flows, Plan
from placement.prices import Prices
from placement.quantities import Bools, Floats, Ints

INSIDE, CHECKING, BESIDE = 5, 8, 3
"""Arcs kept for each class on the nodes of a slice, its checks there, and on other nodes."""
ROOMY = 4
"""Requests that a replica elsewhere has to have room for before more of them may go there."""


@dataclass(frozen=True)
class Slice:
    """Rows of the plan that may change, and candidates for them.

    Attributes
    ----------
    nodes : array of int
        The nodes whose replicas may change.
    classes : array of int
        The classes that may change, in increasing order.
    rows : array of int
        Their rows in the plan.
    arcs : Flows
        Candidates, `count` what the plan has of each now; all rows are among them.
    """

    nodes: Ints
    classes: Ints
    rows: Ints
    arcs: Flows


class Slicer:
    """Cuts slices out of a plan."""

    def __init__(self, plan: Plan, prices: Prices) -> None:
        self.plan, self.q = plan, plan.q
        self.prices = prices

    def reduced(self, arcs: Flows) -> Floats:
        """$ of one request beyond what it is worth at the prices."""
        p = self.prices
        worth = np.where(arcs.kind == 0, p.demand[arcs.g], p.verification[arcs.g])
        return np.asarray(arcs.cost + p.capacity[arcs.n] * arcs.work_s - worth)

    def cut(self, nodes: Ints) -> Slice:
        """The slice of some nodes."""
        plan, q = self.plan, self.q
        inside = np.zeros(q.n_nodes, dtype=bool)
        inside[nodes] = True
        touched = np.zeros(q.n_classes, dtype=bool)
        touched[plan.flows.g[inside[plan.flows.n]]] = True
        waiting = np.flatnonzero(plan.left > 0)
        kinds = np.unique(q.node_kind[nodes])
        able = plan.compiled.run_kinds[np.ix_(waiting, kinds)].any(axis=1)
        touched[waiting[able]] = True
        classes = np.flatnonzero(touched)
        rows = np.flatnonzero(touched[plan.flows.g])
        arcs = self._candidates(nodes, inside, classes, rows)
        return Slice(nodes, classes, rows, arcs)

    def _candidates(self, nodes: Ints, inside: Bools, classes: Ints, rows: Ints) -> Flows:
        """Rows there are, the best arcs to the nodes, and some to others with room."""
        plan, q = self.plan, self.q
        now = plan.flows.take(rows)
        runs = self._offered(plan.compiled.run_kinds, classes, nodes, 0)
        redone = classes[plan.redone[classes]]
        checks = self._offered(plan.compiled.verify_kinds, redone, nodes, 1)
        beside = self._beside(classes, redone, inside)
        parts = [
            self._best(runs, INSIDE), self._best(checks, CHECKING), self._best(beside, BESIDE)
        ]  # fmt: skip
        arcs = now
        for part in parts:
            arcs = arcs.join(part)
        key = (arcs.g * 2 + arcs.kind) * q.n_nodes + arcs.n
        _, first = np.unique(key, return_index=True)
        return arcs.take(first)

    def _offered(self, able: Bools, classes: Ints, nodes: Ints, kind: int) -> Flows:
        """All arcs of classes to nodes."""
        at, to = np.nonzero(able[np.ix_(classes, self.q.node_kind[nodes])])
        none = np.zeros(len(at), dtype=np.int64)
        return self.plan.priced(classes[at], nodes[to], none + kind, np.zeros(len(at)))

    def _best(self, arcs: Flows, most: int) -> Flows:
        """The arcs of each class of the least reduced cost."""
        return arcs.take(ranks(arcs.g * 2 + arcs.kind, self.reduced(arcs)) < most)

    def _beside(self, classes: Ints, redone: Ints, inside: Bools) -> Flows:
        """Arcs to replicas elsewhere that have room."""
        plan, q = self.plan, self.q
        room = np.minimum(plan.share_s, plan.free_s)
        open_ = (plan.replicas > 0) & (room > 0) & ~inside
        parts = []
        for kind, able, some in (
            (0, plan.compiled.run_kinds, classes), (1, plan.compiled.verify_kinds, redone)
        ):  # fmt: skip
            near = open_[q.class_model[some]]
            at, n = np.nonzero(near)
            kept = able[some[at], q.node_kind[n]]
            at, n = at[kept], n[kept]
            none = np.zeros(len(at), dtype=np.int64)
            arcs = plan.priced(some[at], n, none + kind, np.zeros(len(at)))
            least = np.where(plan.solid[arcs.g], ROOMY, 0.2) * arcs.work_s
            parts.append(arcs.take(least <= room[q.class_model[arcs.g], n]))
        return parts[0].join(parts[1])
