"""A part of a book as a book of its own: some nodes, some requests, nothing placed yet."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from placement.compiled import Compiled
from placement.methods.recreate.records import ENTRY, Book
from placement.methods.recreate.state import (
    class_records,
    crowd_of,
    group_limits,
    model_records,
    node_records,
    twin_lists,
)
from placement.prices import Prices
from placement.quantities import Bools, Ints

_WORKING = ("loose", "losses", "tally", "log", "touched", "scratch", "reals")
"""Tables that mean nothing between two steps."""


@dataclass(frozen=True)
class Dealt:
    """Requests that a part of a network may place; columns are by class.

    Attributes
    ----------
    left : array of int
        So many requests.
    elsewhere, checked : array of int
        Requests that others execute, and verifications that they do: they count where what is
        executed and what is verified have to match.
    frozen : array of bool
        Classes that do not concern it.
    """

    left: Ints
    elsewhere: Ints
    checked: Ints
    frozen: Bools


def portion(  # noqa: PLR0917
    compiled: Compiled,
    whole: Book,
    least: Prices,
    base: Bools,
    nodes: Bools,
    dealt: Dealt,
    chance: int,
) -> Book:
    """A book of some nodes and some requests: nothing placed, and guided as `whole`.

    Tables that no step changes are shared. Control groups may do what they may in the whole, so
    each has to be in it with all that it does, or not at all.
    """
    left = dealt.left
    models, queue = model_records(compiled, dealt.frozen, left > 0)
    classes = class_records(compiled, least, dealt.frozen, models, queue)
    classes["count"], classes["left"] = dealt.elsewhere + left, left
    classes["checked"] = dealt.checked
    classes["value"], classes["extra"] = whole.classes["value"], whole.classes["extra"]
    records = node_records(compiled, base)
    for name in ("rent", "level", "waste"):
        records[name] = whole.nodes[name]
    for name in ("free_s", "free_gb", "cores_s"):
        records[name][~nodes] = 0.0
    twins = twin_lists(compiled, records, nodes)
    roster = _narrow(whole, models, whole.roster, nodes, ("roster", "listed", "fitting"))
    models["holders"] = models["roster"]
    homes = _narrow(whole, models, whole.homes, nodes, ("homes", "homed"))
    return whole.sibling(
        {
            "nodes": records,
            "twins": twins,
            "models": models,
            "classes": classes,
            "holdings": np.zeros_like(whole.holdings),
            "entries": np.zeros(0, dtype=ENTRY),
            "slots": np.full_like(whole.slots, -1),
            "holders": np.zeros(len(roster), dtype=np.int32),
            "roster": roster,
            "homes": homes,
            "queue": queue,
            "crowd": crowd_of(classes, left > 0),
            "groups": group_limits(compiled),
            "roomy": np.ones_like(whole.roomy),
            **{name: np.zeros_like(whole.arrays[name]) for name in _WORKING},
        },
        crowded=int((left > 0).sum()),
        free=-1,
        unused=0,
        stamp=0,
        cost=float(classes["penalty"] @ left),
        chance=chance,
    )


def _narrow(whole: Book, models: Any, table: Any, nodes: Bools, fields: tuple[str, ...]) -> Any:
    """The lists of nodes by model without those that are not asked for; where they begin and end.

    `fields` are the start of a list and how many nodes there are in parts of it from there.
    """
    kept = nodes[table]
    before = np.concatenate([[0], np.cumsum(kept)])
    start = whole.models[fields[0]]
    models[fields[0]] = before[start]
    for name in fields[1:]:
        models[name] = before[start + whole.models[name]] - before[start]
    return np.append(table[kept], 0).astype(np.int32)
