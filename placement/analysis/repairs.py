"""What would make an infeasible instance feasible: requests to turn away, or nodes to add."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from placement.analysis.catalogue import rent, typical
from placement.analysis.changes import add_nodes, relax
from placement.analysis.contradictions import Contradiction, Judge, contradiction, must_serve
from placement.analysis.serving import counting, serve
from placement.analysis.tables import Records, Table
from placement.instance import Instance, Node, Role
from placement.solution import Solution

COPIES = 2, 16, 128
"""So many of each node of the catalogue may be added; more where fewer are not enough."""
SHARE = 0.2
"""Of the time, for each way out and for seeing whether one is needed; the contradiction has the
rest."""


@dataclass(frozen=True)
class Drop:
    """Requests that must be served, and would not be."""

    request: str
    count: int
    of: int
    price: float


@dataclass(frozen=True)
class Drops(Records):
    """The least that must be turned away.

    Attributes
    ----------
    entries : tuple of Drop
    at_least, at_most : float or None
        $ of the cheapest repair of this kind: proven, and of this one. None for unknown.
    """

    title: ClassVar[str] = "Requests to turn away"
    record: ClassVar[type] = Drop

    entries: tuple[Drop, ...]
    at_least: float | None
    at_most: float | None


@dataclass(frozen=True)
class Addition:
    """Nodes of one kind to add; `models` are those whose requests they would serve or verify."""

    node: str
    type: str
    region: str
    tee: str
    count: int
    rent: float
    roles: str
    models: str


@dataclass(frozen=True)
class Additions(Records):
    """The cheapest nodes that serve what must be served.

    Attributes
    ----------
    entries : tuple of Addition
    at_least, at_most : float or None
        $ of rent of the cheapest repair of this kind: proven, and of this one. None for unknown.
    copies : int
        Of each node on offer so many could be added.
    """

    title: ClassVar[str] = "Nodes to add"
    record: ClassVar[type] = Addition

    entries: tuple[Addition, ...]
    at_least: float | None
    at_most: float | None
    copies: int


@dataclass(frozen=True)
class Repairs:
    """Ways out of an infeasible instance.

    Attributes
    ----------
    needed : bool or None
        Whether the instance is infeasible; None where that was not known in time.
    drops, additions : Drops or None, Additions or None
        None where there is no such way, or none was found.
    contradiction : Contradiction or None
        None where the instance is not proven infeasible.
    """

    needed: bool | None
    drops: Drops | None
    additions: Additions | None
    contradiction: Contradiction | None

    def tables(self) -> Iterator[tuple[str, Table]]:
        """All tables by name."""
        for name in ("drops", "additions", "contradiction"):
            table = getattr(self, name)
            if table is not None:
                yield name, table

    def sentences(self) -> Iterator[str]:
        """The same for people, in short."""
        if self.needed is None:
            yield "Whether anything needs repair could not be told in the time given."
        if self.needed is False:
            yield "Nothing needs repair: all that must be served can be."
        for what, way in (("Turning requests away", self.drops), ("Adding nodes", self.additions)):
            if way is not None and way.at_most is not None:
                yield f"{what} costs ${way.at_most:,.2f}, at least ${way.at_least or 0.0:,.2f}."
        if self.contradiction is not None:
            yield from (reason.sentence for reason in self.contradiction.reasons)

    def to_dict(self) -> dict[str, Any]:
        """All as plain data, ready for JSON."""
        found: dict[str, Any] = {"needed": self.needed, "drops": None, "additions": None}
        for name, way in (("drops", self.drops), ("additions", self.additions)):
            if way is not None:
                bounds = {"at_least": way.at_least, "at_most": way.at_most}
                found[name] = {**bounds, "rows": way.to_dict()}
        core = self.contradiction
        if core is None:
            return {**found, "contradiction": None}
        reasons = [reason.model_dump(mode="json") for reason in core.reasons]
        parts = {"irreducible": core.irreducible, "rows": core.to_dict(), "reasons": reasons}
        return {**found, "contradiction": parts}


def repairs(
    instance: Instance,
    *,
    prices: Mapping[str, float] | None = None,
    catalogue: Sequence[Node] | None = None,
    time_limit_s: float,
    seed: int = 0,
    threads: int | None = None,
) -> Repairs:
    """What to turn away, what to add, and what contradicts each other.

    Parameters
    ----------
    instance : Instance
        Infeasible; a feasible one needs no repair.
    prices : mapping or None
        $ per request that must be served and is turned away, by class; classes left out are kept.
        None is $ 1 for each, which turns away as few as possible.
    catalogue : sequence of Node or None
        Nodes on offer, as many as `COPIES` of each; None for `catalogue.typical`.
    time_limit_s : float
        Seconds for everything.
    """
    judge = Judge(seed, threads)
    impossible = judge.is_impossible(instance, SHARE * time_limit_s)
    if impossible is False:
        return Repairs(False, None, None, None)
    offered = typical(instance) if catalogue is None else tuple(catalogue)
    return Repairs(
        impossible,
        _drops(judge, instance, prices, SHARE * time_limit_s),
        _additions(judge, instance, offered, SHARE * time_limit_s),
        contradiction(judge, instance, (1.0 - 3 * SHARE) * time_limit_s),
    )


# --- what to turn away ---------------------------------------------------------------------------


def _drops(
    judge: Judge, instance: Instance, prices: Mapping[str, float] | None, seconds: float
) -> Drops | None:
    must = must_serve(instance)
    charged = must if prices is None else {name: prices.get(name) for name in must}
    asked = counting(instance, {name: p for name, p in charged.items() if p is not None})
    kept = {name for name, price in charged.items() if price is None}
    rows = [
        row.model_copy(update={"penalty": None}) if row.name in kept else row
        for row in asked.requests
    ]
    asked = asked.replace(requests=rows)
    found = serve(asked, seconds=seconds, gap=0.0, seed=judge.seed, threads=judge.threads)
    if found.plan is None:
        return None
    unserved = found.plan.unserved
    entries = tuple(
        Drop(row.name, unserved[row.name], row.count, float(charged[row.name] or 0.0))
        for row in instance.requests
        if row.name in must and row.name in unserved
    )
    return Drops(entries, found.at_least, found.at_most)


# --- what to add ---------------------------------------------------------------------------------


def _additions(
    judge: Judge, instance: Instance, offered: Sequence[Node], seconds: float
) -> Additions | None:
    """With as few copies of each node on offer as are enough."""
    each = seconds / len(COPIES)
    tried = (_with_copies(judge, instance, offered, most, each) for most in COPIES)
    return next((found for found in tried if found is not None), None)


def _with_copies(
    judge: Judge, instance: Instance, offered: Sequence[Node], most: int, seconds: float
) -> Additions | None:
    copies = {f"{node.name} ({i + 1})": node for node in offered for i in range(most)}
    fresh = [_at_rent(name, node, instance.window_s) for name, node in copies.items()]
    free = relax(instance, "price")
    rows = [
        row if row.penalty is None else row.model_copy(update={"penalty": 0.0})
        for row in free.requests
    ]
    asked = add_nodes(free.replace(requests=rows), fresh)
    found = serve(asked, seconds=seconds, gap=0.0, seed=judge.seed, threads=judge.threads)
    if found.plan is None:
        return None
    uses = [use for use in _uses(instance, found.plan) if use[0] in copies]
    entries = tuple(
        _addition(instance, node, [use for use in uses if copies[use[0]] == node])
        for node in offered
        if any(copies[name] == node for name, _, _ in uses)
    )
    at_most = sum(row.count * row.rent for row in entries)
    return Additions(entries, found.at_least, at_most, most)


def _at_rent(name: str, node: Node, window_s: float) -> Node:
    """A node that costs its rent when it is engaged, and nothing else."""
    hourly = rent(node, window_s) * 3600.0 / window_s
    free = dict.fromkeys(
        (
            "accelerator_cost_per_hour",
            "verification_cost_per_core_hour",
            "storage_cost_per_gb_hour",
        ),
        0.0,
    )
    return node.model_copy(update={**free, "name": name, "engaged_cost_per_hour": hourly})


Use = tuple[str, Role, str]
"""Node, role and model."""


def _uses(instance: Instance, plan: Solution) -> list[Use]:
    """What a plan uses nodes for."""
    models = {row.name: row.model or "-" for row in instance.requests}
    uses: list[Use] = [(name, "hosting", m) for m, at in plan.hosting.items() for name in at]
    uses += [(row.node, "inference", models[row.request]) for row in plan.inference]
    uses += [(row.node, "verification", models[row.request]) for row in plan.verification]
    return uses


def _addition(instance: Instance, node: Node, uses: Sequence[Use]) -> Addition:
    return Addition(
        node=node.name,
        type=node.accelerator or "-",
        region=node.region or "-",
        tee="+".join(node.tee),
        count=len({name for name, _, _ in uses}),
        rent=rent(node, instance.window_s),
        roles=", ".join(sorted({role for _, role, _ in uses})),
        models=", ".join(sorted({model for _, _, model in uses})),
    )
