"""What demand takes from the fleet: an estimate by pools, to set load, deadlines and prices.

A pool is all nodes alike in hardware, jurisdiction and trusted environments. Classes alike in
model, policy and jurisdiction are spread over the pools that can run them, in proportion to what
each can do and away from crowded pools. What an instance means is defined elsewhere; this only
makes its amounts plausible.
"""

from dataclasses import dataclass

import numpy as np

from placement.generate.demand import ANYWHERE, PLACE_JURISDICTION, Demand, Streams
from placement.generate.draw import Bools, Floats, Ints
from placement.generate.fleet import Fleet
from placement.generate.models import Zoo
from placement.generate.policies import POLICIES, POLICY_INDEX, accepted_tees, column

ROUNDS = 25
"""Rounds of spreading; loads of the pools move by under a percent after some twenty."""
LARGEST_REQUEST = 0.1
"""Largest part of the window that one request may keep a replica busy."""

SETTLED = 0.002
"""Relative change of the scale at which calibration ends."""
LARGEST_REPEATED = 0.1
"""Largest part of the nodes it can run on that a re-executed class may take."""


@dataclass(frozen=True, slots=True)
class Pools:
    """Nodes for inference, merged where they are alike."""

    kind: Ints
    accelerators: Ints
    jurisdiction: Ints
    tee: Ints
    capacity_s: Floats
    hourly: Floats
    """Mean $ per accelerator and hour."""


def make_pools(fleet: Fleet, window_s: float) -> Pools:
    """Merge the nodes of a fleet."""
    rows = np.stack([fleet.kind, fleet.accelerators, PLACE_JURISDICTION[fleet.region], fleet.tee])
    distinct, pool = np.unique(rows[:, fleet.role("i")], axis=1, return_inverse=True)
    capacity = fleet.capacity_s(window_s)[fleet.role("i")]
    total = np.asarray(np.bincount(pool.ravel(), capacity), dtype=float)
    paid = np.bincount(pool.ravel(), capacity * fleet.hourly[fleet.role("i")])
    kind, accelerators, jurisdiction, tee = distinct
    return Pools(kind, accelerators, jurisdiction, tee, total, paid / total)


@dataclass(frozen=True, slots=True)
class Groups:
    """Classes alike in model, policy and jurisdiction; `of` is the group of each class."""

    model: Ints
    policy: Ints
    bound: Ints
    of: Ints


def _group(streams: Streams) -> Groups:
    rows = np.stack([streams.model, streams.policy, streams.bound])
    distinct, of = np.unique(rows, axis=1, return_inverse=True)
    model, policy, bound = distinct
    return Groups(model, policy, bound, of.ravel())


def _able(groups: Groups, pools: Pools, zoo: Zoo) -> Bools:
    place = (groups.bound[:, None] == ANYWHERE) | (groups.bound[:, None] == pools.jurisdiction)
    trusted = accepted_tees()[groups.policy][:, pools.tee]
    fits = zoo.fits(pools.kind, pools.accelerators)[groups.model]
    return np.asarray(place & trusted & fits)


class Market:
    """Demand spread over the pools of a fleet.

    Attributes
    ----------
    utilization : array
        Accelerator time taken of each pool against what it offers.
    load : float
        The same for the whole fleet.
    """

    def __init__(self, demand: Demand, pools: Pools, zoo: Zoo) -> None:
        streams = demand.streams
        self.groups = groups = _group(streams)
        self.pools = pools
        self._able = _able(groups, pools, zoo)
        in_s, out_s = _inverse(zoo.prefill), _inverse(zoo.decode)
        model, kind = groups.model[:, None], pools.kind
        overhead = column("executor_overhead")[groups.policy][:, None]
        factor = column("work_factor")[groups.policy][:, None]
        self._in_s = in_s[model, kind] * overhead * factor
        self._out_s = out_s[model, kind] * overhead * factor
        self._extra_s = column("executor_extra_s")[groups.policy][:, None]
        self._first_s = in_s[model, kind] / zoo.span[model]
        work = self._work_s(demand)
        self._share = _spread(work, self._able, pools.capacity_s)
        used = (self._share * work).sum(axis=0)
        self.utilization = used / pools.capacity_s
        self.load = float(used.sum() / pools.capacity_s.sum())

    def _work_s(self, demand: Demand) -> Floats:
        """All work of a group [row] if it ran on one pool [column]."""
        of, size = self.groups.of, len(self.groups.model)
        tokens_in = np.bincount(of, demand.count * demand.input_tokens, size)[:, None]
        tokens_out = np.bincount(of, demand.count * demand.output_tokens, size)[:, None]
        number = np.bincount(of, demand.count, size)[:, None]
        work = tokens_in * self._in_s + tokens_out * self._out_s + number * self._extra_s
        return np.asarray(np.where(self._able, work, 0.0))

    def _mean(self, values: Floats) -> Floats:
        """Mean over the pools that serve a class, for each class."""
        return np.asarray((values * self._share).sum(axis=1)[self.groups.of])

    def work_s(self, demand: Demand) -> Floats:
        """Typical accelerator-seconds of one request of each class, re-execution included."""
        tokens = demand.input_tokens * self._mean(self._in_s)
        tokens += demand.output_tokens * self._mean(self._out_s)
        return np.asarray(tokens + self._mean(self._extra_s))

    def compute_cost(self, demand: Demand) -> Floats:
        """Typical $ for the compute of one request of each class, engagement included."""
        price = self.pools.hourly / 3600
        tokens = demand.input_tokens * self._mean(self._in_s * price)
        tokens += demand.output_tokens * self._mean(self._out_s * price)
        return np.asarray(tokens + self._mean(self._extra_s * price))

    def first_token_s(self, demand: Demand) -> Floats:
        """Seconds of prefill of one request of each class that half of its pools reach."""
        order = np.argsort(np.where(self._able, self._first_s, np.inf), axis=1)
        reached = np.cumsum(np.take_along_axis(self._share, order, axis=1), axis=1)
        half = np.argmax(reached >= 0.5, axis=1)[:, None]
        median = np.take_along_axis(self._first_s, np.take_along_axis(order, half, 1), 1)
        return np.asarray(demand.input_tokens * median.ravel()[self.groups.of])

    def reachable_s(self) -> Floats:
        """Accelerator-seconds of all pools that can run a class, for each class."""
        return np.asarray((self._able @ self.pools.capacity_s)[self.groups.of])

    def confined(self, limit: float) -> Bools:
        """Which classes run mostly on pools whose utilization is beyond the limit."""
        return np.asarray(self._share @ (self.utilization > limit) > 0.5)[self.groups.of]


