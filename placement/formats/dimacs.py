"""Minimum-cost flow in the format of the first DIMACS challenge (1991).

Lines `c` are comments; `p min N M` promises N nodes and M arcs; `n ID SUPPLY` is a node that sends,
or takes where negative; `a SRC DST LOW CAP COST` is an arc. Nodes count from 1, numbers are whole,
costs may be negative. A network is no placement instance; it is solved as the flow it is. Where it
is a transport from sources to sinks, `transport.py` makes it an instance.

References
----------
DIMACS (1991), The first DIMACS international algorithm implementation challenge: problem
definitions and specifications.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from placement.errors import EngineError, InputError
from placement.formats.dimacslines import MOST, Rows, read_lines
from placement.formats.flowlines import Lines
from placement.formats.numbers import read_bytes
from placement.mincostflow import balanced_flow
from placement.quantities import Ints

_ARC, _NODE, _PROBLEM, _COMMENT = b"anpc"


@dataclass(frozen=True, slots=True)
class FlowProblem:
    """A network of min-cost flow, by columns.

    Attributes
    ----------
    name : str
        Of the file, without its ending.
    supply : array of int
        What each node sends, or takes where negative; the sum is 0.
    tail, head : array of int
        Ends of each arc; nodes count from 0 here.
    lower, capacity : array of int
        The least and the most each arc carries.
    cost : array of int
        Per unit on each arc.
    """

    name: str
    supply: Ints
    tail: Ints
    head: Ints
    lower: Ints
    capacity: Ints
    cost: Ints

    def cost_of(self, flow: Ints) -> int:
        """What a flow costs, exactly."""
        if float(np.abs(self.cost).astype(float) @ np.abs(flow).astype(float)) < 2.0**62:
            return int(self.cost @ flow)
        return sum(map(int.__mul__, self.cost.tolist(), flow.tolist()))


def read_dimacs(path: str | Path) -> FlowProblem:
    """Read a network.

    Raises
    ------
    InputError
        If it cannot be read or is no such file; the sentence names line and column.
    """
    return parse_dimacs(read_bytes(path), Path(path).name)


def parse_dimacs(text: bytes, file: str) -> FlowProblem:
    """Turn the text of such a file into a network.

    Parameters
    ----------
    text
        What the file holds.
    file
        What errors call it; without its ending it is the name of the network.

    Raises
    ------
    InputError
        If the text is not a network of min-cost flow; the sentence names line and column.
    """
    text = text.removeprefix(b"\xef\xbb\xbf")
    rows = _plain_rows(text)
    if rows is None:
        rows = read_lines(text, file)
    supply = np.zeros(rows.size, dtype=np.int64)
    node, amount = rows.nodes
    supply[node - 1] = amount
    fits = float(np.abs(amount).sum(dtype=float)) < 2.0**62
    left = int(amount.sum()) if fits else sum(amount.tolist())
    if left:
        raise InputError(f"{file}: the supplies of all nodes must add up to 0, not to {left}.")
    tail, head, lower, capacity, cost = rows.arcs
    return FlowProblem(Path(file).stem or file, supply, tail - 1, head - 1, lower, capacity, cost)


def _plain_rows(text: bytes) -> Rows | None:
    """The lines of a file without peculiarities, all at once; None where it has any."""
    if not text:
        return None
    lines = Lines.of(text)
    letter = lines.letter
    problem, nodes, arcs = letter == _PROBLEM, letter == _NODE, letter == _ARC
    known = np.count_nonzero(letter == _COMMENT) + np.count_nonzero(nodes) + np.count_nonzero(arcs)
    if known + 1 != len(letter) or not problem.any() or not arcs.any():
        return None
    at = int(np.argmax(problem))
    words = lines.line(at).split()
    if (nodes | arcs)[:at].any() or len(words) != 4 or words[:2] != [b"p", b"min"]:
        return None
    if not all(word.isdigit() and len(word) < 9 for word in words[2:]):
        return None
    node = lines.numbers(nodes, 2) if nodes.any() else np.zeros((2, 0), dtype=np.int64)
    arc = lines.numbers(arcs, 5)
    if node is None or arc is None:
        return None
    rows = Rows(int(words[2]), node, arc)
    return rows if _is_sound(rows, promised=int(words[3])) else None


def _is_sound(rows: Rows, *, promised: int) -> bool:
    """Whether all numbers are in range and no node has two supplies."""
    node, amount = rows.nodes
    lower, capacity, cost = rows.arcs[2:]
    if len(cost) != promised or (lower > capacity).any():
        return False
    if (np.diff(node) <= 0).any() and len(np.unique(node)) < len(node):
        return False
    ends, amounts = (node, *rows.arcs[:2]), (amount, lower, capacity, cost)
    return (
        all(_within(part, 1, rows.size) for part in ends)
        and all(_within(part, -MOST, MOST) for part in amounts)
        and lower.min() >= 0
    )


def _within(numbers: Ints, least: int, most: int) -> bool:
    return not len(numbers) or bool(least <= numbers.min() and numbers.max() <= most)


def solve_flow(problem: FlowProblem) -> Ints | None:
    """A cheapest flow, exactly: lower bounds, negative costs and loops included.

    Returns
    -------
    array of int or None
        The flow on each arc; None where no flow meets all supplies and bounds.

    Raises
    ------
    EngineError
        If the numbers are too large for exact arithmetic in 64 bits.
    """
    flow = problem.lower.copy()
    loop = problem.tail == problem.head
    flow[loop & (problem.cost < 0)] = problem.capacity[loop & (problem.cost < 0)]
    room = problem.capacity - problem.lower
    supply = problem.supply
    _demand_summable(supply[np.flatnonzero(supply)], flow)
    if flow.any():
        supply = supply.copy()
        np.subtract.at(supply, problem.tail, flow)
        np.add.at(supply, problem.head, flow)
    if not (problem.cost < 0).any():
        room = np.minimum(room, supply[supply > 0].sum())  # more is of no use
    kept = ~loop & (room > 0)
    columns = (part[kept] for part in (problem.tail, problem.head, room, problem.cost))
    more = balanced_flow(supply, *columns)
    if more is not None:
        flow[kept] += more
    return None if more is None else flow


def _demand_summable(*amounts: Ints) -> None:
    """Refuse numbers whose sums do not fit into 64 bits."""
    if sum(float(np.abs(part).sum(dtype=float)) for part in amounts) >= 2.0**62:
        raise EngineError("supplies and bounds are too large for an exact flow in 64-bit numbers.")


def write_flow(problem: FlowProblem, flow: Ints) -> str:
    """A flow in the format of the challenge: `s COST`, then `f SRC DST FLOW` for arcs that carry.

    Arcs stand in the order of the network.
    """
    used = np.flatnonzero(flow)
    columns = (problem.tail[used] + 1, problem.head[used] + 1, flow[used])
    rows = [f"f {a} {b} {x}" for a, b, x in zip(*(c.tolist() for c in columns), strict=True)]
    return "\n".join([f"s {problem.cost_of(flow)}", *rows, ""])
