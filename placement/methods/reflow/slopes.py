"""Which replicas to close: slope scaling, their fixed costs spread over what they do.

Each replica's cost, and each node's engagement, is charged to the work that uses it, at what a
second of that work bears now. A linear program then moves work away from where it bears much; what
is left there bears more the next time, or nothing is left and the replica is closed. Kim and
Pardalos (1999), A solution approach to the fixed charge network flow problem using a dynamic slope
scaling procedure.
"""

from dataclasses import dataclass

import numpy as np

from placement.methods.reflow.flowmodel import FlowModel
from placement.quantities import Floats, Ints
from placement.simplex import Simplex

ROUNDS = 4
"""Linear programs, one after the other."""
_USED = 1e-9


@dataclass(frozen=True)
class Flow:
    """Columns of a flow model, the replicas that they need, and $ of both."""

    values: Floats
    z: Ints
    cost: float


def set_room(simplex: Simplex, model: FlowModel, z: Ints, offered: Ints) -> None:
    """Give the program the room of some replicas and the time that others leave."""
    for name, top in (("share", model.room(offered)), ("capacity", model.capacity(z))):
        rows = np.arange(*model.builder.rows[name].indices(len(model.program.row_upper)))
        simplex.limit(rows, np.full(len(rows), -np.inf), np.maximum(top, 0.0))


def priced(model: FlowModel, values: Floats) -> Flow:
    """Flows with the fewest replicas that they need."""
    z = model.replicas_for(values[model.x])
    cost = float(model.program.cost @ values)
    cost += float(model.fixed_cost(z).sum() + model.engagement(z).sum())
    arcs = model.arcs
    busy = np.bincount(arcs.n, arcs.work_s * values[model.x], model.q.n_nodes)
    if (busy > model.capacity(z) + 1e-6 * model.q.capacity_s + _USED).any():
        cost = np.inf
    return Flow(values, z, cost)


def solved(objective: float | None) -> bool:
    """Whether a program was solved and has a solution."""
    return objective is not None and np.isfinite(objective)


def close_by_slopes(model: FlowModel, simplex: Simplex) -> Flow:
    """The cheapest flows found, in parts of requests; at worst those there are."""
    best = flow = priced(model, model.now)
    slope = model.fixed_cost(model.z) / np.maximum(model.share * model.z, _USED)
    rent = model.plan.compiled.engagement / np.maximum(model.q.capacity_s, _USED)
    for turn in range(ROUNDS):
        slope, rent = _slopes(model, flow, slope, rent)
        arcs = model.arcs
        cost = model.program.cost.copy()
        cost[model.x] += arcs.work_s * (slope[model.k] + rent[arcs.n])
        simplex.charge(cost)
        set_room(simplex, model, flow.z, model.z if turn == 0 else flow.z)
        if not solved(simplex.solve()):
            break
        flow = priced(model, simplex.values)
        if flow.cost < best.cost:
            best = flow
    return best


def _slopes(model: FlowModel, flow: Flow, slope: Floats, rent: Floats) -> tuple[Floats, Floats]:
    """$ per accelerator-second of replicas and nodes; the last ones where nothing is done."""
    arcs, n = model.arcs, model.n
    work = arcs.work_s * flow.values[model.x]
    here = np.bincount(model.k, work, len(model.m))
    fixed = model.fixed_cost(flow.z) * (model.needed == 0)
    slope = np.where(here > _USED, fixed / np.maximum(here, _USED), slope)
    there = np.bincount(arcs.n, work, model.q.n_nodes)
    bound = (np.bincount(n, model.needed, model.q.n_nodes) > 0) | model.plan.pinned
    engagement = np.where(bound, 0.0, model.engagement(flow.z))
    rent = np.where(there > _USED, engagement / np.maximum(there, _USED), rent)
    return slope, rent
