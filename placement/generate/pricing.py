"""What a request is worth and how long it may wait."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from placement.generate.catalogue import PLACES
from placement.generate.demand import ANYWHERE, JURISDICTIONS, Demand
from placement.generate.draw import Bools, Floats, Rng, rounded
from placement.generate.market import Market, Pools
from placement.generate.models import Zoo
from placement.generate.policies import POLICIES, POLICY_INDEX
from placement.generate.shape import Shape

DEADLINES_MS = np.array([500.0, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 120_000])
"""First-token limits that are agreed in practice [E]; beyond the last there is none."""
REACH_MS = 250.0
"""Room for the round trip within a limit, so that a limit does not bind to one region."""
MUST_SERVE_REQUESTS = 0.04
"""All classes that must be served have at most this share of the requests."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Columns of `requests`; NaN stands for null."""

    max_ttft_ms: Floats
    penalty: Floats
    latency_cost_per_s: Floats


def draw_terms(shape: Shape, demand: Demand, pools: Pools, zoo: Zoo, rng: Rng) -> Terms:
    """Draw first-token limits, revenues and the price of latency.

    The revenue of a request is a list price per token of its model, 3 to 10 times the typical
    compute cost in ordinary presets; a second of latency costs up to its compute cost.
    """
    market = Market(demand, pools, zoo)
    interactive = ~demand.streams.batch & ~zoo.provable[demand.streams.model]
    size = len(demand.count)
    typical_ms = 1000 * market.first_token_s(demand) * (1 + rng.random(size)) + REACH_MS
    at = np.searchsorted(DEADLINES_MS, typical_ms)
    limit = np.append(DEADLINES_MS, np.nan)[at]
    hurried = interactive & (rng.random(size) < shape.hurried_share)
    compute = market.compute_cost(demand)
    low, high = shape.margins
    margin = (low + (high - low) * rng.random(len(zoo)))[demand.streams.model]
    easy = ~hurried & _undemanding(demand, pools, zoo)
    must = _must_serve(shape, demand, easy, rng)
    price = compute * (0.2 + 0.8 * rng.random(size))
    return Terms(
        max_ttft_ms=np.where(hurried, limit, np.nan),
        penalty=np.where(must, np.nan, rounded(margin * compute)),
        latency_cost_per_s=np.where(interactive, rounded(price, 3), 0.0),
    )


def _undemanding(demand: Demand, pools: Pools, zoo: Zoo) -> Bools:
    """Classes without verification or jurisdiction that half of the fleet can run."""
    fits = zoo.fits(pools.kind, pools.accelerators)
    reach = (fits @ pools.capacity_s) / pools.capacity_s.sum()
    streams = demand.streams
    free = (streams.policy == POLICY_INDEX["none"]) & (streams.bound == ANYWHERE)
    return np.asarray(free & (reach[streams.model] >= 0.5))


def _must_serve(shape: Shape, demand: Demand, easy: Bools, rng: Rng) -> Bools:
    """Some of the rare classes among the easy ones."""
    rare = np.flatnonzero(easy)[np.argsort(demand.count[easy], kind="stable")]
    few = np.cumsum(demand.count[rare]) <= MUST_SERVE_REQUESTS * demand.count.sum()
    wanted = round(shape.must_serve_share * len(demand.count))
    chosen = rng.permutation(rare[few])[:wanted]
    return np.asarray(np.isin(np.arange(len(demand.count)), chosen))


def request_columns(demand: Demand, terms: Terms, zoo: Zoo) -> dict[str, list[Any]]:
    """The classes as columns of `placement-instance/1`."""
    streams = demand.streams
    width = len(str(len(demand.count)))
    bound = [[name] for name in JURISDICTIONS]
    return {
        "name": [f"class-{i + 1:0{width}d}" for i in range(len(demand.count))],
        "model": [zoo.names[i] for i in streams.model],
        "region": [PLACES[i].name for i in streams.region],
        "policy": [POLICIES[i].name for i in streams.policy],
        "count": demand.count.tolist(),
        "input_tokens": demand.input_tokens.tolist(),
        "output_tokens": demand.output_tokens.tolist(),
        "max_ttft_ms": nullable(terms.max_ttft_ms),
        "jurisdictions": [bound[i] if i != ANYWHERE else None for i in streams.bound],
        "penalty": nullable(terms.penalty),
        "latency_cost_per_s": terms.latency_cost_per_s.tolist(),
    }


def nullable(values: Floats) -> list[float | None]:
    """A column of the format, null for NaN."""
    return [None if math.isnan(value) else value for value in values.tolist()]
