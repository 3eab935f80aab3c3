"""Published data, where `PLACEMENT_PUBLIC` names a directory of it: all of it is read and true.

The directory holds gap/ and cflp/ and mincostflow/, each with data/ and a table of optima. It is
no part of this project.
"""

import csv
import os
from pathlib import Path

import pytest

from placement import solve
from placement.formats.cflp import read_cflp, write_cflp
from placement.formats.dimacs import read_dimacs, solve_flow
from placement.formats.gap import read_gap, write_gap

PUBLIC = Path(os.environ.get("PLACEMENT_PUBLIC", "nowhere"))
pytestmark = pytest.mark.skipif(not PUBLIC.is_dir(), reason="PLACEMENT_PUBLIC names no directory")


def rows(folder, table):
    """The rows of a table of optima, and the path of the file each is about."""
    if not PUBLIC.is_dir():
        return []
    with (PUBLIC / folder / table).open(encoding="utf-8") as file:
        return [(PUBLIC / folder / "data" / row["file"], row) for row in csv.DictReader(file)]


def numbers(text):
    """All numbers of a text."""
    return list(map(float, text.split()))


ASSIGNMENTS = rows("gap", "best_known.csv")
LOCATIONS = rows("cflp", "optimal.csv")
FLOWS = rows("mincostflow", "optimal.csv")


def test_all_files_are_there():
    """90 assignments, 37 locations and 7 flows."""
    assert (len(ASSIGNMENTS), len(LOCATIONS), len(FLOWS)) == (90, 37, 7)


def test_assignments_are_read_and_written_back():
    """Every number of every file."""
    for path, row in ASSIGNMENTS:
        instance = read_gap(path)
        assert (len(instance.nodes), len(instance.requests)) == (
            int(row["agents"]),
            int(row["jobs"]),
        )
        assert numbers(write_gap(instance)) == numbers(path.read_text()), path


@pytest.mark.parametrize("name", [f"gap{k}-{i}" for k in (1, 4) for i in range(5)])
def test_small_assignments_have_the_published_optimum(name):
    """Proven anew."""
    path, row = next((path, row) for path, row in ASSIGNMENTS if row["file"] == name)
    result = solve(read_gap(path), "milp", gap=0, time_limit=60)
    assert result.status == "optimal"
    assert result.objective == pytest.approx(float(row["best_known"]))


@pytest.mark.parametrize("single", [False, True])
def test_locations_are_read_and_written_back(single):
    """Every number of every file, whoever serves."""
    for path, row in LOCATIONS:
        instance = read_cflp(path, single_source=single)
        assert len(instance.nodes) == int(row["facilities"])
        assert numbers(write_cflp(instance)) == numbers(path.read_text()), path


@pytest.mark.parametrize("name", ["cap41.txt", "cap64.txt", "cap74.txt", "cap101.txt"])
def test_locations_have_the_published_optimum(name):
    """From many sources; proven anew."""
    path, row = next((path, row) for path, row in LOCATIONS if row["file"] == name)
    result = solve(read_cflp(path), "milp", gap=1e-7, time_limit=60)
    assert result.objective == pytest.approx(float(row["published_capopt_multi_source"]), rel=1e-6)


def test_locations_with_a_single_source_have_their_optimum():
    """Where it is known."""
    path, row = next((path, row) for path, row in LOCATIONS if row["file"] == "cap71.txt")
    result = solve(read_cflp(path, single_source=True), "milp", gap=1e-7, time_limit=60)
    assert result.objective == pytest.approx(float(row["HiGHS_single_source_best"]), rel=1e-6)


def test_flows_have_the_published_optimum():
    """All of them, to the last unit."""
    for path, row in FLOWS:
        problem = read_dimacs(path)
        assert len(problem.supply) == int(row["nodes"])
        assert len(problem.tail) == int(row["arcs"])
        assert problem.cost_of(solve_flow(problem)) == int(row["optimal"]), path
