"""Minimum-cost flow, and the one place that touches OR-Tools' interface to it.

Networks of this package have many sources and one sink. They are built by columns, fall apart into
components that are solved one after another, and carry costs in $, which become whole numbers on
the way to the engine. The engine holds the interpreter's lock and knows no time limit, so a large
component under a near deadline is solved by a child process, which can be ended. Any other network,
such as published files have, is for `balanced_flow`.
"""

import io
import os
import subprocess
import sys
import time
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from placement.errors import EngineError
from placement.quantities import Floats, Ints

SINK = 0
"""The node where all flow goes."""

TOLERANCE = 1e-9
"""Rounding costs to whole numbers changes the cheapest total by less than this share of it, up to
some 100,000 nodes in a component; beyond, 64 bits set the limit, in proportion to the nodes."""

FINE, COARSE = 2.0**44, 2.0**20
"""The largest cost as a whole number: to keep the tolerance, and for a quick guide.

Fewer levels are taken where there are so many nodes that costs may overflow.
"""
_OVERFLOW = 2.0**58
_TOO_DEAR, _NO_FLOW = "BAD_COST_RANGE", ("INFEASIBLE", "UNBALANCED")
"""OR-Tools' words for costs that overflow, and for supplies that cannot all be met."""
_SPREAD = 2.0**10
"""Costs above so many times the mean are cut off at first, to spend the levels where it matters."""
_BATCH = 2_000
"""Components are solved together up to so many arcs."""
_CHILD_ARCS = 50_000
"""From so many arcs on, a component takes long enough to mind the deadline."""
_CAUTIOUS_S = 4e-5
"""Seconds for each arc that no component of that size needs, by a factor of ten."""


@dataclass(frozen=True)
class Network:
    """Sources, arcs and the sink, which is node 0.

    Attributes
    ----------
    supply : array of int
        What each node sends; never negative.
    tail, head : array of int
        Ends of each arc; none leaves the sink.
    capacity : array of int
        The most each arc carries.
    cost : array
        $ per unit on each arc; never negative.
    """

    supply: Ints
    tail: Ints
    head: Ints
    capacity: Ints
    cost: Floats


class NetworkBuilder:
    """Collects nodes and arcs family by family; the sink is there from the start."""

    def __init__(self) -> None:
        self._supply: list[Ints] = [np.zeros(1, dtype=np.int64)]
        self._arcs: list[tuple[Ints, Ints, Ints, Floats]] = []
        self._n_nodes, self._n_arcs = 1, 0

    def add_nodes(self, supply: Ints) -> Ints:
        """Nodes with these supplies; returns their numbers."""
        start = self._n_nodes
        self._n_nodes += len(supply)
        self._supply.append(supply)
        return np.arange(start, self._n_nodes)

    def add_arcs(
        self, tail: Ints, head: Ints | int, capacity: Ints, cost: Floats | float = 0.0
    ) -> slice:
        """Arcs, for each tail one; returns where they stand in the network."""
        start, size = self._n_arcs, len(tail)
        self._n_arcs += size
        heads = np.broadcast_to(np.asarray(head, dtype=np.int64), size)
        costs = np.broadcast_to(np.asarray(cost, dtype=float), size)
        self._arcs.append((tail, heads, capacity, costs))
        return slice(start, self._n_arcs)

    def finish(self) -> Network:
        """The network."""
        columns = [np.concatenate(part) for part in zip(*self._arcs, strict=True)]
        tail, head, capacity, cost = columns
        return Network(np.concatenate(self._supply), tail, head, capacity, cost)


