"""Exact optima of tiny instances: a complete mixed-integer program, one variable per symbol."""

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

from .facts import Facts
from .judge import TOLERANCE, Plan, judge_plan, round_up


class Program:
    """Rows and columns of an integer program; columns are named by (symbol, entities...)."""

    def __init__(self):
        self.columns, self.cost, self.upper = {}, [], []
        self.rows, self.low, self.high = [], [], []

    def add(self, *key, upper):
        """A whole variable in 0..upper that costs nothing yet."""
        self.columns[key] = len(self.columns)
        self.cost.append(0.0)
        self.upper.append(upper)

    def of(self, symbol, *where):
        """The columns of a symbol whose entities match; None in `where` matches all."""
        return [
            key
            for key in self.columns
            if key[0] == symbol and all(w in (None, k) for w, k in zip(where, key[1:], strict=True))
        ]

    def charge(self, key, cost):
        """Let one unit of a variable cost more."""
        self.cost[self.columns[key]] += cost

    def row(self, weights, low=-np.inf, high=np.inf):
        """Ask low <= sum of weight x variable <= high; weights is a list of (key, weight)."""
        self.rows.append([(self.columns[key], weight) for key, weight in weights])
        self.low.append(low)
        self.high.append(high)

    def matrix(self):
        """The rows as a sparse matrix (weights of one variable in one row add up)."""
        entries = [(i, j, w) for i, row in enumerate(self.rows) for j, w in row]
        i, j, w = zip(*entries, strict=True) if entries else ((), (), ())
        shape = (len(self.rows), len(self.columns))
        return coo_array((np.array(w, float), (i, j)), shape=shape).tocsr()

    def solve(self):
        """{key: whole value} of an optimal solution, or None where there is none.

        The engine stops within 1e-6 of the optimum in absolute terms, so a small objective is
        solved again in a unit that makes it large.
        """
        found = self._solve(1.0)
        if found is None or not 0 < found.fun < 1e3:
            return None if found is None else self._whole(found.x)
        return self._whole(self._solve(1e4 / found.fun).x)

    def _solve(self, scale):
        constraints = LinearConstraint(self.matrix(), self.low, self.high) if self.rows else None
        found = milp(
            scale * np.array(self.cost),
            integrality=np.ones(len(self.cost)),
            bounds=Bounds(0, np.array(self.upper, float)),
            constraints=constraints,
            options={"mip_rel_gap": 0},
        )
        if found.status not in (0, 2):
            raise AssertionError(f"the engine stopped without an answer: {found.message}")
        return found if found.status == 0 else None

    def _whole(self, values):
        whole = np.rint(values)
        if np.abs(values - whole).max(initial=0) > 1e-5:
            raise AssertionError("the engine's answer is not whole")
        return {key: int(whole[j]) for key, j in self.columns.items()}


def optimum(instance):
    """The least objective in $ of a tiny instance, or None where nothing is feasible."""
    found = optimal_solution(instance)
    return None if found is None else found["objective"]


def optimal_solution(instance):
    """An optimal solution in the shape of its file, or None where nothing is feasible.

    The answer of the engine is rounded to whole numbers and judged; raises AssertionError where
    the judge finds it infeasible or of another objective than the engine.
    """
    facts = Facts(instance)
    program = build(facts)
    values = program.solve()
    if values is None:
        return None
    plan = plan_of(values)
    verdict = judge_plan(facts, plan)
    claimed = sum(program.cost[j] * values[key] for key, j in program.columns.items())
    if not verdict.feasible:
        raise AssertionError(f"{facts.name}: {verdict.violations}")
    if abs(verdict.objective - claimed) > TOLERANCE * max(abs(claimed), 1e-9):
        raise AssertionError(f"{facts.name}: judged {verdict.objective}, claimed {claimed}")
    return as_solution(facts, plan, verdict)


def plan_of(values):
    """The decisions among the values of the columns."""
    part = {s: {key[1:]: c for key, c in values.items() if c and key[0] == s} for s in "hzyxvu"}
    part["h"], part["u"] = set(part["h"]), {g: count for (g,), count in part["u"].items()}
    return Plan(**part)


def as_solution(facts, plan, verdict):
    """A judged plan as `placement-solution/1`, claimed optimal."""
    order = {name: i for table in (facts.models, facts.requests) for i, name in enumerate(table)}
    place = {name: i for i, name in enumerate(facts.nodes)}

    def listed(part, *columns):
        keys = sorted(part, key=lambda key: (order[key[0]], *[place[n] for n in key[1:]]))
        return [dict(zip(columns, key, strict=True), count=part[key]) for key in keys if part[key]]

    loads = {(m, n, s): count for (m, s, n), count in plan.y.items()}
    return {
        "format": "placement-solution/1",
        "instance": facts.name,
        "method": "oracle",
        "engine": None,
        "status": "optimal",
        "stopped_by": "exhausted",
        "objective": verdict.objective,
        "terms": verdict.terms,
        "lower_bound": verdict.objective,
        "gap": 0.0,
        "hosting": {
            m: [n for n in facts.nodes if (m, n) in plan.h]
            for m in facts.models
            if any(k == m for k, _ in plan.h)
        },
        "replicas": listed(plan.z, "model", "node"),
        "loads": listed(loads, "model", "node", "source"),
        "inference": listed(plan.x, "request", "node"),
        "verification": listed(plan.v, "request", "node"),
        "unserved": {g: plan.u[g] for g in facts.requests if plan.u.get(g)},
        "certificate": None,
        "reasons": [],
        "runtime_s": {},
        "seed": 0,
        "version": "",
    }


