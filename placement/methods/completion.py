"""Node prices that go best with prices of demand.

Whatever requests and verifications are said to be worth, the bound is greatest where every node
asks the capacity and memory prices at which it earns least; that falls apart into one small convex
problem a node, which `completion_kernels` solves exactly. What the nodes take at these prices is a
subgradient of the bound: demand in excess of it says which way to move prices of demand.
"""

from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from placement.compiled import Compiled
from placement.methods.completion_kernels import (
    END,
    LISTED,
    MODEL,
    NODE,
    STEP,
    Task,
    complete_nodes,
    take_checks,
    value_checks,
)
from placement.methods.newcopies import NewCopies, Tolls, no_tolls
from placement.methods.offers import Offers
from placement.methods.sidebyside import SideBySide, one_by_one
from placement.prices import Prices
from placement.quantities import Floats, Ints

Records = npt.NDArray[Any]


@dataclass(frozen=True)
class Completion:
    """Prices completed for all nodes.

    Attributes
    ----------
    prices : Prices
        Demand, verification, share and copying as given; capacity and memory as found.
    bound : float
        The lower bound [$] that these prices prove.
    rent : array over nodes
        $ that a node earns above its engagement; where it is below 0 the node stays idle, and what
        it lacks may be more.
    rent_per_s : array over nodes
        The same for each accelerator-second of its capacity.
    supply, checked : array over classes
        Requests and verifications that the nodes take at these prices.
    tolls : Tolls
        What the prices of new copies do.
    """

    prices: Prices
    bound: float
    rent: Floats
    rent_per_s: Floats
    supply: Floats
    checked: Floats
    tolls: Tolls


def complete(
    compiled: Compiled,
    demand: Floats,
    verification: Floats,
    share: Floats | None = None,
    copying: Floats | None = None,
) -> Completion:
    """Complete prices of demand, verification, (by control group) shares and new copies, once.

    Where more replicas of a model fit on a node than are tried one by one, a certificate may prove
    less than `bound`.
    """
    completer = Completer(compiled)
    return completer.complete(demand, verification, share, completer.tolls(copying))


