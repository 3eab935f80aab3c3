"""What a report is about."""

from dataclasses import dataclass
from functools import cached_property

from placement.analysis.analyzing import Analysis
from placement.instance import Instance
from placement.reporting.blocks import Text
from placement.reporting.fleet import Fleet
from placement.solution import Solution

NONE = 1e-6
"""A smaller share of the cost is no difference."""


@dataclass(frozen=True)
class Subject:
    """An instance, the solution given, and what the analysis found.

    Attributes
    ----------
    instance : Instance
    solution : Solution
    analysis : Analysis
    command : str
        What checks the solution.
    """

    instance: Instance
    solution: Solution
    analysis: Analysis
    command: str

    @cached_property
    def given(self) -> Fleet:
        """The solution given, node by node."""
        return Fleet(self.instance, self.solution)

    @cached_property
    def fleet(self) -> Fleet:
        """The plan that the analysis is of, node by node: the solution, or a cheaper one."""
        plan = self.analysis.plan
        return self.given if plan is None else Fleet(self.instance, plan)

    @cached_property
    def saved(self) -> float:
        """$ by which the plan of the analysis is cheaper than the solution; 0 where it is not."""
        if self.fleet is self.given:
            return 0.0
        before, after = self.given.verdict.objective, self.fleet.verdict.objective
        return before - after if before - after > NONE * max(1.0, abs(before)) else 0.0


def not_asked(part: str) -> Text:
    """What stands where a part of the analysis is missing."""
    return Text(f"Not part of this analysis; --parts {part} adds it.", "quiet")
