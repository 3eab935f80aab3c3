"""Who verifies what is executed: a flow from classes over parts to verifiers.

Given the executors, class -> part (what independence leaves it) -> verifier (its cores) is a pure
network as long as every verification takes a node the same time. Where it does not, each node is
first given room for as many of its shortest verifications as fit: a cheapest flow that keeps the
rules all the same is a cheapest verification. Failing that, room for as many of its longest.
"""

from dataclasses import dataclass

import numpy as np

from placement.assembly import Counts
from placement.compiled import Arcs, Compiled
from placement.methods.lanes import fitting
from placement.methods.verifiers import GROUP, NO
from placement.mincostflow import SINK, NetworkBuilder, cheapest_flow
from placement.quantities import (
    REEXECUTION,
    Bools,
    Floats,
    Ints,
    Quantities,
    at_most,
    whole_down,
    whole_up,
)

MAX_ARCS = 200_000
"""The most pairs of class and verifier that are worth a flow."""
_FEW = 16
"""So many verifiers are always considered."""


@dataclass(frozen=True)
class Room:
    """What requests leave to verifiers.

    Attributes
    ----------
    holding : array of bool, shape (models, nodes)
        Where replicas are.
    share_s : array, shape (models, nodes)
        Accelerator-seconds left of the replicas.
    node_s : array
        Accelerator-seconds left on each node.
    engaged : array of bool
        Nodes whose engagement is paid for.
    """

    holding: Bools
    share_s: Floats
    node_s: Floats
    engaged: Bools


@dataclass(frozen=True)
class Proofs:
    """Verifications of all that is executed.

    Attributes
    ----------
    checks : tuple of arrays
        Rows (class, node, count).
    exact : bool
        Whether no verification by the nodes considered costs less.
    """

    checks: Counts
    exact: bool


def verify(compiled: Compiled, runs: Counts, room: Room, deadline: float = np.inf) -> Proofs | None:
    """A cheapest verification of what is executed; by nodes that are engaged, if these suffice.

    Returns
    -------
    Proofs or None
        None where not everything can be verified, where verifications of unlike length get into
        each other's way, where there are too many pairs, or at the deadline.
    """
    q = compiled.quantities
    executed = np.bincount(runs[0], runs[2], q.n_classes).astype(np.int64)
    wanted = whole_up(compiled.wanted_checks * executed)
    paid = room.engaged | (compiled.engagement == 0)
    for among in (paid, np.ones_like(paid)):
        arcs, complete = _candidates(compiled, wanted, room, among)
        if len(arcs) <= MAX_ARCS:
            flow = _Flow(compiled, runs, room, arcs, wanted=wanted, paid=paid)
            for longest in (False, True):
                count = flow.solve(deadline, longest=longest)
                if count is None:
                    break
                if flow.keeps(count):
                    kept = count > 0
                    checks = arcs.g[kept], arcs.n[kept], count[kept]
                    return Proofs(checks, exact=complete and among is paid and not longest)
        if paid.all():
            break
    return None


def _candidates(compiled: Compiled, wanted: Ints, room: Room, among: Bools) -> tuple[Arcs, bool]:
    """Pairs of class and verifier, and whether a cheapest verification is sure to be among them."""
    q = compiled.quantities
    classes = np.flatnonzero(wanted)
    redone = q.mode[classes] == REEXECUTION
    again = compiled.verify_arcs(room.holding, classes[redone])
    again = again.take(among[again.n])
    light = classes[~redone]
    bits = np.packbits(compiled.verify_kinds[light], axis=1)
    _, roster = np.unique(bits.view(f"V{bits.shape[1]}").ravel(), return_inverse=True)
    complete = bool((q.sample[light] == 1).all())
    g, n = [again.g], [again.n]
    for i in range(int(roster.max(initial=-1)) + 1):
        some = light[roster == i]
        able = np.flatnonzero(compiled.verify_kinds[some[0]][q.node_kind] & among)
        nodes = _enough(q, able, wanted, light)
        complete |= len(nodes) == len(able)
        g.append(np.repeat(some, len(nodes)))
        n.append(np.tile(nodes, len(some)))
    return compiled.price_checks(np.concatenate(g), np.concatenate(n)), complete


def _enough(q: Quantities, nodes: Ints, wanted: Ints, light: Ints) -> Ints:
    """The cheapest nodes, so many that no verification by cores needs a dearer one.

    Independence bars a class from fewer than k + 1 control groups while verifications are missing.
    So there is room at one of these nodes, if without the k + 1 largest groups they have cores for
    everything; up to a verification's length may be of no use on each.
    """
    nodes = nodes[np.argsort(q.core_price[nodes], kind="stable")]
    demand_s = float(wanted[light] @ q.core_s[light])
    usable = np.maximum(q.cores_s[nodes] - q.core_s[light].max(initial=0.0), 0.0)
    barred = int(q.verifiers[light].max(initial=0)) + 1
    size = _FEW
    while size < len(nodes):
        _, group = np.unique(q.node_group[nodes[:size]], return_inverse=True)
        by_group = np.sort(np.bincount(group, usable[:size]))
        if len(by_group) > barred and by_group[:-barred].sum() >= demand_s:
            break
        size *= 2
    return nodes[:size]


