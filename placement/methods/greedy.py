"""Method greedy: the best star first, until nothing is worth serving."""

import heapq

import numpy as np

from placement.compiled import Compiled
from placement.methods.floor import floor_prices
from placement.methods.hosting import improved, plan_hosting
from placement.methods.ledger import Ledger
from placement.methods.market import settled_prices
from placement.methods.routing import route
from placement.methods.stars import ModelStars, Star
from placement.methods.verifying import verify_all
from placement.prices import Prices
from placement.quantities import REEXECUTION, Bools, Floats, Ints
from placement.search import Search
from placement.solution import StoppedBy

CHOICE = (0.1, 0.2, 0.3, 0.45, 0.6, 0.8)
"""Shares of the fleet's time: classes that no more of it can run choose before the next."""
FULL = 0.02
"""A node with less than this part of its time left is full."""
ROUTABLE = 20_000_000
"""Requests are routed anew where there are at most so many pairs of class and node."""
MAX_NODES = 400
"""The most nodes looked at for one model at a time."""


def greedy(search: Search) -> StoppedBy:
    """Open replicas and fill them by least price, verify, settle hosting, route anew."""
    search.enter("greedy")
    ledger = Ledger(search.compiled)
    if search.out_of_time or not plan_hosting(ledger):
        return search.stopped_by()
    complete(search, ledger, settled_prices(search))
    offer(search, ledger)
    return search.stopped_by()


def offer(search: Search, ledger: Ledger) -> None:
    """Offer what a ledger holds, as it is and with its requests routed anew.

    What leaves requests that must be served is no answer, nor what serves nothing because time ran
    out.
    """
    if search.out_of_time and not ledger.executed:
        return
    if not np.any(ledger.left[np.isinf(search.quantities.penalty)]):
        search.offer(improved(search.compiled, ledger.placement()))
    if search.compiled.n_candidates <= ROUTABLE and not search.out_of_time:
        routed = route(search.compiled, ledger.replicas, search.deadline)
        if routed is not None and np.isfinite(routed.cost):
            placement = routed.placement(search.compiled, ledger.hosting, ledger.replicas)
            search.offer(improved(search.compiled, placement))


def complete(search: Search, ledger: Ledger, prices: Prices) -> None:
    """Fill a ledger, whatever is in it already, and have all of it verified.

    Classes that must be served come first, then those whose verification takes accelerator time,
    each with its verification, so that both find room, then those that few nodes can run.
    At first accelerator time costs what the prices say it is worth to others, and requests on an
    idle node bear their part of engaging it; then nodes that did not fill up are cleared, and what
    is left takes what is left, at full cost.
    """
    phases = _phases(search.compiled)
    for generous in (True, False):
        if search.out_of_time:
            return
        filler = _Filler(search, ledger, prices, generous)
        for wanted in phases:
            if np.any(ledger.left[wanted] > 0):
                filler.fill(wanted)
                verify_all(ledger)
        _close(ledger, filler.extra)
        verify_all(ledger)


def _close(ledger: Ledger, extra: Floats) -> None:
    """Clear the nodes that cost more than the penalties they save."""
    q, compiled = ledger.q, ledger.compiled
    g, n, count = ledger.runs()
    saved = (q.penalty[g] - compiled.price_runs(g, n).cost - extra[g]) * count
    value = np.bincount(n, saved, q.n_nodes) - compiled.engagement
    m, at = np.nonzero(ledger.replicas > q.loaded)
    new = ledger.replicas[m, at] - q.loaded[m, at]
    value -= np.bincount(at, compiled.load_cost(m, at) * new, q.n_nodes)
    checks_g, checks_n, _ = ledger.checks()
    value[checks_n[q.mode[checks_g] == REEXECUTION]] = np.inf
    for node in np.unique(n[value[n] < 0]).tolist():
        ledger.clear(node)


def _phases(compiled: Compiled) -> list[Bools]:
    """Who chooses before whom: each class in one phase, those with the fewest ways out first."""
    q = compiled.quantities
    size = np.bincount(q.node_kind, q.capacity_s, len(q.kind_node))
    able = compiled.run_kinds @ size / max(1e-9, float(q.capacity_s.sum()))
    rank = 3 + np.searchsorted(CHOICE, able)
    rank = np.where(q.mode == REEXECUTION, 2, rank)
    must = np.isinf(q.penalty)
    rank = np.where(must, np.where(q.mode == REEXECUTION, 0, 1), rank)
    return [rank == value for value in np.unique(rank)]


