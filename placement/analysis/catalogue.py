"""Nodes that could be added: those like what a network has already, and what they cost."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from statistics import median

from placement.instance import Instance, Node, Role

ROLES: tuple[Role, ...] = ("hosting", "inference", "verification")
_TYPICAL = (
    "accelerators",
    "memory_gb",
    "storage_gb",
    "max_utilization",
    "load_gb_per_s",
    "engaged_cost_per_hour",
    "accelerator_cost_per_hour",
    "storage_cost_per_gb_hour",
)
_TYPICAL_CHECKER = ("verification_cores", "verification_cost_per_core_hour")


def rent(node: Node, window_s: float) -> float:
    """$ for a whole window of a node: engagement and all its accelerators, busy or not."""
    hourly = node.engaged_cost_per_hour + node.accelerators * node.accelerator_cost_per_hour
    return hourly * window_s / 3600.0


def typical(instance: Instance) -> tuple[Node, ...]:
    """A candidate for each accelerator type, region and kind of trusted hardware.

    Amounts and prices are medians over the nodes of the type, roles are all that any of these has.
    Kinds of trusted hardware differ in the policies that accept them; a type is offered with those
    that some node of the type has. What a policy asks for and no node has, any type is offered
    with. Candidates belong to operators of their own.
    """
    runners = [node for node in instance.nodes if _runs(node)]
    regions: list[str | None] = [region.name for region in instance.regions] or [None]
    wanted = [p.requires_tee for p in instance.policies if p.requires_tee]
    missing = [tees for tees in wanted if not any(set(tees) & set(node.tee) for node in runners)]
    return tuple(
        _candidate(kind, tee, region, alike)
        for kind in dict.fromkeys(node.accelerator for node in runners)
        for tee, alike in _variants([n for n in runners if n.accelerator == kind], wanted, missing)
        for region in regions
    )


def _runs(node: Node) -> bool:
    return "inference" in node.roles and node.accelerators > 0 and node.accelerator is not None


def _variants(
    nodes: Sequence[Node], wanted: Sequence[tuple[str, ...]], missing: Sequence[tuple[str, ...]]
) -> Iterator[tuple[tuple[str, ...], Sequence[Node]]]:
    """Trusted hardware that a type comes with, and the nodes that come with it."""
    kinds: dict[tuple[bool, ...], list[Node]] = {}
    for node in nodes:
        kinds.setdefault(tuple(bool(set(t) & set(node.tee)) for t in wanted), []).append(node)
    for alike in kinds.values():
        yield Counter(node.tee for node in alike).most_common(1)[0][0], alike
    for tees in dict.fromkeys(missing):
        yield tees, nodes


def _candidate(
    kind: str | None, tee: tuple[str, ...], region: str | None, alike: Sequence[Node]
) -> Node:
    checkers = [node for node in alike if "verification" in node.roles]
    return Node(
        name=" ".join(["new", str(kind), *(["with", "+".join(tee)] if tee else []), _in(region)]),
        region=region,
        accelerator=kind,
        tee=tee,
        roles=tuple(role for role in ROLES if any(role in node.roles for node in alike)),
    ).model_copy(update=_medians(alike, _TYPICAL) | _medians(checkers, _TYPICAL_CHECKER))


def _in(region: str | None) -> str:
    return f"in {region}" if region else "anywhere"


def _medians(nodes: Sequence[Node], fields: Iterable[str]) -> dict[str, float]:
    if not nodes:
        return {}
    return {field: float(median(getattr(node, field) for node in nodes)) for field in fields}