def cheapest_flow(
    network: Network, deadline: float = np.inf, *, levels: float = FINE
) -> Ints | None:
    """The flow on each arc: as much as can reach the sink, and of all such flows a cheapest.

    Its cost exceeds the least by at most `TOLERANCE` of itself.

    Parameters
    ----------
    network : Network
    deadline : float
        On the clock of `time.monotonic`.
    levels : float
        `FINE`, or `COARSE` where the tolerance need not be kept.

    Returns
    -------
    array of int or None
        None where the deadline came first.

    Raises
    ------
    EngineError
        If supplies or capacities are too large for the engine, or it crashes.
    """
    flow: Ints = np.zeros(len(network.tail), dtype=np.int64)
    for rows in _batches(network):
        part = _solve(_cut(network, rows), deadline, levels)
        if part is None:
            return None
        flow[rows] = part
    return flow


def balanced_flow(supply: Ints, tail: Ints, head: Ints, capacity: Ints, cost: Ints) -> Ints | None:
    """The cheapest flow that leaves nothing anywhere, with costs in whole numbers, exactly.

    Parameters
    ----------
    supply : array of int
        What each node sends, or takes where negative; no node is the sink here.
    tail, head, capacity, cost : array of int
        Of each arc: its ends, the most it carries, and the cost per unit, which may be negative.

    Returns
    -------
    array of int or None
        The flow on each arc; None where there is no such flow.

    Raises
    ------
    EngineError
        If numbers are too large for the engine, or it crashes.
    """
    _demand_countable(supply, tail, head, capacity)
    status, flow = _ask_engine(supply, tail, head, capacity, cost, balanced=True)
    if status in _NO_FLOW:
        return None
    if status == _TOO_DEAR:
        raise EngineError("the costs are too large for an exact flow in 64-bit numbers.")
    return flow


def _demand_countable(supply: Ints, tail: Ints, head: Ints, capacity: Ints) -> None:
    """Refuse what the engine would refuse too, but with words of its own on standard error."""
    if float(capacity.max(initial=0)) * len(capacity) < 2.0**62:
        return
    most = np.abs(supply).astype(float)
    for end in (tail, head):
        through = np.bincount(end, capacity, len(supply)) + most
        if through.max() >= 2.0**62:
            raise EngineError("the capacities are too large for an exact flow in 64-bit numbers.")


