"""Marginal values: what one more unit of a resource would gain, and one less would lose.

Placements are whole, so values jump: the gain of one more and the loss of one less differ, and
both are found by solving the changed instance. The certificate's prices are given beside them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from placement.analysis.candidates import certified
from placement.analysis.resolving import Difference, Resolver
from placement.analysis.tables import Records
from placement.instance import Instance, Node
from placement.prices import Prices
from placement.quantities import Floats

Resource = Literal["accelerator-hour", "memory GB", "verification core", "trusted hardware"]
RESOURCES: tuple[Resource, ...] = (
    "accelerator-hour",
    "memory GB",
    "verification core",
    "trusted hardware",
)
MOST = 8
"""So many values are solved for."""
SOLVES = 2 * MOST
"""For one unit more and one unit less each."""


@dataclass(frozen=True)
class Value:
    """What a unit of a resource is worth on one node, which stands for its region and type.

    Attributes
    ----------
    resource, region, type, node : str
        Of all nodes of the region and type it is the one where the price is highest.
    price : float
        $ per unit by the certificate: no bound, but what a small amount is about worth. Trusted
        hardware has none.
    right_low, right, right_high : float or None
        What one unit more gains [$]: proven bounds, and by the placements found.
    left_low, left, left_high : float or None
        What one unit less loses [$]; None where there is no unit to lose, too.
    """

    resource: Resource
    region: str
    type: str
    node: str
    price: float | None
    right_low: float | None
    right: float | None
    right_high: float | None
    left_low: float | None
    left: float | None
    left_high: float | None


@dataclass(frozen=True)
class Values(Records):
    """Marginal values, the dearest by price first within each resource."""

    title: ClassVar[str] = "What one more would be worth"
    shown: ClassVar[tuple[str, ...]] = ("resource", "region", "type", "price", "right", "left")
    record: ClassVar[type] = Value

    entries: tuple[Value, ...]


def values(resolver: Resolver, most: int = MOST) -> Values:
    """What a unit more and a unit less of each resource are worth, by region and type.

    An accelerator-hour comes with the share of memory that the node's accelerators have: it is
    more of the same hardware. A unit of trusted hardware is the node with all kinds that there
    are, and without any.

    Parameters
    ----------
    resolver : Resolver
        With a plan in its base.
    most : int
        How many to solve for; those with the highest prices, taken from each resource in turn.
    """
    places = _in_turn([_places(resolver, resource) for resource in RESOURCES])[:most]
    return Values(tuple(_value(resolver, *place) for place in places))


def with_more(instance: Instance, resource: Resource, name: str) -> Instance:
    """The instance with one unit more on a node."""
    return _changed(instance, resource, name, 1.0)


def with_less(instance: Instance, resource: Resource, name: str) -> Instance | None:
    """The instance with one unit less on a node; None where it has none to lose."""
    node = next(node for node in instance.nodes if node.name == name)
    if resource == "trusted hardware":
        return _changed(instance, resource, name, -1.0) if node.tee else None
    return _changed(instance, resource, name, -1.0) if _holds(instance, node, resource) else None


def _holds(instance: Instance, node: Node, resource: Resource) -> bool:
    """Whether a node has a unit to lose."""
    amounts = {
        "accelerator-hour": node.accelerators * instance.window_s / 3600.0,
        "memory GB": node.memory_gb,
        "verification core": node.verification_cores,
    }
    return amounts[resource] >= 1.0


def _changed(instance: Instance, resource: Resource, name: str, units: float) -> Instance:
    nodes = [
        node.model_copy(update=_change(instance, resource, node, units))
        if node.name == name
        else node
        for node in instance.nodes
    ]
    return instance.replace(nodes=nodes)


def _change(
    instance: Instance, resource: Resource, node: Node, units: float
) -> dict[str, float | tuple[str, ...]]:
    match resource:
        case "accelerator-hour":
            accelerators = max(0.0, node.accelerators + units * 3600.0 / instance.window_s)
            scale = accelerators / node.accelerators
            return {"accelerators": accelerators, "memory_gb": node.memory_gb * scale}
        case "memory GB":
            return {"memory_gb": node.memory_gb + units}
        case "verification core":
            return {"verification_cores": node.verification_cores + units}
        case _:
            return {"tee": _kinds(instance) if units > 0 else ()}


def _kinds(instance: Instance) -> tuple[str, ...]:
    """All kinds of trusted hardware that nodes have or policies ask for."""
    lists = [node.tee for node in instance.nodes]
    lists += [policy.requires_tee for policy in instance.policies]
    return tuple(dict.fromkeys(tee for tees in lists for tee in tees))


Place = tuple[Resource, Node, float | None]


def _places(resolver: Resolver, resource: Resource) -> list[Place]:
    """For each region and type the node with the highest price, the dearest first."""
    instance = resolver.instance
    price = _prices(resolver, resource)
    value = np.zeros(len(instance.nodes)) if price is None else price
    chosen: dict[tuple[str | None, str | None], int] = {}
    for n in np.argsort(-value, kind="stable").tolist():
        node = instance.nodes[n]
        if _has_room(instance, node, resource):
            chosen.setdefault((node.region, node.accelerator), n)
    return [
        (resource, instance.nodes[n], None if price is None else float(price[n]))
        for n in chosen.values()
    ]


def _has_room(instance: Instance, node: Node, resource: Resource) -> bool:
    """Whether more or less of a resource on a node could matter at all."""
    match resource:
        case "accelerator-hour":
            return node.accelerators > 0 and bool({"inference", "verification"} & set(node.roles))
        case "memory GB":
            return node.accelerators > 0 and bool(instance.models)
        case "verification core":
            return "verification" in node.roles and any(
                policy.mode != "none" for policy in instance.policies
            )
        case _:
            wanted = any(policy.requires_tee for policy in instance.policies)
            return wanted and "inference" in node.roles and node.accelerators > 0


def _prices(resolver: Resolver, resource: Resource) -> Floats | None:
    """$ per unit on each node by the certificate; None for what has no price."""
    q = resolver.quantities
    prices = Prices.from_document(q, certified(resolver).certificate or {})
    match resource:
        case "accelerator-hour":
            each = q.memory_gb / np.maximum(q.accelerators, 1e-300) * 3600.0 / q.window_s
            per_hour: Floats = prices.capacity * q.utilization * 3600.0
            return per_hour + prices.memory * each
        case "memory GB":
            return prices.memory
        case "verification core":
            return prices.cores * q.window_s
        case _:
            return None


def _in_turn(lists: Sequence[list[Place]]) -> list[Place]:
    """The first of each list, then the second of each, and so on."""
    longest = max(map(len, lists), default=0)
    return [rows[i] for i in range(longest) for rows in lists if i < len(rows)]


def _value(resolver: Resolver, resource: Resource, node: Node, price: float | None) -> Value:
    more = with_more(resolver.instance, resource, node.name)
    less = with_less(resolver.instance, resource, node.name)
    label = f"{resource} on {node.name}"
    after = resolver.solve(more, f"one more {label}", relation="relaxed")
    gain = -resolver.difference(after, "relaxed")
    loss = Difference(None, None, None, "undecided")
    if less is not None:
        after = resolver.solve(less, f"one less {label}", relation="restricted")
        loss = resolver.difference(after, "restricted")
    return Value(
        resource, node.region or "-", node.accelerator or "-", node.name, price,
        gain.low, gain.estimate, gain.high,
        loss.low, loss.estimate, loss.high,
    )  # fmt: skip
