"""Suites, runs and rows: what is wrong is said, what is there is not run again, nothing is lost."""

import json
import re
import signal
import subprocess
import time
from contextlib import suppress
from types import SimpleNamespace

import pytest
from bench_samples import ROOT, command, row, run, tree, write
from interrupts import heed_interrupts

from benchmarks import contenders, known, suite
from benchmarks.contenders import Watch
from benchmarks.execution import apart
from benchmarks.judging import course, judge
from benchmarks.plan import Run, plan
from benchmarks.problems import Origin
from benchmarks.rows import Key, Results, read
from benchmarks.single import perform
from placement import InputError, Instance, Solution, solve
from placement.formats.dimacs import parse_dimacs, solve_flow
from placement.generate import generate

SUITE = """
title = "Two hundred runs"
methods = ["ours:greedy", "ours:nearest", "ours:random", "ours:round-robin", "ours:relaxation"]
seconds = [30]
threads = 1

[[sets]]
name = "tiny"
presets = ["tiny"]
instance_seeds = [{seeds}]
"""
PUBLISHED = """
title = "One folder"
methods = ["ours:auto"]
seconds = [1]

[[sets]]
name = "gap"
[sets.published]
format = "gap"
folder = "gap/data"
table = "gap/best.csv"
value = "value"
bound = "bound"
source = "a paper"
"""
JOBS = {"name": "jobs", "window_s": 3600.0, "nodes": [{"name": "a", "roles": ["inference"],
        "accelerators": 1}], "requests": [{"name": "job", "count": 2, "penalty": 5.0}],
        "pairs": [{"request": "job", "node": "a", "cost": 1.0, "work_s": 60.0}]}  # fmt: skip


def tiny(method="ours:greedy", **given):
    """One run on a tiny network."""
    key = Key("s", "tiny", "tiny-0", method, 0, 30.0, 1)
    fields = {"key": key, "origin": Origin("tiny-0", "preset", "tiny"), "gap": 0.0, "grace_s": 60.0}
    return Run(**{**fields, **given})


def cost(paid, **fields):
    """A placement of `JOBS` that turns so many away."""
    served = [{"request": "job", "node": "a", "count": 2 - paid}] if paid < 2 else []
    unserved = {"job": paid} if paid else {}
    data = {"instance": "jobs", "inference": served, "unserved": unserved}
    return Solution.from_dict({**data, **fields})


# --- suites ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(suite.SUITES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_suite_names_what_there_is(path):
    """Methods, presets and files; of published data only that none are named here."""
    name, chosen = suite.load(path.stem)
    listed = plan(name, chosen, None)
    published = [part.name for part in chosen.sets if part.published]
    assert [re.match(r"set (\S+) is left out", said)[1] for said in listed.left_out] == published
    assert len({run.key for run in listed.runs}) == len(listed.runs)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("threads = 1", "thread = 1"), "`thread` is not a field"),
        (("seconds = [30]", "seconds = [0]"), "`seconds[0]` should be greater than 0, got 0"),
        (("seconds = [30]", ""), "`seconds` is missing"),
        (("ours:greedy", "ours:greed"), "method 'ours:greed' is unknown; choose ours: and one of"),
        (("ours:greedy", "ours:milp/gurobi"), "method 'ours:milp/gurobi' is unknown"),
        (("ours:greedy", "peer:nobody"), "method 'peer:nobody' is unknown; choose peer: and one"),
        (("ours:greedy", "greedy"), "method 'greedy' must begin with ours:, peer: or flow:."),
        (('presets = ["tiny"]', 'presets = ["teeny"]'), "there is no preset 'teeny'"),
        (('presets = ["tiny"]', 'shipped = ["nothing"]'), "there is no instance 'nothing'"),
        (('presets = ["tiny"]', ""), "must have exactly one of presets, shipped and published"),
        (("[[sets]]", "[[sets"), "cannot read"),
    ],
)
def test_what_is_wrong_with_a_suite_is_said_in_one_sentence(tmp_path, change, sentence):
    """With the field, and what would be right; exit code 2."""
    path = tmp_path / "wrong.toml"
    path.write_text(SUITE.format(seeds=0).replace(*change), encoding="utf-8")
    with pytest.raises(InputError) as raised:
        plan(*suite.load(str(path)), None)
    assert sentence in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_unknown_suite_is_an_error_of_the_command_line(tmp_path):
    """With the names of those there are."""
    done = run("run", "nothing", "-o", tmp_path / "rows.jsonl")
    assert done.returncode == 2
    assert "there is no suite 'nothing'; choose cflp, flows, gap" in done.stderr
    assert "Traceback" not in done.stderr


