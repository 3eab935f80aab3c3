"""Sections 1 and 2 of the formulation: an instance with its defaults, and what follows from it."""

NODE = {
    "operator": None,
    "region": None,
    "accelerator": None,
    "accelerators": 0,
    "memory_gb": 0,
    "storage_gb": 0,
    "verification_cores": 0,
    "tee": [],
    "max_utilization": 1,
    "load_gb_per_s": 1,
    "engaged_cost_per_hour": 0,
    "accelerator_cost_per_hour": 0,
    "verification_cost_per_core_hour": 0,
    "storage_cost_per_gb_hour": 0,
    "hosted": [],
    "loaded": {},
}
MODEL = {"accelerators": 1, "min_hosts": 1, "origin": None}
POLICY = {
    "mode": "none",
    "verifiers": None,
    "sample": 1,
    "independence": "group",
    "requires_tee": [],
    "executor_overhead": 1,
    "executor_extra_s": 0,
    "verification_core_s": 0,
}
REQUEST = {
    "model": None,
    "region": None,
    "policy": None,
    "input_tokens": 0,
    "output_tokens": 0,
    "max_ttft_ms": None,
    "jurisdictions": None,
    "penalty": None,
    "latency_cost_per_s": 0,
}
# For each table: the fields a row must have, and the others with their defaults.
TABLES = {
    "regions": (("name",), {"jurisdiction": ""}),
    "operators": (("name",), {"control_group": None, "max_share": 1}),
    "nodes": (("name", "roles"), NODE),
    "models": (("name", "weights_gb", "memory_gb"), MODEL),
    "profiles": (("model", "accelerator", "prefill_tokens_per_s", "decode_tokens_per_s"), {}),
    "policies": (("name",), POLICY),
    "requests": (("name", "count"), REQUEST),
    "pairs": (("request", "node"), {"cost": 0, "work_s": None}),
}
OTHERS = {"format", "name", "source", "window_s", "network", "limits"}
NETWORK = {"latency_ms": [], "transfer_cost_per_gb": 0}
LIMITS = {"max_new_replicas": None, "max_transfer_gb": None}


def complete_row(row, required, defaults):
    """One row with its defaults filled in; an unknown or a missing key is a ValueError."""
    unknown = set(row) - set(required) - set(defaults)
    missing = set(required) - set(row)
    if unknown or missing:
        raise ValueError(f"row {row}: unknown {sorted(unknown)}, missing {sorted(missing)}")
    return {**defaults, **row}


def rows(table):
    """The rows of a table that may be written by rows or by columns."""
    if isinstance(table, dict):
        return [
            dict(zip(table, values, strict=True)) for values in zip(*table.values(), strict=True)
        ]
    return table


def within(amount, limit):
    """Whether `amount` is at most `limit`, up to floating-point noise (1e-9 relative)."""
    return amount <= limit + 1e-9 * max(abs(amount), abs(limit))


