"""Random instances so small that their exact optimum is cheap, with every feature in play.

Times are set against the window, so that a node holds one to six requests; a limit lies in the
midst of what it limits, so that it matters.
"""

import numpy as np

from .facts import Facts

JURISDICTIONS = ("EU", "US", "")
TEES = ("sgx", "tdx", "sev")
MODES = ("none", "attestation", "proof", "reexecution")
PREFILL, DECODE = 200, 25  # tokens per second of an ordinary profile


class Dice:
    """Random choices as plain Python values."""

    def __init__(self, *seed):
        self.rng = np.random.default_rng(seed)

    def chance(self, probability):
        """True with the given probability."""
        return bool(self.rng.random() < probability)

    def whole(self, low, high):
        """A whole number in low..high."""
        return int(self.rng.integers(low, high + 1))

    def real(self, low, high, digits=3):
        """A number between low and high with few digits."""
        return round(float(self.rng.uniform(low, high)), digits)

    def one(self, options):
        """One of the options."""
        return options[self.whole(0, len(options) - 1)]

    def some(self, options, probability):
        """Each of the options with the given probability."""
        return [option for option in options if self.chance(probability)]


def tiny_instance(seed, *, small=False):
    """A `placement-instance/1` dict, the same for the same seed; some are infeasible.

    2-4 nodes, 1-3 models, 1-4 classes of 1-4 requests, 1-3 regions; with `small` at most 3 nodes,
    2 models and 2 classes of 1-2 requests, for trying everything.
    """
    dice = Dice(seed, int(small))
    instance = {
        "format": "placement-instance/1",
        "name": f"{'small' if small else 'tiny'}-{seed}",
        "window_s": dice.one([20, 45, 60]),
    }
    add_regions(dice, instance)
    add_operators(dice, instance)
    add_models(dice, instance, dice.one([1, 1, 2] if small else [1, 2, 2, 3]))
    add_nodes(dice, instance, dice.one([2, 3] if small else [2, 3, 3, 4, 4]), small)
    add_profiles(dice, instance)
    add_policies(dice, instance)
    add_requests(
        dice, instance, dice.one([1, 2, 2] if small else [1, 2, 3, 3, 4]), 2 if small else 4
    )
    add_pairs(dice, instance)
    add_state(dice, instance)
    add_min_hosts(dice, instance)
    add_deadlines(dice, instance)
    add_limits(dice, instance)
    return instance


def names(table):
    """The names of the rows of a table."""
    return [row["name"] for row in table]


def add_regions(dice, instance):
    """Regions with asymmetric latencies; costs of transfer by a matrix, one number, or none."""
    count = dice.whole(1, 3)
    regions = [{"name": f"r{i}"} for i in range(count)]
    for region in dice.some(regions, 0.8):
        region["jurisdiction"] = dice.one(JURISDICTIONS)
    network = {}
    if dice.chance(0.9):
        network["latency_ms"] = [
            [dice.whole(1, 20) if i == j else dice.whole(50, 2000) for j in range(count)]
            for i in range(count)
        ]
    if dice.chance(0.3):
        network["transfer_cost_per_gb"] = dice.real(0, 0.02)
    elif dice.chance(0.7):
        within = 0.02 if dice.chance(0.4) else 0
        network["transfer_cost_per_gb"] = [
            [dice.real(0, within if i == j else 0.03) for j in range(count)] for i in range(count)
        ]
    instance["regions"] = regions
    instance["network"] = network


def add_operators(dice, instance):
    """Up to three operators, of which some share a control group and some have a share cap."""
    operators = [{"name": f"o{i}"} for i in range(dice.whole(0, 3))]
    for operator in dice.some(operators, 0.3):
        operator["control_group"] = dice.one(["club", "o0"])
    for operator in dice.some(operators, 0.4):
        operator["max_share"] = dice.one([0.3, 0.5, 0.6, 0.75])
    instance["operators"] = operators


def add_models(dice, instance, count):
    """Models of one or two accelerators."""
    instance["models"] = [{"name": f"m{i}"} for i in range(count)]
    for model in instance["models"]:
        spans = 2 if dice.chance(0.25) else 1
        model["weights_gb"] = dice.whole(2, 8) * spans
        model["memory_gb"] = dice.whole(3, 9) * spans
        if spans > 1:
            model["accelerators"] = spans
        if dice.chance(0.6):
            model["origin"] = dice.one(names(instance["regions"]))


