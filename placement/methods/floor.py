"""The cheapest lower bound: every request as if it had the network to itself.

Engagement is spread over a node's capacity, each class takes the node that is then cheapest and the
cheapest verifiers, and nothing competes. Closed form, so that even the hastiest answer has a bound.
"""

from weakref import WeakKeyDictionary

import numpy as np

from placement.compiled import Compiled
from placement.prices import Prices
from placement.quantities import REEXECUTION, Floats

_DEAR = 50.0
"""A request that must be served is worth at least so many times the dearest penalty."""
_BELOW = 1 - 1e-9
"""Prices stay this much below costs, so that rounding never makes a request seem to pay."""

_found: WeakKeyDictionary[Compiled, Prices] = WeakKeyDictionary()


def floor_prices(compiled: Compiled) -> Prices:
    """Prices whose certificate needs no search; found once for an instance, and read-only."""
    known = _found.get(compiled)
    if known is None:
        known = _found[compiled] = _floor(compiled)
        for array in vars(known).values():
            array.flags.writeable = False
    return known


def _floor(compiled: Compiled) -> Prices:
    q = compiled.quantities
    prices = Prices.zero(q)
    prices.capacity[:] = compiled.engagement_rate
    rate = compiled.rate + compiled.engagement_rate
    prices.verification[:] = least_checks(compiled, rate)
    prices.demand[:] = least_runs(compiled, rate)
    return prices


def penalties(compiled: Compiled, least: Prices) -> Floats:
    """$ for turning one request of each class away, where a search has to put a figure on it.

    One that must be served is worth more than opening any node for it alone.
    """
    q = compiled.quantities
    known = q.penalty[np.isfinite(q.penalty)]
    dearest = max(float(known.max(initial=0.0)), float(least.demand.max(initial=0.0)), 1e-3)
    price = q.transfer_price[np.isfinite(q.transfer_price)].max(initial=0.0)
    reading = float(q.weights_gb.max(initial=0.0) * price)
    node = float((compiled.engagement + compiled.rate * q.capacity_s).max(initial=0.0))
    return np.where(np.isfinite(q.penalty), q.penalty, _DEAR * dearest + node + reading)


def least_by_kind(compiled: Compiled, price: Floats) -> Floats:
    """The least price among the nodes of each kind."""
    q = compiled.quantities
    least = np.full(len(q.kind_node), np.inf)
    np.minimum.at(least, q.node_kind, price)
    return least


def least_runs(compiled: Compiled, rate: Floats) -> Floats:
    """Least cost of executing one request of each class; 0 where no node can."""
    q = compiled.quantities
    least = np.full(q.n_classes, np.inf)
    by_kind = least_by_kind(compiled, rate)
    kinds = q.kind_node
    for g in chunks(q.n_classes, len(kinds)):
        at = g[:, None], kinds[None, :]
        cost = q.work_s(*at) * by_kind + q.latency_price[g][:, None] * q.latency_ms(*at) / 1000.0
        able = compiled.run_kinds[g]
        least[g] = np.where(able, cost, np.inf).min(axis=1, initial=np.inf)
    rows = q.can_run(q.pair_class, q.pair_node)
    g, n = q.pair_class[rows], q.pair_node[rows]
    latency = q.latency_price[g] * q.latency_ms(g, n) / 1000.0
    np.minimum.at(least, g, rate[n] * q.work_s(g, n) + latency + q.pair_cost[rows])
    return np.where(np.isfinite(least), least * _BELOW, 0.0)


def least_checks(compiled: Compiled, rate: Floats) -> Floats:
    """Least cost of verifying one request of each class; 0 where nothing is verified."""
    q = compiled.quantities
    cores = least_by_kind(compiled, q.core_price / 3600.0)
    by_kind = least_by_kind(compiled, rate)
    least = np.full(q.n_classes, np.inf)
    kinds = q.kind_node
    asked = np.flatnonzero(compiled.verified & ~(q.paired & (q.mode == REEXECUTION)))
    for part in chunks(len(asked), len(kinds)):
        g = asked[part]
        work = q.reexecution_work_s(g[:, None], kinds[None, :])
        cost = work * by_kind + np.outer(q.core_s[g], cores)
        able = compiled.verify_kinds[g]
        least[g] = np.where(able, cost, np.inf).min(axis=1, initial=np.inf)
    return np.where(np.isfinite(least), least * _BELOW, 0.0)


def chunks(size: int, width: int) -> list[np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Consecutive indices 0..size, so many that tables of `width` columns stay small."""
    step = max(1, (1 << 21) // max(1, width))
    return [np.arange(start, min(start + step, size)) for start in range(0, size, step)]
