"""Routing over given replicas, solved a second time: dense integer programs, row by row."""

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

from placement.quantities import REEXECUTION

ROUND_UP = 1 - 1e-5


class Rows:
    """An integer program, one named column after the other."""

    def __init__(self):
        self.columns, self.cost, self.upper = {}, [], []
        self.rows, self.low, self.high = [], [], []

    def add(self, key, cost, upper):
        """A column from 0 to `upper`."""
        self.columns[key] = len(self.cost)
        self.cost.append(float(cost))
        self.upper.append(float(upper))

    def row(self, terms, low, high):
        """Ask low <= sum of weight x column <= high; terms are (key, weight)."""
        self.rows.append([(self.columns[key], weight) for key, weight in terms])
        self.low.append(low)
        self.high.append(high)

    def tighten(self):
        """Where all weights of a row are alike, round its limit down to a multiple of them."""
        for i, row in enumerate(self.rows):
            weights = {weight for _, weight in row}
            if len(weights) == 1 and min(weights) > 0:
                weight = min(weights)
                self.high[i] = np.floor(self.high[i] / weight + 1e-9) * weight

    def solve(self, *, whole=True):
        """The least cost, infinite where there is no solution."""
        entries = [(i, j, w) for i, row in enumerate(self.rows) for j, w in row]
        i, j, w = zip(*entries, strict=True)
        shape = (len(self.rows), len(self.cost))
        matrix = coo_array((np.array(w, float), (i, j)), shape=shape).tocsr()
        found = milp(
            np.array(self.cost),
            integrality=np.full(len(self.cost), int(whole)),
            bounds=Bounds(0, self.upper),
            constraints=LinearConstraint(matrix, self.low, self.high),
            options={"mip_rel_gap": 0.0},
        )
        assert found.status in {0, 2}
        return found.fun if found.status == 0 else np.inf


def routing_optimum(compiled, replicas, *, whole=True):
    """The least `staying_cost` of requests and proofs for these replicas.

    With `whole` false, that of the linear program whose capacities are whole requests.
    """
    q, rows = compiled.quantities, Rows()
    g, n = np.arange(q.n_classes)[:, None], np.arange(q.n_nodes)[None, :]
    held = np.vstack([replicas > 0, np.ones((1, q.n_nodes), bool)])[q.class_model]
    redone = (q.mode == REEXECUTION)[:, None]
    runs = np.argwhere(q.can_run(g, n) & held).tolist()
    checks = np.argwhere(q.can_verify(g, n) & (held | ~redone)).tolist()
    checks = [(a, b) for a, b in checks if q.verifiers[a] > 0]
    holding = replicas.any(axis=0)
    for a, b in runs:
        price = compiled.price_runs(np.array([a]), np.array([b])).cost[0]
        rows.add(("x", a, b), price, q.count[a])
    for a, b in checks:
        price = compiled.price_checks(np.array([a]), np.array([b])).cost[0]
        rows.add(("v", a, b), price, 1e6)
    for a in range(q.n_classes):
        free = np.isfinite(q.penalty[a])
        rows.add(("u", a), q.penalty[a] if free else 0.0, q.count[a] if free else 0)
        rows.add(("t", a), 0.0, q.count[a])
    for b in range(q.n_nodes):
        rows.add(("e", b), 0.0 if holding[b] else compiled.engagement[b], 1)
    _demand(rows, compiled, runs, checks)
    _independence(rows, q, runs, checks)
    _capacity(rows, q, replicas, runs, checks)
    for b in range(q.n_nodes):
        for key in [k for k in rows.columns if k[0] in "xv" and k[2] == b]:
            rows.row([(key, 1.0), (("e", b), -1e6)], -np.inf, 0.0)
    if not whole:
        rows.tighten()
    return rows.solve(whole=whole) + compiled.engagement[holding].sum()


def _demand(rows, compiled, runs, checks):
    """Constraints 1 and 9."""
    q = compiled.quantities
    for a in range(q.n_classes):
        executed = [(("x", *r), 1.0) for r in runs if r[0] == a]
        rows.row([*executed, (("u", a), 1.0)], q.count[a], q.count[a])
        wanted = float(q.verifiers[a] * q.sample[a])
        verified = [(("v", *r), 1.0) for r in checks if r[0] == a]
        rows.row([*verified, *((key, -wanted) for key, _ in executed)], 0.0, np.inf)


def _independence(rows, q, runs, checks):
    """Constraint 11; t is what is served, sampled and rounded up."""
    for a in range(q.n_classes):
        kind = q.independence[a]
        sample = 1.0 if kind == 2 else q.sample[a]
        rows.row([(("t", a), 1.0), (("u", a), sample)], -np.inf, sample * q.count[a] + ROUND_UP)
        part = q.node_group if kind == 0 else np.arange(q.n_nodes)
        for o in np.unique(part).tolist():
            done = [(("v", *r), 1.0) for r in checks if r[0] == a and part[r[1]] == o]
            own = [(("x", *r), sample) for r in runs if r[0] == a and part[r[1]] == o]
            rows.row([*done, *(own if kind < 2 else []), (("t", a), -1.0)], -np.inf, 0.0)


