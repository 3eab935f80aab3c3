"""A network made by hand, to be changed until something is in the way, and its reasons."""

from placement.compiled import Compiled
from placement.evaluation import evaluate_placement
from placement.explain import explain_infeasible, explain_unserved
from placement.instance import Instance
from placement.solution import Solution, to_placement


def network():
    """One node that executes, two that verify, and ten requests that take 1.1 s each.

    `runner` (group a, EU) has two accelerators for an hour, `checker` (b, EU) and `spare` (c, US)
    four verification cores each. No policy is asked for, and nothing stands in the way.
    """
    return {
        "format": "placement-instance/1",
        "name": "by-hand",
        "window_s": 3600,
        "regions": [{"name": "eu", "jurisdiction": "EU"}, {"name": "us", "jurisdiction": "US"}],
        "network": {"latency_ms": [[5, 100], [100, 5]]},
        "operators": [{"name": "a"}, {"name": "b"}, {"name": "c"}],
        "nodes": [
            {
                "name": "runner",
                "operator": "a",
                "region": "eu",
                "roles": ["hosting", "inference"],
                "accelerator": "h100",
                "accelerators": 2,
                "memory_gb": 160,
                "storage_gb": 500,
                "tee": ["tdx"],
                "hosted": ["llm"],
                "accelerator_cost_per_hour": 3,
            },
            {
                "name": "checker",
                "operator": "b",
                "region": "eu",
                "roles": ["verification"],
                "verification_cores": 4,
            },
            {
                "name": "spare",
                "operator": "c",
                "region": "us",
                "roles": ["hosting", "verification"],
                "verification_cores": 4,
                "storage_gb": 100,
            },
        ],
        "models": [{"name": "llm", "weights_gb": 16, "memory_gb": 20}],
        "profiles": [
            {
                "model": "llm",
                "accelerator": "h100",
                "prefill_tokens_per_s": 10_000,
                "decode_tokens_per_s": 1_000,
            },
        ],
        "policies": [{"name": "attested", "mode": "attestation", "verification_core_s": 10}],
        "requests": [
            {
                "name": "chat",
                "model": "llm",
                "region": "eu",
                "count": 10,
                "input_tokens": 1_000,
                "output_tokens": 1_000,
                "penalty": 1,
            },
        ],
    }


def second_model(data, **changes):
    """Add a model like the first, and a class `more` of one request for it."""
    data["models"].append(data["models"][0] | {"name": "other"} | changes)
    data["profiles"].append(data["profiles"][0] | {"model": "other"})
    data["requests"].append(data["requests"][0] | {"name": "more", "model": "other", "count": 1})


def changed(make):
    """Build the instance of a case: a function that changes `network()`; its values by name."""
    data = network()
    runner, checker, spare = data["nodes"]
    make(
        data=data, runner=runner, checker=checker, spare=spare, llm=data["models"][0],
        policy=data["policies"][0], chat=data["requests"][0],
    )  # fmt: skip
    return data


def unserved(data, hosting=None, **decisions):
    """Explain a placement, found feasible; what it does not execute is turned away."""
    compiled = Compiled(Instance.from_dict(data))
    turned_away = {row["name"]: row["count"] for row in data["requests"]}
    for row in decisions.get("inference", ()):
        turned_away[row["request"]] -= row["count"]
    decisions["unserved"] = {name: left for name, left in turned_away.items() if left}
    decisions["hosting"] = {"llm": ["runner"]} if hosting is None else hosting
    solution = Solution.from_dict(
        {"format": "placement-solution/1", "instance": data["name"], **decisions}
    )
    placement = to_placement(compiled.quantities, solution)
    assert not evaluate_placement(compiled.quantities, placement).violations
    return explain_unserved(compiled, placement)


def infeasible(data):
    """Explain why there is no placement."""
    return explain_infeasible(Compiled(Instance.from_dict(data)))


def demanded(data):
    """The instance with all requests to be served."""
    return data | {"requests": [row | {"penalty": None} for row in data["requests"]]}


def only(reasons):
    """The one reason there is."""
    assert len(reasons) == 1, [reason.sentence for reason in reasons]
    return reasons[0]


def proven(data, core_s=3_600, **policy):
    """Have every request verified, at an hour of one core each."""
    data["requests"][0]["policy"] = "attested"
    data["policies"][0].update(verification_core_s=core_s, **policy)
    return data
