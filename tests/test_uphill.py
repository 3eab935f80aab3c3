"""Prices rise beside a search, and the judge sees the last of them in time."""

import numpy as np
import pytest
from searches import search_of

from placement.compiled import Compiled
from placement.generate import generate
from placement.methods import dualside
from placement.methods import uphill as uphill_module
from placement.methods.dualside import DualSide
from placement.methods.pace import Pace
from placement.methods.pricing import pricer
from placement.methods.sidebyside import one_by_one
from placement.methods.uphill import Uphill


@pytest.fixture(scope="module")
def small():
    """An instance that is priced in seconds."""
    return Compiled(generate("small", seed=3))


def uphill_of(compiled, *, many=False, **options):
    """The dual side of a search without end, and its pace."""
    search = search_of(compiled, **options)
    pace = Pace(search, np.inf)
    return Uphill(search, pace, one_by_one, many=many), pace


def is_late(uphill, monkeypatch):
    """Have no time left but for the judge."""
    monkeypatch.setattr(uphill.dual, "_left_s", lambda: 0.0)


def test_there_is_nothing_before_it_is_opened(small):
    """No prices to follow, and none that are settled or of parts."""
    uphill, _ = uphill_of(small)
    assert uphill.guide is None
    assert not uphill.settled
    assert not uphill.apart


@pytest.mark.parametrize("late", [False, True])
def test_the_last_prices_in_time_are_certified_beside_the_search(small, monkeypatch, late):
    """Then the dual side has ended; before, nothing is certified in the middle of a turn."""
    uphill, pace = uphill_of(small)
    uphill.open()
    if late:
        is_late(uphill, monkeypatch)
    uphill.advance()
    assert pace.certified == late
    assert (uphill._search.certified is not None) == late


def test_once_they_are_certified_tasks_are_done_alone(small, monkeypatch):
    """The judge has seen the last prices before the turn ends."""
    uphill, pace = uphill_of(small)
    uphill.open()
    is_late(uphill, monkeypatch)
    seen = []
    uphill.beside([lambda: seen.append(pace.certified)])
    monkeypatch.setattr(uphill, "advance", None)
    uphill.beside([lambda: seen.append(pace.certified)])
    assert seen == [False, True]


def test_no_time_is_kept_for_prices_that_the_judge_has_seen(small):
    """Only for those that prove more: then the search may use the time to the end."""
    uphill, pace = uphill_of(small)
    uphill.open()
    assert pace.pending
    uphill.certify()
    assert not pace.pending
    uphill._search.certified = uphill.dual.best.bound
    uphill.advance()
    assert pace.pending == (uphill.dual.best.bound > uphill._search.certified * (1 + 1e-9))


@pytest.mark.parametrize(("threads", "kept"), [(1, True), (2, False)])
def test_no_time_is_kept_for_prices_that_are_seen_beside_the_turn(
    small, monkeypatch, threads, kept
):
    """Where that turn is the last in time for them, and a second thread is there to do it."""
    uphill, pace = uphill_of(small, threads=threads)
    uphill.open()
    uphill.look_ahead()
    assert pace.pending
    is_late(uphill, monkeypatch)
    uphill.look_ahead()
    assert pace.pending == kept


@pytest.mark.parametrize("hasty", [False, True])
def test_where_nodes_are_many_the_search_waits_for_settled_prices(small, monkeypatch, hasty):
    """They are hastened where they would be late, once cells are apart."""
    opened = []

    class Opened(DualSide):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            opened.append(self.pricer)

    monkeypatch.setattr(uphill_module, "DualSide", Opened)
    monkeypatch.setattr(dualside, "LOOK", 1)
    uphill, pace = uphill_of(small, many=True)
    monkeypatch.setattr(pace, "as_much_again", lambda _: not (hasty and opened[0].apart))
    uphill.open()
    assert uphill.settled
    assert uphill.apart
    assert (opened[0]._order.steps < pricer.LOOKED_APART) == hasty
