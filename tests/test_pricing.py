"""Dual prices of the pooled program: against HiGHS, against the optimum, from coarse to fine."""

import time

import numpy as np
import pytest
import scipy.sparse as sp
import tinies

from placement.certificate import lower_bound
from placement.compiled import Compiled
from placement.engines import solve_linear
from placement.generate import generate
from placement.methods.completion import complete
from placement.methods.pricing.cells import Cells
from placement.methods.pricing.firstorder import FirstOrder
from placement.methods.pricing.levels import lift, merge
from placement.methods.pricing.pooling import pool
from placement.methods.pricing.pricer import Pricer
from placement.methods.pricing.refining import refine
from placement.model import build
from placement.program import Program


def by_highs(pooled):
    """The optimal value of a pooled program, written out in full."""
    arcs, rest, rows = len(pooled), pooled.rest, pooled.n_rows
    size, copies, a = len(rest.needed), len(pooled.windows), np.arange(len(pooled))
    at = sp.coo_array((np.ones(arcs), (pooled.arc_row, a)), shape=(size, arcs))
    used = -pooled.work * pooled.windows[pooled.at_copy]
    at += sp.coo_array((used, (rows + pooled.at_copy, a)), shape=(size, arcs))
    at += sp.coo_array((-pooled.work, (rows + copies + pooled.at_mask, a)), shape=(size, arcs))
    ways = [pooled.kappa, pooled.kappa, pooled.bulk_kappa, pooled.bulk_kappa]
    links = [
        sp.coo_array((k, (a, way * copies + pooled.at_copy)), shape=(arcs, len(rest.cost)))
        for way, k in enumerate(ways)
    ]
    matrix = sp.block_array([[at, rest.matrix], [-sp.eye_array(arcs), sum(links)]]).tocsr()
    zero = np.zeros(arcs)
    program = Program(
        cost=np.concatenate([pooled.cost, rest.cost]),
        lower=np.zeros(arcs + len(rest.cost)),
        upper=np.concatenate([zero + np.inf, rest.most]),
        whole=np.zeros(arcs + len(rest.cost), dtype=bool),
        matrix=matrix,
        row_lower=np.concatenate([rest.needed, zero]),
        row_upper=np.full(matrix.shape[0], np.inf),
    )
    answer = solve_linear(program, time.monotonic() + 60)
    return float(program.cost @ answer.values)


@pytest.fixture(scope="module")
def medium():
    """60 nodes."""
    return Compiled(generate("medium", seed=3))


@pytest.mark.parametrize("kinds", [False, True])
def test_the_first_order_method_ends_at_the_optimum(medium, kinds):
    """Primal and dual values close in on what simplex finds."""
    pooled = pool(medium, Cells(medium, kinds=kinds))
    order = FirstOrder(pooled)
    order.advance(12_000)
    optimum = by_highs(pooled)
    assert order.values() == pytest.approx((optimum, optimum), rel=2e-3)


def apart(order):
    """How far primal and dual values are from each other, relative."""
    primal, dual = order.values()
    return abs(primal - dual) / max(abs(primal), abs(dual))


def test_lifted_and_refined_iterates_start_closer_than_nothing():
    """After the same few steps, what a coarse program has found is worth a lot."""
    large = Compiled(generate("large", seed=3))
    q, fine = large.quantities, pool(large, Cells(large))
    level = merge(fine, q.class_model[np.concatenate([fine.run_g, fine.check_g])])
    assert 2 * len(level.coarse) < len(fine)
    coarse, cold = FirstOrder(level.coarse), FirstOrder(fine)
    coarse.advance(4_000)
    lifted = lift(level, coarse)
    lifted.advance(400)
    cold.advance(400)
    assert apart(lifted) < 0.5 * apart(cold)
    lifted.advance(1_000)
    kinds = pool(large, Cells(large, kinds=True))
    refined, new = refine(lifted, kinds), FirstOrder(kinds)
    refined.advance(400)
    new.advance(400)
    assert apart(refined) < 0.5 * apart(new)


def settled(compiled):
    """A pricer that has done its work."""
    pricer = Pricer(compiled)
    while not pricer.done:
        pricer.advance(10_000_000)
    return pricer


def test_the_bound_is_close_to_the_whole_relaxation(medium):
    """Pooled prices, completed node by node, prove nearly what the full linear program would."""
    prices = settled(medium).prices()
    bound = complete(medium, prices.demand, prices.verification).bound
    program = build(medium).program
    relaxed = program.cost @ solve_linear(program, time.monotonic() + 60).values
    assert 0.985 * relaxed < bound < 1.01 * relaxed


def test_prices_never_prove_more_than_the_optimum():
    """Whatever was pooled, the judge's bound is below the true optimum, and often near it."""
    near = 0
    for seed in range(40):
        compiled = Compiled(tinies.instance(seed))
        prices = settled(compiled).prices()
        bound = lower_bound(
            compiled.quantities, complete(compiled, prices.demand, prices.verification).prices
        )
        if tinies.optimal(seed) is not None:
            assert bound <= tinies.optimum(seed) * (1 + 1e-9) + 1e-9
            near += bound > 0.5 * tinies.optimum(seed)
    assert near > 5


def test_the_same_work_gives_the_same_prices(medium):
    """To the last bit."""
    first, second = settled(medium).prices(), settled(medium).prices()
    assert np.array_equal(first.demand, second.demand)


def test_prices_are_there_at_any_moment(medium):
    """Before any work, and on every level."""
    pricer = Pricer(medium)
    for _ in range(5):
        prices = pricer.prices()
        assert np.all(np.isfinite(prices.demand))
        assert np.all(prices.demand >= 0)
        pricer.advance(100_000)
