"""`solve` itself: arguments, what it does with any method, and what it makes of the outcome."""

import math
import sys
import time
import types

import pytest
import tinies

from placement import DefectError, EngineError, InputError, Instance, Solution, solve
from placement.result import relative_gap
from placement.solution import to_placement
from placement.solving import METHODS
from placement.version import __version__

JOB = {
    "name": "one", "window_s": 60,
    "nodes": [{"name": "a", "roles": ["inference"], "accelerators": 1}],
    "requests": [{"name": "job", "count": 4, "penalty": 5}],
    "pairs": [{"request": "job", "node": "a", "cost": 2, "work_s": 20}],
}  # fmt: skip
"""Three of four jobs fit on the only node, at 2 $ each; the fourth costs its penalty of 5 $."""
OPTIMUM = 11.0


@pytest.fixture
def instance():
    """The four jobs."""
    return Instance.from_dict(JOB)


@pytest.fixture
def method(monkeypatch):
    """A way to make any function of a search a method of the name "mine"."""
    module = types.ModuleType("mine")
    monkeypatch.setitem(sys.modules, "mine", module)
    monkeypatch.setitem(METHODS, "mine", "mine:method")
    return lambda function: setattr(module, "method", function)


def serving(count, **changes):
    """A solution that serves so many of the four jobs."""
    rows = [{"request": "job", "node": "a", "count": count}] if count else []
    unserved = {"job": 4 - count} if count < 4 else {}
    return Solution.from_dict(
        {"instance": "one", "inference": rows, "unserved": unserved, **changes}
    )


def offer(search, count):
    """Offer what serves so many of the four jobs."""
    return search.offer(to_placement(search.quantities, serving(count)))


# --- arguments --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"method": "magic"}, "method 'magic' is unknown; choose one of auto, milp"),
        ({"engine": "gurobi"}, "engine 'gurobi' is unknown; choose one of highs, cp-sat, scip"),
        ({"time_limit": -1}, "time_limit must be at least 0 s or None, got -1."),
        ({"time_limit": math.nan}, "time_limit must be at least 0 s or None, got nan."),
        ({"gap": -0.1}, "gap must be at least 0, got -0.1."),
        ({"gap": math.nan}, "gap must be at least 0, got nan."),
        ({"threads": 0}, "threads must be at least 1 or None, got 0."),
    ],
)
def test_arguments_that_make_no_sense_are_refused(instance, arguments, said):
    """In one sentence, before anything is done."""
    with pytest.raises(InputError) as caught:
        solve(instance, **arguments)
    assert str(caught.value).startswith(said)


def test_a_start_of_another_instance_is_refused(instance):
    """It names what is not there."""
    with pytest.raises(InputError, match="'g0', which is not among the requests"):
        solve(
            instance, initial_solution=Solution.from_dict({"instance": "x", "unserved": {"g0": 1}})
        )


@pytest.mark.parametrize("limit", [None, math.inf, 60, 20.0])
def test_no_limit_and_any_limit(instance, limit):
    """A limit that is not needed changes nothing."""
    result = solve(instance, time_limit=limit)
    assert (result.status, result.objective) == ("optimal", pytest.approx(OPTIMUM))


# --- what is answered -------------------------------------------------------------------------


def test_the_answer_to_a_small_question(instance):
    """Every field of a result, and the document's that say the same."""
    result = solve(instance, seed=7)
    assert result.status == "optimal"
    assert result.stopped_by == "gap"
    assert result.objective == pytest.approx(OPTIMUM)
    assert result.lower_bound == pytest.approx(OPTIMUM)
    assert result.gap == pytest.approx(0, abs=1e-9)
    assert result.terms["pair"] == pytest.approx(6)
    assert result.terms["unserved"] == pytest.approx(5)
    document = result.solution
    assert (document.instance, document.method, document.seed) == ("one", "auto", 7)
    assert document.version == __version__
    assert document.unserved == {"job": 1}
    assert document.objective == result.objective
    assert document.runtime_s == result.runtime_s


