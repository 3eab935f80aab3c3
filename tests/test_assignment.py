"""The engine for plain jobs: exact, honest about its bound, the same for the same seed."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from searches import compiled_of, search_of

from placement import Instance, solve
from placement.generate import generate
from placement.methods.assignment import linear
from placement.methods.assignment.engine import assign
from placement.methods.assignment.jobs import jobs_of, recognises, unit_of
from placement.methods.assignment.knapsacks import relax
from placement.methods.assignment.linear import relax as relax_linearly
from placement.methods.assignment.plans import BEST, plan_of
from placement.methods.assignment.relinking import walk
from placement.methods.assignment.sheets import sheet_of
from placement.methods.assignment.weighing import sift, weigh

PENALTIES = st.just(0.0) | st.floats(1e-6, 60)
"""Gaps of objectives below 1e-9 are absolute, so penalties are nothing or something."""
some = settings(max_examples=60, deadline=None, derandomize=True)


def document(cost, work, room, *, penalty=None, count=1, fixed=None):
    """Jobs as rows of `pairs`; a cost of None is a pair that is not there.

    `fixed` is what it costs to engage each node.
    """
    nodes, size = len(room), len(cost[0])
    return {
        "name": "jobs",
        "window_s": 1.0,
        "nodes": [
            {
                "name": f"n{i}", "roles": ["inference"], "accelerators": float(room[i]),
                "engaged_cost_per_hour": 3600.0 * fixed[i] if fixed is not None else 0.0,
            }
            for i in range(nodes)
        ],
        "requests": [
            {"name": f"j{j}", "count": count, "penalty": penalty} for j in range(size)
        ],
        "pairs": [
            {"request": f"j{j}", "node": f"n{i}", "cost": cost[i][j], "work_s": work[i][j]}
            for j in range(size)
            for i in range(nodes)
            if cost[i][j] is not None
        ],
    }  # fmt: skip


def drawn(seed, nodes=3, size=6, *, scale=1.0, tightness=0.8, **options):
    """Random jobs with work and cost of opposite rank, as in the hard type d."""
    rng = np.random.default_rng(seed)
    work = rng.integers(1, 20, (nodes, size))
    cost = np.maximum(0, 25 - work + rng.integers(-4, 5, (nodes, size)))
    room = np.maximum(1, tightness * work.sum(axis=1) / nodes).astype(int)
    return document((cost * scale).tolist(), (work * scale).tolist(), room * scale, **options)


def compiled(*arguments, **options):
    """The same, compiled."""
    return compiled_of(**drawn(*arguments, **options))


def least(jobs):
    """The optimum [coins] by trying everything, infinite where nothing is feasible."""
    nodes, size = jobs.cost.shape
    plans = [np.array(plan) for plan in product(range(nodes), repeat=size)]
    values = [jobs.objective(plan) for plan in plans if jobs.feasible(plan)]
    return min(values, default=np.inf)


def solved(one, **options):
    """A search after the engine has run in it to the end."""
    search = search_of(one, gap=0.0, **options)
    assign(search)
    return search


def agrees(one):
    """Assert that the engine ends with the optimum, proven, or with a proof that there is none."""
    search, best = solved(one), least(jobs_of(one))
    if np.isinf(best):
        assert search.infeasible
        assert search.best is None
    else:
        best *= jobs_of(one).coin
        assert search.objective == pytest.approx(best, rel=1e-6, abs=1e-9)
        assert search.lower_bound <= best + 1e-6 * max(1.0, best)
        assert search.closed


@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 5), st.floats(0.5, 1.5))
@some
def test_tiny_instances_end_with_the_optimum(seed, nodes, size, tightness):
    """Whole costs and works; some of them have no placement."""
    agrees(compiled(seed, nodes, size, tightness=tightness))


@given(st.integers(0, 10**6), st.integers(2, 5), st.floats(0.5, 4), st.integers(0, 60))
@some
def test_nodes_may_cost_to_engage(seed, nodes, tightness, dear):
    """Facility location from a single source: some nodes cost nothing, some are large enough."""
    fixed = np.random.default_rng(seed).integers(0, dear + 1, nodes).tolist()
    agrees(compiled(seed, nodes, 4, tightness=tightness, fixed=fixed))


@given(st.integers(0, 10**6), st.floats(0.3, 3), PENALTIES)
@some
def test_a_node_is_engaged_or_jobs_are_turned_away(seed, tightness, penalty):
    """Both cost; amounts are no whole numbers."""
    agrees(compiled(seed, 3, 4, tightness=tightness, penalty=penalty, fixed=[9.5, 20.25, 1 / 3]))


@given(st.integers(0, 10**6), st.floats(0.3, 1.2), PENALTIES)
@some
def test_jobs_may_be_turned_away(seed, tightness, penalty):
    """With a finite penalty there always is a placement."""
    agrees(compiled(seed, 2, 5, tightness=tightness, penalty=penalty))


@pytest.mark.parametrize("seed", range(10))
def test_amounts_need_not_be_whole(seed):
    """Works that are no multiple of a unit are rounded down in proofs, and never in placements."""
    one = compiled(seed, scale=np.pi / 3)
    assert not jobs_of(one).exact
    assert jobs_of(one).step == 0
    agrees(one)


@pytest.mark.parametrize("seed", range(5))
def test_counts_are_so_many_jobs(seed):
    """A request asked for twice is two jobs, and its rows add up."""
    one = compiled(seed, 3, 3, count=2, penalty=30.0)
    agrees(one)
    search = solved(one)
    served = np.bincount(search.best.run_g, search.best.run_count, 3)
    assert np.array_equal(served + search.best.unserved, [2, 2, 2])
    jobs = jobs_of(one)
    assert jobs.coin * jobs.objective(jobs.nodes_of(search.best)) == pytest.approx(search.objective)


@pytest.mark.parametrize("seed", range(5))
def test_pairs_may_be_missing(seed):
    """A job goes only where it has a row."""
    fields = drawn(seed)
    fields["pairs"] = [row for k, row in enumerate(fields["pairs"]) if k % 4 or k > 12]
    agrees(compiled_of(**fields))


def test_one_node_takes_all_or_nothing():
    """Nothing to choose."""
    assert solved(compiled_of(**document([[1, 2]], [[3, 4]], [7]))).objective == 3
    assert solved(compiled_of(**document([[1, 2]], [[3, 4]], [6]))).infeasible


def test_a_job_without_a_place_is_infeasible():
    """Its work is more than any node has."""
    assert solved(compiled_of(**document([[1.0], [1.0]], [[9], [9]], [8, 8]))).infeasible


def test_the_bound_of_knapsacks_is_never_above_the_optimum_and_above_the_linear_one():
    """At the prices of the linear relaxation, all jobs and pairs considered."""
    for seed in range(20):
        jobs = jobs_of(compiled(seed))
        best, relaxed = least(jobs), relax_linearly(jobs, np.inf)
        if np.isinf(best):
            continue
        sheet = sheet_of(jobs)
        sheet.price[:] = relaxed.price
        linear = relaxed.price.sum() - relaxed.rate @ jobs.room_s
        assert relax(sheet) >= linear - 1e-6
        assert relax(sheet) <= weigh(sheet) + 1e-9 <= best + 1e-6


def test_what_deciding_a_pair_costs_is_what_trying_it_gives():
    """`extra` is a bound on all plans with the job there, so sifting loses no optimum."""
    for seed in range(20):
        jobs = jobs_of(compiled(seed))
        best = least(jobs)
        if np.isinf(best):
            continue
        sheet = sheet_of(jobs)
        sheet.price[:] = relax_linearly(jobs, np.inf).price
        bound = relax(sheet)
        weigh(sheet)
        optimal = [
            np.array(plan)
            for plan in product(range(3), repeat=6)
            if jobs.feasible(np.array(plan)) and jobs.objective(np.array(plan)) <= best
        ]
        sift(sheet, bound, best + 1e-6)
        for plan in optimal:
            assert sheet.open[plan, np.arange(6)].all()


@pytest.mark.parametrize("dear", [0, 30])
def test_sifting_keeps_every_optimum_where_nodes_cost(dear):
    """Pairs are closed and nodes engaged only where no optimum says otherwise."""
    for seed in range(20):
        fixed = np.random.default_rng(seed).integers(0, dear + 1, 3).tolist()
        jobs = jobs_of(compiled(seed, tightness=1.5, fixed=fixed))
        best = least(jobs)
        plans = [np.array(plan) for plan in product(range(3), repeat=6)]
        optimal = [p for p in plans if jobs.feasible(p) and jobs.objective(p) <= best + 1e-9]
        sheet = sheet_of(jobs)
        sheet.price[:] = relax_linearly(jobs, np.inf).price
        bound = weigh(sheet)
        assert bound <= best + 1e-6
        sift(sheet, relax(sheet), best + 1e-6)
        for plan in optimal:
            assert sheet.open[plan, np.arange(6)].all()
            assert set(np.flatnonzero(sheet.opened)) <= set(plan.tolist())


def test_likely_pairs_give_the_relaxation_of_all(monkeypatch):
    """Prices ask for the pairs that were left out, until none is missing."""
    jobs = jobs_of(compiled(3, 12, 60, tightness=0.9, fixed=[0.0] * 12))
    full = relax_linearly(jobs, np.inf)
    monkeypatch.setattr(linear, "_SIFTED", 0)
    monkeypatch.setattr(linear, "_EACH", 1)
    sifted = relax_linearly(jobs, np.inf)
    values = [one.price.sum() - one.rate @ jobs.room_s for one in (full, sifted)]
    assert values[0] == pytest.approx(values[1], rel=1e-6)
    assert not sifted.infeasible
    assert relax_linearly(jobs_of(compiled(3, 12, 60, tightness=0.1)), np.inf).infeasible


def test_chains_find_plans_that_keep_capacities():
    """What they call the best is feasible, and costs what they say."""
    for seed in range(5):
        jobs = jobs_of(compiled(seed, 5, 30, tightness=1.0))
        plan = plan_of(jobs, np.zeros(5), seed)
        walk(plan, 20, 10_000)
        assert jobs.feasible(plan.best)
        assert plan.value[BEST] == pytest.approx(jobs.objective(plan.best))


def test_the_same_seed_gives_the_same_answer_with_any_threads():
    """Byte for byte."""
    one = compiled(7, 6, 60, tightness=0.9)
    first, second = (solved(one, seed=3, threads=threads) for threads in (1, 2))
    assert np.array_equal(first.best.run_n, second.best.run_n)
    assert first.lower_bound == second.lower_bound


def test_a_start_is_never_lost():
    """The optimum, given, is what comes out."""
    one = compiled(1)
    best = solved(one)
    again = search_of(one, gap=0.0, deadline=0.0)
    again.offer(best.best)
    assign(again)
    assert again.objective == best.objective


def test_auto_takes_the_engine_and_closes():
    """A mid-sized instance of the hard kind is proven in a moment; its prices prove most of it."""
    result = solve(Instance.from_dict(drawn(2, 5, 40)), gap=0, seed=1)
    assert result.status == "optimal"
    assert result.solution.engine == "assignment"
    assert result.solution.certificate


def test_only_plain_jobs_are_recognised():
    """Models, counts beyond all tables, and many alike on costly nodes are left to others."""
    assert recognises(compiled(0))
    assert not recognises(compiled_of(nodes=[{"name": "a"}], requests=[]))
    fields = drawn(0)
    fields["nodes"][0]["engaged_cost_per_hour"] = 1.0
    assert recognises(compiled_of(**fields))
    fields = drawn(0, count=10, fixed=[1.0, 1.0, 1.0])
    assert not recognises(compiled_of(**fields))
    fields = drawn(0, count=10**6)
    assert not recognises(compiled_of(**fields))
    from placement.compiled import Compiled

    assert not recognises(Compiled(generate("small")))


def test_units_are_seen():
    """The greatest common measure of a few decimals, 0 where there is none."""
    assert unit_of(np.array([6.0, 9.0])) == 3
    assert unit_of(np.array([0.5, 0.75])) == 0.25
    assert unit_of(np.array([1 / 3])) == 0
    assert unit_of(np.zeros(2)) == 0
