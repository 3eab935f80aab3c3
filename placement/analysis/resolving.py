"""Changed instances solved again, from the plan there is, and what is then known of differences."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from placement.analysis.carrying import carry, trim
from placement.analysis.changes import Relation
from placement.certificate import lower_bound
from placement.errors import InputError
from placement.evaluation import evaluate_placement
from placement.instance import Instance
from placement.prices import Prices
from placement.quantities import Quantities
from placement.result import relative_gap
from placement.solution import Solution, Status, to_placement
from placement.solving import solve

NONE = 1e-6
"""A difference smaller than this share of the cost counts as none: it is what solvers call optimal.
"""

Verdict = Literal["gain", "loss", "none", "undecided", "impossible"]
Progress = Callable[[str, int, int], None]
"""Told what has been solved, how many solves are done, and of how many."""


@dataclass(frozen=True)
class Outcome:
    """What is known of the least cost of an instance.

    Attributes
    ----------
    objective : float or None
        $ of the best placement known; None without one.
    lower_bound : float or None
        No placement costs less; None where no bound is known.
    status : {"optimal", "feasible", "infeasible", "unknown"}
        As in a `Result`.
    solution : Solution or None
        The best placement known.
    """

    objective: float | None
    lower_bound: float | None
    status: Status
    solution: Solution | None = field(repr=False)

    @property
    def gap(self) -> float | None:
        """(objective - lower bound) / |objective|, None where either is unknown."""
        return relative_gap(self.objective, self.lower_bound)

    @property
    def unserved(self) -> int | None:
        """Requests that the placement turns away; None without one."""
        return None if self.solution is None else sum(self.solution.unserved.values())

    def with_plan(self, objective: float | None, solution: Solution | None) -> "Outcome":
        """The outcome with a plan known from elsewhere, where that is cheaper."""
        if objective is None or (self.objective is not None and self.objective <= objective):
            return self
        return _judged(objective, self.lower_bound, "feasible", solution)

    def with_bound(self, bound: float | None) -> "Outcome":
        """The outcome with a bound known from elsewhere, where that is higher."""
        known = -math.inf if self.lower_bound is None else self.lower_bound
        if bound is None or self.status == "infeasible" or bound <= known:
            return self
        return _judged(self.objective, bound, self.status, self.solution)


def _judged(
    objective: float | None, bound: float | None, status: Status, solution: Solution | None
) -> Outcome:
    """An outcome with a bound not above its objective, and the status that follows."""
    if bound is not None and objective is not None:
        bound = min(bound, objective)
    gap = relative_gap(objective, bound)
    if gap is not None:
        status = "optimal" if gap <= NONE else "feasible"
    return Outcome(objective, bound, status, solution)


@dataclass(frozen=True)
class Difference:
    """What a change does to the least cost, as far as it is proven.

    Attributes
    ----------
    low, high : float or None
        The least cost changes by at least `low` and at most `high` [$]; None where there is no
        such bound.
    estimate : float or None
        Difference of the placements found [$], which need not be in proportion to the truth; None
        where one is missing.
    verdict : {"gain", "loss", "none", "undecided", "impossible"}
        gain: the change makes it cheaper, proven; loss: dearer, proven; none: proven to make no
        difference of 1e-6 of the cost; undecided: the interval holds zero, so that the gaps hide
        what there may be; impossible: one side has no placement, proven.
    """

    low: float | None
    estimate: float | None
    high: float | None
    verdict: Verdict

    @property
    def decided(self) -> bool:
        """Whether it is a finding."""
        return self.verdict != "undecided"

    def __neg__(self) -> "Difference":
        """The difference the other way round."""
        turned: dict[Verdict, Verdict] = {"gain": "loss", "loss": "gain"}
        low, estimate, high = (
            None if value is None else 0.0 - value for value in (self.high, self.estimate, self.low)
        )
        return Difference(low, estimate, high, turned.get(self.verdict, self.verdict))


def difference(base: Outcome, changed: Outcome, relation: Relation | None = None) -> Difference:
    """The least cost of the changed instance minus that of the unchanged one.

    Parameters
    ----------
    relation : {"relaxed", "restricted"} or None
        What is known beforehand of the changed instance.
    """
    if "infeasible" in (base.status, changed.status):
        return Difference(None, None, None, "impossible")
    low = _minus(changed.lower_bound, base.objective)
    high = _minus(changed.objective, base.lower_bound)
    estimate = _minus(changed.objective, base.objective)
    if relation == "relaxed":
        high = min(0.0, math.inf if high is None else high)
        low, estimate = (None if x is None else min(x, 0.0) for x in (low, estimate))
    if relation == "restricted":
        low = max(0.0, -math.inf if low is None else low)
        high, estimate = (None if x is None else max(x, 0.0) for x in (high, estimate))
    noise = NONE * max(1.0, abs(base.objective or 0.0))
    return Difference(low, estimate, high, _verdict(low, high, noise))


def _minus(left: float | None, right: float | None) -> float | None:
    return None if left is None or right is None else left - right


def _verdict(low: float | None, high: float | None, noise: float) -> Verdict:
    above, below = low is not None and low > noise, high is not None and high < -noise
    if above or below:
        return "loss" if above else "gain"
    inside = low is not None and high is not None and low >= -2 * noise and high <= 2 * noise
    return "none" if inside else "undecided"


class Resolver:
    """Solves changed instances, each from the plan there is, and remembers the answers.

    What a solve says of the unchanged instance is used too: a plan for fewer nodes is one for all
    nodes, and a bound without a rule is one with it.

    Parameters
    ----------
    instance : Instance
    solution : Solution or None
        A feasible plan, with its certificate if it has one; None to solve the instance first.
    seconds : float
        Time for each solve; `pace` changes it.
    seed, threads
        As for `solve`.
    progress : callable or None
        Told after each solve of its label, how many are done, and `planned`.
    planned : int
        How many solves there will be.

    Raises
    ------
    InputError
        If the solution is not a feasible one of the instance.
    """

    def __init__(
        self,
        instance: Instance,
        solution: Solution | None,
        *,
        seconds: float,
        seed: int = 0,
        threads: int | None = None,
        progress: Progress | None = None,
        planned: int = 0,
    ) -> None:
        self.instance = instance
        self.quantities = Quantities(instance)
        self.seconds, self.seed, self.threads = seconds, seed, threads
        self._progress, self._planned, self._done = progress, planned, 0
        self._known: list[tuple[Instance, Outcome]] = []
        self._bases = [self._given(solution)]

    @property
    def base(self) -> Outcome:
        """The unchanged instance: the best plan and the best bound known by now."""
        return self._bases[-1]

    @property
    def plan(self) -> Solution:
        """The best plan known of the unchanged instance.

        Raises
        ------
        InputError
            If none was found.
        """
        if self.base.solution is None:
            raise InputError(
                f"no placement of instance {self.instance.name!r} was found "
                f"({self.base.status}); more time or a solution to start from may help."
            )
        return self.base.solution

    def _given(self, solution: Solution | None) -> Outcome:
        """What the plan and its certificate prove; nobody's claims."""
        if solution is None:
            return Outcome(None, None, "unknown", None)
        q = self.quantities
        verdict = evaluate_placement(q, to_placement(q, solution))
        if verdict.violations:
            raise InputError(
                f"the solution is not feasible for instance {self.instance.name!r}: "
                f"{verdict.violations[0].sentence}"
            )
        bound = 0.0  # nothing costs less than nothing
        if solution.certificate is not None:
            bound = max(bound, lower_bound(q, Prices.from_document(q, solution.certificate)))
        return Outcome(verdict.objective, None, "feasible", solution).with_bound(bound)

    def pace(self, deadline: float, left: int) -> None:
        """Give each of the solves left an even share of the time, on the clock of `monotonic`."""
        self.seconds = max(0.0, deadline - time.monotonic()) / max(1, left)

    def refresh(self, seconds: float | None = None) -> Outcome:
        """Solve the unchanged instance once more, so that no change is credited with the time.

        Parameters
        ----------
        seconds : float or None
            Time for it; None is that of every solve.
        """
        found = self._solve(self.instance, self.base.solution, seconds)
        base = self.base if self.base.objective is not None else found
        base = base.with_plan(found.objective, found.solution)
        self._learn(base.with_bound(found.lower_bound))
        self.report("as it is")
        return self.base

    def solve(
        self,
        changed: Instance,
        label: str = "",
        *,
        relation: Relation | None = None,
        start: Solution | None = None,
    ) -> Outcome:
        """The least cost of a changed instance, from the answers so far or solved now.

        Parameters
        ----------
        label : str
            What is solved, for `progress`.
        relation : {"relaxed", "restricted"} or None
            What is known beforehand of it.
        start : Solution or None
            A plan of the changed instance to start from; None starts from that of `base`.
        """
        if changed == self.instance:
            self.report(label)
            return self.base
        for known, outcome in self._known:
            if known == changed:
                self.report(label)
                return outcome
        outcome = self._solve(changed, start or self._start(changed), None)
        if relation == "restricted":
            outcome = outcome.with_bound(self.base.lower_bound)
            self._learn_plan(outcome.solution)
        elif relation == "relaxed":
            self._learn(self.base.with_bound(outcome.lower_bound))
        self._known.append((changed, outcome))
        self.report(label)
        return outcome

    def difference(self, changed: Outcome, relation: Relation | None = None) -> Difference:
        """What a change does to the least cost; see `difference`."""
        if any(changed is base for base in self._bases):
            return Difference(0.0, 0.0, 0.0, "none")
        return difference(self.base, changed, relation)

    def _start(self, changed: Instance) -> Solution | None:
        plan = self.base.solution
        if plan is None:
            return None
        return carry(plan, self.instance, changed) or trim(plan, changed)

    def _solve(self, instance: Instance, start: Solution | None, seconds: float | None) -> Outcome:
        result = solve(
            instance,
            time_limit=self.seconds if seconds is None else seconds,
            gap=0.0,
            seed=self.seed,
            threads=self.threads,
            initial_solution=start,
        )
        if result.status == "infeasible":
            return Outcome(None, None, "infeasible", None)
        solution = None if result.objective is None else result.solution
        return Outcome(result.objective, result.lower_bound, result.status, solution)

    def _learn_plan(self, plan: Solution | None) -> None:
        """Take note of a plan for a restricted instance, where it is cheaper than the base's.

        Its prices are those of another instance: the base keeps its own.
        """
        if plan is None:
            return
        verdict = evaluate_placement(self.quantities, to_placement(self.quantities, plan))
        if verdict.feasible:
            known = self.base.solution
            plan = plan.replace(certificate=None if known is None else known.certificate)
            self._learn(self.base.with_plan(verdict.objective, plan))

    def _learn(self, base: Outcome) -> None:
        if base is not self.base:
            self._bases.append(base)

    def report(self, label: str) -> None:
        """Tell `progress` that one more of the solves planned is done."""
        self._done += 1
        if self._progress is not None:
            self._progress(label, self._done, max(self._planned, self._done))