def most_replicas(facts, m, n):
    """How many replicas of m fit the memory of n."""
    if not facts.may_hold(m, n):
        return 0
    model, node = facts.models[m], facts.nodes[n]
    if model["memory_gb"] == 0:  # then more than fill the accelerators are never of use
        return max(node["loaded"].get(m, 0), -(-node["accelerators"] // model["accelerators"]))
    return int(node["memory_gb"] / model["memory_gb"] + 1e-9)


def build(facts):
    """The program of sections 3, 4 and 5."""
    program = Program()
    add_columns(facts, program)
    for constrain in (answer, hold, work, store, load, verify, separate, limit, engage, charge):
        constrain(facts, program)
    return program


def add_columns(facts, program):
    """One column per symbol of section 3, where section 4 does not forbid it (2, 5, 6)."""
    add_model_columns(facts, program)
    for g, request in facts.requests.items():
        count = request["count"]
        program.add("u", g, upper=0 if request["penalty"] is None else count)
        program.add("t", g, upper=count)
        for n in facts.nodes:
            if facts.can_run(g, n):
                program.add("x", g, n, upper=count)
            if facts.can_verify(g, n):
                program.add("v", g, n, upper=count)


def add_model_columns(facts, program):
    """The columns e, h, z and y, and `grown`: are there more replicas than are loaded."""
    hosts = [n for n, node in facts.nodes.items() if "hosting" in node["roles"]]
    for n in facts.nodes:
        program.add("e", n, upper=1)
    for m in facts.models:
        for n in hosts:
            program.add("h", m, n, upper=1)
        for n in facts.nodes:
            most = most_replicas(facts, m, n)
            if most:
                program.add("z", m, n, upper=most)
                program.add("grown", m, n, upper=1)
                for s in hosts:
                    program.add("y", m, s, n, upper=most)


def ones(keys, weight=1.0):
    """The same weight for each key."""
    return [(key, weight) for key in keys]


def answer(facts, program):
    """1."""
    for g, request in facts.requests.items():
        columns = [*program.of("x", g, None), ("u", g)]
        program.row(ones(columns), request["count"], request["count"])


def served_work(facts, program, n, wanted):
    """Accelerator-seconds executed and re-executed on n, of the wanted classes."""
    executed = [(k, facts.work_s(k[1], n)) for k in program.of("x", None, n) if k[1] in wanted]
    again = [(k, facts.reexecution_s(k[1], n)) for k in program.of("v", None, n) if k[1] in wanted]
    return executed + again


def loading_work(facts, program, n):
    """Accelerator-seconds of new replicas on n."""
    return [(key, facts.load_s(key[1], n)) for key in program.of("y", None, None, n)]


def hold(facts, program):
    """3."""
    for m in facts.models:
        classes = [g for g, request in facts.requests.items() if request["model"] == m]
        for n in facts.nodes:
            replicas = program.of("z", m, n)
            share = ones(replicas, -facts.share_s(m, n))
            program.row(served_work(facts, program, n, classes) + share, high=0)
            for g in classes:
                for executed in program.of("x", g, n):
                    program.row(
                        [(executed, 1), *ones(replicas, -facts.requests[g]["count"])], high=0
                    )


def work(facts, program):
    """4 and 10."""
    for n, node in facts.nodes.items():
        busy = served_work(facts, program, n, facts.requests) + loading_work(facts, program, n)
        program.row(busy, high=facts.capacity_s(n))
        cores = [(key, facts.verification_core_s(key[1])) for key in program.of("v", None, n)]
        program.row(cores, high=node["verification_cores"] * facts.window_s)


def store(facts, program):
    """5, 6 and 8; for 8 a group counts through one variable that is 1 only if it stores m."""
    for n, node in facts.nodes.items():
        memory = [(key, facts.models[key[1]]["memory_gb"]) for key in program.of("z", None, n)]
        program.row(memory, high=node["memory_gb"])
        weights = [(key, facts.models[key[1]]["weights_gb"]) for key in program.of("h", None, n)]
        program.row(weights, high=node["storage_gb"])
    for m, model in facts.models.items():
        for group, members in facts.groups().items():
            program.add("stores", m, group, upper=1)
            copies = [key for key in program.of("h", m, None) if key[2] in members]
            program.row([(("stores", m, group), 1), *ones(copies, -1)], high=0)
        program.row(ones(program.of("stores", m, None)), low=model["min_hosts"])


def load(facts, program):
    """7: new = max(0, z - loaded), exactly; `grown` tells which of the two it is."""
    for _, m, n in program.of("z", None, None):
        loaded, most = facts.nodes[n]["loaded"].get(m, 0), most_replicas(facts, m, n)
        z, grown, new = ("z", m, n), ("grown", m, n), ones(program.of("y", m, None, n))
        program.row([*new, (z, -1)], low=-loaded)
        program.row([*new, (z, -1), (grown, loaded)], high=0)
        program.row([*new, (grown, -most)], high=0)
    for _, m, s, n in program.of("y", None, None, None):
        most = most_replicas(facts, m, n)
        program.row([(("y", m, s, n), 1), (("h", m, s), -most)], high=0)


def verify(facts, program):
    """9."""
    for g in facts.requests:
        asked = facts.verifiers(g) * facts.policy(g)["sample"]
        executed = ones(program.of("x", g, None), -asked)
        program.row([*ones(program.of("v", g, None)), *executed], low=0)


def separate(facts, program):
    """11, with t = q x served rounded up: a whole number less than 1 above."""
    for g, request in facts.requests.items():
        policy, count = facts.policy(g), request["count"]
        q, u, t = policy["sample"], ("u", g), ("t", g)
        if policy["independence"] == "none":
            for verified in program.of("v", g, None):
                program.row([(verified, 1), (u, 1)], high=count)
            continue
        above = max(round_up(q * served) - q * served for served in range(count + 1))
        program.row([(t, 1), (u, q)], low=q * count, high=q * count + above)
        by_group = policy["independence"] == "group"
        for members in facts.groups().values() if by_group else [[n] for n in facts.nodes]:
            executed = [key for key in program.of("x", g, None) if key[2] in members]
            verified = [key for key in program.of("v", g, None) if key[2] in members]
            program.row([*ones(executed, q), *ones(verified), (t, -1)], high=0)


def limit(facts, program):
    """12 and 13."""
    demand = sum(request["count"] for request in facts.requests.values())
    for group, members in facts.groups().items():
        executed = [key for key in program.of("x", None, None) if key[2] in members]
        program.row(ones(executed), high=facts.max_share(group) * demand)
    loads = program.of("y", None, None, None)
    if facts.limits["max_new_replicas"] is not None:
        program.row(ones(loads), high=facts.limits["max_new_replicas"])
    if facts.limits["max_transfer_gb"] is not None:
        moved = [key for key in loads if key[2] != key[3]] + new_copies(facts, program)
        weights = [(key, facts.models[key[1]]["weights_gb"]) for key in moved]
        program.row(weights, high=facts.limits["max_transfer_gb"])


def new_copies(facts, program):
    """The columns of h that are not stored now."""
    columns = program.of("h", None, None)
    return [key for key in columns if key[1] not in facts.nodes[key[2]]["hosted"]]


def engage(facts, program):
    """Node n is engaged, e = 1, where anything is on the node."""
    for symbol in "zxv":
        for key in program.of(symbol, None, None):
            most = program.upper[program.columns[key]]
            program.row([(key, 1), (("e", key[2]), -most)], high=0)


def charge(facts, program):
    """The terms of section 5."""
    for g, request in facts.requests.items():
        program.charge(("u", g), request["penalty"] or 0)
    for n in facts.nodes:
        charge_node(facts, program, n)
    for key in program.of("x", None, None):
        _, g, n = key
        program.charge(key, facts.requests[g]["latency_cost_per_s"] * facts.latency_ms(g, n) / 1000)
        program.charge(key, facts.pairs[g, n]["cost"] if (g, n) in facts.pairs else 0)
    charge_transfer(facts, program)


def charge_node(facts, program, n):
    """Compute, engagement, verification and storage on n."""
    node, hours = facts.nodes[n], facts.window_s / 3600
    busy = served_work(facts, program, n, facts.requests) + loading_work(facts, program, n)
    for key, seconds in busy:
        program.charge(key, node["accelerator_cost_per_hour"] / 3600 * seconds)
    program.charge(("e", n), node["engaged_cost_per_hour"] * hours)
    for key in program.of("v", None, n):
        core_hours = facts.verification_core_s(key[1]) / 3600
        program.charge(key, node["verification_cost_per_core_hour"] * core_hours)
    for key in program.of("h", None, n):
        gb = facts.models[key[1]]["weights_gb"]
        program.charge(key, node["storage_cost_per_gb_hour"] * hours * gb)


def charge_transfer(facts, program):
    """New copies from the origin of the model, new replicas from the node they are read from."""
    region = {n: node["region"] for n, node in facts.nodes.items()}
    for key in new_copies(facts, program):
        model = facts.models[key[1]]
        per_gb = facts.transfer_cost_per_gb(model["origin"], region[key[2]])
        program.charge(key, model["weights_gb"] * per_gb)
    for key in program.of("y", None, None, None):
        _, m, s, n = key
        per_gb = 0 if s == n else facts.transfer_cost_per_gb(region[s], region[n])
        program.charge(key, facts.models[m]["weights_gb"] * per_gb)
