"""Engines behind one call: right answers, honest bounds, and a deadline that holds."""

import math
import os
import signal
import threading
import time
from functools import cache

import numpy as np
import pytest
import scipy.sparse as sp
import tinies
from searches import search_of

from placement.compiled import Compiled
from placement.decisions import encode
from placement.engines import ENGINES, GRACE_S, run_until, solve_linear, solve_whole
from placement.errors import EngineError
from placement.generate import generate
from placement.methods.greedy import greedy
from placement.model import build
from placement.program import Program

every_engine = pytest.mark.parametrize("engine", ENGINES)


def program(cost, matrix, low, high, upper, *, whole=True):
    """A program of a few columns from 0 to `upper`."""
    cost = np.array(cost, float)
    return Program(
        cost,
        np.zeros_like(cost),
        np.broadcast_to(np.array(upper, float), cost.shape).copy(),
        np.broadcast_to(np.array(whole), cost.shape).copy(),
        sp.csr_array(np.array(matrix, float)),
        np.array(low, float),
        np.array(high, float),
    )


def knapsack():
    """Values 10, 13, 7, 8, weights 3, 4, 2, 3, room for 7: the best is 23 of 13 and 10."""
    return program([-10, -13, -7, -8], [[3, 4, 2, 3]], [-np.inf], [7], 1)


def in_s(seconds):
    """A deadline."""
    return time.monotonic() + seconds


@cache
def medium():
    """The whole formulation of 60 nodes: no engine is done with it within minutes."""
    return build(Compiled(generate("medium")))


@cache
def start():
    """A good point of it: engines take a minute to find a better one."""
    search = search_of(medium().compiled)
    greedy(search)
    return encode(medium(), search.best)


# --- answers ----------------------------------------------------------------------------------


@every_engine
def test_a_knapsack(engine):
    """Optimum, point and bound are those found by hand."""
    answer = solve_whole(knapsack(), engine, math.inf)
    assert answer.verdict == "optimal"
    assert np.rint(answer.values).tolist() == [1, 1, 0, 0]
    assert answer.lower_bound == pytest.approx(-23)


@every_engine
def test_nothing_feasible(engine):
    """Two columns of at most 1 cannot sum to 3."""
    impossible = program([1, 1], [[1, 1]], [3], [np.inf], 1)
    answer = solve_whole(impossible, engine, math.inf)
    assert answer.verdict == "infeasible"
    assert answer.values is None
    assert answer.lower_bound is None


@every_engine
def test_a_continuous_column_beside_a_whole_one(engine):
    """At 2 $ for x and 3 $ for whole z, x + z >= 4 costs 8; a presolve once made it 12."""
    mixed = program([2, 3], [[1, 1]], [4], [np.inf], 10, whole=[False, True])
    answer = solve_whole(mixed, engine, math.inf)
    assert mixed.cost @ answer.values == pytest.approx(8)
    assert answer.lower_bound == pytest.approx(8)


@every_engine
@pytest.mark.parametrize("seed", [168, 190, 215])
def test_programs_that_a_presolve_once_spoilt(engine, seed):
    """All engines find the same, and no bound is above it.

    HiGHS 1.14.0 called worse points optimal (its issues 2957, 3043, 3073 and 3094).
    """
    tiny = build(Compiled(generate("tiny", seed))).program
    expected = {168: 6.344, 190: 41.44, 215: 22.59}[seed]
    answer = solve_whole(tiny, engine, math.inf, gap=0)
    assert tiny.cost @ answer.values == pytest.approx(expected)
    assert answer.lower_bound == pytest.approx(expected)


@every_engine
def test_optimal_means_within_the_gap_asked_for(engine):
    """With a gap of 0 the bound is the optimum, however small the costs are."""
    for seed in tinies.feasible_seeds(range(12)):
        tiny = build(Compiled(tinies.instance(seed))).program
        answer = solve_whole(tiny, engine, math.inf, gap=0)
        assert answer.verdict == "optimal"
        assert answer.lower_bound == pytest.approx(tinies.optimum(seed), rel=1e-6), seed
        assert np.rint(answer.values) @ tiny.cost == pytest.approx(tinies.optimum(seed), rel=1e-6)


@every_engine
def test_same_seed_same_answer(engine):
    """With one thread nothing depends on chance."""
    tiny = build(Compiled(tinies.instance(4))).program
    one, other = (solve_whole(tiny, engine, math.inf, seed=3) for _ in range(2))
    assert np.array_equal(one.values, other.values)
    assert one.lower_bound == other.lower_bound


def test_linear_programs_and_their_duals():
    """By hand: min 2a + 3b, a + b >= 4, a <= 3; the demand is worth 3, the limit on a saves 1."""
    small = program([2, 3], [[1, 1], [1, 0]], [4, -np.inf], [np.inf, 3], 10)
    answer = solve_linear(small, math.inf)
    assert answer.verdict == "optimal"
    assert answer.lower_bound == pytest.approx(9)
    assert answer.values == pytest.approx([3, 1])
    assert answer.duals == pytest.approx([3, -1])


def test_infeasible_linear_programs():
    """There are no duals to take for prices."""
    impossible = program([1, 1], [[1, 1]], [3], [np.inf], 1)
    answer = solve_linear(impossible, math.inf)
    assert (answer.verdict, answer.values, answer.lower_bound) == ("infeasible", None, None)


