"""What each rule costs: the least cost with it minus the least cost without it."""

from collections.abc import Mapping
from dataclasses import dataclass

from placement.analysis.changes import relax
from placement.analysis.resolving import Difference, Outcome, Resolver
from placement.analysis.tables import Records

RULES: Mapping[str, str] = {
    "independence": "independence",
    "jurisdiction": "jurisdiction",
    "share caps": "share",
    "trusted hardware": "tee",
    "several hosts": "redundancy",
    "verification": "verification",
    "stability": "stability",
    "latency limits": "latency",
}
"""Rules as people call them, and the family that `relax` lifts."""


@dataclass(frozen=True)
class RulePrice:
    """What one rule costs.

    Attributes
    ----------
    rule : str
    difference : Difference
        Least cost with the rule minus that without it [$]: a loss where the rule is proven to cost
        something. It never is a gain.
    objective, lower_bound, gap : float or None
        Of the instance without the rule.
    unserved : int or None
        Requests turned away without the rule; None without a placement.
    """

    rule: str
    difference: Difference
    objective: float | None
    lower_bound: float | None
    gap: float | None
    unserved: int | None


@dataclass(frozen=True)
class RulePrices(Records):
    """What each rule costs, taken alone: prices of several rules do not add up."""

    title = "Price of each rule"
    shown = ("rule", "low", "estimate", "high", "verdict", "gap", "unserved")
    record = RulePrice

    entries: tuple[RulePrice, ...]


def price_of_rules(resolver: Resolver) -> RulePrices:
    """Lift each rule alone, and solve again from the plan there is."""
    outcomes: dict[str, Outcome] = {
        rule: resolver.solve(
            relax(resolver.instance, family), f"without {rule}", relation="relaxed"
        )
        for rule, family in RULES.items()
    }
    return RulePrices(
        tuple(
            RulePrice(
                rule=rule,
                difference=-resolver.difference(outcome, "relaxed"),
                objective=outcome.objective,
                lower_bound=outcome.lower_bound,
                gap=outcome.gap,
                unserved=outcome.unserved,
            )
            for rule, outcome in outcomes.items()
        )
    )
