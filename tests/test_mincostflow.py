"""Min-cost flow: flows are proven cheapest by their residual network or by networkx."""

import os
import sys
import time

import networkx as nx
import numpy as np
import pytest

from placement import mincostflow
from placement.errors import EngineError
from placement.mincostflow import (
    SINK,
    TOLERANCE,
    Network,
    NetworkBuilder,
    balanced_flow,
    cheapest_flow,
)


def random_network(seed, *, decades=0.0):
    """Up to 3 components of up to 6 nodes and 20 arcs each, some arcs to the sink.

    Costs are multiples of 1e-12 up to 1, with `decades` between the least and the largest.
    """
    rng = np.random.default_rng(seed)
    builder = NetworkBuilder()
    for _ in range(rng.integers(1, 4)):
        nodes = builder.add_nodes(rng.integers(0, 8, rng.integers(1, 7)))
        size = rng.integers(1, 21)
        tail = rng.choice(nodes, size)
        head = np.where(rng.random(size) < 0.3, SINK, rng.choice(nodes, size))
        cost = 10.0 ** rng.uniform(-decades, 0, size) if decades else rng.uniform(0, 1, size)
        kept = tail != head
        capacity = rng.integers(0, 9, size)
        builder.add_arcs(tail[kept], head[kept], capacity[kept], np.round(cost, 12)[kept])
    return builder.finish()


def residual(network, flow):
    """The residual network, the cheapest of parallel arcs kept."""
    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(network.supply)))
    columns = network.tail, network.head, network.capacity, network.cost, flow
    for tail, head, capacity, cost, used in zip(*columns, strict=True):
        ways = [(used < capacity, tail, head, cost), (used > 0, head, tail, -cost)]
        for a, b, weight in [way[1:] for way in ways if way[0]]:
            known = graph.get_edge_data(a, b, {"weight": np.inf})["weight"]
            graph.add_edge(a, b, weight=min(known, weight))
    return graph


def assert_cheapest(network, flow):
    """The flow is allowed, no more can reach the sink, and no cycle of the residual saves."""
    assert ((flow >= 0) & (flow <= network.capacity)).all()
    size = len(network.supply)
    sent = np.bincount(network.tail, flow, size) - np.bincount(network.head, flow, size)
    left = (network.supply - sent)[1:]
    assert (left >= 0).all()
    graph = residual(network, flow)
    for node in (np.flatnonzero(left) + 1).tolist():
        assert not nx.has_path(graph, node, SINK)
    for _, _, data in graph.edges(data=True):
        data["weight"] += 1e-9
    assert not nx.negative_edge_cycle(graph)


def oracle(network):
    """The most that can reach the sink, and the least it costs [1e-12 $], in whole numbers.

    Networkx refuses parallel arcs, so there is a node in the middle of each.
    """
    graph = nx.DiGraph()
    graph.add_nodes_from(["source", SINK])
    columns = network.tail, network.head, network.capacity, np.rint(network.cost * 1e12)
    for i, (tail, head, capacity, cost) in enumerate(zip(*columns, strict=True)):
        graph.add_edge(int(tail), ("arc", i), capacity=int(capacity), weight=int(cost))
        graph.add_edge(("arc", i), int(head), capacity=int(capacity), weight=0)
    for node, amount in enumerate(network.supply.tolist()):
        graph.add_edge("source", node, capacity=amount, weight=0)
    best = nx.max_flow_min_cost(graph, "source", SINK)
    return sum(best["source"].values()), nx.cost_of_flow(graph, best)


@pytest.mark.parametrize("decades", [0.0, 3.0, 6.0, 11.0])
def test_as_cheap_as_networkx(decades):
    """The same amount at the same cost, also where costs lie powers of ten apart."""
    for seed in range(30):
        network = random_network(seed, decades=decades)
        amount, least = oracle(network)
        flow = cheapest_flow(network)
        assert flow[network.head == SINK].sum() == amount
        whole = np.rint(network.cost * 1e12).astype(np.int64)
        assert least <= int(whole @ flow) <= least * (1 + TOLERANCE) + 1


def test_no_cycle_saves():
    """Optimal by the certificate of the residual network."""
    for seed in range(60):
        network = random_network(seed)
        assert_cheapest(network, cheapest_flow(network))


def test_a_dear_way_out_that_nobody_takes():
    """One source, two ways that differ in the tenth digit, and one that costs a million million."""
    network = Network(
        supply=np.array([0, 5]),
        tail=np.array([1, 1, 1]),
        head=np.array([SINK, SINK, SINK]),
        capacity=np.array([5, 3, 9]),
        cost=np.array([1.0, 1.0 - 1e-9, 1e12]),
    )
    assert cheapest_flow(network).tolist() == [2, 3, 0]