def test_what_is_unserved_is_explained(instance):
    """The fourth job finds no room; nothing is explained where nothing is turned away."""
    reasons = solve(instance).reasons
    assert len(reasons) == 1
    assert "job" in reasons[0].entities
    assert reasons[0].sentence.endswith(".")
    enough = instance.replace(window_s=80.0)
    assert solve(enough).reasons == ()


def test_what_is_infeasible_is_explained(instance):
    """Four jobs that must be served, and room for three."""
    result = solve(instance.replace(requests=[{"name": "job", "count": 4}]))
    assert (result.status, result.objective, result.gap) == ("infeasible", None, None)
    assert result.solution.status == "infeasible"
    assert not result.solution.inference
    assert result.terms == {}
    assert result.reasons == result.solution.reasons
    assert "job" in result.reasons[0].entities


def test_an_instance_without_anything():
    """No nodes, no requests: the optimum is to do nothing, for nothing."""
    empty = Instance.from_dict({"name": "empty", "window_s": 1, "nodes": [], "requests": []})
    for name in METHODS:
        result = solve(empty, name)
        assert (result.status, result.objective) == ("optimal", 0), name


def test_every_answer_can_be_written_and_read_back():
    """Whatever the method, whatever its certificate holds."""
    for name in METHODS:
        solution = solve(tinies.instance(0), name).solution
        assert Solution.from_json(solution.to_json()) == solution, name


def test_seconds_by_phase_add_up(instance):
    """To no more than it took, each at least 0."""
    begun = time.monotonic()
    result = solve(instance)
    assert 0 < sum(result.runtime_s.values()) <= time.monotonic() - begun + 1e-3


def test_nothing_is_written(instance, tmp_path, monkeypatch):
    """Not a file, whatever engine runs."""
    monkeypatch.chdir(tmp_path)
    for engine in ("highs", "cp-sat", "scip"):
        solve(instance, "milp", engine=engine)
    assert list(tmp_path.iterdir()) == []


def test_a_wide_gap_stops_early():
    """Within the gap asked for it is done, and says so."""
    for seed in tinies.feasible_seeds(range(10)):
        result = solve(tinies.instance(seed), gap=1.0)
        assert result.stopped_by == "gap"
        assert result.gap <= 1.0


@pytest.mark.parametrize(
    ("objective", "bound", "gap"),
    [(10, 9, 0.1), (10, 10, 0), (9, 10, 0), (-10, -11, 0.1), (0, -1, 1e9), (None, 1, None),
     (1, None, None)],
)  # fmt: skip
def test_relative_gap(objective, bound, gap):
    """Of the objective in absolute value, never negative, None where either is unknown."""
    assert relative_gap(objective, bound) == (None if gap is None else pytest.approx(gap))


# --- what it does with any method -------------------------------------------------------------


def test_a_method_that_finds_nothing(instance, method):
    """Nothing found and nothing excluded is unknown; a bound there is all the same."""
    method(lambda _: "exhausted")
    result = solve(instance, "mine")
    assert (result.status, result.stopped_by) == ("unknown", "exhausted")
    assert (result.objective, result.gap, result.terms) == (None, None, {})
    assert 0 <= result.lower_bound <= OPTIMUM
    assert result.solution.status == "unknown"
    assert not result.solution.unserved


def test_the_best_of_all_offers_is_kept(instance, method):
    """Whatever the order in which they come."""
    costs = []

    def mine(search):
        costs.extend(offer(search, count) for count in (1, 3, 0, 2))
        return "exhausted"

    method(mine)
    result = solve(instance, "mine")
    assert costs == pytest.approx([17, 11, 20, 14])
    assert result.objective == pytest.approx(11)
    assert result.solution.inference[0].count == 3


