"""Best known values, each with its source, date and placement: `benchmarks/best_known/`.

`index.json` holds a record for each instance, `NAME.solution.json.gz` the placement. Those of the
shipped instances are in `instances/best_known.json`, kept by `benchmarks/best_known.py`. Of
published files nothing is kept but our placements that are better than what is published, or as
good as the best known where that is not proven optimal.
"""

import gzip
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.machine import ROOT
from benchmarks.measures import SAME
from benchmarks.rows import Row
from placement import Solution

STORE = Path(__file__).parent / "best_known"
SHIPPED = ROOT / "instances" / "best_known.json"
MOST_BYTES = 200_000
"""Larger placements are not kept; what cannot be checked again is not known."""


@dataclass(frozen=True)
class Best:
    """What is known of an instance: the least cost, from where, and a lower bound."""

    objective: float | None = None
    source: str | None = None
    bound: float | None = None

    @property
    def closed(self) -> bool:
        """Whether nothing is left between cost and bound."""
        if self.objective is None or self.bound is None:
            return False
        return self.objective - self.bound <= SAME * abs(self.objective)


NOTHING = Best()


def better(one: Best, other: Best) -> Best:
    """The lower cost with its source, and the higher bound."""
    costs = [best for best in (one, other) if best.objective is not None]
    least = min(costs, key=lambda best: best.objective or 0.0, default=NOTHING)
    bounds = [best.bound for best in (one, other) if best.bound is not None]
    return Best(least.objective, least.source, max(bounds, default=None))


def best(name: str) -> Best:
    """What is on file under that name."""
    found = NOTHING
    if name in _shipped():
        record = _shipped()[name]
        proven = record["certified_bound"]
        found = Best(record["objective"], "instances/best_known.json", proven)
    record = index().get(name)
    if record is None:
        return found
    ours = Best(record["objective"], f"{record['method']} of {record['date']}", record["bound"])
    return better(found, ours)


@cache
def _shipped() -> dict[str, Any]:
    return dict(json.loads(SHIPPED.read_text("utf-8")))


def index() -> dict[str, Any]:
    """The record of each instance in the store."""
    path = STORE / "index.json"
    return dict(json.loads(path.read_text("utf-8"))) if path.exists() else {}


def worth_keeping(found: float, before: Best, name: str) -> bool:
    """Whether a cost is the best known now, and not just what is proven optimal elsewhere."""
    if before.objective is None:
        return True
    if found < before.objective - SAME * abs(before.objective):
        return True
    as_good = found <= before.objective + SAME * abs(before.objective)
    return as_good and not before.closed and name not in index() and name not in _shipped()


def keep(name: str, made_by: str, row: Row, placement: Solution) -> bool:
    """Put a placement into the store where it is small enough; whether it was.

    Parameters
    ----------
    name, made_by
        Of the instance, and the command that makes it.
    row
        What the judge found.
    placement
        With the cost and the certified bound as its claims.
    """
    data = gzip.compress(placement.to_json().encode(), 9, mtime=0)
    if len(data) > MOST_BYTES:
        return False
    STORE.mkdir(exist_ok=True)
    (STORE / f"{name}.solution.json.gz").write_bytes(data)
    record = {
        "made_by": made_by,
        "objective": row.objective,
        "bound": row.certified_bound,
        "method": row.method,
        "seed": row.seed,
        "limit_s": row.limit_s,
        "commit": row.commit,
        "version": row.versions.get("placement", ""),
        "date": row.date,
    }
    records = dict(sorted({**index(), name: record}.items()))
    text = json.dumps(records, indent=1) + "\n"
    (STORE / "index.json").write_text(text, encoding="utf-8")
    return True
