"""Changed instances: nodes lost or added, demand, throughput and prices scaled, rules lifted.

Every function takes an instance and returns another one; nothing is changed in place.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Strict

from placement.documents import Document
from placement.errors import InputError
from placement.instance import Instance, Limits, Node, Policy, Role

Relation = Literal["relaxed", "restricted"]
"""Relaxed: what was allowed still is, at no higher cost. Restricted: the other way round."""

FAMILIES: Mapping[str, str] = {
    "hosting": "weights weigh nothing: every model is stored everywhere, and loads at once",
    "memory": "replicas take no accelerator memory",
    "reserve": "nodes may be used to the full",
    "tee": "no policy requires trusted hardware",
    "latency": "no limit on the first token",
    "jurisdiction": "requests may run in any jurisdiction",
    "place": "no limit on the first token, and any jurisdiction",
    "independence": "executor and verifiers may be of one party",
    "share": "a control group may execute any share of the requests",
    "verification": "nothing is verified or proven",
    "stability": "any number of new replicas, any amount moved",
    "redundancy": "one host of each model is enough",
    "price": "nodes, transfers and latency cost nothing",
}
"""What `relax` can lift, and what is true then."""

MOST_FACTOR = 1e6
"""The largest factor that amounts are scaled by; one over it is the smallest."""

_NODE_PRICES = (
    "engaged_cost_per_hour",
    "accelerator_cost_per_hour",
    "verification_cost_per_core_hour",
    "storage_cost_per_gb_hour",
)
_SELECTORS = {"node": "name", "operator": "operator", "region": "region", "type": "accelerator"}


@dataclass(frozen=True)
class Change:
    """A changed instance and what it is called.

    Attributes
    ----------
    label : str
        For people.
    instance : Instance
        The instance as it would be.
    relation : {"relaxed", "restricted"} or None
        What is known beforehand of it; None is nothing.
    """

    label: str
    instance: Instance
    relation: Relation | None = None


class NodeFile(Document):
    """Nodes to be added, as a file of their own; their fields are those of an instance's nodes."""

    nodes: Annotated[tuple[Node, ...], Strict(False)]


# --- nodes ---------------------------------------------------------------------------------------


def drop_nodes(instance: Instance, names: Iterable[str]) -> Instance:
    """The instance without some nodes.

    A node stays, able to do nothing, where it is the last one that the `pairs` of a request list:
    without any row the request could run anywhere.

    Raises
    ------
    InputError
        If there is no node of that name.
    """
    lost = set(names)
    _demand_known(lost, (node.name for node in instance.nodes), "node")
    pairs = [row for row in instance.pairs if row.node not in lost]
    orphans = {row.request for row in instance.pairs} - {row.request for row in pairs}
    shells = {row.request: row for row in instance.pairs if row.request in orphans}
    kept = {row.node for row in shells.values()}
    nodes = [
        Node(name=node.name, operator=node.operator, region=node.region)
        if node.name in lost
        else node
        for node in instance.nodes
        if node.name not in lost - kept
    ]
    shell_pairs = [row.model_copy(update={"work_s": row.work_s or 0.0}) for row in shells.values()]
    return instance.replace(nodes=nodes, pairs=[*pairs, *shell_pairs])


def drop_operator(instance: Instance, name: str) -> Instance:
    """The instance without the nodes of an operator.

    Raises
    ------
    InputError
        If there is no such operator.
    """
    _demand_known({name}, (operator.name for operator in instance.operators), "operator")
    return drop_nodes(instance, [node.name for node in instance.nodes if node.operator == name])


def drop_region(instance: Instance, name: str) -> Instance:
    """The instance without the nodes in a region; its users stay.

    Raises
    ------
    InputError
        If there is no such region.
    """
    _demand_known({name}, (region.name for region in instance.regions), "region")
    return drop_nodes(instance, [node.name for node in instance.nodes if node.region == name])


def add_nodes(instance: Instance, nodes: Sequence[Node]) -> Instance:
    """The instance with further nodes.

    Requests with `pairs` still run on the nodes listed only.

    Raises
    ------
    InvalidInstance
        If a name is taken, or an operator, region or model that they name does not exist.
    """
    return instance.replace(nodes=[*instance.nodes, *nodes])


# --- amounts -------------------------------------------------------------------------------------


def scale_demand(instance: Instance, factor: float) -> Instance:
    """The instance with `factor` times the requests of every class.

    Counts are rounded to the nearest whole number, halves up, and are at least 1.

    Raises
    ------
    InputError
        If the factor is out of range.
    """
    _demand_factor(factor)
    requests = [
        row.model_copy(update={"count": max(1, math.floor(row.count * factor + 0.5))})
        for row in instance.requests
    ]
    return instance.replace(requests=requests)


def scale_throughput(instance: Instance, factor: float, of: str | None = None) -> Instance:
    """The instance with `factor` times the tokens per second, of one accelerator type or of all.

    The `work_s` of pairs on these accelerators is divided by the factor; proving times stay.

    Raises
    ------
    InputError
        If the factor is out of range, or nothing in the instance has that type.
    """
    _demand_factor(factor)
    types = {node.name: node.accelerator for node in instance.nodes}
    if of is not None:
        known = [*types.values(), *(row.accelerator for row in instance.profiles)]
        _demand_known({of}, (name for name in known if name), "accelerator type")
    profiles = [
        row.model_copy(
            update={
                "prefill_tokens_per_s": row.prefill_tokens_per_s * factor,
                "decode_tokens_per_s": row.decode_tokens_per_s * factor,
            }
        )
        if of in (None, row.accelerator)
        else row
        for row in instance.profiles
    ]
    pairs = [
        row.model_copy(update={"work_s": row.work_s / factor})
        if row.work_s is not None and of in (None, types[row.node])
        else row
        for row in instance.pairs
    ]
    return instance.replace(profiles=profiles, pairs=pairs)