def test_a_method_that_breaks_a_rule_is_a_defect(instance, method):
    """Four jobs of 20 s in 60 s."""
    method(lambda search: offer(search, 4))
    with pytest.raises(DefectError, match=r"work \[accelerator-s\] of a: 80 instead of at most 60"):
        solve(instance, "mine")


def test_a_bound_above_the_objective_is_a_defect(instance, method):
    """Either is wrong, and nobody gets to see them."""

    def mine(search):
        offer(search, 3)
        search.raise_bound(OPTIMUM + 0.01)
        return "exhausted"

    method(mine)
    with pytest.raises(DefectError, match="is above the objective"):
        solve(instance, "mine")


def test_a_bound_above_the_objective_by_rounding_is_none(instance, method):
    """It is cut to the objective."""

    def mine(search):
        offer(search, 3)
        search.raise_bound(OPTIMUM * (1 + 1e-9))
        return search.stopped_by()

    method(mine)
    result = solve(instance, "mine")
    assert result.lower_bound == result.objective
    assert (result.status, result.gap, result.stopped_by) == ("optimal", 0, "gap")


def test_an_interrupt_keeps_the_best_so_far(instance, method):
    """Ctrl-C while a method runs."""

    def mine(search):
        offer(search, 2)
        raise KeyboardInterrupt

    method(mine)
    result = solve(instance, "mine")
    assert (result.stopped_by, result.objective) == ("interrupted", pytest.approx(14))
    assert result.status == "feasible"


def test_an_engine_that_crashes_is_reported(instance, method):
    """Its error is not swallowed."""

    def mine(_):
        raise EngineError("it burns")

    method(mine)
    with pytest.raises(EngineError, match="it burns"):
        solve(instance, "mine")


def test_bounds_only_rise(instance, method):
    """The best of them is answered."""

    def mine(search):
        for bound in (3.0, 9.0, 5.0):
            search.raise_bound(bound)
        return "work_limit"

    method(mine)
    result = solve(instance, "mine")
    assert result.lower_bound >= 9
    assert result.stopped_by == "work_limit"


# --- starts -----------------------------------------------------------------------------------


def test_a_start_is_an_answer_already(instance, method):
    """A method that finds nothing leaves it as it is, judged afresh."""
    method(lambda _: "exhausted")
    start = serving(2, objective=0.5, terms={"pair": 0.5}, status="optimal", lower_bound=0.5)
    result = solve(instance, "mine", initial_solution=start)
    assert result.objective == pytest.approx(14)
    assert result.status == "feasible"
    assert result.solution.method == "mine"


def test_a_start_that_is_not_allowed_is_handed_on_all_the_same(instance, method):
    """Four served are no answer, but a place to start from."""
    seen = []

    def mine(search):
        seen.append((search.start.run_count.tolist(), search.best))
        return "exhausted"

    method(mine)
    result = solve(instance, "mine", initial_solution=serving(4))
    assert seen == [([4], None)]
    assert result.status == "unknown"


def test_without_time_a_start_is_the_answer(instance):
    """Nothing else is tried."""
    result = solve(instance, time_limit=0, initial_solution=serving(1))
    assert result.objective == pytest.approx(17)
    assert result.stopped_by == "time_limit"


# --- progress ---------------------------------------------------------------------------------


def test_progress_tells_of_every_step(instance, method):
    """Offers that are better, bounds that are higher, and phases."""
    told = []

    def mine(search):
        search.enter("thinking")
        for count in (1, 3, 2):
            offer(search, count)
        search.raise_bound(OPTIMUM)
        return search.stopped_by()

    method(mine)
    solve(instance, "mine", progress=told.append)
    assert [p.objective for p in told if p.phase == "thinking"] == pytest.approx(
        [None, 17, 11, 11], nan_ok=True
    )
    last = told[-1]
    assert (last.lower_bound, last.gap) == (pytest.approx(OPTIMUM), pytest.approx(0))
    assert 0 <= told[0].elapsed_s <= last.elapsed_s
