"""Which replica executes which request, as a flow: of whole requests, or of work.

Class kind -> model on a node -> node -> control group is a pure network as long as all classes take
a model on a node the same time. Where they do not, `request_flow` gives each place room for as many
of its shortest requests as fit: a cheapest flow that keeps the rules all the same is a cheapest
routing.

Failing that, `work_flow` sends units of work. Where work is separable, a(g,n) = w(g) / s(n), that
is the linear program of requests. Work is seldom quite separable but mostly near it, so the flow by
the nearest w and s is a good guide to whole requests, found without an LP solver.
"""

import numpy as np
import numpy.typing as npt

from placement.methods.lanes import Lanes, fitting
from placement.methods.rounding import Reserve
from placement.mincostflow import COARSE, FINE, SINK, NetworkBuilder, cheapest_flow
from placement.quantities import Floats, Ints, whole_down

_UNITS = 1e7
"""Units of work in all that is asked for."""
_MOST = 2.0**50
_ROUNDS = 5
"""Rounds of fitting; each halves what is left of the error, or better."""
_SNAP = 1e-6


def request_flow(lanes: Lanes, deadline: float = np.inf) -> Ints | None:
    """Requests on each lane, the cheapest way if places had room for their shortest requests.

    As many requests that must be served are as can be. None at the deadline.
    """
    most = (
        fitting(lanes.site_s, lanes.site, lanes.work_s),
        fitting(lanes.node_s, lanes.n, lanes.work_s),
        lanes.group_most,
    )
    return _cheapest(lanes, lanes.count, most=most, each=1.0, deadline=deadline)


def work_flow(lanes: Lanes, deadline: float = np.inf) -> tuple[Floats, Reserve] | None:
    """Requests on each lane in fractions, and what to leave to re-executions.

    Re-executions count as work of the lane that they check. None at the deadline.
    """
    again_s = _again(lanes)
    work, pace = _separate(lanes, lanes.work_s + again_s)
    scale = _UNITS / max(float(work @ lanes.count), 1e-300)
    each, supply = work * scale, _whole(lanes.count * work * scale)
    most = (
        _whole(lanes.site_s / pace[lanes.site_n] * scale),
        _whole(lanes.node_s / pace * scale),
        _whole(lanes.group_most * (_UNITS / max(1, int(lanes.count.sum())))),
    )
    units = _cheapest(lanes, supply, most=most, each=each, deadline=deadline, levels=COARSE)
    if units is None:
        return None
    flow = np.minimum(units / each[lanes.kind], lanes.count[lanes.kind])
    return flow, _reserve(lanes, flow, again_s)


def _again(lanes: Lanes) -> Floats:
    """Accelerator-seconds of re-executing one request of each lane, if its own node did it."""
    q = lanes.compiled.quantities
    g = q.kind_class[lanes.kind]
    return lanes.compiled.wanted_checks[g] * q.reexecution_work_s(g, lanes.n)


def _separate(lanes: Lanes, work_s: Floats) -> tuple[Floats, Floats]:
    """Work of each kind, and seconds that a unit of work takes on each node: the nearest fit."""
    logs = np.log(np.maximum(work_s, 1e-9))
    weight = lanes.count[lanes.kind].astype(float)
    lanes_of = np.maximum(np.bincount(lanes.kind, minlength=len(lanes.count)), 1)
    weight_on = np.maximum(np.bincount(lanes.n, weight, len(lanes.node_s)), 1e-300)
    work, pace = np.zeros(len(lanes.count)), np.zeros(len(lanes.node_s))
    for _ in range(_ROUNDS):
        work = np.bincount(lanes.kind, logs - pace[lanes.n], len(work)) / lanes_of
        pace = np.bincount(lanes.n, weight * (logs - work[lanes.kind]), len(pace)) / weight_on
    return np.exp(work), np.exp(pace)


def _cheapest(
    lanes: Lanes,
    supply: Ints,
    *,
    most: tuple[Ints, Ints, Ints],
    each: Floats | float,
    deadline: float,
    levels: float = FINE,
) -> Ints | None:
    """The cheapest flow over kind -> lane -> site -> node -> control group, on each lane.

    `most` is for sites, nodes and groups; `each` is how many units a request of each kind has.
    """
    q, b = lanes.compiled.quantities, NetworkBuilder()
    site_most, node_most, group_most = most
    units = np.broadcast_to(each, len(supply))
    kind_at = b.add_nodes(supply)
    site_at = b.add_nodes(np.zeros(len(lanes.site_n), dtype=np.int64))
    node_at = b.add_nodes(np.zeros(q.n_nodes, dtype=np.int64))
    group_at = b.add_nodes(np.zeros(q.n_groups, dtype=np.int64))
    carried = np.minimum(supply[lanes.kind], site_most[lanes.site])
    price = (lanes.cost + lanes.check) / units[lanes.kind]
    rows = b.add_arcs(kind_at[lanes.kind], site_at[lanes.site], carried, price)
    away = np.flatnonzero(~lanes.must)
    b.add_arcs(kind_at[away], SINK, supply[away], lanes.penalty[away] / units[away])
    b.add_arcs(site_at, node_at[lanes.site_n], site_most)
    onward = np.where(q.max_share < 1, group_at, SINK)[q.node_group]
    b.add_arcs(node_at, onward, node_most)
    b.add_arcs(group_at, SINK, group_most)
    flow = cheapest_flow(b.finish(), deadline, levels=levels)
    return None if flow is None else flow[rows]


def _whole(units: npt.NDArray[np.floating]) -> Ints:
    return whole_down(np.minimum(units, _MOST))


def _reserve(lanes: Lanes, flow: Floats, again_s: Floats) -> Reserve:
    """The time that re-executions take, spread evenly over the replicas of their model."""
    q = lanes.compiled.quantities
    model = lanes.site_key // max(1, q.n_nodes)
    finite = np.where(np.isfinite(lanes.site_s), lanes.site_s, 0.0)
    asked = np.bincount(model[lanes.site] + 1, again_s * flow, q.n_models + 1)
    offered = np.bincount(model + 1, finite, q.n_models + 1)
    share = np.minimum(asked / np.maximum(offered, 1e-300), 1.0)
    site_s = finite * share[model + 1]
    node_s = np.bincount(lanes.site_n, site_s, q.n_nodes).astype(float)
    served = whole_down(np.bincount(lanes.kind, flow, len(lanes.count)) + _SNAP)
    redone = lanes.compiled.redone[q.kind_class]
    return Reserve(site_s, node_s, np.where(redone, served, lanes.count))
