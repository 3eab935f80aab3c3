"""What a page is made of: sections of sentences, charts and tables, as plain data."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from placement.analysis.cells import written
from placement.analysis.tables import Table
from placement.wording import whole

MOST_ROWS = 12
"""Rows of a table that has no end in sight, such as one for each node."""

_HEADINGS = {
    "accelerator_h": "accelerator-hours",
    "low": "at least",
    "high": "at most",
    "estimate": "by plans found",
    "cost": "$ for it",
    "owed": "must be served, is not",
    "right_low": "one more gains at least",
    "right": "by plans found",
    "right_high": "at most",
    "left_low": "one less loses at least",
    "left": "by plans found",
    "left_high": "at most",
    "penalty": "penalties",
    "herfindahl": "HHI",
}
"""Headings of columns whose names say too little to people."""


@dataclass(frozen=True)
class Cell:
    """One cell; `shade` is None or how dark it is, from 0 to 1."""

    text: str
    shade: float | None = None


@dataclass(frozen=True)
class Grid:
    """A table for people.

    Attributes
    ----------
    caption : str
    headings : tuple of str
    numeric : tuple of bool
        Which columns hold numbers, which stand at the right.
    rows : tuple of tuple of Cell
    note : str
        What is left out; empty for nothing.
    """

    caption: str
    headings: tuple[str, ...]
    numeric: tuple[bool, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    kind: Literal["grid"] = "grid"


@dataclass(frozen=True)
class Text:
    """A sentence or a few; `quiet` ones are remarks, and `code` is a line to type."""

    text: str
    kind: Literal["text", "quiet", "code"] = "text"


@dataclass(frozen=True)
class Points:
    """Sentences one below the other."""

    items: tuple[str, ...]
    kind: Literal["points"] = "points"


@dataclass(frozen=True)
class Chart:
    """A drawing, `svg` the text of its element."""

    title: str
    svg: str
    kind: Literal["chart"] = "chart"


@dataclass(frozen=True)
class Search:
    """A table of nodes to search in.

    Attributes
    ----------
    headings : tuple of str
    digits : tuple of (int or None)
        How many digits after the point the numbers of a column have; None for texts.
    columns : tuple of tuple
        The values of each column.
    """

    headings: tuple[str, ...]
    digits: tuple[int | None, ...]
    columns: tuple[tuple[Any, ...], ...]
    kind: Literal["search"] = "search"


@dataclass(frozen=True)
class Heading:
    """What the blocks after it are about, within a section."""

    text: str
    kind: Literal["heading"] = "heading"


Block = Grid | Text | Points | Chart | Search | Heading


@dataclass(frozen=True)
class Section:
    """A part of the page, `key` its anchor."""

    key: str
    title: str
    blocks: tuple[Block, ...]


def grid(
    caption: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    note: str = "",
    headings: Mapping[str, str] = _HEADINGS,
) -> Grid:
    """A table of texts and numbers, written as the analysis' columns of the same names are."""
    listed = list(rows)
    texts = [any(isinstance(row[i], str | bool) for row in listed) for i in range(len(columns))]
    cells = tuple(
        tuple(Cell(written(name, value)) for name, value in zip(columns, row, strict=True))
        for row in listed
    )
    shown = tuple(headings.get(name, name.replace("_", " ")) for name in columns)
    return Grid(caption, shown, tuple(not text for text in texts), cells, note)


def table(
    found: Table,
    caption: str = "",
    columns: Sequence[str] = (),
    most: int = 0,
    headings: Mapping[str, str] | None = None,
) -> Grid:
    """A table of the analysis: all its columns or some, all its rows or the first."""
    names = columns or found.shown or found.columns
    at = [found.columns.index(name) for name in names]
    rows = [[row[i] for i in at] for row in found.rows()]
    left = len(rows) - most if most else 0
    note = f"and {whole(left)} more; placement analyze --json has all" if left > 0 else ""
    shown = {**_HEADINGS, **(headings or {})}
    return grid(caption or found.title, names, rows[:most] if most else rows, note, shown)


def heat(
    caption: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    of: str = "share",
    full: float = 1.0,
) -> Grid:
    """Amounts by row and column, the larger the darker.

    Parameters
    ----------
    columns : sequence of str
        The first is that of the rows' names.
    of : str
        What the amounts are: a name of a column of the analysis.
    full : float
        The darkest amount.
    """
    cells = tuple(
        (Cell(name), *(Cell(written(of, x), None if x is None else x / full) for x in amounts))
        for name, *amounts in rows
    )
    return Grid(caption, tuple(columns), (False, *(True for _ in columns[1:])), cells)
