"""One method against all others, case by case: by how much it is ahead, and where it is not."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from benchmarks.groups import Group, Record
from benchmarks.measures import SAME
from benchmarks.profiles import Case
from benchmarks.tables import NONE, Table, percent, priced

LEAD = "ours:auto"
"""Who is held against the others."""
_Groups = dict[Group, dict[str, Record]]


class Duel(NamedTuple):
    """Two methods on one case; a cost is infinite where nothing was placed."""

    group: Group
    case: Case
    other: str
    cost: float
    theirs: float

    @property
    def more(self) -> float:
        """How much more the other costs, as a share; 0 where that is next to nothing."""
        if self.cost == self.theirs:
            return 0.0
        if np.inf in (self.cost, self.theirs):
            return self.theirs - self.cost
        more = (self.theirs - self.cost) / max(1e-9, abs(self.cost))
        return more if abs(more) > SAME else 0.0


def duels(groups: _Groups) -> list[Duel]:
    """All of `LEAD`, where it ran beside others."""
    return [duel for group, records in groups.items() for duel in _duels(group, records)]


def _duels(group: Group, records: dict[str, Record]) -> Iterator[Duel]:
    if LEAD not in records:
        return
    costs = records[LEAD].costs()
    for other in sorted(set(records) - {LEAD}):
        for case, theirs in records[other].costs().items():
            if case in costs:
                yield Duel(group, case, other, costs[case], theirs)


def ahead(found: list[Duel]) -> Table:
    """How much more each other method costs on each set, in the mean of what both placed."""
    others = sorted({duel.other for duel in found})
    cells = []
    for group in dict.fromkeys(duel.group for duel in found):
        here = [duel for duel in found if duel.group == group]
        least: dict[Case, float] = {}
        for duel in here:
            least[duel.case] = min(duel.more, least.get(duel.case, np.inf))
        first = sum(more > 0 for more in least.values())
        level = sum(more == 0 for more in least.values())
        means = [_mean([duel for duel in here if duel.other == other]) for other in others]
        cells.append([group.title, str(len(least)), str(first), str(level), *means])
    return Table(["set", "runs", "ahead of all", "level with the best", *others], cells)


def _mean(found: list[Duel]) -> str:
    """The mean of what both placed, and how often only one did."""
    both = [duel.more for duel in found if np.isfinite(duel.more)]
    alone = sum(duel.more == np.inf for duel in found)
    without = sum(duel.more == -np.inf for duel in found)
    words = [_signed(float(np.mean(both)))] if both else []
    words += [f"nothing on {alone} of {len(found)}"] if alone else []
    words += [f"alone on {without} of {len(found)}"] if without else []
    return ", ".join(words) or NONE


def _signed(share: float) -> str:
    """A difference in percent."""
    return f"{'-' if share < 0 else '+' if share > SAME else ''}{percent(abs(share))}"


def behind(found: list[Duel]) -> Table:
    """The cases where another method is cheaper."""
    cells = [
        [
            duel.group.set, duel.case[0], f"{duel.group.limit_s:g}", duel.other,
            priced(duel.theirs), priced(duel.cost if np.isfinite(duel.cost) else None),
            _signed(duel.more),
        ]
        for duel in found
        if duel.more < 0
    ]  # fmt: skip
    heads = ["set", "instance", "limit [s]", "method", "its cost", LEAD, "difference"]
    return Table(heads, cells)
