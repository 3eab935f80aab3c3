"""Flows from column to column as bands, as wide as what flows (Sankey 1898)."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from placement.quantities import Floats
from placement.reporting.blocks import Chart
from placement.reporting.drawing import ACCENT, GREY, INK, WIDTH, chart, drawn, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.path import Path

HEIGHT, TOP = 340.0, 26.0
GAP = 20.0
"""Between the parts of a column, so that their names do not touch."""
BAR = 8.0
"""How wide a part is drawn."""
MARGIN = 112.0
"""Room for names at either side."""

Column = tuple[str, Sequence[str]]
"""Heading, and the names of the parts."""


def sankey(
    key: str,
    title: str,
    description: str,
    columns: Sequence[Column],
    flows: Sequence[Floats],
) -> Chart:
    """Draw columns and, between neighbours, a matrix of flows [from][to].

    The order is kept; parts that nothing flows through are left out.
    """
    sizes = _sizes(flows)
    most = max(np.count_nonzero(size) for size in sizes)
    scale = (HEIGHT - TOP - GAP * most) / max(float(size.sum()) for size in sizes)
    tops = [_tops(size, scale) for size in sizes]
    across = np.linspace(MARGIN, WIDTH - MARGIN - BAR, len(columns))
    with drawn(HEIGHT) as (figure, axes):
        axes.set_xlim(0, WIDTH)
        axes.set_ylim(HEIGHT, 0)
        axes.set_axis_off()
        for at, flow in enumerate(flows):
            _bands(axes, flow * scale, across[at : at + 2], tops[at], tops[at + 1])
        for x, (heading, names), size, top in zip(across, columns, sizes, tops, strict=True):
            axes.text(x + BAR / 2, 12, heading, ha="center", color=GREY)
            for name, height, start in zip(names, size * scale, top, strict=True):
                if height > 0:
                    _part(axes, name, x, start, height)
        return chart(figure, key, title, description)


def _sizes(flows: Sequence[Floats]) -> list[Floats]:
    """How much flows through each part of each column."""
    inner = [np.maximum(a.sum(axis=0), b.sum(axis=1)) for a, b in pairwise(flows)]
    return [flows[0].sum(axis=1), *inner, flows[-1].sum(axis=0)]


def _tops(size: Floats, scale: float) -> Floats:
    """Where each part begins, the column in the middle of the height."""
    slots = np.where(size > 0, size * scale + GAP, 0.0)
    start = TOP + (HEIGHT - TOP - float(slots.sum())) / 2 + GAP / 2
    return np.asarray(start + np.cumsum(slots) - slots)


def _part(axes: "Axes", name: str, x: float, top: float, height: float) -> None:
    """A part and its name: left of the first column, right of the others."""
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((x, top), BAR, max(height, 1.0), color=INK, linewidth=0))
    place, side = (x - 5, "right") if x <= MARGIN else (x + BAR + 5, "left")
    label = axes.text(place, top + height / 2, short(name, 16), ha=side, va="center_baseline")
    label.set_bbox({"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 1})


def _bands(axes: "Axes", flow: Floats, x: Floats, left: Floats, right: Floats) -> None:
    """The bands between two columns, stacked at both ends in the order of the parts."""
    from matplotlib.patches import PathPatch

    starts = left[:, None] + np.cumsum(flow, axis=1) - flow
    ends = right[None, :] + np.cumsum(flow, axis=0) - flow
    for i, j in zip(*np.nonzero(flow > 0), strict=True):
        path = _band(x[0] + BAR, x[1], starts[i, j], ends[i, j], flow[i, j])
        axes.add_patch(PathPatch(path, facecolor=ACCENT, alpha=0.3, linewidth=0))


def _band(a: float, b: float, start: float, end: float, wide: float) -> "Path":
    """A band from (a, start) to (b, end) that leaves and arrives level."""
    from matplotlib.path import Path

    middle = (a + b) / 2
    corners = [
        (a, start), (middle, start), (middle, end), (b, end),
        (b, end + wide), (middle, end + wide), (middle, start + wide), (a, start + wide),
        (a, start),
    ]  # fmt: skip
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
    return Path(corners, codes)
