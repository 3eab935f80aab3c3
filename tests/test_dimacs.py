"""Min-cost flow in DIMACS format: read in one pass or line by line, and solved exactly."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from placement import EngineError, InputError
from placement.formats import dimacs
from placement.formats.dimacs import parse_dimacs, read_dimacs, solve_flow, write_flow
from placement.formats.dimacslines import read_lines

SIX_NODES = b"""c six nodes, eight arcs, 5 units from 1 to 6
p min 6 8
n 1 5
c a word in between
n 6 -5
a 1 2 0 7 1
a 1 3 0 7 5
a 2 3 1 2 -2
a 2 4 0 3 8
a 3 4 0 3 -3
a 3 5 0 2 4
c and here
a 4 6 0 10 0
a 5 6 0 10 0"""
"""Two negative costs and one lower bound; no newline at the end."""


def written(size, supply, arcs):
    """A plain file."""
    rows = [f"p min {size} {len(arcs)}"]
    rows += [f"n {i} {amount}" for i, amount in enumerate(supply, 1) if amount]
    rows += ["a " + " ".join(map(str, arc)) for arc in arcs]
    return "\n".join([*rows, ""]).encode()


@st.composite
def networks(draw, largest=9):
    """Size, supplies that add up to 0, and arcs; loops and parallel arcs too."""
    size = draw(st.integers(1, 5))
    node = st.integers(1, size)
    arcs = []
    for _ in range(draw(st.integers(1, 10))):
        lower = draw(st.integers(0, 3)) if draw(st.booleans()) else 0
        room, cost = draw(st.integers(0, largest)), draw(st.integers(-largest, largest))
        arcs.append((draw(node), draw(node), lower, max(lower, room), cost))
    supply = [draw(st.integers(-4, 4)) for _ in range(size - 1)]
    return size, [*supply, -sum(supply)], arcs


def least(problem):
    """The least cost, as a linear program; None where no flow is allowed."""
    size, count = len(problem.supply), len(problem.tail)
    balance = np.zeros((size, count))
    np.add.at(balance, (problem.tail, np.arange(count)), 1)
    np.add.at(balance, (problem.head, np.arange(count)), -1)
    bounds = np.stack([problem.lower, problem.capacity]).T
    found = linprog(problem.cost, A_eq=balance, b_eq=problem.supply, bounds=bounds)
    return found.fun if found.status == 0 else None


def assert_allowed(problem, flow):
    """Bounds are kept and nothing is left anywhere, in whole numbers."""
    assert ((problem.lower <= flow) & (flow <= problem.capacity)).all()
    left = problem.supply.astype(object)
    np.subtract.at(left, problem.tail, flow.astype(object))
    np.add.at(left, problem.head, flow.astype(object))
    assert not left.any()


# --- what is read --------------------------------------------------------------------------------


def test_nodes_and_arcs_are_those_of_the_file(tmp_path):
    """By columns; nodes count from 0."""
    path = tmp_path / "six.min"
    path.write_bytes(SIX_NODES)
    problem = read_dimacs(path)
    assert problem.name == "six"
    assert problem.supply.tolist() == [5, 0, 0, 0, 0, -5]
    assert (problem.tail.tolist()[2], problem.head.tolist()[2]) == (1, 2)
    assert problem.lower.tolist() == [0, 0, 1, 0, 0, 0, 0, 0]
    assert problem.capacity.tolist() == [7, 7, 2, 3, 3, 2, 10, 10]
    assert problem.cost.tolist() == [1, 5, -2, 8, -3, 4, 0, 0]


SPACES = [b" ", b"  ", b"\t", b" \t "]
ENDS = [b"\n", b"\r\n", b" \n", b"\n\n", b"\nc nothing 1 2 3\n", b"\n  c in\n"]


@settings(max_examples=200, deadline=None)
@given(networks(largest=10**15), st.randoms(use_true_random=False))
def test_both_readers_agree(network, random):
    """At once or line by line, however the file is spaced; comments change nothing."""
    plain = written(*network)
    rows = read_lines(plain, "plain")
    fast = dimacs._plain_rows(plain)
    assert fast is not None
    assert np.array_equal(fast.nodes, rows.nodes)
    assert np.array_equal(fast.arcs, rows.arcs)
    spaced = b"".join(random.choice(SPACES) if c == 32 else bytes([c]) for c in plain)
    spaced = b"".join(line + random.choice(ENDS) for line in spaced.splitlines())
    first, second = parse_dimacs(plain, "same"), parse_dimacs(spaced, "same")
    for field in ("supply", "tail", "head", "lower", "capacity", "cost"):
        assert np.array_equal(getattr(first, field), getattr(second, field)), field


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_what_is_read_at_once_is_read_line_by_line_too(data):
    """Whatever one byte does to a file: the fast reader takes nothing that the careful refuses."""
    text = bytearray(SIX_NODES)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text) - 1))
        change = data.draw(st.sampled_from(b"0123456789 -+\n\rapnc.x\x00\xff"))
        text[at : at + data.draw(st.integers(0, 2))] = bytes([change])
    fast = dimacs._plain_rows(bytes(text))
    if fast is None:
        return
    rows = read_lines(bytes(text), "changed")
    assert fast.size == rows.size
    assert np.array_equal(fast.nodes, rows.nodes)
    assert np.array_equal(fast.arcs, rows.arcs)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=40) | st.text("pminac 0123456789-\n", max_size=40).map(str.encode))
def test_any_bytes_are_read_or_refused(text):
    """No other exception, whatever the file holds."""
    for data in (text, b"p min 3 1\n" + text, SIX_NODES + b"\n" + text):
        with suppress(InputError):
            assert parse_dimacs(data, "any").supply.sum() == 0


# --- what is solved ------------------------------------------------------------------------------


def test_lower_bounds_and_negative_costs_count():
    """The cheapest flow of the sample, by hand: all through 2 and 3 that fits."""
    problem = parse_dimacs(SIX_NODES, "six")
    flow = solve_flow(problem)
    assert_allowed(problem, flow)
    assert problem.cost_of(flow) == least(problem)
    assert write_flow(problem, flow).splitlines()[0] == f"s {problem.cost_of(flow)}"


@settings(max_examples=300, deadline=None)
@given(networks())
def test_the_flow_is_cheapest(network):
    """As cheap as a linear program says, and none where that has none."""
    problem = parse_dimacs(written(*network), "any")
    flow = solve_flow(problem)
    best = least(problem)
    assert (flow is None) == (best is None)
    if flow is not None:
        assert_allowed(problem, flow)
        assert problem.cost_of(flow) == pytest.approx(best, abs=1e-6)


@settings(max_examples=200, deadline=None)
@given(networks(largest=10**15))
def test_large_numbers_are_exact_or_refused(network):
    """Never wrong for want of bits: what is answered is allowed, and costs what it says."""
    problem = parse_dimacs(written(*network), "large")
    flow = None
    with suppress(EngineError):
        flow = solve_flow(problem)
    if flow is not None:
        assert_allowed(problem, flow)
        exact = sum(int(c) * int(x) for c, x in zip(problem.cost, flow, strict=True))
        assert problem.cost_of(flow) == exact


def test_a_loop_carries_what_pays():
    """Its least flow where it costs, all it can where it earns."""
    problem = parse_dimacs(b"p min 1 2\na 1 1 2 5 3\na 1 1 0 4 -1\n", "loops")
    assert solve_flow(problem).tolist() == [2, 4]


def test_no_flow_is_none():
    """Capacities too small, or a lower bound that cannot be met."""
    assert solve_flow(parse_dimacs(written(2, [3, -3], [(1, 2, 0, 2, 1)]), "small")) is None
    assert solve_flow(parse_dimacs(written(2, [0, 0], [(1, 2, 1, 2, 1)]), "lower")) is None


@settings(max_examples=50, deadline=None)
@given(networks())
def test_a_written_flow_is_the_flow(network):
    """`s` is its cost and every `f` an arc that carries; no others carry anything."""
    problem = parse_dimacs(written(*network), "any")
    flow = solve_flow(problem)
    if flow is None:
        return
    cost, *rows = [line.split() for line in write_flow(problem, flow).splitlines()]
    assert cost == ["s", str(problem.cost_of(flow))]
    used = np.flatnonzero(flow)
    assert [list(map(int, row[1:])) for row in rows] == [
        [problem.tail[a] + 1, problem.head[a] + 1, flow[a]] for a in used
    ]


# --- what is refused -----------------------------------------------------------------------------

HEAD = b"p min 3 1\n"
ARC = b"a 1 2 0 5 1\n"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (b"", r"bad\.min has no line `p min NODES ARCS`, with which it must begin"),
        (b"c nothing\n", r"has no line `p min NODES ARCS`"),
        (ARC, "line 1, column 1: a line `p min NODES ARCS` must come first, got 'a'"),
        (b"n 1 2\n" + HEAD, "line 1, column 1: a line `p min"),
        (HEAD + HEAD + ARC, "line 2, column 1: only one line may begin with p, and line 1 does"),
        (b"p max 3 1\n" + ARC, "line 1, column 3: the problem must be min, a minimum-cost flow"),
        (b"p min 3\n" + ARC, "line 1, column 8: the line ends too early; it must be `p min NODES"),
        (b"p min 0 1\n" + ARC, "line 1, column 7: the number of nodes must be a whole number from"),
        (b"p min 1e3 1\n" + ARC, "line 1, column 7: the number of nodes.*got '1e3'"),
        (b"p min 999999999999 1\n", "line 1, column 7: the number of nodes .* to 100000000, got"),
        (b"p min 3 99999999999\n", "line 1, column 9: the number of arcs .* to 1000000000, got"),
        (b"p min 3 2\n" + ARC, "line 1, column 9: the number of arcs must be 1, that of .*'2'"),
        (HEAD + b"a 1 2 0 5\n", "line 2, column 10: the line ends too early; it must be `a SRC"),
        (HEAD + b"a 1 2 0 5 1 9\n", "line 2, column 13: a line `a SRC DST LOW CAP COST` must end"),
        (HEAD + b"a 1 4 0 5 1\n", "line 2, column 5: a node must be a whole number from 1 to 3"),
        (HEAD + b"a 0 2 0 5 1\n", "line 2, column 3: a node must be .* got '0'"),
        (HEAD + b"a 1 2 -1 5 1\n", "line 2, column 7: the least flow of an arc must be .* '-1'"),
        (HEAD + b"a 1 2 3 2 1\n", "line 2, column 9: the capacity of an arc .* from 3 to 10+, got"),
        (HEAD + b"a 1 2 0 5 1.5\n", "line 2, column 11: the cost of an arc .* got '1.5'"),
        (HEAD + b"a 1 2 0 5 nan\n", "line 2, column 11: the cost of an arc .* got 'nan'"),
        (HEAD + b"a 1 2 0 5 1-2\n", "line 2, column 11: the cost of an arc .* got '1-2'"),
        (HEAD + b"a 1 2 0 5 " + b"9" * 5000, "line 2, column 11: .* from -10+ to 10+, got '9+…'"),
        (HEAD + b"a 1 2 0 9999999999999999 1\n", "line 2, column 9: the capacity"),
        (HEAD + b"a 1 2 0 5 -9999999999999999999\n", "line 2, column 11: the cost"),
        (HEAD + b"n 4 1\n" + ARC, "line 2, column 3: a node must be a whole number from 1 to 3"),
        (HEAD + b"n 1 x\n" + ARC, "line 2, column 5: a supply must be a whole number"),
        (HEAD + b"n 1 0\nn 1 0\n" + ARC, "line 3, column 3: a node must have one supply only"),
        (HEAD + b"n 1 3\nn 2 -2\n" + ARC, "bad.min: the supplies of all nodes must add up to 0"),
        (HEAD + ARC + b"x 1 2\n", "line 3, column 1: a line must begin with c, p, n or a, got 'x'"),
        (HEAD + b"a1 2 0 5 1\n", "line 2, column 1: a line must begin with .* got 'a1'"),
        (HEAD + ARC + b" \x00\x01\xff", "line 3, column 2: a line must begin with c, p, n or a"),
        (b"\x1f\x8b\x08\x00", "line 1, column 1: a line must begin with"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_place(text, named):
    """File, line, column, and what would be right."""
    with pytest.raises(InputError, match=named):
        parse_dimacs(text, "bad.min")


@pytest.mark.parametrize(
    "arcs",
    [
        [(1, 90_000, 0, 5, 10**15), (90_000, 1, 0, 5, -(10**15))],
        [(1, 2, 0, 10**15, -1)] * 10_000,
        [(1, 2, 10**15, 10**15, 1)] * 10_000,
    ],
)
def test_what_64_bits_cannot_hold_is_refused(arcs):
    """Costs, capacities and lower bounds whose sums are too large."""
    with pytest.raises(EngineError, match="64-bit"):
        solve_flow(parse_dimacs(written(90_000, [0], arcs), "huge"))


def test_a_missing_file_is_named(tmp_path):
    """The error is about the file."""
    with pytest.raises(InputError, match=r"cannot read .*nowhere\.min"):
        read_dimacs(tmp_path / "nowhere.min")
