"""The picture of the README, from the figures of `benchmarks/bars.json`.

    python benchmarks/picture.py

Writes docs/picture.svg and docs/picture.png.
"""

import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from placement.generate import generate

FOLDER = Path(__file__).parent
PRESET = "medium"
METHODS = ("nearest", "round-robin", "least-loaded", "random", "greedy", "auto")
TODAY = 4
"""So many of them are how networks route today."""
PARTS = (
    ("accelerators at work", ("compute",), "#17648d"),
    ("nodes engaged", ("engagement",), "#6fb1d1"),
    ("moving weights, latency, checks", ("transfer", "latency", "storage", "verification", "pair"),
     "#b9c4cc"),
    ("penalties for requests turned away", ("unserved",), "#e4572e"),
)  # fmt: skip
CARD, INK, SOFT, PROOF = "#fbfaf7", "#1d2a33", "#6b7780", "#0b7a4b"
WIDTH, HEIGHT = 9.6, 4.9

Row = dict[str, Any]


def draw(rows: dict[str, Row]) -> None:
    """Draw all of it."""
    mpl.rcParams.update({
        "font.family": "sans-serif", "font.sans-serif": ["Inter", "Helvetica Neue", "DejaVu Sans"],
        "svg.fonttype": "path", "svg.hashsalt": "placement", "text.color": INK,
    })  # fmt: skip
    figure = plt.figure(figsize=(WIDTH, HEIGHT))
    figure.patch.set_alpha(0.0)
    figure.add_artist(FancyBboxPatch(
        (0.006, 0.01), 0.988, 0.98, transform=figure.transFigure, facecolor=CARD,
        edgecolor="#d9d7d0", linewidth=1, boxstyle="round,pad=0,rounding_size=0.018",
        mutation_aspect=WIDTH / HEIGHT, zorder=-1,
    ))  # fmt: skip
    axes = figure.add_axes((0.165, 0.07, 0.69, 0.665))
    bound = max(row["lower_bound"] for row in rows.values())
    bars(axes, rows, bound)
    proof(axes, bound)
    words(figure, rows)
    for ending in ("svg", "png"):
        path = FOLDER.parent / "docs" / f"picture.{ending}"
        figure.savefig(path, dpi=200, metadata={"Date": None} if ending == "svg" else None)


def bars(axes: Axes, rows: dict[str, Row], bound: float) -> None:
    """One stacked bar a method, with its cost and what it turns away."""
    demanded = sum(request.count for request in generate(PRESET).requests)
    most = max(rows[method]["objective"] for method in METHODS)
    for place, method in enumerate(METHODS):
        row, left = rows[method], 0.0
        y = -place - (0.35 if place >= TODAY else 0.0)
        for _, terms, colour in PARTS:
            size = sum(row["terms"][term] for term in terms)
            axes.barh(y, size, 0.68, left, color=colour, edgecolor=CARD, linewidth=0.8)
            left += size
        ours = place >= TODAY
        axes.text(-12, y, method, ha="right", va="center", fontsize=10.5,
                  fontweight="bold" if method == "auto" else "normal")  # fmt: skip
        axes.text(left + 10, y + 0.16, f"${left:,.0f}", va="center", fontsize=10.5,
                  fontweight="bold", color=PROOF if method == "auto" else INK)  # fmt: skip
        away = 1 - row["served"] / demanded
        note = (
            f"proven gap {100 * (1 - bound / left):.1f} %"
            if ours
            else (f"{100 * away:.0f} % turned away")
        )
        axes.text(left + 10, y - 0.2, note, va="center", fontsize=8, color=SOFT)
    axes.set_xlim(0, most * 1.02)
    axes.set_ylim(-len(METHODS) - 0.25, 0.62)
    axes.axis("off")
    for first, last, name in ((0, TODAY - 1, "routing today"), (TODAY, len(METHODS) - 1, "here")):
        gap = 0.35 if first else 0.0
        axes.plot([-163, -163], [-first - gap + 0.3, -last - gap - 0.3], color="#d0cec6",
                  linewidth=1.2, clip_on=False)  # fmt: skip
        axes.text(-172, -(first + last) / 2 - gap, name, rotation=90, ha="right", va="center",
                  fontsize=9, color=SOFT)  # fmt: skip


def proof(axes: Axes, bound: float) -> None:
    """The line that no placement crosses."""
    low = -len(METHODS) + 0.06
    axes.fill_between([0, bound], low, 0.55, color=PROOF, alpha=0.06, linewidth=0)
    axes.plot([bound, bound], [low - 0.12, 0.55], color=PROOF, linewidth=1.6)
    axes.text(bound + 8, low - 0.1, f"proven: no placement costs less than ${bound:,.0f}",
              ha="left", va="center", fontsize=9.5, color=PROOF, fontweight="bold")  # fmt: skip


def words(figure: plt.Figure, rows: dict[str, Row]) -> None:
    """Title and legend."""
    today = min(rows[method]["objective"] for method in METHODS[:TODAY])
    saving = 100 * (1 - rows["auto"]["objective"] / today)
    figure.text(0.03, 0.925, f"Same fleet, same requests, {saving:.0f} % cheaper", fontsize=16,
                fontweight="bold", va="center")  # fmt: skip
    figure.text(0.03, 0.865, "60 nodes and 12,000 requests: what an hour costs as networks route "
                "today, and as placed here", fontsize=10, color=SOFT, va="center")  # fmt: skip
    x = 0.03
    for name, _, colour in PARTS:
        figure.add_artist(FancyBboxPatch(
            (x, 0.783), 0.012, 0.024, transform=figure.transFigure, facecolor=colour,
            edgecolor="none", boxstyle="round,pad=0,rounding_size=0.002",
        ))  # fmt: skip
        label = figure.text(x + 0.019, 0.795, name, fontsize=9, va="center")
        extent = label.get_window_extent(figure.canvas.get_renderer())
        x = extent.x1 / figure.bbox.width + 0.025


def main() -> None:
    """Draw what was measured last."""
    draw(json.loads((FOLDER / "bars.json").read_text("utf-8"))[PRESET])


if __name__ == "__main__":
    main()
