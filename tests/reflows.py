"""Plans to reflow: presets, tiny instances and networks made by hand, and plans as they stand."""

from functools import cache

import numpy as np
from searches import compiled_of, judged, tiny
from tinies import feasible_seeds, optimal

from placement import Solution
from placement.assembly import cheapest_source
from placement.generate import generate
from placement.methods.completion import complete
from placement.methods.floor import floor_prices
from placement.methods.recreate.improver import Recreation
from placement.methods.reflow.flowmodel import FlowModel
from placement.methods.reflow.offering import groups_of, offers_to
from placement.methods.slices.plan import Change, Flows, Plan
from placement.quantities import REEXECUTION
from placement.solution import Placement, to_placement

PRESETS = ("small", "medium", "tee-scarce", "dominant-operator", "verifier-scarce")
FEASIBLE = feasible_seeds(range(60))
"""Tiny instances that have a placement."""
TWISTS = {
    "as it is": lambda _: {},
    "few new replicas": lambda _: {"limits": {"max_new_replicas": 60}},
    "few GB": lambda _: {"limits": {"max_transfer_gb": 1500.0}},
    "by sample": lambda d: {"policies": [_sampled(policy) for policy in d["policies"]]},
    "node by node": lambda d: {
        "policies": [_redone(p, independence="node") for p in d["policies"]]
    },
    "few cores": lambda d: {
        "policies": [_redone(p, verification_core_s=10_000) for p in d["policies"]]
    },
    "shared": lambda d: {"operators": [row | {"max_share": 0.15} for row in d["operators"]]},
}
"""What is changed of a preset, by name."""


def _redone(policy, **fields):
    """The same with other fields where it asks for re-execution."""
    return policy | (fields if policy.get("mode") == "reexecution" else {})


def _sampled(policy):
    """A third of the requests is enough, whoever verifies."""
    verified = policy.get("verifiers", 1) and policy.get("mode", "none") != "none"
    return policy | ({"sample": 0.3, "independence": "none"} if verified else {})


@cache
def compiled(preset, twist="as it is"):
    """An instance of a preset, with a twist."""
    document = generate(preset, seed=0).to_dict()
    return compiled_of(**{**document, **TWISTS[twist](document)})


@cache
def constructed(one):
    """A placement constructed without improvement."""
    recreation = Recreation(one, None)
    recreation.construct()
    assert recreation.best is not None
    return recreation.best


def advanced(one, start=None, seed=0, iterations=2000):
    """A recreation after construction and some steps."""
    recreation = Recreation(one, start, seed=seed)
    recreation.construct()
    recreation.advance(iterations, recreation.objective * 1e-4, 0.0)
    return recreation


def begun(recreation):
    """The native book at the beginning of a step."""
    for name in ("logged", "marked", "ruined", "loosened"):
        recreation._book.change(name, 0)
    return recreation._book.native


@cache
def guide(one):
    """Completed prices, of the simplest kind."""
    prices = floor_prices(one)
    return complete(one, 2.0 * prices.demand, prices.verification)


@cache
def optimum(seed):
    """An optimal placement of a tiny instance."""
    return to_placement(tiny(seed).quantities, Solution.from_dict(optimal(seed)))


def placed(one, **decisions):
    """A placement by hand, which the judge has nothing against."""
    fields = {"format": "placement-solution/1", "instance": one.instance.name, **decisions}
    placement = to_placement(one.quantities, Solution.from_dict(fields))
    assert not judged(one, placement).violations
    return placement


def row(node, count, **key):
    """A row of a solution, as `inference` and `replicas` have them."""
    return {"node": node, "count": count, **key}


def fleet(*names, **fields):
    """Nodes of one accelerator that hold the only model, each in a jurisdiction of its name.

    A request of 10 output tokens takes 10 s of the window of 100 s; all nodes cost the same.
    """
    node = {
        "roles": ["hosting", "inference"], "accelerator": "a", "accelerators": 1,
        "memory_gb": 10, "storage_gb": 10, "engaged_cost_per_hour": 36, "loaded": {"m": 1},
    }  # fmt: skip
    return {
        "regions": [{"name": name, "jurisdiction": name} for name in names],
        "nodes": [node | {"name": name, "region": name} for name in names],
        "models": [{"name": "m", "weights_gb": 10, "memory_gb": 10}],
        "profiles": [{"model": "m", "accelerator": "a",
                      "prefill_tokens_per_s": 1, "decode_tokens_per_s": 1}],
        **fields,
    }  # fmt: skip


