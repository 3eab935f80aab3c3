"""In pieces: the same result, certificate and clock as in one go."""

import time

import pytest
from crews import Inline
from searches import tiny

from placement import InputError, certified_bound, evaluate, solve, solve_in_pieces
from placement.distributed import decomposition
from placement.generate import generate
from placement.prices import Prices
from placement.quantities import Quantities


@pytest.fixture
def inline(monkeypatch):
    """Pieces solved in this process; returns the crew to come."""
    crew = Inline()
    monkeypatch.setattr(decomposition, "_crew", lambda *_: crew)
    return crew


@pytest.mark.parametrize("seed", range(12))
def test_tiny_instances_are_solved(seed, inline):
    """Whatever is odd: feasible where greedy finds a way, bounds below the optimum."""
    del inline
    instance = tiny(seed).instance
    result = solve_in_pieces(instance, "greedy", pieces=2, time_limit=2)
    best = solve(instance, "milp", time_limit=10)
    assert (result.objective is None) == (best.objective is None)
    if result.objective is not None:
        assert evaluate(instance, result.solution).feasible
        assert result.lower_bound <= best.objective + 1e-6 <= result.objective + 2e-6


def test_the_certificate_is_of_the_whole(inline):
    """Prices in the solution prove the bound for the instance that was given."""
    del inline
    instance = generate("small")
    result = solve_in_pieces(instance, "greedy", pieces=3, time_limit=6)
    prices = Prices.from_document(Quantities(instance), result.solution.certificate)
    assert certified_bound(instance, prices) == pytest.approx(result.lower_bound)
    assert evaluate(instance, result.solution).objective == pytest.approx(result.objective)
    assert result.solution.method == "pieces of greedy"


def test_a_lost_worker_costs_no_more_than_its_piece(inline):
    """The repair serves its requests."""
    inline.lost = {0}
    result = solve_in_pieces(generate("small"), "greedy", pieces=2, time_limit=8)
    assert result.objective is not None
    assert sum(result.solution.unserved.values()) < 600


def test_processes_keep_to_the_clock():
    """The time limit is that of everything."""
    instance = generate("medium")
    begun = time.monotonic()
    result = solve_in_pieces(instance, "greedy", pieces=2, time_limit=8)
    assert result.objective is not None
    assert time.monotonic() - begun < 30


def test_arguments_that_make_no_sense_are_named():
    """Before anything is started."""
    instance = generate("small")
    with pytest.raises(InputError, match="pieces must be at least 1"):
        solve_in_pieces(instance, pieces=0)
    with pytest.raises(InputError, match="workers 'gpus' is unknown"):
        solve_in_pieces(instance, workers="gpus")
    with pytest.raises(InputError, match="method 'best' is unknown"):
        solve_in_pieces(instance, "best")
