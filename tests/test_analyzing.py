"""analyze: all parts within one time limit, in Python and on the command line."""

import json

import pytest
import tinies
from cli_samples import run

from placement import InputError, Solution, analyze, solve
from placement.analysis.analyzing import PARTS, Analysis
from placement.cli import analyst
from placement.generate import generate


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Paths of a tiny instance and its optimal plan."""
    folder = tmp_path_factory.mktemp("tiny")
    instance = generate("tiny", seed=4)
    instance.save(folder / "instance.json")
    solve(instance, gap=0).solution.save(folder / "plan.json")
    return str(folder / "instance.json"), str(folder / "plan.json")


def test_only_the_parts_asked_for_are_made():
    """The others are None."""
    seed = tinies.feasible_seeds(range(4))[0]
    plan = Solution.from_dict(tinies.optimal(seed))
    found = analyze(tinies.instance(seed), plan, parts=["gains"], time_limit_s=0)
    assert found.gains is not None
    assert found.rules is found.robustness is found.frontiers is None
    assert {path.split(".")[0] for path, _ in found.tables()} == {"gains"}


def test_everything_is_ready_for_json():
    """Every table by its path, every row with every column."""
    instance = generate("tiny", seed=4)
    found = analyze(instance, time_limit_s=20)
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert {*data, "plan"} == {*PARTS, "plan"} == set(Analysis.__dataclass_fields__)
    for path, table in found.tables():
        part, _, name = path.partition(".")
        rows = data[part][name] if name else data[part]
        assert rows == [dict(zip(table.columns, row, strict=True)) for row in table.rows()]
        assert table.title
        assert set(table.shown) <= set(table.columns)
    assert data["gains"]["verified"] == found.gains.verified


def test_progress_ends_at_what_was_planned():
    """Never more is done than there is to do."""
    told = []
    analyze(generate("tiny", seed=4), time_limit_s=20, progress=lambda *news: told.append(news))
    assert all(done <= of for _, done, of in told)
    assert told[0] == ("as it is", 1, told[0][2])


def test_bad_input_gets_one_sentence():
    """An unknown part, and an instance that has no placement."""
    instance = generate("tiny", seed=4)
    with pytest.raises(InputError, match="no part 'luck'; choose of idle, gains"):
        analyze(instance, parts=["luck"])
    request = instance.requests[0].model_copy(update={"penalty": None, "max_ttft_ms": 0.0})
    hopeless = instance.replace(requests=[request], pairs=[])
    with pytest.raises(InputError, match=r"no placement of instance 'tiny-4' was found \(infeas"):
        analyze(hopeless, time_limit_s=5)


# --- the command line -----------------------------------------------------------------------------


def test_people_see_tables(files):
    """Those of the parts asked for."""
    done = run("analyze", *files, "--parts", "gains,rules", "--time-limit", "5")
    assert done.exit_code == 0
    assert not done.stdout
    for title in ("Who gains: groups", "Concentration", "Collusion", "Price of each rule"):
        assert title in done.stderr
    assert "Stress" not in done.stderr


def test_json_is_what_python_gives(files):
    """All rows of the parts asked for, null for the others."""
    done = run("analyze", *files, "--parts", "gains", "--json")
    data = json.loads(done.stdout)
    assert data["rules"] is None
    assert data["gains"]["groups"]


def test_the_parts_are_those_of_python(files):
    """Help lists them without importing anything; another is refused."""
    assert tuple(PARTS) == analyst.PARTS
    done = run("analyze", *files, "--parts", "luck")
    assert done.exit_code == 2
    assert "no part 'luck'" in done.stderr
