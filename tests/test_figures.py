"""Figures that instances are generated from, and what draws make of them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from placement.generate.catalogue import FAMILIES, PLACES, round_trips_ms
from placement.generate.draw import apportion, rounded
from placement.generate.models import footprint


def test_round_trips_are_in_the_order_of_the_regions():
    """Figures of three pairs, by name."""
    names = [place.name for place in PLACES]
    matrix = round_trips_ms()
    for one, other, ms in (
        ("us-east-1", "eu-west-1", 81),
        ("ap-northeast-1", "ap-southeast-2", 104),
        ("eu-central-1", "ap-southeast-1", 160),
    ):
        i, j = names.index(one), names.index(other)
        assert matrix[i, j] == matrix[j, i] == ms


def test_footprints_follow_the_sizes_of_models():
    """Eight billion parameters run on one small card; the largest model spans eight large ones."""
    found = {family.name: footprint(family) for family in FAMILIES}
    assert found["llama-8b-fp8"][0] < 24
    assert found["llama-8b-fp8"][1] == 1
    assert found["deepseek-r1-fp8"][1] == 8
    assert 80 < found["deepseek-r1-fp8"][0] / 8 < 141


@given(
    st.lists(st.floats(0.001, 1000), min_size=1, max_size=30),
    st.integers(0, 500),
    st.integers(0, 3),
)
def test_apportioned_parts_add_up(weights, total, least):
    """Parts add up to the total, none is below the least, larger weights never get less."""
    total += least * len(weights)
    parts = apportion(weights, total, least)
    assert parts.sum() == total
    assert parts.min() >= least
    order = np.argsort(weights, kind="stable")
    assert (np.diff(parts[order]) >= -1).all()


def test_rounded_numbers_are_short():
    """Rounding keeps so many digits, and what it gives is written with no more."""
    assert [str(x) for x in rounded([123456.0, 0.1 + 0.2, 0.0], 3)] == ["123000.0", "0.3", "0.0"]