def demand(name, count, **fields):
    """A class of requests for the model of a fleet."""
    return {"name": name, "model": "m", "count": count, "output_tokens": 10, "penalty": 1, **fields}


def must_serve():
    """One request that must be served, on a node that costs far more than a request is worth."""
    data = fleet("A", requests=[demand("all", 1, penalty=None, output_tokens=1)])
    data["nodes"][0]["engaged_cost_per_hour"] = 360_000
    one = compiled_of(**data)
    start = placed(
        one, hosting={"m": ["A"]}, replicas=[row("A", 1, model="m")],
        inference=[row("A", 1, request="all")],
    )  # fmt: skip
    return one, start


def as_it_stands(plan):
    """The placement of a plan with nothing repaired: attestations and proofs are missing."""
    q, start, flows = plan.q, plan.start, plan.flows
    hosting = plan.base | plan.own
    m, n = np.nonzero(plan.replicas)
    fresh = np.maximum(plan.replicas[m, n] - q.loaded[m, n], 0)
    new = fresh > 0
    source = cheapest_source(plan.compiled, hosting, m[new], n[new])
    count = np.rint(flows.count).astype(np.int64)
    assert np.array_equal(count, flows.count)
    parts = [
        (mine.g[rows], mine.n[rows], number[rows])
        for mine, number, rows in ((flows, count, flows.kind == 0), (flows, count, flows.kind == 1))
    ]
    kept = plan.frozen[start.run_g], plan.frozen[start.verify_g]
    runs = _joined(parts[0], (start.run_g, start.run_n, start.run_count), kept[0])
    checks = _joined(parts[1], (start.verify_g, start.verify_n, start.verify_count), kept[1])
    unserved = q.count - np.bincount(runs[0], runs[2], q.n_classes).astype(np.int64)
    return Placement(
        *np.nonzero(hosting), m, n, plan.replicas[m, n], m[new], source, n[new], fresh[new],
        *runs, *checks, unserved,
    )  # fmt: skip


def _joined(rows, others, kept):
    return [
        np.concatenate([column, other[kept]]) for column, other in zip(rows, others, strict=True)
    ]


def broken(one, placement, *, repaired=True):
    """What the judge has against a placement, requests left that must be served aside.

    Before it is repaired nobody has done attestations and proofs either.
    """
    q = one.quantities
    light = {r.name for r, mode in zip(q.instance.requests, q.mode, strict=True)
             if mode != REEXECUTION and not repaired}  # fmt: skip
    return [
        violation.sentence
        for violation in judged(one, placement).violations
        if not (violation.constraint == 1 and "must be served" in violation.sentence)
        and not (violation.constraint == 9 and violation.entities[0] in light)
    ]


def same(one, other):
    """Whether two placements are the same, row by row."""
    pairs = zip(vars(one).values(), vars(other).values(), strict=True)
    return all(np.array_equal(*pair) for pair in pairs)


# --- programs ---------------------------------------------------------------------------------


def models(plan, seed=0, *, waiting=True):
    """The program of each group."""
    rng = np.random.default_rng(seed)
    for nodes in groups_of(plan, rng):
        yield FlowModel(plan, nodes, offers_to(plan, nodes, rng), waiting=waiting)


def holds(model, values, rooms=None):
    """Whether columns keep all rows, those of replicas at the given room, and bounds."""
    p, upper = model.program, model.program.row_upper.copy()
    for name, top in (rooms or {}).items():
        upper[model.builder.rows[name]] = top
    activity = p.matrix @ values
    slack = 1e-6 * np.maximum(1.0, np.abs(activity))
    rows = np.all((activity <= upper + slack) & (activity >= p.row_lower - slack))
    return bool(rows and np.all((values >= p.lower - 1e-9) & (values <= p.upper + 1e-6)))


def rooms(model, z):
    """Room of so many replicas, and the time that they leave."""
    return {"share": model.room(z), "capacity": model.capacity(z)}


def columns(model, count):
    """The columns of some flows; what is not executed is turned away."""
    runs = model.arcs.kind == 0
    served = np.bincount(model.g_at[runs], count[runs], len(model.classes))
    return np.concatenate([count, model.total - served])


def changed(model, count, z):
    """The plan with other flows and replicas of a group."""
    come = Flows(**{**vars(model.arcs), "count": count}).take(count > 0)
    plan = Plan(model.plan.compiled, model.plan.start)
    plan.apply(Change(model.rows, come, model.m, model.n, z, model.owning(z)))
    return plan
