"""An instance made ready for methods: candidate pairs of class and node with their work and cost.

Which pairs there are follows from `quantities`; a method asks for those it needs, all of them or
those of the replicas it has, as flat arrays sorted by class and node.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from placement.instance import Instance
from placement.quantities import REEXECUTION, Bools, Floats, Ints, Quantities, whole_up

_CHUNK = 1 << 22


@dataclass(frozen=True)
class Arcs:
    """Candidate pairs of a request class and a node, sorted by class, then node.

    Attributes
    ----------
    g, n : array of int
        Class and node of each arc.
    work_s : array
        Accelerator-seconds of one request (or one verification) on the node.
    cost : array
        $ of one request (or one verification): accelerator time, latency, pair, cores.
    """

    g: Ints
    n: Ints
    work_s: Floats
    cost: Floats

    def __len__(self) -> int:
        return len(self.g)

    def take(self, rows: Ints | Bools) -> "Arcs":
        """Some of the arcs."""
        return Arcs(self.g[rows], self.n[rows], self.work_s[rows], self.cost[rows])


class Compiled:
    """An instance with its candidate arcs and costs, what every method works on.

    `quantities` has the columns; the arrays here add money: what one request costs on a node, what
    a replica costs to load, what storing weights costs.
    """

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.quantities = q = Quantities(instance)
        self.hours = q.window_s / 3600.0
        self.rate = q.accelerator_price / 3600.0
        """$ per busy accelerator-second of each node."""
        self.engagement = q.engaged_price * self.hours
        """$ for engaging each node."""
        with np.errstate(divide="ignore", invalid="ignore"):
            each = np.where(q.capacity_s > 0, self.engagement / q.capacity_s, 0.0)
        self.engagement_rate: Floats = each
        """The same spread over a node's capacity, $ per accelerator-second."""
        self.verified: Bools = q.verifiers > 0
        """Whether a class needs verifiers at all."""
        self.redone: Bools = self.verified & (q.mode == REEXECUTION)
        """Whether verifiers execute its requests again."""
        self.wanted_checks: Floats = q.verifiers * q.sample
        """Verifications wanted for each executed request."""
        self.check_cap: Ints = np.where(q.independence == 2, q.count, whole_up(q.sample * q.count))
        """The most verifications of a class that one part may do when all is served."""

    # --- who could do what ---------------------------------------------------------------------

    @cached_property
    def run_kinds(self) -> Bools:
        """Whether a class can run on a node kind, shape (classes, kinds); false for paired ones."""
        return self._run_kinds[self.quantities.class_kind]

    @cached_property
    def verify_kinds(self) -> Bools:
        """Whether a class that needs verifiers can be verified on a node kind."""
        return self._verify_kinds[self.quantities.class_kind]

    @cached_property
    def _run_kinds(self) -> Bools:
        """`run_kinds` by class kind."""
        return self._by_kind(self.quantities.can_run, ~self.quantities.paired)

    @cached_property
    def _verify_kinds(self) -> Bools:
        """`verify_kinds` by class kind."""
        return self._by_kind(self.quantities.can_verify, self.verified)

    def _by_kind(self, ability: Callable[[Ints, Ints], Bools], among: Bools) -> Bools:
        """The ability of one class of each kind on one node of each kind."""
        q = self.quantities
        classes, nodes = q.kind_class, q.kind_node
        able = np.zeros((len(classes), len(nodes)), dtype=bool)
        step = max(1, _CHUNK // max(1, len(nodes)))
        for start in range(0, len(classes), step):
            rows = slice(start, start + step)
            able[rows] = ability(classes[rows, None], nodes[None, :])
        return able & among[classes, None]

    @cached_property
    def max_replicas(self) -> Ints:
        """Z(m,n), shape (models, nodes)."""
        q = self.quantities
        m, n = np.arange(q.n_models)[:, None], np.arange(q.n_nodes)[None, :]
        return q.max_replicas(m, n).reshape(q.n_models, q.n_nodes)

    @property
    def table_size(self) -> int:
        """How many pairs of a class and a node kind there are, able or not; never 0."""
        return max(1, self.quantities.n_classes * len(self.quantities.kind_node))

    @cached_property
    def n_candidates(self) -> int:
        """How many (class, node) pairs there are to execute or verify, without listing them."""
        size = np.bincount(self.quantities.node_kind, minlength=len(self.quantities.kind_node))
        both = self.run_kinds.sum(axis=0) + self.verify_kinds.sum(axis=0)
        return int(both @ size) + len(self.quantities.pair_class)

    # --- arcs ----------------------------------------------------------------------------------

    @cached_property
    def run(self) -> Arcs:
        """Every pair of a class and a node that can run it."""
        q = self.quantities
        return self.run_arcs(np.ones((q.n_models + 1, q.n_nodes), dtype=bool))

    @cached_property
    def verify(self) -> Arcs:
        """Every pair of a class that needs verifiers and a node that can verify it."""
        q = self.quantities
        return self.verify_arcs(np.ones((q.n_models + 1, q.n_nodes), dtype=bool))

    def run_arcs(self, holding: Bools, classes: Ints | None = None) -> Arcs:
        """The arcs to nodes that hold the model of the class.

        Parameters
        ----------
        holding : array of bool, shape (models, nodes) or (models + 1, nodes)
            Where replicas are. Plain jobs need none; their arcs are always there.
        classes : array of int or None
            The classes asked for, in increasing order; None for all.
        """
        q = self.quantities
        classes = np.arange(q.n_classes) if classes is None else classes
        g, n = self._expand(classes, self._run_kinds, holding)
        paired = q.can_run(q.pair_class, q.pair_node) & np.isin(q.pair_class, classes)
        model = q.class_model[q.pair_class]
        if q.n_models:
            paired &= (model < 0) | holding[model, q.pair_node]
        g = np.concatenate([g, q.pair_class[paired]])
        n = np.concatenate([n, q.pair_node[paired]])
        order = np.argsort(g * q.n_nodes + n, kind="stable")
        return self.price_runs(g[order], n[order])

    def verify_arcs(self, holding: Bools, classes: Ints | None = None) -> Arcs:
        """The arcs to nodes that can verify; re-execution only where replicas are."""
        q = self.quantities
        classes = np.arange(q.n_classes) if classes is None else classes
        redone = q.mode[classes] == REEXECUTION
        everywhere = np.ones((q.n_models, q.n_nodes), dtype=bool)
        g, n = self._expand(classes[~redone], self._verify_kinds, everywhere)
        g_held, n_held = self._expand(classes[redone], self._verify_kinds, holding)
        g, n = np.concatenate([g, g_held]), np.concatenate([n, n_held])
        order = np.argsort(g * q.n_nodes + n, kind="stable")
        return self.price_checks(g[order], n[order])

    def price_runs(self, g: Ints, n: Ints) -> Arcs:
        """Work and cost of executing one request of g on n."""
        q = self.quantities
        work = q.work_s(g, n)
        latency = q.latency_price[g] * q.latency_ms(g, n) / 1000.0
        return Arcs(g, n, work, self.rate[n] * work + latency + q.pair_price(g, n))

    def price_checks(self, g: Ints, n: Ints) -> Arcs:
        """Work and cost of verifying one request of g on n."""
        q = self.quantities
        work = q.reexecution_work_s(g, n)
        return Arcs(g, n, work, self.rate[n] * work + q.core_price[n] / 3600.0 * q.core_s[g])

    def _expand(self, classes: Ints, able: Bools, holding: Bools) -> tuple[Ints, Ints]:
        """All (class, node) with the node's kind able and the class's model held there.

        `able` is by class kind and node kind.
        """
        q = self.quantities
        parts_g, parts_n = [], []
        kind = q.class_kind[classes]
        somewhere: Bools = np.any(able, axis=1)
        model = np.where(somewhere[kind], q.class_model[classes], -2)
        for m in np.unique(model[model > -2]).tolist():
            rows = np.flatnonzero(model == m)
            nodes = np.flatnonzero(holding[m]) if m >= 0 else np.arange(q.n_nodes)
            at, where = np.nonzero(able[np.ix_(kind[rows], q.node_kind[nodes])])
            parts_g.append(classes[rows[at]])
            parts_n.append(nodes[where])
        if not parts_g:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        return np.concatenate(parts_g), np.concatenate(parts_n)

    # --- hosting and loading -------------------------------------------------------------------

    @cached_property
    def can_host(self) -> Bools:
        """Whether a node can store a model, shape (models, nodes)."""
        q = self.quantities
        m, n = np.arange(q.n_models)[:, None], np.arange(q.n_nodes)[None, :]
        return np.asarray(q.can_host(m, n)).reshape(q.n_models, q.n_nodes)

    @cached_property
    def host_cost(self) -> Floats:
        """$ of storing each model on each node: storage, and the copy where it is new."""
        q = self.quantities
        storage = np.outer(q.weights_gb, q.storage_price) * self.hours
        copy = q.weights_gb[:, None] * q.transfer_price[q.origin][:, q.node_region]
        fresh = ~q.hosted & (q.origin >= 0)[:, None]
        return np.asarray(storage + np.where(fresh, copy, 0.0))

    def load_cost(self, m: Ints, n: Ints) -> Floats:
        """$ of the accelerator time that loading a new replica of m blocks on n."""
        return self.rate[n] * self.quantities.load_s(m, n)
