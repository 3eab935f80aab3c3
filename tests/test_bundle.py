"""Prices taken uphill: proven by the judge, never downhill, and as far as planes say."""

from itertools import product

import numpy as np
import pytest
import tinies

from placement.certificate import lower_bound
from placement.compiled import Compiled
from placement.generate import generate
from placement.methods import bundle
from placement.methods.bundle import Bundle
from placement.methods.completion import Completer
from placement.methods.floor import floor_prices


def never():
    """Time does not run out."""
    return False


def begun(compiled, rng=None):
    """A bundle at the prices of the floor, or somewhere around them."""
    floor, q = floor_prices(compiled), compiled.quantities
    wide = 1.0 if rng is None else rng.lognormal(0.2, 0.3, q.n_classes)
    completer = Completer(compiled)
    return Bundle(completer, completer.complete(floor.demand * wide, floor.verification))


@pytest.mark.parametrize("seed", range(12))
def test_bounds_rise_and_hold(seed):
    """What is best never gets less, is what the judge finds, and is below the optimum."""
    compiled = Compiled(tinies.instance(seed))
    climb = begun(compiled, np.random.default_rng(seed))
    bounds = [climb.best.bound]
    for _ in range(40):
        climb.advance(1, never)
        bounds.append(climb.best.bound)
    assert (np.diff(bounds) >= 0).all()
    proven = lower_bound(compiled.quantities, climb.best.prices)
    assert climb.best.bound == pytest.approx(proven, rel=1e-6, abs=1e-8)
    if tinies.optimal(seed) is not None:
        assert climb.best.bound <= tinies.optimum(seed) * (1 + 1e-9) + 1e-9


def test_the_end_is_a_summit():
    """Once it is done, no prices drawn around prove more than it said could be hoped for."""
    compiled = Compiled(generate("small", seed=1))
    climb = begun(compiled)
    start = climb.best.bound
    climb.advance(2000, never)
    assert climb.done
    best, rng = climb.best, np.random.default_rng(0)
    assert best.bound > 1.05 * start
    for width in (1e-4, 1e-3, 1e-2, 1e-1):
        moved = best.prices.demand * rng.lognormal(0, width, len(best.prices.demand))
        there = Completer(compiled).complete(moved, best.prices.verification)
        assert there.bound <= best.bound * (1 + 5 * bundle.SETTLED)


def test_the_same_steps_give_the_same_bits():
    """In one portion or in several."""
    compiled = Compiled(generate("small", seed=0))
    at_once, in_parts = begun(compiled), begun(compiled)
    at_once.advance(30, never)
    for _ in range(10):
        in_parts.advance(3, never)
    assert at_once.best.bound == in_parts.best.bound
    assert (at_once.best.prices.demand == in_parts.best.prices.demand).all()


def test_prices_that_are_passed_over_take_shorter_steps():
    """Half as long each time that the slope changes sign, down to some least; others as before.

    None gets shorter before a step has been to no gain.
    """
    climb = begun(Compiled(generate("small", seed=1)))
    first, waited = climb._scale, 0
    for _ in range(60):
        scale, slope = climb._scale, climb._slope
        climb.advance(1, never)
        turned = (slope * climb._slope < 0) & climb._missed
        waited += not climb._missed and (slope * climb._slope < 0).any()
        assert (climb._scale[~turned] == scale[~turned]).all()
        shorter = np.maximum(scale / 2, bundle.CALMEST * first)
        assert climb._scale[turned] == pytest.approx(shorter[turned])
    assert waited
    assert (climb._scale[first > 0] / first[first > 0]).min() == pytest.approx(bundle.CALMEST)


def test_no_step_once_it_is_over():
    """Nothing is completed where the time is up."""
    climb = begun(Compiled(generate("small", seed=0)))
    best = climb.best
    climb.advance(5, lambda: True)
    assert climb.best is best


def test_weights_are_the_best_of_a_grid():
    """No weights on a fine grid have a lesser sum of square and height than those found."""
    rng = np.random.default_rng(1)
    grid = [np.array(w) / 20 for w in product(range(21), repeat=3) if sum(w) == 20]
    for _ in range(20):
        table, above = rng.standard_normal((3, 5)), rng.exponential(1.0, 3)
        gram = table @ table.T
        found = bundle._weights(gram, above)
        assert found.min() >= 0
        assert found.sum() == pytest.approx(1.0)
        least = min(w @ gram @ w / 2 + above @ w for w in grid)
        assert found @ gram @ found / 2 + above @ found <= least + 1e-4