def _inverse(rates: Floats) -> Floats:
    return np.divide(1.0, rates, out=np.zeros_like(rates), where=rates > 0)


def _spread(work: Floats, able: Bools, capacity_s: Floats) -> Floats:
    """Shares [group, pool] of each group's work, such that no pool is needlessly crowded."""
    appeal = np.where(able, capacity_s / np.maximum(work, 1e-12), 0.0)
    favour = np.ones(len(capacity_s))
    share = appeal
    for _ in range(ROUNDS):
        share = appeal * favour
        share /= np.maximum(share.sum(axis=1, keepdims=True), 1e-300)
        crowding = (work * share).sum(axis=0) / capacity_s
        favour *= np.sqrt((crowding.mean() + 1e-9) / (crowding + 1e-9))
    return np.asarray(share)


def calibrate(
    demand: Demand, pools: Pools, zoo: Zoo, load: float, window_s: float
) -> tuple[Demand, float]:
    """Scale token lengths until demand takes `load` of the fleet.

    A request of a generated network stands for a session or a batch of like calls: a few hundred
    requests an hour keep a node busy, so that whole requests matter. All calls of a session share
    one prompt (it stays in the prefix cache), so only its output grows; in a batch both do. Models
    with proofs are left alone.

    Returns
    -------
    tuple
        The scaled demand, and how many calls a request stands for.
    """
    streams = demand.streams
    plain = ~zoo.provable[streams.model]
    prompts = plain & streams.batch
    replica_s = LARGEST_REQUEST * window_s * zoo.span[streams.model]
    calls = after = 1.0
    largest = np.ones(len(plain))
    scaled = demand
    for _ in range(6):
        calls = after
        scaled = Demand(
            streams,
            demand.count,
            _whole(demand.input_tokens * np.where(prompts, calls * largest, 1.0)),
            _whole(demand.output_tokens * np.where(plain, calls * largest, 1.0)),
        )
        market = Market(scaled, pools, zoo)
        work = market.work_s(scaled)
        total = market.load * pools.capacity_s.sum()
        grown = demand.count @ np.where(plain, work, 0.0) / (demand.count @ work)
        wanted = load * pools.capacity_s.sum() - total * (1 - grown)
        after = calls * max(0.1, wanted / (total * grown))
        factor = np.array([policy.work_factor for policy in POLICIES])[streams.policy]
        if abs(after - calls) < SETTLED * calls and (work <= 1.01 * replica_s * factor).all():
            break
        largest = np.minimum(1.0, largest * replica_s * factor / np.maximum(work, 1e-12))
    return scaled, calls


def ease(demand: Demand, pools: Pools, zoo: Zoo, limit: float) -> bool:
    """Free the heaviest classes that crowd the few pools they can use; whether there were any.

    Crowding means pools loaded beyond `limit`, or one re-executed class that takes a large part of
    all nodes it can run on (its executions have to be spread over several control groups). A
    class first loses its jurisdiction, then its policy.
    """
    streams = demand.streams
    market = Market(demand, pools, zoo)
    picky = column("verifiers")[streams.policy] > 0
    repeated = column("work_factor")[streams.policy] > 1
    work = market.work_s(demand) * demand.count
    candidates = market.confined(limit) & ((streams.bound != ANYWHERE) | picky)
    candidates |= repeated & (work > LARGEST_REPEATED * market.reachable_s())
    candidates &= ~zoo.provable[streams.model]
    if not candidates.any():
        return False
    order = np.argsort(np.where(candidates, -work, 0.0), kind="stable")
    heaviest = order[: max(1, int(candidates.sum()) // 10)]
    bound = streams.bound[heaviest] != ANYWHERE
    streams.bound[heaviest[bound]] = ANYWHERE
    streams.policy[heaviest[~bound]] = POLICY_INDEX["none"]
    return True


def _whole(tokens: Floats) -> Floats:
    return np.maximum(1.0, np.round(tokens))
