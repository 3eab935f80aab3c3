"""Tables of the analysis as a terminal shows them; `--json` has every row and column."""

from collections import Counter
from collections.abc import Iterable, Iterator

from rich.console import RenderableType
from rich.table import Table as Sheet
from rich.text import Text

from placement.analysis.cells import written
from placement.analysis.tables import Table
from placement.wording import whole

MOST_ROWS = 12
"""Rows of a table that has no end in sight, such as one for each node."""
_SHORT = {"verdict", "status", "kind", "among", "of"}


def sheets(tables: Iterable[tuple[str, Table]], most: int = MOST_ROWS) -> Iterator[RenderableType]:
    """One sheet for each table, the first rows of it."""
    listed = list(tables)
    titles = Counter(table.title for _, table in listed)
    for path, table in listed:
        part = path.rpartition(".")[2]
        title = table.title if titles[table.title] == 1 else f"{table.title}: {part}"
        yield _sheet(title, table, most)


def _sheet(title: str, table: Table, most: int) -> RenderableType:
    columns = table.shown or table.columns
    at = [table.columns.index(name) for name in columns]
    rows = list(table.rows())
    sheet = Sheet(title=title, title_justify="left", box=None, pad_edge=False, title_style="bold")
    for name, place in zip(columns, at, strict=True):
        texts = any(isinstance(row[place], str) for row in rows)
        sheet.add_column(
            name.replace("_", " "), justify="left" if texts else "right", header_style="dim",
            overflow="fold", no_wrap=name in _SHORT or not texts,
        )  # fmt: skip
    for row in rows[:most]:
        sheet.add_row(
            *(
                written(name, row[place], brief=True)
                for name, place in zip(columns, at, strict=True)
            )
        )
    if len(rows) > most:
        sheet.caption = Text(f"and {whole(len(rows) - most)} more; --json has all", "dim")
        sheet.caption_justify = "left"
    return sheet
