"""Which nodes to engage for plain jobs: what is chosen is feasible, auto ends at the optimum."""

import time
from itertools import product

import numpy as np
import pytest
from scipy.optimize import linprog
from searches import search_of

from placement import solve
from placement.compiled import Compiled
from placement.formats.cflp import parse_cflp
from placement.methods.closing.openings import choose_nodes
from placement.methods.relaxation import relax


def drawn(seed, facilities=4, customers=5, *, ratio=2.0, single_source=False):
    """Random facility location as an instance, whole capacities `ratio` times the demand."""
    rng = np.random.default_rng(seed)
    demand = rng.integers(1, 12, customers)
    room = rng.integers(5, 20, facilities)
    room = np.maximum(1, room * ratio * demand.sum() / room.sum()).astype(int)
    opening = rng.integers(0, 60, facilities)
    cost = rng.integers(1, 10, (customers, facilities)) * demand[:, None]
    text = "\n".join([
        f"{facilities} {customers}",
        *(f"{b} {f}" for b, f in zip(room, opening, strict=True)),
        *(f"{d} " + " ".join(map(str, row)) for d, row in zip(demand, cost, strict=True)),
    ])  # fmt: skip
    return parse_cflp(text.encode(), "drawn.txt", single_source=single_source)


def least(instance):
    """The optimum from many sources: every set of nodes with its cheapest transport."""
    q = Compiled(instance).quantities
    arcs, engagement = Compiled(instance).run, Compiled(instance).engagement
    demand = (arcs.g == np.arange(q.n_classes)[:, None]).astype(float)
    load = (arcs.n == np.arange(q.n_nodes)[:, None]) * arcs.work_s
    best = np.inf
    for engaged in product((0.0, 1.0), repeat=q.n_nodes):
        answer = linprog(
            arcs.cost, A_eq=demand, b_eq=q.count, A_ub=load, b_ub=q.capacity_s * engaged
        )
        if answer.status == 0:
            best = min(best, answer.fun + engagement @ engaged)
    return best


def chosen(instance, **options):
    """A search in which nodes have been chosen."""
    search = search_of(Compiled(instance), deadline=time.monotonic() + 20, gap=0.0, **options)
    relaxed = relax(search, search.deadline)
    if relaxed.values is not None:
        choose_nodes(search, relaxed.model, relaxed.values, search.deadline)
    return search


@pytest.mark.parametrize("seed", range(15))
@pytest.mark.parametrize("ratio", [1.0, 1.3, 3.0])
def test_auto_ends_with_the_optimum_from_many_sources(seed, ratio):
    """Proven, or proven to be infeasible, however tight capacities are."""
    instance = drawn(seed, ratio=ratio)
    optimum, result = least(instance), solve(instance, gap=0)
    if np.isinf(optimum):
        assert result.status == "infeasible"
    else:
        assert result.status == "optimal"
        assert result.objective == pytest.approx(optimum, rel=1e-6)


@pytest.mark.parametrize("seed", range(10))
def test_what_is_chosen_is_close_to_the_optimum(seed):
    """Never below it, and at most a tenth above."""
    instance = drawn(seed, ratio=1.7)
    optimum = least(instance)
    assert optimum - 1e-6 <= chosen(instance).objective <= 1.1 * optimum


def test_nodes_are_chosen_the_same_again():
    """The seed decides in what order nodes are tried."""
    instance = drawn(3, 8, 20)
    first, second = (chosen(instance, seed=5).best for _ in range(2))
    assert np.array_equal(first.run_n, second.run_n)
    assert np.array_equal(first.run_count, second.run_count)


@pytest.mark.parametrize("single_source", [False, True])
def test_one_warehouse_for_all(single_source):
    """Four customers of one unit, 2 away from each warehouse but their own, 0 from that.

    A warehouse costs 3 to open and has room for all. One costs 3 + 3 * 2, each one more saves 2 and
    costs 3: the optimum is 9.
    """
    rows = "\n".join("1 " + " ".join("0" if i == j else "2" for i in range(4)) for j in range(4))
    instance = parse_cflp(
        f"4 4\n{'4 3 ' * 4}\n{rows}".encode(), "one.txt", single_source=single_source
    )
    result = solve(instance, gap=0)
    assert (result.status, result.objective) == ("optimal", 9.0)


def test_a_single_source_costs_no_less_than_many():
    """The engines for whole and for parted customers agree on which is which, and on milp."""
    for seed in range(5):
        whole, parted = (drawn(seed, 6, 12, single_source=single) for single in (True, False))
        results = [solve(instance, gap=0) for instance in (whole, parted)]
        assert [result.status for result in results] == ["optimal", "optimal"]
        assert results[0].objective >= results[1].objective - 1e-6
        assert results[0].objective == pytest.approx(solve(whole, "milp", gap=0).objective)
