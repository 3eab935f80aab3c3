"""The linear relaxation of an assignment problem: first prices, and a plan that is nearly whole."""

from dataclasses import dataclass, replace

import numpy as np

from placement.engines import solve_linear
from placement.methods.assignment.jobs import Jobs
from placement.prices import Prices
from placement.program import Entry, Program, ProgramBuilder
from placement.quantities import Floats, Ints

_LINKED = 20_000
"""With more pairs a node is engaged as far as it is busy; else as far as any one job is there."""


@dataclass(frozen=True, eq=False)
class Relaxed:
    """The relaxation solved.

    Attributes
    ----------
    price : array over jobs
        Coins for having each done.
    rate : array over nodes
        Coins per second of capacity.
    node : array over jobs
        Where most of each job goes.
    infeasible : bool
        Whether not even parts of jobs fit.
    """

    price: Floats
    rate: Floats
    node: Ints
    infeasible: bool = False

    def priced(self, price: Floats) -> "Relaxed":
        """The same with other prices of jobs, which need none for capacity."""
        return replace(self, price=price, rate=np.zeros_like(self.rate))

    def prices(self, jobs: Jobs) -> Prices:
        """The same as a certificate's prices."""
        q = jobs.compiled.quantities
        count = np.maximum(np.bincount(jobs.job_class, minlength=q.n_classes), 1)
        demand = np.bincount(jobs.job_class, self.price, q.n_classes) / count
        rate = self.rate[: q.n_nodes] * jobs.coin
        return replace(Prices.zero(q), demand=demand * jobs.coin, capacity=rate)


def relax(jobs: Jobs, deadline: float) -> Relaxed:
    """Solve the relaxation by HiGHS; where time is too short, every job at its least cost."""
    nodes, size = jobs.cost.shape
    i, j = np.nonzero(jobs.able)
    answer = solve_linear(_program(jobs, i, j), deadline)
    cheapest = np.argmin(jobs.cost, axis=0)
    if answer.values is None or answer.duals is None:
        least = jobs.cost[cheapest, np.arange(size)]
        return Relaxed(least, np.zeros(nodes), cheapest, answer.verdict == "infeasible")
    share = np.zeros((nodes, size))
    share[i, j] = answer.values[: len(i)]
    rate = np.maximum(0.0, -answer.duals[size : size + nodes])
    return Relaxed(answer.duals[:size], rate, np.argmax(share, axis=0))


def _program(jobs: Jobs, i: Ints, j: Ints) -> Program:
    """Every job done once, on nodes engaged, capacities kept; columns are pairs, then nodes."""
    nodes, size = jobs.cost.shape
    costly = jobs.fixed > 0
    room_s = np.minimum(jobs.room_s, jobs.work_s.sum(axis=1))
    p = ProgramBuilder()
    x = p.add_columns("x", jobs.cost[i, j], np.inf)
    e = p.add_columns("e", jobs.fixed, 1.0)
    p.add_rows("demand", size, [(j, x, 1.0)], lower=1.0, upper=1.0)
    entries: list[Entry] = [(i, x, jobs.work_s[i, j]), (np.arange(nodes), e, -room_s * costly)]
    p.add_rows("capacity", nodes, entries, upper=np.where(costly, 0.0, jobs.room_s))
    links = np.flatnonzero(costly[i]) if len(i) <= _LINKED else np.zeros(0, dtype=np.int64)
    row = np.arange(len(links))
    entries = [(row, x[links], 1.0), (row, e[i[links]], -1.0)]
    p.add_rows("engaged", len(links), entries, upper=0.0)
    return p.finish()