def change_price(instance: Instance, selector: str, factor: float) -> Instance:
    """The instance with `factor` times all that some nodes charge.

    That is engagement, accelerator time, verification cores and storage.

    Parameters
    ----------
    selector : str
        Which nodes: "all", or one of "node=NAME", "operator=NAME", "region=NAME" and "type=NAME",
        the accelerator type.

    Raises
    ------
    InputError
        If the selector makes no sense or fits no node, or the factor is out of range.
    """
    _demand_factor(factor, least=0.0)
    chosen = _chosen(instance, selector)
    nodes = [
        node.model_copy(update={field: getattr(node, field) * factor for field in _NODE_PRICES})
        if node.name in chosen
        else node
        for node in instance.nodes
    ]
    return instance.replace(nodes=nodes)


def _chosen(instance: Instance, selector: str) -> set[str]:
    """The names of the nodes that a selector fits."""
    kind, _, value = selector.partition("=")
    if selector != "all" and (kind not in _SELECTORS or not value):
        forms = ", ".join(f"{kind}=NAME" for kind in _SELECTORS)
        raise InputError(f"selector {selector!r} must be all or one of {forms}.")
    chosen = {
        node.name
        for node in instance.nodes
        if selector == "all" or getattr(node, _SELECTORS[kind]) == value
    }
    if not chosen:
        raise InputError(f"selector {selector!r} fits no node of instance {instance.name!r}.")
    return chosen


# --- rules ---------------------------------------------------------------------------------------


def relax(instance: Instance, family: str) -> Instance:
    """The instance without one family of rules.

    Every placement that was allowed still is, hosts and loads included, and costs no more.

    Parameters
    ----------
    family : str
        One of `FAMILIES`.

    Raises
    ------
    InputError
        If there is no such family.
    """
    if family not in _RELAXATIONS:
        raise InputError(f"there is no family {family!r}; choose one of {', '.join(FAMILIES)}.")
    return instance.replace(**_RELAXATIONS[family](instance))


def _each(rows: Iterable[Any], **changes: Any) -> list[Any]:
    return [row.model_copy(update=changes) for row in rows]


def _weightless(instance: Instance) -> dict[str, Any]:
    def able(roles: tuple[Role, ...]) -> tuple[Role, ...]:
        return roles if "hosting" in roles else (*roles, "hosting")

    nodes = [node.model_copy(update={"roles": able(node.roles)}) for node in instance.nodes]
    return {"models": _each(instance.models, weights_gb=0.0, min_hosts=0), "nodes": nodes}


def _unverified(policy: Policy) -> Policy:
    """A policy that asks for no verification; the overhead of trusted hardware stays."""
    if policy.mode == "none":
        return policy
    overhead = policy.executor_overhead
    if not policy.requires_tee:
        overhead = min(1.0, overhead)
    return policy.model_copy(
        update={
            "mode": "none", "verifiers": 0, "executor_overhead": overhead, "executor_extra_s": 0.0,
        }
    )  # fmt: skip


def _free(instance: Instance) -> dict[str, Any]:
    network = instance.network.model_copy(update={"transfer_cost_per_gb": 0.0})
    return {
        "nodes": _each(instance.nodes, **dict.fromkeys(_NODE_PRICES, 0.0)),
        "network": network,
        "requests": _each(instance.requests, latency_cost_per_s=0.0),
        "pairs": _each(instance.pairs, cost=0.0),
    }


_RELAXATIONS: dict[str, Callable[[Instance], dict[str, Any]]] = {
    "hosting": _weightless,
    "memory": lambda i: {"models": _each(i.models, memory_gb=0.0)},
    "reserve": lambda i: {"nodes": _each(i.nodes, max_utilization=1.0)},
    "tee": lambda i: {"policies": _each(i.policies, requires_tee=())},
    "latency": lambda i: {"requests": _each(i.requests, max_ttft_ms=None)},
    "jurisdiction": lambda i: {"requests": _each(i.requests, jurisdictions=None)},
    "place": lambda i: {"requests": _each(i.requests, max_ttft_ms=None, jurisdictions=None)},
    "independence": lambda i: {"policies": _each(i.policies, independence="none")},
    "share": lambda i: {"operators": _each(i.operators, max_share=1.0)},
    "verification": lambda i: {"policies": [_unverified(policy) for policy in i.policies]},
    "stability": lambda _: {"limits": Limits()},
    "redundancy": lambda i: {
        "models": [m.model_copy(update={"min_hosts": min(1, m.min_hosts)}) for m in i.models]
    },
    "price": _free,
}


# --- what was asked for --------------------------------------------------------------------------


def _demand_known(names: set[str], known: Iterable[str], what: str) -> None:
    unknown = names - set(known)
    if unknown:
        raise InputError(f"there is no {what} {min(unknown)!r} in the instance.")


def _demand_factor(factor: float, least: float = 1 / MOST_FACTOR) -> None:
    if not least <= factor <= MOST_FACTOR:
        raise InputError(
            f"the factor must be a number from {least:g} to {MOST_FACTOR:g}, got {factor!r}."
        )
