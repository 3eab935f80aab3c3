"""Method greedy: the best star first, until nothing is worth serving."""

import heapq

import numpy as np

from placement.methods.floor import floor_prices
from placement.methods.hosting import improved, plan_hosting
from placement.methods.ledger import Ledger
from placement.methods.stars import ModelStars, Star
from placement.methods.verifying import verify_all
from placement.quantities import REEXECUTION, Bools, Floats, Ints
from placement.search import Search
from placement.solution import StoppedBy

MAX_NODES = 400
"""The most nodes looked at for one model at a time."""


def greedy(search: Search) -> StoppedBy:
    """Open replicas and fill them by least price, verify, settle hosting."""
    search.enter("greedy")
    ledger = Ledger(search.compiled)
    if not plan_hosting(ledger):
        return search.stopped_by()
    complete(search, ledger)
    must = np.isinf(search.quantities.penalty)
    if not np.any(ledger.left[must]):
        search.offer(improved(search.compiled, ledger.placement()))
    return search.stopped_by()


def complete(search: Search, ledger: Ledger) -> None:
    """Fill a ledger, whatever is in it already, and have all of it verified.

    Classes that must be served come first, then those whose verification takes accelerator time,
    each with its verification, so that both find room.
    """
    q = search.quantities
    must, redone = np.isinf(q.penalty), q.mode == REEXECUTION
    filler = _Filler(search, ledger)
    for wanted in (must & redone, must, redone & ~must, ~redone & ~must):
        if np.any(ledger.left[wanted] > 0):
            filler.fill(wanted)
            verify_all(ledger)


class _Filler:
    """Greedy by least price over the stars of all models, and plain jobs."""

    def __init__(self, search: Search, ledger: Ledger) -> None:
        self.search, self.ledger = search, ledger
        self.q = q = search.quantities
        prices = floor_prices(search.compiled)
        self.extra: Floats = search.compiled.wanted_checks * prices.verification
        self.yardstick = np.maximum(prices.demand + self.extra, 1e-9)
        self.engaged: Bools = np.zeros(q.n_nodes, dtype=bool)
        self.version: Ints = np.zeros(q.n_nodes, dtype=np.int64)
        self.stars: dict[int, ModelStars] = {}
        self.seen: dict[int, Ints] = {}

    def fill(self, wanted: Bools) -> None:
        """Take stars until none of the wanted classes is worth serving, or time is out."""
        self._plain_jobs(wanted)
        self._mark_changes()
        models = np.unique(self.q.class_model[wanted & (self.ledger.left > 0)])
        heap = []
        for m in models[models >= 0].tolist():
            if self.search.out_of_time:
                return
            stars = self._stars_of(m)
            stars.refresh(wanted)
            self.seen[m] = self.version[stars.nodes].copy()
            heap.append((stars.price, m))
        heapq.heapify(heap)
        while heap and np.isfinite(heap[0][0]) and not self.search.out_of_time:
            _, m = heapq.heappop(heap)
            stars = self._current(m, wanted)
            if heap and stars.price > heap[0][0]:
                heapq.heappush(heap, (stars.price, m))
                continue
            if np.isfinite(stars.price):
                self._take(m, stars.best(wanted), wanted)
                heapq.heappush(heap, (stars.price, m))

    def _stars_of(self, m: int) -> ModelStars:
        if m not in self.stars:
            self.stars[m] = ModelStars(
                self.ledger,
                m,
                self._candidates(m),
                yardstick=self.yardstick,
                extra=self.extra,
                engaged=self.engaged,
            )
        return self.stars[m]

    def _candidates(self, m: int) -> Ints:
        """Nodes that may hold m, the cheapest by accelerator time and engagement."""
        compiled, q = self.search.compiled, self.q
        nodes = np.flatnonzero(compiled.max_replicas[m] > 0)
        nodes = nodes[q.infers[nodes]]
        if len(nodes) <= MAX_NODES:
            return nodes
        speed = q.decode_per_s[m, q.node_type[nodes]]
        spread = compiled.engagement[nodes] / np.maximum(q.capacity_s[nodes], 1e-9)
        price = (compiled.rate[nodes] + spread) / np.where(np.isfinite(speed), speed, 1.0)
        price = np.where(self.ledger.replicas[m, nodes] + q.loaded[m, nodes] > 0, 0.0, price)
        return np.sort(nodes[np.argsort(price, kind="stable")[:MAX_NODES]])

    def _current(self, m: int, wanted: Bools) -> ModelStars:
        """The stars of m with the nodes that changed since priced anew."""
        stars = self.stars[m]
        version = self.version[stars.nodes]
        stars.refresh(wanted, np.flatnonzero(version != self.seen[m]))
        self.seen[m] = version.copy()
        return stars

    def _take(self, m: int, star: Star, wanted: Bools) -> None:
        stars = self.stars[m]
        if not len(star.g):
            stars.bury(star)
            return
        if star.opens:
            self.ledger.open(m, star.n)
        for g, count in zip(star.g.tolist(), star.count.tolist(), strict=True):
            self.ledger.execute(g, star.n, count)
        self.engaged[star.n] = True
        self.version[star.n] += 1
        stars.refresh(wanted)
        self.seen[m] = self.version[stars.nodes].copy()

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
