"""Results as tables: typed in Python, a data frame or plain data where that is wanted."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from placement.errors import PlacementError

if TYPE_CHECKING:
    import pandas as pd


class Table:
    """A result in rows and columns.

    A frozen dataclass that inherits it says what its `columns` are and yields its `rows`, in the
    same order. Cells are texts, numbers, booleans, or None for what is not known.
    """

    title: ClassVar[str] = ""
    """What the table is about, for people."""
    shown: ClassVar[tuple[str, ...]] = ()
    """The columns that a terminal shows; none named is all of them."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns; units are in the names."""
        raise NotImplementedError

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The rows, each as long as `columns`."""
        raise NotImplementedError

    def to_dict(self) -> list[dict[str, Any]]:
        """The rows as plain data, ready for JSON."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows()]

    def to_frame(self) -> "pd.DataFrame":
        """The rows as a data frame of pandas.

        Raises
        ------
        PlacementError
            If pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError:
            raise PlacementError(
                'a data frame needs pandas, which is missing: pip install "placement[report]".'
            ) from None
        return pd.DataFrame(list(self.rows()), columns=list(self.columns))


@dataclass(frozen=True)
class Records(Table):
    """A table with a dataclass for each row; its fields are the columns.

    The fields of a dataclass within the row stand in its place.
    """

    record: ClassVar[type]
    """The dataclass of the rows."""

    entries: tuple[Any, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the fields."""
        return _headings(self.record)

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The fields of every entry."""
        return (tuple(_cells(entry)) for entry in self.entries)


def _headings(record: type) -> tuple[str, ...]:
    names: list[str] = []
    for entry in fields(record):
        inner = isinstance(entry.type, type) and is_dataclass(entry.type)
        names += _headings(entry.type) if inner else [entry.name]  # type: ignore[arg-type]
    return tuple(names)


def _cells(record: Any) -> Iterator[Any]:
    for entry in fields(record):
        value = getattr(record, entry.name)
        if is_dataclass(value):
            yield from _cells(value)
        else:
            yield value
