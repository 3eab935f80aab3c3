"""What in an infeasible instance contradicts each other: an irreducible set of rules and requests.

Found by a deletion filter (Chinneck and Dravnieks, "Locating minimal infeasible constraint sets in
linear programs", ORSA Journal on Computing 3, 1991): one part after the other is given up, and
stays so where what is left is still infeasible, proven.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from placement.analysis.changes import FAMILIES, relax
from placement.analysis.serving import counting, serve
from placement.analysis.tables import Records
from placement.compiled import Compiled
from placement.explain import explain_infeasible
from placement.instance import Instance
from placement.solution import Reason

RULES = (
    "stability",
    "redundancy",
    "reserve",
    "hosting",
    "memory",
    "tee",
    "latency",
    "jurisdiction",
    "share",
    "independence",
    "verification",
)
"""Families of rules that may be part of a contradiction, those first that are wanted least."""


@dataclass(frozen=True)
class Part:
    """Something that contradicts the rest: a rule, or requests that must be served."""

    kind: Literal["rule", "request"]
    name: str
    given_up: str
    """What would be true without it."""


@dataclass(frozen=True)
class Contradiction(Records):
    """Rules and requests that cannot all be kept, on the nodes there are.

    Attributes
    ----------
    entries : tuple of Part
    irreducible : bool
        Whether any one of them could be given up and the rest would have a placement, which was
        found for each. Where false, some parts may not be needed.
    reasons : tuple of Reason
        Why these cannot all be kept, where that shows from the data.
    """

    title: ClassVar[str] = "What contradicts each other"
    record: ClassVar[type] = Part

    entries: tuple[Part, ...]
    irreducible: bool
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Judge:
    """Solves with the settings of one call."""

    seed: int
    threads: int | None

    def is_impossible(self, instance: Instance, seconds: float) -> bool | None:
        """Whether what must be served cannot be; None where that is not known in time."""
        if explain_infeasible(Compiled(instance)):
            return True
        asked = counting(instance, must_serve(instance))
        found = serve(asked, seconds=seconds, seed=self.seed, threads=self.threads)
        return None if found.served is None else not found.served


def must_serve(instance: Instance) -> dict[str, float]:
    """Classes that must be served, at $ 1 for each request."""
    return {row.name: 1.0 for row in instance.requests if row.penalty is None}


def contradiction(judge: Judge, instance: Instance, seconds: float) -> Contradiction | None:
    """Rules and requests of which any one given up would leave a placement for the rest.

    None where the instance is not proven infeasible.
    """
    options = list(_options(instance))
    each = seconds / (len(options) + 1)
    if not judge.is_impossible(instance, each):
        return None
    kept, sure = [], True
    for part in options:
        less = _without(instance, part)
        impossible = judge.is_impossible(less, each)
        if impossible:
            instance = less
        else:
            kept.append(part)
            sure &= impossible is False
    return Contradiction(tuple(kept), sure, explain_infeasible(Compiled(instance)))


def _options(instance: Instance) -> Iterator[Part]:
    """Everything that could be given up."""
    for family in RULES:
        if relax(instance, family) != instance:
            yield Part("rule", family, FAMILIES[family])
    for row in instance.requests:
        if row.penalty is None:
            yield Part("request", row.name, f"its {row.count:,} requests may be turned away")


def _without(instance: Instance, part: Part) -> Instance:
    if part.kind == "rule":
        return relax(instance, part.name)
    rows = [
        row.model_copy(update={"penalty": 0.0}) if row.name == part.name else row
        for row in instance.requests
    ]
    return instance.replace(requests=rows)