# --- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["gurobi", "", "HiGHS"])
def test_unknown_engines_are_refused(engine):
    """The sentence lists those there are."""
    with pytest.raises(EngineError, match="choose one of highs, cp-sat, scip"):
        solve_whole(knapsack(), engine, math.inf)


# --- deadlines --------------------------------------------------------------------------------


@every_engine
def test_deadlines_hold(engine):
    """A second on a program that takes minutes: back within the grace period."""
    program = medium().program
    begun = time.monotonic()
    answer = solve_whole(program, engine, begun + 1)
    assert time.monotonic() - begun < 1 + GRACE_S + 1
    assert answer.verdict in ("feasible", "unknown")


@every_engine
def test_a_deadline_that_has_passed(engine):
    """Nothing is begun."""
    begun = time.monotonic()
    answer = solve_whole(medium().program, engine, begun - 1)
    assert time.monotonic() - begun < 0.5
    assert (answer.verdict, answer.values, answer.lower_bound) == ("unknown", None, None)


def test_linear_deadlines_hold():
    """The same for linear programs."""
    program = build(Compiled(generate("large"))).program
    begun = time.monotonic()
    answer = solve_linear(program, begun + 0.5)
    assert time.monotonic() - begun < 0.5 + GRACE_S + 2
    assert answer.verdict != "infeasible"


@every_engine
def test_a_start_is_accepted(engine):
    """What is known after two seconds is no worse than the start; without it, it is much worse."""
    program, cost = medium().program, float(start() @ medium().program.cost)
    told = []
    answer = solve_whole(
        program, engine, in_s(2), start=start(), threads=1,
        on_incumbent=lambda values: told.append(float(values @ program.cost)),
    )  # fmt: skip
    if answer.values is not None:
        told.append(float(answer.values @ program.cost))
    assert told or engine == "cp-sat"  # which may not have read the program by then
    assert all(known <= cost * (1 + 1e-6) for known in told)


@every_engine
def test_a_start_on_a_small_program(engine):
    """An optimal start stays optimal; a start that is not feasible does no harm."""
    for values in ([1, 1, 0, 0], [0, 0, 1, 0], [1, 1, 1, 1]):
        answer = solve_whole(knapsack(), engine, math.inf, start=np.array(values, float))
        assert answer.verdict == "optimal"
        assert knapsack().cost @ answer.values == pytest.approx(-23)


def test_improvements_are_told_while_it_runs():
    """Incumbents get better, bounds get tighter, and none of them contradict each other."""
    incumbents, bounds = [], []
    small = build(Compiled(generate("small"))).program
    answer = solve_whole(
        small, "highs", in_s(30), node_limit=1, on_bound=bounds.append,
        on_incumbent=lambda values: incumbents.append(float(values @ small.cost)),
    )  # fmt: skip
    assert incumbents
    assert bounds
    assert bounds == sorted(bounds)
    assert incumbents == sorted(incumbents, reverse=True)
    assert bounds[-1] <= answer.lower_bound * (1 + 1e-9)
    assert answer.lower_bound <= incumbents[-1] * (1 + 1e-6)


def test_a_limit_on_nodes_ends_the_search():
    """Without a branch-and-bound node fewer programs are solved; with one, the same twice."""
    programs = [build(Compiled(tinies.instance(seed))).program for seed in range(12)]
    solved = {
        limit: sum(
            solve_whole(p, "highs", math.inf, node_limit=limit).verdict == "optimal"
            for p in programs
        )
        for limit in (0, None)
    }
    assert solved[0] < solved[None]
    for tiny in programs[3:6]:
        one, other = (solve_whole(tiny, "highs", math.inf, node_limit=1) for _ in range(2))
        assert one.verdict == other.verdict
        assert np.array_equal(one.values, other.values)


# --- run_until --------------------------------------------------------------------------------


def test_work_that_is_done_in_time():
    """It came back, and nobody told it to stop."""
    told = []
    assert run_until(lambda: None, math.inf, lambda: told.append(1))
    assert not told


def test_work_that_listens():
    """Told to stop at the deadline, it comes back within the grace period."""
    stop = threading.Event()
    begun = time.monotonic()
    assert run_until(stop.wait, begun + 0.2, stop.set)
    assert 0.1 < time.monotonic() - begun < 0.2 + GRACE_S


def test_work_that_does_not_listen_is_left_behind():
    """The caller is back after the grace period."""
    release = threading.Event()
    begun = time.monotonic()
    assert not run_until(release.wait, begun + 0.1, lambda: None)
    assert time.monotonic() - begun < 0.1 + GRACE_S + 0.5
    release.set()


def test_work_that_fails():
    """Whatever an engine raises becomes our error."""

    def work():
        raise ZeroDivisionError("of all things")

    with pytest.raises(EngineError, match="of all things"):
        run_until(work, math.inf, lambda: None)


def test_an_interrupt_waits_for_the_engine_to_stop():
    """Ctrl-C is passed on once the engine, told to stop, has come back: none runs on unseen."""
    stop, ended = threading.Event(), threading.Event()

    def work():
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGINT)
        stop.wait(5)
        time.sleep(0.2)
        ended.set()

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run_until(work, in_s(5), stop.set)
        assert stop.is_set()
        assert ended.is_set()
    finally:
        signal.signal(signal.SIGINT, before)
