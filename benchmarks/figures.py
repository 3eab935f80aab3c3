"""The figures of a report: performance profiles, and gaps over time. SVG and PNG, equal bytes."""

import io
from collections.abc import Callable, Iterator
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.groups import NEAR, Group, Record
from benchmarks.profiles import mean_gap, ratios, share_within
from placement.quantities import Floats

STYLE: Any = {
    "svg.hashsalt": "placement", "svg.fonttype": "path", "font.family": "DejaVu Sans",
    "font.size": 9.0, "axes.spines.top": False, "axes.spines.right": False,
    "axes.grid": True, "grid.color": "#d9d7d0", "grid.linewidth": 0.6, "axes.titlesize": 10.0,
    "axes.titlelocation": "left", "legend.frameon": False,
}  # fmt: skip
COLOURS = mpl.color_sequences["tab10"]
DASHES = ("-", "--", ":", "-.")
POINTS = 200
ENDINGS = ("svg", "png")
LEAST_GAP = 1e-4
"""Smaller gaps are drawn as this: a logarithm has no zero."""


def figures(
    groups: dict[Group, dict[str, Record]], *, times: bool
) -> Iterator[tuple[str, Group, dict[str, bytes]]]:
    """Name, group and bytes by ending of every figure."""
    for number, (group, found) in enumerate(groups.items(), 1):
        records = dict(sorted(found.items()))
        with mpl.rc_context(STYLE):
            yield f"profile-{number}", group, _drawn(records, _profiles(group, times=times))
            if times:
                yield f"course-{number}", group, _drawn(records, [_course(group)])


Panel = Callable[[Axes, dict[str, Record], dict[str, Any]], None]


def _drawn(records: dict[str, Record], panels: list[Panel]) -> dict[str, bytes]:
    looks = {
        method: {"color": COLOURS[k % 10], "linestyle": DASHES[k // 10 % 4], "label": method}
        for k, method in enumerate(records)
    }
    figure = Figure(figsize=(6.0 if len(panels) == 1 else 9.6, 3.6), layout="constrained")
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        panel(axes, records, looks)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3 if len(panels) == 1 else 5)
    return {ending: _saved(figure, ending) for ending in ENDINGS}


def _saved(figure: Figure, ending: str) -> bytes:
    file = io.BytesIO()
    metadata = {"Date": None} if ending == "svg" else {"Software": None}
    figure.savefig(file, format=ending, dpi=150, metadata=metadata)
    return file.getvalue()


def _profiles(group: Group, *, times: bool) -> list[Panel]:
    """Cost, and time where it counts, each against the best method of the same case."""

    def cost(axes: Axes, records: dict[str, Record], looks: dict[str, Any]) -> None:
        found = ratios({method: record.costs() for method, record in records.items()})
        above = np.concatenate([[0.0], np.geomspace(1e-4, max(_most(found) - 1, 1e-3), POINTS)])
        for method, values in found.items():
            shares = [share_within(values, 1 + x) for x in above]
            axes.plot(100 * above, shares, **looks[method])
        axes.set_xscale("symlog", linthresh=0.01)
        axes.set(title=f"{group.title}: cost", xlabel="at most so much above the cheapest [%]",
                 ylabel="share of instances", ylim=(-0.02, 1.02), xlim=(0, None))  # fmt: skip

    def seconds(axes: Axes, records: dict[str, Record], looks: dict[str, Any]) -> None:
        found = ratios({method: record.times_near() for method, record in records.items()})
        factors = np.geomspace(1, max(_most(found), 2.0), POINTS)
        for method, values in found.items():
            axes.plot(factors, [share_within(values, x) for x in factors], **looks[method])
        axes.set_xscale("log")
        axes.set(title=f"time to within {NEAR:.0%} of the best known",
                 xlabel="at most so many times the quickest", ylim=(-0.02, 1.02))  # fmt: skip

    return [cost, seconds] if times else [cost]


def _most(found: dict[str, Floats]) -> float:
    """The largest ratio of all that is finite."""
    values = np.concatenate([*found.values(), [1.0]])
    return float(values[np.isfinite(values)].max())


def _course(group: Group) -> Panel:
    """Gaps over time, of cost to the best known and, thin, of the method's own bound to it."""

    def course(axes: Axes, records: dict[str, Record], looks: dict[str, Any]) -> None:
        moments = np.geomspace(min(0.01, group.limit_s), group.limit_s, POINTS)
        for method, record in records.items():
            gaps = [mean_gap(record.courses(), moment) for moment in moments]
            axes.plot(moments, [max(above, LEAST_GAP) for above, _ in gaps], **looks[method])
            below = [np.nan if gap is None else max(gap, LEAST_GAP) for _, gap in gaps]
            axes.plot(moments, below, **{**looks[method], "label": None, "linewidth": 0.7})
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set(title=f"{group.title}: mean gap to the best known over time",
                 xlabel="seconds (thin: the method's bound)", ylabel="gap",
                 ylim=(LEAST_GAP, 1.2))  # fmt: skip

    return course
