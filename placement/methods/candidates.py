"""Which arcs are likely to matter: all of a small instance, the cheapest of a large one.

A restricted model is quicker by far and can hold any placement it was made around. What it says of
the whole instance is not a bound; its duals, put into a certificate, are.
"""

import numpy as np

from placement.compiled import Arcs, Compiled
from placement.prices import Prices
from placement.quantities import Bools, Floats, Ints
from placement.solution import Placement

ALL = 20_000
"""So many (class, node) pairs are all kept."""
RUNS, CHECKS = 6, 6
"""Nodes kept for a class to execute, and to verify it."""
PER_GROUP = 3
"""Verifiers of one control group kept for a class; independence asks for several groups."""


def likely(compiled: Compiled, prices: Prices, around: Placement | None) -> tuple[Arcs, Arcs]:
    """Arcs to execute and to verify: those beside a placement and the cheapest at the prices."""
    if compiled.n_candidates <= ALL:
        return compiled.run, compiled.verify
    q = compiled.quantities
    level = compiled.rate + prices.capacity
    run, verify = compiled.run, compiled.verify
    share = prices.share[q.node_group[run.n]]
    cost = run.cost + prices.capacity[run.n] * run.work_s + share
    kept = ranks(run.g, cost) < RUNS
    extra = prices.capacity[verify.n] * verify.work_s + prices.cores[verify.n] * q.core_s[verify.g]
    engaging = np.where(verify.work_s > 0, 0.0, 1e-6 * level[verify.n] + 1e-6)
    cost = verify.cost + extra + engaging
    parts = verify.g * q.n_groups + q.node_group[verify.n]
    checks = ranks(parts, cost) < PER_GROUP
    checks &= ranks(verify.g, np.where(checks, cost, np.inf)) < CHECKS
    if around is not None:
        kept |= _beside(q.n_models, q.n_nodes, q.class_model, run, around)
        checks |= _among(q.n_nodes, verify, around.verify_g, around.verify_n)
    return run.take(kept), verify.take(checks)


def merge(arcs: tuple[Arcs, Arcs]) -> Arcs:
    """All arcs of two sets, sorted, each once."""
    one, other = arcs
    size = 1 + max(int(a.n.max(initial=0)) for a in arcs)
    keys = np.concatenate([a.g * size + a.n for a in arcs])
    _, first = np.unique(keys, return_index=True)
    columns = ("g", "n", "work_s", "cost")
    both = (np.concatenate([getattr(one, c), getattr(other, c)])[first] for c in columns)
    return Arcs(*both)


def ranks(groups: Ints, cost: Floats) -> Ints:
    """The rank of each arc within its group, the cheapest 0."""
    order = np.lexsort((cost, groups))
    ordered = groups[order]
    rank = np.empty(len(groups), dtype=np.int64)
    rank[order] = np.arange(len(groups)) - np.searchsorted(ordered, ordered)
    return rank


def _beside(n_models: int, n_nodes: int, model: Ints, run: Arcs, around: Placement) -> Bools:
    """Arcs to the replicas of a placement, whoever uses them, and its own plain jobs."""
    held = np.zeros((n_models + 1, n_nodes), dtype=bool)
    held[around.replica_m, around.replica_n] = True
    return np.asarray(held[model[run.g], run.n] | _among(n_nodes, run, around.run_g, around.run_n))


def _among(n_nodes: int, arcs: Arcs, g: Ints, n: Ints) -> Bools:
    return np.isin(arcs.g * n_nodes + arcs.n, g * n_nodes + n)
