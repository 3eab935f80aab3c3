"""A linear program solved again and again: the same values as from scratch."""

import time

import numpy as np
import pytest
import scipy.sparse as sp
import tinies

from placement.compiled import Compiled
from placement.engines import solve_linear
from placement.model import build
from placement.program import Program
from placement.simplex import Simplex


def square():
    """Two columns up to 4 that earn 1 and 2, at most 5 together."""
    return Program(
        np.array([-1.0, -2.0]), np.zeros(2), np.full(2, 4.0), np.zeros(2, dtype=bool),
        sp.csr_array([[1.0, 1.0]]), np.array([-np.inf]), np.array([5.0]),
    )  # fmt: skip


def test_solves_what_the_engine_solves():
    """The relaxation of a tiny instance has one value."""
    program = build(Compiled(tinies.instance(0))).program
    answer = solve_linear(program, np.inf)
    assert Simplex(program).solve() == pytest.approx(answer.lower_bound)


def test_bounds_come_and_go():
    """`within` replaces the bounds of the time before."""
    simplex = Simplex(square())
    assert simplex.solve() == pytest.approx(-9)
    simplex.within({1: (0.0, 2.0)})
    assert simplex.solve() == pytest.approx(-7)
    simplex.within({0: (0.0, 0.0)})
    assert simplex.solve() == pytest.approx(-8)
    simplex.within({})
    assert simplex.solve() == pytest.approx(-9)


def test_a_basis_outlives_new_rows():
    """What a solve ended with is a beginning where there are more rows."""
    simplex = Simplex(square())
    simplex.solve()
    basis = simplex.basis
    simplex.add_rows(sp.csr_array([[0.0, 1.0]]), np.array([-np.inf]), np.array([1.0]))
    assert simplex.solve(basis) == pytest.approx(-6)
    assert simplex.values == pytest.approx([4, 1])


def test_infeasible_is_infinite():
    """Where nothing fits the least objective is infinite, and the next solve is as good as new."""
    simplex = Simplex(square())
    simplex.add_rows(sp.csr_array([[1.0, 0.0]]), np.array([3.0]), np.array([np.inf]))
    simplex.within({0: (0.0, 2.0)})
    assert simplex.solve() == np.inf
    simplex.within({})
    assert simplex.solve() == pytest.approx(-7)


def test_few_steps_are_a_guess():
    """Stopped early there is some number, and all steps from the same basis are not harmed."""
    simplex = Simplex(square())
    simplex.solve()
    basis = simplex.basis
    simplex.within({0: (3.0, 4.0), 1: (0.0, 1.0)})
    assert np.isfinite(simplex.solve(basis, 1))
    assert simplex.solve(basis) == pytest.approx(-6)


def test_a_column_may_cost_something_else():
    """`charge` replaces the cost, and the columns that were best are so no longer."""
    simplex = Simplex(square())
    assert simplex.solve() == pytest.approx(-9)
    simplex.charge(np.array([-3.0, -1.0]))
    assert simplex.solve() == pytest.approx(-13)
    assert simplex.values == pytest.approx([4, 1])


def test_bounds_for_good_outlive_those_that_come_and_go():
    """What `within` restores is what `bound` has set; other columns and the program are as ever."""
    program = square()
    simplex = Simplex(program)
    simplex.bound(np.array([1]), np.array([0.5]), np.array([1.0]))
    assert simplex.solve() == pytest.approx(-6)
    simplex.within({1: (0.0, 3.0)})
    assert simplex.solve() == pytest.approx(-8)
    simplex.within({})
    assert simplex.solve() == pytest.approx(-6)
    assert Simplex(program).solve() == pytest.approx(-9)


def test_rows_may_allow_something_else():
    """`limit` replaces both bounds of the rows it names, infinite ones too."""
    simplex = Simplex(square())
    simplex.add_rows(sp.csr_array([[0.0, 1.0]]), np.array([-np.inf]), np.array([3.0]))
    assert simplex.solve() == pytest.approx(-8)
    simplex.limit(np.array([1]), np.array([-np.inf]), np.array([np.inf]))
    assert simplex.solve() == pytest.approx(-9)
    simplex.limit(np.array([0]), np.array([7.0]), np.array([np.inf]))
    assert simplex.solve() == pytest.approx(-12)
    simplex.limit(np.array([0, 1]), np.array([-np.inf, -np.inf]), np.array([2.0, 1.0]))
    assert simplex.solve() == pytest.approx(-3)


def test_solving_ends_when_it_is_too_late():
    """After the latest time there is no answer, before it the same as without any."""
    simplex = Simplex(square())
    simplex.stop_at(np.inf)
    assert simplex.solve() == pytest.approx(-9)
    simplex.stop_at(time.monotonic() + 60.0)
    simplex.charge(np.array([-2.0, -1.0]))
    assert simplex.solve() == pytest.approx(-9)
    simplex.stop_at(time.monotonic() - 1.0)
    simplex.charge(np.array([-1.0, -2.0]))
    assert simplex.solve() is None
