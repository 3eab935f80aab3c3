"""The relaxation with cutting planes: few rows, the same value, and then a higher one."""

import numpy as np
import pytest
import tinies

from placement.compiled import Compiled
from placement.engines import solve_linear
from placement.generate import generate
from placement.methods.closing.strengthening import Relaxation, strengthen
from placement.model import build


def relaxation_of(compiled):
    """A relaxation and the value and values of the model's own."""
    model = build(compiled)
    answer = solve_linear(model.program, np.inf)
    return Relaxation(model, answer.duals), answer


def strengthened(relaxation):
    """All rounds: the simplex, its value, and the values along the way."""
    told, simplex = [], relaxation.simplex()
    value = strengthen(relaxation, simplex, lambda: False, told.append)
    return simplex, value, told


def test_rows_left_out_do_not_matter():
    """The core alone, without most rows, has the value of the whole relaxation."""
    relaxation, answer = relaxation_of(Compiled(generate("medium", seed=0)))
    assert len(relaxation.core.row_lower) < 0.5 * len(relaxation.model.program.row_lower)
    assert relaxation.simplex().solve() == pytest.approx(answer.lower_bound)


def test_bounds_rise_and_hold():
    """Every value is told, none falls, none is above the optimum."""
    for seed in tinies.feasible_seeds(range(30)):
        relaxation, answer = relaxation_of(Compiled(tinies.instance(seed)))
        _, value, told = strengthened(relaxation)
        optimum = tinies.optimum(seed)
        assert value <= optimum + 1e-6 * max(1e-9, abs(optimum))
        assert value >= answer.lower_bound - 1e-6 * max(1.0, abs(value))
        assert told[-1] == value


def test_what_was_left_out_holds_at_the_end():
    """The last point keeps all rows of the model, also those outside."""
    relaxation, _ = relaxation_of(Compiled(generate("small", seed=2)))
    simplex, value, _ = strengthened(relaxation)
    program = relaxation.program()
    rows = program.matrix @ simplex.values
    slack = 1e-4 * np.maximum(1.0, np.abs(rows))
    assert (rows <= program.row_upper + slack).all()
    assert (rows >= program.row_lower - slack).all()
    assert solve_linear(program, np.inf).lower_bound == pytest.approx(value)


def test_a_second_simplex_has_the_same_rows():
    """One made later begins where the first has come to."""
    relaxation, _ = relaxation_of(Compiled(generate("small", seed=0)))
    _, value, _ = strengthened(relaxation)
    assert relaxation.simplex().solve() == pytest.approx(value)


def test_it_ends_when_it_is_over():
    """Nothing is added once there is no time."""
    relaxation, answer = relaxation_of(Compiled(generate("small", seed=0)))
    simplex, told = relaxation.simplex(), []
    strengthen(relaxation, simplex, lambda: True, told.append)
    assert told == [pytest.approx(answer.lower_bound)]
    assert not relaxation.added
