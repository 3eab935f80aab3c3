"""Which nodes flow together, and which replicas they are offered beside those they have."""

from dataclasses import dataclass

import numpy as np

from placement.assembly import running_totals
from placement.methods.slices.plan import Plan
from placement.quantities import Bools, Floats, Ints

NODES = 300
"""Nodes of one program."""
_HOMES = 0.3
"""How often a node is offered a model that it has loaded or stored."""


@dataclass(frozen=True)
class Offers:
    """Replicas of models (m) on nodes (n) that hold none, z of each, that may be opened."""

    m: Ints
    n: Ints
    z: Ints


def groups_of(plan: Plan, rng: np.random.Generator) -> list[Ints]:
    """All nodes in groups; nodes that share a model lie together, another one every time."""
    q = plan.q
    drawn: Floats = rng.random(plan.replicas.shape) * ((plan.replicas > 0) | (q.loaded > 0))
    rank: Ints = rng.permutation(max(1, q.n_models))
    common = rank[drawn.argmax(axis=0)] if q.n_models else np.zeros(q.n_nodes, dtype=np.int64)
    order = np.lexsort((rng.random(q.n_nodes), common))
    number = max(1, round(q.n_nodes / NODES))
    return [np.sort(part) for part in np.array_split(order, number)]


def offers_to(plan: Plan, nodes: Ints, rng: np.random.Generator) -> Offers:
    """Models that nodes have loaded or stored, and one of the group's to each, where they fit."""
    q, compiled = plan.q, plan.compiled
    able: Bools = (compiled.max_replicas[:, nodes] > 0) & q.infers[nodes]
    able &= plan.replicas[:, nodes] == 0
    homes: Bools = able & ((q.loaded[:, nodes] > 0) | q.hosted[:, nodes])
    homes &= rng.random(homes.shape) < _HOMES
    readable = able & np.isfinite(plan.fetch[:, q.node_region[nodes]])
    homes &= readable | (q.loaded[:, nodes] > 0)
    held: Bools = np.asarray((plan.replicas[:, nodes] > 0).any(axis=1))
    drawn: Floats = rng.random(able.shape) * (readable & held[:, None]) * _demand(plan)[:, None]
    chosen = (drawn == drawn.max(axis=0, initial=0.0)) & (drawn > 0)
    limits = q.instance.limits
    if limits.max_new_replicas is not None or limits.max_transfer_gb is not None:
        homes &= q.loaded[:, nodes] > 0
        chosen = np.zeros_like(chosen)
    m, at = np.nonzero(homes | chosen)
    order = rng.permutation(len(m))
    m, n = m[order], nodes[at[order]]
    z = np.minimum(np.maximum(q.loaded[m, n], 1), compiled.max_replicas[m, n])
    fits = _fit(plan, m, n, z)
    return Offers(m[fits], n[fits], z[fits])


def _demand(plan: Plan) -> Floats:
    """How much each model is asked for."""
    q = plan.q
    number = np.bincount(q.class_model % (q.n_models + 1), minlength=q.n_models + 1)
    return np.asarray(np.sqrt(number[:-1]))


def _fit(plan: Plan, m: Ints, n: Ints, z: Ints) -> Ints:
    """The offers that fit into the memory that is free, the first come first."""
    size = plan.q.replica_gb[m] * z
    order = np.argsort(n, kind="stable")
    used = running_totals(size[order], n[order])
    return np.sort(order[used <= plan.free_gb[n[order]]])
