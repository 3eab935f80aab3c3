"""A slice as a small mixed-integer program; symbols are those of docs/formulation.md."""

import numpy as np

from placement.methods.slices.plan import Change, Plan
from placement.methods.slices.slicing import ROOMY, Slice
from placement.program import Entry, Program, ProgramBuilder
from placement.quantities import Floats, whole_up

_WHOLE_UP = 1 - 1e-5
"""t <= y + this, with t whole, lets t reach y rounded up."""
_INSTANT = 1e-12
"""Work shorter than this takes no time."""
_USED = 1e-6


class SliceModel:
    """The program of a slice, the plan as its start, and the change that an answer stands for."""

    def __init__(self, plan: Plan, part: Slice) -> None:
        self.plan, self.part = plan, part
        self.q, self.c = plan.q, plan.compiled
        self.arcs = part.arcs
        self.p = ProgramBuilder()
        self._number()
        self._columns()
        self._demand_rows()
        self._replica_rows()
        self._node_rows()
        self._loading_rows()
        self._beside_rows()
        self._independence_rows()
        self._limit_rows()
        program = self.p.finish()
        program.lower[self.x] = self.low
        program.whole[self.x] = self.plan.solid[self.arcs.g]
        program.whole[self.u] = self.plan.solid[self.part.classes]
        self.program: Program = program
        self.start = self._start()

    def _number(self) -> None:
        """Positions of classes, nodes and replicas within the slice."""
        q, part, arcs = self.q, self.part, self.arcs
        self.g_at = np.searchsorted(part.classes, arcs.g)
        position = np.full(q.n_nodes, -1)
        position[part.nodes] = np.arange(len(part.nodes))
        self.n_at = position[arcs.n]
        self.inside = self.n_at >= 0
        model = q.class_model[arcs.g]
        held_m, held_at = np.nonzero(self.plan.least[:, part.nodes])
        keys = model[self.inside] * len(part.nodes) + self.n_at[self.inside]
        held = held_m * len(part.nodes) + held_at
        known, at = np.unique(np.concatenate([keys, held]), return_inverse=True)
        self.k_at = np.full(len(arcs), -1)
        self.k_at[self.inside] = at[: len(keys)]
        self.m, self.kn = known // len(part.nodes), known % len(part.nodes)
        self.n = part.nodes[self.kn]
        self.most = self.c.max_replicas[self.m, self.n]
        self.least = self.plan.least[self.m, self.n]
        self.loaded = q.loaded[self.m, self.n]
        self.fresh = np.maximum(self.most - self.loaded, 0)
        self.redone = np.flatnonzero(self.plan.redone[part.classes])

    def _columns(self) -> None:
        plan, q, c, add = self.plan, self.q, self.c, self.p.add_columns
        arcs, classes, m = self.arcs, self.part.classes, self.m
        most = np.where(arcs.kind == 0, q.count[arcs.g], c.check_cap[arcs.g])
        room = np.minimum(plan.share_s[q.class_model[arcs.g], arcs.n], plan.free_s[arcs.n])
        more = np.floor(room / np.maximum(arcs.work_s, _INSTANT))
        more = np.where(more >= ROOMY, more, 0.0)
        solid = plan.solid[arcs.g]
        free = self.inside | ~solid
        self.low = np.where(free, 0, arcs.count)
        self.top = np.where(free, most, np.minimum(most, arcs.count + more)).astype(float)
        self.x = add("x", arcs.cost, self.top)
        self.u = add("u", plan.penalty[classes], q.count[classes])
        self.e = add("e", c.engagement[self.part.nodes], np.ones(len(self.part.nodes)))
        self.z = add("z", np.zeros(len(m)), self.most)
        self._loading_columns()
        g = classes[self.redone]
        self.rounded = self.redone[q.sample[g] < 1]
        self.rounded = self.rounded[q.independence[classes[self.rounded]] < 2]
        self.t = add("t", np.zeros(len(self.rounded)), c.check_cap[classes[self.rounded]])

    def _loading_columns(self) -> None:
        """New replicas, own copies where they may pay, and what is read from elsewhere there."""
        plan, q, c, add, m, n = self.plan, self.q, self.c, self.p.add_columns, self.m, self.n
        base = plan.base[m, n]
        self.fetch = np.where(base, 0.0, plan.fetch[m, q.node_region[n]])
        kept = plan.own[m, n]
        freed = np.bincount(self.kn, q.weights_gb[m] * kept, len(self.part.nodes))
        room = plan.storage_gb[n] + freed[self.kn]
        able = ~base & c.can_host[m, n] & (q.weights_gb[m] <= room * (1 + 1e-9)) & (self.fresh > 0)
        able &= c.host_cost[m, n] < self.fetch * self.fresh
        self.own_k = np.flatnonzero(able | kept)
        self.owning = np.zeros(len(m), dtype=bool)
        self.owning[self.own_k] = True
        here = np.where(self.owning, 0.0, self.fetch)
        self.fresh = np.where(np.isfinite(here), self.fresh, 0)
        load = c.load_cost(m, n)
        self.new = add(
            "new", load + np.where(np.isfinite(here), here, 0.0), self.fresh, whole=False
        )
        k = self.own_k
        self.own = add("own", c.host_cost[m[k], n[k]], np.ones(len(k)))
        reach = np.isfinite(self.fetch[k])
        self.fetched = add(
            "fetched", np.where(reach, self.fetch[k], 0.0), self.fresh[k] * reach, whole=False
        )

    def _demand_rows(self) -> None:
        q, p, classes = self.q, self.p, self.part.classes
        runs, checks = self.arcs.kind == 0, self.arcs.kind == 1
        count = q.count[classes].astype(float)
        at = np.arange(len(classes))
        entries: list[Entry] = [(self.g_at[runs], self.x[runs], 1.0), (at, self.u, 1.0)]
        p.add_rows("demand", len(at), entries, lower=count, upper=count)
        row = np.full(len(classes), -1)
        row[self.redone] = np.arange(len(self.redone))
        wanted = self.c.wanted_checks[classes[self.redone]]
        entries = [
            (row[self.g_at[checks]], self.x[checks], 1.0),
            (row[self.redone], self.u[self.redone], wanted),
        ]
        p.add_rows("verification", len(self.redone), entries, lower=wanted * count[self.redone])

    def _replica_rows(self) -> None:
        p, arcs = self.p, self.arcs
        at = np.flatnonzero(self.inside)
        k = self.k_at[at]
        share = self.q.replica_s(self.m, self.n)
        each = np.minimum(self.top[at], share[k] / np.maximum(arcs.work_s[at], _INSTANT))
        i = np.arange(len(at))
        p.add_rows("link", len(at), [(i, self.x[at], 1.0), (i, self.z[k], -each)], upper=0.0)
        taken = self.plan.taken_share[self.m, self.n]
        ks = np.arange(len(self.m))
        entries: list[Entry] = [(k, self.x[at], arcs.work_s[at]), (ks, self.z, -share)]
        p.add_rows("share", len(self.m), entries, upper=-taken)

    def _node_rows(self) -> None:
        p, q, plan, nodes, arcs = self.p, self.q, self.plan, self.part.nodes, self.arcs
        at = np.flatnonzero(self.inside)
        n = np.arange(len(nodes))
        load = q.load_s(self.m, self.n)
        entries: list[Entry] = [
            (self.n_at[at], self.x[at], arcs.work_s[at]), (self.kn, self.new, load),
            (n, self.e, -q.capacity_s[nodes]),
        ]  # fmt: skip
        p.add_rows("capacity", len(n), entries, upper=-plan.taken_s[nodes])
        entries = [(self.kn, self.z, q.replica_gb[self.m]), (n, self.e, -q.memory_gb[nodes])]
        p.add_rows("memory", len(n), entries, upper=0.0)
        checks = at[arcs.kind[at] == 1]
        entries = [(self.n_at[checks], self.x[checks], q.core_s[arcs.g[checks]])]
        limit = (q.cores_s - plan.taken_cores)[nodes]
        p.add_rows("cores", len(n), entries, upper=limit)
        k = np.flatnonzero(self.c.engagement[self.n] > 0)
        i = np.arange(len(k))
        entries = [(i, self.z[k], 1.0), (i, self.e[self.kn[k]], -self.most[k].astype(float))]
        p.add_rows("engage", len(k), entries, upper=0.0)
        k = np.flatnonzero(self.least)
        p.add_rows("least", len(k), [(np.arange(len(k)), self.z[k], 1.0)], lower=self.least[k])
        pinned = np.flatnonzero(plan.pinned[nodes])
        entries = [(np.arange(len(pinned)), self.e[pinned], 1.0)]
        p.add_rows("pinned", len(pinned), entries, lower=1.0)

    def _loading_rows(self) -> None:
        p, q, plan, k = self.p, self.q, self.plan, self.own_k
        at = np.arange(len(self.m))
        p.add_rows("new", len(at), [(at, self.new, 1.0), (at, self.z, -1.0)], lower=-self.loaded)
        i = np.arange(len(k))
        entries: list[Entry] = [
            (i, self.new[k], 1.0), (i, self.fetched, -1.0),
            (i, self.own, -self.fresh[k].astype(float)),
        ]  # fmt: skip
        p.add_rows("read", len(k), entries, upper=0.0)
        nodes = self.part.nodes
        kept = plan.own[self.m, self.n] * q.weights_gb[self.m]
        spare = plan.storage_gb[nodes] + np.bincount(self.kn, kept, len(nodes))
        entries = [(self.kn[k], self.own, q.weights_gb[self.m[k]])]
        p.add_rows("storage", len(nodes), entries, upper=spare)

    def _beside_rows(self) -> None:
        """What is left of replicas and nodes that do not change."""
        p, q, plan = self.p, self.q, self.plan
        at = np.flatnonzero(~self.inside)
        arcs = self.arcs.take(at)
        m = q.class_model[arcs.g]
        now = arcs.work_s * arcs.count
        keys, i = np.unique(m * q.n_nodes + arcs.n, return_inverse=True)
        left = plan.share_s[keys // q.n_nodes, keys % q.n_nodes] + np.bincount(i, now, len(keys))
        p.add_rows("beside_share", len(keys), [(i, self.x[at], arcs.work_s)], upper=left)
        n, i = np.unique(arcs.n, return_inverse=True)
        left = plan.free_s[n] + np.bincount(i, now, len(n))
        p.add_rows("beside_capacity", len(n), [(i, self.x[at], arcs.work_s)], upper=left)
        cores = np.where(arcs.kind == 1, q.core_s[arcs.g], 0.0)
        left = plan.cores_s[n] + np.bincount(i, cores * arcs.count, len(n))
        p.add_rows("beside_cores", len(n), [(i, self.x[at], cores)], upper=left)

    def _independence_rows(self) -> None:
        q, p, arcs, classes = self.q, self.p, self.arcs, self.part.classes
        sample, count = q.sample[classes], q.count[classes]
        i = np.arange(len(self.rounded))
        g = self.rounded
        entries: list[Entry] = [(i, self.t, 1.0), (i, self.u[g], sample[g])]
        p.add_rows("rounded", len(g), entries, upper=sample[g] * count[g] + _WHOLE_UP)
        t_at = np.full(len(classes), -1)
        t_at[g] = i
        mine, parts = self.plan.apart(arcs)
        keys, row = np.unique(parts, return_inverse=True)
        g = np.searchsorted(classes, keys // self.plan.n_parts)
        scale = np.where(q.independence[classes[g]] < 2, sample[g], 1.0)
        factor = np.where(arcs.kind[mine] == 0, q.sample[arcs.g[mine]], 1.0)
        j = np.arange(len(keys))
        up = t_at[g] >= 0
        entries = [
            (row, self.x[mine], factor), (j[up], self.t[t_at[g[up]]], -1.0),
            (j[~up], self.u[g[~up]], scale[~up]),
        ]  # fmt: skip
        p.add_rows("apart", len(keys), entries, upper=np.where(up, 0.0, scale * count[g]))

    def _limit_rows(self) -> None:
        q, p, plan, arcs = self.q, self.p, self.plan, self.arcs
        runs = np.flatnonzero((arcs.kind == 0) & (q.max_share[q.node_group[arcs.n]] < 1))
        groups, i = np.unique(q.node_group[arcs.n[runs]], return_inverse=True)
        left = plan.group_left[groups] + np.bincount(i, arcs.count[runs], len(groups))
        p.add_rows("group_share", len(groups), [(i, self.x[runs], 1.0)], upper=left)
        limits = q.instance.limits
        if limits.max_new_replicas is None and limits.max_transfer_gb is None:
            return
        weights, k = q.weights_gb[self.m], self.own_k
        read = np.where(self.owning | plan.base[self.m, self.n], 0.0, weights)
        copied = np.where(q.hosted[self.m, self.n], 0.0, weights)
        new = np.maximum(plan.replicas[self.m, self.n] - self.loaded, 0)
        own = plan.own[self.m, self.n]
        fetched = np.where(own | plan.base[self.m, self.n], 0.0, new * weights)
        now = np.array([new.sum(), fetched.sum() + (own * copied).sum()])
        entries: list[Entry] = [
            (np.zeros_like(self.new), self.new, 1.0), (np.ones_like(self.new), self.new, read),
            (np.ones_like(k), self.own, copied[k]), (np.ones_like(k), self.fetched, weights[k]),
        ]  # fmt: skip
        p.add_rows("limits", 2, entries, upper=now)

    # --- answers -------------------------------------------------------------------------------

    def _start(self) -> Floats:
        """The plan as columns."""
        plan, m, n = self.plan, self.m, self.n
        values = np.zeros(len(self.program.cost))
        values[self.x] = self.arcs.count
        values[self.u] = plan.left[self.part.classes]
        z = plan.replicas[m, n]
        values[self.z] = z
        engaged = np.bincount(self.kn, z, len(self.part.nodes)) > 0
        values[self.e] = engaged | plan.pinned[self.part.nodes]
        new = np.maximum(z - self.loaded, 0)
        values[self.new] = new
        own = plan.own[m, n]
        values[self.own] = own[self.own_k]
        values[self.fetched] = np.where(own, 0, new)[self.own_k]
        g = self.part.classes[self.rounded]
        values[self.t] = whole_up(self.q.sample[g] * (self.q.count[g] - plan.left[g]))
        return values

    def change(self, values: Floats) -> Change:
        """What an answer decides."""
        arcs = self.arcs
        solid = self.plan.solid[arcs.g]
        count = np.where(solid, np.rint(values[self.x]), np.maximum(values[self.x], 0.0))
        used = count > _USED
        columns = {**vars(arcs), "count": count}
        come = type(arcs)(**columns).take(used)
        z = np.rint(values[self.z]).astype(np.int64)
        own = np.zeros(len(z), dtype=bool)
        own[self.own_k] = values[self.own] > 0.5
        nodes = self.part.nodes
        held = np.zeros_like(self.plan.replicas[:, nodes])
        owned = np.zeros(held.shape, dtype=bool)
        held[self.m, self.kn], owned[self.m, self.kn] = z, own & (z > self.loaded)
        m, at = np.nonzero((held > 0) | (self.plan.replicas[:, nodes] > 0))
        return Change(self.part.rows, come, m, nodes[at], held[m, at], owned[m, at])
