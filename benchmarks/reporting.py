"""The report of some results: an HTML page that needs no network, Markdown, and figures."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

from benchmarks import tables
from benchmarks.duels import LEAD, ahead, behind, duels
from benchmarks.figures import figures
from benchmarks.groups import Group, grouped
from benchmarks.rows import Row
from benchmarks.tables import Table
from placement import InputError

TITLE = "Benchmarks of placement"
NOTES = """Every run had a process of its own, and its answer was judged after it had ended: cost \
and feasibility computed anew, bounds by their certificates. "Best known" counts runs within 1e-6 \
of the least cost that was published, kept or found here. "Proven" counts runs whose own bound \
meets their cost, on the method's word; "by certificate" those whose prices prove it to anybody. \
The best proven bound is the highest of all certificates and published ones. Gaps are over the \
runs that placed; compare methods by them where all placed all."""
TIME_NOTES = """The primal integral (Berthold 2013) is the mean gap to the best known over the \
time given, 100 % while there is no placement. Late are runs that took more than a second and 5 % \
longer than they had; their answers count all the same."""
STYLE = """body{font:15px/1.5 system-ui,sans-serif;color:#1d2a33;max-width:78rem;margin:2rem auto;\
padding:0 1rem}table{border-collapse:collapse;font-size:13px;margin:1rem 0}th,td{padding:.25rem \
.6rem;border-bottom:1px solid #d9d7d0;text-align:left;vertical-align:top}table.figures td:not(\
:first-child),table.figures th:not(:first-child){text-align:right}img{max-width:100%}\
.wide{overflow-x:auto}"""


@dataclass(frozen=True)
class Section:
    """A heading, its table, figures by name as SVG, and a table for who wants to know more."""

    title: str
    table: Table
    figures: dict[str, bytes]
    more: Table | None = None


def write(rows: list[Row], folder: Path, *, times: bool) -> None:
    """Write index.html, report.md and the figures.

    Raises
    ------
    InputError
        If there is no run to report on, or the folder cannot be written.
    """
    if not any(row.ran for row in rows):
        raise InputError("there is no run in the results yet.")
    try:
        (folder / "figures").mkdir(parents=True, exist_ok=True)
        sections = list(_sections(rows, folder, times=times))
        (folder / "index.html").write_text(_page(sections, times=times), encoding="utf-8")
        (folder / "report.md").write_text(_markdown(sections, times=times), encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {folder}: {error.strerror or error}.") from None


def _sections(rows: list[Row], folder: Path, *, times: bool) -> Iterator[Section]:
    ran = [row for row in rows if row.ran]
    yield Section("What was measured", tables.setting(ran, times=times), {})
    groups = grouped(rows)
    found = duels(groups)
    yield from _filled(f"How much more the others cost than {LEAD}", ahead(found))
    yield from _filled(f"Where {LEAD} is not the cheapest", behind(found))
    drawn: dict[Group, dict[str, bytes]] = {}
    for name, group, files in figures(groups, times=times):
        for ending, data in files.items():
            (folder / "figures" / f"{name}.{ending}").write_bytes(data)
        drawn.setdefault(group, {})[name] = files["svg"]
    for group, records in groups.items():
        more = tables.by_instance(rows, group)
        table = tables.summary(records, times=times)
        yield Section(group.title, table, drawn[group], more)
    yield from _filled("Bounds that are refuted", tables.refuted(ran))
    yield from _filled("Runs without an answer", tables.exceptions(rows))


def _filled(title: str, table: Table) -> Iterator[Section]:
    """A section, unless there is nothing in its table."""
    if table.cells:
        yield Section(title, table, {})


def _notes(*, times: bool) -> list[str]:
    return [NOTES, TIME_NOTES] if times else [NOTES]


def _markdown(sections: list[Section], *, times: bool) -> str:
    parts = [f"# {TITLE}", *_notes(times=times)]
    for section in sections:
        parts += [f"## {section.title}", section.table.markdown()]
        parts += [f"![{section.title}](figures/{name}.svg)" for name in section.figures]
    return "\n\n".join(parts) + "\n"


def _page(sections: list[Section], *, times: bool) -> str:
    body = [f"<h1>{TITLE}</h1>", *(f"<p>{escape(note)}</p>" for note in _notes(times=times))]
    for section in sections:
        body += [f"<h2>{escape(section.title)}</h2>", _table(section.table)]
        body += [_image(section.title, svg) for svg in section.figures.values()]
        if section.more is not None:
            body.append(
                f"<details><summary>Every instance</summary>{_table(section.more)}</details>"
            )
    head = f'<meta charset="utf-8"><title>{TITLE}</title><style>{STYLE}</style>'
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}</head>\n'
        f"<body>\n{_lines(body)}</body></html>\n"
    )


def _lines(parts: list[str]) -> str:
    return "".join(f"{part}\n" for part in parts)


def _table(table: Table) -> str:
    def line(cells: list[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    lines = [line(table.heads, "th"), *(line(cells, "td") for cells in table.cells)]
    kind = ' class="figures"' if table.figures else ""
    return f'<div class="wide"><table{kind}>{_lines(lines)}</table></div>'


def _image(title: str, svg: bytes) -> str:
    data = base64.b64encode(svg).decode()
    return f'<img alt="{escape(title)}" src="data:image/svg+xml;base64,{data}">'
