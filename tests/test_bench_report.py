"""The report, the comparison, and what is kept as best known."""

import gzip
import json
import shlex

import pytest
from bench_samples import row, run, tree, write
from cli_samples import run as placement

from benchmarks import known, running
from benchmarks.comparing import compare
from benchmarks.duels import ahead, behind, duels
from benchmarks.execution import Outcome
from benchmarks.groups import grouped
from benchmarks.known import Best
from benchmarks.plan import Run
from benchmarks.problems import Origin
from benchmarks.rows import Key
from benchmarks.single import perform
from benchmarks.tables import exceptions, refuted, summary
from benchmarks.wording import sentences
from placement import Solution

ROWS = [
    row(instance=instance, method=method, seed=seed, objective=cost, incumbents=((1.0, cost),))
    for instance in ("i", "j", "k")
    for method, cost in (("ours:greedy", 12.0), ("ours:auto", 10.0))
    for seed in (0, 1)
]
"""Three instances, on each of which greedy costs a fifth more than auto."""


# --- the report -----------------------------------------------------------------------------------


def test_the_same_rows_give_the_same_bytes(tmp_path):
    """In whatever order they were written; the page asks nothing of any network."""
    for name, rows in (("one", ROWS), ("other", ROWS[::-1])):
        path = write(tmp_path / f"{name}.jsonl", rows)
        done = run("report", path, "-o", tmp_path / name)
        assert done.returncode == 0, done.stderr
    one, other = (tree(tmp_path / name) for name in ("one", "other"))
    assert one == other
    assert {path.suffix for path in one} == {".html", ".md", ".svg", ".png"}
    page = (tmp_path / "one" / "index.html").read_text("utf-8")
    assert page.count('src="data:image/svg+xml') == page.count("<img") == 2
    assert "href" not in page
    assert "<script" not in page


def test_without_times_a_report_does_not_depend_on_them(tmp_path):
    """Other seconds, other days, other memory: the same bytes."""
    later = {"seconds": 9.0, "peak_mb": 1.0, "date": "2027-01-01"}
    slower = [
        row(**{**found.to_dict(), **later, "incumbents": ((5.0, found.objective),)})
        for found in ROWS
    ]
    for name, rows in (("one", ROWS), ("other", slower)):
        path = write(tmp_path / f"{name}.jsonl", rows)
        assert run("report", path, "-o", tmp_path / name, "--no-times").returncode == 0
    assert tree(tmp_path / "one") == tree(tmp_path / "other")


def test_a_line_of_the_table_by_hand():
    """Greedy: six runs, six placed, none the best, a fifth above it, two tenths of bound on top."""
    (records,) = grouped(ROWS).values()
    auto, greedy = (dict(zip(t.heads, line, strict=True)) for t in [summary(records, times=True)]
                    for line in t.cells)  # fmt: skip
    assert (greedy["runs"], greedy["placed"], greedy["best known"]) == ("6", "6", "0")
    assert (greedy["gap to best: mean"], auto["gap to best: mean"]) == ("20.0 %", "0 %")
    assert greedy["to best proven bound: mean"] == "25.0 %"  # 12 against 9
    assert auto["primal integral"] == "10.0 %"  # one second of ten
    assert greedy["primal integral"] == "25.0 %"  # and a sixth of the other nine


def test_by_how_much_a_method_is_ahead():
    """A fifth ahead on one, level on the next, behind on the third, alone on the last."""
    costs = {"i": (10.0, 12.0), "j": (10.0, 10.0), "k": (10.0, 8.0), "l": (10.0, None)}
    rows = [
        row(instance=name, method=method, objective=cost, status="feasible" if cost else "unknown")
        for name, pair in costs.items()
        for method, cost in zip(("ours:auto", "peer:bold"), pair, strict=True)
    ]
    found = duels(grouped(rows))
    (line,) = ahead(found).cells
    assert line == ["set, 10 s", "4", "2", "1", "0 %, nothing on 1 of 4"]
    (line,) = behind(found).cells
    assert line == ["set", "k", "10", "peer:bold", "8", "10", "-20.0 %"]
    assert not duels(grouped(rows[1::2]))  # who is not there is ahead of nobody


