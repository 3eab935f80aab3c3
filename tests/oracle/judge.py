"""Sections 4 and 5 of the formulation: whether a solution is allowed, and what it costs."""

import math
from dataclasses import dataclass, field

from .facts import Facts, rows

TOLERANCE = 1e-6


@dataclass(frozen=True)
class Violation:
    """One broken constraint: its number in section 4, whom it concerns, by how much, and why."""

    constraint: int
    entities: tuple
    amount: float
    message: str


@dataclass(frozen=True)
class Verdict:
    """What `judge` finds: `objective` and `terms` ($ per window) also of what is not allowed."""

    feasible: bool
    objective: float
    terms: dict
    violations: list


@dataclass
class Plan:
    """The decisions of section 3 by their symbols; what is absent is 0."""

    h: set = field(default_factory=set)
    z: dict = field(default_factory=dict)
    y: dict = field(default_factory=dict)
    x: dict = field(default_factory=dict)
    v: dict = field(default_factory=dict)
    u: dict = field(default_factory=dict)

    def executed(self, g):
        """Requests of class g that some node executes."""
        return sum(count for (h, _), count in self.x.items() if h == g)

    def verified(self, g):
        """Verifications of class g."""
        return sum(count for (h, _), count in self.v.items() if h == g)

    def new_replicas(self, m, n):
        """Replicas of m loaded onto n."""
        return sum(count for (k, _, t), count in self.y.items() if (k, t) == (m, n))

    def engaged(self):
        """e: the nodes with any replica, request or verification."""
        return {n for part in (self.z, self.x, self.v) for (_, n), count in part.items() if count}


def judge(instance, solution):
    """The verdict on a solution of an instance, both dicts in the shape of their files.

    Raises ValueError (or KeyError for an unknown name) where a dict has no meaning at all.
    """
    facts = Facts(instance)
    return judge_plan(facts, read_plan(facts, solution))


def judge_plan(facts, plan):
    """`judge` for decisions that are already read."""
    violations = [found for check in CONSTRAINTS.values() for found in check(facts, plan)]
    terms = {name: term(facts, plan) for name, term in TERMS.items()}
    return Verdict(not violations, sum(terms.values()), terms, violations)


def read_plan(facts, solution):
    """The decisions of a solution dict."""
    hosting = solution.get("hosting", {})
    unserved = {(g,): count for g, count in solution.get("unserved", {}).items()}
    plan = Plan(
        h={(m, n) for m, nodes in hosting.items() for n in nodes},
        z=_counts(solution, "replicas", ("model", "node")),
        y=_counts(solution, "loads", ("model", "source", "node")),
        x=_counts(solution, "inference", ("request", "node")),
        v=_counts(solution, "verification", ("request", "node")),
        u={g: _whole(count) for (g,), count in unserved.items()},
    )
    _known(facts.models, {key[0] for part in (plan.h, plan.z, plan.y) for key in part})
    _known(facts.requests, {key[0] for part in (plan.x, plan.v) for key in part} | set(plan.u))
    _known(facts.nodes, {key[-1] for p in (plan.h, plan.z, plan.y, plan.x, plan.v) for key in p})
    _known(facts.nodes, {source for _, source, _ in plan.y})
    return plan


def _known(table, names):
    if names - set(table):
        raise KeyError(f"unknown names {sorted(names - set(table))}")


def _whole(count):
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise ValueError(f"{count!r} is not a whole number >= 0")
    return count


def _counts(solution, name, columns):
    counts = {}
    for row in rows(solution.get(name, [])):
        key = tuple(row[column] for column in columns)
        if key in counts:
            raise ValueError(f"{name}: two rows for {key}")
        counts[key] = _whole(row["count"])
    return counts


# Section 4, one function a constraint, each yielding what it finds broken


def _compare(number, entities, used, limit, what):
    """A violation where `used` exceeds `limit` by more than the tolerance."""
    if used - limit > TOLERANCE * max(abs(used), abs(limit)):
        message = f"{what}: {used:g} where {limit:g} is the limit"
        yield Violation(number, entities, used - limit, message)


def _core_s(facts, plan, n):
    return sum(facts.verification_core_s(g) * count for (g, t), count in plan.v.items() if t == n)


def _served_s(facts, plan, n, m=...):
    """Executed and re-executed work on n, of model m only where one is given (None: plain jobs)."""
    wanted = [g for g, row in facts.requests.items() if m is ... or row["model"] == m]
    executed = sum((facts.work_s(g, n) or 0) * plan.x.get((g, n), 0) for g in wanted)
    again = sum((facts.reexecution_s(g, n) or 0) * plan.v.get((g, n), 0) for g in wanted)
    return executed + again


