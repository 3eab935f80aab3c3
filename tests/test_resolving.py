"""Solving changed instances: what is said of differences is true, and not more than is proven."""

import pytest
import tinies

from placement import InputError, Solution, evaluate, solve
from placement.analysis.changes import drop_nodes, relax
from placement.analysis.resolving import Difference, Outcome, Resolver, difference
from placement.analysis.tables import Records, Table
from placement.generate import generate

SEEDS = tinies.feasible_seeds(range(12))


def resolver(seed, **options):
    """Of a tiny instance with its optimal plan."""
    plan = Solution.from_dict(tinies.optimal(seed))
    return Resolver(tinies.instance(seed), plan, seconds=10.0, **options)


def outcome(objective, bound, status="feasible"):
    """What is known of some instance."""
    return Outcome(objective, bound, status, None)


# --- differences ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_interval_holds_the_true_difference():
    """For each lost node and some lifted rules, by brute force."""
    for seed in SEEDS:
        found, instance = resolver(seed), tinies.instance(seed)
        cases = [(drop_nodes(instance, [n.name]), "restricted") for n in instance.nodes]
        cases += [(relax(instance, family), "relaxed") for family in ("place", "memory")]
        for changed, relation in cases:
            after = found.solve(changed, relation=relation)
            best = solve(changed, gap=0).objective
            apart = found.difference(after, relation)
            if best is None:
                assert apart.verdict == "impossible"
                continue
            true = best - tinies.optimum(seed)
            assert apart.low - 1e-5 <= true <= apart.high + 1e-5
            assert apart.low <= 0 if relation == "relaxed" else apart.high >= 0


@pytest.mark.parametrize(
    ("base", "changed", "relation", "expected"),
    [
        ((10, 9), (8, 7), None, ("gain", -3, -2, -1)),
        ((10, 9), (12, 11), None, ("loss", 1, 2, 3)),
        ((10, 9), (9.5, 8), None, ("undecided", -2, -0.5, 0.5)),
        ((10, 9), (9.5, 8), "relaxed", ("undecided", -2, -0.5, 0)),
        ((10, 9), (11, 9.5), "restricted", ("undecided", 0, 1, 2)),
        ((10, 10), (10, 10), None, ("none", 0, 0, 0)),
        ((10, 9), (None, 11), None, ("loss", 1, None, None)),
        ((10, None), (8, 7), None, ("undecided", -3, -2, None)),
    ],
)
def test_a_difference_smaller_than_the_gaps_is_undecided(base, changed, relation, expected):
    """Low, estimate and high by hand."""
    verdict, low, estimate, high = expected
    found = difference(outcome(*base), outcome(*changed), relation)
    assert found == Difference(low, estimate, high, verdict)
    assert found.decided == (verdict != "undecided")


def test_the_other_way_round_loss_is_gain():
    """And low is high."""
    assert -Difference(1, 2, 3, "loss") == Difference(-3, -2, -1, "gain")
    assert -Difference(None, 1, 2, "undecided") == Difference(-2, -1, None, "undecided")


def test_without_a_placement_there_is_no_difference():
    """Neither gain nor loss."""
    found = difference(outcome(1, 1), outcome(None, None, "infeasible"))
    assert found == Difference(None, None, None, "impossible")


# --- the resolver ---------------------------------------------------------------------------------


def test_the_base_is_what_plan_and_certificate_prove():
    """Claims of the file do not count."""
    instance = generate("small", seed=0)
    plan = solve(instance, "greedy").solution
    base = Resolver(instance, plan.replace(lower_bound=plan.objective), seconds=1.0).base
    assert base.objective == pytest.approx(plan.objective)
    assert base.lower_bound == pytest.approx(plan.lower_bound)
    bare = Resolver(instance, plan.replace(certificate=None), seconds=1.0).base
    assert bare.lower_bound == 0.0


def test_a_plan_that_is_not_feasible_is_refused():
    """With what is wrong with it."""
    instance = generate("small", seed=0)
    with pytest.raises(InputError, match=r"not feasible for instance 'small-0': executed"):
        Resolver(instance, Solution(instance=instance.name), seconds=1.0)


def test_the_same_instance_is_solved_once(monkeypatch):
    """Also where it is built anew; the unchanged one not at all."""
    calls = []
    monkeypatch.setattr(
        "placement.analysis.resolving.solve", lambda *a, **k: calls.append(1) or solve(*a, **k)
    )
    found, instance = resolver(SEEDS[0]), tinies.instance(SEEDS[0])
    first = found.solve(relax(instance, "place"))
    assert found.solve(relax(instance, "place")) is first
    assert found.solve(instance.replace()) is found.base
    assert len(calls) == 1


def test_without_a_plan_the_base_is_solved():
    """By `refresh`; its bound is better than that of the certificate alone."""
    for seed in SEEDS[:4]:
        found = Resolver(tinies.instance(seed), None, seconds=10.0)
        assert found.base.objective is None
        assert found.refresh().objective == pytest.approx(tinies.optimum(seed))
        assert found.base.status == "optimal"
        assert evaluate(tinies.instance(seed), found.base.solution).feasible


def test_a_plan_for_fewer_nodes_is_a_plan():
    """A better one found without a node takes the place of the base's."""
    instance = generate("small", seed=0)
    poor = solve(instance, "random").solution
    found = Resolver(instance, poor, seconds=2.0)
    changed = drop_nodes(instance, [instance.nodes[-1].name])
    after = found.solve(changed, relation="restricted")
    assert after.objective < poor.objective
    assert found.base.objective == pytest.approx(after.objective)
    assert evaluate(instance, found.base.solution).feasible


def test_progress_counts_to_what_is_planned():
    """Label, done, of how many."""
    told = []
    found = resolver(SEEDS[0], progress=lambda *news: told.append(news), planned=2)
    found.refresh()
    found.solve(relax(tinies.instance(SEEDS[0]), "tee"), "no tee")
    assert told == [("as it is", 1, 2), ("no tee", 2, 2)]


# --- tables ---------------------------------------------------------------------------------------


def _table():
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class Row:
        name: str
        difference: Difference
        count: int

    @dataclass(frozen=True)
    class Rows(Records):
        record = Row

    return Rows((Row("a", Difference(-1.0, 0.0, None, "undecided"), 2),))


def test_a_dataclass_within_a_row_stands_in_its_place():
    """Names and cells in the same order, as plain data too."""
    table = _table()
    assert table.columns == ("name", "low", "estimate", "high", "verdict", "count")
    assert list(table.rows()) == [("a", -1.0, 0.0, None, "undecided", 2)]
    assert table.to_dict()[0]["verdict"] == "undecided"


def test_a_frame_has_the_columns_and_rows():
    """Where pandas is there."""
    frame = _table().to_frame()
    assert list(frame.columns) == list(_table().columns)
    assert frame.iloc[0]["count"] == 2


def test_without_pandas_one_sentence_says_what_to_install(monkeypatch):
    """And no traceback of an import."""
    import sys

    from placement import PlacementError

    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(PlacementError, match=r'pip install "placement\[report\]"'):
        _table().to_frame()
    assert isinstance(_table(), Table)
