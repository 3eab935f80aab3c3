"""Generalised assignment: what is read is what the file says, and it can be written back."""

from itertools import chain, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placement import InputError, solve
from placement.formats.gap import parse_gap, read_gap, write_gap
from placement.quantities import Quantities

TWO_BY_THREE = b"2 3\n 4 1 2\n 3 5.5 6\n\n1 2 3 2 2\n1\n 4 3\n"
"""2 agents, 3 jobs; lines end where they like. Both agents have room for two jobs of three."""


def written(cost, use, capacity):
    """A file of whole numbers."""
    numbers = [len(cost), len(cost[0]), *chain(*cost, *use), *capacity]
    return " ".join(map(str, numbers)).encode()


# --- what is read --------------------------------------------------------------------------------


def test_costs_uses_and_capacities_are_those_of_the_file():
    """Row by row: the costs of agent 1 come first."""
    instance = parse_gap(TWO_BY_THREE, "two.txt")
    assert instance.name == "two"
    assert [node.name for node in instance.nodes] == ["agent-1", "agent-2"]
    found = {(pair.node, pair.request): (pair.cost, pair.work_s) for pair in instance.pairs}
    assert found["agent-1", "job-2"] == (1, 2)
    assert found["agent-2", "job-2"] == (5.5, 2)
    assert found["agent-2", "job-3"] == (6, 1)
    assert Quantities(instance).capacity_s.tolist() == [4, 3]
    assert {(row.count, row.penalty, row.model) for row in instance.requests} == {(1, None, None)}


def test_a_byte_order_mark_and_carriage_returns_are_white_space(tmp_path):
    """Files from other systems read the same."""
    path = tmp_path / "two.txt"
    path.write_bytes(b"\xef\xbb\xbf" + TWO_BY_THREE.replace(b"\n", b"\r\n"))
    assert read_gap(path) == parse_gap(TWO_BY_THREE, "two.txt")


def test_a_large_capacity_is_exact():
    """Every whole number up to 10^15 is a capacity to the last unit."""
    for capacity in (10**15, 10**15 - 1, 999_999_999_999_989):
        instance = parse_gap(f"1 1 0 7 {capacity}".encode(), "large")
        assert Quantities(instance).capacity_s.tolist() == [capacity]


matrices = st.integers(1, 3).flatmap(
    lambda m: st.integers(1, 4).flatmap(
        lambda n: st.tuples(
            st.lists(st.lists(st.integers(0, 20), min_size=n, max_size=n), min_size=m, max_size=m),
            st.lists(st.lists(st.integers(1, 9), min_size=n, max_size=n), min_size=m, max_size=m),
            st.lists(st.integers(0, 20), min_size=m, max_size=m),
        )
    )
)


def cheapest(cost, use, capacity):
    """The least cost of all assignments; None where none fits."""
    m, n = len(cost), len(cost[0])
    totals = [
        sum(cost[i][j] for j, i in enumerate(agents))
        for agents in product(range(m), repeat=n)
        if all(sum(use[i][j] for j in range(n) if agents[j] == i) <= capacity[i] for i in range(m))
    ]
    return min(totals, default=None)


@settings(max_examples=25, deadline=None)
@given(matrices)
def test_the_optimum_is_that_of_the_file(matrix):
    """Brute force over all assignments; no assignment is no placement."""
    result = solve(parse_gap(written(*matrix), "any"), "milp", gap=0)
    best = cheapest(*matrix)
    assert result.objective == (None if best is None else pytest.approx(best))
    assert result.status == ("infeasible" if best is None else "optimal")


