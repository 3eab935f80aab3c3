"""`analyze`: everything that can be asked of a plan, part by part, within one time limit."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any, NamedTuple

from placement.analysis import (
    candidates,
    departures,
    diagnosis,
    frontiers,
    headroom,
    robustness,
    rules,
    values,
)
from placement.analysis.candidates import Candidates
from placement.analysis.departures import Departures
from placement.analysis.diagnosis import Diagnosis
from placement.analysis.frontiers import Frontiers
from placement.analysis.gains import Gains, who_gains
from placement.analysis.headroom import Headroom
from placement.analysis.resolving import Progress, Resolver
from placement.analysis.robustness import Robustness
from placement.analysis.rules import RulePrices
from placement.analysis.tables import Table
from placement.analysis.values import Values
from placement.errors import InputError
from placement.instance import Instance, Node
from placement.solution import Solution

FIRST = 0.25
"""Share of the time for the instance as it is, where there is no plan to begin with."""


class Part(NamedTuple):
    """One part of the analysis: how it is made, and how many solves that takes at most."""

    make: Callable[[Resolver], Any]
    solves: int


def _offering(catalogue: Sequence[Node] | None) -> Part:
    return Part(partial(candidates.next_nodes, catalogue=catalogue), candidates.TRIES)


PARTS: Mapping[str, Part] = {
    "idle": Part(diagnosis.diagnose, diagnosis.SOLVES),
    "gains": Part(lambda resolver: who_gains(resolver.instance, resolver.plan), 0),
    "candidates": _offering(None),
    "departures": Part(departures.departures, departures.TRIES),
    "headroom": Part(headroom.room_to_grow, headroom.SOLVES),
    "values": Part(values.values, values.SOLVES),
    "robustness": Part(robustness.robustness, robustness.SOLVES),
    "rules": Part(rules.price_of_rules, len(rules.RULES)),
    "frontiers": Part(frontiers.frontiers, frontiers.SOLVES),
}
"""The parts, in the order in which they are made."""


@dataclass(frozen=True)
class Analysis:
    """What `analyze` finds; parts that were not asked for are None.

    Attributes
    ----------
    idle : Diagnosis or None
        Where compute idles and why, and why requests are turned away.
    gains : Gains or None
        Who earns and does what, and how concentrated that is.
    candidates : Candidates or None
        The next best node.
    departures : Departures or None
        Nodes that could leave.
    headroom : Headroom or None
        How far demand may grow.
    values : Values or None
        What one more, or one less, of each resource is worth.
    robustness : Robustness or None
        What more demand, losses and wrong rates do to the plan.
    rules : RulePrices or None
        What each rule costs.
    frontiers : Frontiers or None
        Cost against moves, and against fairness.
    plan : Solution or None
        What they are of: the plan given, or a cheaper one that was found to begin with.
    """

    idle: Diagnosis | None = None
    gains: Gains | None = None
    candidates: Candidates | None = None
    departures: Departures | None = None
    headroom: Headroom | None = None
    values: Values | None = None
    robustness: Robustness | None = None
    rules: RulePrices | None = None
    frontiers: Frontiers | None = None
    plan: Solution | None = field(default=None, repr=False)

    def tables(self) -> Iterator[tuple[str, Table]]:
        """All tables, each with the path of attributes that leads to it, such as `gains.groups`."""
        for name in PARTS:
            yield from _tables(name, getattr(self, name))

    def to_dict(self) -> dict[str, Any]:
        """The parts as plain data, ready for JSON: each table a list of rows."""
        return {name: _plain(getattr(self, name)) for name in PARTS}


def _tables(path: str, part: Any) -> Iterator[tuple[str, Table]]:
    if isinstance(part, Table):
        yield path, part
    elif part is not None:
        for entry in fields(part):
            value = getattr(part, entry.name)
            if isinstance(value, Table):
                yield f"{path}.{entry.name}", value


def _plain(part: Any) -> Any:
    if part is None or isinstance(part, Table):
        return part and part.to_dict()
    values = {entry.name: getattr(part, entry.name) for entry in fields(part)}
    return {
        name: value.to_dict() if isinstance(value, Table) else value
        for name, value in values.items()
    }


def analyze(
    instance: Instance,
    solution: Solution | None = None,
    *,
    time_limit_s: float = 120.0,
    parts: Sequence[str] = tuple(PARTS),
    catalogue: Sequence[Node] | None = None,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Analysis:
    """Say where compute idles and why, who gains, and what would be worth changing.

    Whatever is solved again begins at the plan, and comes with what is proven of it: a difference
    smaller than the gaps is called undecided. What the numbers mean is in docs/analysis.md.

    Parameters
    ----------
    instance : Instance
    solution : Solution or None
        A feasible plan, with its certificate if it has one; None to look for one first.
    time_limit_s : float
        Seconds for all solves together; they share it evenly. What one leaves the others have.
    parts : sequence of str
        Which of `PARTS`; all unless said.
    catalogue : sequence of Node or None
        Nodes that could be added; None for such as there are already.
    seed, threads
        As for `solve`.
    progress : callable or None
        Told after each solve what it was, how many are done, and of how many.

    Raises
    ------
    InputError
        If there is no such part, the solution is not a feasible one of the instance, or none was
        given and none found.

    Examples
    --------
    >>> from placement import analyze, solve
    >>> from placement.generate import generate
    >>> network = generate("tiny", seed=4)
    >>> analysis = analyze(network, solve(network, gap=0).solution, parts=["rules"])
    >>> for price in analysis.rules.entries:
    ...     if price.difference.verdict == "loss":
    ...         print(price.rule, round(price.difference.low, 2))
    verification 2.21
    """
    unknown = [name for name in parts if name not in PARTS]
    if unknown:
        raise InputError(f"there is no part {unknown[0]!r}; choose of {', '.join(PARTS)}.")
    deadline = time.monotonic() + time_limit_s
    known = {**PARTS, "candidates": _offering(catalogue)}
    chosen = {name: part for name, part in known.items() if name in parts}
    left = sum(part.solves for part in chosen.values())
    afresh = left > 0 or solution is None
    resolver = Resolver(
        instance, solution, seconds=time_limit_s / max(1, left + afresh), seed=seed,
        threads=threads, progress=progress, planned=left + afresh,
    )  # fmt: skip
    if afresh:
        least = FIRST * time_limit_s if solution is None else 0.0
        resolver.refresh(max(resolver.seconds, least))
    found: dict[str, Any] = {"plan": resolver.plan}
    for name, part in chosen.items():
        resolver.pace(deadline, left)
        found[name] = part.make(resolver)
        left -= part.solves
    return Analysis(**found)
