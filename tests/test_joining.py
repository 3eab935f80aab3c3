"""Joining: what pieces found is a placement of the whole."""

import pytest
from searches import judged, tiny
from test_cutting import pieces_of

from placement.certificate import lower_bound
from placement.compiled import Compiled
from placement.distributed.joining import join, join_prices
from placement.distributed.piecework import Task, solve_piece
from placement.generate import generate
from placement.methods.recreate.starting import planned_hosting


def found(cuts, lost=()):
    """What greedy finds for each piece but those lost."""
    return {
        i: solve_piece(Task(piece.instance, "greedy", None, float("inf"), 1e-3, 0, 1))
        for i, piece in enumerate(cuts)
        if i not in lost
    }


def joined(compiled, pieces, lost=()):
    """The whole, of what is found for the pieces."""
    cuts = pieces_of(compiled, pieces)
    return join(compiled, cuts, found(cuts, lost), planned_hosting(compiled))


@pytest.mark.parametrize("seed", range(60))
def test_nothing_is_amiss_but_what_must_be_served(seed):
    """Whatever is odd about a tiny instance, only must-serve requests may be left."""
    compiled = tiny(seed)
    if planned_hosting(compiled) is None:
        pytest.skip("no hosts")
    violations = judged(compiled, joined(compiled, 2)).violations
    assert {violation.constraint for violation in violations} <= {1}


def test_pieces_without_an_answer_are_unserved():
    """Their requests are, and the rest stands."""
    compiled = Compiled(generate("small"))
    whole, half = joined(compiled, 2), joined(compiled, 2, lost={1})
    assert half.unserved.sum() > whole.unserved.sum()
    assert half.run_count.sum() > 0
    assert {violation.constraint for violation in judged(compiled, half).violations} <= {1}


def test_joined_prices_prove_a_bound_of_the_whole():
    """Prices found apart are valid for the whole; of a lost piece they are zero."""
    compiled = Compiled(generate("medium"))
    cuts = pieces_of(compiled, 2)
    findings = found(cuts)
    all_of_them = join_prices(compiled, cuts, findings)
    half = join_prices(compiled, cuts, {0: findings[0]})
    proven = lower_bound(compiled.quantities, all_of_them.prices)
    assert proven == pytest.approx(all_of_them.bound, rel=1e-3)
    assert half.bound < judged(compiled, joined(compiled, 2)).objective
    assert 0 < proven < judged(compiled, joined(compiled, 2)).objective