def _batches(network: Network) -> list[Ints]:
    """The arcs of components that share nothing but the sink, small components together."""
    size = len(network.supply)
    inner = network.head != SINK
    edges = np.ones(int(inner.sum())), (network.tail[inner], network.head[inner])
    _, label = connected_components(coo_array(edges, shape=(size, size)), directed=False)
    component = label[network.tail]
    order = np.argsort(component, kind="stable")
    ends = np.cumsum(np.bincount(component))[component[order]]
    cuts = np.flatnonzero(np.diff((ends - 1) // _BATCH)) + 1
    return [rows for rows in np.split(order, cuts) if len(rows)]


def _cut(network: Network, rows: Ints) -> Network:
    """The network of some arcs, its nodes numbered anew and capacities no larger than of use."""
    ends = np.concatenate([[SINK], network.tail[rows], network.head[rows]])
    nodes, at = np.unique(ends, return_inverse=True)
    supply = network.supply[nodes]
    total = int(supply.sum())
    if total * len(rows) >= 2**62:
        raise EngineError("the requests are too many for a min-cost flow in 64-bit numbers.")
    tail, head = np.split(at[1:], 2)
    capacity = np.minimum(network.capacity[rows], total)
    return Network(supply, tail, head, capacity, network.cost[rows])


def _solve(network: Network, deadline: float, levels: float) -> Ints | None:
    """A cheapest flow of one component, first with the dearest costs cut off.

    A flow that is cheapest with costs cut off, and uses no arc whose cost was, is cheapest.
    """
    dearest = float(network.cost.max(initial=0.0))
    ceiling = _mean_cost(network) * _SPREAD or dearest
    while True:
        costs = np.minimum(network.cost, ceiling)
        flow = _run(network, costs, min(ceiling, dearest) / levels, deadline)
        if flow is None or not flow[network.cost > ceiling].any():
            return flow
        ceiling *= _SPREAD


def _mean_cost(network: Network) -> float:
    """What a unit costs at least, on average: each source's cheapest arc."""
    cheapest = np.full(len(network.supply), np.inf)
    np.minimum.at(cheapest, network.tail, network.cost)
    sent = network.supply * np.isfinite(cheapest)
    total = float(np.where(sent > 0, cheapest, 0.0) @ sent)
    return total / max(1.0, float(sent.sum()))


def _run(network: Network, costs: Floats, step: float, deadline: float) -> Ints | None:
    """The flow with costs rounded to multiples of `step`, of larger ones where those overflow."""
    most = float(costs.max(initial=0.0))
    step = max(step, most * len(network.supply) / _OVERFLOW)
    while True:
        whole = np.rint(costs / step).astype(np.int64) if step > 0 else np.zeros_like(network.tail)
        columns = network.supply, network.tail, network.head, network.capacity, whole
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        hurried = left < _CAUTIOUS_S * len(whole)
        child = hurried and len(whole) > _CHILD_ARCS
        flow = _call_child(columns, left) if child else _call_engine(*columns)
        if flow is None or len(flow):
            return flow
        step *= 2.0**6


def _call_engine(supply: Ints, tail: Ints, head: Ints, capacity: Ints, cost: Ints) -> Ints:
    """What OR-Tools finds; empty where the costs overflow inside it."""
    demand = supply.copy()
    demand[SINK] = -supply.sum()
    return _ask_engine(demand, tail, head, capacity, cost, balanced=False)[1]


def _ask_engine(
    supply: Ints, tail: Ints, head: Ints, capacity: Ints, cost: Ints, *, balanced: bool
) -> tuple[str, Ints]:
    """The name of OR-Tools' status, and the flow, empty where there is none.

    A balanced flow leaves nothing anywhere, and there may be none; any other is as large as can be.
    Of both the costs may overflow.
    """
    from ortools.graph.python.min_cost_flow import SimpleMinCostFlow

    engine = SimpleMinCostFlow()
    sending = np.flatnonzero(supply)
    try:
        engine.add_arcs_with_capacity_and_unit_cost(
            tail.astype(np.int32), head.astype(np.int32), capacity, cost
        )
        engine.set_nodes_supplies(sending.astype(np.int32), supply[sending])
        status = engine.solve() if balanced else engine.solve_max_flow_with_min_cost()
    except (TypeError, ValueError, RuntimeError) as error:
        raise EngineError(f"the min-cost flow engine refused the network: {error}.") from None
    if status == engine.OPTIMAL:
        flow = engine.flows(np.arange(len(tail), dtype=np.int32))
        return status.name, np.asarray(flow, dtype=np.int64)
    if status.name == _TOO_DEAR or (balanced and status.name in _NO_FLOW):
        return status.name, np.zeros(0, dtype=np.int64)
    raise EngineError(f"the min-cost flow engine gave up: {status.name}.")


# --- the child -------------------------------------------------------------------------------


def _call_child(columns: tuple[Ints, Ints, Ints, Ints, Ints], seconds: float) -> Ints | None:
    """What `_call_engine` finds in a process of its own; None where that takes too long."""
    package = [sys.executable, "-m", __name__]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    request = io.BytesIO()
    np.savez(request, *columns)
    try:
        answer = subprocess.run(  # noqa: S603 - this very module
            package,
            input=request.getvalue(),
            capture_output=True,
            timeout=seconds,
            env=environment,
            check=True,
        )
    except subprocess.TimeoutExpired:
        return None
    except (OSError, subprocess.CalledProcessError) as error:
        raise EngineError(f"the min-cost flow process failed: {error}.") from None
    return np.asarray(np.load(io.BytesIO(answer.stdout)), dtype=np.int64)


def _serve() -> None:
    """Answer one request of `_call_child`."""
    request = np.load(io.BytesIO(sys.stdin.buffer.read()))
    flow = _call_engine(*(request[name] for name in request.files))
    answer = io.BytesIO()
    np.save(answer, flow)
    sys.stdout.buffer.write(answer.getvalue())


if __name__ == "__main__":
    _serve()
