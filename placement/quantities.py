"""The derived quantities of docs/formulation.md section 2, each defined once and vectorised.

`Quantities` holds an instance by columns (numpy) and answers what follows from the data alone:
work, first-token time, capacities, who can run and verify what. It decides nothing. The judge
(`evaluation`, `certificate`) and the judged (`compiled`, `methods`) share this module only.

Index arguments are integer arrays that broadcast against each other: `g` request classes, `n`
nodes, `m` models. A class without model has model -1; a missing region or accelerator type is -1
too, and every lookup table ends with a row for it.
"""

from functools import cached_property

import numpy as np
import numpy.typing as npt

from placement.columns import SetTable, codes, floats, index_of
from placement.instance import Instance

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Index = Ints | int

ROUNDING = 1e-9
"""Relative slack under which two computed amounts count as equal."""

MOST_REPLICAS = 1_000_000
"""No node is asked to hold more replicas of one model than this."""

NONE, ATTESTATION, PROOF, REEXECUTION = range(4)
"""Codes of the verification modes."""

_MODES = {"none": NONE, "attestation": ATTESTATION, "proof": PROOF, "reexecution": REEXECUTION}


def at_most(left: npt.ArrayLike, right: npt.ArrayLike) -> Bools:
    """Whether `left <= right`, rounding aside."""
    bound = np.asarray(right, dtype=float)
    return np.asarray(np.asarray(left) <= bound + ROUNDING * np.maximum(1.0, np.abs(bound)))


def whole_up(amount: npt.ArrayLike) -> Ints:
    """`amount` rounded up to whole requests, rounding noise aside."""
    value = np.asarray(amount, dtype=float)
    whole = np.ceil(value - ROUNDING * np.maximum(1.0, np.abs(value)))
    return np.asarray(whole, dtype=np.int64)


def whole_down(amount: npt.ArrayLike) -> Ints:
    """`amount` rounded down to whole requests, rounding noise aside."""
    value = np.asarray(amount, dtype=float)
    whole = np.floor(value + ROUNDING * np.maximum(1.0, np.abs(value)))
    return np.asarray(whole, dtype=np.int64)


