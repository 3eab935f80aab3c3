"""A placement that is changed slice by slice, with all that is left on every node kept beside it.

Requests, re-executions, replicas and own copies move; attestations and proofs are cheap and are
assigned when a placement is asked for. Classes with pairs and plain jobs stay where they are.
"""

from copy import copy
from dataclasses import dataclass

import numpy as np

from placement.compiled import Compiled
from placement.methods.floor import floor_prices, penalties
from placement.methods.recreate.starting import (
    frozen_classes,
    lasting_hosting,
    placement_of,
    rows_from,
)
from placement.methods.recreate.state import Rows, fetch_costs
from placement.quantities import Bools, Floats, Ints, whole_up
from placement.solution import Placement

_NOISE = 1e-6
"""Parts of requests that are none."""


@dataclass(frozen=True)
class Flows:
    """Rows of requests executed (kind 0) and re-executed (kind 1).

    `work_s` and `cost` are those of one request; `cost` holds what an attestation or proof of it
    costs at least.
    """

    g: Ints
    n: Ints
    kind: Ints
    count: Floats
    work_s: Floats
    cost: Floats

    def __len__(self) -> int:
        return len(self.g)

    def take(self, rows: Ints | Bools) -> "Flows":
        """Some of the rows."""
        return Flows(*(column[rows] for column in vars(self).values()))

    def join(self, other: "Flows") -> "Flows":
        """The rows of both."""
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return Flows(*(np.concatenate(pair) for pair in pairs))


@dataclass(frozen=True)
class Change:
    """What a slice decides: rows that go, rows that come, and replicas (m, n, z, own) there."""

    gone: Ints
    come: Flows
    m: Ints
    n: Ints
    z: Ints
    own: Bools