def _busy_s(facts, plan, n):
    loading = sum(facts.load_s(m, n) * plan.new_replicas(m, n) for m in facts.models)
    return _served_s(facts, plan, n) + loading


def everyone_answered(facts, plan):
    """1: each request is executed or turned away, and turned away only at a penalty."""
    for g, request in facts.requests.items():
        unserved = plan.u.get(g, 0)
        difference = abs(plan.executed(g) + unserved - request["count"])
        if difference:
            yield Violation(1, (g,), difference, "executed + unserved is not the count")
        if unserved and request["penalty"] is None:
            yield Violation(1, (g,), unserved, "must be served")


def right_nodes(facts, plan):
    """2: only where n can run, and can verify."""
    for (g, n), count in plan.x.items():
        if count and not facts.can_run(g, n):
            yield Violation(2, (g, n), count, "the node cannot run the class")
    for (g, n), count in plan.v.items():
        if count and not facts.can_verify(g, n):
            yield Violation(2, (g, n), count, "the node cannot verify the class")


def replicas_suffice(facts, plan):
    """3: the work of a model on a node is within its replicas' shares."""
    for m in facts.models:
        for n in facts.nodes:
            replicas = plan.z.get((m, n), 0)
            used, limit = _served_s(facts, plan, n, m), facts.share_s(m, n) * replicas
            yield from _compare(3, (m, n), used, limit, "work of the model on the node")
    for (g, n), count in plan.x.items():
        m = facts.requests[g]["model"]
        if count and m is not None and not plan.z.get((m, n), 0):
            yield Violation(3, (m, n), count, f"{g} is executed without a replica")


def capacity_suffices(facts, plan):
    """4: all work on a node is within its capacity."""
    for n in facts.nodes:
        yield from _compare(4, (n,), _busy_s(facts, plan, n), facts.capacity_s(n), "work")


def memory_suffices(facts, plan):
    """5: replicas fit the memory (and, from section 3, are only where replicas may be)."""
    for n, node in facts.nodes.items():
        used = sum(facts.models[m]["memory_gb"] * c for (m, t), c in plan.z.items() if t == n)
        yield from _compare(5, (n,), used, node["memory_gb"], "GB of replicas")
    for (m, n), count in plan.z.items():
        if count and not facts.may_hold(m, n):
            yield Violation(5, (m, n), count, "the node may not hold a replica of the model")


def storage_suffices(facts, plan):
    """6: stored weights fit, and are only on hosts."""
    for n, node in facts.nodes.items():
        used = sum(facts.models[m]["weights_gb"] for m, t in plan.h if t == n)
        yield from _compare(6, (n,), used, node["storage_gb"], "GB of stored weights")
    for m, n in plan.h:
        if "hosting" not in facts.nodes[n]["roles"]:
            yield Violation(6, (m, n), 1, "the node is no host")


def loads_add_up(facts, plan):
    """7: each new replica is read from a node that stores the model."""
    for m in facts.models:
        for n, node in facts.nodes.items():
            new = max(0, plan.z.get((m, n), 0) - node["loaded"].get(m, 0))
            difference = abs(plan.new_replicas(m, n) - new)
            if difference:
                yield Violation(7, (m, n), difference, f"loads do not make {new} new replicas")
    for (m, source, n), count in plan.y.items():
        if count and (m, source) not in plan.h:
            yield Violation(7, (m, source, n), count, "the source does not store the model")


def hosts_suffice(facts, plan):
    """8: each model is stored by enough control groups."""
    for m, model in facts.models.items():
        groups = {facts.group(n) for k, n in plan.h if k == m}
        if len(groups) < model["min_hosts"]:
            missing = model["min_hosts"] - len(groups)
            yield Violation(8, (m,), missing, "stored by too few control groups")


def enough_verified(facts, plan):
    """9: k verifications of each sampled request."""
    for g in facts.requests:
        asked = facts.verifiers(g) * facts.policy(g)["sample"] * plan.executed(g)
        yield from _compare(9, (g,), asked, plan.verified(g), "verifications asked")


def cores_suffice(facts, plan):
    """10: verification work is within the cores."""
    for n, node in facts.nodes.items():
        limit = node["verification_cores"] * facts.window_s
        yield from _compare(10, (n,), _core_s(facts, plan, n), limit, "core-seconds")


def round_up(value):
    """The next whole number, not disturbed by the noise of floating point."""
    return math.ceil(value - 1e-9 * max(1, value))


