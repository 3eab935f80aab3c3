"""The package as it is installed: instant help, no heavy imports, a wheel that runs."""

import json
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import cli_samples as samples
import pytest

ROOT = Path(__file__).parent.parent
COMMAND = Path(sys.executable).with_name("placement")
HELP_LIMIT_S = 0.2
HEAVY = {"highspy", "networkx", "numba", "numpy", "ortools", "pandas", "pydantic", "rich", "scipy"}


def test_help_is_instant():
    """`placement --help` takes under 0.2 s of processor time: the best of five."""
    times = []
    for _ in range(5):
        started = samples.children_s()
        subprocess.run([COMMAND, "--help"], stdout=subprocess.DEVNULL, check=True)
        times.append(samples.children_s() - started)
    assert min(times) < HELP_LIMIT_S


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["solve", "--help"]])
def test_help_imports_nothing_heavy(arguments):
    """What computes is imported by the command that computes."""
    script = (
        "import sys; from placement.cli import app\n"
        f"app({arguments!r}, prog_name='placement', standalone_mode=False)\n"
        "print('imported', *sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert HEAVY.isdisjoint(done.stderr.split())


def test_the_package_says_that_it_is_typed():
    """Type checkers of users look for this file."""
    assert (ROOT / "placement" / "py.typed").exists()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from the sources without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        check=True, capture_output=True,
    )  # fmt: skip
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    """No tests, no benchmarks, no instances: the package and its metadata."""
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"placement"}
    assert "placement/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The command of a fresh environment: the wheel's code, the dependencies of this one."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False)
    scripts = folder / Path(sys.executable).parent.name
    pip = [sys.executable, "-m", "pip", "--python", scripts / Path(sys.executable).name]
    subprocess.run(
        [*pip, "install", "--quiet", "--no-deps", "--no-index", wheel],
        check=True, capture_output=True,
    )  # fmt: skip
    (site,) = folder.glob("**/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return scripts / "placement"


def test_the_wheel_solves_and_checks(installed, tmp_path):
    """From file to file and from pipe to pipe, far from the sources."""
    problem = samples.write(tmp_path / "instance.json", samples.INSTANCE)
    where = subprocess.run(
        [installed.with_name("python"), "-c", "import placement; print(placement.__file__)"],
        check=True, capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert where.stdout.startswith(str(installed.parent.parent))
    solve = subprocess.run(
        [installed, "solve", "-", "--method", "greedy", "-o", "-"],
        input=json.dumps(samples.INSTANCE), check=True, capture_output=True, text=True,
    )  # fmt: skip
    check = subprocess.run(
        [installed, "check", problem, "-"],
        input=solve.stdout, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert check.returncode == 0, check.stderr