def test_components_alone_or_together(monkeypatch):
    """However components are put together, the cost is the same."""
    for seed in range(10):
        network = random_network(seed)
        together = cheapest_flow(network)
        monkeypatch.setattr(mincostflow, "_BATCH", 1)
        alone = cheapest_flow(network)
        monkeypatch.undo()
        assert network.cost @ alone == pytest.approx(network.cost @ together)


def test_what_cannot_reach_the_sink_stays():
    """A source without a way and one with too narrow a way send what they can."""
    builder = NetworkBuilder()
    nodes = builder.add_nodes(np.array([4, 4]))
    rows = builder.add_arcs(nodes[1:], SINK, np.array([3]), 1.0)
    assert cheapest_flow(builder.finish())[rows].tolist() == [3]


def test_nothing_to_send():
    """No supply, no flow."""
    builder = NetworkBuilder()
    builder.add_arcs(builder.add_nodes(np.array([0])), SINK, np.array([3]), 1.0)
    assert cheapest_flow(builder.finish()).tolist() == [0]


def test_overflowing_costs_are_coarsened(monkeypatch):
    """Where whole costs overflow inside the engine, larger steps are tried."""
    monkeypatch.setattr(mincostflow, "_OVERFLOW", 2.0**90)
    network = random_network(3)
    assert_cheapest(network, cheapest_flow(network, levels=2.0**61))


def test_too_many_requests():
    """Amounts beyond 64 bits are refused in a sentence."""
    network = Network(
        np.array([0, 2**61]), np.array([1, 1]), np.array([0, 0]), np.full(2, 2**61), np.ones(2)
    )
    with pytest.raises(EngineError, match="too many"):
        cheapest_flow(network)


def test_no_time():
    """After the deadline there is no flow."""
    assert cheapest_flow(random_network(0), time.monotonic() - 1) is None


# --- the child -------------------------------------------------------------------------------


@pytest.fixture
def cautious(monkeypatch):
    """Every component goes to a child."""
    monkeypatch.setattr(mincostflow, "_CHILD_ARCS", 0)
    monkeypatch.setattr(mincostflow, "_CAUTIOUS_S", 1e9)
    monkeypatch.setattr(mincostflow, "_BATCH", 10**9)


def hard_network(sources=3000, arcs=40):
    """A network that takes seconds: all sources compete for a tenth as many narrow places."""
    rng = np.random.default_rng(0)
    builder = NetworkBuilder()
    source = builder.add_nodes(rng.integers(1, 1000, sources))
    place = builder.add_nodes(np.zeros(sources // 10, dtype=np.int64))
    tail = np.repeat(source, arcs)
    head = rng.choice(place, len(tail))
    builder.add_arcs(tail, head, np.full(len(tail), 1000), rng.uniform(0, 1, len(tail)))
    builder.add_arcs(place, SINK, rng.integers(1, 5000, len(place)))
    return builder.finish()


@pytest.mark.usefixtures("cautious")
def test_a_child_finds_the_same():
    """In a process of its own, with a deadline far enough away."""
    network = random_network(5)
    flow = cheapest_flow(network, time.monotonic() + 60)
    assert_cheapest(network, flow)


@pytest.mark.usefixtures("cautious")
def test_a_child_is_ended_at_the_deadline():
    """The caller gets its word in time and no process is left behind."""
    begun = time.monotonic()
    assert cheapest_flow(hard_network(), begun + 0.2) is None
    assert time.monotonic() - begun < 2
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


@pytest.mark.usefixtures("cautious")
@pytest.mark.parametrize("program", ["/bin/false", "/nonexistent"])
def test_a_child_that_fails(monkeypatch, program):
    """A broken interpreter becomes one sentence."""
    monkeypatch.setattr(sys, "executable", program)
    with pytest.raises(EngineError, match="process failed"):
        cheapest_flow(random_network(5), time.monotonic() + 60)


# --- any network ---------------------------------------------------------------------------------


def columns(*arcs):
    """Tail, head, capacity and cost of arcs."""
    return [np.array(column, dtype=np.int64) for column in zip(*arcs, strict=True)]


def test_a_balanced_flow_may_start_and_end_anywhere():
    """Costs may be negative: the detour over node 0 earns 3 for what it can carry."""
    supply = np.array([0, 4, -4])
    flow = balanced_flow(supply, *columns((1, 2, 9, 0), (1, 0, 3, -5), (0, 2, 9, 2)))
    assert flow.tolist() == [1, 3, 3]


def test_a_balanced_flow_leaves_nothing_or_is_none():
    """Too little capacity, or supplies that do not add up to 0."""
    assert balanced_flow(np.array([2, -2]), *columns((0, 1, 1, 1))) is None
    assert balanced_flow(np.array([2, -1]), *columns((0, 1, 9, 1))) is None