def test_what_went_wrong_is_listed():
    """Bounds that a placement contradicts, and runs without an answer, with the reason."""
    rows = [
        row(objective=10.0),
        row(method="peer:bold", objective=11.0, certified_bound=None, bound=10.5, bound_by="claim"),
        row(method="peer:gone", status="skipped", reason="not here.", objective=None),
    ]
    assert refuted(rows).cells == [["set", "i", "peer:bold", "10", "10.5 by claim", "10"]]
    assert exceptions(rows).cells == [["set", "peer:gone", "skipped", "i", "not here."]]


def test_a_report_of_nothing_is_an_error(tmp_path):
    """In one sentence."""
    done = run("report", write(tmp_path / "none.jsonl", []), "-o", tmp_path / "report")
    assert done.returncode == 2
    assert "there is no run in the results yet." in done.stderr


# --- the comparison -------------------------------------------------------------------------------


def verdicts(old, new, **options):
    """What each case's cost, bound or time came to."""
    found = compare(old, new, 1e-3, **options)
    return {(c.case.instance, c.what): c.verdict for c in found.changes}


def test_better_and_worse_by_cost_and_bound():
    """A higher cost is worse, a higher bound better; a thousandth is none."""
    old = [row(instance=name) for name in "abc"]
    new = [
        row(instance="a", objective=10.1),
        row(instance="b", objective=9.5, bound=9.2),
        row(instance="c", objective=10.009, bound=8.0),
    ]
    assert verdicts(old, new) == {
        ("a", "cost"): "worse", ("a", "bound"): "same",
        ("b", "cost"): "better", ("b", "bound"): "better",
        ("c", "cost"): "same", ("c", "bound"): "worse",
    }  # fmt: skip


def test_a_placement_lost_is_worse_and_one_gained_better():
    """Whatever the others do."""
    nothing = row(objective=None, bound=None, status="unknown")
    assert verdicts([row()], [nothing]) == {("i", "cost"): "worse", ("i", "bound"): "worse"}
    assert verdicts([nothing], [row()]) == {("i", "cost"): "better", ("i", "bound"): "better"}
    assert verdicts([nothing], [nothing]) == {("i", "cost"): "same", ("i", "bound"): "same"}


def seeds(*costs):
    """One run a seed."""
    return [row(seed=seed, objective=cost) for seed, cost in enumerate(costs)]


def test_noise_is_what_seeds_differ_by():
    """The same step is news among seeds that agree, and noise among those that do not."""
    assert verdicts(seeds(10.0, 10.01, 9.99), seeds(10.2, 10.21, 10.19))["i", "cost"] == "worse"
    assert verdicts(seeds(9.0, 10.0, 11.0), seeds(9.2, 10.2, 11.2))["i", "cost"] == "same"


def test_times_count_where_asked_for_and_ended_early():
    """A quarter more is noise; a run until its limit has no time."""
    old, new = [row(seconds=4.0)], [row(seconds=6.0)]
    assert ("i", "time") not in verdicts(old, new)
    assert verdicts(old, new, times=True)["i", "time"] == "worse"
    assert verdicts(old, [row(seconds=4.9)], times=True)["i", "time"] == "same"


def test_a_set_as_a_whole_in_plain_words():
    """Ten cheaper of ten: a coin does that twice in 1024 throws."""
    old = [row(instance=f"i{n}") for n in range(10)]
    new = [row(instance=f"i{n}", objective=9.9 - n / 100) for n in range(10)]
    (overall,) = compare(old, new, 1e-3).overall
    assert (overall.better, overall.worse, overall.same) == (10, 0, 0)
    assert overall.chance == pytest.approx(2 / 1024)
    assert overall.low < overall.mean < overall.high < 0
    said = list(sentences(compare(old, new, 1e-3)))
    assert said[0] == "worse: none"
    assert "cheaper on 10, dearer on 0, equal on 0" in said[-1]


