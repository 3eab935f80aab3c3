"""Marginal values are those of brute force."""

import pytest
import tinies
from oracle.exhaustive import optimal_solution

from placement import Solution
from placement.analysis.resolving import Resolver
from placement.analysis.values import RESOURCES, values, with_less, with_more


def resolver(seed, **options):
    """Of a tiny instance with its optimal plan."""
    plan = Solution.from_dict(tinies.optimal(seed))
    return Resolver(tinies.instance(seed), plan, seconds=20.0, **options)


def optimum(instance):
    """The least objective [$] by brute force; None where nothing is feasible."""
    found = optimal_solution(instance.to_dict())
    return None if found is None else found["objective"]


def check(seed):
    """Every value of a tiny instance against brute force."""
    instance, base = tinies.instance(seed), tinies.optimum(seed)
    for row in values(resolver(seed), most=4).entries:
        scale = max(1.0, base)
        more = optimum(with_more(instance, row.resource, row.node))
        assert row.right == pytest.approx(base - more, abs=1e-6 * scale)
        assert row.right_low - 1e-6 * scale <= base - more <= row.right_high + 1e-6 * scale
        less = with_less(instance, row.resource, row.node)
        lost = None if less is None else optimum(less)
        if lost is None:
            assert row.left is None
        else:
            assert row.left == pytest.approx(lost - base, abs=1e-6 * scale)
            assert row.left_low - 1e-6 * scale <= lost - base <= row.left_high + 1e-6 * scale


@pytest.mark.parametrize("seed", tinies.feasible_seeds(range(14))[:10])
def test_values_are_those_of_brute_force(seed):
    """One unit more and one less of everything, on ten tiny instances."""
    check(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", tinies.feasible_seeds(range(14, 150))[:100])
def test_values_are_those_of_brute_force_again(seed):
    """The same on a hundred more."""
    check(seed)


def test_every_resource_has_a_turn():
    """Those that the network has nodes for, the dearest of each resource first."""
    found = values(resolver(4), most=8).entries
    assert {row.resource for row in found} <= set(RESOURCES)
    firsts = [row.resource for row in found[: len({row.resource for row in found})]]
    assert len(set(firsts)) == len(firsts)
    for resource in firsts:
        prices = [row.price or 0.0 for row in found if row.resource == resource]
        assert prices == sorted(prices, reverse=True)


def test_an_accelerator_hour_comes_with_its_memory():
    """More of a node is more of the same hardware."""
    instance = tinies.instance(0)
    node = next(node for node in instance.nodes if node.accelerators)
    more = next(
        n for n in with_more(instance, "accelerator-hour", node.name).nodes if n.name == node.name
    )
    hours = (more.accelerators - node.accelerators) * instance.window_s / 3600
    assert hours == pytest.approx(1)
    assert more.memory_gb / more.accelerators == pytest.approx(node.memory_gb / node.accelerators)