def test_published_files_are_listed_by_their_table(tmp_path):
    """With what is known of them; an empty cell is unknown."""
    (tmp_path / "gap").mkdir()
    table = tmp_path / "gap" / "best.csv"
    table.write_text("file,value,bound\none,10,9\ntwo,,\n", encoding="utf-8")
    path = tmp_path / "s.toml"
    path.write_text(PUBLISHED, encoding="utf-8")
    one, two = (run.origin for run in plan(*suite.load(str(path)), tmp_path).runs)
    assert one.best == known.Best(10.0, "a paper", 9.0)
    assert (two.best, two.place) == (known.NOTHING, str(tmp_path / "gap" / "data" / "two"))


# --- one run --------------------------------------------------------------------------------------


def test_a_run_survives_its_journey():
    """Through JSON to its process and back."""
    assert Run.from_dict(tiny().to_dict()) == tiny()


def test_a_run_in_a_process_of_its_own():
    """Judged, timed, and said what it ran on."""
    found = apart(tiny("ours:milp/highs")).row
    best = solve(generate("tiny", 0), "milp", gap=0)
    assert (found.status, found.objective) == ("optimal", pytest.approx(best.objective))
    assert found.bound == pytest.approx(found.objective)
    assert found.incumbents[-1][1] == pytest.approx(found.objective)
    assert 0 < found.time_to_best_s <= found.seconds
    assert 0 < found.primal_integral < 30
    assert found.peak_mb > 10
    assert {"python", "placement", "ortools", "highspy"} <= found.versions.keys()
    assert found.cpu
    assert found.cores


def test_a_crash_is_a_row():
    """With what it said last."""
    found = apart(tiny(origin=Origin("gone", "shipped", "/nowhere/gone.json"))).row
    assert found.status == "failed"
    assert "cannot read /nowhere/gone.json" in found.reason


def test_who_does_not_come_back_is_ended():
    """A tenth of a second is over before Python has started."""
    begun = time.monotonic()
    key = tiny().key._replace(limit_s=0.05)
    found = apart(tiny(key=key, grace_s=0.05)).row
    assert (found.status, found.reason) == ("failed", "did not end 0.05 s after its limit.")
    assert time.monotonic() - begun < 10


def test_who_asked_being_gone_ends_a_run():
    """Its input ends, and so does it."""
    process = subprocess.Popen(
        [*command()[:2], "benchmarks.single"], cwd=ROOT, stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    long = tiny("ours:milp/highs", origin=Origin("large-0", "preset", "large"))
    process.stdin.write(json.dumps(long.to_dict()).encode() + b"\n")
    process.stdin.close()
    assert process.wait(30) == -signal.SIGKILL


# --- judging --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "status", "objective"),
    [
        (None, "unknown", None),
        (cost(0), "feasible", 2.0),
        (cost(0, lower_bound=2.0), "optimal", 2.0),
        (cost(0, lower_bound=2.1), "rejected", None),
        (cost(0, unserved={"job": 1}), "rejected", None),
        (cost(0, hosting={"nobody": ["a"]}), "rejected", None),
        (cost(2, status="unknown", unserved={}), "unknown", None),
    ],
)
def test_answers_are_judged_and_not_believed(answer, status, objective):
    """Cost and rules anew; a bound above one's own cost is untrue."""
    verdict = judge(Instance.from_dict(JOBS), answer)
    assert (verdict.status, verdict.objective) == (status, objective)
    assert bool(verdict.reason) == (status == "rejected")


