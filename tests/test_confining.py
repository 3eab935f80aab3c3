"""Constructions that follow a relaxation: confined for a while, feasible, and the better for it."""

import numpy as np
import pytest
from reflows import compiled
from searches import judged

from placement.compiled import Compiled
from placement.generate import generate
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
    return compiled("medium"), *relaxed(compiled("medium"))


def relaxed(one):
    """Prices of an instance, completed, and where its relaxation has the classes."""
    pricing = Pricer(one)
    while not pricing.done:
        pricing.advance(10_000_000)
    prices = pricing.prices()
    guide = complete(one, prices.demand, prices.verification, copying=prices.copying)
    return guide, pricing.shares()


def begun(one, guide, seed=0):
    """Nothing placed yet, at these prices."""
    recreation = Recreation(one, None, prices=guide.prices, seed=seed)
    recreation.guide(guide.prices, guide.rent_per_s)
    return recreation


def test_classes_run_only_where_the_relaxation_has_them(guided):
    """While confined; re-executions go anywhere."""
    one, guide, shares = guided
    recreation, some = begun(one, guide), shares.above(PART)
    recreation._spot(some)
    with confined(recreation._book, some):
        recreation._place(np.arange(one.quantities.n_classes), (16, 0, 0))
    rows = rows_of(recreation._book)
    runs = rows.kind == 0
    assert runs.any()
    start, nodes = some.nodes()
    for g, n in zip(rows.g[runs], rows.n[runs], strict=True):
        assert n in nodes[start[g] : start[g + 1]]


def test_the_book_is_as_it_was(guided):
    """Afterwards, also where something went wrong within."""
    one, guide, shares = guided
    book = begun(one, guide)._book
    before = {name: table.copy() for name, table in book.arrays.items()}
    widths = int(book.bytes), int(book.kinds)
    with pytest.raises(KeyError), confined(book, shares.above(PART)):
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
        dual.price(lambda: False, lambda _, pricing=dual.pricer: pricing.followable)
        assert (dual.shares() is not None) == known
        while not dual.settled:
            dual.advance(10_000_000, lambda: False)
        assert (dual.shares() is not None) == known


@pytest.mark.slow
def test_plans_along_the_relaxation_are_cheaper():
    """In the mean, after the same few steps, where nodes are many; and they are feasible."""
    one = Compiled(generate("large", seed=3))
    guide, shares = relaxed(one)
    costs = {}
    for name, along in (("along", shares), ("by prices", None)):
        costs[name] = []
        for seed in range(3):
            recreation = begun(one, guide, seed)
            recreation.construct(along)
            recreation.advance(5_000, 0.0)
            verdict = judged(one, recreation.best)
            assert not verdict.violations
            costs[name].append(verdict.objective)
    assert np.mean(costs["along"]) < np.mean(costs["by prices"])
