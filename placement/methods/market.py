"""Prices as a market finds them: a quick guide, and a lower bound on every answer.

Nodes of one kind compete, so each kind has one price of an accelerator-second. Requests (and
re-executions) go to the kinds where they are cheapest, nodes offer their time where the price
covers their own cost, engagement spread over their capacity, and prices move with excess demand
until both agree. Walras' tatonnement, which here is subgradient ascent on the dual of the transport
problem between classes and kinds; the best prices met are kept.
"""

import numpy as np

from placement.compiled import Compiled
from placement.methods.floor import chunks, floor_prices, least_by_kind, least_checks, least_runs
from placement.prices import Prices
from placement.quantities import Floats
from placement.search import Search

ROUNDS, LEAST_ROUNDS = 100, 8
"""Price changes at most, and how few are no use."""
GLANCE, WORK = 25_000_000, 200_000_000
"""Pairs of class and node kind looked at in all rounds together, for a glance or to work with."""
BLUR = 0.03
"""Relative cost differences around this size share demand out instead of moving all of it."""
_TINY, _MUCH = 1e-12, 1e15
FIRST_STEP, LAST_STEP = 0.1, 0.01
"""Relative price change at an excess demand of the whole capacity, first and last."""


TABLE_S, LOOKS = 1e-7, 3
"""Seconds that one pass over one (class, kind) takes, and how many passes the simplest prices and
their certificate are worth."""


def settled_prices(search: Search) -> Prices:
    """The best prices known, worked on first where there was no more than a glance."""
    glanced = GLANCE // search.compiled.table_size < ROUNDS
    if search.prices is None or (glanced and not search.settled):
        search.certify(market_prices(search, WORK))
        search.settled = True
    assert search.prices is not None
    return search.prices


def market_prices(search: Search, work: int = GLANCE) -> Prices:
    """Prices after a few rounds of the market, fewer, or simpler ones, where time is short."""
    size = search.compiled.table_size
    if search.remaining_s < LOOKS * TABLE_S * size:
        return Prices.zero(search.quantities)
    rounds = min(ROUNDS, work // size)
    if rounds < LEAST_ROUNDS or search.remaining_s < (LOOKS + rounds) * TABLE_S * size:
        return floor_prices(search.compiled)
    market = _Market(search.compiled)
    for step in np.geomspace(FIRST_STEP, LAST_STEP, rounds):
        market.round(float(step))
    return market.prices()


class _Market:
    """Supply and demand by node kind."""

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self.q = q = compiled.quantities
        self.asking: Floats = compiled.rate + compiled.engagement_rate
        """$ per accelerator-second that covers a node's cost."""
        size = len(q.kind_node)
        self.offered = np.maximum(np.bincount(q.node_kind, q.capacity_s, size), 1e-9)
        self.least = np.maximum(least_by_kind(compiled, self.asking), _TINY)
        mean = np.bincount(q.node_kind, q.capacity_s * self.asking, size) / self.offered
        self.price: Floats = np.maximum(mean, self.least)
        self.best_price, self.best_value = self.price, -np.inf
        self._read_classes()

    def _read_classes(self) -> None:
        """Work and other costs of each class on each kind; of paired classes nothing is known."""
        q, kinds = self.q, self.q.kind_node
        classes = np.flatnonzero(~q.paired)
        self.parts = []
        for rows in chunks(len(classes), len(kinds)):
            g = classes[rows]
            at = g[:, None], kinds[None, :]
            able = self.compiled.run_kinds[g]
            work = np.where(able, q.work_s(*at), np.inf)
            other = q.latency_price[g][:, None] * q.latency_ms(*at) / 1000.0
            redone = np.flatnonzero(self.compiled.redone[g])
            again = q.reexecution_work_s(g[redone][:, None], kinds[None, :])
            again = np.where(self.compiled.verify_kinds[g[redone]], again, np.inf)
            self.parts.append((g, work, other, redone, again))

    def round(self, step: float) -> None:
        """Let demand answer the prices, and the prices the demand."""
        supply = np.bincount(
            self.q.node_kind,
            self.q.capacity_s * (self.asking <= self.price[self.q.node_kind]),
            len(self.price),
        )
        demand, value = self._demand()
        rent = np.maximum(self.price[self.q.node_kind] - self.asking, 0.0) * self.q.capacity_s
        if value - rent.sum() > self.best_value:
            self.best_price, self.best_value = self.price, value - float(rent.sum())
        floor = 0.05 * self.offered
        excess = np.clip(np.log((demand + floor) / (supply + floor)), -1.0, 1.0)
        self.price = np.maximum(self.price * np.exp(step * excess), self.least)

    def _demand(self) -> tuple[Floats, float]:
        """Accelerator-seconds wanted of each kind, and what all requests pay."""
        q = self.q
        demand, value = np.zeros(len(self.price)), 0.0
        for g, work, other, redone, again in self.parts:
            cost = work * self.price + other
            extra = np.zeros(len(g))
            checks = self.compiled.wanted_checks[g[redone]]
            check_cost = again * self.price
            extra[redone] = checks * np.minimum(check_cost.min(axis=1, initial=np.inf), _MUCH)
            penalty = q.penalty[g] - extra
            least = cost.min(axis=1, initial=np.inf)
            paid = np.minimum(least, penalty)
            served = q.count[g] * (least < penalty)
            owed = np.minimum(paid + extra, q.penalty[g])
            value += float(np.sum(q.count[g] * np.where(np.isfinite(owed), owed, 0.0)))
            demand += self._spread(served, cost, work, least)
            wanted = served[redone] * checks
            demand += self._spread(
                wanted, check_cost, again, check_cost.min(axis=1, initial=np.inf)
            )
        return demand, value

    @staticmethod
    def _spread(count: Floats, cost: Floats, work: Floats, least: Floats) -> Floats:
        """Work on each kind where requests prefer the cheapest but for small differences."""
        rows = np.flatnonzero((count > 0) & np.isfinite(least))
        cost, work, least = cost[rows], work[rows], np.maximum(least[rows], 1e-12)
        far = np.minimum((cost / least[:, None] - 1.0) / BLUR, 60.0)
        weight = np.exp(-far.astype(np.float32)).astype(float)
        share = weight / weight.sum(axis=1, keepdims=True)
        loads = np.where(np.isfinite(work), work, 0.0) * share
        return np.asarray(count[rows] @ loads)

    def prices(self) -> Prices:
        """The best prices met, for a certificate: what nodes earn above their accelerator cost."""
        prices = Prices.zero(self.q)
        level = np.maximum(self.best_price[self.q.node_kind], self.asking)
        prices.capacity[:] = level - self.compiled.rate
        prices.verification[:] = least_checks(self.compiled, level)
        prices.demand[:] = least_runs(self.compiled, level)
        return prices
