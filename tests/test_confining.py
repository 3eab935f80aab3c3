"""Constructions that follow a relaxation: confined for a while, feasible, and the better for it."""

import numpy as np
import pytest
from reflows import compiled
from searches import judged

from placement.methods.completion import complete
from placement.methods.dualside import DualSide
from placement.methods.pricing import pricer
from placement.methods.pricing.pricer import Pricer
from placement.methods.recreate.confining import confined
from placement.methods.recreate.improver import Recreation
from placement.methods.recreate.state import rows_of

PART = 0.03


@pytest.fixture(scope="module")
def guided():
    """60 nodes, settled prices completed, and where their relaxation has the classes."""
    one, pricing = compiled("medium"), Pricer(compiled("medium"))
    while not pricing.done:
        pricing.advance(10_000_000)
    prices = pricing.prices()
    return one, complete(one, prices.demand, prices.verification), pricing.shares()


def begun(one, guide):
    """Nothing placed yet, at these prices."""
    recreation = Recreation(one, None, prices=guide.prices)
    recreation.guide(guide.prices, guide.rent_per_s)
    return recreation


def test_classes_run_only_where_the_relaxation_has_them(guided):
    """While confined; re-executions go anywhere."""
    one, guide, shares = guided
    recreation = begun(one, guide)
    with confined(recreation._book, one, shares, PART):
        recreation._place()
    rows = rows_of(recreation._book)
    runs = rows.kind == 0
    assert runs.any()
    assert shares.able(one, PART)[rows.g[runs], shares.node_kind[rows.n[runs]]].all()


def test_the_book_is_as_it_was(guided):
    """Afterwards, also where something went wrong within."""
    one, guide, shares = guided
    book = begun(one, guide)._book
    before = {name: table.copy() for name, table in book.arrays.items()}
    widths = int(book.bytes), int(book.kinds)
    with pytest.raises(KeyError), confined(book, one, shares, PART):
        raise KeyError
    assert (int(book.bytes), int(book.kinds)) == widths
    for name, table in before.items():
        assert np.array_equal(book.arrays[name], table), name


def test_whole_cells_are_not_followed(guided, monkeypatch):
    """There are shares to follow once single nodes are known, and only then."""
    one, _, _ = guided
    for most, known in ((pricer.MOST_ARCS, True), (0, False)):
        monkeypatch.setattr(pricer, "MOST_ARCS", most)
        dual = DualSide(one, None)
        assert dual.shares() is None
        while not dual.settled:
            dual.advance(10_000_000, lambda: False)
        assert (dual.shares() is not None) == known


def test_plans_along_the_relaxation_are_cheaper(guided):
    """After the same few steps; and they are feasible."""
    one, guide, shares = guided
    costs = []
    for along in (shares, None):
        recreation = begun(one, guide)
        recreation.construct(along)
        recreation.advance(3_000, 0.0)
        verdict = judged(one, recreation.best)
        assert not verdict.violations
        costs.append(verdict.objective)
    assert costs[0] < costs[1]
