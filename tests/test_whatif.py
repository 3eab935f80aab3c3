"""What if: every change is answered, in Python and on the command line, and in time."""

import json
import time

import pytest
import tinies
from cli_samples import run

from placement import Instance, Solution, evaluate, solve
from placement.analysis.changes import FAMILIES, Change, drop_nodes, relax, scale_demand
from placement.analysis.whatif import idle_hours, what_if
from placement.cli import edits
from placement.generate import generate

SEEDS = tinies.feasible_seeds(range(10))


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Paths of a small instance and a plan for it."""
    folder = tmp_path_factory.mktemp("small")
    instance = generate("small", seed=0)
    instance.save(folder / "instance.json")
    solve(instance, "greedy").solution.save(folder / "plan.json")
    return str(folder / "instance.json"), str(folder / "plan.json")


def asked(*arguments):
    """The rows of `placement whatif ... --json`."""
    done = run("whatif", *arguments, "--json", "--time-limit", "2")
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_every_change_is_answered_by_its_optimum():
    """On tiny instances, where that is known; the instance as it is comes first."""
    for seed in SEEDS:
        instance = tinies.instance(seed)
        changes = [
            Change("fewer", drop_nodes(instance, [instance.nodes[0].name]), "restricted"),
            Change("more", scale_demand(instance, 2.0)),
            Change("freer", relax(instance, "place"), "relaxed"),
        ]
        plan = Solution.from_dict(tinies.optimal(seed))
        first, *rest = what_if(instance, plan, changes, time_limit_s=40).entries
        assert (first.change, first.difference.verdict) == ("as it is", "none")
        assert first.objective == pytest.approx(tinies.optimum(seed))
        for change, answer in zip(changes, rest, strict=True):
            best = solve(change.instance, gap=0)
            assert answer.objective == pytest.approx(best.objective)
            assert answer.status == best.status
            if best.objective is not None:
                apart = best.objective - tinies.optimum(seed)
                assert answer.difference.low - 1e-5 <= apart <= answer.difference.high + 1e-5
                assert answer.unserved == sum(best.solution.unserved.values()) or answer.gap < 1e-6


def test_idle_hours_are_what_nodes_have_left():
    """Reserve aside."""
    instance = generate("small", seed=0)
    plan = solve(instance, "greedy").solution
    usable = sum(n.accelerators * n.max_utilization for n in instance.nodes) * instance.window_s
    busy = evaluate(instance, plan).loads.busy_s.sum()
    assert idle_hours(instance, plan) == pytest.approx((usable - busy) / 3600)


def test_the_time_is_shared_by_all(small):
    """However many changes there are."""
    instance = Instance.load(small[0])
    changes = [Change(str(f), scale_demand(instance, 1 + f / 10)) for f in range(1, 9)]
    begun = time.process_time()
    what_if(instance, Solution.load(small[1]), changes, time_limit_s=3.0, threads=1)
    assert time.process_time() - begun < 12


# --- the command line -----------------------------------------------------------------------------


def test_every_kind_of_change_has_an_option(small, tmp_path):
    """Each is a row of its own, with its label; all at once make one more."""
    node = Instance.load(small[0]).nodes[0]
    fresh = node.model_copy(update={"name": "fresh"}).model_dump(mode="json")
    (tmp_path / "node.json").write_text(json.dumps({"nodes": [fresh]}))
    rows = asked(
        *small, "--add-node", str(tmp_path / "node.json"), "--drop-node", "node-02",
        "--drop-operator", node.operator, "--drop-region", node.region, "--scale-demand", "1.2",
        "--scale-throughput", "0.9", "--price", "all,+20%", "--relax", "tee", "--together",
    )  # fmt: skip
    assert [row["change"] for row in rows] == [
        "as it is", "with fresh", "without node-02", f"without operator {node.operator}",
        f"without region {node.region}", "demand x 1.2", "throughput of all x 0.9",
        "prices of all +20%", "tee relaxed", "all together",
    ]  # fmt: skip
    assert all(row["lower_bound"] is not None for row in rows)


def test_without_a_plan_one_is_looked_for(small):
    """The base is as good as one that is solved first."""
    rows = asked(small[0], "--scale-demand", "1.5")
    assert rows[1]["objective"] > rows[0]["objective"]


def test_people_see_a_table(small):
    """With what is known of each change."""
    done = run("whatif", *small, "--scale-demand", "2", "--time-limit", "1")
    assert done.exit_code == 0
    assert not done.stdout
    assert "What if" in done.stderr
    assert "demand x 2" in done.stderr
    assert "verdict" in done.stderr


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--drop-node", "x", "there is no node 'x'"),
        ("--scale-demand", "much", "--scale-demand takes a number such as 1.2, got 'much'"),
        ("--scale-demand", "-1", "the factor must be a number from"),
        ("--price", "all,dear", "got the change 'dear'"),
        ("--price", "+20%", "selector '' must be all or one of"),
        ("--add-node", "nowhere.json", "cannot read nowhere.json"),
    ],
)
def test_bad_changes_get_one_sentence(small, option, value, sentence):
    """And exit code 2."""
    done = run("whatif", *small, option, value)
    assert done.exit_code == 2
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_bad_node_file_is_named(small, tmp_path):
    """With the field that is wrong."""
    path = tmp_path / "node.json"
    path.write_text('{"nodes": [{"name": "a", "memory": 3}]}')
    done = run("whatif", *small, "--add-node", str(path))
    assert done.exit_code == 2
    assert f'{path}: `nodes[0].memory` of "a" is not a field' in done.stderr


def test_no_change_at_all_is_refused(small):
    """With what could be asked."""
    done = run("whatif", *small)
    assert done.exit_code == 2
    assert "no change is given" in done.stderr


def test_the_families_are_those_of_relax():
    """Help lists them without importing anything."""
    assert tuple(FAMILIES) == edits.FAMILIES
