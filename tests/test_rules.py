"""The price of each rule is what the optimum falls by without it."""

import pytest
import tinies

from placement import Solution, solve
from placement.analysis.changes import FAMILIES, relax
from placement.analysis.resolving import Resolver
from placement.analysis.rules import RULES, price_of_rules


def prices(seed):
    """Of a tiny instance with its optimal plan."""
    plan = Solution.from_dict(tinies.optimal(seed))
    return price_of_rules(Resolver(tinies.instance(seed), plan, seconds=10.0)).entries


@pytest.mark.slow
def test_every_price_is_the_difference_of_two_optima():
    """By brute force; never negative, and some rules cost something."""
    verdicts = set()
    for seed in tinies.feasible_seeds(range(8)):
        instance = tinies.instance(seed)
        for price in prices(seed):
            without = solve(relax(instance, RULES[price.rule]), gap=0).objective
            truth = tinies.optimum(seed) - without
            assert price.difference.low - 1e-5 <= truth <= price.difference.high + 1e-5
            assert price.difference.low >= 0
            assert price.objective == pytest.approx(without, abs=1e-6)
            verdicts.add(price.difference.verdict)
    assert "loss" in verdicts
    assert "gain" not in verdicts


def test_a_rule_that_nobody_has_costs_nothing():
    """Proven, and without solving anything."""
    instance = tinies.instance(tinies.feasible_seeds(range(8))[0])
    free = instance
    for family in RULES.values():
        free = relax(free, family)
    plan = solve(free, gap=0).solution
    found = price_of_rules(Resolver(free, plan, seconds=0.0)).entries
    assert [price.difference.verdict for price in found] == ["none"] * len(RULES)
    assert all(price.difference.high == 0 for price in found)


def test_every_rule_can_be_lifted():
    """By a family of its own."""
    assert set(RULES.values()) <= set(FAMILIES)
    assert len(set(RULES.values())) == len(RULES)
