"""The shipped instances: made again they are the same, and what is said of them is proven."""

import json
import shlex
from functools import cache
from pathlib import Path

import pytest
from cli_samples import run
from oracle.exhaustive import optimum
from oracle.judge import judge as second_opinion

from placement import Instance, Solution
from placement.cli.verdict import judge
from placement.result import relative_gap
from placement.search import OPTIMAL

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "instances"
RECORDS = json.loads((FOLDER / "best_known.json").read_text(encoding="utf-8"))

each = pytest.mark.parametrize("name", RECORDS)


@cache
def files(name):
    """The instance and the placement on file."""
    folder = FOLDER / name
    return Instance.load(f"{folder}.json"), Solution.load(f"{folder}.solution.json")


def test_every_file_has_its_record():
    """And every record its two files."""
    names = {path.name for path in FOLDER.glob("*.json")} - {"best_known.json"}
    assert names == {
        f"{name}{ending}" for name in RECORDS for ending in (".json", ".solution.json")
    }


@each
def test_made_again_it_is_the_same(name, tmp_path, monkeypatch):
    """The command of the record gives the bytes of the file."""
    monkeypatch.chdir(ROOT)
    program, *arguments = shlex.split(RECORDS[name]["made_by"])
    path = tmp_path / "again.json"
    assert (program, run(*arguments, "-o", str(path)).exit_code) == ("placement", 0)
    assert path.read_bytes() == (FOLDER / f"{name}.json").read_bytes()


@each
def test_the_placement_is_what_the_record_says(name):
    """Two judges agree on cost and feasibility; the certificate proves what is claimed for it."""
    record, (instance, solution) = RECORDS[name], files(name)
    verdict = judge(instance, solution)
    assert verdict.passed, (verdict.untruths, verdict.evaluation.violations)
    theirs = second_opinion(instance.to_dict(), solution.to_dict())
    assert theirs.feasible, theirs.violations
    assert record["objective"] == pytest.approx(verdict.evaluation.objective, rel=1e-9)
    assert record["objective"] == pytest.approx(theirs.objective, rel=1e-6)
    assert record["certified_bound"] == pytest.approx(verdict.certified_bound, rel=1e-6)
    assert record["lower_bound"] == solution.lower_bound
    assert record["gap"] == pytest.approx(
        relative_gap(record["objective"], record["lower_bound"]), abs=1e-9
    )
    assert (record["proof"] == "the prices in the certificate") == (verdict.unproven is None)


@each
def test_the_prices_alone_are_never_above_the_bound(name):
    """Branching only adds to what prices prove."""
    record = RECORDS[name]
    assert record["certified_bound"] <= record["lower_bound"] + OPTIMAL * record["objective"]


@pytest.mark.parametrize("name", [name for name in RECORDS if name.startswith("tiny")])
def test_tiny_ones_are_optimal_by_an_exhaustive_model(name):
    """Written apart from the methods."""
    instance, _ = files(name)
    assert RECORDS[name]["objective"] == pytest.approx(optimum(instance.to_dict()), rel=1e-6)
    assert RECORDS[name]["gap"] <= OPTIMAL
