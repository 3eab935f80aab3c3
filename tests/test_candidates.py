"""The next best node: bounds hold, and scenarios get what they lack."""

from pathlib import Path

import pytest
import tinies
from oracle.exhaustive import optimal_solution

from placement import InputError, Instance, Solution
from placement.analysis.candidates import gains_at_most, next_nodes
from placement.analysis.catalogue import rent, typical
from placement.analysis.changes import add_nodes
from placement.analysis.resolving import Resolver
from placement.instance import Node

INSTANCES = Path(__file__).parent.parent / "instances"
SEEDS = tinies.feasible_seeds(range(12))
FREE = {"engaged_cost_per_hour": 0.0, "accelerator_cost_per_hour": 0.0}


def resolver(seed):
    """Of a tiny instance with its optimal plan, which has no certificate."""
    plan = Solution.from_dict(tinies.optimal(seed))
    return Resolver(tinies.instance(seed), plan, seconds=10.0)


def shipped(name, seconds):
    """Of a shipped instance with its best known plan."""
    instance = Instance.load(INSTANCES / f"{name}-0.json")
    plan = Solution.load(INSTANCES / f"{name}-0.solution.json")
    return Resolver(instance, plan, seconds=seconds)


def true_gain(seed, node):
    """What a node gains that costs nothing, by brute force [$]."""
    changed = add_nodes(tinies.instance(seed), [node.model_copy(update=FREE)])
    return tinies.optimum(seed) - optimal_solution(changed.to_dict())["objective"]


@pytest.mark.parametrize("seed", SEEDS)
def test_no_candidate_gains_more_than_prices_allow(seed):
    """Nor more or less than the solves say, by brute force."""
    instance = tinies.instance(seed)
    offered = typical(instance)[:4]
    most = gains_at_most(resolver(seed), offered)
    rows = {row.node: row for row in next_nodes(resolver(seed), offered, tries=2).entries}
    for node, high in zip(offered, most, strict=True):
        gain = true_gain(seed, node)
        assert gain <= high + 1e-6 * max(1, tinies.optimum(seed))
        row = rows[node.name]
        assert gain - row.rent <= row.net.high + 1e-6 * max(1, tinies.optimum(seed))
        if row.net.estimate is not None:
            assert row.net.estimate == pytest.approx(gain - row.rent, abs=1e-5)
        if row.net.verdict != "undecided":
            assert (gain - row.rent > 0) == (row.net.verdict == "pays")


@pytest.mark.slow
def test_the_bound_is_tight_where_the_certificate_is():
    """For most candidates of a scenario it is within two percent of what a solve finds."""
    found = next_nodes(shipped("tee-scarce", 2.0))
    best = found.entries[0].net
    assert best.high <= best.estimate + 0.02 * 1220


def test_the_catalogue_is_what_there_is():
    """Each type and kind of trust that is there, in each region, at its typical price."""
    instance = Instance.load(INSTANCES / "tee-scarce-0.json")
    offered = typical(instance)
    kinds = {(node.accelerator, bool({"nvidia-cc"} & set(node.tee))) for node in offered}
    assert kinds == {("h100", False), ("h100", True), ("h200", False)}
    assert len(offered) == 3 * len(instance.regions)
    assert len({node.name for node in offered}) == len(offered)
    assert rent(offered[0], 7200.0) == pytest.approx(2 * rent(offered[0], 3600.0))


def test_trust_that_no_node_has_is_on_offer():
    """A policy that nobody can meet asks for hardware that could be added."""
    instance = Instance.load(INSTANCES / "tee-scarce-0.json")
    bare = instance.replace(nodes=[node.model_copy(update={"tee": ()}) for node in instance.nodes])
    assert any(node.tee == ("nvidia-cc",) for node in typical(bare))


def test_none_is_an_answer():
    """A node too dear for what it does does not pay, and is not the best."""
    instance = tinies.instance(SEEDS[0])
    dear = typical(instance)[0].model_copy(update={"engaged_cost_per_hour": 1e9})
    found = next_nodes(resolver(SEEDS[0]), [dear])
    assert found.best is None
    assert found.entries[0].net.verdict == "does not pay"
    assert found.entries[0].net.estimate is None  # its price is proof enough


def test_an_empty_catalogue_has_no_best():
    """Nothing on offer is no error."""
    assert next_nodes(resolver(SEEDS[0]), []).best is None


def test_a_taken_name_is_refused():
    """A candidate is a new node."""
    taken = tinies.instance(SEEDS[0]).nodes[0].name
    with pytest.raises(InputError, match=taken):
        next_nodes(resolver(SEEDS[0]), [Node(name=taken)])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("tee-scarce", lambda row: "nvidia-cc" in row.tee),
        ("eu-only", lambda row: row.region.startswith("eu")),
        ("over-supplied", None),
    ],
)
def test_scenarios_get_what_they_lack(name, what):
    """Trusted hardware, a node in the EU, and nothing where there is too much already."""
    best = next_nodes(shipped(name, 5.0)).best
    assert best is None if what is None else what(best)
