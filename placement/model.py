"""The whole formulation as one sparse mixed-integer program.

Columns and rows follow docs/formulation.md sections 3 and 4, with the rows that make its linear
relaxation strong: every request needs its share of a replica (disaggregated links), everything on a
node needs the node engaged. Sources of loads are aggregated to zones, regions between which nobody
can tell a difference in transfer price; `decode` names the cheapest host.
"""

from dataclasses import dataclass

import numpy as np

from placement.compiled import Arcs, Compiled
from placement.program import Entry, Program, ProgramBuilder
from placement.quantities import REEXECUTION, Ints

_WHOLE_UP = 1 - 1e-5
"""t <= y + this, with t whole, lets t reach y rounded up."""


@dataclass(frozen=True)
class Model:
    """A program with the meaning of its columns and rows.

    Attributes
    ----------
    program : Program
    columns, rows : dict of slice
        Where each family of variables and of constraints is.
    run, verify : Arcs
        What the columns `x` and `v` stand for.
    replica_m, replica_n, replica_most : array of int
        Model, node and upper bound of the columns `z`.
    replica_at : array of int, shape (models + 1, nodes)
        Which of the columns `z` is of a model and a node, -1 for none; plain jobs have none.
    host_m, host_n : array of int
        Model and node of the columns `h`.
    zones, zone : int, array of int
        How many zones of sources there are, and the zone of each node.
    zone_m, zone_z : array of int
        Model and zone of the columns `w`: some node of the zone stores the model.
    own_k, fetch_k, fetch_z : array of int
        Replica column (and zone) of the columns `own` and `fetch`: loads from the node itself, from
        a zone.
    limited : array of int
        Classes of the columns `t`: sampled requests, rounded up.
    parts : array of int
        Keys model * groups + group of the columns `p`: a control group stores the model.
    part_keys : dict
        Keys class * size + part of the rows of each independence family.
    """

    compiled: Compiled
    program: Program
    columns: dict[str, slice]
    rows: dict[str, slice]
    run: Arcs
    verify: Arcs
    replica_m: Ints
    replica_n: Ints
    replica_most: Ints
    replica_at: Ints
    host_m: Ints
    host_n: Ints
    zones: int
    zone: Ints
    zone_m: Ints
    zone_z: Ints
    own_k: Ints
    fetch_k: Ints
    fetch_z: Ints
    limited: Ints
    parts: Ints
    part_keys: dict[str, Ints]


def build(compiled: Compiled, run: Arcs | None = None, verify: Arcs | None = None) -> Model:
    """The program of an instance over the given arcs, by default every candidate there is."""
    run = compiled.run if run is None else run
    return _Builder(compiled, run, compiled.verify if verify is None else verify).build()


def _number(keys: Ints) -> tuple[Ints, Ints]:
    """Distinct keys and, for each entry, the number of its key."""
    distinct, at = np.unique(keys, return_inverse=True)
    return distinct, at.reshape(-1)


