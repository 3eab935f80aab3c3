"""Lines of whole numbers read at once: what a large flow network in DIMACS format consists of.

A plain file has lines that begin with a letter and go on with numbers between single blanks or
more. Such lines are read by a few passes over all bytes. Whatever is not plain is left to a reader
that takes its time and can say what is wrong.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from placement.quantities import Bools, Ints

Bytes = npt.NDArray[np.uint8]

MOST_DIGITS = 16
"""Longer numbers are left to the careful reader."""
_BLOCK, _PIECE = 2048, 2**17
"""Lines and bytes at a time, so that what is made of them stays in the processor's cache."""
_BLANK, _MINUS, _ZERO, _NEWLINE = b" -0\n"


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a text.

    Attributes
    ----------
    text : array of bytes
        All of it; it ends with a newline.
    begin : array of int
        Where each line begins.
    size : array of int
        Its length with the newline, at least 1.
    """

    text: Bytes
    begin: Ints
    size: Ints

    @classmethod
    def of(cls, data: bytes) -> "Lines":
        """Split a text."""
        text = np.frombuffer(data if data.endswith(b"\n") else data + b"\n", dtype=np.uint8)
        pieces = range(0, len(text), _PIECE)
        ends = [np.flatnonzero(text[at : at + _PIECE] == _NEWLINE) + at for at in pieces]
        end = np.concatenate(ends)
        size = np.diff(end, prepend=-1)
        return cls(text, end - size + 1, size)

    @property
    def letter(self) -> Bytes:
        """The first byte of each line."""
        return self.text[self.begin]

    def line(self, at: int) -> bytes:
        """One line."""
        return self.text[self.begin[at] :][: self.size[at]].tobytes()

    def numbers(self, rows: Bools, width: int) -> Ints | None:
        """The whole numbers behind the letter of some lines.

        Parameters
        ----------
        rows
            Which lines.
        width
            How many numbers each of them has to have.

        Returns
        -------
        array or None
            A row for each number and a column for each line; None where a line is not plain.
        """
        at = np.flatnonzero(rows)
        found = np.empty((width, len(at)), dtype=np.int64)
        for start in range(0, len(at), _BLOCK):
            part = at[start : start + _BLOCK]
            text, size = self._cut(rows, int(part[0]), int(part[-1]) + 1)
            numbers = _parsed(text, size, width)
            if numbers is None:
                return None
            found[:, start : start + _BLOCK] = numbers.T
        return found

    def _cut(self, rows: Bools, start: int, stop: int) -> tuple[Bytes, Ints]:
        """The text of some lines between two, one after the other, as a copy; and their sizes."""
        rows, size, begin = rows[start:stop], self.size[start:stop], self.begin[start]
        text = self.text[begin : begin + size.sum()]
        if rows.all():
            return text.copy(), size
        return text[np.repeat(rows, size)], size[rows]


def _parsed(text: Bytes, size: Ints, width: int) -> Ints | None:
    """The numbers of lines of these sizes, a row for each line."""
    first = np.cumsum(size) - size
    text[first] = _BLANK
    value = text - np.uint8(_ZERO)  # bytes before 0 come out large
    digit = value < 10
    counts = [int(np.count_nonzero(text == byte)) for byte in (_BLANK, _NEWLINE, _MINUS)]
    edge = np.flatnonzero(digit[1:] != digit[:-1])
    if np.count_nonzero(digit) + sum(counts) != len(text) or len(edge) != 2 * width * len(first):
        return None
    before, last = edge[0::2], edge[1::2]
    begins, ends = before[0::width], last[width - 1 :: width]
    if (begins <= first).any() or (ends >= first + size).any():
        return None  # a letter and a digit without a blank, or more numbers here and fewer there
    length = last - before
    if length.max(initial=0) > MOST_DIGITS:
        return None
    number = _whole(value * digit, last, length)
    if counts[2] and not _give_signs(number, text, before, counts[2]):
        return None
    return number.reshape(-1, width)


def _whole(value: Bytes, last: Ints, length: Ints) -> Ints:
    """Numbers by their digits, the last two of all numbers first.

    Between numbers `value` is 0, so that a single digit is two as well.
    """
    pair = value.copy()
    pair[1:] += 10 * value[:-1]
    number = pair[last].astype(np.int64)
    longer = np.flatnonzero(length > 2)
    place = 2
    while len(longer):
        number[longer] += pair[last[longer] - place].astype(np.int64) * 10**place
        place += 2
        longer = longer[length[longer] > place]
    return number


def _give_signs(number: Ints, text: Bytes, before: Ints, count: int) -> bool:
    """Negate what has a minus; false where one of them stands elsewhere than before a number."""
    minus = text[before] == _MINUS
    number[minus] *= -1
    return np.count_nonzero(minus) == count and bool((text[before[minus] - 1] == _BLANK).all())
