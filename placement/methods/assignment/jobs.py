"""An instance of plain jobs as an assignment problem: costs and works in two tables, and back."""

from dataclasses import dataclass, replace

import numpy as np

from placement import native
from placement.compiled import Compiled
from placement.quantities import ROUNDING, Bools, Floats, Ints
from placement.solution import Placement, table

MOST_CELLS = 2_000_000
"""Most (node, job) pairs: the tables are dense, and larger ones need other methods."""
MOST_JOBS = 20_000
MOST_ALIKE = 2
"""Where nodes cost to engage, so many jobs a class: more of a kind are better not told apart."""
MOST_UNITS = 20_000
"""Capacities are counted in at most so many units; knapsacks are tables as wide as that."""
_TABLE = 8_000_000
"""Most cells, jobs x units, of such a table."""
_TYPICAL = 64.0
"""Coins that the median job costs, about."""
_COARSE = 16_000_000
"""The same for all nodes together where work is no multiple of any unit."""
_TINY = 1e-9
"""Costs that are so much less than the largest do not count for that."""
_FINEST = 4
"""Amounts of at most so many decimals count as multiples of a unit."""


@dataclass(frozen=True, eq=False)
class Jobs:
    """Every single job and the nodes it may go to.

    Being turned away is one more node, the last, where jobs take no room; it is there if a penalty
    is finite.

    Attributes
    ----------
    compiled : Compiled
    job_class : array over jobs
        The request class of each.
    coin : float
        $ that are one unit of money here, a power of two: most jobs cost some tens of it.
    cost, work_s : array, shape (nodes, jobs)
        Coins and seconds of each job; cost is infinite where the job may not go.
    room_s : array over nodes
        Capacities, rounding allowed for.
    units : array of int, shape (nodes, jobs)
        Work in whole units, rounded down.
    room : array of int over nodes
        Capacity in units.
    exact : bool
        Whether units are all there is to know: work is a multiple of them.
    step : float
        All objectives are multiples of it [coins]; 0 where nothing is known.
    fixed : array over nodes
        Coins for engaging each.
    """

    compiled: Compiled
    job_class: Ints
    coin: float
    cost: Floats
    work_s: Floats
    room_s: Floats
    units: Ints
    room: Ints
    exact: bool
    step: float
    fixed: Floats

    @property
    def units_up(self) -> Ints:
        """Work in whole units, rounded up: what fits by these fits."""
        counted = self.able & (self.work_s > 0) & (self.room > 0)[:, None]
        return self.units + (counted & (not self.exact))

    @property
    def able(self) -> Bools:
        """Which job may go where."""
        return np.isfinite(self.cost)

    def objective(self, node: Ints) -> float:
        """What it costs to have each job on the given node [coins]."""
        engaged = self.fixed[np.unique(node)].sum()
        return float(self.cost[node, np.arange(len(node))].sum() + engaged)

    def feasible(self, node: Ints) -> bool:
        """Whether each job may be on the given node, and all of them fit."""
        jobs = np.arange(len(node))
        load = np.bincount(node, self.work_s[node, jobs], len(self.room_s))
        return bool(self.able[node, jobs].all() and np.all(load <= self.room_s))

    def placement(self, node: Ints) -> Placement:
        """The placement with each job on the given node."""
        q = self.compiled.quantities
        served = node < q.n_nodes
        run_g, run_n, _, count = table(
            self.job_class[served], node[served], np.ones(int(served.sum()), dtype=np.int64)
        )
        unserved = np.bincount(self.job_class[~served], minlength=q.n_classes)
        return replace(
            Placement.empty(q), run_g=run_g, run_n=run_n, run_count=count,
            unserved=unserved.astype(np.int64),
        )  # fmt: skip

    def nodes_of(self, placement: Placement) -> Ints:
        """The node of each job in a placement; turned away where it has none."""
        q = self.compiled.quantities
        node = np.full(len(self.job_class), q.n_nodes, dtype=np.int64)
        first = np.searchsorted(self.job_class, np.arange(q.n_classes))
        order = np.argsort(placement.run_g, kind="stable")
        filled = np.zeros(q.n_classes, dtype=np.int64)
        for row in order.tolist():
            g, count = placement.run_g[row], placement.run_count[row]
            begin = first[g] + filled[g]
            node[begin : begin + count] = placement.run_n[row]
            filled[g] += count
        return node


