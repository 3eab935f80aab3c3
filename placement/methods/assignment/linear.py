"""The linear relaxation of an assignment problem: first prices, and a plan that is nearly whole."""

from dataclasses import dataclass, replace

import numpy as np

from placement.engines import Answer, solve_linear
from placement.methods.assignment.jobs import Jobs
from placement.prices import Prices
from placement.program import Entry, Program, ProgramBuilder
from placement.quantities import Bools, Floats, Ints

_SIFTED, _EACH = 50_000, 6
"""With more pairs than this, so many likely ones of each job come first."""
_TURNS, _ROUNDS = 100, 20
"""Of the market that finds them, and of adding others."""
_SLIGHT, _TINY = 1e-9, 1e-300
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
    """Solve the relaxation by HiGHS; where time is too short, what a simple market finds.

    Of very many pairs, likely ones are taken first, and those that prices ask for later (sifting,
    Bixby, Gregory, Lustig, Marsten and Shanno, 1992).
    """
    relaxed = _market(jobs)
    chosen = jobs.able
    if chosen.sum() > _SIFTED:
        chosen = chosen & _least(_at(jobs, relaxed.rate))
    for _ in range(_ROUNDS):
        answer, found = _solve(jobs, chosen, deadline)
        relaxed = found or relaxed
        if answer.verdict == "infeasible":
            missing = jobs.able & ~chosen
            relaxed = replace(relaxed, infeasible=not missing.any())
        elif found is None:
            break
        else:
            dear = relaxed.price * (1.0 - _SLIGHT) - _SLIGHT
            missing = (_at(jobs, relaxed.rate) < dear) & ~chosen
        if not missing.any():
            break
        chosen |= missing
    return replace(relaxed, price=np.minimum(relaxed.price, _at(jobs, relaxed.rate).min(axis=0)))


def _at(jobs: Jobs, rate: Floats) -> Floats:
    """What each pair costs at a price of capacity."""
    return jobs.cost + rate[:, None] * jobs.work_s


def _least(cost: Floats) -> Bools:
    """The pairs that cost least, a few of each job."""
    chosen = np.zeros(cost.shape, dtype=bool)
    few = np.argpartition(cost, min(_EACH, len(cost) - 1), axis=0)[:_EACH]
    np.put_along_axis(chosen, few, values=True, axis=0)
    return chosen


def _market(jobs: Jobs) -> Relaxed:
    """Prices of capacity that rise where more is asked for than there is."""
    nodes, size = jobs.cost.shape
    able, job = jobs.able, np.arange(size)
    room_s = np.maximum(jobs.room_s, _TINY)
    typical = float(np.median(jobs.work_s[able]))
    unit = float(np.median(jobs.cost[able])) / typical if typical > 0 else 0.0
    rate = np.zeros(nodes)
    for turn in range(_TURNS):
        node = np.argmin(_at(jobs, rate), axis=0)
        over = np.bincount(node, jobs.work_s[node, job], nodes) / room_s - 1.0
        rate = np.maximum(0.0, rate + unit * np.clip(over, -1.0, 1.0) / (5.0 + turn))
    cost = _at(jobs, rate)
    return Relaxed(cost.min(axis=0), rate, np.argmin(cost, axis=0))


def _solve(jobs: Jobs, chosen: Bools, deadline: float) -> tuple[Answer, Relaxed | None]:
    """The relaxation over some pairs; None where there is no time or no solution."""
    nodes, size = jobs.cost.shape
    i, j = np.nonzero(chosen)
    answer = solve_linear(_program(jobs, i, j), deadline)
    if answer.values is None or answer.duals is None:
        return answer, None
    share = np.zeros((nodes, size))
    share[i, j] = answer.values[: len(i)]
    rate = np.maximum(0.0, -answer.duals[size : size + nodes])
    return answer, Relaxed(answer.duals[:size], rate, np.argmax(share, axis=0))


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