def _capacity(rows, q, replicas, runs, checks):
    """Constraints 3, 4, 10 and 12."""
    fresh = np.maximum(replicas - q.loaded, 0)
    run_s = {tuple(r): float(q.work_s(*map(np.array, r))) for r in runs}
    check_s = {tuple(r): float(q.reexecution_work_s(*map(np.array, r))) for r in checks}
    work = [(("x", *r), s) for r, s in run_s.items()]
    work += [(("v", *r), s) for r, s in check_s.items()]
    for b in range(q.n_nodes):
        here = [(key, s) for key, s in work if key[2] == b]
        loading = sum(float(q.load_s(m, b)) * fresh[m, b] for m in range(q.n_models))
        rows.row(here, -np.inf, q.capacity_s[b] - loading)
        for m in range(q.n_models):
            mine = [(key, s) for key, s in here if q.class_model[key[1]] == m]
            rows.row(mine, -np.inf, float(q.replica_s(m, b)) * replicas[m, b])
        cores = [(("v", *r), q.core_s[r[0]]) for r in checks if r[1] == b]
        rows.row(cores, -np.inf, q.cores_s[b])
    for o in range(q.n_groups):
        mine = [(("x", *r), 1.0) for r in runs if q.node_group[r[1]] == o]
        rows.row(mine, -np.inf, q.max_share[o] * q.total_count + 1e-6)


def random_replicas(compiled, rng):
    """Replicas that fit, loads included."""
    q = compiled.quantities
    replicas = np.zeros((q.n_models, q.n_nodes), dtype=np.int64)
    memory, seconds = q.memory_gb.copy(), q.capacity_s.copy()
    for at in rng.permutation(q.n_models * q.n_nodes).tolist():
        m, n = divmod(at, q.n_nodes)
        for _ in range(int(rng.integers(0, 3))):
            load = float(q.load_s(m, n)) if replicas[m, n] >= q.loaded[m, n] else 0.0
            room = replicas[m, n] < compiled.max_replicas[m, n] and q.replica_gb[m] <= memory[n]
            if room and load <= seconds[n]:
                replicas[m, n] += 1
                memory[n] -= q.replica_gb[m]
                seconds[n] -= load
    return replicas


def pure_instance(seed, *, verified=False):
    """An instance whose requests are a pure flow: like work in each place, nested caps.

    Up to 6 nodes that hold one model each, 2 models, 6 classes of 1-9 requests; with `verified`,
    classes ask for one or two verifications of like length.
    """
    rng = np.random.default_rng(seed)
    nodes, regions = int(rng.integers(2, 7)), ["r0", "r1"]
    policies = [{"name": "none"}, {"name": "tee", "requires_tee": ["sgx"]}]
    if verified:
        asked = {"mode": "proof", "verification_core_s": 10.0}
        policies += [{"name": "one", **asked}, {"name": "two", "verifiers": 2, **asked}]
    return {
        "name": f"pure-{seed}",
        "window_s": 100.0,
        "regions": [{"name": r, "jurisdiction": r.upper()} for r in regions],
        "network": {"latency_ms": rng.integers(1, 300, (2, 2)).astype(float).tolist()},
        "operators": [
            {"name": f"o{i}", "max_share": float(rng.choice([0.3, 0.5, 1.0]))} for i in range(3)
        ],
        "models": [{"name": f"m{i}", "weights_gb": 1.0, "memory_gb": 1.0} for i in range(2)],
        "profiles": [
            {
                "model": f"m{i}",
                "accelerator": t,
                "prefill_tokens_per_s": float(rng.integers(10, 40)),
                "decode_tokens_per_s": 1.0,
            }
            for i in range(2)
            for t in "AB"
        ],
        "policies": policies,
        "nodes": [_pure_node(rng, i, regions) for i in range(nodes)],
        "requests": [_pure_request(rng, i, regions, policies) for i in range(rng.integers(1, 7))],
        "limits": {"max_new_replicas": 0},
    }


def _pure_node(rng, i, regions):
    return {
        "name": f"n{i}",
        "operator": f"o{rng.integers(0, 3)}",
        "region": str(rng.choice(regions)),
        "roles": ["hosting", "inference", "verification"],
        "accelerator": str(rng.choice(["A", "B"])),
        "accelerators": float(rng.integers(1, 4)),
        "memory_gb": 8.0,
        "storage_gb": 8.0,
        "verification_cores": float(rng.integers(0, 3)),
        "verification_cost_per_core_hour": float(rng.uniform(1, 50)),
        "accelerator_cost_per_hour": float(rng.uniform(1, 9)),
        "tee": ["sgx"] if rng.random() < 0.5 else [],
        "loaded": {f"m{rng.integers(0, 2)}": int(rng.integers(1, 4))},
    }


def _pure_request(rng, i, regions, policies):
    return {
        "name": f"g{i}",
        "model": f"m{rng.integers(0, 2)}",
        "region": str(rng.choice(regions)),
        "policy": str(rng.choice([policy["name"] for policy in policies])),
        "count": int(rng.integers(1, 10)),
        "input_tokens": 300.0,
        "penalty": float(rng.uniform(0.005, 0.2)) if rng.random() < 0.95 else None,
        "latency_cost_per_s": float(rng.choice([0.0, 0.05])),
        "jurisdictions": ["R0"] if rng.random() < 0.2 else None,
    }
