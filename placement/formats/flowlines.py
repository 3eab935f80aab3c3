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
        end = np.flatnonzero(text == _NEWLINE)
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
        text, size = self._cut(rows)
        first = np.cumsum(size) - size
        text[first] = _BLANK
        return _parsed(text, first, size, width)

    def _cut(self, rows: Bools) -> tuple[Bytes, Ints]:
        """The text of some lines, one after the other, as a copy; and their sizes."""
        at = np.flatnonzero(rows)
        size = self.size[at]
        if len(at) and at[-1] - at[0] + 1 == len(at):
            start = self.begin[at[0]]
            return self.text[start : start + size.sum()].copy(), size
        return self.text[np.repeat(rows, self.size)], size


def _parsed(text: Bytes, first: Ints, size: Ints, width: int) -> Ints | None:
    """The numbers of lines that begin at `first` with a blank, by rows."""
    value = text - np.uint8(_ZERO)  # bytes before 0 come out large
    digit = value < 10
    other = sum(np.count_nonzero(text == byte) for byte in (_BLANK, _NEWLINE, _MINUS))
    edge = np.flatnonzero(digit[1:] != digit[:-1])
    if np.count_nonzero(digit) + other != len(text) or len(edge) != 2 * width * len(first):
        return None
    before, last = edge[0::2], edge[1::2]
    begins, ends = before[0::width], last[width - 1 :: width]
    if (begins <= first).any() or (ends >= first + size).any():
        return None  # a letter and a digit without a blank, or more numbers here and fewer there
    length = last - before
    if length.max(initial=0) > MOST_DIGITS:
        return None
    numbers = _signed(_whole(value, last, length), text, before)
    return None if numbers is None else numbers.reshape(-1, width).T.copy()


def _whole(value: Bytes, last: Ints, length: Ints) -> Ints:
    """Numbers by their digits, the last digit of all numbers first."""
    number = value[last].astype(np.int64)
    longer = np.flatnonzero(length > 1)
    place = 1
    while len(longer):
        number[longer] += value[last[longer] - place].astype(np.int64) * 10**place
        place += 1
        longer = longer[length[longer] > place]
    return number


def _signed(number: Ints, text: Bytes, before: Ints) -> Ints | None:
    """Numbers with their signs; None where a minus stands elsewhere than before a number."""
    minus = text[before] == _MINUS
    at = before[minus]
    if (
        np.count_nonzero(minus) != np.count_nonzero(text == _MINUS)
        or (text[at - 1] != _BLANK).any()
    ):
        return None
    number[minus] *= -1
    return number