class _Filler:
    """Greedy by least price over the stars of all models, and plain jobs."""

    def __init__(self, search: Search, ledger: Ledger, prices: Prices, generous: bool) -> None:
        self.search, self.ledger, self.generous = search, ledger, generous
        self.q = q = search.quantities
        compiled = search.compiled
        earned = np.maximum(prices.capacity - compiled.engagement_rate, 0.0)
        self.rent: Floats = generous * earned
        checks, least = compiled.wanted_checks, floor_prices(compiled)
        self.extra: Floats = checks * least.verification
        asked = prices.demand + checks * prices.verification
        self.yardstick = np.maximum(np.maximum(asked, least.demand + self.extra), 1e-9)
        self.engaged: Bools = np.zeros(q.n_nodes, dtype=bool)
        self.version: Ints = np.zeros(q.n_nodes, dtype=np.int64)
        self.stars: dict[int, ModelStars] = {}
        self.seen: dict[int, Ints] = {}

    def fill(self, wanted: Bools) -> None:
        """Take stars until none of the wanted classes is worth serving, or time is out."""
        self._plain_jobs(wanted)
        self._mark_changes()
        before = -1
        while self.ledger.left[wanted].sum() not in (0, before) and not self.search.out_of_time:
            before = self.ledger.left[wanted].sum()
            if not self._pass(wanted):
                return

    def _pass(self, wanted: Bools) -> bool:
        """Take stars on the candidate nodes; returns whether there are further nodes to try."""
        self.stars.clear()
        asking = np.flatnonzero(wanted & (self.ledger.left > 0) & (self.q.class_model >= 0))
        heap: list[tuple[float, int]] = []
        further = False
        for m in np.unique(self.q.class_model[asking]).tolist():
            if self.search.out_of_time:
                return False
            nodes = self._candidates(m)
            further |= len(nodes) == MAX_NODES
            self._meet(m, asking[self.q.class_model[asking] == m], nodes)
            heap.append((self.stars[m].price, m))
        heapq.heapify(heap)
        while heap and np.isfinite(heap[0][0]) and not self.search.out_of_time:
            _, m = heapq.heappop(heap)
            stars = self._current(m)
            if heap and stars.price > heap[0][0]:
                heapq.heappush(heap, (stars.price, m))
                continue
            if np.isfinite(stars.price):
                self._take(m, stars.best())
                heapq.heappush(heap, (stars.price, m))
        return further

    def _meet(self, m: int, g: Ints, nodes: Ints) -> None:
        """Lay out the stars of a model for the classes that choose now."""
        stars = ModelStars(
            self.ledger,
            m,
            g,
            nodes,
            yardstick=self.yardstick,
            extra=self.extra,
            rent=self.rent,
            engaged=self.engaged,
            shared=self.generous,
        )
        self.stars[m] = stars
        self._refresh(m)

    def _refresh(self, m: int) -> None:
        self.stars[m].refresh()
        self.seen[m] = self.version[self.stars[m].nodes].copy()

    def _candidates(self, m: int) -> Ints:
        """Nodes that may hold m, the cheapest of those with time left if there are many."""
        compiled, q = self.search.compiled, self.q
        nodes = np.flatnonzero(compiled.max_replicas[m] > 0)
        nodes = nodes[q.infers[nodes]]
        if len(nodes) < MAX_NODES:
            return np.asarray(nodes)
        free = self.ledger.capacity_s[nodes] > FULL * q.capacity_s[nodes]
        roomy = self.ledger.memory_gb[nodes] >= q.replica_gb[m]
        nodes = nodes[free & (roomy | (self.ledger.replicas[m, nodes] > 0))]
        if len(nodes) < MAX_NODES:
            return np.asarray(nodes)
        speed = q.decode_per_s[m, q.node_type[nodes]]
        price = (compiled.rate + compiled.engagement_rate + self.rent)[nodes]
        price /= np.where(np.isfinite(speed), speed, 1.0)
        price = np.where(self.ledger.replicas[m, nodes] + q.loaded[m, nodes] > 0, 0.0, price)
        cheapest = np.argsort(price, kind="stable")[:MAX_NODES]
        return np.asarray(np.sort(nodes[cheapest]))

    def _current(self, m: int) -> ModelStars:
        """The stars of m with the nodes that changed since priced anew."""
        stars = self.stars[m]
        version = self.version[stars.nodes]
        stars.refresh(np.flatnonzero(version != self.seen[m]))
        self.seen[m] = version.copy()
        return stars

    def _take(self, m: int, star: Star) -> None:
        if not len(star.g):
            self.stars[m].bury(star)
            return
        if star.opens:
            self.ledger.open(m, star.n)
        for g, count in zip(star.g.tolist(), star.count.tolist(), strict=True):
            self.ledger.execute(g, star.n, count)
        self.engaged[star.n] = True
        self.version[star.n] += 1
        self._refresh(m)

    def _mark_changes(self) -> None:
        """Everything may have changed: verification has been at work."""
        self.version += 1
        for n in {n for _, n in (*self.ledger.executed, *self.ledger.checked)}:
            self.engaged[n] = True

    def _plain_jobs(self, wanted: Bools) -> None:
        """Jobs without model, dearest to leave first, each where it is cheapest."""
        q, ledger = self.q, self.ledger
        rows = np.flatnonzero(q.paired[q.pair_class] & wanted[q.pair_class])
        rows = rows[q.class_model[q.pair_class[rows]] < 0]
        rows = rows[q.can_run(q.pair_class[rows], q.pair_node[rows])]
        if not len(rows):
            return
        arcs = self.search.compiled.price_runs(q.pair_class[rows], q.pair_node[rows])
        for g in self._by_regret(arcs.g, arcs.cost):
            mine = np.flatnonzero(arcs.g == g)
            mine = mine[np.argsort(arcs.cost[mine], kind="stable")]
            for row in mine[arcs.cost[mine] < q.penalty[g]].tolist():
                n = int(arcs.n[row])
                room = int(ledger.room(np.array(g), np.array(n)))
                ledger.execute(g, n, min(room, int(ledger.left[g])))

    def _by_regret(self, g: Ints, cost: Floats) -> list[int]:
        """Classes by what the second best node costs over the best, most first."""
        order = np.lexsort((cost, g))
        classes, first, number = np.unique(g[order], return_index=True, return_counts=True)
        best = cost[order][first]
        second = np.where(number > 1, cost[order][np.minimum(first + 1, len(g) - 1)], np.inf)
        regret = np.minimum(second, self.q.penalty[classes]) - best
        ranked: list[int] = classes[np.argsort(-regret, kind="stable")].tolist()
        return ranked
