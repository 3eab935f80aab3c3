"""Native code: compiled once, kept, never stale, and never on the clock of a solve."""

import ast
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from placement import native, solving
from placement.cli import app
from placement.errors import EngineError
from placement.generate import generate

PACKAGE = Path(native.__file__).parent
INNER = """
from placement.native import native

@native("int64(int64)")
def inner(x):
    return x + {add}
"""
OUTER = """
from placement.native import native
from placement.hot.inner import inner

@native("int64(int64)")
def outer(x):
    return 10 * inner(x)
"""
TELL = """
from placement import native
native.MODULES = ("placement.hot",)
before = native.is_ready()
native.prepare()
from placement.hot.outer import outer
stats = outer.stats
hit = sum(stats.cache_hits.values())
print(before, native.is_ready(), hit, outer(1))
"""


@pytest.fixture
def house(tmp_path):
    """A package of the bare minimum, with two native modules, one of which calls the other."""
    package = tmp_path / "placement"
    (package / "hot").mkdir(parents=True)
    for name in ("native.py", "errors.py"):
        shutil.copy(PACKAGE / name, package / name)
    (package / "__init__.py").touch()
    (package / "hot" / "__init__.py").touch()
    (package / "hot" / "inner.py").write_text(INNER.format(add=1))
    (package / "hot" / "outer.py").write_text(OUTER)
    return package


def begin(house, script=TELL, **environment):
    """Start Python in that house, the caches of its user in there too."""
    given = {"PYTHONPATH": str(house.parent), "XDG_CACHE_HOME": str(house.parent / "cache")}
    kept = {k: v for k, v in os.environ.items() if k not in ("NUMBA_CACHE_DIR", "PYTHONPATH")}
    return subprocess.Popen(
        [sys.executable, "-c", script],
        env={**kept, "HOME": str(house.parent), **given, **environment},
        cwd=house.parent,
        stdout=subprocess.PIPE,
        text=True,
    )


def told(process):
    """What it says: ready before, ready after, loaded from the cache, and 10 * inner(1)."""
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return out.split()


def test_compiled_once_and_again_only_where_the_source_changed(house):
    """Also where only a function that is called from another file has changed."""
    assert told(begin(house)) == ["False", "True", "0", "20"]
    assert told(begin(house)) == ["True", "True", "1", "20"]
    (house / "hot" / "inner.py").write_text(INNER.format(add=11))
    assert told(begin(house)) == ["False", "True", "0", "120"]
    assert told(begin(house)) == ["True", "True", "1", "120"]


def test_two_at_once_do_no_harm(house):
    """The second waits for the first, and loads what that has compiled."""
    both = [begin(house), begin(house)]
    answers = sorted(told(process) for process in both)
    assert [answer[1] for answer in answers] == ["True", "True"]
    assert [answer[3] for answer in answers] == ["20", "20"]
    assert min(answer[2] for answer in answers) == "0"


def test_a_package_that_cannot_be_written_is_compiled_all_the_same(house):
    """It is kept with the user; without even a place there it is compiled each time."""
    for place in (house, house / "hot"):
        shutil.rmtree(place / "__pycache__", ignore_errors=True)
        (place / "__pycache__").touch()  # not even root can make files in a file
    assert told(begin(house)) == ["False", "True", "0", "20"]
    assert told(begin(house)) == ["True", "True", "1", "20"]
    nowhere = {"XDG_CACHE_HOME": os.devnull, "HOME": os.devnull}
    assert told(begin(house, **nowhere)) == ["False", "False", "0", "20"]


def test_a_directory_for_caches_is_heeded(house, tmp_path):
    """The variable that numba reads counts for our notes too."""
    given = {"NUMBA_CACHE_DIR": str(tmp_path / "given")}
    assert told(begin(house, **given)) == ["False", "True", "0", "20"]
    assert told(begin(house, **given)) == ["True", "True", "1", "20"]
    (house / "hot" / "inner.py").write_text(INNER.format(add=11))
    assert told(begin(house, **given)) == ["False", "True", "0", "120"]
    assert not list(house.rglob("*.nbi"))


def test_what_cannot_be_compiled_is_an_engine_error(house):
    """In one sentence, whatever numba says."""
    (house / "hot" / "inner.py").write_text(INNER.format(add="unheard_of"))
    script = (
        f"from placement.errors import EngineError\ntry:{TELL.replace(chr(10), chr(10) + '    ')}"
    )
    script += "\nexcept EngineError as error:\n    print(type(error).__name__)"
    assert told(begin(house, script)) == ["EngineError"]