# --- and back ------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(matrices, st.integers(0, 3))
def test_a_round_trip_changes_nothing(matrix, decimals):
    """Also with decimals: every number is what it was."""
    scaled = [
        [[x / 10**decimals for x in row] for row in matrix[0]],
        [[x / 10**decimals for x in row] for row in matrix[1]],
        [x / 10**decimals for x in matrix[2]],
    ]
    text = written(*scaled)
    instance = parse_gap(text, "any")
    back = write_gap(instance)
    assert list(map(float, back.split())) == list(map(float, text.split()))
    assert parse_gap(back.encode(), "any") == instance


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"requests": [{"name": "job-1", "count": 2}]}, "every request must have count 1"),
        ({"requests": [{"name": "job-1", "count": 1, "penalty": 3}]}, "no room for `penalty` of"),
        ({"models": [{"name": "m", "weights_gb": 1, "memory_gb": 1}]}, "no room for `models`"),
        ({"nodes": [{"name": "agent-1", "accelerators": 3}]}, "'agent-1', which cannot run"),
        ({"nodes": [], "requests": [], "pairs": []}, "no room for an instance without nodes"),
        (
            {
                "requests": [{"name": "job-1", "count": 1}, {"name": "job-2", "count": 1}],
                "pairs": [{"request": f"job-{i}", "node": f"agent-{i}"} for i in (1, 2)],
                "nodes": [{"name": f"agent-{i}", "roles": ["inference"]} for i in (1, 2)],
            },
            "each of the 2 x 2 pairs of a node and a request, and it names 2",
        ),
    ],
)
def test_what_the_format_cannot_say_is_not_written(change, named):
    """The error names what there is too much."""
    instance = parse_gap(b"1 1 4 2 3", "one").replace(**change)
    with pytest.raises(InputError, match=named):
        write_gap(instance)


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (b"", r"bad\.txt is empty; it must begin with the numbers of agents and of jobs\."),
        (b" \n\t\n", r"bad\.txt is empty"),
        (b"2\n", r"line 1, column 2: ends too early: the number of jobs must follow"),
        (b"0 3\n", r"line 1, column 1: the number of agents must be a whole number.*'0'"),
        (b"2 1.5\n", r"line 1, column 3: the number of jobs must be a whole number.*'1.5'"),
        (b"2 1e400\n", r"line 1, column 3: the number of jobs.*1000000000, got '1e400'"),
        (b"-2 3\n", r"line 1, column 1: the number of agents.*'-2'"),
        (b"900000000 900000000\n1 2", "line 2, column 4: ends too early.*need 1620000"),
        (b"2 3\n4 1 2\n3 5 6\n1 2 3 2 2 1\n4\n", "line 5, column 2: ends .* need 16 .* are 15"),
        (TWO_BY_THREE + b" 8 ", r"line 8, column 2: must be the end of the file: 2 agents and 3"),
        (TWO_BY_THREE.replace(b"5.5", b"-5"), r"line 3, column 4: a cost .* 0 to 1e\+15, got '-5'"),
        (TWO_BY_THREE.replace(b"1 2 3 2", b"1 2 3 -2"), "line 5, column 7: a resource use"),
        (TWO_BY_THREE.replace(b" 4 3\n", b" 4 9e15\n"), "line 7, column 4: a capacity must"),
        (TWO_BY_THREE.replace(b"5.5", b"nan"), r"line 3, column 4: must be a number, got 'nan'"),
        (TWO_BY_THREE.replace(b"5.5", b"inf"), r"line 3, column 4: must be a number, got 'inf'"),
        (TWO_BY_THREE.replace(b"5.5", b"1_0"), r"line 3, column 4: must be a number, got '1_0'"),
        (TWO_BY_THREE.replace(b"5.5", b"5,5"), r"line 3, column 4: must be a number, got '5,5'"),
        (TWO_BY_THREE.replace(b"5.5", b"5..5"), r"line 3, column 4: must be a number"),
        (TWO_BY_THREE + b"end of file", r"line 8, column 1: must be a number, got 'end'"),
        (b"2 3 \x00\xff\xfe 1", r"line 1, column 5: must be a number, got '.*x00.*xff"),
        (b"x" * 100_000, r"line 1, column 1: must be a number, got 'x{40}…'"),
        (b"\x1f\x8b\x08 gz", r"line 1, column 1: must be a number"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_place(text, named):
    """File, line, column, and what would be right; one sentence."""
    with pytest.raises(InputError, match=named) as caught:
        parse_gap(text, "bad.txt")
    assert str(caught.value).startswith("bad.txt")
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    """The error is about the file."""
    with pytest.raises(InputError, match=r"cannot read .*nowhere\.txt: No such file"):
        read_gap(tmp_path / "nowhere.txt")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60) | st.text("0123456789.-+eE \nx", max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(text):
    """No other exception, whatever the file holds."""
    try:
        instance = parse_gap(text, "any")
    except InputError:
        return
    assert np.isfinite([pair.cost for pair in instance.pairs]).all()
