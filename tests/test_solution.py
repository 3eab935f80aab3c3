"""What a solution holds: a document with names, a placement with arrays, and the way between."""

import copy

import numpy as np
import pytest
import tinies
from test_oracle_judge import INSTANCE, SOLUTION

from placement import Instance, InvalidSolution, Solution
from placement.quantities import Quantities
from placement.solution import Placement, table, to_placement, to_solution

FIELDS = [
    "format",
    "instance",
    "method",
    "engine",
    "status",
    "stopped_by",
    "objective",
    "terms",
    "lower_bound",
    "gap",
    "hosting",
    "replicas",
    "loads",
    "inference",
    "verification",
    "unserved",
    "certificate",
    "reasons",
    "runtime_s",
    "seed",
    "version",
]
"""The fields of section 8."""
ROWS = ("replicas", "loads", "inference", "verification")


@pytest.fixture
def quantities():
    """The instance by hand: nodes a, b, c, model m, classes g and job."""
    return Quantities(Instance.from_dict(INSTANCE))


@pytest.fixture
def solution():
    """Its solution by hand, with every kind of decision."""
    return Solution.from_dict({"instance": "by-hand", **copy.deepcopy(SOLUTION)})


def same(one, other):
    """Whether two placements hold the same arrays."""
    return all(np.array_equal(a, b) for a, b in zip(columns(one), columns(other), strict=True))


def columns(placement):
    """All arrays of a placement."""
    return list(vars(placement).values())


# --- the document -----------------------------------------------------------------------------


def test_every_field_of_the_formulation_is_written(solution):
    """Also those that nobody filled in, in the order of the page."""
    assert list(solution.to_dict()) == FIELDS
    assert list(Solution.from_dict({"instance": "x"}).to_dict()) == FIELDS


def test_what_is_written_is_read_again(solution):
    """Through JSON and through a dict, equal bytes for equal documents."""
    filled = solution.replace(
        method="greedy", engine="highs", status="optimal", stopped_by="gap", objective=-1.5,
        terms={"compute": 1.0}, lower_bound=-2.0, gap=0.25, certificate={"demand": {"g": 0.5}},
        runtime_s={"solve": 0.1}, seed=7, version="1",
    )  # fmt: skip
    for document in (solution, filled):
        assert Solution.from_json(document.to_json()) == document
        assert Solution.from_dict(document.to_dict()) == document
        assert Solution.from_json(document.to_json()).to_json() == document.to_json()


def test_files(solution, tmp_path):
    """`save` and `load` are inverse."""
    solution.save(tmp_path / "solution.json")
    assert Solution.load(tmp_path / "solution.json") == solution


def test_tables_may_be_written_by_columns(solution):
    """But `hosting`, an object of lists by its nature, is no table."""
    document = solution.to_dict()
    for name in ROWS:
        keys = document[name][0]
        document[name] = {key: [row[key] for row in document[name]] for key in keys}
    assert Solution.from_dict(document) == solution


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("format", "placement-solution/2", "`format`"),
        ("instance", None, "`instance`"),
        ("status", "best", "`status`"),
        ("stopped_by", "boredom", "`stopped_by`"),
        ("objective", float("nan"), "`objective`"),
        ("objective", "cheap", "`objective`"),
        ("hosting", {"m": "a"}, "`hosting.m`"),
        ("replicas", [{"model": "m", "node": "a", "count": 0}], "`replicas[0].count`"),
        ("replicas", [{"model": "m", "node": "a"}], "`replicas[0].count` is missing"),
        ("loads", [{"model": "m", "node": "a", "count": 1}], "`loads[0].source` is missing"),
        ("inference", [{"request": "g", "node": "a", "count": 1.5}], "`inference[0].count`"),
        ("verification", [{"request": "g", "node": "a", "count": -1}], "`verification[0].count`"),
        ("unserved", {"g": 0}, "`unserved.g`"),
        ("certificate", {"demand": {"g": -1}}, "`certificate.demand.g`"),
        ("certificate", {"demand": {"g": float("inf")}}, "`certificate.demand.g`"),
        ("colour", "red", "`colour` is not a field"),
    ],
)
def test_what_is_wrong_is_named_in_one_sentence(solution, field, value, said):
    """Field and row, and what would be right."""
    with pytest.raises(InvalidSolution) as caught:
        Solution.from_dict({**solution.to_dict(), field: value})
    assert said in str(caught.value)
    assert str(caught.value).endswith(".")


def test_text_that_is_no_document_is_refused():
    """With the error of solutions, not that of instances."""
    with pytest.raises(InvalidSolution, match="not JSON"):
        Solution.from_json("{")


# --- decisions as arrays ----------------------------------------------------------------------


