"""The options of `placement whatif` that change an instance."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from placement.cli import files
from placement.errors import InputError

if TYPE_CHECKING:
    from placement.analysis.changes import Change, Relation
    from placement.instance import Instance, Node

FAMILIES = (
    "hosting", "memory", "reserve", "tee", "latency", "jurisdiction", "place", "independence",
    "share", "verification", "stability", "redundancy", "price",
)  # fmt: skip


_NAMED = 3
"""Added nodes that a label names."""


class Edit(NamedTuple):
    """A change that is not made yet."""

    label: str
    make: "Callable[[Instance], Instance]"
    relation: "Relation | None"


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add an option for each kind of change; all may be given any number of times."""
    for flag, metavar, text in (
        ("--price", "NODES,CHANGE", "type=h100,+20% or all,-10%; also node=, operator=, region=."),
        ("--scale-throughput", "[TYPE,]FACTOR", "Scale tokens per second: 0.9 or h100,1.2."),
        ("--scale-demand", "FACTOR", "Scale the requests of all classes."),
        ("--add-node", "FILE", 'Add the nodes of a JSON file: {"nodes": [...]}.'),
        ("--drop-region", "NAME", "Lose all nodes in a region."),
        ("--drop-operator", "NAME", "Lose all nodes of an operator."),
        ("--drop-node", "NAME", "Lose a node."),
    ):  # fmt: skip
        command = click.option(flag, multiple=True, metavar=metavar, help=text)(command)
    family = click.Choice(FAMILIES)
    return click.option("--relax", multiple=True, type=family, help="Lift a rule.")(command)


def read(problem: "Instance", asked: Mapping[str, tuple[str, ...]]) -> "list[Change]":
    """The changes asked for, each alone."""
    from placement.analysis.changes import Change

    return [Change(edit.label, edit.make(problem), edit.relation) for edit in _edits(asked)]


def all_together(problem: "Instance", asked: Mapping[str, tuple[str, ...]]) -> "Change":
    """All changes at once, additions before what is lost or scaled."""
    from placement.analysis.changes import Change

    relations = set()
    for edit in _edits(asked):
        problem = edit.make(problem)
        relations.add(edit.relation)
    return Change("all together", problem, relations.pop() if len(relations) == 1 else None)


def _edits(asked: Mapping[str, tuple[str, ...]]) -> list[Edit]:
    return [edit(value) for kind, edit in _KINDS.items() for value in asked[kind]]


def _making(function: str, *arguments: Any) -> "Callable[[Instance], Instance]":
    """Make a change by a function of `placement.analysis.changes`."""

    def make(instance: "Instance") -> "Instance":
        from placement.analysis import changes

        changed: Instance = getattr(changes, function)(instance, *arguments)
        return changed

    return make


def _add_node(path: str) -> Edit:
    nodes = nodes_of(path)
    names = ", ".join(node.name for node in nodes[:_NAMED])
    more = ", ..." if len(nodes) > _NAMED else ""
    return Edit(f"with {names}{more}", _making("add_nodes", nodes), "relaxed")


def _drop_node(name: str) -> Edit:
    return Edit(f"without {name}", _making("drop_nodes", [name]), "restricted")


def _drop_operator(name: str) -> Edit:
    return Edit(f"without operator {name}", _making("drop_operator", name), "restricted")


def _drop_region(name: str) -> Edit:
    return Edit(f"without region {name}", _making("drop_region", name), "restricted")


def _scale_demand(text: str) -> Edit:
    factor = _factor(text, "--scale-demand")
    return Edit(f"demand x {factor:g}", _making("scale_demand", factor), None)


def _scale_throughput(text: str) -> Edit:
    kind, _, number = text.rpartition(",")
    factor = _factor(number, "--scale-throughput")
    label = f"throughput of {kind or 'all'} x {factor:g}"
    return Edit(label, _making("scale_throughput", factor, kind or None), _better(factor >= 1))


def _better(yes: bool) -> "Relation":
    return "relaxed" if yes else "restricted"


def _price(text: str) -> Edit:
    selector, _, change = text.rpartition(",")
    factor = _price_factor(change)
    make = _making("change_price", selector, factor)
    return Edit(f"prices of {selector} {change}", make, _better(factor <= 1))


def _relax(family: str) -> Edit:
    return Edit(f"{family} relaxed", _making("relax", family), "relaxed")


_KINDS: dict[str, Callable[[str], Edit]] = {
    "add_node": _add_node,
    "drop_node": _drop_node,
    "drop_operator": _drop_operator,
    "drop_region": _drop_region,
    "scale_demand": _scale_demand,
    "scale_throughput": _scale_throughput,
    "price": _price,
    "relax": _relax,
}


def _factor(text: str, option: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{option} takes a number such as 1.2, got {text!r}.") from None


def _price_factor(text: str) -> float:
    """`+20%`, `-10%` or a factor such as 1.2."""
    try:
        return 1 + float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        raise InputError(
            f"--price takes nodes and a change such as type=h100,+20%, got the change {text!r}."
        ) from None


def nodes_of(path: str) -> "tuple[Node, ...]":
    """The nodes of a file, checked like those of an instance."""
    from placement.analysis.changes import NodeFile

    with files.naming(path):
        return NodeFile.from_json(files.read_bytes(path)).nodes
