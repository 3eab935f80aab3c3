"""The flows of some nodes as a linear program; their replicas are given."""

import numpy as np

from placement.assembly import joined
from placement.methods.reflow.offering import Offers
from placement.methods.slices.plan import Flows, Plan
from placement.program import Entry, Program, ProgramBuilder
from placement.quantities import Bools, Floats, Ints

_INSTANT = 1e-12
_SLACK = 1e-9


class FlowModel:
    """Who executes and re-executes what on some nodes, each request where a replica is.

    What is left of capacity, replicas and limits by all that stays is for what moves. Classes that
    are verified by sample and kept apart stay as they are, since their limits are rounded.

    Parameters
    ----------
    plan : Plan
    nodes : array of int
    offers : Offers
        Replicas that may be opened there.
    waiting : bool
        Whether requests that have no place yet may find one, and limits on shares be used up.

    Attributes
    ----------
    arcs : Flows
        Every class that moves to every replica that can run or re-execute it; `count` now.
    classes : array of int
        The classes that move, in increasing order.
    m, n : array of int
        The replicas of the nodes.
    x, u : array of int
        Columns of arcs and of requests turned away.
    now : array
        The columns as the plan has them.
    """

    def __init__(self, plan: Plan, nodes: Ints, offers: Offers, *, waiting: bool) -> None:
        self.plan, self.q = plan, plan.q
        self.left: Floats = plan.left * waiting
        self.group_left: Floats = np.maximum(plan.group_left, 0.0) * waiting
        q, flows = plan.q, plan.flows
        self._list_replicas(nodes, offers)
        inside = np.zeros(q.n_nodes, dtype=bool)
        inside[nodes] = True
        moving = self._movable() & self._concerned(inside)
        self.classes = np.flatnonzero(moving)
        self.rows = np.flatnonzero(inside[flows.n] & moving[flows.g])
        self._list_arcs()
        self._sum_up()
        self.program = self._build()

    def _list_replicas(self, nodes: Ints, offers: Offers) -> None:
        """Replicas that there are on the nodes and those offered, one row for each model there."""
        plan, q = self.plan, self.q
        m, at = np.nonzero(plan.replicas[:, nodes])
        held_n = nodes[at]
        self.m: Ints = np.concatenate([m, offers.m]).astype(np.int64)
        self.n: Ints = np.concatenate([held_n, offers.n]).astype(np.int64)
        self.z: Ints = np.concatenate([plan.replicas[m, held_n], offers.z]).astype(np.int64)
        able = plan.compiled.can_host[offers.m, offers.n] & ~plan.base[offers.m, offers.n]
        asked = np.bincount(offers.n[able], q.weights_gb[offers.m[able]], q.n_nodes)
        able &= asked[offers.n] <= plan.storage_gb[offers.n]
        self.own: Bools = np.concatenate([plan.own[m, held_n], able])
        order = np.lexsort((self.n, self.m))
        for name in ("m", "n", "z", "own"):
            setattr(self, name, getattr(self, name)[order])

    def _movable(self) -> Bools:
        q, plan = self.q, self.plan
        rounded = plan.redone & (q.sample < 1) & (q.independence < 2)
        return np.asarray(~plan.frozen & ~rounded)

    def _concerned(self, inside: Bools) -> Bools:
        """Classes of the models that the nodes hold, which wait or are executed there."""
        plan, q = self.plan, self.q
        held = np.zeros(q.n_models + 1, dtype=bool)
        held[self.m] = True
        found = (self.left > 0) & held[q.class_model]
        here = inside[plan.flows.n]
        found[plan.flows.g[here]] = True
        elsewhere = np.zeros(q.n_classes, dtype=bool)
        elsewhere[plan.flows.g[~here]] = True
        return np.asarray(found & ~(plan.redone & elsewhere))

    def _list_arcs(self) -> None:
        """Classes beside the replicas of their models, of which the node can run them."""
        plan, q = self.plan, self.q
        order = self.classes[np.argsort(q.class_model[self.classes], kind="stable")]
        k, at = joined(self.m, q.class_model[order])
        g, n = order[at], self.n[k]
        runs = plan.compiled.run_kinds[g, q.node_kind[n]]
        checks = plan.compiled.verify_kinds[g, q.node_kind[n]] & plan.redone[g]
        g, n = np.concatenate([g[runs], g[checks]]), np.concatenate([n[runs], n[checks]])
        kind = np.repeat([0, 1], [np.count_nonzero(runs), np.count_nonzero(checks)])
        self.k = np.concatenate([k[runs], k[checks]])
        key = (g * 2 + kind) * q.n_nodes + n
        order = np.argsort(key, kind="stable")
        self.k = self.k[order]
        count = np.zeros(len(key))
        old = plan.flows.take(self.rows)
        at = np.searchsorted(key[order], (old.g * 2 + old.kind) * q.n_nodes + old.n)
        np.add.at(count, at, old.count)
        self.arcs: Flows = plan.priced(g[order], n[order], kind[order], count)
        self.g_at: Ints = np.searchsorted(self.classes, self.arcs.g)

    def _sum_up(self) -> None:
        """What there is for all that moves."""
        plan, q, arcs = self.plan, self.q, self.arcs
        work = arcs.work_s * arcs.count
        now = plan.replicas[self.m, self.n]
        self.share: Floats = q.replica_s(self.m, self.n)
        used = np.bincount(self.k, work, len(self.m))
        self.fixed_s: Floats = self.share * now - plan.share_s[self.m, self.n] - used
        self.free_s: Floats = plan.free_s + np.bincount(arcs.n, work, q.n_nodes)
        checks = arcs.kind == 1
        cores = q.core_s[arcs.g] * checks
        self.cores_s: Floats = plan.cores_s + np.bincount(arcs.n, cores * arcs.count, q.n_nodes)
        self.total: Floats = self.left[self.classes] + np.bincount(
            self.g_at, arcs.count * ~checks, len(self.classes)
        )
        stays = np.ones(len(plan.flows), dtype=bool)
        stays[self.rows] = False
        self.staying = plan.flows.take(stays)
        others = np.zeros((q.n_models + 1, q.n_nodes), dtype=bool)
        others[q.class_model[self.staying.g], self.staying.n] = True
        self.needed: Ints = np.maximum(plan.least[self.m, self.n], others[self.m, self.n])

    # --- the program ---------------------------------------------------------------------------

    def _build(self) -> Program:
        plan, q, arcs, p = self.plan, self.q, self.arcs, ProgramBuilder()
        self.builder = p
        most = np.where(arcs.kind == 0, self.total[self.g_at], plan.compiled.check_cap[arcs.g])
        self.x = p.add_columns("x", arcs.cost, np.maximum(most, 0.0))
        self.u = p.add_columns("u", plan.penalty[self.classes], np.maximum(self.total, 0.0))
        runs = np.flatnonzero(arcs.kind == 0)
        at = np.arange(len(self.classes))
        entries: list[Entry] = [(self.g_at[runs], self.x[runs], 1.0), (at, self.u, 1.0)]
        p.add_rows("demand", len(at), entries, lower=self.total, upper=self.total)
        entries = [(self.k, self.x, arcs.work_s)]
        p.add_rows("share", len(self.m), entries, upper=np.maximum(self.room(self.z), 0.0))
        entries = [(arcs.n, self.x, arcs.work_s)]
        p.add_rows("capacity", q.n_nodes, entries, upper=np.maximum(self.free_s, 0.0))
        checks = np.flatnonzero((arcs.kind == 1) & (q.core_s[arcs.g] > 0))
        entries = [(arcs.n[checks], self.x[checks], q.core_s[arcs.g[checks]])]
        p.add_rows("cores", q.n_nodes, entries, upper=np.maximum(self.cores_s, 0.0))
        self._verification_rows(p)
        self._part_rows(p)
        self._group_rows(p)
        self.now = np.concatenate([arcs.count, self.left[self.classes]])
        return p.finish()

    def room(self, z: Ints) -> Floats:
        """Accelerator-seconds that so many replicas have for what moves."""
        return np.asarray(self.share * z - self.fixed_s)

    def _verification_rows(self, p: ProgramBuilder) -> None:
        q, arcs, plan = self.q, self.arcs, self.plan
        self.redone = np.flatnonzero(plan.redone[self.classes])
        row = np.full(len(self.classes), -1)
        row[self.redone] = np.arange(len(self.redone))
        g = self.classes[self.redone]
        checks = np.flatnonzero(arcs.kind == 1)
        again = self.staying.kind == 1
        done = np.bincount(self.staying.g[again], self.staying.count[again], q.n_classes)[g]
        self.wanted: Floats = plan.compiled.wanted_checks[g]
        self.asked: Floats = self.wanted * self.total[self.redone] - done
        entries: list[Entry] = [
            (row[self.g_at[checks]], self.x[checks], 1.0),
            (np.arange(len(g)), self.u[self.redone], self.wanted),
        ]
        p.add_rows("verification", len(g), entries, lower=self.asked)

    def _part_rows(self, p: ProgramBuilder) -> None:
        """No part executes and verifies more of a class than is served of it."""
        plan = self.plan
        mine, parts = plan.apart(self.arcs)
        keys, row = np.unique(parts, return_inverse=True)
        stays, old = plan.apart(self.staying)
        at = np.searchsorted(keys, old)
        known = np.isin(old, keys)
        taken = np.bincount(at[known], self.staying.count[stays[known]], len(keys))
        at_g = np.searchsorted(self.classes, keys // plan.n_parts)
        self.part_of: Ints = np.full(len(self.arcs), -1)
        self.part_of[mine] = row
        self.part_top: Floats = self.total[at_g] - taken
        u = self.u[at_g]
        entries: list[Entry] = [(row, self.x[mine], 1.0), (np.arange(len(u)), u, 1.0)]
        p.add_rows("apart", len(keys), entries, upper=self.part_top)

    def _group_rows(self, p: ProgramBuilder) -> None:
        q, arcs = self.q, self.arcs
        runs = np.flatnonzero((arcs.kind == 0) & (q.max_share[q.node_group[arcs.n]] < 1))
        self.groups, i = np.unique(q.node_group[arcs.n[runs]], return_inverse=True)
        left = self.group_left[self.groups] + np.bincount(i, arcs.count[runs], len(self.groups))
        self.group_of: Ints = np.full(len(arcs), -1)
        self.group_of[runs] = i
        self.group_top: Floats = np.maximum(left, 0.0)
        p.add_rows("group_share", len(self.groups), [(i, self.x[runs], 1.0)], upper=self.group_top)

    # --- replicas ------------------------------------------------------------------------------

    def replicas_for(self, counts: Floats) -> Ints:
        """The fewest replicas that flows need, never more than there are."""
        work = np.bincount(self.k, self.arcs.work_s * counts, len(self.m)) + self.fixed_s
        used = np.bincount(self.k, counts, len(self.m)) > _SLACK
        asked = np.ceil(work / np.maximum(self.share, _INSTANT) - 1e-7).astype(np.int64)
        asked = np.where(work > _SLACK, asked, 0)
        return np.minimum(np.maximum(np.maximum(asked, used), self.needed), self.z)

    def capacity(self, z: Ints) -> Floats:
        """Accelerator-seconds of each node for what moves, with so many replicas."""
        loaded = self.q.loaded[self.m, self.n]
        now = self.plan.replicas[self.m, self.n]
        saved = np.maximum(now - loaded, 0) - np.maximum(z - loaded, 0)
        seconds = saved * self.q.load_s(self.m, self.n)
        return np.asarray(self.free_s + np.bincount(self.n, seconds, self.q.n_nodes))

    def fixed_cost(self, z: Ints) -> Floats:
        """$ of loading so many replicas and of their weights."""
        return self.plan.loading_cost(self.m, self.n, z, self.owning(z))

    def owning(self, z: Ints) -> Bools:
        """Whether a node still keeps its own copy to load from, as it must where GB are limited."""
        plan, m, n = self.plan, self.m, self.n
        new = np.maximum(z - self.q.loaded[m, n], 0)
        read = plan.fetch[m, self.q.node_region[n]] * np.maximum(new, 1)
        limited = self.q.instance.limits.max_transfer_gb is not None
        pays = (plan.compiled.host_cost[m, n] < read) | limited
        return np.asarray(self.own & (new > 0) & pays)

    def engagement(self, z: Ints) -> Floats:
        """$ of each node that holds anything."""
        return self.plan.engagement(self.n[z > 0])
