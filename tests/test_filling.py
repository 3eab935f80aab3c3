"""Divisible knapsacks at a price for room: against taking item by item."""

import math

import numpy as np
import pytest

from placement.filling import Filling


def taken(items, rate, room):
    """What one knapsack gains, taking the items by worth per work."""
    gain = 0.0
    for value, work in sorted(items, key=lambda item: -item[0] / max(item[1], 1e-300)):
        part = 1.0 if work <= room else room / work
        if value > rate * work:
            gain += part * (value - rate * work)
            room = max(room - part * work, 0.0)
    return gain


def test_many_knapsacks_gain_what_each_gains_alone():
    """Several rows, each read at several rates and rooms; some items take or are worth nothing."""
    rng = np.random.default_rng(0)
    value, work = rng.normal(1, 2, (40, 9)), rng.exponential(1, (40, 9))
    work[rng.random(work.shape) < 0.1] = 0.0
    filling = Filling(value, work)
    row = rng.integers(0, 40, 2000)
    rate, room = rng.exponential(0.7, 2000), rng.exponential(3, 2000)
    rate[::7], room[::5], room[::6] = 0.0, 0.0, math.inf
    gains = filling.most(row, rate, room)
    for at, gain in enumerate(gains):
        items = list(zip(value[row[at]], work[row[at]], strict=True))
        assert gain == pytest.approx(taken(items, rate[at], room[at]), rel=1e-8, abs=1e-8)
    assert (gains > 0).sum() > 1000


def test_a_list_of_items_is_the_same_as_its_table():
    """Rows of different lengths, one of them empty, in any order."""
    row = np.array([2, 0, 2, 2])
    filling = Filling.of_items(row, np.array([3.0, 5.0, 1.0, 4.0]), np.array([1.0, 2, 1, 1]), 3)
    rooms = np.array([1.5, 10.0, 1.5])
    assert filling.most(np.arange(3), np.full(3, 0.5), rooms) == pytest.approx([3, 0, 4.75])


def test_nothing_to_fill():
    """No rows, no items: nothing is gained, and nothing breaks."""
    none = np.zeros(0, dtype=np.int64)
    filling = Filling.of_items(none, np.zeros(0), np.zeros(0), 0)
    assert len(filling.most(none, np.zeros(0), np.zeros(0))) == 0