def test_a_bound_is_certified_where_prices_prove_it():
    """One that is only claimed is the method's word."""
    verdict = judge(Instance.from_dict(JOBS), cost(0, lower_bound=2.0))
    assert (verdict.certified, verdict.bound_is_certified) == (None, False)
    proven = solve(Instance.from_dict(JOBS)).solution
    verdict = judge(Instance.from_dict(JOBS), proven)
    assert verdict.certified == pytest.approx(2.0)
    assert verdict.bound_is_certified


def test_flows_are_judged_by_balance_bounds_and_cost():
    """Of three arcs, each wrong in its own way."""
    problem = parse_dimacs(b"p min 3 3\nn 1 4\nn 3 -4\na 1 2 0 4 2\na 2 3 0 3 -1\na 1 3 1 5 3", "x")
    flow = solve_flow(problem)
    assert judge(problem, flow).objective == 6.0
    for wrong, why in (
        ([3, 2, 1], "node 2"),
        ([4, 4, 0], "arc 3 carries less"),
        ([-1, -1, 5], "arc 1"),
    ):
        assert why in judge(problem, flow * 0 + wrong).reason
    assert judge(problem, None).status == "infeasible"


def answers(_, report, **__):
    """Report a bad placement, a false one, then answer with a good one and a bound."""
    report(cost(2))
    report(cost(0, unserved={"job": 1}))
    return cost(0, lower_bound=1.5)


PEER = SimpleNamespace(
    NAME="fake",
    unavailable=lambda instance: None if instance.name == "jobs" else "takes jobs only.",
    run=answers,
    versions=lambda: {"fake": "1"},
)


@pytest.fixture
def fake_peer(monkeypatch):
    """A peer of that name."""
    monkeypatch.setattr(contenders.peers, "PEERS", ("fake",))
    monkeypatch.setattr(contenders.peers, "load", lambda _: PEER)


def test_what_a_peer_reports_is_judged_after_the_run(fake_peer, tmp_path):
    """What breaks a rule is refused and counted; its bound stays a claim."""
    path = tmp_path / "jobs.json"
    Instance.from_dict(JOBS).save(path)
    found, _ = perform(tiny("peer:fake", origin=Origin("jobs", "shipped", str(path))))
    assert [paid for _, paid in found.incumbents] == [10.0, 2.0]
    assert (found.refused, found.bound, found.bound_by) == (1, 1.5, "claim")
    assert found.versions["fake"] == "1"


def test_a_peer_says_what_it_does_not_take(fake_peer):
    """The reason is in the row."""
    found, _ = perform(tiny("peer:fake"))
    assert (found.status, found.reason) == ("skipped", "takes jobs only.")


def test_costs_below_what_the_answer_costs_are_not_believed():
    """Then only the answer counts, when it came."""
    instance, watch = Instance.from_dict(JOBS), Watch()
    watch.costs = [(0.1, 1.0)]
    verdict = judge(instance, cost(0))
    assert course(instance, watch, verdict, 3.0).incumbents == [(3.0, 2.0)]


# --- rows -----------------------------------------------------------------------------------------


def test_a_half_written_line_is_no_row(tmp_path):
    """It is cut off before the next is written; a broken line before it is an error."""
    path = write(tmp_path / "rows.jsonl", [row(), row(instance="j")])
    whole = path.read_bytes()
    path.write_bytes(whole + row(instance="k").to_json().encode()[:40])
    assert [found.instance for found in read([path])] == ["i", "j"]
    Results(path).append(row(instance="l"))
    assert [found.instance for found in read([path])] == ["i", "j", "l"]
    path.write_bytes(b'{"suite": 1}\n' + whole)
    with pytest.raises(InputError, match="line 1: `suite`"):
        read([path])


def test_what_was_skipped_is_tried_again(tmp_path):
    """And written again only where it says something new."""
    results = Results(tmp_path / "rows.jsonl")
    skipped = row(status="skipped", reason="not here.", objective=None)
    for found in (skipped, skipped, row(instance="j", status="failed", reason="crashed")):
        results.append(found)
    assert len(results.path.read_bytes().splitlines()) == 2
    assert not results.has(skipped.key)
    assert results.has(row(instance="j").key)
    results.append(row())
    assert [found.status for found in read([results.path])] == ["feasible", "failed"]


