"""Joining: what pieces found is a placement of the whole."""

import pytest
from searches import judged, tiny
from test_cutting import pieces_of

from placement.compiled import Compiled
from placement.distributed.joining import join
from placement.distributed.piecework import Task, solve_piece
from placement.generate import generate
from placement.methods.recreate.starting import planned_hosting


def joined(compiled, pieces, lost=()):
    """The whole, each piece solved by greedy but for those lost."""
    cuts = pieces_of(compiled, pieces)
    findings = {
        i: solve_piece(Task(piece.instance, "greedy", None, float("inf"), 1e-3, 0, 1))
        for i, piece in enumerate(cuts)
        if i not in lost
    }
    return join(compiled, cuts, findings, planned_hosting(compiled))


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
