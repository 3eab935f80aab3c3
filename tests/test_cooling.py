"""A search cools to nothing, as slowly as there is time for."""

import math

import pytest

from placement.methods.cooling import Cooling


def turns(cooling, steps, affordable=lambda _: math.inf, most=1000):
    """All turns, one after the other; `affordable` is asked with the steps made so far."""
    found, done = [], 0
    while not cooling.over and len(found) < most:
        found.append(cooling.turn(steps, affordable(done)))
        done += found[-1][0]
    return found


@pytest.mark.parametrize(("most", "steps"), [(100, 7), (100, 100), (100, 1000), (1, 1), (99, 98)])
def test_without_a_limit_it_cools_evenly_to_nothing(most, steps):
    """From the warmth, by the same for each step, each turn where the last one ended."""
    found = turns(Cooling(8.0, most), steps)
    assert sum(now for now, _, _ in found) == most
    done = 0
    for now, first, last in found:
        assert first == pytest.approx(8.0 * (1 - done / most))
        done += now
        assert last == pytest.approx(8.0 * (1 - done / most))
    assert found[-1][2] == pytest.approx(0.0)


def test_with_little_time_it_is_cold_when_that_is_over():
    """Steps for which there is no time are not waited for."""
    found = turns(Cooling(8.0, 10**9), 100, lambda done: 350.0 - done, most=4)
    assert [now for now, _, _ in found] == [100, 100, 100, 50]
    assert [first for _, first, _ in found] == pytest.approx([8.0 * k / 7 for k in (7, 5, 3, 1)])
    assert found[-1][2] == pytest.approx(0.0)


def test_it_follows_what_becomes_known_of_the_time():
    """Colder at once where there is less time than was thought; never warmer than at first."""
    cooling = Cooling(8.0, 10**6)
    _, first, last = cooling.turn(100, math.inf)
    assert first == 8.0
    assert last > 7.99
    _, first, last = cooling.turn(100, 100.0)
    assert first == pytest.approx(4.0)
    assert last == pytest.approx(0.0)
    _, first, _ = cooling.turn(100, 10**5)
    assert first < 8.0


@pytest.mark.parametrize("affordable", [1.0, 0.2, 0.0, -5.0])
def test_a_turn_has_one_step_at_least(affordable):
    """And ends cold where there is time for no other."""
    now, _, last = Cooling(8.0, 100).turn(10, affordable)
    assert now == 1
    assert last == 0.0
