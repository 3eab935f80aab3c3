"""The pooled program and its first-order method: against HiGHS, in parts and in halves."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.sparse as sp

from placement.compiled import Compiled
from placement.engines import solve_linear
from placement.generate import generate
from placement.methods.newcopies import NewCopies
from placement.methods.pricing import firstorder, pooling, splitting
from placement.methods.pricing.cells import market
from placement.methods.pricing.firstorder import FirstOrder
from placement.methods.pricing.focusing import Focus, likely
from placement.methods.pricing.kernels import NEW_BULK, STORED, VALUE, X
from placement.methods.pricing.least import least_parts
from placement.methods.pricing.levels import lift, merge
from placement.methods.pricing.pooling import NO_WAY, pool
from placement.methods.pricing.refining import refine
from placement.methods.pricing.splitting import take_apart
from placement.methods.sidebyside import by_threads, one_by_one
from placement.program import Program


def sources(pooled):
    """By class row and host: the arcs that execute there, and what lets them.

    That is the host itself, a bulk of new copies, which comes with one, and copies that are kept or
    read from another zone, as much as each can do of the class.
    """
    copies, hosts = len(pooled.windows), pooled.hosts
    last = len(pooled.rest.cost) - len(hosts)
    executed, lets = [np.zeros(len(pooled))], [np.zeros(len(pooled.rest.cost))]
    for row, host in zip(*pooled.sources, strict=True):
        arcs = np.zeros(len(pooled))
        arcs[(pooled.arc_row == row) & (hosts.of_copy[pooled.at_copy] == host)] = 1.0
        columns = np.zeros(len(pooled.rest.cost))
        columns[last + host] = 1.0
        for c in np.flatnonzero(hosts.of_copy == host):
            node = pooled.cells.node[pooled.copy_cell[c]]
            work = hosts.work[row, pooled.cells.q.node_type[node]]
            columns[2 * copies + c] = 1.0
            columns[[copies + c, 4 * copies + c]] = min(1.0, 1.0 / (pooled.windows[c] * work))
        executed.append(arcs)
        lets.append(columns)
    return sp.csr_array(np.array(executed)), sp.csr_array(np.array(lets))


def by_highs(pooled):
    """The optimal value of a pooled program, written out in full."""
    arcs, rest, rows = len(pooled), pooled.rest, pooled.n_rows
    size, copies, a = len(rest.needed), len(pooled.windows), np.arange(len(pooled))
    at = sp.coo_array((np.ones(arcs), (pooled.arc_row, a)), shape=(size, arcs))
    used = -pooled.work * pooled.windows[pooled.at_copy]
    at += sp.coo_array((used, (rows + pooled.at_copy, a)), shape=(size, arcs))
    at += sp.coo_array((-pooled.work, (rows + copies + pooled.at_mask, a)), shape=(size, arcs))
    ways = [*[pooled.kappa] * 2, *[pooled.bulk_kappa] * 2, pooled.kappa]
    links = [
        sp.coo_array((k, (a, way * copies + pooled.at_copy)), shape=(arcs, len(rest.cost)))
        for way, k in enumerate(ways)
    ]
    executed, with_weights = sources(pooled)
    blocks = [[at, rest.matrix], [-sp.eye_array(arcs), sum(links)], [-executed, with_weights]]
    matrix = sp.block_array(blocks).tocsr()
    zero = np.zeros(arcs)
    program = Program(
        cost=np.concatenate([pooled.cost, rest.cost]),
        lower=np.zeros(arcs + len(rest.cost)),
        upper=np.concatenate([zero + np.inf, rest.most]),
        whole=np.zeros(arcs + len(rest.cost), dtype=bool),
        matrix=matrix,
        row_lower=np.append(rest.needed, np.zeros(matrix.shape[0] - size)),
        row_upper=np.full(matrix.shape[0], np.inf),
    )
    answer = solve_linear(program, time.monotonic() + 60)
    return float(program.cost @ answer.values)


@pytest.fixture(scope="module")
def medium():
    """60 nodes."""
    return Compiled(generate("medium", seed=3))


def whole(compiled):
    """The program of whole cells."""
    return pool(*market(compiled))


def parts(coarse, most):
    """The program of parts of whole cells."""
    return pool(*take_apart(coarse, most), NewCopies(coarse.pooled.cells.compiled))


def solved(pooled, steps):
    """An iterate of a program after some steps."""
    order = FirstOrder(pooled)
    order.advance(steps)
    return order


def in_parts(compiled):
    """The program in which nodes at home are cells of their own."""
    return parts(solved(whole(compiled), 2_000), 400)


def ends_at_the_optimum(pooled):
    """Whether primal and dual values close in on what simplex finds."""
    optimum = by_highs(pooled)
    return solved(pooled, 12_000).values() == pytest.approx((optimum, optimum), rel=2e-3)


@pytest.mark.parametrize("program", [whole, in_parts])
def test_the_first_order_method_ends_at_the_optimum(medium, program):
    """Primal and dual values close in on what simplex finds."""
    assert ends_at_the_optimum(program(medium))


def test_it_does_so_where_cells_are_inside_of_others(medium, monkeypatch):
    """And the optimum is about the same: nodes of a kind are alike for all that is new."""
    flat = in_parts(medium)
    monkeypatch.setattr(splitting, "MOST_PAIRS", 0)
    nested = in_parts(medium)
    assert flat.cells.flat
    assert not nested.cells.flat
    assert ends_at_the_optimum(nested)
    assert by_highs(nested) == pytest.approx(by_highs(flat), rel=5e-3)


def apart(order):
    """How far primal and dual values are from each other, relative."""
    primal, dual = order.values()
    return abs(primal - dual) / max(abs(primal), abs(dual))


def test_lifted_and_refined_iterates_start_closer_than_nothing():
    """After the same few steps, what a coarse program has found is worth a lot."""
    large = Compiled(generate("large", seed=3))
    q, cells = large.quantities, whole(large)
    level = merge(cells, q.class_model[np.concatenate([cells.run_g, cells.check_g])])
    assert 2 * len(level.coarse) < len(cells)
    coarse, cold = FirstOrder(level.coarse), FirstOrder(cells)
    coarse.advance(4_000)
    lifted = lift(level, coarse)
    lifted.advance(400)
    cold.advance(400)
    assert apart(lifted) < 0.5 * apart(cold)


@pytest.mark.slow
@pytest.mark.parametrize("most", [10**9, 0])
def test_refined_iterates_start_closer_than_nothing(most, monkeypatch):
    """The same, from whole cells to their parts."""
    monkeypatch.setattr(splitting, "MOST_PAIRS", most)
    large = Compiled(generate("large", seed=3))
    coarse = solved(whole(large), 4_000)
    fine = parts(coarse, 200)
    refined, new = refine(coarse, fine), FirstOrder(fine)
    refined.advance(400)
    new.advance(400)
    assert apart(refined) < 0.5 * apart(new)


@pytest.mark.parametrize("most", [10**9, 0])
def test_refined_iterates_do_all_that_the_coarse_ones_did(most, monkeypatch):
    """Whatever parts are on offer; and no copies come from where none can be had."""
    monkeypatch.setattr(splitting, "MOST_PAIRS", most)
    coarse = solved(whole(Compiled(generate("large", seed=3))), 4_000)
    fine = parts(coarse, 20)
    refined = refine(coarse, fine)
    done = [
        np.bincount(order.pooled.arc_row, order.arc[X].clip(0.0), fine.n_rows)
        for order in (coarse, refined)
    ]
    assert done[1] == pytest.approx(done[0], rel=1e-4, abs=1e-4)
    copies = slice(0, fine.turned.start)
    impossible = fine.rest.cost[copies] >= NO_WAY
    assert impossible.any()
    assert not refined.column[VALUE, copies][impossible].any()


def focused(pooled):
    """A few arcs a class, chosen anew now and then."""
    focus = Focus(FirstOrder(pooled), 6)
    assert 2 * len(focus.order.pooled) < len(pooled)
    for _ in range(20):
        focus.order.advance(600)
        focus.renew()
    return focus


def test_what_matters_of_a_program_ends_at_its_optimum(medium):
    """A few arcs a class are as good as all of them."""
    pooled = whole(medium)
    focus, optimum = focused(pooled), by_highs(pooled)
    assert focus.order.values() == pytest.approx((optimum, optimum), rel=3e-3)
    everything = focus.whole()
    assert everything.values()[0] == pytest.approx(focus.order.values()[0], rel=1e-6)


def test_so_it_does_where_there_are_hosts(medium):
    """Sources keep what they pay when arcs are chosen anew."""
    pooled = in_parts(medium)
    assert len(pooled.source_keys)
    focus, optimum = focused(pooled), by_highs(pooled)
    assert focus.order.values() == pytest.approx((optimum, optimum), rel=3e-3)


@pytest.mark.parametrize("hosts", [False, True])
def test_bulks_that_single_copies_replace_change_no_optimum(medium, hosts, monkeypatch):
    """They are left out, with hosts where bulks bring one and without."""
    coarse = solved(whole(medium), 400)
    given = (*take_apart(coarse, 400), NewCopies(medium)) if hosts else market(medium)
    fewer, usual = pool(*given), pooling._Pool._hosts

    def with_all(self, new_copies):
        costs = self.copy_cost[NEW_BULK].copy()
        usual(self, new_copies)
        self.copy_cost[NEW_BULK], self.pays_bulk = costs, np.ones_like(self.pays_bulk)

    monkeypatch.setattr(pooling._Pool, "_hosts", with_all)
    every, bulks = pool(*given), slice(NEW_BULK * len(fewer.windows), STORED * len(fewer.windows))
    assert (fewer.rest.most[bulks] == 0).any()
    assert every.rest.most[bulks].min() > 0
    assert by_highs(fewer) == pytest.approx(by_highs(every), rel=1e-7)


def test_likely_arcs_are_those_in_use_and_the_cheapest(medium):
    """So many of each class, ties aside, and whatever is in use."""
    pooled = whole(medium)
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


def test_parts_in_use_are_listed_and_those_of_least_cost():
    """So many of each class row, and more where more are in use; every part of each arc counts."""
    draw = np.random.default_rng(4)
    rows, n_arcs, masks, n_cells, most = 30, 200, 6, 9, 5
    row = np.sort(draw.integers(rows, size=n_arcs))
    mask, used = draw.integers(masks, size=n_arcs), draw.random(n_arcs) < 0.3
    cells_of = [draw.permutation(n_cells)[: draw.integers(5)] for _ in range(masks)]
    of_mask, cell = np.cumsum([0, *map(len, cells_of)]), np.concatenate(cells_of)
    flows = draw.random(len(cell)) < 0.7
    (without, work, window, gb), (price, load) = draw.random((4, n_arcs)), draw.random((2, n_cells))
    found = least_parts(
        np.searchsorted(row, np.arange(rows + 1)),
        np.stack([without, work, window, gb]),
        mask,
        used,
        of_mask,
        cell,
        flows,
        np.stack([price, load]),
        most,
    )
    expected, beyond = [], 0
    for r in range(rows):
        parts = []
        for a in np.flatnonzero(row == r):
            for e in range(of_mask[mask[a]], of_mask[mask[a] + 1]):
                z = cell[e]
                cost = without[a] + work[a] * (window[a] + price[z] + gb[a] * load[z])
                parts.append((-1.0 if used[a] and flows[e] else cost, r * n_cells + z))
        in_use = sum(cost < 0 for cost, _ in parts)
        expected += [key for _, key in sorted(parts)[: max(most, in_use)]]
        beyond += in_use > most
    assert beyond > 0
    assert sorted(found) == sorted(expected)


def test_nodes_that_load_slowly_are_apart_from_fast_ones():
    """Each kind falls into a slower and a faster half, all of one speed together."""
    large = Compiled(generate("large", seed=3))
    q, cells = large.quantities, take_apart(solved(whole(large), 40), 400)[0]
    speed, halves = splitting._speeds(q), 0
    for kind in range(len(q.kind_node)):
        slow, fast = (q.load_gb_per_s[(q.node_kind == kind) & (speed == i)] for i in (0, 1))
        assert slow.max(initial=0.0) < fast.min(initial=np.inf)
        assert len(fast) <= len(slow) + 1 or not len(slow)
        halves += bool(len(slow) and len(fast))
    assert halves > 0
    for members in cells.members:
        assert len(set(speed[members])) == 1


@pytest.mark.parametrize("most", [10**9, 0])
def test_nodes_with_models_are_cells_of_their_own(medium, most, monkeypatch):
    """Whoever has something loaded or stored is alone, inside the cell of its kind where asked."""
    monkeypatch.setattr(splitting, "MOST_PAIRS", most)
    q, cells = medium.quantities, in_parts(medium).cells
    at_home = (((q.loaded > 0) | q.hosted) & (medium.max_replicas > 0)).any(axis=0)
    assert (np.bincount(cells.node_cell)[cells.node_cell[at_home]] == 1).all()
    assert np.array_equal(cells.kind_base[cells.node_kind], q.node_kind)
    outer = cells.within[cells.node_cell]
    assert cells.flat == (outer == cells.node_cell).all()
    for n in np.flatnonzero(at_home):
        assert n in cells.members[outer[n]]
        assert q.node_kind[n] == cells.kind_base[cells.within[cells.node_cell[n]]]


def test_arcs_in_halves_are_moved_as_in_one_piece(medium, monkeypatch):
    """To rounding; and to the last bit whether two threads do it or one."""

    def advanced(many, side_by_side):
        monkeypatch.setattr(firstorder, "MANY_ARCS", many)
        order = FirstOrder(whole(medium))
        order.advance(200, side_by_side)
        return order

    with ThreadPoolExecutor(1) as pool:
        together = advanced(1, by_threads(pool))
    one, two = advanced(10**9, one_by_one), advanced(1, one_by_one)
    for name in ("arc", "column", "row"):
        assert np.array_equal(getattr(two, name), getattr(together, name))
    assert two.row[VALUE] == pytest.approx(one.row[VALUE], rel=1e-3, abs=1e-3)
    assert one.steps == two.steps == 200


def test_no_more_parts_of_each_class_than_asked(medium):
    """Beside those in use, and where it is at home."""
    coarse = solved(whole(medium), 2_000)
    sizes = [np.diff(parts(coarse, most).first) for most in (2, 400)]
    assert sizes[0].max() < sizes[1].max()
    assert (sizes[0] >= 1).all()