def add_nodes(dice, instance, count, small):
    """Nodes of two accelerator types, and now and then one with cores and storage only."""
    instance["nodes"] = [{"name": f"n{i}"} for i in range(count)]
    for node in instance["nodes"]:
        node["roles"] = [
            role
            for role, probability in (("hosting", 0.5), ("inference", 0.9), ("verification", 0.75))
            if dice.chance(probability)
        ] or ["inference"]
        if instance["operators"] and dice.chance(0.75):
            node["operator"] = dice.one(names(instance["operators"]))
        if dice.chance(0.85):
            node["region"] = dice.one(names(instance["regions"]))
        if dice.chance(0.9):
            add_accelerators(dice, node, small)
        equip(dice, node)
    for role in ("hosting", "inference"):
        if not any(role in node["roles"] for node in instance["nodes"]):
            dice.one(instance["nodes"])["roles"].append(role)


def add_accelerators(dice, node, small):
    """One to four accelerators with their memory and costs."""
    if dice.chance(0.95):
        node["accelerator"] = dice.one(["A", "A", "B"])
    node["accelerators"] = dice.one([1, 2, 2] if small else [1, 2, 2, 4])
    node["memory_gb"] = node["accelerators"] * dice.one([8, 10, 14, 20])
    node["accelerator_cost_per_hour"] = dice.real(0.5, 6)
    if dice.chance(0.4):
        node["max_utilization"] = dice.one([0.75, 0.8, 0.9])
    if dice.chance(0.7):
        node["load_gb_per_s"] = dice.real(0.5, 4)
    if dice.chance(0.6):
        node["engaged_cost_per_hour"] = dice.real(0, 8)


def equip(dice, node):
    """Storage, cores and trusted hardware; some of it on nodes without the role to use it."""
    if dice.chance(0.5):
        node["storage_gb"] = dice.whole(8, 30)
    if "hosting" in node["roles"] or dice.chance(0.5):
        node["storage_cost_per_gb_hour"] = dice.real(0, 0.2)
    if "verification" in node["roles"] or dice.chance(0.5):
        node["verification_cores"] = dice.whole(0, 3)
        node["verification_cost_per_core_hour"] = dice.real(0, 2)
    if dice.chance(0.6):
        node["tee"] = sorted(set(dice.some(TEES, 0.6)))