class Completer:
    """Completes prices of one instance, again and again."""

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self.q = q = compiled.quantities
        own = np.where(compiled.can_host, compiled.host_cost, np.inf)
        self._fetch, self._own = _by_node(self._least_transfers(), 0.0), _by_node(own, 0.0)
        self._most: Ints = _by_node(compiled.max_replicas, 1)
        self._loaded: Ints = np.minimum(_by_node(q.loaded, 1), self._most)
        self._offers = Offers(compiled)
        self._models = np.zeros(q.n_models + 1, dtype=MODEL)
        self._models["span"][:-1] = q.span
        self._models["memory_gb"][:-1] = q.replica_gb
        self._models["load_gb"][:-1] = q.span * q.weights_gb

    def _least_transfers(self) -> Floats:
        """$ of reading each model's weights from the cheapest other node that could store them."""
        q, able = self.q, self.compiled.can_host
        region = q.node_region % (q.n_regions + 1)
        price = q.transfer_price
        count = np.stack([able[:, region == r].sum(axis=1) for r in range(len(price))], axis=1)
        table = np.full(count.shape, np.inf)
        for r, row in enumerate(price):
            table = np.minimum(table, np.where(count[:, r, None] > 0, row, np.inf))
        least = table[:, region]
        m, n = np.nonzero(able)
        lone = count[m, region[n]] == 1
        m, n = m[lone], n[lone]
        others = count[m] > 0
        others[np.arange(len(m)), region[n]] = False
        least[m, n] = np.where(others, price[:, region[n]].T, np.inf).min(axis=1, initial=np.inf)
        known = np.isfinite(least)
        return np.where(known, q.weights_gb[:, None] * np.where(known, least, 0.0), np.inf)

    def complete(
        self,
        demand: Floats,
        verification: Floats,
        share: Floats | None = None,
        tolls: Tolls | None = None,
        *,
        near: Completion | None = None,
        side_by_side: SideBySide = one_by_one,
    ) -> Completion:
        """Complete these prices; sooner where it is told what was found at prices near them."""
        q = self.q
        share = np.zeros(q.n_groups) if share is None else share
        tolls = self.tolls(None) if tolls is None else tolls
        prices = replace(
            Prices.zero(q), demand=demand, verification=verification, share=share,
            copying=tolls.copying,
        )  # fmt: skip
        check_price = np.where(self.compiled.verified, prices.verification, 0.0)
        self._offers.list(demand, check_price, share, tolls)
        nodes = self._nodes()
        nodes["sort"] = tolls.sort
        if near is not None:
            nodes["guess"] = np.where(near.rent > 0, near.prices.capacity, -1.0)
        light = self._offers.light(check_price)
        value_checks(nodes, *light)
        middle = q.n_nodes // 2
        ends = (0, middle), (middle, q.n_nodes)
        order = np.argsort(nodes["first"], kind="stable")
        tasks = self._task(nodes, order, tolls), self._task(nodes, order, tolls)
        side_by_side([
            partial(complete_nodes, task, *end) for task, end in zip(tasks, ends, strict=True)
        ])  # fmt: skip
        supply = tasks[0].supply + tasks[1].supply
        take_checks(nodes, *light, supply)
        prices.capacity[:] = nodes["capacity"]
        prices.memory[:] = nodes["memory"]
        rent = nodes["value"] + nodes["light"] - nodes["engagement"]
        asked = prices.demand + self.compiled.wanted_checks * check_price
        bound = (
            np.sum(np.minimum(asked, q.penalty) * q.count)
            - np.sum(np.maximum(rent, 0.0))
            - np.sum(prices.share * q.max_share) * q.total_count
        )
        taken, checked = supply[: q.n_classes], supply[q.n_classes :]
        rent_per_s = rent / np.maximum(q.capacity_s, 1e-9)
        return Completion(prices, float(bound), rent, rent_per_s, taken, checked, tolls)

    @property
    def n_items(self) -> int:
        """How many offers to nodes that are alike were looked at last."""
        return self._offers.size

    def _nodes(self) -> Records:
        q = self.q
        nodes = np.zeros(q.n_nodes, dtype=NODE)
        nodes["rate"], nodes["engagement"] = self.compiled.rate, self.compiled.engagement
        nodes["capacity_s"], nodes["memory_gb"] = q.capacity_s, q.memory_gb
        nodes["each_s"], nodes["gb_per_s"] = q.window_s * q.utilization, q.load_gb_per_s
        nodes["core_rate"], nodes["cores_s"] = q.core_price / 3600.0, q.cores_s
        nodes["first"], nodes["last"] = self._offers.first, self._offers.last
        nodes["guess"] = -1.0
        return nodes

    @cached_property
    def _new_copies(self) -> NewCopies:
        return NewCopies(self.compiled)

    def tolls(self, copying: Floats | None) -> Tolls:
        """What prices of new copies by class and region do, lowered where they are too high."""
        if copying is None or not copying.any():
            return no_tolls(self.q, self._fetch, self._own)
        return self._new_copies.tolls(copying, self._fetch, self._own)

    def _task(self, nodes: Records, order: Ints, tolls: Tolls) -> Task:
        most = int((nodes["last"] - nodes["first"]).max(initial=0))
        size = most * min(max(int(self._most.max(initial=0)), 1), LISTED)
        return Task(
            nodes=nodes,
            order=order,
            models=self._models,
            cells=self._offers.cells,
            items=self._offers.items,
            most=self._most,
            loaded=self._loaded,
            fetch=tolls.fetch,
            own=tolls.own,
            credit=tolls.credit,
            supply=np.zeros(2 * self.q.n_classes),
            steps=np.zeros(size + 1, dtype=STEP),
            alive=np.zeros(most + 1, dtype=np.int64),
            ends=np.zeros(2, dtype=END),
        )


def _by_node(table: npt.NDArray[Any], plain: float) -> npt.NDArray[Any]:
    """A table by model and node turned around, with a last column for plain jobs."""
    return np.ascontiguousarray(np.vstack([table, np.full(table.shape[1], plain)]).T)
