"""Seconds of the parts that every run is made of, on a network of 300 nodes.

    make speed
    pytest benchmarks/speed --benchmark-autosave --benchmark-compare

Small and repeatable; how good answers are is measured by `python -m benchmarks`.
"""

import numpy as np
import pytest

from placement import Instance, certified_bound, evaluate, solve
from placement.compiled import Compiled
from placement.formats.dimacs import FlowProblem, solve_flow
from placement.generate import generate
from placement.prices import Prices
from placement.quantities import Quantities

SIDE = 60
"""The flow goes from so many nodes to as many others."""


@pytest.fixture(scope="module")
def instance():
    """300 nodes, 900 classes."""
    return generate("large")


@pytest.fixture(scope="module")
def answer(instance):
    """A placement with its certificate."""
    return solve(instance, "greedy").solution


def test_reading(benchmark, instance):
    """From JSON text."""
    text = instance.to_json()
    assert benchmark(Instance.from_json, text) == instance


def test_compiling(benchmark, instance):
    """From the document to arrays."""
    assert benchmark(Compiled, instance).quantities.n_nodes == 300


def test_judging_a_placement(benchmark, instance, answer):
    """Cost and rules."""
    assert benchmark(evaluate, instance, answer).feasible


def test_judging_a_bound(benchmark, instance, answer):
    """What the prices prove."""
    prices = Prices.from_document(Quantities(instance), answer.certificate)
    assert benchmark(certified_bound, instance, prices) <= answer.objective


def test_greedy(benchmark, instance):
    """A whole solve."""
    assert benchmark(solve, instance, "greedy").objective is not None


def test_flow(benchmark):
    """A transport between all pairs of two sides."""
    rng = np.random.default_rng(0)
    tail, head = (part.ravel() for part in np.indices((SIDE, SIDE)))
    supply = np.repeat([100, -100], SIDE)
    arcs = len(tail)
    problem = FlowProblem(
        "sides", supply, tail, head + SIDE, np.zeros(arcs, dtype=np.int64),
        np.full(arcs, 100), rng.integers(1, 1000, arcs),
    )  # fmt: skip
    assert benchmark(solve_flow, problem).sum() == 100 * SIDE