def test_the_arrays_of_the_solution_by_hand(quantities, solution):
    """Indices are those of the instance's tables."""
    p = to_placement(quantities, solution)
    assert list(zip(p.host_m, p.host_n, strict=True)) == [(0, 0), (0, 1)]
    assert list(zip(p.replica_m, p.replica_n, p.replica_count, strict=True)) == [
        (0, 0, 2),
        (0, 1, 1),
    ]
    loads = zip(p.load_m, p.load_s, p.load_n, p.load_count, strict=True)
    assert list(loads) == [(0, 0, 0, 1), (0, 0, 1, 1)]
    assert list(zip(p.run_g, p.run_n, p.run_count, strict=True)) == [(0, 0, 3), (1, 1, 1)]
    assert list(zip(p.verify_g, p.verify_n, p.verify_count, strict=True)) == [(0, 1, 2)]
    assert p.unserved.tolist() == [1, 0]


def test_arrays_and_names_are_two_forms_of_one_thing():
    """There and back, for optimal and for spoilt solutions."""
    for seed in tinies.feasible_seeds(range(40)):
        q = Quantities(tinies.instance(seed))
        for document in (tinies.optimal(seed), *tinies.perturbed(seed, 3)):
            placement = to_placement(q, Solution.from_dict(document))
            written = to_solution(q, placement)
            again = to_placement(q, Solution.from_json(written.to_json()))
            assert to_solution(q, again) == written
            for name in ("hosting", "unserved", *ROWS):
                expected = {k: v for k, v in document[name].items() if v} if name in (
                    "hosting", "unserved") else document[name]  # fmt: skip
                assert normal(written.to_dict()[name]) == normal(expected)


def normal(decisions):
    """Decisions of one kind in an order of their own."""
    if isinstance(decisions, dict):
        return {k: sorted(v) if isinstance(v, list | tuple) else v for k, v in decisions.items()}
    return sorted(tuple(sorted(row.items())) for row in decisions)


def test_equal_decisions_are_equal_bytes(quantities, solution):
    """Rows are sorted by the order of the instance, whatever order they came in."""
    document = solution.to_dict()
    turned = {name: document[name][::-1] for name in ROWS}
    turned["hosting"] = {m: nodes[::-1] for m, nodes in document["hosting"].items()}
    other = Solution.from_dict({**document, **turned})
    assert other != solution
    written = [to_solution(quantities, to_placement(quantities, s)) for s in (solution, other)]
    assert written[0].to_json() == written[1].to_json()


def test_rows_of_count_0_are_left_out_and_equal_rows_added_up(quantities):
    """Methods need not tidy up."""
    two = np.array([1, 0, 1, 0]), np.array([2, 1, 2, 0]), np.array([3, 0, 4, 5])
    first, second, third, count = table(*two)
    assert list(zip(first, second, third, count, strict=True)) == [(0, 0, 0, 5), (1, 2, 0, 7)]
    none = np.zeros(0, dtype=np.int64)
    assert [len(column) for column in table(none, none, none)] == [0, 0, 0, 0]
    empty = to_solution(quantities, Placement.empty(quantities), status="unknown")
    assert empty.status == "unknown"
    assert not any(getattr(empty, name) for name in ("hosting", "unserved", *ROWS))


def test_fields_of_the_document_may_be_given(quantities, solution):
    """Whatever is no decision comes from the caller."""
    written = to_solution(
        quantities, to_placement(quantities, solution), method="milp", objective=1.0
    )
    assert (written.method, written.objective, written.instance) == ("milp", 1.0, "by-hand")


STRANGERS = [
    ("hosting", {"zoe": ["a"]}, "'zoe', which is not among the models"),
    ("hosting", {"m": ["zoe"]}, "'zoe', which is not among the nodes"),
    ("replicas", [{"model": "zoe", "node": "a", "count": 1}], "not among the models"),
    ("loads", [{"model": "m", "node": "a", "source": "zoe", "count": 1}], "among the nodes"),
    ("inference", [{"request": "zoe", "node": "a", "count": 1}], "not among the requests"),
    ("verification", [{"request": "g", "node": "zoe", "count": 1}], "not among the nodes"),
    ("unserved", {"zoe": 1}, "'zoe', which is not among the requests"),
]


@pytest.mark.parametrize(("field", "value", "said"), STRANGERS)
def test_names_of_another_instance_are_refused(quantities, solution, field, value, said):
    """The table, the name and what it should be among."""
    stranger = Solution.from_dict({**solution.to_dict(), field: value})
    with pytest.raises(InvalidSolution, match=said) as caught:
        to_placement(quantities, stranger)
    assert f"`{field}`" in str(caught.value)


@pytest.mark.parametrize("field", [*ROWS, "hosting"])
def test_rows_that_stand_twice_are_refused(quantities, solution, field):
    """Whether they count once or twice nobody has to guess."""
    rows = {"m": ["a", "a"]} if field == "hosting" else solution.to_dict()[field][:1] * 2
    twice = Solution.from_dict({**solution.to_dict(), field: rows})
    with pytest.raises(InvalidSolution, match=f"`{field}` repeats a row"):
        to_placement(quantities, twice)
