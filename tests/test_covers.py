"""Cutting planes for whole replicas: every placement keeps them, the relaxation does not."""

from itertools import pairwise

import pytest
from cuts import kept, rounds

from placement.compiled import Compiled
from placement.generate import generate
from placement.methods.closing.covers import Covers
from placement.model import build
from placement.simplex import Simplex


def test_every_placement_keeps_them():
    """No row cuts off an optimal placement, nor what is near it."""
    assert kept(Covers, range(60)) > 20


def test_the_bound_rises():
    """Rounds of cutting planes never lower the relaxation, and raise that of a small instance."""
    _, values = rounds(Covers, build(Compiled(generate("small", seed=0))))
    assert all(later >= earlier - 1e-6 for earlier, later in pairwise(values))
    assert values[-1] > values[0] * (1 + 1e-4)


def test_at_most_so_many():
    """The number of rows is limited; those that cut most come first."""
    model = build(Compiled(generate("small", seed=0)))
    covers, simplex = Covers(model), Simplex(model.program)
    simplex.solve()
    all_rows = covers.broken(simplex.values, 1e-6, 1000)
    some = covers.broken(simplex.values, 1e-6, 2)
    assert len(some.upper) == 2 < len(all_rows.upper)
    cut = all_rows.matrix @ simplex.values - all_rows.upper
    assert cut[:2] == pytest.approx(some.matrix @ simplex.values - some.upper)
    assert cut[0] == pytest.approx(cut.max())
