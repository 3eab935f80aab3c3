"""Cutting planes for whole replicas: every placement keeps them, the relaxation does not."""

from cuts import kept, limited, raises

from placement.compiled import Compiled
from placement.generate import generate
from placement.methods.closing.covers import Covers
from placement.model import build


def test_every_placement_keeps_them():
    """No row cuts off an optimal placement, nor what is near it."""
    assert kept(Covers, range(60)) > 20


def test_the_bound_rises():
    """Rounds of cutting planes never lower the relaxation, and raise that of a small instance."""
    raises(Covers, build(Compiled(generate("small", seed=0))))


def test_at_most_so_many():
    """The number of rows is limited; those that cut most come first."""
    limited(Covers, build(Compiled(generate("small", seed=0))))
