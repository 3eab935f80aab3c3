"""What there is time for."""

import math

import pytest
from searches import search_of, tiny

from placement.methods import pace as module
from placement.methods.pace import Pace


@pytest.fixture
def search():
    """A search whose clock stands at 100 s until it is moved."""
    one = search_of(tiny(3))
    one.now = 100.0
    one.clock = lambda: one.now
    return one


def test_time_to_report_is_kept_back(search):
    """From the deadline of the search, not from one that is earlier."""
    search.deadline = 200.0
    q = search.quantities
    kept = module.FINISH_S * (q.n_classes + q.n_nodes)
    assert Pace(search, 300.0).deadline == pytest.approx(200.0 - kept)
    assert Pace(search, 150.0).deadline == 150.0


def test_handing_in_takes_as_long_as_it_took(search):
    """One after the other with one thread, else at once: each is slower while the other lasts."""
    pace = Pace(search, 150.0)
    pace.offer_s, pace.certify_s = 3.0, 2.0
    search.threads = 1
    assert pace.end == pytest.approx(145.0)
    search.threads = 2
    assert pace.end == pytest.approx(150.0 - 3.0 - 2.0 * module.AT_ONCE)


def test_prices_that_the_judge_has_seen_take_no_more_time(search):
    """Before, the last of them have to be there so early that they are seen before the end."""
    pace = Pace(search, 150.0)
    pace.offer_s, pace.certify_s = 3.0, 2.0
    search.threads, search.now = 2, 140.0
    assert pace.before_last_s() == pytest.approx(7.0 - module.BESIDE * 2.0)
    pace.pending = False
    assert pace.left_s() == pytest.approx(7.0)


@pytest.mark.parametrize(("threads", "end"), [(1, 145.0), (2, 147.0)])
def test_prices_that_are_seen_beside_a_turn_take_no_more_time(search, threads, end):
    """With one thread there is no beside."""
    pace = Pace(search, 150.0)
    pace.offer_s, pace.certify_s = 3.0, 2.0
    search.threads = threads
    pace.seen_beside()
    assert pace.end == pytest.approx(end)


def test_it_is_over_when_handing_in_has_to_begin(search):
    """Not a second before."""
    search.threads = 1
    pace = Pace(search, 150.0)
    pace.offer_s, pace.certify_s = 5.0, 0.0
    search.now = 144.0
    assert pace.left_s() == pytest.approx(1.0)
    assert not pace.over()
    search.now = 145.0
    assert pace.over()


def test_shares_are_of_all_the_time(search):
    """However much of it is over."""
    pace = Pace(search, 150.0)
    search.now = 120.0
    assert pace.after(0.5) == pytest.approx(125.0)
    assert pace.span_s(0.2) == pytest.approx(10.0)


def test_steps_follow_the_pace_of_the_last_turn(search):
    """As many as are asked for where there was none, or where there is no limit."""
    pace = Pace(search, 150.0)
    assert pace.steps(10.0) == math.inf
    pace.turned(100, 1.0)
    assert pace.steps(10.0) == pytest.approx(1000)
    assert Pace(search, math.inf).after(0.5) == math.inf
    assert pace.steps(math.inf) == math.inf


def test_a_search_is_as_old_as_the_turns_since_it_began(search):
    """Whatever was done besides."""
    pace = Pace(search, 150.0)
    pace.turned(100, 2.0)
    search.now = 140.0
    pace.turned(50, 3.0)
    assert pace.searched_s == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("end", "steps"), [(math.inf, 1000), (112.0, 1000), (104.0, 400), (100.0, 1), (99.0, 1)]
)
def test_the_last_turn_has_the_steps_that_there_is_time_for(search, end, steps):
    """At the pace of the turn before; all of them where there was none."""
    search.threads = 1
    pace = Pace(search, end)
    pace.certify_s = 0.0
    assert pace.affordable(1000) == 1000
    pace.turned(100, 1.0)
    assert pace.affordable(1000) == steps


def test_a_portion_is_begun_where_one_as_long_as_the_last_would_end_in_time(search):
    """The first counts from the beginning."""
    pace = Pace(search, math.inf)
    search.now = 104.0
    assert pace.as_much_again(108.0)
    search.now = 107.0
    assert not pace.as_much_again(109.0)
    assert pace.as_much_again(107.0)
