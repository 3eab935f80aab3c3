"""The linear relaxation of an assignment problem: first prices, and a plan that is nearly whole."""

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from placement.engines import solve_linear
from placement.methods.assignment.jobs import Jobs
from placement.prices import Prices
from placement.program import Program
from placement.quantities import Floats, Ints


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
    share[i, j] = answer.values
    rate = np.maximum(0.0, -answer.duals[size:])
    return Relaxed(answer.duals[:size], rate, np.argmax(share, axis=0))


def _program(jobs: Jobs, i: Ints, j: Ints) -> Program:
    """Every job done once, capacities kept; one column a pair."""
    nodes, size = jobs.cost.shape
    k = np.arange(len(i))
    entries = np.concatenate([np.ones(len(k)), jobs.work_s[i, j]])
    places = np.concatenate([j, size + i]), np.concatenate([k, k])
    matrix = sp.csr_array(sp.coo_array((entries, places), shape=(size + nodes, len(k))))
    once = np.ones(size)
    return Program(
        jobs.cost[i, j], np.zeros(len(k)), np.full(len(k), np.inf), np.ones(len(k), dtype=bool),
        matrix,
        np.concatenate([once, np.full(nodes, -np.inf)]), np.concatenate([once, jobs.room_s]),
    )  # fmt: skip