def add_profiles(dice, instance):
    """Speeds of most models on most accelerators."""
    instance["profiles"] = [
        {
            "model": m,
            "accelerator": accelerator,
            "prefill_tokens_per_s": dice.whole(PREFILL // 2, PREFILL * 2),
            "decode_tokens_per_s": dice.whole(DECODE // 2, DECODE * 2),
        }
        for m in names(instance["models"])
        for accelerator in ("A", "B")
        if dice.chance(0.92)
    ]


def add_policies(dice, instance):
    """One to three policies of any mode."""
    instance["policies"] = [{"name": f"p{i}"} for i in range(dice.whole(1, 3))]
    for policy in instance["policies"]:
        mode = dice.one(MODES)
        if mode != "none" or dice.chance(0.5):
            policy["mode"] = mode
        if dice.chance(0.25):
            policy["requires_tee"] = dice.one([["sgx"], ["sgx", "tdx"], ["sev"]])
        if dice.chance(0.4):
            policy["executor_overhead"] = dice.one([1.1, 1.25, 1.5])
        if dice.chance(0.5 if mode == "proof" else 0.15):
            policy["executor_extra_s"] = dice.real(0, 0.3 * instance["window_s"])
        if mode != "none":
            add_verification(dice, policy, instance["window_s"])


def add_verification(dice, policy, window_s):
    """How many verify, how often, where, and how long it takes."""
    if dice.chance(0.6):
        policy["verifiers"] = dice.one([1, 1, 2])
    if dice.chance(0.5):
        policy["sample"] = dice.one([0.1, 0.25, 0.3, 0.5, 0.75])
    if dice.chance(0.6):
        policy["independence"] = dice.one(["group", "node", "none"])
    if dice.chance(0.7):
        policy["verification_core_s"] = dice.real(0, 0.7 * window_s)


def add_requests(dice, instance, count, most):
    """Classes of requests for a model, and now and then of plain jobs."""
    instance["requests"] = [{"name": f"g{i}"} for i in range(count)]
    for request in instance["requests"]:
        request["count"] = dice.whole(1, most)
        if dice.chance(0.85):
            request["model"] = dice.one(names(instance["models"]))
            add_tokens(dice, request, instance["window_s"])
        if dice.chance(0.8):
            request["region"] = dice.one(names(instance["regions"]))
        if dice.chance(0.75):
            request["policy"] = dice.one(names(instance["policies"]))
        if dice.chance(0.2):
            region = dice.one(instance["regions"])
            own = region.get("jurisdiction", "")
            request["jurisdictions"] = sorted({own, dice.one(JURISDICTIONS)})
        if dice.chance(0.85 if most == 2 else 0.96):
            request["penalty"] = dice.real(0.05, 1)
        elif dice.chance(0.5):
            request["penalty"] = None
        if dice.chance(0.6):
            request["latency_cost_per_s"] = dice.real(0, 0.05)


def add_tokens(dice, request, window_s):
    """Work of a tenth to seven tenths of the window, a third of it before the first token."""
    work_s = dice.real(0.08, 0.6) * window_s
    request["input_tokens"] = round(0.35 * work_s * PREFILL)
    if dice.chance(0.9):
        request["output_tokens"] = round(0.65 * work_s * DECODE)


def add_pairs(dice, instance):
    """Rows of allowed nodes for plain jobs, and for some of the others."""
    window_s, pairs = instance["window_s"], []
    profiled = {(row["model"], row["accelerator"]) for row in instance["profiles"]}
    for request in instance["requests"]:
        model = request.get("model")
        if model is not None and not dice.chance(0.2):
            continue
        listed = dice.some(instance["nodes"], 0.75) or [dice.one(instance["nodes"])]
        for node in listed:
            row = {"request": request["name"], "node": node["name"]}
            if dice.chance(0.7):
                row["cost"] = dice.real(0, 0.1)
            if (model, node.get("accelerator")) not in profiled or dice.chance(0.4):
                row["work_s"] = dice.real(0.1, 0.9) * window_s
            pairs.append(row)
    if pairs:
        instance["pairs"] = pairs


def add_state(dice, instance):
    """What is stored and loaded now, as far as there is room."""
    facts = Facts(instance)
    add_hosted(dice, instance)
    for node in instance["nodes"]:
        memory = node.get("memory_gb", 0)
        for model in dice.some(instance["models"], 0.4):
            m = model["name"]
            replicas = dice.whole(1, 2)
            if facts.may_hold(m, node["name"]) and replicas * model["memory_gb"] <= memory:
                memory -= replicas * model["memory_gb"]
                node.setdefault("loaded", {})[m] = replicas


def add_hosted(dice, instance):
    """Models stored now: most of them somewhere, whereof hosts may have just the room."""
    hosts = [node for node in instance["nodes"] if "hosting" in node["roles"]]
    for model in instance["models"]:
        for node in dice.some(hosts, 0.4) or dice.some([dice.one(hosts)], 0.8):
            node.setdefault("hosted", []).append(model["name"])
    weights = {model["name"]: model["weights_gb"] for model in instance["models"]}
    for node in hosts:
        stored = sum(weights[m] for m in node.get("hosted", []))
        node["storage_gb"] = stored + dice.one([0, 2, 8, 16, 24])
    if sum(node["storage_gb"] for node in hosts) < sum(weights.values()):
        hosts[0]["storage_gb"] += sum(weights.values())


def add_min_hosts(dice, instance):
    """Two hosts where there are two groups that can store the model, seldom more than there are."""
    facts = Facts(instance)
    for model in instance["models"]:
        able = {
            facts.group(n)
            for n, node in facts.nodes.items()
            if "hosting" in node["roles"] and node["storage_gb"] >= model["weights_gb"]
        }
        if dice.chance(0.4):
            model["min_hosts"] = dice.whole(1, max(1, min(2, len(able))))


def add_deadlines(dice, instance):
    """First-token limits between two of the times that are possible."""
    facts = Facts(instance)
    for request in dice.some(instance["requests"], 0.3):
        able = [n for n in facts.nodes if facts.can_run(request["name"], n)] or list(facts.nodes)
        times = sorted({facts.ttft_ms(request["name"], n) for n in able})
        i = dice.whole(0, len(times) - 1)
        request["max_ttft_ms"] = round((times[i] + times[min(i + 1, len(times) - 1)]) / 2 + 1, 1)


def add_limits(dice, instance):
    """Limits on what may be changed."""
    limits = {}
    if dice.chance(0.3):
        limits["max_new_replicas"] = dice.whole(0, 2)
    if dice.chance(0.3):
        limits["max_transfer_gb"] = dice.whole(4, 20)
    if limits:
        instance["limits"] = limits