def test_importing_the_library_does_not_import_numba():
    """Nor does solving what is small."""
    script = (
        "import sys, placement, placement.solving\n"
        "from placement.generate import generate\n"
        "placement.solve(generate('tiny', seed=1), 'greedy')\n"
        "sys.exit('numba' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def imported(name):
    """The modules of the package that a module imports, wherever in it."""
    path = PACKAGE.parent.joinpath(*name.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("placement."):
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (node.module, *filter(is_module, inner))


def is_module(name):
    """Whether it is a module and not something within one."""
    return PACKAGE.parent.joinpath(*name.split(".")).with_suffix(".py").exists()


def test_every_module_with_native_functions_is_listed():
    """All that methods lead to, so that it is compiled before any clock runs."""
    listed = {name for entry in native.MODULES for name in native._members(entry)}
    known = {place.split(":")[0] for place in solving.METHODS.values()}
    waiting = sorted(known)
    while waiting:
        name = waiting.pop()
        found = set(imported(name))
        assert "placement.native" not in found or name in listed, name
        waiting += sorted(found - known)
        known |= found
    assert len(known) > 20


def test_every_module_listed_exists():
    """And loads."""
    native.prepare()
    assert native.is_ready()
    for entry in native.MODULES:
        assert native._members(entry)


LOAD = """
import sys
from placement import generate, native
native.prepare(generate.generate("tiny"))
print("placement.methods.pricing.kernels" in sys.modules, native.FOR_JOBS in sys.modules)
"""


def test_what_is_of_no_use_is_not_loaded():
    """Instances with models leave the engine for plain jobs alone, once all is compiled."""
    native.prepare()
    told = subprocess.run([sys.executable, "-c", LOAD], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["True", "False"]


def test_compiling_is_not_on_the_clock(monkeypatch):
    """A second of it leaves a limit of half a second as it is; small instances need none."""
    prepared = []

    def prepare(_):
        prepared.append(time.monotonic())
        time.sleep(1)

    monkeypatch.setattr(native, "prepare", prepare)
    monkeypatch.setattr(native, "LEAST_PAIRS", 100)
    result = solving.solve(generate("small"), "nearest", time_limit=0.5)
    assert result.objective is not None
    assert sum(result.runtime_s.values()) < 1
    solving.solve(generate("tiny", seed=1), "nearest")
    assert len(prepared) == 1


@pytest.mark.parametrize("ready", [True, False])
def test_the_command_says_what_it_waits_for(ready, monkeypatch, tmp_path):
    """One line, on standard error, and only where there is something to compile."""
    path = tmp_path / "small.json"
    path.write_text(generate("small").to_json())
    monkeypatch.setattr(native, "LEAST_PAIRS", 100)
    monkeypatch.setattr(native, "is_ready", lambda: ready)
    done = CliRunner().invoke(app, ["solve", str(path), "--method", "nearest", "--json"])
    assert done.exit_code == 0
    assert ("compiling native code" in done.stderr) != ready
    assert "compiling" not in done.stdout


def test_an_error_is_passed_on(monkeypatch):
    """Where native code cannot be had, that is what is said."""
    monkeypatch.setattr(native, "MODULES", ("placement.not_there",))
    with pytest.raises(EngineError, match="native"):
        native.prepare()


NUMBERS = {"ceil", "exp", "float64", "floor", "inf", "int64", "isfinite", "log", "sqrt", "uint64"}


def _native_functions():
    for module in native.MODULES:
        place = PACKAGE.parent / module.replace(".", "/")
        for path in sorted(place.glob("*.py")) or [place.with_suffix(".py")]:
            for node in ast.walk(ast.parse(path.read_text())):
                for mark in getattr(node, "decorator_list", []):
                    if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "native":
                        yield node, any(k.arg == "makes_arrays" for k in mark.keywords)


def _may_make_arrays(node):
    """Whether it calls what may: a method, numpy for more than numbers, or a slice that is read."""
    if isinstance(node, ast.Subscript):
        parts = getattr(node.slice, "elts", [node.slice])
        return isinstance(node.ctx, ast.Load) and any(isinstance(p, ast.Slice) for p in parts)
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return False
    return not (ast.unparse(node.func.value) == "np" and node.func.attr in NUMBERS)


def test_functions_that_make_arrays_say_so():
    """References to arrays are not counted in the others, so what they make would leak."""
    functions = list(_native_functions())
    assert len(functions) > 100
    assert any(said for _, said in functions)
    for function, said in functions:
        body = [node for part in function.body for node in ast.walk(part)]
        assert said or not any(map(_may_make_arrays, body)), function.name