def test_sets_are_in_the_order_of_people(tmp_path):
    """60 before 300."""
    path = write(tmp_path / "rows.jsonl", [row(set=f"{n} nodes") for n in (300, 60, 1000)])
    assert [found.set for found in read([path])] == ["60 nodes", "300 nodes", "1000 nodes"]


# --- killed and resumed ---------------------------------------------------------------------------


def killed_halfway(words, results, lines):
    """Start a suite, and end it by force once so many rows are there; then half a line more."""
    process = subprocess.Popen(words, cwd=ROOT, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        with suppress(FileNotFoundError):
            if results.read_bytes().count(b"\n") >= lines:
                break
        time.sleep(0.01)
    assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    with results.open("ab") as file:
        file.write(b'{"suite": "ma')


def reports(paths, folder):
    """The files of a report of each, without what a clock has a say in."""
    for path in paths:
        done = run("report", path, "-o", folder / path.stem, "--no-times")
        assert done.returncode == 0, done.stderr
        yield tree(folder / path.stem)


def resumed_is_the_same(folder, networks, *, fake):
    """A suite run at once, and one killed half-way and resumed, give the same report.

    Its runs are five methods on so many tiny networks.
    """
    path, size = folder / "suite.toml", 5 * networks
    path.write_text(SUITE.format(seeds=", ".join(map(str, range(networks)))), encoding="utf-8")
    whole, parted = folder / "whole.jsonl", folder / "parted.jsonl"
    words = ("run", path, "--jobs", 2, "-o")
    assert run(*words, whole, fake=fake).returncode == 0
    killed_halfway(command(*words, parted, fake=fake), parted, size // 2)
    assert size // 2 <= len(read([parted])) < size
    assert run(*words, parted, fake=fake).returncode == 0
    assert len(parted.read_bytes().splitlines()) == len(read([parted])) == size
    one, other = reports([whole, parted], folder)
    assert one == other
    assert {name.suffix for name in one} == {".html", ".md", ".svg", ".png"}


@pytest.mark.slow
def test_two_hundred_runs_killed_and_resumed_give_the_same_report(tmp_path):
    """Byte for byte; runs that cost nothing stand for methods."""
    resumed_is_the_same(tmp_path, 40, fake=True)


@pytest.mark.slow
def test_real_runs_killed_and_resumed_give_the_same_report(tmp_path):
    """The same with methods that no clock stops, each run in its process."""
    resumed_is_the_same(tmp_path, 12, fake=False)


def test_an_interrupt_ends_a_suite_at_once(tmp_path):
    """Runs under way included; exit code 130 and a sentence."""
    path, results = tmp_path / "long.toml", tmp_path / "rows.jsonl"
    text = re.sub("methods = .*", 'methods = ["ours:milp/highs"]', SUITE.format(seeds=0))
    path.write_text(text.replace('"tiny"]', '"tiny", "large"]'), encoding="utf-8")
    process = subprocess.Popen(
        command("run", path, "-o", results), cwd=ROOT, stderr=subprocess.PIPE, text=True,
        preexec_fn=heed_interrupts,
    )  # fmt: skip
    while process.poll() is None and (not results.exists() or not results.read_bytes()):
        time.sleep(0.01)
    time.sleep(1)
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=20)[1]
    assert process.returncode == 130
    assert time.monotonic() - begun < 15
    assert "the same command goes on from here" in said


def test_a_suite_that_is_done_runs_nothing(tmp_path):
    """The file stays as it is."""
    path, results = tmp_path / "one.toml", tmp_path / "rows.jsonl"
    path.write_text(SUITE.format(seeds=0), encoding="utf-8")
    assert run("run", path, "-o", results, fake=True).stdout.strip() == str(results)
    before = results.read_bytes()
    assert run("run", path, "-o", results, fake=True).returncode == 0
    assert results.read_bytes() == before
