"""What an answer is worth: cost, feasibility and bound computed anew, without any solver.

As `placement check` does, but nothing that a method says of itself is needed.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.contenders import Answer, Watch
from benchmarks.measures import SAME, Moment, improving
from benchmarks.problems import Problem
from benchmarks.rows import Status
from placement import InputError, Instance, Solution, certified_bound, evaluate
from placement.formats.dimacs import FlowProblem
from placement.prices import Prices
from placement.quantities import Quantities


@dataclass(frozen=True)
class Verdict:
    """The judge's word.

    Attributes
    ----------
    status, reason
        As in a row.
    objective
        Cost of a placement that breaks no rule; None without one.
    certified, claimed
        The lower bound that prices prove, and the one that the method claims.
    """

    status: Status
    reason: str | None = None
    objective: float | None = None
    certified: float | None = None
    claimed: float | None = None

    @property
    def bound(self) -> float | None:
        """The higher of both bounds."""
        return max((b for b in (self.certified, self.claimed) if b is not None), default=None)

    @property
    def bound_is_certified(self) -> bool:
        """Whether the claim adds nothing to what is proven."""
        if self.certified is None or self.claimed is None:
            return self.certified is not None
        return self.claimed - self.certified <= SAME * max(1.0, abs(self.claimed))


def judge(problem: Problem, answer: Answer) -> Verdict:
    """Judge an answer."""
    if isinstance(problem, FlowProblem):
        return _of_flow(problem, answer)
    if answer is None:
        return Verdict("unknown")
    assert isinstance(answer, Solution)
    try:
        certified = _certified(problem, answer)
        if answer.status in ("infeasible", "unknown"):
            return Verdict(answer.status, None, None, certified, answer.lower_bound)
        found = evaluate(problem, answer)
    except InputError as error:
        return Verdict("rejected", str(error))
    if not found.feasible:
        return Verdict("rejected", found.violations[0].sentence)
    return _of_bounds(found.objective, certified, answer.lower_bound)


def _certified(instance: Instance, solution: Solution) -> float | None:
    if solution.certificate is None:
        return None
    prices = Prices.from_document(Quantities(instance), solution.certificate)
    bound = certified_bound(instance, prices)
    return bound if math.isfinite(bound) else None


def _of_bounds(objective: float, certified: float | None, claimed: float | None) -> Verdict:
    """Of a placement that is feasible."""
    slack = SAME * max(1.0, abs(objective))
    if claimed is not None and claimed > objective + slack:
        reason = f"claims the lower bound {claimed:.10g} for its own placement of {objective:.10g}."
        return Verdict("rejected", reason, certified=certified)
    bound = max((b for b in (certified, claimed) if b is not None), default=-math.inf)
    status: Status = "optimal" if objective - bound <= SAME * abs(objective) else "feasible"
    return Verdict(status, None, objective, certified, claimed)


def _of_flow(problem: FlowProblem, flow: Answer) -> Verdict:
    """Of a flow: balance at all nodes, bounds on all arcs; its cost is claimed to be the least."""
    if flow is None:
        return Verdict("infeasible")
    assert isinstance(flow, np.ndarray)
    balance = problem.supply.copy()
    np.subtract.at(balance, problem.tail, flow)
    np.add.at(balance, problem.head, flow)
    for wrong, what in (
        (np.flatnonzero(balance), "node {} does not pass on what it gets"),
        (np.flatnonzero(flow < problem.lower), "arc {} carries less than its least flow"),
        (np.flatnonzero(flow > problem.capacity), "arc {} carries more than its capacity"),
    ):
        if len(wrong):
            return Verdict("rejected", f"{what.format(wrong[0] + 1)}.")
    cost = float(problem.cost_of(flow))
    return Verdict("optimal", None, cost, None, cost)


@dataclass(frozen=True)
class Course:
    """A run over time: costs and bounds as they improved, and how many reports were refused."""

    incumbents: list[Moment]
    bounds: list[Moment]
    refused: int


def course(problem: Problem, watch: Watch, verdict: Verdict, seconds: float) -> Course:
    """What a run told on its way, judged.

    Where the costs that were told are lower than what the answer costs, they are left out.
    """
    reports = list(_judged(problem, watch))
    costs = [*watch.costs, *(moment for moment in reports if moment is not None)]
    final = verdict.objective
    if final is None or any(cost < final - SAME * abs(final) for _, cost in costs):
        costs = []
    if final is not None:
        costs.append((seconds, final))
    raised = improving([(moment, -bound) for moment, bound in watch.bounds])
    return Course(
        [(round(moment, 6), cost) for moment, cost in improving(sorted(costs))],
        [(round(moment, 6), -negative) for moment, negative in raised],
        reports.count(None),
    )


def _judged(problem: Problem, watch: Watch) -> Iterator[Moment | None]:
    """When each placement was reported, and its cost; None for one that breaks a rule."""
    for moment, solution in watch.solutions:
        verdict = judge(problem, solution)
        yield None if verdict.objective is None else (moment, verdict.objective)