class _Flow:
    """The network of one set of candidate arcs."""

    def __init__(
        self,
        compiled: Compiled,
        runs: Counts,
        room: Room,
        arcs: Arcs,
        *,
        wanted: Ints,
        paid: Bools,
    ) -> None:
        self.compiled = compiled
        self.q = q = compiled.quantities
        self.room, self.arcs, self.wanted = room, arcs, wanted
        self.core_s = q.core_s[arcs.g]
        model = np.where(q.mode[arcs.g] == REEXECUTION, q.class_model[arcs.g], -1)
        self.key, self.part = np.unique(self._part_key(arcs.g, arcs.n), return_inverse=True)
        self.part_most = self._part_most(runs)
        sites, self.site = np.unique(model * q.n_nodes + arcs.n, return_inverse=True)
        self.site_m, self.site_n = np.divmod(sites, max(1, q.n_nodes))
        most = np.minimum(self._node_most(longest=True), max(1, int(wanted.sum())))
        engaging = np.where(paid, 0.0, compiled.engagement / np.maximum(most, 1))
        self.cost = arcs.cost + engaging[arcs.n]

    def _part_key(self, g: Ints, n: Ints) -> Ints:
        q = self.q
        part = np.where(q.independence[g] == GROUP, q.node_group[n], n)
        return np.asarray(g * max(q.n_groups, q.n_nodes) + part)

    def _part_most(self, runs: Counts) -> Ints:
        """The most verifications of a class that independence leaves each part."""
        q = self.q
        g, n, count = runs
        served = np.bincount(g, count, q.n_classes)
        cls = self.key // max(q.n_groups, q.n_nodes)
        counted = (q.independence[g] != NO) & np.isin(g, cls)
        own = self._part_key(g[counted], n[counted])
        at = np.searchsorted(self.key, own)
        at = np.minimum(at, max(0, len(self.key) - 1))
        known = self.key[at] == own if len(self.key) else np.zeros(len(own), dtype=bool)
        used = np.bincount(at[known], (q.sample[g] * count)[counted][known], len(self.key))
        sampled = whole_up(q.sample[cls] * served[cls])
        ceiling = np.where(q.independence[cls] == NO, served[cls], sampled)
        return np.maximum(whole_down(ceiling - used), 0)

    def solve(self, deadline: float, *, longest: bool) -> Ints | None:
        """Verifications on each arc, None where there are fewer than wanted.

        Each place is given room by its shortest pieces of work, or by its longest.
        """
        b, q = NetworkBuilder(), self.q
        class_at = b.add_nodes(self.wanted)
        part_at = b.add_nodes(np.zeros(len(self.key), dtype=np.int64))
        site_at = b.add_nodes(np.zeros(len(self.site_n), dtype=np.int64))
        node_at = b.add_nodes(np.zeros(q.n_nodes, dtype=np.int64))
        cls = self.key // max(q.n_groups, q.n_nodes)
        b.add_arcs(class_at[cls], part_at, self.part_most)
        rows = b.add_arcs(
            part_at[self.part], site_at[self.site], self.part_most[self.part], self.cost
        )
        b.add_arcs(site_at, node_at[self.site_n], self._site_most(longest=longest))
        b.add_arcs(node_at, SINK, self._node_most(longest=longest))
        flow = cheapest_flow(b.finish(), deadline)
        if flow is None or int(flow[rows].sum()) < int(self.wanted.sum()):
            return None
        return flow[rows]

    def _site_most(self, *, longest: bool) -> Ints:
        """The most re-executions by each model's replicas; verifications by cores are not bound."""
        seconds = np.full(len(self.site_m), np.inf)
        held = self.site_m >= 0
        at = self.site_m[held], self.site_n[held]
        seconds[held] = np.minimum(self.room.share_s[at], self.room.node_s[at[1]])
        return fitting(seconds, self.site, self.arcs.work_s, longest=longest)

    def _node_most(self, *, longest: bool) -> Ints:
        """The most verifications by each node's cores."""
        return fitting(self.q.cores_s, self.arcs.n, self.core_s, longest=longest)

    def keeps(self, count: Ints) -> bool:
        """Whether cores, replicas and nodes have the time for it."""
        room, work = self.room, self.arcs.work_s * count
        cores_s = np.bincount(self.arcs.n, self.core_s * count, self.q.n_nodes)
        by_site = np.bincount(self.site, work, len(self.site_m))
        by_node = np.bincount(self.arcs.n, work, self.q.n_nodes)
        held = by_site > 0
        share_s = room.share_s[self.site_m[held], self.site_n[held]]
        return bool(
            at_most(cores_s, self.q.cores_s).all()
            and at_most(by_site[held], share_s).all()
            and at_most(by_node, np.maximum(room.node_s, 0.0)).all()
        )
