"""The dual side ends with prices that prove something, however early."""

import math

import pytest

from placement.compiled import Compiled
from placement.generate import generate
from placement.methods import dualside
from placement.methods.dualside import LOOK, DualSide
from placement.methods.floor import floor_prices


@pytest.fixture(scope="module")
def medium():
    """One instance, compiled once."""
    return Compiled(generate("medium", seed=1))


def in_time():
    """Nothing is ever over."""
    return False


def test_what_was_priced_is_completed_before_the_limit(medium, monkeypatch):
    """Pricing without end stops when the time left is what completion takes."""
    monkeypatch.setattr(dualside, "LOOK", 100_000)
    left = iter([100.0] * 12)
    dual = DualSide(medium, floor_prices(medium), lambda: next(left, 0.0))
    known = dual.guide.bound
    dual.advance(1000 * LOOK, in_time)
    assert not dual.settled
    assert dual.guide.bound > known


def test_nothing_is_begun_when_it_is_over(medium):
    """What is known stays."""
    dual = DualSide(medium, floor_prices(medium))
    known = dual.guide
    dual.advance(LOOK, lambda: True)
    assert dual.guide is known


def test_without_a_limit_prices_settle(medium):
    """And then bundles raise the bound."""
    dual = DualSide(medium, None)
    dual.advance(10**12, in_time)
    assert dual.settled
    pooled = dual.guide.bound
    dual.advance(20 * LOOK, in_time)
    assert dual.best.bound > pooled


def test_no_evaluation_is_begun_that_would_not_end_in_time(medium):
    """Bundles stop where the time left is less than completing prices took."""
    left = [math.inf]
    dual = DualSide(medium, None, lambda: left[0])
    dual.advance(10**12, in_time)
    assert dual.settled
    left[0] = 1e-9
    dual.advance(10**12, in_time)
    assert dual.best is dual.guide
