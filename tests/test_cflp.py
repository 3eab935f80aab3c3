"""Facility location: what is read is what the file says, from many sources and from one."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from placement import InputError, solve
from placement.formats.cflp import parse_cflp, read_cflp, write_cflp
from placement.quantities import Quantities

TWO_BY_TWO = b" 2 2\n 5 10.\n 4 0.\n 3\n 6 9\n 4 \n 8 2.5\n"
"""2 facilities of 5 and 4 units, the first costs 10 to open; customers want 3 and 4 units."""


def written(facilities, customers):
    """A file of (capacity, opening cost) and (demand, costs)."""
    rows = [[len(facilities), len(customers)], *facilities]
    rows += [[demand, *costs] for demand, costs in customers]
    return "\n".join(" ".join(map(str, row)) for row in rows).encode()


# --- what is read --------------------------------------------------------------------------------


def test_units_are_requests_from_many_sources():
    """Each at its share of the cost, one accelerator for the whole hour."""
    instance = parse_cflp(TWO_BY_TWO, "cap.txt")
    q = Quantities(instance)
    assert [row.count for row in instance.requests] == [3, 4]
    pairs = {(pair.request, pair.node): pair for pair in instance.pairs}
    assert pairs["customer-1", "facility-1"].cost == 2
    assert pairs["customer-2", "facility-2"].cost == 0.625
    assert (q.capacity_s / 3600).tolist() == [5, 4]
    assert [node.engaged_cost_per_hour for node in instance.nodes] == [10, 0]


def test_customers_are_requests_from_a_single_source():
    """With all their demand and all its cost."""
    instance = parse_cflp(TWO_BY_TWO, "cap.txt", single_source=True)
    assert [row.count for row in instance.requests] == [1, 1]
    pairs = {(pair.request, pair.node): pair for pair in instance.pairs}
    assert pairs["customer-2", "facility-2"].cost == 2.5
    assert pairs["customer-2", "facility-2"].work_s == 4 * 3600


def test_a_customer_without_demand_still_costs_its_service():
    """One request without work, at the whole cost; an open facility is needed all the same."""
    instance = parse_cflp(b"1 1\n 0 7\n 0 3\n", "none")
    assert solve(instance, "milp", gap=0).objective == pytest.approx(10)


def test_decimals_become_smaller_units():
    """Tenths or hundredths, where demands or capacities ask for them; costs in all stay."""
    instance = parse_cflp(b"1 2\n 4.35 1\n 1.5 3\n 2.85 6\n", "parts")
    assert [row.count for row in instance.requests] == [150, 285]
    assert instance.nodes[0].accelerators == 435
    result = solve(instance, "milp", gap=0)
    assert result.objective == pytest.approx(10)


problems = st.integers(1, 3).flatmap(
    lambda m: st.tuples(
        st.lists(st.tuples(st.integers(0, 12), st.integers(0, 9)), min_size=m, max_size=m),
        st.lists(
            st.tuples(st.integers(0, 6), st.lists(st.integers(0, 30), min_size=m, max_size=m)),
            min_size=1,
            max_size=3,
        ),
    )
)


def many_sources(facilities, customers):
    """The least cost over all sets of open facilities, each a linear program; None if none."""
    m, n = len(facilities), len(customers)
    cost = np.array([costs for _, costs in customers], dtype=float).ravel()
    serve = np.kron(np.eye(n), np.ones(m))
    load = np.kron([[demand for demand, _ in customers]], np.eye(m))
    best = []
    for opened in product((0, 1), repeat=m):
        room = [c * o for (c, _), o in zip(facilities, opened, strict=True)]
        bounds = [(0, o) for _ in range(n) for o in opened]
        found = linprog(cost, load, room, serve, np.ones(n), bounds)
        if found.status == 0:
            best.append(
                found.fun + sum(f * o for (_, f), o in zip(facilities, opened, strict=True))
            )
    return min(best, default=None)


def single_source(facilities, customers):
    """The least cost over all assignments of customers; None where none fits."""
    m = len(facilities)
    best = []
    for chosen in product(range(m), repeat=len(customers)):
        load = [0] * m
        for i, (demand, _) in zip(chosen, customers, strict=True):
            load[i] += demand
        if all(load[i] <= facilities[i][0] for i in range(m)):
            cost = sum(costs[i] for i, (_, costs) in zip(chosen, customers, strict=True))
            best.append(cost + sum(facilities[i][1] for i in set(chosen)))
    return min(best, default=None)


@settings(max_examples=25, deadline=None)
@given(problems, st.booleans())
def test_the_optimum_is_that_of_the_file(problem, single):
    """Brute force over open facilities, or over all assignments."""
    result = solve(parse_cflp(written(*problem), "any", single_source=single), "milp", gap=0)
    best = (single_source if single else many_sources)(*problem)
    assert result.objective == (None if best is None else pytest.approx(best, abs=1e-6))


# --- and back ------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(problems, st.booleans(), st.integers(0, 4))
def test_a_round_trip_changes_nothing(problem, single, decimals):
    """Costs with decimals are what they were, though they were shared out among units."""
    facilities = [(c, f / 10**decimals) for c, f in problem[0]]
    customers = [(d, [c / 10**decimals for c in costs]) for d, costs in problem[1]]
    text = written(facilities, customers)
    instance = parse_cflp(text, "any", single_source=single)
    back = write_cflp(instance)
    assert list(map(float, back.split())) == list(map(float, text.split()))
    assert parse_cflp(back.encode(), "any", single_source=single) == instance


def test_smaller_units_stay_in_what_is_written_back():
    """The same costs, and demands in hundredths."""
    back = write_cflp(parse_cflp(b"1 2\n 4.35 1\n 1.5 3\n 2.85 6\n", "parts"))
    assert back.split() == ["1", "2", "435", "1", "150", "3", "285", "6"]


def test_work_that_differs_between_nodes_is_not_written():
    """A customer's demand is one number."""
    instance = parse_cflp(TWO_BY_TWO, "cap")
    pairs = [pair.model_dump() for pair in instance.pairs]
    pairs[0]["work_s"] = 1.0
    with pytest.raises(InputError, match="the same work on every node"):
        write_cflp(instance.replace(pairs=pairs))


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (b"", r"bad\.txt is empty; it must begin with the numbers of facilities and of customers"),
        (b"2 0\n", "line 1, column 3: the number of customers must be a whole number from 1"),
        (b"16 50\n capacity 7500.\n", "line 2, column 2: must be a number, got 'capacity'"),
        (TWO_BY_TWO[:-4], r"ends too early: 2 facilities and 2 customers need 12 numbers, and"),
        (TWO_BY_TWO + b"1", "line 8, column 1: must be the end of the file"),
        (TWO_BY_TWO.replace(b" 10.", b" -1"), "line 2, column 4: a capacity or opening cost must"),
        (TWO_BY_TWO.replace(b" 2.5", b" 1e12"), r"line 7, column 4: a demand or cost .* 1e\+11"),
        (TWO_BY_TWO.replace(b" 3\n", b" 3.00000005\n"), "line 4, column 2: .* at most 6 decimals"),
        (TWO_BY_TWO.replace(b" 5 ", b" 5.00000005 "), "line 2, column 2: a capacity or demand"),
        (TWO_BY_TWO.replace(b" 3\n", b" 90000000000.5\n").replace(b" 5 ", b" 5.55 "),
         r"no more than 1e\+12 such units"),
        (b"99999999 99999999\n1", "ends too early"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_place(text, named):
    """File, line, column, and what would be right."""
    with pytest.raises(InputError, match=named):
        parse_cflp(text, "bad.txt")


def test_a_single_source_takes_any_demand():
    """Fractions need no units there."""
    text = TWO_BY_TWO.replace(b" 3\n", b" 3.00000005\n")
    instance = parse_cflp(text, "fine", single_source=True)
    assert instance.pairs[0].work_s == pytest.approx(3.00000005 * 3600)


def test_a_missing_file_is_named(tmp_path):
    """The error is about the file."""
    with pytest.raises(InputError, match=r"cannot read .*nowhere\.txt"):
        read_cflp(tmp_path / "nowhere.txt")


@settings(max_examples=200, deadline=None)
@given(st.text("0123456789.-e \n", max_size=50).map(str.encode), st.booleans())
def test_any_numbers_are_read_or_refused(text, single):
    """No other exception, whatever the file holds."""
    try:
        instance = parse_cflp(b"1 1 " + text, "any", single_source=single)
    except InputError:
        return
    assert instance.requests[0].count >= 1