class _Builder:
    """Adds the families one by one; symbols are those of the formulation."""

    def __init__(self, compiled: Compiled, run: Arcs, verify: Arcs) -> None:
        self.c = compiled
        self.q = q = compiled.quantities
        self.p = ProgramBuilder()
        self.run, self.verify = run, verify
        self.redone = q.mode[self.verify.g] == REEXECUTION
        self.paid = compiled.engagement > 0
        self.part_keys: dict[str, Ints] = {}
        self._choose_replicas()
        self._choose_sources()

    def _choose_replicas(self) -> None:
        """(m, n) where a replica could be of use."""
        q = self.q
        m = np.concatenate([q.class_model[self.run.g], q.class_model[self.verify.g[self.redone]]])
        n = np.concatenate([self.run.n, self.verify.n[self.redone]])
        useful = np.zeros((q.n_models + 1, q.n_nodes), dtype=bool)
        useful[m, n] = True
        self.k_of: Ints = np.full((q.n_models + 1, q.n_nodes), -1, dtype=np.int64)
        self.m, self.n = np.nonzero(useful[: q.n_models] & (self.c.max_replicas > 0))
        self.k_of[self.m, self.n] = np.arange(len(self.m))
        self.most = self.c.max_replicas[self.m, self.n]
        self.loaded = q.loaded[self.m, self.n]
        self.share = q.replica_s(self.m, self.n)

    def _choose_sources(self) -> None:
        """Hosts, and the zones they lie in."""
        q = self.q
        self.hm, self.hn = np.nonzero(self.c.can_host)
        _, zone = np.unique(q.transfer_price, axis=0, return_inverse=True)
        self.zone_of_region: Ints = np.asarray(zone).reshape(-1)
        self.zone_price = np.zeros((self.zone_of_region.max() + 1, q.n_regions + 1))
        self.zone_price[self.zone_of_region] = q.transfer_price
        node_zone = self.zone_of_region[q.node_region]
        reachable = np.zeros((q.n_models, len(self.zone_price)), dtype=bool)
        reachable[self.hm, node_zone[self.hn]] = True
        self.wm, self.wz = np.nonzero(reachable)
        self.w_of: Ints = np.full(reachable.shape, -1, dtype=np.int64)
        self.w_of[self.wm, self.wz] = np.arange(len(self.wm))
        self.node_zone = node_zone
        self.fresh = np.maximum(self.most - self.loaded, 0)
        loads = np.flatnonzero(self.fresh > 0)
        at, z = np.nonzero(reachable[self.m[loads]])
        self.fk, self.fz = loads[at], z
        self.sk = loads[self.c.can_host[self.m[loads], self.n[loads]]]

    def build(self) -> Model:
        """Everything."""
        self._columns()
        self._demand_rows()
        self._link_rows()
        self._node_rows()
        self._loading_rows()
        self._hosting_rows()
        self._independence_rows()
        self._limit_rows()
        return Model(
            compiled=self.c,
            program=self.p.finish(),
            columns=self.p.columns,
            rows=self.p.rows,
            run=self.run,
            verify=self.verify,
            replica_m=self.m,
            replica_n=self.n,
            replica_most=self.most,
            replica_at=self.k_of,
            host_m=self.hm,
            host_n=self.hn,
            zones=len(self.zone_price),
            zone=self.node_zone,
            zone_m=self.wm,
            zone_z=self.wz,
            own_k=self.sk,
            fetch_k=self.fk,
            fetch_z=self.fz,
            limited=self.limited,
            parts=self.parts,
            part_keys=self.part_keys,
        )

    def _columns(self) -> None:
        c, q, add = self.c, self.q, self.p.add_columns
        self.x = add("x", self.run.cost, q.count[self.run.g])
        self.v = add("v", self.verify.cost, c.check_cap[self.verify.g])
        turned_away = np.isfinite(q.penalty)
        self.u = add("u", np.where(turned_away, q.penalty, 0.0), q.count * turned_away)
        self.e = add("e", c.engagement, np.ones(q.n_nodes))
        self.z = add("z", np.zeros(len(self.m)), self.most)
        self.new = add("new", c.load_cost(self.m, self.n), self.fresh, whole=False)
        self.own = add("own", np.zeros(len(self.sk)), self.fresh[self.sk], whole=False)
        price = self.zone_price[self.fz, q.node_region[self.n[self.fk]]]
        fetch = q.weights_gb[self.m[self.fk]] * price
        self.fetch = add("fetch", fetch, self.fresh[self.fk], whole=False)
        self.h = add("h", c.host_cost[self.hm, self.hn], np.ones(len(self.hm)))
        self.w = add("w", np.zeros(len(self.wm)), np.ones(len(self.wm)), whole=False)
        many = q.min_hosts[self.hm] > 1
        keys = self.hm[many] * q.n_groups + q.node_group[self.hn[many]]
        self.parts, self.part_of_host = _number(keys)
        self.many = np.flatnonzero(many)
        self.group = add("p", np.zeros(len(self.parts)), np.ones(len(self.parts)), whole=False)
        sampled = c.verified & (q.sample < 1) & (q.independence < 2)
        self.limited = np.flatnonzero(sampled)
        self.t = add("t", np.zeros(len(self.limited)), c.check_cap[self.limited])

    def _demand_rows(self) -> None:
        """Constraints 1 and 9."""
        q, p, ones = self.q, self.p, 1.0
        g = np.arange(q.n_classes)
        entries: list[Entry] = [(self.run.g, self.x, ones), (g, self.u, ones)]
        count = q.count.astype(float)
        p.add_rows("demand", q.n_classes, entries, lower=count, upper=count)
        wanted = self.c.wanted_checks
        entries = [(self.verify.g, self.v, ones), (g, self.u, wanted)]
        p.add_rows("verification", q.n_classes, entries, lower=wanted * q.count)

    def _link_rows(self) -> None:
        """Constraint 3, for each replica, and for each request of it."""
        q, p = self.q, self.p
        k = self.k_of[q.class_model[self.run.g], self.run.n]
        held = np.flatnonzero(k >= 0)
        redone = np.flatnonzero(self.redone)
        kv = self.k_of[q.class_model[self.verify.g[redone]], self.verify.n[redone]]
        for name, arcs, rows, columns, at, most in (
            ("link", self.run, held, self.x, k[held], q.count),
            ("check_link", self.verify, redone, self.v, kv, self.c.check_cap),
        ):
            with np.errstate(divide="ignore"):
                each = np.minimum(most[arcs.g[rows]], self.share[at] / arcs.work_s[rows])
            i = np.arange(len(rows))
            p.add_rows(
                name, len(rows), [(i, columns[rows], 1.0), (i, self.z[at], -each)], upper=0.0
            )
        entries: list[Entry] = [
            (k[held], self.x[held], self.run.work_s[held]),
            (kv, self.v[redone], self.verify.work_s[redone]),
            (np.arange(len(self.m)), self.z, -self.share),
        ]
        p.add_rows("share", len(self.m), entries, upper=0.0)

    def _node_rows(self) -> None:
        """Constraints 4, 5, 10, and the engagement that everything on a node needs."""
        q, p = self.q, self.p
        nodes = np.arange(q.n_nodes)
        load = q.load_s(self.m, self.n)
        run, verify = self.run, self.verify
        for name, entries, limit in (
            ("capacity",
             [(run.n, self.x, run.work_s), (verify.n, self.v, verify.work_s),
              (self.n, self.new, load)], q.capacity_s),
            ("memory", [(self.n, self.z, q.replica_gb[self.m])], q.memory_gb),
            ("cores", [(verify.n, self.v, q.core_s[verify.g])], q.cores_s),
        ):  # fmt: skip
            p.add_rows(name, q.n_nodes, [*entries, (nodes, self.e, -limit)], upper=0.0)
        plain = np.flatnonzero(self.paid[run.n] & (q.class_model[run.g] < 0))
        light = np.flatnonzero(self.paid[verify.n] & ~self.redone)
        costly = np.flatnonzero(self.paid[self.n])
        for name, columns, n, most in (
            ("engage_run", self.x[plain], run.n[plain], q.count[run.g[plain]]),
            ("engage_check", self.v[light], verify.n[light], self.c.check_cap[verify.g[light]]),
            ("engage_replica", self.z[costly], self.n[costly], self.most[costly]),
        ):
            i = np.arange(len(columns))
            p.add_rows(name, len(columns), [(i, columns, 1.0), (i, self.e[n], -most)], upper=0.0)

    def _loading_rows(self) -> None:
        """Constraint 7: new replicas read their weights from a host."""
        p, size = self.p, len(self.m)
        k = np.arange(size)
        p.add_rows("new", size, [(k, self.new, 1.0), (k, self.z, -1.0)], lower=-self.loaded)
        entries: list[Entry] = [
            (self.sk, self.own, 1.0),
            (self.fk, self.fetch, 1.0),
            (k, self.new, -1.0),
        ]
        p.add_rows("source", size, entries, lower=0.0, upper=0.0)
        h_of = np.full(self.c.can_host.shape, -1, dtype=np.int64)
        h_of[self.hm, self.hn] = self.h
        i, sk, fk = np.arange(len(self.sk)), self.sk, self.fk
        entries = [
            (i, self.own, 1.0),
            (i, h_of[self.m[sk], self.n[sk]], -self.fresh[sk]),
        ]
        p.add_rows("own_host", len(sk), entries, upper=0.0)
        i = np.arange(len(fk))
        w = self.w[self.w_of[self.m[fk], self.fz]]
        p.add_rows("zone_host", len(fk), [(i, self.fetch, 1.0), (i, w, -self.fresh[fk])], upper=0.0)

    def _hosting_rows(self) -> None:
        """Constraints 6 and 8."""
        q, p = self.q, self.p
        entries: list[Entry] = [(self.hn, self.h, q.weights_gb[self.hm])]
        p.add_rows("storage", q.n_nodes, entries, upper=q.storage_gb)
        zone = self.w_of[self.hm, self.node_zone[self.hn]]
        i = np.arange(len(self.wm))
        p.add_rows("zone", len(i), [(i, self.w, 1.0), (zone, self.h, -1.0)], upper=0.0)
        needed = np.minimum(q.min_hosts, 1).astype(float)
        p.add_rows("min_hosts", q.n_models, [(self.hm, self.h, 1.0)], lower=needed)
        i = np.arange(len(self.parts))
        entries = [(i, self.group, 1.0), (self.part_of_host, self.h[self.many], -1.0)]
        p.add_rows("host_group", len(i), entries, upper=0.0)
        model = self.parts // q.n_groups
        needed = np.where(q.min_hosts > 1, q.min_hosts, 0).astype(float)
        p.add_rows("host_groups", q.n_models, [(model, self.group, 1.0)], lower=needed)

    def _independence_rows(self) -> None:
        """Constraint 11; `t` is q x served rounded up."""
        q, p = self.q, self.p
        at_t = np.full(q.n_classes, -1, dtype=np.int64)
        at_t[self.limited] = np.arange(len(self.limited))
        g, sample = self.limited, q.sample[self.limited]
        i = np.arange(len(g))
        entries: list[Entry] = [(i, self.t, 1.0), (i, self.u[g], sample)]
        p.add_rows("rounded", len(g), entries, upper=sample * q.count[g] + _WHOLE_UP)
        for name, kind, part_of, size in (
            ("independent_group", 0, q.node_group, q.n_groups),
            ("independent_node", 1, np.arange(q.n_nodes), q.n_nodes),
            ("distinct", 2, np.arange(q.n_nodes), q.n_nodes),
        ):
            mine = np.flatnonzero(q.independence[self.verify.g] == kind)
            keys, row = _number(self.verify.g[mine] * size + part_of[self.verify.n[mine]])
            g, i = keys // size, np.arange(len(keys))
            entries = [(row, self.v[mine], 1.0)]
            if kind < 2:
                entries.append(self._executed(keys, size, part_of))
            rounded = at_t[g] >= 0
            entries.append((i[rounded], self.t[at_t[g[rounded]]], -1.0))
            exact, scale = ~rounded, q.sample[g] if kind < 2 else np.ones(len(g))
            entries.append((i[exact], self.u[g[exact]], scale[exact]))
            limit = np.where(exact, scale * q.count[g], 0.0)
            self.part_keys[name] = keys
            p.add_rows(name, len(keys), entries, upper=limit)

    def _executed(self, keys: Ints, size: int, part_of: Ints) -> Entry:
        """The columns `x` of each (class, part), times the sampled share."""
        key = self.run.g * size + part_of[self.run.n]
        at = np.minimum(np.searchsorted(keys, key), max(len(keys) - 1, 0))
        inside = np.flatnonzero(keys[at] == key) if len(keys) else np.zeros(0, dtype=np.int64)
        return at[inside], self.x[inside], self.q.sample[self.run.g[inside]]

    def _limit_rows(self) -> None:
        """Constraints 12 and 13."""
        q, p = self.q, self.p
        most = np.where(q.max_share < 1, q.max_share * q.total_count, np.inf)
        p.add_rows("group_share", q.n_groups, [(q.node_group[self.run.n], self.x, 1.0)], upper=most)
        limits = q.instance.limits
        unlimited = [np.inf if v is None else float(v) for v in
                     (limits.max_new_replicas, limits.max_transfer_gb)]  # fmt: skip
        zeros = np.zeros
        copies = q.weights_gb[self.hm] * ~q.hosted[self.hm, self.hn]
        entries: list[Entry] = [
            (zeros(len(self.new), int), self.new, 1.0),
            (zeros(len(self.fetch), int) + 1, self.fetch, q.weights_gb[self.m[self.fk]]),
            (zeros(len(self.h), int) + 1, self.h, copies),
        ]
        p.add_rows("limits", 2, entries, upper=np.array(unlimited))