class Quantities:
    """An instance by columns, with everything that follows from the data alone.

    Attributes end in their unit where it is not obvious: `_s` seconds, `_gb`, `_ms`. Rates are per
    second (`_per_s`), prices per hour as in the instance.
    """

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.window_s = instance.window_s
        self.n_nodes = len(instance.nodes)
        self.n_models = len(instance.models)
        self.n_classes = len(instance.requests)
        self.n_regions = len(instance.regions)
        self.node_index = index_of([node.name for node in instance.nodes])
        self.model_index = index_of([model.name for model in instance.models])
        self.class_index = index_of([request.name for request in instance.requests])
        self.region_index = index_of([region.name for region in instance.regions])
        self._read_nodes(instance)
        self._read_groups(instance)
        self._read_models(instance)
        self._read_classes(instance)
        self._read_policies(instance)
        self._read_network(instance)
        self._read_pairs(instance)

    def _read_nodes(self, instance: Instance) -> None:
        nodes = instance.nodes
        types = [n.accelerator for n in nodes] + [p.accelerator for p in instance.profiles]
        self.type_index = index_of(list(dict.fromkeys(t for t in types if t is not None)))
        self.node_region = codes([n.region for n in nodes], self.region_index)
        self.node_type = codes([n.accelerator for n in nodes], self.type_index)
        self.hosts: Bools = np.array(["hosting" in n.roles for n in nodes], dtype=bool)
        self.infers: Bools = np.array(["inference" in n.roles for n in nodes], dtype=bool)
        self.verifies: Bools = np.array(["verification" in n.roles for n in nodes], dtype=bool)
        self.accelerators = floats([n.accelerators for n in nodes])
        self.memory_gb = floats([n.memory_gb for n in nodes])
        self.storage_gb = floats([n.storage_gb for n in nodes])
        self.utilization = floats([n.max_utilization for n in nodes])
        self.load_gb_per_s = floats([n.load_gb_per_s for n in nodes])
        self.engaged_price = floats([n.engaged_cost_per_hour for n in nodes])
        self.accelerator_price = floats([n.accelerator_cost_per_hour for n in nodes])
        self.core_price = floats([n.verification_cost_per_core_hour for n in nodes])
        self.storage_price = floats([n.storage_cost_per_gb_hour for n in nodes])
        self.capacity_s = self.accelerators * self.window_s * self.utilization
        self.cores_s = floats([n.verification_cores for n in nodes]) * self.window_s
        self._tees = SetTable([frozenset(n.tee) for n in nodes])

    def _read_groups(self, instance: Instance) -> None:
        """Control groups; a node without operator is a group of its own."""
        group_of = {o.name: o.control_group or o.name for o in instance.operators}
        keys = [
            ("group", group_of[n.operator]) if n.operator else ("node", n.name)
            for n in instance.nodes
        ]
        keys += [("group", group) for group in group_of.values()]
        index = {key: i for i, key in enumerate(dict.fromkeys(keys))}
        self.group_names = [name for _, name in index]
        self.group_keys = [name if kind == "group" else f"node {name}" for kind, name in index]
        """Names that tell the group of a lone node from a control group of that name."""
        self.n_groups = len(index)
        self.node_group: Ints = np.array([index[key] for key in keys[: self.n_nodes]], np.int64)
        self.max_share: Floats = np.ones(self.n_groups)
        for operator in instance.operators:
            group = index["group", group_of[operator.name]]
            self.max_share[group] = min(self.max_share[group], operator.max_share)

    def _read_models(self, instance: Instance) -> None:
        models = instance.models
        self.weights_gb = floats([m.weights_gb for m in models])
        self.replica_gb = floats([m.memory_gb for m in models])
        self.span = floats([m.accelerators for m in models])
        self.min_hosts: Ints = np.array([m.min_hosts for m in models], dtype=np.int64)
        self.origin = codes([m.origin for m in models], self.region_index)
        shape = (self.n_models + 1, len(self.type_index) + 1)
        self.prefill_per_s, self.decode_per_s = np.full(shape, np.inf), np.full(shape, np.inf)
        self.has_profile: Bools = np.zeros(shape, dtype=bool)
        for row in instance.profiles:
            at = self.model_index[row.model], self.type_index[row.accelerator]
            self.prefill_per_s[at] = row.prefill_tokens_per_s
            self.decode_per_s[at] = row.decode_tokens_per_s
            self.has_profile[at] = True
        self.hosted: Bools = np.zeros((self.n_models, self.n_nodes), dtype=bool)
        self.loaded: Ints = np.zeros((self.n_models, self.n_nodes), dtype=np.int64)
        for n, node in enumerate(instance.nodes):
            for name in node.hosted:
                self.hosted[self.model_index[name], n] = True
            for name, count in node.loaded.items():
                self.loaded[self.model_index[name], n] = count

    def _read_classes(self, instance: Instance) -> None:
        rows = instance.requests
        policies = index_of([p.name for p in instance.policies])
        self.class_model = codes([r.model for r in rows], self.model_index)
        self.class_region = codes([r.region for r in rows], self.region_index)
        self.class_policy = codes([r.policy for r in rows], policies)
        self.count: Ints = np.array([r.count for r in rows], dtype=np.int64)
        self.input_tokens = floats([r.input_tokens for r in rows])
        self.output_tokens = floats([r.output_tokens for r in rows])
        self.max_ttft_ms = floats([r.max_ttft_ms for r in rows], missing=np.inf)
        self.penalty = floats([r.penalty for r in rows], missing=np.inf)
        """$ per unserved request, infinite where all must be served."""
        self.latency_price = floats([r.latency_cost_per_s for r in rows])
        self.total_count = int(sum(int(c) for c in self.count))
        places = [None if r.jurisdictions is None else frozenset(r.jurisdictions) for r in rows]
        self._places = SetTable(places)
        jurisdictions = [r.jurisdiction for r in instance.regions] + [""]
        self._place_ok: Bools = np.array(
            [[p is None or j in p for j in jurisdictions] for p in self._places.distinct], bool
        ).reshape(-1, len(jurisdictions))

    def _read_policies(self, instance: Instance) -> None:
        """Policy columns spread over the classes; no policy is mode none."""
        rows = instance.policies
        at = self.class_policy
        self.mode: Ints = np.array([_MODES[p.mode] for p in rows] + [NONE], np.int64)[at]
        self.verifiers: Ints = np.array([p.verifier_count for p in rows] + [0], np.int64)[at]
        self.sample = floats([*(p.sample for p in rows), 1.0])[at]
        kinds = {"group": 0, "node": 1, "none": 2}
        self.independence: Ints = np.array([*(kinds[p.independence] for p in rows), 0])[at]
        self.overhead = floats([*(p.executor_overhead for p in rows), 1.0])[at]
        self.extra_s = floats([*(p.executor_extra_s for p in rows), 0.0])[at]
        self.core_s = floats([*(p.verification_core_s for p in rows), 0.0])[at]
        needs = SetTable([*(frozenset(p.requires_tee) for p in rows), frozenset()])
        self._needs = needs.codes[at]
        self._tee_ok: Bools = np.array(
            [
                [not need or bool(need & tee) for tee in self._tees.distinct if tee is not None]
                for need in needs.distinct
                if need is not None
            ],
            bool,
        ).reshape(len(needs.distinct), -1)

    def _read_network(self, instance: Instance) -> None:
        size = self.n_regions
        self._latency_ms: Floats = np.zeros((size + 1, size + 1))
        if instance.network.latency_ms:
            self._latency_ms[:size, :size] = instance.network.latency_ms
        self.transfer_price: Floats = np.zeros((size + 1, size + 1))
        """$ per GB [from][to]; the last row and column stand for no region."""
        if size:
            self.transfer_price[:size, :size] = instance.network.transfer_cost_per_gb

    def _read_pairs(self, instance: Instance) -> None:
        rows = instance.pairs
        g = codes([r.request for r in rows], self.class_index)
        n = codes([r.node for r in rows], self.node_index)
        order = np.argsort(g * self.n_nodes + n)
        self.pair_class, self.pair_node = g[order], n[order]
        self.pair_cost = floats([r.cost for r in rows])[order]
        self.pair_work_s = floats([r.work_s for r in rows], missing=np.nan)[order]
        self._pair_key = g[order] * self.n_nodes + n[order]
        self.paired: Bools = np.zeros(self.n_classes, dtype=bool)
        """Whether a class has rows in `pairs`."""
        self.paired[g] = True

    # --- pairs ---------------------------------------------------------------------------------

    def pair_row(self, g: Index, n: Index) -> Ints:
        """Index into the `pair_...` columns of class g on node n, -1 where there is no row."""
        g, n = np.broadcast_arrays(g, n)
        if not len(self._pair_key):
            return np.full(g.shape, -1, dtype=np.int64)
        key = g * self.n_nodes + n
        at = np.minimum(np.searchsorted(self._pair_key, key), len(self._pair_key) - 1)
        return np.where(self._pair_key[at] == key, at, -1)

    def pair_price(self, g: Index, n: Index) -> Floats:
        """$ per request that a pair row adds, 0 without a row."""
        row = self.pair_row(g, n)
        return np.append(self.pair_cost, 0.0)[row]

    # --- work and time -------------------------------------------------------------------------

    def _token_work_s(self, g: Index, n: Index) -> Floats:
        m, t = self.class_model[g], self.node_type[n]
        prefill = self.input_tokens[g] / self.prefill_per_s[m, t]
        return np.asarray(prefill + self.output_tokens[g] / self.decode_per_s[m, t])

    def _with_pair_work(self, computed: Floats, g: Index, n: Index) -> Floats:
        if not len(self._pair_key):
            return computed
        given = np.append(self.pair_work_s, np.nan)[self.pair_row(g, n)]
        return np.where(np.isnan(given), computed, given)

    def work_s(self, g: Index, n: Index) -> Floats:
        """a(g,n): accelerator-seconds to execute one request of g on n."""
        computed = self.overhead[g] * self._token_work_s(g, n) + self.extra_s[g]
        return self._with_pair_work(computed, g, n)

    def reexecution_work_s(self, g: Index, n: Index) -> Floats:
        """Accelerator-seconds of one verification of g on n: 0 unless the mode is reexecution."""
        work = self._with_pair_work(self._token_work_s(g, n), g, n)
        return np.where(self.mode[g] == REEXECUTION, work, 0.0)

    def latency_ms(self, g: Index, n: Index) -> Floats:
        """Round trip from the user's region to the node's, 0 where either is unknown."""
        return np.asarray(self._latency_ms[self.class_region[g], self.node_region[n]])

    def ttft_ms(self, g: Index, n: Index) -> Floats:
        """First-token time of one request of g on n [ms]."""
        m = self.class_model[g]
        rate = self.prefill_per_s[m, self.node_type[n]] * np.append(self.span, 1.0)[m]
        return np.asarray(self.latency_ms(g, n) + 1000.0 * self.input_tokens[g] / rate)

    # --- capacities ----------------------------------------------------------------------------

    def replica_s(self, m: Index, n: Index) -> Floats:
        """S(m,n): accelerator-seconds one replica of m offers on n."""
        return np.asarray(self.span[m] * self.window_s * self.utilization[n])

    def load_s(self, m: Index, n: Index) -> Floats:
        """Accelerator-seconds that loading one new replica of m blocks on n."""
        return np.asarray(self.span[m] * self.weights_gb[m] / self.load_gb_per_s[n])

    def fits(self, m: Index, n: Index) -> Bools:
        """Whether one replica of m fits the accelerators of n and their memory; true without m."""
        span = np.append(self.span, 0.0)[m]
        enough = at_most(span, self.accelerators[n])
        share = np.append(self.replica_gb / self.span, 0.0)[m]
        each = self.memory_gb[n] / np.maximum(self.accelerators[n], 1e-300)
        return (enough & at_most(share, each)) | (np.asarray(m) < 0)

    def can_hold(self, m: Index, n: Index) -> Bools:
        """Whether n may hold replicas of m: role inference or verification, and one fits."""
        return self.fits(m, n) & (self.infers[n] | self.verifies[n])

    def max_replicas(self, m: Index, n: Index) -> Ints:
        """Z(m,n): the most replicas of m that fit on n and can be of use.

        Memory sets a limit, and more replicas than the node's accelerators can feed add nothing.
        """
        useful = np.ceil(self.accelerators[n] / self.span[m] - ROUNDING)
        with np.errstate(divide="ignore", invalid="ignore"):
            room = np.floor(self.memory_gb[n] / self.replica_gb[m] + ROUNDING)
        most = np.minimum(useful, np.where(self.replica_gb[m] > 0, room, MOST_REPLICAS))
        most = np.minimum(most, MOST_REPLICAS)
        return np.where(self.can_hold(m, n), most, 0).astype(np.int64)

    def can_host(self, m: Index, n: Index) -> Bools:
        """Whether n may store the weights of m, other stored weights aside."""
        return self.hosts[n] & at_most(self.weights_gb[m], self.storage_gb[n])

    # --- who can -------------------------------------------------------------------------------

    def place_ok(self, g: Index, n: Index) -> Bools:
        """Whether the jurisdiction of n is one that g allows."""
        return np.asarray(self._place_ok[self._places.codes[g], self.node_region[n]])

    def tee_ok(self, g: Index, n: Index) -> Bools:
        """Whether n has a trusted execution environment that the policy of g accepts."""
        return np.asarray(self._tee_ok[self._needs[g], self._tees.codes[n]])

    def profiled(self, g: Index, n: Index) -> Bools:
        """Whether the model of g has a throughput profile on the accelerators of n."""
        return np.asarray(self.has_profile[self.class_model[g], self.node_type[n]])

    def can_run(self, g: Index, n: Index) -> Bools:
        """Whether n can execute requests of g (loaded replicas and capacity aside)."""
        row = self.pair_row(g, n) >= 0
        listed = np.where(self.paired[g], row, self.profiled(g, n))
        fast = at_most(self.ttft_ms(g, n), self.max_ttft_ms[g])
        able = self.infers[n] & self.fits(self.class_model[g], n)
        return np.asarray(listed & able & self.tee_ok(g, n) & fast & self.place_ok(g, n))

    def can_verify(self, g: Index, n: Index) -> Bools:
        """Whether n can verify requests of g; re-execution needs a model that n can hold."""
        holds = self.profiled(g, n) & self.fits(self.class_model[g], n)
        able = (self.mode[g] != REEXECUTION) | holds
        return np.asarray(self.verifies[n] & able & self.place_ok(g, n))

    @cached_property
    def node_kind(self) -> Ints:
        """A number for each node: nodes of one kind can run, verify and hold the same things.

        Classes with `pairs` aside, `can_run`, `can_verify`, `fits`, `work_s`, `ttft_ms` and
        `latency_ms` are equal on all nodes of a kind.
        """
        spans = np.unique(self.span)
        shares = np.unique(self.replica_gb / self.span)
        each = self.memory_gb / np.maximum(self.accelerators, 1e-300)
        slack = 1 + ROUNDING
        columns = (
            self.node_type,
            self.node_region,
            self._tees.codes,
            self.infers,
            self.verifies,
            np.searchsorted(spans, self.accelerators * slack + ROUNDING, side="right"),
            np.searchsorted(shares, each * slack + ROUNDING, side="right"),
        )
        _, kind = np.unique(np.stack(columns), axis=1, return_inverse=True)
        return np.asarray(kind, dtype=np.int64).reshape(self.n_nodes)

    @cached_property
    def kind_node(self) -> Ints:
        """One node of each kind, to ask about."""
        _, first = np.unique(self.node_kind, return_index=True)
        return np.asarray(first, dtype=np.int64)

    @cached_property
    def type_node(self) -> Ints:
        """One node of each type of accelerator that there is, and one without, to ask about."""
        _, first = np.unique(self.node_type, return_index=True)
        return np.asarray(first, dtype=np.int64)

    @cached_property
    def class_kind(self) -> Ints:
        """A number for each class: classes of one kind differ in name and count only.

        A class with `pairs` is a kind of its own.
        """
        own = np.where(self.paired, np.arange(self.n_classes), -1)
        amounts = (self.input_tokens, self.output_tokens, self.max_ttft_ms, self.latency_price)
        codes = (self._places.codes, self.class_policy, self.class_region, self.class_model)
        columns = np.stack([own, self.penalty, *amounts, *codes])
        order = np.lexsort(columns)
        columns = columns[:, order]
        kind = np.zeros(self.n_classes, dtype=np.int64)
        kind[order[1:]] = np.cumsum(np.any(columns[:, 1:] != columns[:, :-1], axis=0))
        return kind

    @cached_property
    def kind_class(self) -> Ints:
        """One class of each kind, to ask about: the first."""
        _, first = np.unique(self.class_kind, return_index=True)
        return np.asarray(first, dtype=np.int64)
