"""Ways out of infeasible instances: repairs are the least, contradictions irreducible."""

import json
from functools import cache

import by_hand
import pytest
import tinies
from cli_samples import run
from oracle.exhaustive import optimal_solution

from placement import Instance
from placement.analysis.changes import relax
from placement.analysis.contradictions import RULES
from placement.analysis.repairs import repairs
from placement.analysis.serving import counting
from placement.instance import Node


@cache
def infeasible():
    """Seeds of tiny instances without a placement."""
    return tuple(seed for seed in range(60) if tinies.optimal(seed) is None)


def feasible(instance):
    """Whether there is a placement, by brute force."""
    return optimal_solution(instance.to_dict()) is not None


def droppable(instance, names):
    """The instance in which some classes may be turned away."""
    rows = [
        row.model_copy(update={"penalty": 0.0}) if row.name in names else row
        for row in instance.requests
    ]
    return instance.replace(requests=rows)


def test_there_are_infeasible_instances():
    """Else nothing here tests anything."""
    assert len(infeasible()) >= 4


@pytest.mark.parametrize("seed", infeasible())
def test_as_few_requests_as_possible_are_dropped(seed):
    """As many as brute force drops; none where turning away does not help."""
    instance = tinies.instance(seed)
    must = {row.name: 1.0 for row in instance.requests if row.penalty is None}
    least = optimal_solution(counting(instance, must).to_dict())
    drops = repairs(instance, time_limit_s=20.0).drops
    if least is None:
        assert drops is None
        return
    assert sum(row.count for row in drops.entries) == round(least["objective"])
    assert drops.at_least == pytest.approx(drops.at_most)


@pytest.mark.parametrize("seed", infeasible())
def test_a_contradiction_is_irreducible(seed):
    """All of it is infeasible without anything else; without any one part it is not."""
    instance = tinies.instance(seed)
    found = repairs(instance, time_limit_s=20.0).contradiction
    assert found.irreducible
    kept = {part.name for part in found.entries}
    core = _without_others(instance, kept)
    assert not feasible(core)
    for part in found.entries:
        less = relax(core, part.name) if part.kind == "rule" else droppable(core, {part.name})
        assert feasible(less)


def _without_others(instance, kept):
    """The instance with the rules and requests of a contradiction only."""
    for family in RULES:
        instance = instance if family in kept else relax(instance, family)
    others = {row.name for row in instance.requests if row.penalty is None} - kept
    return droppable(instance, others)


def test_prices_say_which_requests_are_dropped():
    """The dear ones are kept; classes without a price are not turned away at all."""
    document = by_hand.network()
    document["requests"] = [
        {**document["requests"][0], "name": name, "count": 4_000, "penalty": None}
        for name in ("dear", "cheap", "kept")
    ]
    instance = Instance.from_dict(document)
    drops = repairs(instance, prices={"dear": 5.0, "cheap": 1.0}, time_limit_s=20.0).drops
    dropped = {row.request: row.count for row in drops.entries}
    assert dropped["cheap"] == 4_000
    assert "kept" not in dropped
    assert drops.at_most == pytest.approx(4_000 + 5 * dropped["dear"])


def test_nodes_are_added_as_few_as_are_enough():
    """Four nodes like the one there are needed for 30,000 requests; two hours each hold 6,516."""
    document = by_hand.network()
    document["requests"][0].update(count=30_000, penalty=None)
    instance = Instance.from_dict(document)
    found = repairs(instance, time_limit_s=20.0)
    rows = found.additions.entries
    assert sum(row.count for row in rows) == 4
    assert {"llm"} == {row.models for row in rows}
    assert found.additions.at_most == pytest.approx(4 * 2 * 3)
    assert found.additions.at_least == pytest.approx(4 * 2 * 3)
    (part,) = found.contradiction.entries
    assert part.name == "chat"
    assert "accelerator-seconds" in found.contradiction.reasons[0].sentence


def test_a_catalogue_that_does_not_help_gives_no_repair():
    """None is said where no node on offer could do it."""
    document = by_hand.network()
    document["requests"][0].update(count=30_000, penalty=None)
    useless = Node(name="disk", roles=("hosting",), storage_gb=1e3)
    found = repairs(Instance.from_dict(document), catalogue=[useless], time_limit_s=20.0)
    assert found.additions is None
    assert found.drops is not None


def test_what_is_feasible_needs_no_repair():
    """All is None."""
    found = repairs(Instance.from_dict(by_hand.network()), time_limit_s=5.0)
    assert found.needed is False
    assert not list(found.tables())


def test_repair_on_the_command_line(tmp_path):
    """Sentences and tables for people, everything as JSON, nodes on offer from a file."""
    document = by_hand.network()
    document["requests"][0].update(count=30_000, penalty=None)
    problem, offer = tmp_path / "instance.json", tmp_path / "offer.json"
    problem.write_text(json.dumps(document), encoding="utf-8")
    spare = {**document["nodes"][0], "name": "spare part", "hosted": []}
    offer.write_text(json.dumps({"nodes": [spare]}), encoding="utf-8")
    said = run("repair", str(problem))
    assert said.exit_code == 0
    assert "Adding nodes costs $24.00, at least $24.00." in said.stderr
    assert not said.stdout
    found = json.loads(run("repair", str(problem), "--json", "--catalogue", str(offer)).stdout)
    assert found["needed"] is True
    assert found["drops"]["rows"][0]["request"] == "chat"
    (row,) = found["additions"]["rows"]
    assert (row["node"], row["count"]) == ("spare part", 4)
    assert found["contradiction"]["irreducible"] is True
    problem.write_text(json.dumps(by_hand.network()), encoding="utf-8")
    assert "Nothing needs repair" in run("repair", str(problem)).stderr
