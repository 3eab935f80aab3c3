"""What a placement costs and whether it is allowed: THE definition of both, without any solver.

Terms are those of docs/formulation.md section 5, constraint numbers those of section 4. Sums are
compared with a relative tolerance of 1e-6. Everything is vectorised over the rows of the solution.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from placement.instance import Instance
from placement.quantities import ATTESTATION, Bools, Floats, Ints, Quantities, whole_up
from placement.solution import Placement, Solution, to_placement

TOLERANCE = 1e-6
"""Relative tolerance of every comparison of sums."""

NOISE = 1e-9
"""Absolute difference that counts as none, for sums that should be zero."""

MAX_VIOLATIONS = 100
"""The most violations listed for one constraint."""

TERMS = (
    "unserved",
    "compute",
    "engagement",
    "verification",
    "storage",
    "transfer",
    "latency",
    "pair",
)


@dataclass(frozen=True)
class Violation:
    """One broken constraint: its number in section 4, who is involved, by how much."""

    constraint: int
    entities: tuple[str, ...]
    amount: float
    sentence: str


@dataclass(frozen=True)
class Loads:
    """What each node does [accelerator-seconds, core-seconds, GB], arrays over the nodes."""

    executing_s: Floats
    reexecuting_s: Floats
    loading_s: Floats
    cores_s: Floats
    memory_gb: Floats
    storage_gb: Floats
    engaged: Bools

    @property
    def busy_s(self) -> Floats:
        """All accelerator-seconds of work."""
        return self.executing_s + self.reexecuting_s + self.loading_s


@dataclass(frozen=True)
class Evaluation:
    """The judge's word on a placement.

    Attributes
    ----------
    objective : float
        $ per window, the sum of `terms`.
    terms : dict
        Every term of section 5 by name [$].
    violations : tuple of Violation
        Empty where the placement is feasible.
    loads : Loads
        What each node does.
    """

    objective: float
    terms: dict[str, float]
    violations: tuple[Violation, ...]
    loads: Loads = field(repr=False)

    @property
    def feasible(self) -> bool:
        """Whether no constraint is broken."""
        return not self.violations


def evaluate(instance: Instance, solution: Solution) -> Evaluation:
    """Judge a solution: every term, every violation.

    Raises
    ------
    InvalidSolution
        If the solution names what is not in the instance.
    """
    quantities = Quantities(instance)
    return evaluate_placement(quantities, to_placement(quantities, solution))


def evaluate_placement(quantities: Quantities, placement: Placement) -> Evaluation:
    """Judge decisions given as arrays; the same verdict as `evaluate` gives on the document."""
    loads = _loads(quantities, placement)
    terms = _terms(quantities, placement, loads)
    violations = tuple(_Judge(quantities, placement, loads).violations())
    return Evaluation(float(sum(terms.values())), terms, violations, loads)


def _per_node(q: Quantities, n: Ints, amount: Floats | Ints) -> Floats:
    return np.bincount(n, weights=amount, minlength=q.n_nodes).astype(float)


def _loads(q: Quantities, p: Placement) -> Loads:
    engaged = np.zeros(q.n_nodes, dtype=bool)
    for n in (p.replica_n, p.run_n, p.verify_n):
        engaged[n] = True
    return Loads(
        executing_s=_per_node(q, p.run_n, q.work_s(p.run_g, p.run_n) * p.run_count),
        reexecuting_s=_per_node(
            q, p.verify_n, q.reexecution_work_s(p.verify_g, p.verify_n) * p.verify_count
        ),
        loading_s=_per_node(q, p.load_n, q.load_s(p.load_m, p.load_n) * p.load_count),
        cores_s=_per_node(q, p.verify_n, _core_s(q, p.verify_g) * p.verify_count),
        memory_gb=_per_node(q, p.replica_n, q.replica_gb[p.replica_m] * p.replica_count),
        storage_gb=_per_node(q, p.host_n, q.weights_gb[p.host_m]),
        engaged=engaged,
    )


def _core_s(q: Quantities, g: Ints) -> Floats:
    return np.where(q.mode[g] >= ATTESTATION, q.core_s[g], 0.0)


def node_charges(q: Quantities, p: Placement, loads: Loads) -> dict[str, Floats]:
    """What each node charges [$] by term; the other terms are paid to nobody in the network."""
    hours = q.window_s / 3600.0
    storage = q.storage_price[p.host_n] * hours * q.weights_gb[p.host_m]
    return {
        "compute": q.accelerator_price / 3600.0 * loads.busy_s,
        "engagement": np.where(loads.engaged, q.engaged_price * hours, 0.0),
        "verification": q.core_price / 3600.0 * loads.cores_s,
        "storage": _per_node(q, p.host_n, storage),
        "pair": _per_node(q, p.run_n, q.pair_price(p.run_g, p.run_n) * p.run_count),
    }


def _terms(q: Quantities, p: Placement, loads: Loads) -> dict[str, float]:
    turned_away = p.unserved > 0
    charged = np.where(np.isfinite(q.penalty), q.penalty, 0.0)
    latency = q.latency_price[p.run_g] * q.latency_ms(p.run_g, p.run_n) / 1000.0
    values = {
        **{name: np.sum(amount) for name, amount in node_charges(q, p, loads).items()},
        "unserved": np.sum((charged * p.unserved)[turned_away]),
        "transfer": np.sum(_copy_costs(q, p)) + np.sum(_load_costs(q, p)),
        "latency": np.sum(latency * p.run_count),
    }
    return {name: float(values[name]) for name in TERMS}


def _copy_costs(q: Quantities, p: Placement) -> Floats:
    price = q.transfer_price[q.origin[p.host_m], q.node_region[p.host_n]]
    fresh = ~q.hosted[p.host_m, p.host_n] & (q.origin[p.host_m] >= 0)
    return np.where(fresh, q.weights_gb[p.host_m] * price, 0.0)


def _load_costs(q: Quantities, p: Placement) -> Floats:
    price = q.transfer_price[q.node_region[p.load_s], q.node_region[p.load_n]]
    cost = q.weights_gb[p.load_m] * price * p.load_count
    return np.where(p.load_s == p.load_n, 0.0, cost)


class _Judge:
    """Every constraint of section 4, one method each, in its order."""

    def __init__(self, quantities: Quantities, placement: Placement, loads: Loads) -> None:
        self.q, self.p, self.loads = quantities, placement, loads
        instance = quantities.instance
        self.nodes = [node.name for node in instance.nodes]
        self.models = [model.name for model in instance.models]
        self.classes = [request.name for request in instance.requests]
        self.replicas: Ints = np.zeros((quantities.n_models, quantities.n_nodes), dtype=np.int64)
        self.replicas[placement.replica_m, placement.replica_n] = placement.replica_count
        self.executed: Ints = np.bincount(
            placement.run_g, placement.run_count, quantities.n_classes
        ).astype(np.int64)
        self.served = np.maximum(quantities.count - placement.unserved, 0)

    def violations(self) -> Iterator[Violation]:
        """All violations, constraint by constraint."""
        for rule in (
            self.demand, self.ability, self.share, self.capacity, self.memory, self.storage,
            self.loading, self.min_hosts, self.verified, self.cores, self.independence,
            self.group_share, self.limits,
        ):  # fmt: skip
            yield from rule()

    def _over(
        self,
        constraint: int,
        amount: Floats | Ints,
        limit: Floats | Ints,
        entities: Callable[[int], tuple[str, ...]],
        what: str,
        *,
        sign: int = 1,
    ) -> Iterator[Violation]:
        """A violation for each entry over its limit, or under it where `sign` is -1."""
        amount, limit = np.asarray(amount, dtype=float), np.asarray(limit, dtype=float)
        excess = sign * (amount - limit)
        bad = np.flatnonzero(excess > TOLERANCE * np.abs(limit) + NOISE)
        most = "at most" if sign > 0 else "at least"
        for i in bad[:MAX_VIOLATIONS].tolist():
            names = entities(i)
            sentence = (
                f"{what} of {', '.join(names)}: {amount[i]:.10g} instead of {most} {limit[i]:.10g}."
            )
            yield Violation(constraint, names, float(excess[i]), sentence)

    def _rows(
        self, constraint: int, bad: Bools, first: tuple[Sequence[str], Ints], n: Ints, sentence: str
    ) -> Iterator[Violation]:
        """A violation for each row (name, node) that is not allowed; `first` is (names, index)."""
        for row in np.flatnonzero(bad)[:MAX_VIOLATIONS].tolist():
            names = first[0][int(first[1][row])], self.nodes[int(n[row])]
            yield Violation(constraint, names, 1.0, sentence.format(*names))

    def _class(self, g: int) -> tuple[str, ...]:
        return (self.classes[g],)

    def _node(self, n: int) -> tuple[str, ...]:
        return (self.nodes[n],)

    def demand(self) -> Iterator[Violation]:
        """1: executed + unserved = count; nothing unserved without penalty."""
        total = self.executed + self.p.unserved
        for sign in (1, -1):
            yield from self._over(
                1, total, self.q.count, self._class, "executed + unserved", sign=sign
            )
        refused = np.where(np.isinf(self.q.penalty), self.p.unserved, 0)
        none = np.zeros(self.q.n_classes)
        yield from self._over(1, refused, none, self._class, "unserved (must be served)")

    def ability(self) -> Iterator[Violation]:
        """2: only where a node can run, or can verify."""
        p, q = self.p, self.q
        bad = ~q.can_run(p.run_g, p.run_n)
        yield from self._rows(2, bad, (self.classes, p.run_g), p.run_n, "{1} cannot run {0}.")
        bad = ~q.can_verify(p.verify_g, p.verify_n)
        yield from self._rows(
            2, bad, (self.classes, p.verify_g), p.verify_n, "{1} cannot verify {0}."
        )

    def share(self) -> Iterator[Violation]:
        """3: work of a model on a node fits its replicas; execution needs a replica."""
        p, q = self.p, self.q
        work = np.zeros((q.n_models + 1, q.n_nodes))
        executed = q.work_s(p.run_g, p.run_n) * p.run_count
        checked = q.reexecution_work_s(p.verify_g, p.verify_n) * p.verify_count
        np.add.at(work, (q.class_model[p.run_g], p.run_n), executed)
        np.add.at(work, (q.class_model[p.verify_g], p.verify_n), checked)
        m, n = np.nonzero(work[: q.n_models] > 0)
        offered = q.replica_s(m, n) * self.replicas[m, n]
        yield from self._over(
            3, work[m, n], offered,
            lambda i: (self.models[m[i]], self.nodes[n[i]]), "work in its replicas",
        )  # fmt: skip
        model = q.class_model[p.run_g]
        bad = (model >= 0) & (self.replicas[model, p.run_n] < 1 if q.n_models else False)
        sentence = "{1} runs {0} without a replica of its model."
        yield from self._rows(3, bad, (self.classes, p.run_g), p.run_n, sentence)

    def capacity(self) -> Iterator[Violation]:
        """4: all work on a node fits its capacity."""
        yield from self._over(
            4, self.loads.busy_s, self.q.capacity_s, self._node, "work [accelerator-s]"
        )

    def memory(self) -> Iterator[Violation]:
        """5: replicas fit the accelerator memory, each where one fits and a role allows it."""
        yield from self._over(
            5, self.loads.memory_gb, self.q.memory_gb, self._node, "replica memory [GB]"
        )
        m, n = self.p.replica_m, self.p.replica_n
        sentence = "{1} may not hold a replica of {0}: role, accelerators or memory."
        yield from self._rows(5, ~self.q.can_hold(m, n), (self.models, m), n, sentence)

    def storage(self) -> Iterator[Violation]:
        """6: stored weights fit the storage of nodes with role hosting."""
        yield from self._over(
            6, self.loads.storage_gb, self.q.storage_gb, self._node, "stored weights [GB]"
        )
        m, n = self.p.host_m, self.p.host_n
        sentence = "{1} stores {0} without the role hosting."
        yield from self._rows(6, ~self.q.hosts[n], (self.models, m), n, sentence)

    def loading(self) -> Iterator[Violation]:
        """7: as many loads as new replicas, each from a host."""
        p, q = self.p, self.q
        loads = np.zeros_like(self.replicas)
        np.add.at(loads, (p.load_m, p.load_n), p.load_count)
        fresh = np.maximum(self.replicas - q.loaded, 0)
        m, n = np.nonzero(loads != fresh)
        for sign in (1, -1):
            yield from self._over(
                7, loads[m, n], fresh[m, n],
                lambda i: (self.models[m[i]], self.nodes[n[i]]), "loads", sign=sign,
            )  # fmt: skip
        stored = np.zeros((q.n_models, q.n_nodes), dtype=bool)
        stored[p.host_m, p.host_n] = True
        bad = ~stored[p.load_m, p.load_s]
        sentence = "{1} is a source of {0} without storing it."
        yield from self._rows(7, bad, (self.models, p.load_m), p.load_s, sentence)

    def min_hosts(self) -> Iterator[Violation]:
        """8: every model stored in enough distinct control groups."""
        parts = np.zeros((self.q.n_models, self.q.n_groups), dtype=bool)
        parts[self.p.host_m, self.q.node_group[self.p.host_n]] = True
        yield from self._over(
            8, parts.sum(axis=1), self.q.min_hosts,
            lambda m: (self.models[m],), "control groups storing the weights", sign=-1,
        )  # fmt: skip

    def verified(self) -> Iterator[Violation]:
        """9: enough verifications of what was executed."""
        p, q = self.p, self.q
        done = np.bincount(p.verify_g, p.verify_count, q.n_classes)
        needed = q.verifiers * q.sample * self.executed
        yield from self._over(9, done, needed, self._class, "verifications", sign=-1)

    def cores(self) -> Iterator[Violation]:
        """10: verification fits the cores."""
        yield from self._over(
            10, self.loads.cores_s, self.q.cores_s, self._node, "verification [core-s]"
        )

    def independence(self) -> Iterator[Violation]:
        """11: no part both executes and verifies more than leaves distinct parts for all."""
        p, q = self.p, self.q
        for kind, part_of, names in (
            (0, q.node_group, q.group_names),
            (1, np.arange(q.n_nodes), self.nodes),
            (2, np.arange(q.n_nodes), self.nodes),
        ):
            runs, checks = q.independence[p.run_g] == kind, q.independence[p.verify_g] == kind
            g = np.concatenate([p.run_g[runs], p.verify_g[checks]])
            part = np.concatenate([part_of[p.run_n[runs]], part_of[p.verify_n[checks]]])
            executed = q.sample[p.run_g[runs]] * p.run_count[runs] * (kind < 2)
            amount = np.concatenate([executed, p.verify_count[checks]])
            size = max(len(names), 1)
            keys, at = np.unique(g * size + part, return_inverse=True)
            total = np.bincount(at, amount, len(keys))
            cls, where = keys // size, keys % size
            allowed = self.served[cls] if kind == 2 else whole_up(q.sample * self.served)[cls]
            yield from self._over(
                11, total, allowed,
                lambda i, c=cls, w=where, s=names: (self.classes[c[i]], s[w[i]]),  # type: ignore[misc]
                "share executed + verified",
            )  # fmt: skip

    def group_share(self) -> Iterator[Violation]:
        """12: a control group executes at most its share of all demanded requests."""
        q, p = self.q, self.p
        executed = np.bincount(q.node_group[p.run_n], p.run_count, q.n_groups)
        yield from self._over(
            12, executed, q.max_share * q.total_count,
            lambda o: (q.group_names[o],), "executed requests",
        )  # fmt: skip

    def limits(self) -> Iterator[Violation]:
        """13: at most so many new replicas, at most so many GB moved."""
        q, p = self.q, self.p
        limits = q.instance.limits
        fresh = ~q.hosted[p.host_m, p.host_n]
        remote = p.load_s != p.load_n
        moved = np.sum(q.weights_gb[p.host_m] * fresh)
        moved += np.sum(q.weights_gb[p.load_m] * p.load_count * remote)
        new = np.maximum(self.replicas - q.loaded, 0).sum()
        for amount, limit, name in (
            (new, limits.max_new_replicas, "max_new_replicas"),
            (moved, limits.max_transfer_gb, "max_transfer_gb"),
        ):
            if limit is not None:
                yield from self._over(
                    13, np.array([amount]), np.array([limit]),
                    lambda _, name=name: (name,), "amount",  # type: ignore[misc]
                )  # fmt: skip
