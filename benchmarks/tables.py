"""The tables of a report, as cells."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from benchmarks.groups import Group, Instance, Record, grouped, references
from benchmarks.measures import SAME
from benchmarks.rows import Row
from placement.quantities import Floats

NONE = "-"


@dataclass(frozen=True)
class Table:
    """Cells under headings; all columns but the first are figures where `figures`."""

    heads: list[str]
    cells: list[list[str]]
    figures: bool = True

    def markdown(self) -> str:
        """As Markdown."""
        side = "--:" if self.figures else "---"
        lines = [self.heads, ["---", *[side] * (len(self.heads) - 1)], *self.cells]
        clean = [[cell.replace("|", "\\|") for cell in line] for line in lines]
        return "\n".join(f"| {' | '.join(line)} |" for line in clean)


def percent(share: float) -> str:
    """A share in percent, with digits where they matter; zero is exactly that."""
    if share <= SAME:
        return "0 %"
    return f"{100 * share:.1f} %" if share >= 0.0995 else f"{100 * share:.3f} %"


def _of(values: Floats, reduce: Callable[[Floats], float], write: Callable[[float], str]) -> str:
    return write(float(reduce(values))) if len(values) else NONE


def _mean_and_worst(values: Floats) -> list[str]:
    return [_of(values, np.mean, percent), _of(values, np.max, percent)]


def _seconds(value: float) -> str:
    return f"{value:,.1f}" if value >= 0.95 else f"{value:.2f}"


HEADS = [
    "method", "runs", "placed", "best known", "proven", "by certificate",
    "gap to best: mean", "worst", "own gap: mean", "worst", "to best proven bound: mean",
]  # fmt: skip
TIMES = ["primal integral", "p50 [s]", "p95 [s]", "late", "most memory [MB]"]


def summary(records: dict[str, Record], *, times: bool) -> Table:
    """What each method did on a set."""
    cells = [_line(name, record, times=times) for name, record in sorted(records.items())]
    return Table(HEADS + (TIMES if times else []), cells)


def _line(name: str, record: Record, *, times: bool) -> list[str]:
    line = [
        name,
        *map(str, (len(record.rows), len(record.placed), record.solved)),
        *map(str, (record.proven, record.certified)),
        *_mean_and_worst(record.gaps),
        *_mean_and_worst(record.own_gaps),
        _of(record.proven_gaps, np.mean, percent),
    ]
    if not times:
        return line
    peak = record.peak_mb
    return [
        *line,
        _of(record.integrals, np.mean, percent),
        _of(record.seconds, lambda values: float(np.percentile(values, 50)), _seconds),
        _of(record.seconds, lambda values: float(np.percentile(values, 95)), _seconds),
        str(record.late),
        NONE if peak is None else f"{peak:,.0f}",
    ]


def by_instance(rows: list[Row], group: Group) -> Table:
    """What is known of each instance of a group, and each method's cost, the mean of its seeds."""
    records, known = grouped(rows)[group], references(rows)
    methods = sorted(records)
    costs = {method: _mean_costs(records[method].rows) for method in methods}
    names = sorted({row.instance for record in records.values() for row in record.rows})
    cells = []
    for name in names:
        reference = known[Instance(group.set, name)]
        line = [name, priced(reference.best), reference.source or NONE, priced(reference.bound)]
        cells.append([*line, *(priced(costs[method].get(name)) for method in methods)])
    return Table(["instance", "best known", "from", "proven bound", *methods], cells)


def _mean_costs(rows: list[Row]) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for row in rows:
        if row.objective is not None:
            found.setdefault(row.instance, []).append(row.objective)
    return {name: float(np.mean(costs)) for name, costs in found.items()}


def priced(value: float | None) -> str:
    """A cost, or that there is none."""
    return NONE if value is None else f"{value:,.10g}"


def exceptions(rows: Iterable[Row]) -> Table:
    """Runs without a valid answer, and why; methods skipped for the same reason in one line."""
    found: dict[tuple[str, str, str, str], list[str]] = {}
    for row in rows:
        if row.status in ("skipped", "rejected", "failed", "infeasible"):
            reason = row.reason or "says that there is no placement."
            found.setdefault((row.set, row.method, row.status, reason), []).append(row.instance)
    cells = [[*key[:3], _names(names), key[3]] for key, names in sorted(found.items())]
    return Table(["set", "method", "what", "instances", "why"], cells, figures=False)


def _names(names: list[str]) -> str:
    names = list(dict.fromkeys(names))
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def refuted(rows: list[Row]) -> Table:
    """Bounds that a placement of someone else contradicts; there should be none."""
    known = references(rows)
    cells = []
    for row in rows:
        best = known[Instance(row.set, row.instance)].best
        if best is not None and row.bound is not None and row.bound > best + SAME * abs(best):
            bound = f"{priced(row.bound)} by {row.bound_by}"
            cells.append(
                [row.set, row.instance, row.method, f"{row.limit_s:g}", bound, priced(best)]
            )
    heads = [
        "set",
        "instance",
        "method",
        "limit [s]",
        "claims that none costs less than",
        "one costs",
    ]
    return Table(heads, cells)


def setting(rows: list[Row], *, times: bool) -> Table:
    """What was measured, and on what."""
    versions = {f"{name} {version}" for row in rows for name, version in row.versions.items()}
    machines = {f"{row.cpu}, {row.cores} cores" for row in rows}
    threads = {"all processors" if row.threads is None else str(row.threads) for row in rows}
    cells = [
        ["commit", _all(row.commit for row in rows)],
        ["machine", _all(machines)],
        ["threads a run", _all(threads)],
        ["runs at once", _all(str(row.jobs) for row in rows)],
        ["versions", _all(versions)],
    ]
    if times:
        days = sorted({row.date[:10] for row in rows})
        cells.append(["days", days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"])
    return Table(["what", "which"], cells, figures=False)


def _all(texts: Iterable[str]) -> str:
    return ", ".join(sorted({text for text in texts if text})) or NONE
