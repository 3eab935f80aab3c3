"""The elite: the best local optima, each crossed with the incumbent once."""

from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import pytest
from reflows import compiled, constructed
from searches import search_of

from placement.methods import elite as elites
from placement.methods.elite import KEPT, PAIRS, Elite
from placement.methods.sidebyside import one_by_one


@cache
def plan():
    """Some placement."""
    return constructed(compiled("small"))


def chains(*costs):
    """Chains that have come to plans of these costs, each one of its own."""
    return [SimpleNamespace(objective=c, best=SimpleNamespace(cost=c)) for c in costs]


@pytest.fixture
def elite(monkeypatch):
    """An elite with a feasible incumbent, whose crossings are only noted, in `crossed`."""
    search = search_of(compiled("small"))
    search.offer(plan())
    made, crossed = Elite(search), []

    def noted(_, best, other, *, latest, seed):
        assert best is search.best
        assert (latest, seed) == (7.0, search.seed)
        crossed.append(other.cost)
        return plan() if other.cost > 10 else None

    monkeypatch.setattr(elites, "cross", noted)
    made.crossed = crossed
    return made


def test_each_is_crossed_once_the_cheapest_first(elite):
    """A few at a time, until there are none; children are offered and returned."""
    elite.keep(chains(12.0, 3.0, 11.0))
    assert elite.cross(7.0, one_by_one) == [plan()]
    assert elite.cross(7.0, one_by_one) == [plan()]
    assert elite.cross(7.0, one_by_one) is None
    assert elite.crossed == [3.0, 11.0, 12.0]
    assert PAIRS == 2


def test_the_best_are_kept_and_each_only_once(elite):
    """Of equal ones one, and no more than so many."""
    elite.keep(chains(*range(20), 3.0, 3.0))
    while elite.cross(7.0, one_by_one) is not None:
        pass
    assert elite.crossed == list(range(KEPT))


def test_another_incumbent_is_crossed_with_all(elite):
    """What was crossed with the one before counts no more."""
    elite.keep(chains(1.0, 2.0))
    elite.cross(7.0, one_by_one)
    elite.search.best = replace(plan())
    elite.cross(7.0, one_by_one)
    assert elite.crossed == [1.0, 2.0, 1.0, 2.0]


def test_without_a_plan_there_is_nothing_to_cross(elite):
    """Neither where chains have none nor where there is no incumbent."""
    elite.keep([SimpleNamespace(objective=1.0, best=None)])
    assert elite.cross(7.0, one_by_one) is None
    elite.keep(chains(1.0))
    elite.search.best = None
    assert elite.cross(7.0, one_by_one) is None
