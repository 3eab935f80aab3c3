"""DIMACS files line by line: slower than all at once, but it knows what is wrong and where."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

import numpy as np

from placement.errors import InputError
from placement.formats.numbers import shown
from placement.quantities import Ints

MOST = 10**15
"""The largest supply, capacity or cost."""
MOST_NODES = 10**8
MOST_ARCS = 10**9
_WORD = re.compile(rb"\S+")
_LINES = {
    b"p": ("p min NODES ARCS", 4),
    b"n": ("n ID SUPPLY", 3),
    b"a": ("a SRC DST LOW CAP COST", 6),
}


@dataclass(frozen=True, slots=True)
class Rows:
    """What the lines of a file say, unchanged.

    Attributes
    ----------
    size : int
        The number of nodes.
    nodes : array of 2 rows
        Node and supply of each line `n`; nodes count from 1.
    arcs : array of 5 rows
        Tail, head, least and largest flow and cost of each line `a`.
    """

    size: int
    nodes: Ints
    arcs: Ints


@dataclass(slots=True)
class _Line:
    """A line that is being read."""

    file: str
    number: int
    text: bytes
    words: list[bytes]

    def refuse(self, at: int, sentence: str) -> NoReturn:
        """Say what would be right in place of a word."""
        column = list(_WORD.finditer(self.text))[at].start() + 1
        raise InputError(
            f"{self.file}, line {self.number}, column {column}: {sentence}, "
            f"got {shown(self.words[at])}."
        )

    def whole(self, at: int, what: str, least: int, most: int) -> int:
        """A word as a whole number within its bounds."""
        word = self.words[at]
        digits = word[1:] if word[:1] in {b"-", b"+"} else word
        if not (digits.isdigit() and len(digits) < 20 and least <= int(word) <= most):
            self.refuse(at, f"{what} must be a whole number from {least} to {most}")
        return int(word)

    def demand_words(self, form: str, size: int) -> None:
        """Refuse a line of more or fewer words."""
        if len(self.words) > size:
            self.refuse(size, f"a line `{form}` must end here")
        if len(self.words) < size:
            raise InputError(
                f"{self.file}, line {self.number}, column {len(self.text.rstrip()) + 1}: "
                f"the line ends too early; it must be `{form}`."
            )


@dataclass(slots=True)
class _Reader:
    """What was read so far."""

    size: int = 0
    promised: int = 0
    first: _Line | None = None
    supply: dict[int, int] = field(default_factory=dict)
    arcs: list[tuple[int, ...]] = field(default_factory=list)

    def problem(self, line: _Line) -> None:
        if self.first:
            line.refuse(0, f"only one line may begin with p, and line {self.first.number} does")
        if line.words[1] != b"min":
            line.refuse(1, "the problem must be min, a minimum-cost flow")
        self.size = line.whole(2, "the number of nodes", 1, MOST_NODES)
        self.promised = line.whole(3, "the number of arcs", 0, MOST_ARCS)
        self.first = line

    def node(self, line: _Line) -> None:
        self._demand_problem(line)
        name = line.whole(1, "a node", 1, self.size)
        if name in self.supply:
            line.refuse(1, "a node must have one supply only")
        self.supply[name] = line.whole(2, "a supply", -MOST, MOST)

    def arc(self, line: _Line) -> None:
        self._demand_problem(line)
        tail, head = (line.whole(at, "a node", 1, self.size) for at in (1, 2))
        lower = line.whole(3, "the least flow of an arc", 0, MOST)
        capacity = line.whole(4, "the capacity of an arc", lower, MOST)
        cost = line.whole(5, "the cost of an arc", -MOST, MOST)
        self.arcs.append((tail, head, lower, capacity, cost))

    def _demand_problem(self, line: _Line) -> None:
        if not self.first:
            line.refuse(0, "a line `p min NODES ARCS` must come first")


def read_lines(text: bytes, file: str) -> Rows:
    """Read all lines, one by one.

    Raises
    ------
    InputError
        At the first word that is wrong.
    """
    reader = _Reader()
    read: dict[bytes, Callable[[_Line], None]] = {
        b"p": reader.problem,
        b"n": reader.node,
        b"a": reader.arc,
    }
    for number, content in enumerate(text.split(b"\n"), 1):
        words = content.split()
        if not words or words[0][:1] == b"c":
            continue
        line = _Line(file, number, content, words)
        if words[0] not in read:
            line.refuse(0, "a line must begin with c, p, n or a")
        line.demand_words(*_LINES[words[0]])
        read[words[0]](line)
    _demand_all(reader, file)
    return Rows(
        reader.size,
        np.array(list(reader.supply.items()), dtype=np.int64).reshape(-1, 2).T,
        np.array(reader.arcs, dtype=np.int64).reshape(-1, 5).T,
    )


def _demand_all(reader: _Reader, file: str) -> None:
    """Refuse a file that ends before all is said, or says too much."""
    if not reader.first:
        raise InputError(f"{file} has no line `p min NODES ARCS`, with which it must begin.")
    if len(reader.arcs) != reader.promised:
        reader.first.refuse(
            3, f"the number of arcs must be {len(reader.arcs)}, that of the lines with a"
        )
