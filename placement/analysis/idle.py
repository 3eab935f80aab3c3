"""Every accelerator-second of the window in exactly one row, idle ones by what keeps them idle.

Idle compute is split by lifting causes one after the other (`relaxing`) and solving again: what
the network then serves in addition is demand that the cause had kept away from idle compute. See
docs/idle.md for what of it is proven.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any, ClassVar, Literal

import numpy as np

from placement.analysis.relaxing import CAUSES, PRICE, VERIFICATION, Lifted, Relaxations
from placement.analysis.tables import Table
from placement.compiled import Compiled
from placement.errors import InputError
from placement.quantities import Bools, Floats, Quantities

RESERVE, LOADING, SERVING, REEXECUTING = "reserve", "loading", "serving", "re-executing"
NO_DEMAND, OTHER = "no demand left", "other"
IDLE = (NO_DEMAND, *CAUSES, OTHER)
"""The rows that idle compute is in."""
USES = (RESERVE, LOADING, SERVING, REEXECUTING, *IDLE)
"""All rows, in the order of the report."""

Order = Literal["given", "shapley"]
Grouping = Literal["region", "operator", "type", "node"]
GROUPINGS: tuple[Grouping, ...] = ("region", "operator", "type", "node")

EXACT = 4
"""Shapley values of so many causes average over all orders, those of more over `SAMPLED`."""
SAMPLED = 12


@dataclass(frozen=True)
class IdleAccount(Table):
    """Where the accelerator time of a window goes.

    Attributes
    ----------
    nodes : dict
        For each `Grouping` the names its nodes belong to, in the order of the instance; "-" is for
        none.
    hours : array, shape (nodes, uses)
        Accelerator-hours; the rows sum to accelerators x window.
    rate : array over nodes
        $ that an accelerator-hour costs: the accelerator's price and its part of engagement.
    decided : dict
        For each cause whether what lifting it earns is more than the gap of the solve before it.
        Where not, its row may be owed to the search and not to the cause.
    order : tuple of tuple of str
        The orders in which causes were lifted; more than one are averaged.
    """

    title: ClassVar[str] = "Accelerator time"

    nodes: dict[Grouping, tuple[str, ...]] = field(repr=False)
    hours: Floats = field(repr=False, compare=False)
    rate: Floats = field(repr=False, compare=False)
    decided: dict[str, bool]
    order: tuple[tuple[str, ...], ...] = field(repr=False)

    @property
    def columns(self) -> tuple[str, ...]:
        """Use, accelerator-hours, their share of all, what they cost, and if that is decided."""
        return ("use", "accelerator_h", "share", "cost", "decided")

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """One row a use, in the order of `USES`."""
        total = float(self.hours.sum())
        for use, hours, cost in zip(USES, self.fleet_h, self.fleet_cost, strict=True):
            share = float(hours / total) if total else None
            yield use, float(hours), share, float(cost), self.decided.get(use)

    @property
    def fleet_h(self) -> Floats:
        """Accelerator-hours of the fleet by use."""
        return np.asarray(self.hours.sum(axis=0))

    @property
    def fleet_cost(self) -> Floats:
        """$ of the fleet by use."""
        return np.asarray(self.rate @ self.hours)

    def of(self, use: str) -> float:
        """Accelerator-hours of the fleet in one use."""
        return float(self.fleet_h[USES.index(use)])

    @property
    def idle_h(self) -> float:
        """Idle accelerator-hours of the fleet."""
        return sum(self.of(use) for use in IDLE)

    def by(self, grouping: Grouping) -> "IdleBreakdown":
        """The account of each region, operator, accelerator type or node.

        Raises
        ------
        InputError
            If there is no such grouping.
        """
        if grouping not in GROUPINGS:
            raise InputError(f"grouping {grouping!r} is unknown; one of {', '.join(GROUPINGS)}.")
        names = tuple(dict.fromkeys(self.nodes[grouping]))
        at = np.array([names.index(name) for name in self.nodes[grouping]], dtype=np.int64)
        hours = np.zeros((len(names), len(USES)))
        np.add.at(hours, at, self.hours)
        idle = self.hours[:, -len(IDLE) :].sum(axis=1) * self.rate
        cost = np.bincount(at, idle, len(names)).astype(float)
        return IdleBreakdown(names, hours, cost)


@dataclass(frozen=True)
class IdleBreakdown(Table):
    """The account of parts of the fleet, one a row, those with most idle time first."""

    title: ClassVar[str] = "Idle accelerator time"
    shown: ClassVar[tuple[str, ...]] = ("name", "accelerator_h", "idle_h", "idle_cost", "mostly")

    names: tuple[str, ...]
    hours: Floats = field(repr=False, compare=False)
    idle_cost: Floats = field(repr=False, compare=False)

    @property
    def columns(self) -> tuple[str, ...]:
        """Name, hours there are and idle, what idle ones cost, the largest cause, and all uses."""
        uses = (f"{use.replace(' ', '_').replace('-', '_')}_h" for use in USES)
        return ("name", "accelerator_h", "idle_h", "idle_cost", "mostly", *uses)

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """One row a part."""
        idle = self.hours[:, -len(IDLE) :]
        for i in np.argsort(-idle.sum(axis=1), kind="stable").tolist():
            hours, total = self.hours[i], float(idle[i].sum())
            mostly = IDLE[int(idle[i].argmax())] if total > 0 else None
            cost = float(self.idle_cost[i])
            yield (self.names[i], float(hours.sum()), total, cost, mostly, *hours.tolist())


def account(relaxations: Relaxations, order: Order = "given", seed: int = 0) -> IdleAccount:
    """Account for all accelerator time of a plan.

    Parameters
    ----------
    relaxations : Relaxations
        Of the plan.
    order : {"given", "shapley"}
        "given" lifts causes in the order of `CAUSES`. "shapley" averages over orders, over all of
        them for up to `EXACT` causes that are there, else over `SAMPLED` random ones.
    seed : int
        Of these.

    Raises
    ------
    InputError
        If there is no such order.
    """
    orders = _orders(relaxations.lasting, order, seed)
    base = relaxations.base
    q, loads = base.quantities, base.verdict.loads
    total = q.accelerators * q.window_s
    shares = np.mean([_split(relaxations, causes) for causes in orders], axis=0)
    used = [loads.loading_s, loads.executing_s, loads.reexecuting_s]
    reserve = np.maximum(total - q.capacity_s, 0.0)
    hours = np.column_stack([reserve, *used, shares]) / 3600.0
    steps = relaxations.steps(orders[0])
    decided = dict.fromkeys(CAUSES, True) | {step.cause: step.decided for step in steps}
    return IdleAccount(_labels(q), hours, _rate(q), decided, orders)


def _orders(causes: Sequence[str], order: Order, seed: int) -> tuple[tuple[str, ...], ...]:
    if order == "given":
        return (tuple(causes),)
    if order != "shapley":
        raise InputError(f'order {order!r} is unknown; choose "given" or "shapley".')
    if len(causes) <= EXACT:
        return tuple(permutations(causes))
    dice = np.random.default_rng(seed)
    return tuple(tuple(dice.permutation(causes).tolist()) for _ in range(SAMPLED))


def _labels(q: Quantities) -> dict[Grouping, tuple[str, ...]]:
    nodes = q.instance.nodes
    return {
        "region": tuple(node.region or "-" for node in nodes),
        "operator": tuple(node.operator or "-" for node in nodes),
        "type": tuple(node.accelerator or "-" for node in nodes),
        "node": tuple(node.name for node in nodes),
    }


def _rate(q: Quantities) -> Floats:
    """$ per accelerator-hour, engagement spread over the accelerators."""
    engaged = np.where(q.accelerators > 0, q.engaged_price / np.maximum(q.accelerators, 1e-12), 0.0)
    return np.asarray(q.accelerator_price + engaged)


def _split(relaxations: Relaxations, order: Sequence[str]) -> Floats:
    """Idle accelerator-seconds, shape (nodes, IDLE), causes lifted in this order."""
    base = relaxations.base
    idle = np.maximum(base.quantities.capacity_s - base.verdict.loads.busy_s, 0.0)
    shares = dict.fromkeys(IDLE, np.zeros(len(idle)))
    able = _able(relaxations)
    shares[OTHER] = np.where(able, 0.0, idle)
    left, taken = np.where(able, idle, 0.0), np.zeros(len(idle))
    for step in relaxations.steps(order):
        asked = np.maximum(step.after.useful_s - base.useful_s - taken, 0.0)
        now = _spread(_extra_s(step.before, step.after), asked, left)
        shares[step.cause], left, taken = now, left - now, taken + now
    unmet = _spread(_unmet_s(relaxations.lifted(order)), np.zeros(len(idle)), left)
    shares[OTHER] = shares[OTHER] + unmet
    shares[NO_DEMAND] = left - unmet
    return np.column_stack([shares[row] for row in IDLE])


def _able(relaxations: Relaxations) -> Bools:
    """Nodes that could work for some class of requests if all causes were lifted.

    Verification stays, so that nodes that only re-execute are able.
    """
    kept = Compiled(relaxations.without(set(CAUSES) - {VERIFICATION, PRICE}))
    kinds = np.any(kept.run_kinds | kept.verify_kinds, axis=0, keepdims=True)
    able: Bools = kinds[0, kept.quantities.node_kind]
    able[kept.quantities.pair_node] = True
    return able


def _extra_s(before: Lifted, after: Lifted) -> float:
    """Accelerator-seconds of what is served in addition, less those of what no longer is.

    At most the accelerator-seconds that are really used in addition: what runs elsewhere now, on
    faster hardware or slower, is none of it.
    """
    more = after.executed - before.executed
    work = float(more @ np.where(more > 0, after.work_s, before.work_s))
    used = float(after.useful_s.sum() - before.useful_s.sum())
    return max(0.0, min(work, used))


def _unmet_s(last: Lifted) -> float:
    """The least accelerator-seconds that what is still unserved would take."""
    q, unserved = last.quantities, last.placement.unserved
    classes = np.flatnonzero(unserved > 0)
    if not len(classes):
        return 0.0
    arcs = Compiled(last.instance).run_arcs(np.ones((q.n_models + 1, q.n_nodes), bool), classes)
    least = np.full(q.n_classes, np.inf)
    np.minimum.at(least, arcs.g, arcs.work_s)
    least = np.where(np.isfinite(least), least, 0.0)
    return float(unserved @ least)


def _spread(amount: float, asked: Floats, left: Floats) -> Floats:
    """An amount over nodes, to each first in proportion to what it asks for, then to what is left.

    No node gets more than it has left.
    """
    asked = np.minimum(asked, left)
    amount, total = min(amount, float(left.sum())), float(asked.sum())
    if amount <= total:
        return asked * (amount / total if total > 0 else 0.0)
    rest = left - asked
    room = float(rest.sum())
    return asked + rest * (min(1.0, (amount - total) / room) if room > 0 else 0.0)
