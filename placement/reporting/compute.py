"""Sections on compute: what idles and why, where requests flow, how busy each node is."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from placement.analysis.idle import (
    IDLE,
    LOADING,
    NO_DEMAND,
    OTHER,
    REEXECUTING,
    RESERVE,
    SERVING,
    USES,
    IdleBreakdown,
)
from placement.analysis.relaxing import NOT_LOADED, PARTIES, PLACE, PRICE, TRUST, VERIFICATION
from placement.quantities import Floats
from placement.reporting.blocks import (
    MOST_ROWS,
    Block,
    Chart,
    Grid,
    Heading,
    Search,
    Section,
    Text,
    grid,
    heat,
    table,
)
from placement.reporting.drawing import ACCENT, GREY, PALE, bars, strips
from placement.reporting.fleet import Fleet
from placement.reporting.flows import flows
from placement.reporting.sankey import sankey
from placement.reporting.subject import Subject, not_asked
from placement.wording import hours, percent, plural, whole

COLOURS = {
    RESERVE: PALE,
    LOADING: "#6b9ac4",
    SERVING: ACCENT,
    REEXECUTING: "#9dbad5",
    NO_DEMAND: GREY,
    NOT_LOADED: "#e69f00",
    TRUST: "#d55e00",
    PLACE: "#009e73",
    PARTIES: "#cc79a7",
    VERIFICATION: "#56b4e9",
    PRICE: "#b8a800",
    OTHER: "#5f6368",
    "idle": "#d55e00",
}
"""Colours that people with any kind of sight can tell apart (Okabe and Ito 2008), and greys."""
WIDE = 40
"""A strip has at most so many cells; more nodes share them."""
MOST_STRIPS = 24


# --- 1. the waterfall -----------------------------------------------------------------------------


def idle_section(subject: Subject) -> Section:
    """Where the accelerator time goes."""
    return Section("idle", "Where the compute goes", tuple(_idle(subject)))


def _idle(subject: Subject) -> Iterator[Block]:
    found = subject.analysis.idle
    spent = _hours(subject)
    total = sum(spent.values())
    yield Text(_where_it_goes(spent))
    if found is not None:
        yield Text(found.sentence)
    yield _waterfall(spent)
    if found is None:
        yield grid(
            "Accelerator time",
            ("use", "accelerator_h", "share"),
            [(use, amount, amount / total if total else None) for use, amount in spent.items()],
        )
        yield not_asked("idle")
        return
    yield table(found.time)
    if not all(found.time.decided.values()):
        yield Text(
            "Where it is not decided, the gap of the solve behind the row is wider than what it "
            "shows: it may be owed to the search.",
            "quiet",
        )
    yield Heading("By part of the fleet")
    for part, of in ((found.regions, "region"), (found.types, "accelerator type")):
        yield _breakdown(part, f"Accelerator-hours by {of}")


def _hours(subject: Subject) -> dict[str, float]:
    """Accelerator-hours of the fleet by use."""
    found = subject.analysis.idle
    if found is not None:
        return dict(zip(USES, found.time.fleet_h.tolist(), strict=True))
    fleet, loads = subject.fleet, subject.fleet.verdict.loads
    reserve = np.maximum(fleet.total_s - fleet.quantities.capacity_s, 0.0)
    amounts = (reserve, loads.loading_s, loads.executing_s, loads.reexecuting_s, fleet.idle_s)
    names = (RESERVE, LOADING, SERVING, REEXECUTING, "idle")
    return {name: float(x.sum()) / 3600 for name, x in zip(names, amounts, strict=True)}


def _where_it_goes(spent: dict[str, float]) -> str:
    total = sum(spent.values())
    if not total:
        return "There are no accelerators."
    used = sum(spent[use] for use in (LOADING, SERVING, REEXECUTING))
    idle = total - used - spent[RESERVE]
    return (
        f"Of {hours(total)} accelerator-hours {hours(used)} ({percent(used / total)}) are used, "
        f"{hours(spent[RESERVE])} ({percent(spent[RESERVE] / total)}) are in reserve and "
        f"{hours(idle)} ({percent(idle / total)}) are idle."
    )


def _waterfall(spent: dict[str, float]) -> Chart:
    total = sum(spent.values())
    rows, start = [("all", 0.0, total, GREY, f"{hours(total)} h")], 0.0
    for use, amount in spent.items():
        if amount > 0:
            name = use if use not in IDLE else f"idle: {use}"
            beside = f"{hours(amount)} h ({percent(amount / total)})"
            rows.append((name, start, amount, COLOURS[use], beside))
            start += amount
    return bars("idle-chart", "Accelerator-hours by use", _where_it_goes(spent), rows)


def _breakdown(part: IdleBreakdown, caption: str) -> Grid:
    """The account of parts of the fleet; uses that nobody has are left out."""
    rows = list(part.rows())
    kept = [
        i for i, name in enumerate(part.columns)
        if not name.endswith("_h") or any(row[i] > 0 for row in rows)
    ]  # fmt: skip
    names = [part.columns[i] for i in kept]
    cut = len(rows) - 2 * MOST_ROWS
    note = f"and {whole(cut)} more, with less idle" if cut > 0 else ""
    return grid(caption, names, [[row[i] for i in kept] for row in rows[: 2 * MOST_ROWS]], note)


# --- 2. flows -------------------------------------------------------------------------------------


def flow_section(subject: Subject) -> Section:
    """From hosting to inference to verification."""
    return Section("flows", "From hosting to inference to verification", tuple(_flows(subject)))


def _flows(subject: Subject) -> Iterator[Block]:
    fleet = subject.fleet
    found = flows(fleet.quantities, fleet.placement)
    sentence = _how_it_flows(found.sources, found.checks, found.places)
    yield Text(sentence)
    if not found.checks.sum():
        return
    columns = (
        ("weights from", found.origins),
        ("executed in", found.places),
        ("verified in", found.ends),
    )
    both = found.sources, found.checks
    yield sankey("flow-chart", "Requests by region", sentence, columns, both)
    yield _flow_table(
        "Requests from where weights come from to where they are executed",
        found.origins,
        found.places,
        found.sources,
    )
    yield _flow_table(
        "Requests from where they are executed to where they are verified",
        found.places,
        found.ends,
        found.checks,
    )


def _how_it_flows(sources: Floats, checks: Floats, places: Sequence[str]) -> str:
    total = float(checks.sum())
    if not total:
        return "No request is executed."
    size = len(places)
    inside = float(np.trace(checks[:, :size]))
    verified = float(checks[:, :size].sum())
    largest = int(checks.sum(axis=1).argmax())
    kept = percent(float(sources[size].sum()) / total)
    share = percent(float(checks[largest].sum()) / total)
    said = (
        f"Of {total:,.0f} requests executed, {share} are in {places[largest]}, the largest place; "
        f"{kept} run on replicas that were loaded already"
    )
    if not verified:
        return f"{said}; none is verified."
    away = percent(1 - inside / verified)
    return f"{said}; {percent(verified / total)} are verified, {away} of these in another region."


def _flow_table(caption: str, rows: Sequence[str], columns: Sequence[str], flow: Floats) -> Grid:
    """One half of the drawing; places that nothing flows through are left out."""
    there, asked = flow.sum(axis=1) > 0, flow.sum(axis=0) > 0
    listed = [
        (name, *np.rint(amounts[asked]).astype(int).tolist())
        for name, amounts, some in zip(rows, flow, there, strict=True)
        if some
    ]
    names = [name for name, some in zip(columns, asked, strict=True) if some]
    return heat(caption, ("from \\ to", *names), listed, "requests", float(flow.max()))


# --- 3. nodes -------------------------------------------------------------------------------------


def node_section(subject: Subject) -> Section:
    """How busy the nodes are."""
    return Section("nodes", "How busy the nodes are", tuple(_nodes(subject)))


def _nodes(subject: Subject) -> Iterator[Block]:
    fleet = subject.fleet
    able = np.flatnonzero(np.isfinite(fleet.used))
    yield Text(_how_busy(fleet.used[able], len(fleet.used)))
    if len(able):
        yield _strips(fleet)
        regions, types, shares = fleet.shares()
        rows = [(name, *row) for name, row in zip(regions, shares, strict=True)]
        yield heat("Use of accelerator time by region and type", ("region", *types), rows)
    found = subject.analysis.idle
    reasons = fleet.reasons(None if found is None else found.time.hours)
    order = able[np.lexsort((-fleet.idle_s[able], fleet.used[able]))]
    if len(order) > MOST_ROWS:
        yield _listed("Idlest nodes", fleet, order[:MOST_ROWS].tolist(), reasons)
        yield _listed("Busiest nodes", fleet, order[: -MOST_ROWS - 1 : -1].tolist(), reasons)
    yield _search(fleet, reasons)


def _how_busy(used: Floats, nodes: int) -> str:
    if not len(used):
        return f"None of the {plural(nodes, 'node')} has accelerators."
    idle, full = int((used <= 0).sum()), int((used > 0.95).sum())
    return (
        f"{plural(len(used), 'node')} with accelerators: {whole(idle)} without any work, "
        f"{whole(full)} used for more than 95 % of the time that may be used; the one in the "
        f"middle is used for {percent(float(np.median(used)))} of it."
    )


def _strips(fleet: Fleet) -> Chart:
    """The nodes of each region from idle to busy, as cells."""
    label = np.array(fleet.labels("region"))
    able = np.isfinite(fleet.used)
    names, count = np.unique(label[able], return_counts=True)
    kept = names[np.argsort(-count, kind="stable")][:MOST_STRIPS]
    rows = []
    for name in kept.tolist():
        used = np.sort(fleet.used[able & (label == name)])
        parts = np.array_split(used, min(WIDE, len(used)))
        rows.append((f"{name} ({whole(len(used))})", np.array([part.mean() for part in parts])))
    each = "a node" if count.max() <= WIDE else f"a node, or the mean of up to 1/{WIDE} of them"
    said = f"One row a region, its nodes from idle (pale) to busy (dark); a cell is {each}."
    return strips(
        "node-chart", "Use of accelerator time by node, from idle (pale) to busy (dark)", said, rows
    )


_COLUMNS = (
    "node", "region", "accelerator", "operator", "utilisation", "idle_h", "mostly",
    "revenue", "executed", "verified",
)  # fmt: skip


def _columns(fleet: Fleet, reasons: Sequence[str]) -> tuple[Sequence[Any], ...]:
    used = [None if np.isnan(x) else x for x in fleet.used.round(4).tolist()]
    return (
        [node.name for node in fleet.instance.nodes],
        fleet.labels("region"), fleet.labels("accelerator"), fleet.labels("operator"),
        used, (fleet.idle_s / 3600).round(2).tolist(), reasons,
        fleet.revenue.round(2).tolist(), fleet.executed.tolist(), fleet.verified.tolist(),
    )  # fmt: skip


def _listed(caption: str, fleet: Fleet, at: Sequence[int], reasons: Sequence[str]) -> Grid:
    columns = _columns(fleet, reasons)
    return grid(caption, _COLUMNS, [[column[n] for column in columns] for n in at])


def _search(fleet: Fleet, reasons: Sequence[str]) -> Search:
    order = np.argsort(-fleet.idle_s, kind="stable").tolist()
    columns = _columns(fleet, reasons)
    headings = (
        "node", "region", "accelerator", "operator", "used %", "idle h", "mostly",
        "revenue $", "executed", "verified",
    )  # fmt: skip
    listed = [[column[n] for n in order] for column in columns]
    listed[4] = [None if x is None else round(100 * x, 1) for x in listed[4]]
    digits = (None, None, None, None, 1, 2, None, 2, 0, 0)
    return Search(headings, digits, tuple(map(tuple, listed)))
