"""Transports become instances of the same least cost; other networks do not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placement import InputError, solve
from placement.formats.dimacs import parse_dimacs, solve_flow
from placement.formats.transport import as_transport


def problem(supply, arcs):
    """A network by its supplies and arcs."""
    rows = [f"p min {len(supply)} {len(arcs)}"]
    rows += [f"n {i} {amount}" for i, amount in enumerate(supply, 1)]
    rows += ["a " + " ".join(map(str, arc)) for arc in arcs]
    return parse_dimacs("\n".join(rows).encode(), "net.min")


@st.composite
def transports(draw):
    """Up to 3 senders and up to 3 takers, some arcs left out."""
    sent = draw(st.lists(st.integers(1, 6), min_size=1, max_size=3))
    taken = draw(st.lists(st.integers(1, 6), min_size=1, max_size=2))
    taken.append(sum(sent) - sum(taken))
    if taken[-1] <= 0:
        taken = [sum(sent)]
    supply = [*sent, *(-t for t in taken), 0]
    arcs = [
        (i, len(sent) + j, 0, 99, draw(st.integers(0, 20)))
        for i in range(1, len(sent) + 1)
        for j in range(1, len(taken) + 1)
        if j == 1 or draw(st.integers(0, 9))
    ]
    return problem(supply, arcs)


@settings(max_examples=25, deadline=None)
@given(transports())
def test_instance_and_flow_cost_the_same(network):
    """To the last unit; infeasible together."""
    flow, result = solve_flow(network), solve(as_transport(network), "flow", gap=0)
    if flow is None:
        assert result.objective is None
    else:
        assert result.objective == pytest.approx(network.cost_of(flow))


@pytest.mark.parametrize(
    ("supply", "arcs", "named"),
    [
        ([0, 0], [(1, 2, 0, 1, 1)], "no node sends anything"),
        ([1, 0, -1], [(1, 2, 0, 1, 1), (2, 3, 0, 1, 1)], "arc 1, from node 1 to 2, must lead from"),
        ([1, 1, -2], [(1, 3, 0, 1, 1), (1, 2, 0, 1, 1)], "arc 2, from node 1 to 2, must lead from"),
        ([1, -1], [(1, 2, 1, 1, 1)], "arc 1, from node 1 to 2, must not ask for a least flow"),
        ([1, -1], [(1, 2, 0, 1, -1)], "must not have a negative cost"),
        ([2, -2], [(1, 2, 0, 1, 1)], "must carry all that its ends could exchange"),
        ([1, -1], [(1, 2, 0, 1, 1), (1, 2, 0, 1, 2)], "arc 2, from node 1 to 2, must be the only"),
        ([1, 1, -2], [(1, 3, 0, 1, 1)], "node 2 sends but has no arc"),
        ([10**13, -(10**13)], [(1, 2, 0, 10**15, 1)], "node 1 must not send more than 10{12}"),
    ],
)
def test_other_networks_are_refused(supply, arcs, named):
    """With the first arc or node that no transport has, and the command for it."""
    with pytest.raises(InputError, match=named) as caught:
        as_transport(problem(supply, arcs))
    assert "`placement flow` solves it" in str(caught.value)
