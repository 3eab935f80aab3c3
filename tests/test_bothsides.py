"""Both sides begin again from nothing once a search has come to rest."""

import numpy as np
import pytest
from searches import judged, search_of

from placement.compiled import Compiled
from placement.generate import generate
from placement.methods import bothsides
from placement.methods.bothsides import close_in


@pytest.fixture(scope="module")
def small():
    """An instance that is searched in seconds."""
    return Compiled(generate("small", seed=3))


def closed_in(compiled, **options):
    """A search after both sides have ended by themselves."""
    search = search_of(compiled, **options)
    close_in(search, np.inf)
    return search


@pytest.mark.slow
def test_another_search_finds_what_the_first_has_not(monkeypatch):
    """Where the first comes to rest too high, one more ends lower by a percent, and is feasible."""
    ratios = []
    for network, seed in ((6, 11), (63, 3)):
        one = Compiled(generate("small", seed=network))
        monkeypatch.setattr(bothsides, "ROUNDS", 0)
        first = closed_in(one, seed=seed)
        monkeypatch.setattr(bothsides, "ROUNDS", 1)
        again = closed_in(one, seed=seed)
        ratios.append(again.objective / first.objective)
        assert not judged(one, again.best).violations
    assert max(ratios) <= 1
    assert np.mean(ratios) < 0.99


def test_threads_do_not_change_what_is_found(small, monkeypatch):
    """Chains go side by side or one after the other, and cool by their work alone."""
    monkeypatch.setattr(bothsides, "ROUNDS", 1)
    one, two = (closed_in(small, threads=threads).best for threads in (1, 2))
    assert all(np.array_equal(vars(one)[name], vars(two)[name]) for name in vars(one))


def test_halves_are_searched_where_nodes_are_many(small, monkeypatch):
    """In most turns, at once or one after the other, with the same answer."""
    monkeypatch.setattr(bothsides, "SEVERAL", 1)
    turns, halved = [], bothsides.Chain.recreate_halves

    def counted(*arguments, **options):
        turns.append(arguments)
        halved(*arguments, **options)

    monkeypatch.setattr(bothsides.Chain, "recreate_halves", counted)
    one, two = (closed_in(small, threads=threads).best for threads in (1, 2))
    assert len(turns) > 2
    assert all(np.array_equal(vars(one)[name], vars(two)[name]) for name in vars(one))
    assert not judged(small, one).violations


@pytest.mark.parametrize(
    ("searched_s", "left_s", "late"),
    [(0.0, 3.0, False), (0.0, 1.0, True), (20.0, 19.0, False), (20.0, 17.0, True)],
)
def test_a_search_begins_again_while_it_would_get_as_far(
    small, monkeypatch, searched_s, left_s, late
):
    """One that was not searched yet gives way to any that can still begin."""
    sides = bothsides._BothSides(search_of(small), np.inf)
    sides.pace.begin_s, sides.pace.searched_s = 2.0, searched_s
    monkeypatch.setattr(sides.pace, "left_s", lambda: left_s)
    assert sides._late == late