def parts_are_independent(facts, plan):
    """11: no part both executes and verifies more than there are requests to sample."""
    for g, request in facts.requests.items():
        policy, served = facts.policy(g), request["count"] - plan.u.get(g, 0)
        if policy["independence"] == "none":
            for n in facts.nodes:
                verified = plan.v.get((g, n), 0)
                yield from _compare(11, (g, n), verified, served, "verifications by the node")
            continue
        by_group = policy["independence"] == "group"
        parts = facts.groups() if by_group else {n: [n] for n in facts.nodes}
        limit = round_up(policy["sample"] * served)
        for part, members in parts.items():
            executed = sum(plan.x.get((g, n), 0) for n in members)
            verified = sum(plan.v.get((g, n), 0) for n in members)
            used = policy["sample"] * executed + verified
            yield from _compare(11, (g, part), used, limit, "sampled and verified by the part")


def shares_are_kept(facts, plan):
    """12: no control group executes more than its share of all demand."""
    demand = sum(request["count"] for request in facts.requests.values())
    for group, members in facts.groups().items():
        executed = sum(count for (_, n), count in plan.x.items() if n in members)
        limit = facts.max_share(group) * demand
        yield from _compare(12, (group,), executed, limit, "requests executed by the group")


def _new_copies(facts, plan):
    return [(m, n) for m, n in sorted(plan.h) if m not in facts.nodes[n]["hosted"]]


def limits_are_kept(facts, plan):
    """13: new replicas and GB moved are within the limits."""
    replicas, transfer = facts.limits["max_new_replicas"], facts.limits["max_transfer_gb"]
    if replicas is not None:
        yield from _compare(13, (), sum(plan.y.values()), replicas, "new replicas")
    if transfer is not None:
        weights = {m: model["weights_gb"] for m, model in facts.models.items()}
        moved = sum(weights[m] * count for (m, s, n), count in plan.y.items() if s != n)
        copied = sum(weights[m] for m, _ in _new_copies(facts, plan))
        yield from _compare(13, (), moved + copied, transfer, "GB moved")


CONSTRAINTS = {
    1: everyone_answered,
    2: right_nodes,
    3: replicas_suffice,
    4: capacity_suffices,
    5: memory_suffices,
    6: storage_suffices,
    7: loads_add_up,
    8: hosts_suffice,
    9: enough_verified,
    10: cores_suffice,
    11: parts_are_independent,
    12: shares_are_kept,
    13: limits_are_kept,
}


# Section 5, one function a term


def unserved(facts, plan):
    """Penalties of requests turned away (0 where turning away is not allowed at all)."""
    return sum((facts.requests[g]["penalty"] or 0) * count for g, count in plan.u.items())


def compute(facts, plan):
    """Busy accelerator-seconds."""
    return sum(
        node["accelerator_cost_per_hour"] / 3600 * _busy_s(facts, plan, n)
        for n, node in facts.nodes.items()
    )


def engagement(facts, plan):
    """Engaged nodes, for the whole window."""
    per_hour = sum(facts.nodes[n]["engaged_cost_per_hour"] for n in sorted(plan.engaged()))
    return per_hour * facts.window_s / 3600


def verification(facts, plan):
    """Core-seconds of verification."""
    return sum(
        node["verification_cost_per_core_hour"] / 3600 * _core_s(facts, plan, n)
        for n, node in facts.nodes.items()
    )


def storage(facts, plan):
    """Stored weights, for the whole window."""
    per_hour = sum(
        facts.nodes[n]["storage_cost_per_gb_hour"] * facts.models[m]["weights_gb"]
        for m, n in sorted(plan.h)
    )
    return per_hour * facts.window_s / 3600


def transfer(facts, plan):
    """New stored copies from the publisher, and loads from other nodes."""
    region = {n: node["region"] for n, node in facts.nodes.items()}
    copies = sum(
        facts.models[m]["weights_gb"]
        * facts.transfer_cost_per_gb(facts.models[m]["origin"], region[n])
        for m, n in _new_copies(facts, plan)
    )
    loads = sum(
        facts.models[m]["weights_gb"] * facts.transfer_cost_per_gb(region[s], region[n]) * count
        for (m, s, n), count in plan.y.items()
        if s != n
    )
    return copies + loads


def latency(facts, plan):
    """Round trips of executed requests."""
    return sum(
        facts.requests[g]["latency_cost_per_s"] * facts.latency_ms(g, n) / 1000 * count
        for (g, n), count in plan.x.items()
    )


def pair(facts, plan):
    """Costs of the pair rows."""
    return sum(
        facts.pairs[g, n]["cost"] * count
        for (g, n), count in plan.x.items()
        if (g, n) in facts.pairs
    )


TERMS = {
    "unserved": unserved,
    "compute": compute,
    "engagement": engagement,
    "verification": verification,
    "storage": storage,
    "transfer": transfer,
    "latency": latency,
    "pair": pair,
}
