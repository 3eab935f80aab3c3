"""Charts as text: matplotlib, without dates or chance, so that equal figures are equal bytes."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from io import StringIO
from typing import TYPE_CHECKING, Any
from unicodedata import east_asian_width

import numpy as np

from placement.quantities import Floats
from placement.reporting.blocks import Chart
from placement.wording import money

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ACCENT, GREY, PALE, INK = "#2a6496", "#8a8f98", "#d9dce1", "#222222"
WIDTH = 460
"""Units of the drawing's width; letters are 12 high, to be readable on a telephone too."""
LETTER = 7.0
"""Width of a letter, rather too large."""
SPACE = 12.0
"""Between a drawing and the texts beside it."""
ROW = 22
"""Height of a bar with the space around it."""
LONGEST = 26
"""Letters of a name in a chart."""

_STYLE: Any = {
    "svg.hashsalt": "placement",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 12.0,
    "text.color": INK,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
_NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))


def short(name: str, most: int = LONGEST) -> str:
    """A name for a chart: its middle left out where it is long, one line, printable."""
    name = "".join(letter if letter.isprintable() else " " for letter in name)
    fitting = most * len(name) // max(1, _wide(name))
    half = max(1, fitting // 2 - 1)
    return name if len(name) <= fitting else f"{name[:half]}…{name[-half:]}"


def _wide(text: str) -> int:
    """How many letters of ordinary width a text is as wide as."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


@contextmanager
def drawn(height: float) -> "Iterator[tuple[Figure, Axes]]":
    """A figure of the house's style with axes that fill it."""
    import warnings

    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = Figure(figsize=(WIDTH / 72, height / 72))
        yield figure, figure.add_axes((0.0, 0.0, 1.0, 1.0))


def chart(figure: "Figure", key: str, title: str, description: str) -> Chart:
    """The figure as an element: named, described, as wide as there is room, its ids its own."""
    out = StringIO()
    figure.savefig(out, format="svg", metadata=_NO_METADATA, transparent=True)
    text = out.getvalue()
    body = re.sub(r'((?:\bid="|"#|url\(#))', rf"\g<1>{key}-", text[text.index("<svg") :])
    box = re.search(r'viewBox="[^"]*"', body)
    start = body.index(">") + 1
    named = f'aria-labelledby="{key}-title {key}-desc"'
    return Chart(
        title,
        f'<svg {box[0] if box else ""} role="img" {named}>'
        f'<title id="{key}-title">{escape(title)}</title>'
        f'<desc id="{key}-desc">{escape(description)}</desc>{body[start:]}',
    )


def bars(
    key: str,
    title: str,
    description: str,
    rows: Sequence[tuple[str, float, float, str, str]],
) -> Chart:
    """Bars across, one a row: label, where it starts, how long it is, colour, what is beside it."""
    height = ROW * len(rows) + 4
    with drawn(height) as (figure, axes):
        left = (LETTER * max(_wide(short(row[0])) for row in rows) + SPACE) / WIDTH
        right = (LETTER * max(len(row[-1]) for row in rows) + SPACE) / WIDTH
        axes.set_position((left, 0.0, 1.0 - left - right, 1.0))
        ends = max((start + length for _, start, length, _, _ in rows), default=1.0)
        axes.set_xlim(0.0, ends or 1.0)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        for at, (label, start, length, colour, note) in enumerate(rows):
            axes.barh(at, length, left=start, height=0.68, color=colour)
            axes.text(-0.02 * ends, at, short(label), ha="right", va="center_baseline")
            axes.text(1.02 * ends, at, note, ha="left", va="center_baseline")
        axes.axvline(0.0, color=GREY, linewidth=0.8)
        axes.set_axis_off()
        return chart(figure, key, title, description)


def strips(key: str, title: str, description: str, rows: Sequence[tuple[str, Floats]]) -> Chart:
    """Rows of cells, each a share of one, the darker the larger."""
    from matplotlib.colors import LinearSegmentedColormap

    wide = max(len(values) for _, values in rows)
    shares = np.full((len(rows), wide), np.nan)
    for at, (_, values) in enumerate(rows):
        shares[at, : len(values)] = values
    scale = LinearSegmentedColormap.from_list("share", ["#f3e3d3", "#f7f7f7", ACCENT])
    with drawn(ROW * len(rows) + 4) as (figure, axes):
        left = (LETTER * max(_wide(short(label)) for label, _ in rows) + SPACE) / WIDTH
        axes.set_position((left, 0.0, 0.99 - left, 1.0))
        axes.pcolormesh(shares, cmap=scale, vmin=0.0, vmax=1.0, edgecolors="white", linewidth=1.0)
        axes.set_ylim(len(rows), 0)
        axes.set_xlim(0, max(wide, 24))
        for at, (label, _) in enumerate(rows):
            axes.text(-0.3, at + 0.5, short(label), ha="right", va="center_baseline")
        axes.set_axis_off()
        return chart(figure, key, title, description)


def curves(
    key: str,
    title: str,
    description: str,
    *,
    ticks: Sequence[str],
    lines: Sequence[tuple[str, Sequence[float | None], str]],
    label: str,
) -> Chart:
    """Lines over the same points; what is None is left out."""
    x = range(len(ticks))
    with drawn(230) as (figure, axes):
        axes.set_position((0.18, 0.22, 0.78, 0.64))
        for name, values, colour in lines:
            known = [(a, b) for a, b in zip(x, values, strict=True) if b is not None]
            across, up = zip(*known, strict=True) if known else ((), ())
            axes.plot(across, up, color=colour, marker="o", markersize=4, label=name)
        axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=len(lines), frameon=False)
        axes.set_xticks(x, ticks)
        axes.set_xlabel(label)
        axes.yaxis.set_major_formatter(lambda amount, _: money(amount))
        return chart(figure, key, title, description)
