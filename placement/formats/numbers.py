"""Files that are nothing but numbers with white space between them, and errors that say where.

The good path is one pass in native code; only where something is wrong is the text searched for
the line and the column.
"""

import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NoReturn

import numpy as np

from placement.errors import InputError
from placement.instance import MAX_AMOUNT
from placement.quantities import Floats

MOST_ROWS = 10**9
"""The largest number of agents, jobs, facilities or customers that a file may name."""
_ALLOWED = b"0123456789+-.eE \t\n\r\v\f"
_WORD = re.compile(rb"\S+")
_SHOWN = 40


def read_bytes(path: str | Path) -> bytes:
    """Read a whole file.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {path}: {getattr(error, 'strerror', error)}.") from None


def shown(word: bytes) -> str:
    """A word of a file as a person may see it, cut where it is long."""
    text = word[:_SHOWN].decode("ascii", "backslashreplace")
    return repr(text + "…" if len(word) > _SHOWN else text)


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of a text, one after the other.

    Attributes
    ----------
    file : str
        What errors call the text.
    text : bytes
        All of it.
    values : array
        Its numbers, none of them NaN; too large ones are infinite.
    """

    file: str
    text: bytes
    values: Floats

    @classmethod
    def of(cls, text: bytes, file: str, *, begins: str) -> "Numbers":
        """Split a text into its numbers.

        Parameters
        ----------
        text
            What the file holds.
        file
            What errors call it.
        begins
            What the file has to begin with, for the error about an empty one.

        Raises
        ------
        InputError
            If there are none, or a word is no number.
        """
        text = text.removeprefix(b"\xef\xbb\xbf")
        words = text.split()
        if not words:
            raise InputError(f"{file} is empty; it must begin with {begins}.")
        try:
            if text.translate(None, _ALLOWED):
                raise ValueError  # noqa: TRY301 - such as nan, 1_000 or 0x10
            values = np.fromiter(map(float, words), dtype=float, count=len(words))
        except ValueError:
            at = next(k for k, word in enumerate(words) if not _is_number(word))
            found = cls(file, text, np.zeros(0))
            raise InputError(
                f"{found.place(at)}: must be a number, got {shown(words[at])}."
            ) from None
        return cls(file, text, values)

    def place(self, at: int) -> str:
        """File, line and column of a number."""
        word = next(islice(_WORD.finditer(self.text), at, None))
        line = self.text.count(b"\n", 0, word.start()) + 1
        column = word.start() - self.text.rfind(b"\n", 0, word.start())
        return f"{self.file}, line {line}, column {column}"

    def count(self, at: int, what: str) -> int:
        """A number that counts things.

        Raises
        ------
        InputError
            If it is missing, not whole, or out of range.
        """
        if at >= len(self.values):
            self._ends(f"the number of {what} must follow")
        value = self.values[at]
        if not (1 <= value <= MOST_ROWS and value == int(value)):
            self.refuse(at, f"the number of {what} must be a whole number from 1 to {MOST_ROWS}")
        return int(value)

    def demand_length(self, length: int, why: str) -> None:
        """Refuse a file of more or fewer numbers.

        Parameters
        ----------
        length
            How many there must be.
        why
            What asks for so many, such as "5 agents and 15 jobs".

        Raises
        ------
        InputError
            If there are more or fewer.
        """
        found = len(self.values)
        if found < length:
            self._ends(f"{why} need {length} numbers, and there are {found}")
        if found > length:
            raise InputError(
                f"{self.place(length)}: must be the end of the file: {why} need {length} numbers, "
                f"and there are {found}."
            )

    def amounts(self, start: int, stop: int, what: str, most: float = MAX_AMOUNT) -> Floats:
        """Some numbers, one after the other, that must not be negative nor too large.

        Raises
        ------
        InputError
            If one is.
        """
        part = self.values[start:stop]
        bad = np.flatnonzero(~((part >= 0) & (part <= most)))
        if len(bad):
            self.refuse(start + int(bad[0]), f"{what} must be a number from 0 to {most:g}")
        return part

    def refuse(self, at: int, sentence: str) -> NoReturn:
        """Say where a number stands, what would be right, and what it is.

        Raises
        ------
        InputError
            Always.
        """
        word = next(islice(_WORD.finditer(self.text), at, None))
        raise InputError(f"{self.place(at)}: {sentence}, got {shown(word.group())}.")

    def _ends(self, sentence: str) -> NoReturn:
        line = self.text.rstrip().count(b"\n") + 1
        column = len(self.text.rstrip()) - self.text.rstrip().rfind(b"\n")
        raise InputError(f"{self.file}, line {line}, column {column}: ends too early: {sentence}.")


def _is_number(word: bytes) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return not word.translate(None, _ALLOWED)


def plain(value: float) -> str:
    """A number as these files have it: no more digits than it takes, and whole ones without point.

    15 digits, so that costs per unit multiplied again are what they were.
    """
    return str(int(value)) if value == int(value) else f"{value:.15g}"


def lines(values: Floats, width: int = 12) -> list[str]:
    """Numbers as lines of some each."""
    words = [plain(value) for value in values.tolist()]
    return [" ".join(words[at : at + width]) for at in range(0, len(words), width)]