class Plan:
    """A placement and what is left of everything.

    Attributes
    ----------
    flows : Flows
    replicas, own : array, shape (models, nodes)
        Replicas, and whether the node stores the weights for its own replicas only.
    base : array of bool, shape (models, nodes)
        Hosts that stay in any case.
    fetch : array, shape (models, regions + 1)
        $ of reading a model's weights from the cheapest of these.
    free_s, free_gb, cores_s, storage_gb : array over nodes
    share_s : array, shape (models, nodes)
        Time left of the replicas there are.
    taken_s, taken_cores, taken_group, taken_share : array
        What frozen classes take of nodes, of their cores, of groups' shares, of replicas.
    least : array of int, shape (models, nodes)
        Replicas that frozen classes need.
    left : array over classes
        Requests turned away.
    penalty : array over classes
        $ for each of them, finite.
    """

    def __init__(self, compiled: Compiled, start: Placement) -> None:
        self.compiled, self.start = compiled, start
        self.q = q = compiled.quantities
        self.frozen = frozen_classes(compiled)
        self.redone = compiled.redone
        self.solid: Bools = self.redone | np.isinf(q.penalty)
        self.base = lasting_hosting(compiled, start)
        self.fetch = fetch_costs(compiled, self.base)
        self._price_classes()
        rows = rows_from(compiled, self.base, start)
        self.replicas: Ints = np.zeros((q.n_models, q.n_nodes), dtype=np.int64)
        self.own: Bools = np.zeros((q.n_models, q.n_nodes), dtype=bool)
        self.replicas[rows.replica_m, rows.replica_n] = rows.replica_z
        self.own[rows.replica_m, rows.replica_n] = rows.replica_own > 0
        self.flows = self.priced(rows.g, rows.n, rows.kind, rows.count.astype(float))
        self._set_apart()
        self.recount()

    def _price_classes(self) -> None:
        least = floor_prices(self.compiled)
        self.penalty: Floats = penalties(self.compiled, least)
        light = self.compiled.wanted_checks * least.verification
        self.light: Floats = np.where(self.redone, 0.0, light)

    def priced(self, g: Ints, n: Ints, kind: Ints, count: Floats) -> Flows:
        """Rows with their work and cost."""
        work, cost = np.empty(len(g)), np.empty(len(g))
        runs = kind == 0
        arcs = self.compiled.price_runs(g[runs], n[runs])
        work[runs], cost[runs] = arcs.work_s, arcs.cost + self.light[g[runs]]
        arcs = self.compiled.price_checks(g[~runs], n[~runs])
        work[~runs], cost[~runs] = arcs.work_s, arcs.cost
        return Flows(g, n, kind, count, work, cost)

    def _set_apart(self) -> None:
        """What frozen classes take."""
        q, p = self.q, self.start
        runs, checks = self.frozen[p.run_g], self.frozen[p.verify_g]
        g = np.concatenate([p.run_g[runs], p.verify_g[checks]])
        n = np.concatenate([p.run_n[runs], p.verify_n[checks]])
        again = q.reexecution_work_s(p.verify_g[checks], p.verify_n[checks])
        executed = q.work_s(p.run_g[runs], p.run_n[runs])
        work = np.concatenate([executed * p.run_count[runs], again * p.verify_count[checks]])
        self.taken_s = np.bincount(n, work, q.n_nodes)
        cores = q.core_s[p.verify_g[checks]] * p.verify_count[checks]
        self.taken_cores = np.bincount(p.verify_n[checks], cores, q.n_nodes)
        self.taken_group = np.bincount(q.node_group[p.run_n[runs]], p.run_count[runs], q.n_groups)
        self.taken_share = np.zeros((q.n_models + 1, q.n_nodes))
        np.add.at(self.taken_share, (q.class_model[g], n), work)
        self.taken_share = self.taken_share[:-1]
        self.least: Ints = np.zeros((q.n_models + 1, q.n_nodes), dtype=np.int64)
        self.least[q.class_model[g], n] = 1
        self.least = self.least[:-1]
        at = np.nonzero(self.taken_share)
        self.least[at] = np.maximum(whole_up(self.taken_share[at] / q.replica_s(*at)), 1)
        self.pinned: Bools = np.zeros(q.n_nodes, dtype=bool)
        self.pinned[n[q.class_model[g] < 0]] = True

    # --- what is left --------------------------------------------------------------------------

    def recount(self) -> None:
        """Add up anew what everything takes."""
        q, f = self.q, self.flows
        m, n = np.nonzero(self.replicas)
        z = self.replicas[m, n]
        load = q.load_s(m, n) * np.maximum(z - q.loaded[m, n], 0)
        work = f.work_s * f.count
        self.free_s: Floats = q.capacity_s - self.taken_s
        self.free_s -= np.bincount(n, load, q.n_nodes) + np.bincount(f.n, work, q.n_nodes)
        self.free_gb: Floats = q.memory_gb - np.bincount(n, q.replica_gb[m] * z, q.n_nodes)
        self.storage_gb: Floats = q.storage_gb - q.weights_gb @ (self.base | self.own)
        self.share_s: Floats = -self.taken_share
        self.share_s[m, n] += q.replica_s(m, n) * z
        np.subtract.at(self.share_s, (q.class_model[f.g], f.n), work)
        again = f.kind == 1
        cores = q.core_s[f.g[again]] * f.count[again]
        self.cores_s = q.cores_s - self.taken_cores - np.bincount(f.n[again], cores, q.n_nodes)
        group, count = q.node_group[f.n[~again]], f.count[~again]
        self.group_left: Floats = np.floor(q.max_share * q.total_count + 1e-9) - self.taken_group
        self.group_left -= np.bincount(group, count, q.n_groups)
        served = np.bincount(f.g[~again], count, q.n_classes)
        left = np.where(self.frozen, 0.0, q.count - served)
        self.left: Floats = np.where(left > _NOISE, left, 0.0)

    def apply(self, change: Change) -> None:
        """Carry out what a slice decides."""
        kept = np.ones(len(self.flows), dtype=bool)
        kept[change.gone] = False
        self.flows = self.flows.take(kept).join(change.come)
        self.replicas[change.m, change.n] = change.z
        self.own[change.m, change.n] = change.own
        self.recount()

    # --- who may verify ------------------------------------------------------------------------

    @property
    def n_parts(self) -> int:
        """Control groups and nodes."""
        return self.q.n_groups + self.q.n_nodes

    def apart(self, flows: Flows) -> tuple[Ints, Ints]:
        """Rows of which no part may do more than is served, and class x `n_parts` + part of each.

        A part is a control group or a node, by what must be independent; where nothing must be, a
        node still verifies no request twice.
        """
        q = self.q
        kind = q.independence[flows.g]
        rows = np.flatnonzero(self.redone[flows.g] & ((kind < 2) | (flows.kind == 1)))
        part = np.where(kind == 0, q.node_group[flows.n], q.n_groups + flows.n)
        return rows, (flows.g * self.n_parts + part)[rows]

    # --- money ---------------------------------------------------------------------------------

    def fixed_cost(self) -> Floats:
        """$ of the replicas on each node: loading, reading or storing their weights, engagement."""
        m, n = np.nonzero(self.replicas)
        paid = self.loading_cost(m, n, self.replicas[m, n], self.own[m, n])
        return np.asarray(np.bincount(n, paid, self.q.n_nodes) + self.engagement(n))

    def loading_cost(self, m: Ints, n: Ints, z: Ints, own: Bools) -> Floats:
        """$ of loading z replicas and of their weights, stored there where `own`, else read."""
        q, compiled = self.q, self.compiled
        new = np.maximum(z - q.loaded[m, n], 0)
        with np.errstate(invalid="ignore"):
            read = np.where(new > 0, new * self.fetch[m, q.node_region[n]], 0.0)
        paid = np.where(own, compiled.host_cost[m, n], read)
        paid = np.where(self.base[m, n], 0.0, paid)
        return np.asarray(compiled.load_cost(m, n) * new + paid)

    def engagement(self, n: Ints) -> Floats:
        """$ of each node that holds anything, where those in n hold replicas."""
        engaged = self.pinned.copy()
        engaged[n] = True
        return np.where(engaged, self.compiled.engagement, 0.0)

    @property
    def objective(self) -> float:
        """$ of all that moves, hosts that stay aside."""
        flow = float(self.flows.cost @ self.flows.count)
        return flow + float(self.fixed_cost().sum()) + float(self.penalty @ self.left)

    def rounded(self) -> "Plan":
        """The plan with whole requests; what is cut off goes where there is room."""
        plan, f = copy(self), self.flows
        whole = np.floor(f.count + _NOISE)
        plan.flows = Flows(**{**vars(f), "count": whole}).take(whole > 0)
        plan.recount()
        room = np.minimum(plan.share_s, plan.free_s)
        for g in np.flatnonzero((plan.left > 0) & ~plan.solid).tolist():
            plan.fill(g, room)
        plan.recount()
        return plan

    def fill(self, g: int, room: Floats) -> None:
        """Execute whole requests of a class that wait where replicas have room for them."""
        q, m = self.q, int(self.q.class_model[g])
        n = np.flatnonzero((self.replicas[m] > 0) & self.compiled.run_kinds[g, q.node_kind])
        arcs = self.priced(
            np.full(len(n), g), n, np.zeros(len(n), dtype=np.int64), np.zeros(len(n))
        )
        arcs = arcs.take(np.argsort(arcs.cost, kind="stable"))
        arcs = arcs.take(self.group_left[q.node_group[arcs.n]] >= self.left[g])
        with np.errstate(divide="ignore"):
            fit = np.floor(np.minimum(room[m, arcs.n] / arcs.work_s, self.left[g]) + 1e-9)
        fit = np.where(arcs.cost < self.penalty[g], np.maximum(fit, 0.0), 0.0)
        fit = np.minimum(fit, np.maximum(self.left[g] - (np.cumsum(fit) - fit), 0.0))
        used = fit > 0
        if not used.any():
            return
        come = Flows(**{**vars(arcs), "count": fit}).take(used)
        np.subtract.at(self.group_left, q.node_group[come.n], come.count)
        room[m, come.n] -= come.work_s * come.count
        self.free_s[come.n] -= come.work_s * come.count
        room[:, come.n] = np.minimum(room[:, come.n], self.free_s[come.n])
        both = self.flows.join(come)
        mine = np.flatnonzero((both.g == g) & (both.kind == 0))
        _, at = np.unique(both.n[mine], return_inverse=True)
        total = np.bincount(at, both.count[mine])
        first = np.full(len(total), -1)
        first[at[::-1]] = mine[::-1]
        count = both.count.copy()
        count[mine] = 0
        count[first] = total
        self.flows = Flows(**{**vars(both), "count": count}).take(count > 0)

    def placement(self) -> Placement:
        """The placement, verified throughout, its hosts as cheap as can be."""
        m, n = np.nonzero(self.replicas)
        own = self.own[m, n].astype(np.int64)
        f = self.flows
        rows = Rows(
            n, m, self.replicas[m, n], own, f.g, f.n, f.kind, np.rint(f.count).astype(np.int64)
        )
        return placement_of(self.compiled, self.base, self.start, rows)