def recognises(compiled: Compiled) -> bool:
    """Whether an instance is nothing but whole jobs, nodes of limited capacity, and costs."""
    q = compiled.quantities
    jobs = int(q.count.sum())
    return bool(
        q.n_classes > 0
        and q.n_models == 0
        and q.paired.all()
        and not compiled.verified.any()
        and np.all(q.max_share >= 1)
        and (not compiled.engagement.any() or jobs <= MOST_ALIKE * q.n_classes)
        and jobs <= MOST_JOBS
        and jobs * (q.n_nodes + 1) <= MOST_CELLS
    )


def pays(compiled: Compiled) -> bool:
    """Whether an instance that `recognises` knows is large enough for native code to be loaded."""
    return native.pays_for_jobs(compiled.quantities.n_models, len(compiled.quantities.pair_class))


def jobs_of(compiled: Compiled) -> Jobs:
    """The jobs of an instance that `recognises` knows."""
    q = compiled.quantities
    job_class = np.repeat(np.arange(q.n_classes), q.count)
    away = bool(np.isfinite(q.penalty).any())
    arcs = compiled.run
    shape = (q.n_nodes + away, q.n_classes)
    cost, work = np.full(shape, np.inf), np.zeros(shape)
    cost[arcs.n, arcs.g], work[arcs.n, arcs.g] = arcs.cost, arcs.work_s
    room_s = np.append(q.capacity_s, np.zeros(int(away))) * (1 + ROUNDING)
    if away:
        cost[-1] = q.penalty
    cost[work > room_s[:, None]] = np.inf
    cost, work = cost[:, job_class], work[:, job_class]
    units, room, exact = _in_units(np.where(np.isfinite(cost), work, 0.0), room_s)
    fixed = np.append(compiled.engagement, np.zeros(int(away)))
    step = unit_of(np.concatenate([arcs.cost, fixed, q.penalty[np.isfinite(q.penalty)]]))
    coin = _coin(cost)
    return Jobs(
        compiled, job_class, coin, np.ascontiguousarray(cost / coin), np.ascontiguousarray(work),
        room_s, units, room, exact, step / coin, fixed / coin,
    )  # fmt: skip


def _coin(cost: Floats) -> float:
    """Money of a fitting size."""
    finite = cost[np.isfinite(cost)]
    some = finite[finite > _TINY * finite.max(initial=0.0)]
    return float(2.0 ** np.round(np.log2(np.median(some) / _TYPICAL))) if len(some) else 1.0


def unit_of(values: Floats) -> float:
    """The greatest amount that all values are multiples of, 0 where none is seen.

    Examples
    --------
    >>> unit_of(np.array([4.0, 10.0])), unit_of(np.array([0.25, 1.5])), unit_of(np.array([2**0.5]))
    (2.0, 0.25, 0.0)
    """
    if np.abs(values).max(initial=0.0) > 1e9:
        return 0.0
    for decimals in range(_FINEST + 1):
        scaled = values * 10.0**decimals
        whole = np.rint(scaled)
        if np.all(np.abs(scaled - whole) <= ROUNDING * np.maximum(1.0, np.abs(scaled))):
            return float(np.gcd.reduce(whole.astype(np.int64))) / 10.0**decimals
    return 0.0


def _in_units(work: Floats, room_s: Floats) -> tuple[Ints, Ints, bool]:
    """Works and capacities in whole units, the works rounded down; whether that loses nothing.

    Both are 0 on nodes that have room for all they may get.
    """
    tight = work.sum(axis=1) > room_s
    work, room_s = work * tight[:, None], room_s * tight
    most = max(16, min(MOST_UNITS, _TABLE // max(1, work.shape[1])))
    unit, largest = unit_of(work.ravel()), float(room_s.max(initial=0.0))
    exact = largest == 0 or (unit > 0 and largest / unit <= most)
    if not exact:
        most = int(np.clip(_COARSE / max(1, work.size), 16, most))
        unit = largest / most
    unit = max(unit, 1e-300)
    room = np.floor(room_s / unit + 1e-6).astype(np.int64)
    slack = 1e-6 if exact else 0.0
    return np.floor(work / unit * (1 - ROUNDING) + slack).astype(np.int64), room, exact
