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


@pytest.fixture(scope="module")
def medium():
    """An instance whose first search ends at more than the next one."""
    return Compiled(generate("medium", seed=3))


def closed_in(compiled, **options):
    """A search after both sides have ended by themselves."""
    search = search_of(compiled, **options)
    close_in(search, np.inf)
    return search


@pytest.mark.slow
def test_another_search_finds_what_the_first_has_not(medium, monkeypatch):
    """One more search ends lower here, and is feasible."""
    monkeypatch.setattr(bothsides, "ROUNDS", 0)
    first = closed_in(medium)
    monkeypatch.setattr(bothsides, "ROUNDS", 1)
    again = closed_in(medium)
    assert again.objective < 0.99 * first.objective
    assert not judged(medium, again.best).violations


def test_threads_do_not_change_what_is_found(small, monkeypatch):
    """Chains go side by side or one after the other, the hot one too."""
    monkeypatch.setattr(bothsides, "ROUNDS", 1)
    one, two = (closed_in(small, threads=threads).best for threads in (1, 2))
    assert all(np.array_equal(vars(one)[name], vars(two)[name]) for name in vars(one))