class Facts:
    """An instance with every default filled in, and the derived quantities of section 2.

    Classes g, nodes n, models m and control groups are named by their strings; tables are dicts
    from name to row in the order of the file.
    """

    def __init__(self, instance):
        unknown = set(instance) - set(TABLES) - OTHERS
        if unknown:
            raise ValueError(f"unknown fields {sorted(unknown)}")
        table = {
            name: [complete_row(row, *columns) for row in rows(instance.get(name, []))]
            for name, columns in TABLES.items()
        }
        named = {
            name: {row["name"]: row for row in table[name]}
            for name in ("regions", "operators", "nodes", "models", "policies", "requests")
        }
        self.name = instance["name"]
        self.window_s = instance["window_s"]
        self.regions, self.operators, self.nodes = (
            named[name] for name in ("regions", "operators", "nodes")
        )
        self.models, self.policies, self.requests = (
            named[name] for name in ("models", "policies", "requests")
        )
        self.network = complete_row(instance.get("network", {}), (), NETWORK)
        self.limits = complete_row(instance.get("limits", {}), (), LIMITS)
        self.profiles = {(row["model"], row["accelerator"]): row for row in table["profiles"]}
        self.pairs = {(row["request"], row["node"]): row for row in table["pairs"]}
        self.paired = {row["request"] for row in table["pairs"]}
        self.region_index = {name: i for i, name in enumerate(self.regions)}
        self._check_pairs()

    def _check_pairs(self):
        """A pair row must have its work from somewhere: `work_s`, or a profile."""
        for (g, n), pair in self.pairs.items():
            if pair["work_s"] is None and self.profile(self.requests[g]["model"], n) is None:
                raise ValueError(f"pair ({g}, {n}) has neither work_s nor a profile")

    # who belongs to what

    def group(self, n):
        """The control group of node n; a node without operator is a group of its own."""
        operator = self.nodes[n]["operator"]
        if operator is None:
            return f"node {n}"
        return self.operators[operator]["control_group"] or operator

    def groups(self):
        """{control group: its nodes}."""
        members = {}
        for n in self.nodes:
            members.setdefault(self.group(n), []).append(n)
        return members

    def max_share(self, group):
        """The smallest `max_share` of the operators under one control."""
        return min(
            (row["max_share"] for name, row in self.operators.items()
             if (row["control_group"] or name) == group),
            default=1,
        )  # fmt: skip

    def policy(self, g):
        """The policy of class g; a class without one has mode none."""
        name = self.requests[g]["policy"]
        return POLICY if name is None else self.policies[name]

    def verifiers(self, g):
        """k: how many verifiers each sampled request of class g asks."""
        policy = self.policy(g)
        if policy["verifiers"] is None:
            return 0 if policy["mode"] == "none" else 1
        return policy["verifiers"]

    # network

    def jurisdiction(self, n):
        """The jurisdiction of the region of n, or ""."""
        region = self.nodes[n]["region"]
        return "" if region is None else self.regions[region]["jurisdiction"]

    def latency_ms(self, g, n):
        """Round trip from the users of class g to node n; 0 where either has no region."""
        source, target = self.requests[g]["region"], self.nodes[n]["region"]
        if source is None or target is None or not self.network["latency_ms"]:
            return 0
        return self.network["latency_ms"][self.region_index[source]][self.region_index[target]]

    def transfer_cost_per_gb(self, source, target):
        """$ per GB from one region to another; 0 where either is null."""
        cost = self.network["transfer_cost_per_gb"]
        if source is None or target is None:
            return 0
        if not isinstance(cost, list):
            return cost
        return cost[self.region_index[source]][self.region_index[target]]

    # compute

    def profile(self, m, n):
        """The speeds of model m on the accelerators of n, or None."""
        return self.profiles.get((m, self.nodes[n]["accelerator"]))

    def bare_work_s(self, g, n):
        """Accelerator-seconds of one request without overhead and extra; None where unknown."""
        request = self.requests[g]
        pair, profile = self.pairs.get((g, n)), self.profile(request["model"], n)
        if pair is not None and pair["work_s"] is not None:
            return pair["work_s"]
        if profile is None:
            return None
        return (
            request["input_tokens"] / profile["prefill_tokens_per_s"]
            + request["output_tokens"] / profile["decode_tokens_per_s"]
        )

    def work_s(self, g, n):
        """a(g,n): accelerator-seconds of executing one request; None where unknown."""
        pair, bare, policy = self.pairs.get((g, n)), self.bare_work_s(g, n), self.policy(g)
        if bare is None or (pair is not None and pair["work_s"] is not None):
            return bare
        return policy["executor_overhead"] * bare + policy["executor_extra_s"]

    def reexecution_s(self, g, n):
        """Accelerator-seconds of one verification: 0 unless it re-executes; None where unknown."""
        return self.bare_work_s(g, n) if self.policy(g)["mode"] == "reexecution" else 0

    def verification_core_s(self, g):
        """Core-seconds of one verification; none where the mode is none, as section 2 lists it."""
        policy = self.policy(g)
        return 0 if policy["mode"] == "none" else policy["verification_core_s"]

    def ttft_ms(self, g, n):
        """First-token time; without a profile only the latency counts."""
        request = self.requests[g]
        profile = self.profile(request["model"], n)
        if profile is None:
            return self.latency_ms(g, n)
        speed = profile["prefill_tokens_per_s"] * self.models[request["model"]]["accelerators"]
        return self.latency_ms(g, n) + 1000 * request["input_tokens"] / speed

    def capacity_s(self, n):
        """C(n)."""
        return self.nodes[n]["accelerators"] * self.window_s * self.nodes[n]["max_utilization"]

    def share_s(self, m, n):
        """S(m,n): what one replica of m can do on n."""
        return self.models[m]["accelerators"] * self.window_s * self.nodes[n]["max_utilization"]

    def load_s(self, m, n):
        """Accelerator-seconds a new replica of m blocks on n."""
        model = self.models[m]
        return model["accelerators"] * model["weights_gb"] / self.nodes[n]["load_gb_per_s"]

    # what may be where

    def fits(self, m, n):
        """Whether one replica of m fits n: enough accelerators, enough memory on each."""
        model, node = self.models[m], self.nodes[n]
        return node["accelerators"] >= model["accelerators"] and within(
            model["memory_gb"] / model["accelerators"], node["memory_gb"] / node["accelerators"]
        )

    def may_hold(self, m, n):
        """Whether replicas of m may be on n at all."""
        return bool({"inference", "verification"} & set(self.nodes[n]["roles"])) and self.fits(m, n)

    def allowed_by_law(self, g, n):
        """Whether n is in a jurisdiction that class g accepts."""
        accepted = self.requests[g]["jurisdictions"]
        return accepted is None or self.jurisdiction(n) in accepted

    def can_run(self, g, n):
        """Whether n may execute requests of class g."""
        request, node, tee = self.requests[g], self.nodes[n], self.policy(g)["requires_tee"]
        m = request["model"]
        listed = (g, n) in self.pairs if g in self.paired else self.profile(m, n) is not None
        return (
            "inference" in node["roles"]
            and listed
            and (m is None or self.fits(m, n))
            and (not tee or bool(set(tee) & set(node["tee"])))
            and (
                request["max_ttft_ms"] is None or within(self.ttft_ms(g, n), request["max_ttft_ms"])
            )
            and self.allowed_by_law(g, n)
        )

    def can_verify(self, g, n):
        """Whether n may verify class g; to re-execute, m must have a profile there and fit."""
        if "verification" not in self.nodes[n]["roles"] or not self.allowed_by_law(g, n):
            return False
        if self.policy(g)["mode"] != "reexecution":
            return True
        m = self.requests[g]["model"]
        return m is not None and self.profile(m, n) is not None and self.fits(m, n)
