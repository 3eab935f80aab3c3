"""The section on who earns what."""

from collections.abc import Iterator

from placement.analysis.gains import Gains, Parties
from placement.reporting.blocks import MOST_ROWS, Block, Chart, Heading, Section, Text, table
from placement.reporting.drawing import ACCENT, PALE, bars
from placement.reporting.subject import Subject, not_asked
from placement.wording import money, percent, plural, whole

_COLUMNS = (
    "name", "nodes", "revenue", "revenue_share", "work_share", "utilisation", "executed",
    "verified",
)  # fmt: skip


def party_section(subject: Subject) -> Section:
    """Who earns what, and how evenly."""
    return Section("earnings", "Who earns what", tuple(_parties(subject)))


def _parties(subject: Subject) -> Iterator[Block]:
    found = subject.analysis.gains
    if found is None:
        yield not_asked("gains")
        return
    yield Text(_who_earns(found))
    if any(row.revenue > 0 for row in found.groups.entries):
        yield _revenue(found.groups)
    yield table(found.groups, "Control groups", _COLUMNS, MOST_ROWS)
    same = [(row.name, row.revenue) for row in found.operators.entries]
    if same != [(row.name, row.revenue) for row in found.groups.entries]:
        yield table(found.operators, "Operators", _COLUMNS, MOST_ROWS)
    yield Heading("How evenly")
    yield Text(_how_evenly(found))
    yield table(found.concentration)
    yield Text(
        "Jain: 1 where all have the same. Gini: 0 where all have the same. HHI (Herfindahl): the "
        "sum of squared shares, above 0.18 highly concentrated. Nakamoto: the fewest parties that "
        "have more than a third.",
        "quiet",
    )
    yield Heading("Who could cheat")
    yield Text(_who_could_cheat(found))
    yield table(found.exposure)
    yield table(found.pairs, most=MOST_ROWS)


def _who_earns(found: Gains) -> str:
    rows = found.groups.entries
    total = sum(row.revenue for row in rows)
    if not total:
        return f"None of the {plural(len(rows), 'control group')} earns anything."
    without = sum(row.revenue <= 0 for row in rows)
    first = rows[0]
    return (
        f"{plural(len(rows), 'control group')} earn {money(total)} together; {first.name} earns "
        f"most, {money(first.revenue)} ({percent(first.revenue_share)}). Without any revenue: "
        f"{whole(without)}."
    )


def _revenue(groups: Parties) -> Chart:
    shown = groups.entries[:MOST_ROWS]
    rest = groups.entries[MOST_ROWS:]
    rows = [
        (row.name, 0.0, row.revenue, ACCENT, f"{money(row.revenue)} ({percent(row.revenue_share)})")
        for row in shown
    ]
    if rest:
        total = sum(row.revenue for row in rest)
        share = percent(sum(row.revenue_share or 0.0 for row in rest))
        rows.append((f"{len(rest):,} others", 0.0, total, PALE, f"{money(total)} ({share})"))
    said = "One bar a control group, those that earn most first."
    return bars("earnings-chart", "Revenue by control group", said, rows)


def _how_evenly(found: Gains) -> str:
    of = {(row.among, row.of): row for row in found.concentration.entries}
    revenue = of.get(("groups", "revenue"))
    if revenue is None or revenue.gini is None or revenue.nakamoto is None:
        return "There is nothing to share."
    groups = plural(revenue.nakamoto, "control group")
    have = "has" if revenue.nakamoto == 1 else "have"
    return (
        f"{groups} {have} more than a third of the revenue; its Gini index is {revenue.gini:.2f}."
    )


def _who_could_cheat(found: Gains) -> str:
    if not found.verified:
        return "No request is verified."
    said = f"{whole(found.verified)} served requests are verified, {whole(found.unverified)} not."
    pair = found.exposure.entries[1]
    if not pair.requests:
        return f"{said} No two control groups have executor and verifiers of any request."
    return (
        f"{said} The worst two control groups, {pair.groups}, are all who execute and verify "
        f"{percent(pair.share)} of the verified ones."
    )
