"""What requests and verifications pay, listed for nodes that are alike."""

from typing import Any

import numpy as np
import numpy.typing as npt

from placement.compiled import Compiled
from placement.methods.completion_kernels import CELL, ITEM
from placement.methods.newcopies import Tolls
from placement.methods.offers_kernels import ASK, BLOCK, SET, Market, add_up, list_items
from placement.quantities import REEXECUTION, Bools, Floats, Ints

Records = npt.NDArray[Any]


class Offers:
    """Items by sets of nodes that are alike but for the price of their time.

    Nodes at one spot can do the same, at the same work and cost of latency; so can those of one
    place, as far as they can. Nodes in `pairs` are a spot and a place of their own.

    Attributes
    ----------
    cells : array
        Models with items in a set, by set, as far as they are filled. Plain jobs are the last.
    first, last : array over nodes
        The cells of each node.
    items : array
        By cell, the best first; `size` of them are listed.
    """

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self.q = q = compiled.quantities
        own = np.full(q.n_nodes, -1)
        own[q.pair_node] = q.pair_node
        self._spot, spot_node = _distinct(q.node_kind, own)
        place, at = _distinct(q.node_type[spot_node], q.node_region[spot_node], own[spot_node])
        self._place = place[self._spot]
        redone = np.flatnonzero(compiled.redone)
        g = np.append(np.arange(q.n_classes), redone)
        again = np.arange(len(g)) >= q.n_classes
        model = q.class_model[g] % (q.n_models + 1)
        order = np.argsort(model, kind="stable")
        self.g, self.again = g[order], again[order]
        self._first = np.searchsorted(model[order], np.arange(q.n_models + 2))
        self._able = self._who_can(spot_node)
        self._work, self._other = self._tables(spot_node[at])
        self._region = q.node_region[spot_node[at]]
        self.items: Records = np.zeros(0, dtype=ITEM)
        self.size = 0

    def _who_can(self, n: Ints) -> npt.NDArray[np.uint8]:
        """Who can do what, by spot and ask."""
        q = self.q
        able: Bools = np.zeros((len(n), len(self.g)), dtype=bool)
        runs, paired = ~self.again & ~q.paired[self.g], ~self.again & q.paired[self.g]
        able[:, runs] = self.compiled.run_kinds[self.g[runs]].T[q.node_kind[n]]
        able[:, paired] = q.can_run(self.g[None, paired], n[:, None])
        able[:, self.again] = q.can_verify(self.g[None, self.again], n[:, None])
        return able.view(np.uint8)

    def _tables(self, n: Ints) -> tuple[Floats, Floats]:
        """Work and other costs by place and ask."""
        q, at = self.q, (self.g[None, :], n[:, None])
        work = np.where(self.again, q.reexecution_work_s(*at), q.work_s(*at))
        known = q.profiled(*at) | (q.paired[self.g] & ~self.again)
        latency = q.latency_price[self.g] * q.latency_ms(*at) / 1000.0 + q.pair_price(*at)
        return np.where(known, work, -1.0), np.where(self.again, 0.0, latency)

    def list(self, demand: Floats, check_price: Floats, share: Floats, tolls: Tolls) -> None:
        """List the items at these prices.

        Parameters
        ----------
        demand, check_price, share : array
            By class, class and control group.
        tolls : Tolls
            What is paid for new copies of weights.
        """
        q, g = self.q, self.g
        asks = np.zeros(len(g), dtype=ASK)
        asks["g"] = g + np.where(self.again, q.n_classes, 0)
        asks["price"] = np.where(self.again, check_price[g], demand[g])
        asks["count"] = np.where(self.again, self.compiled.check_cap[g], q.count[g])
        asks["core_s"], asks["executed"] = np.where(self.again, q.core_s[g], 0.0), ~self.again
        blocks, sets, alike = self._sort_nodes(share)
        self.cells = np.zeros(len(sets) * (q.n_models + 1), dtype=CELL)
        found = np.zeros((2, len(g)), dtype=ITEM)
        ends = np.zeros(q.n_models + 1, dtype=np.int64)
        other = self._other
        if tolls.by_region is not None:
            other = other + np.where(self.again, 0.0, tolls.by_region[g][:, self._region].T)
        other = np.ascontiguousarray(other)
        tables = self._work, other, self._able, self._earning(tolls, alike, len(sets))
        market = Market(asks, self._first, *tables, blocks, sets, *found)
        self.size, _ = list_items(market, self.items, self.cells, ends)
        if self.size > len(self.items):
            self.items = np.zeros(self.size + self.size // 4, dtype=ITEM)
            list_items(market, self.items, self.cells, ends)
        self.first, self.last = np.append(0, sets["last"])[alike], sets["last"][alike]

    def _earning(self, tolls: Tolls, alike: Ints, size: int) -> npt.NDArray[np.uint8]:
        """Where replicas may earn something without requests, by model and set."""
        earning = np.zeros((self.q.n_models + 1, size), dtype=np.uint8)
        n, m = tolls.earning
        earning[m, alike[n]] = 1
        return earning

    def _sort_nodes(self, share: Floats) -> tuple[Records, Records, Ints]:
        """Blocks, sets, and the set of each node."""
        q = self.q
        cores = np.where(q.verifies, q.core_price / 3600.0, 0.0)
        paid = share[q.node_group]
        alike, n = _distinct(self._place, paid, cores, self._spot)
        sets = np.zeros(len(n), dtype=SET)
        sets["spot"], sets["rate"] = self._spot[n], np.inf
        np.minimum.at(sets["rate"], alike, self.compiled.rate)
        block, first = _distinct(self._place[n], paid[n], cores[n])
        blocks = np.zeros(len(first), dtype=BLOCK)
        blocks["place"], blocks["share"] = self._place[n[first]], paid[n[first]]
        blocks["core_rate"] = cores[n[first]]
        blocks["first"] = np.searchsorted(block, np.arange(len(first)))
        blocks["last"] = np.searchsorted(block, np.arange(len(first)), side="right")
        return blocks, sets, alike

    def light(self, check_price: Floats) -> tuple[Records, Ints]:
        """Attestations and proofs by region: items, and for each node the first and the end."""
        q = self.q
        g = np.flatnonzero((q.mode != REEXECUTION) & (check_price > 0))
        nodes = np.flatnonzero(q.verifies)
        regions, where, region = np.unique(
            q.node_region[nodes], return_index=True, return_inverse=True
        )
        n = nodes[where]
        at, item = np.nonzero(q.can_verify(g[None, :], n[:, None]))
        g, count = g[item], self.compiled.check_cap[g[item]].astype(float)
        key, items = _sorted(
            at, g + q.n_classes, check_price[g] * count, q.core_s[g] * count, count
        )
        bounds = np.searchsorted(key, np.arange(len(regions) + 1))
        first = np.zeros((q.n_nodes, 2), dtype=np.int64)
        first[nodes, 0], first[nodes, 1] = bounds[region], bounds[region + 1]
        return items, first


def _sorted(
    key: Ints, code: Ints, worth: Floats, work: Floats, count: Floats
) -> tuple[Ints, Records]:
    """Items by key, those of best ratio first, with sums of worth and work within each key."""
    with np.errstate(divide="ignore"):
        ratio = worth / work
    order = np.lexsort((-ratio, key))
    items = np.zeros(len(order), dtype=ITEM)
    items["ratio"], items["g"], items["count"] = ratio[order], code[order], count[order]
    items["value"], items["work"] = worth[order], work[order]
    add_up(items, key[order])
    return key[order], items


def _distinct(*columns: Ints | Floats) -> tuple[Ints, Ints]:
    """The number of each row among the distinct ones in order, and one row of each."""
    table = np.stack([np.asarray(column, dtype=float) for column in columns])
    _, first, number = np.unique(table, axis=1, return_index=True, return_inverse=True)
    return number.reshape(-1), first
