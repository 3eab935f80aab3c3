"""Gaps, integrals and profiles, against figures worked out by hand."""

import numpy as np
import pytest
from bench_samples import row
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.groups import Instance, Record, references
from benchmarks.measures import (
    gap_to_best,
    improving,
    known_at,
    primal_gap,
    primal_integral,
    time_to,
)
from benchmarks.profiles import mean_gap, ratios, share_within

COURSE = [(1.0, 200.0), (3.0, 125.0), (6.0, 100.0)]
"""Costs of a run whose best known is 100: gaps of 1, 1/2, 1/5 and 0."""
moments = st.lists(st.tuples(st.floats(0, 20), st.floats(1, 1000)), max_size=20).map(sorted)


@pytest.mark.parametrize(
    ("limit", "expected"), [(10, 1 + 1 + 0.6), (6, 2.6), (4, 1 + 1 + 0.2), (1, 1.0), (0.5, 0.5)]
)
def test_the_primal_integral_is_the_area_under_the_gap(limit, expected):
    """One second at 1, two at a half, three at a fifth, nothing from then on."""
    assert primal_integral(COURSE, 100.0, limit) == pytest.approx(expected)


def test_without_a_placement_all_of_the_limit_counts():
    """And what comes too late is none."""
    assert primal_integral([], 100.0, 10) == 10
    assert primal_integral([(11.0, 100.0)], 100.0, 10) == 10


def test_the_primal_gap_is_that_of_berthold():
    """Of the larger of both; 1 without a placement or with the other sign; 0 for two zeros."""
    found = [primal_gap(*pair) for pair in ((200, 100), (None, 100), (1, -1), (0, 0), (100, 100))]
    assert found == [0.5, 1.0, 1.0, 0.0, 0.0]
    assert primal_gap(-50, -100) == 0.5


def test_the_gap_to_the_best_is_a_share_of_the_best():
    """Twice as dear is 100 %; cheaper than the best is no gap."""
    assert (gap_to_best(200, 100), gap_to_best(90, 100), gap_to_best(0, 0)) == (1.0, 0.0, 0.0)


def test_what_is_known_when():
    """The first time below a target, the last value by a time."""
    assert (time_to(COURSE, 125), time_to(COURSE, 99)) == (3.0, None)
    assert (known_at(COURSE, 3.5), known_at(COURSE, 0.5)) == (125.0, None)


def test_improving_leaves_out_what_is_no_news():
    """Worse, equal, or better by too little; but the best stays."""
    told = [(1, 100.0), (2, 100.0), (3, 120.0), (4, 99.9999), (5, 90.0), (6, 89.9999)]
    assert improving(told) == [(1, 100.0), (5, 90.0), (6, 89.9999)]


@given(moments)
def test_thinning_hardly_changes_the_integral(told):
    """By less than its step, and never the best."""
    kept, best = improving(told), min((cost for _, cost in told), default=1.0)
    full, falling = [], np.inf
    for moment, cost in told:
        if cost < falling:
            full.append((moment, cost))
            falling = cost
    assert abs(primal_integral(kept, best, 20) - primal_integral(full, best, 20)) <= 20 * 2e-5
    assert min((cost for _, cost in kept), default=1.0) == best


def test_ratios_are_against_the_best_of_each_case():
    """Three cases, two methods; one fails once, both fail once more, which does not count."""
    measured = {
        "a": {("i", 0): 1.0, ("j", 0): 4.0, ("k", 0): 3.0, ("l", 0): np.inf},
        "b": {("i", 0): 2.0, ("j", 0): 2.0, ("k", 0): np.inf, ("l", 0): np.inf, ("m", 0): 1.0},
    }
    found = ratios(measured)
    assert found["a"].tolist() == [1.0, 1.0, 2.0]
    assert found["b"].tolist() == [1.0, 2.0, np.inf]
    assert [share_within(found["b"], x) for x in (1, 1.9, 2, 1e9)] == pytest.approx(
        [1 / 3, 1 / 3, 2 / 3, 2 / 3]
    )


def test_mean_gaps_are_over_all_runs():
    """Bounds only where all runs have told of one."""
    courses = [(COURSE, [(1.0, 50.0)], 100.0), ([(2.0, 100.0)], [(2.0, 90.0)], 100.0)]
    assert mean_gap(courses, 1.5) == (pytest.approx((0.5 + 1) / 2), None)
    assert mean_gap(courses, 3.0) == (pytest.approx(0.1), pytest.approx(0.3))


def test_the_reference_is_the_best_of_all_rows_and_proven_bounds():
    """What was known before wins a tie; bounds on a method's word do not count."""
    rows = [
        row(objective=10.0, best_known=9.5, best_known_source="a paper", known_bound=8.0,
            certified_bound=None),
        row(method="ours:auto", objective=9.5, certified_bound=8.5, claimed_bound=9.4),
        row(instance="j", method="ours:auto", objective=7.0, certified_bound=None),
    ]  # fmt: skip
    known = references(rows)
    assert known[Instance("set", "i")] == (9.5, "a paper", 8.5)
    assert known[Instance("set", "j")] == (7.0, "ours:auto, here", None)


def test_a_record_counts_what_its_rows_say():
    """Of three runs one finds the best, one is late, one fails."""
    rows = [
        row(instance="i", best_known=10.0, status="optimal", gap=0.0),
        row(instance="j", best_known=8.0, seconds=12.0),
        row(instance="k", best_known=8.0, status="failed", objective=None, gap=None, seconds=None,
            incumbents=()),
    ]  # fmt: skip
    record = Record(rows, references(rows))
    assert (len(record.placed), record.solved, record.late, record.certified) == (2, 1, 2, 1)
    assert record.gaps.tolist() == [0.0, 0.25]
    assert record.integrals.tolist() == pytest.approx([0.1, 0.1 + 0.9 * 0.2, 1.0])
    assert record.times_near() == {("i", 0): 1.0, ("j", 0): np.inf, ("k", 0): np.inf}