@pytest.mark.parametrize(("cost", "code"), [(10.0, 0), (9.0, 0), (10.5, 1)])
def test_the_exit_code_says_whether_anything_got_worse(tmp_path, cost, code):
    """1 for a regression, 0 for none."""
    files = [
        write(tmp_path / f"{c}-{k}.jsonl", [row(objective=c)]) for k, c in ((0, 10.0), (1, cost))
    ]
    done = run("compare", *files)
    assert done.returncode == code, done.stderr


# --- best known -----------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path, monkeypatch):
    """An empty store."""
    monkeypatch.setattr(known, "STORE", tmp_path / "store")
    return tmp_path / "store"


def tiny_run(seed=9):
    """Branch and bound on a tiny network of which nothing is known."""
    key = Key("s", "tiny", f"tiny-{seed}", "ours:milp", 0, 30.0, 1)
    return Run(key, Origin(f"tiny-{seed}", "preset", "tiny", seed), 0.0, 60.0)


def kept_as(name):
    """The placement kept under that name."""
    data = (known.STORE / f"{name}.solution.json.gz").read_bytes()
    return Solution.from_json(gzip.decompress(data))


def check(made_by, answer, folder):
    """What `placement check` finds of a placement, on the instance that a command makes."""
    paths = [str(folder / name) for name in ("instance.json", "answer.json")]
    assert placement(*made_by, "-o", paths[0]).exit_code == 0
    answer.save(paths[1])
    checked = placement("check", *paths, "--json")
    assert checked.exit_code == 0, checked.stderr
    return json.loads(checked.stdout)


def test_what_is_kept_can_be_checked_again(store, tmp_path):
    """By `placement check`, against the instance that the record's command makes."""
    asked = tiny_run()
    running.keep(Outcome(asked, *perform(asked)))
    ((name, record),) = known.index().items()
    program, *words = shlex.split(record["made_by"])
    assert (name, program) == ("tiny-9", "placement")
    checked = check(words, kept_as(name), tmp_path)
    assert checked["objective"] == pytest.approx(record["objective"])
    assert known.best(name).objective == record["objective"]


def test_only_what_is_better_is_kept(store):
    """The same run again changes nothing, and nor does what is proven elsewhere."""
    asked = tiny_run()
    outcome = Outcome(asked, *perform(asked))
    running.keep(outcome)
    before = tree(store)
    running.keep(outcome)
    assert tree(store) == before
    assert known.worth_keeping(9.9, Best(10.0, "a paper", 9.0), "x")
    assert known.worth_keeping(10.0, Best(10.0, "a paper", 9.0), "x")
    assert not known.worth_keeping(10.0, Best(10.0, "a paper", 10.0), "x")
    assert not known.worth_keeping(10.1, Best(10.0, "a paper", 9.0), "x")


def test_the_better_of_two_sources_counts():
    """The lower cost with its source, the higher bound."""
    one, other = Best(10.0, "one", 8.0), Best(9.0, "other", 7.0)
    assert known.better(one, other) == known.better(other, one) == Best(9.0, "other", 8.0)
    assert known.better(known.NOTHING, known.NOTHING) == known.NOTHING


@pytest.mark.parametrize("name", known.index())
def test_every_record_has_its_placement(name, tmp_path):
    """Small enough; `placement check` says the cost of the record where anybody can make it."""
    record, kept = known.index()[name], kept_as(name)
    assert kept.objective == pytest.approx(record["objective"], rel=1e-9)
    assert (known.STORE / f"{name}.solution.json.gz").stat().st_size <= known.MOST_BYTES
    words = shlex.split(record["made_by"])[1:]
    if words[0] == "generate":
        checked = check(words, kept, tmp_path)
        assert checked["objective"] == pytest.approx(record["objective"])
        assert checked["certified_bound"] == pytest.approx(record["bound"])


def test_a_shipped_instance_has_its_best_known():
    """From the file beside it, bound by certificate."""
    assert known.best("tiny-0").objective == pytest.approx(21.75)
    assert known.best("tiny-0").source == "instances/best_known.json"
