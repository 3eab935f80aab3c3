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
from placement.methods.pricing.focusing import Focus, likely
from placement.methods.pricing.kernels import X
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


def fine(compiled):
    """The program in which nodes at home are cells of their own."""
    return pool(compiled, Cells(compiled, Cells(compiled)))


@pytest.mark.parametrize("whole", [lambda one: pool(one, Cells(one)), fine])
def test_the_first_order_method_ends_at_the_optimum(medium, whole):
    """Primal and dual values close in on what simplex finds."""
    pooled = whole(medium)
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
    q, cells = large.quantities, pool(large, Cells(large))
    level = merge(cells, q.class_model[np.concatenate([cells.run_g, cells.check_g])])
    assert 2 * len(level.coarse) < len(cells)
    coarse, cold = FirstOrder(level.coarse), FirstOrder(cells)
    coarse.advance(4_000)
    lifted = lift(level, coarse)
    lifted.advance(400)
    cold.advance(400)
    assert apart(lifted) < 0.5 * apart(cold)
    lifted.advance(1_000)
    nodes = fine(large)
    refined, new = refine(lifted, nodes), FirstOrder(nodes)
    refined.advance(400)
    new.advance(400)
    assert apart(refined) < 0.5 * apart(new)


def test_what_matters_of_a_program_ends_at_its_optimum(medium):
    """A few arcs a class, chosen anew now and then, are as good as all of them."""
    pooled = pool(medium, Cells(medium))
    focus = Focus(FirstOrder(pooled), 6)
    assert 2 * len(focus.order.pooled) < len(pooled)
    for _ in range(20):
        focus.order.advance(600)
        focus.renew()
    optimum = by_highs(pooled)
    assert focus.order.values() == pytest.approx((optimum, optimum), rel=3e-3)
    whole = focus.whole()
    assert whole.values()[0] == pytest.approx(focus.order.values()[0], rel=1e-6)


def test_likely_arcs_are_those_in_use_and_the_cheapest(medium):
    """So many of each class, ties aside, and whatever is in use."""
    pooled = pool(medium, Cells(medium))
    order = FirstOrder(pooled)
    order.arc[X, ::7] = 0.5
    kept, reduced = likely(order, 3), order.reduced_costs()
    assert kept[::7].all()
    for row in range(pooled.n_rows):
        arcs = np.arange(pooled.first[row], pooled.first[row + 1])
        idle = arcs[arcs % 7 > 0]
        assert np.count_nonzero(kept[idle]) <= 3
        assert reduced[idle[kept[idle]]].max(initial=-np.inf) <= reduced[idle[~kept[idle]]].min(
            initial=np.inf
        )


def test_shares_serve_every_class(medium):
    """At the end all of each class has its place, where nodes can run it."""
    pricer = settled(medium)
    shares = pricer.shares()
    q = medium.quantities
    served = np.bincount(shares.g, shares.part, q.n_classes)
    turned = served < 0.9
    assert np.mean(turned) < 0.05
    able = shares.able(medium, 0.05)
    assert able.any(axis=1).mean() > 0.95
    assert not (able & ~medium.run_kinds[:, shares.kind_base]).any()
    assert np.array_equal(shares.kind_base[shares.node_kind], q.node_kind)


def test_nodes_with_models_are_cells_of_their_own(medium):
    """Whoever has something loaded or stored is alone; as many cells as were foretold at most."""
    q, cells = medium.quantities, Cells(medium)
    parts = Cells(medium, cells)
    at_home = ((q.loaded > 0) | q.hosted) & (medium.max_replicas > 0)
    alone = np.bincount(parts.node_cell)[parts.node_cell[at_home.any(axis=0)]]
    assert (alone == 1).all()
    number = np.bincount(cells.node_cell[parts.node], minlength=len(cells))
    assert (number <= cells.finer).all()


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
