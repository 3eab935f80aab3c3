"""What a solution's file claims, against what the instance says."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from placement.certificate import lower_bound
from placement.evaluation import TOLERANCE, Evaluation, evaluate_placement
from placement.instance import Instance
from placement.prices import Prices
from placement.quantities import Quantities
from placement.result import relative_gap
from placement.solution import Solution, to_placement


@dataclass(frozen=True)
class Verdict:
    """The outcome of a check.

    Attributes
    ----------
    evaluation : Evaluation
        Cost and violations, recomputed.
    certified_bound : float or None
        The lower bound that the certificate proves [$]; None without a certificate.
    untruths : tuple of str
        One sentence for each claim of the file that is not true.
    unproven : str or None
        A sentence where `lower_bound` rests on an engine's word, or on nothing that is in the file.
    """

    evaluation: Evaluation
    certified_bound: float | None
    untruths: tuple[str, ...]
    unproven: str | None

    @property
    def passed(self) -> bool:
        """Whether the placement breaks no rule and its file says the truth."""
        return self.evaluation.feasible and not self.untruths

    @property
    def gap(self) -> float | None:
        """How far the placement is from the certified bound; None where either is missing."""
        objective = self.evaluation.objective if self.evaluation.feasible else None
        return relative_gap(objective, self.certified_bound)

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as plain data."""
        return {
            "feasible": self.evaluation.feasible,
            "objective": self.evaluation.objective,
            "terms": self.evaluation.terms,
            "violations": [asdict(violation) for violation in self.evaluation.violations],
            "certified_bound": self.certified_bound,
            "gap": self.gap,
            "untruths": list(self.untruths),
            "unproven": self.unproven,
        }


def judge(instance: Instance, solution: Solution) -> Verdict:
    """Check a placement and every claim of its file.

    A lower bound that contradicts the placement is untrue, and so is one that neither the
    certificate proves nor an exact algorithm vouches for. What one vouches for is taken on its
    word, and said to be.

    Raises
    ------
    InvalidSolution
        If the solution or its certificate names what is not in the instance.
    """
    quantities = Quantities(instance)
    evaluation = evaluate_placement(quantities, to_placement(quantities, solution))
    certified = _certified_bound(quantities, solution)
    untruths = [*_false_costs(solution, evaluation), *_false_bounds(solution, evaluation)]
    unproven = _beyond_proof(solution, certified)
    voucher = _voucher(instance, solution)
    if unproven and voucher:
        unproven += f" The rest is the word of {voucher}."
    elif unproven:
        untruths.append(unproven)
    return Verdict(evaluation, certified, tuple(untruths), unproven)


def _certified_bound(quantities: Quantities, solution: Solution) -> float | None:
    if solution.certificate is None:
        return None
    bound = lower_bound(quantities, Prices.from_document(quantities, solution.certificate))
    return bound if math.isfinite(bound) else None


def _false_costs(solution: Solution, evaluation: Evaluation) -> Iterator[str]:
    if solution.objective is None:
        yield f"`objective` is null (status {solution.status}): there is no placement to check."
        return
    if _differs(solution.objective, evaluation.objective):
        yield _says("objective", solution.objective, evaluation.objective)
    for term, claimed in solution.terms.items():
        actual = evaluation.terms.get(term, 0.0)
        if _differs(claimed, actual, scale=evaluation.objective):
            yield _says(f"terms.{term}", claimed, actual)


def _false_bounds(solution: Solution, evaluation: Evaluation) -> Iterator[str]:
    bound, actual = solution.lower_bound, evaluation.objective
    gap = relative_gap(solution.objective, bound)
    if solution.status == "optimal" and (gap is None or gap > 2 * TOLERANCE):
        yield "`status` is optimal, but `lower_bound` does not say so."
    if bound is not None and evaluation.feasible and bound > actual + _slack(actual):
        yield f"`lower_bound` says {bound:.10g}, but this very placement costs {actual:.10g}."
    if gap is not None and solution.gap is not None and _differs(solution.gap, gap):
        yield _says("gap", solution.gap, gap)


def _beyond_proof(solution: Solution, certified: float | None) -> str | None:
    """Compare the claimed bound with what is proven: the certificate's, or that costs are >= 0."""
    proven, bound = max(0.0, certified or 0.0), solution.lower_bound
    if bound is None or bound <= proven + _slack(proven):
        return None
    by = "without a certificate" if certified is None else "by its certificate"
    return f"`lower_bound` says {bound:.10g}; proven {by} is {proven:.10g}."


def _voucher(instance: Instance, solution: Solution) -> str | None:
    """Name the exact algorithm that may know a tighter bound than prices can prove, if any."""
    if solution.engine is None and instance.limits.max_new_replicas == 0:
        return "min-cost flow over the replicas there are"
    return solution.engine


def _slack(scale: float) -> float:
    return TOLERANCE * max(1.0, abs(scale))


def _differs(claimed: float, actual: float, scale: float = 0.0) -> bool:
    return abs(claimed - actual) > _slack(max(abs(actual), abs(scale)))


def _says(field: str, claimed: float, actual: float) -> str:
    return f"`{field}` says {claimed:.10g}, recomputed it is {actual:.10g}."
