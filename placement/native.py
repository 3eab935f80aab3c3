"""Native speed for hot loops: functions compiled by numba when their module is first imported.

Every such function has explicit signatures, so it is compiled once, when it is defined, and kept on
disk beside the module, or in the user's cache directory where that cannot be written; later
processes load it. It gives up the interpreter's lock, so two run side by side in threads.

Compiling takes some 40 s and loading one or two, once a process. `solve` calls `prepare` before its
clock starts, for instances large enough (`pays_for`); a command has its limit pay for loading, and
never for compiling. Methods import modules with native functions only where `pays` says so. Nothing
here imports numba before.
"""

import hashlib
import importlib
import os
import platform
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from placement.errors import EngineError

if TYPE_CHECKING:
    from placement.instance import Instance

MODULES: tuple[str, ...] = (
    "placement.methods.pricing",
    "placement.methods.recreate",
    "placement.methods.completion_kernels",
    "placement.methods.newcopies_kernels",
    "placement.methods.offers_kernels",
    "placement.methods.assignment",
)
"""Modules with native functions; a package stands for all its modules.

What a native function calls is compiled into it, so a module and those it calls across files
belong into one package.
"""

FOR_JOBS = "placement.methods.assignment"
"""What only instances without models have a use for."""

LEAST_PAIRS = 5_000
"""Smaller instances, by classes x nodes, are solved without native functions."""

LEAST_JOB_PAIRS = 60
"""The same where all requests are plain jobs, by rows of pairs."""

_ROOT = Path(__file__).parent
_TAG = f"py{sys.version_info.major}{sys.version_info.minor}"
_F = TypeVar("_F", bound=Callable[..., Any])
_lock = threading.RLock()
_fresh: set[str] = set()
_loaded: set[str] = set()


def native(*signatures: Any, makes_arrays: bool = False) -> Callable[[_F], _F]:
    """Compile a function of numbers and numpy arrays for the given numba signatures.

    Division by zero gives infinity or NaN as in numpy, and floating point is not reordered: the
    same input gives the same bits on every run.

    References to arrays are not counted: for one that takes many arrays and hands them on, that
    takes longer than all the rest. They have to be where a function `makes_arrays`, be it for a
    moment, as when a slice is copied: without saying so it leaks them, or does not compile.
    """
    import numba

    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": makes_arrays}

    def compiled(function: _F, *, kept: bool = True) -> _F:
        return cast("_F", numba.njit(list(signatures), cache=kept, **options)(function))

    def kept_if_possible(function: _F) -> _F:
        _forget_if_changed()
        try:
            return compiled(function)
        except RuntimeError as error:
            if "no locator available" not in str(error):
                raise
            return compiled(function, kept=False)

    return kept_if_possible


def pays(n_classes: int, n_nodes: int) -> bool:
    """Whether an instance is large enough for native functions to be worth loading."""
    return n_classes * n_nodes >= LEAST_PAIRS


def pays_for_jobs(n_models: int, n_pairs: int) -> bool:
    """The same for an instance of nothing but plain jobs: assignment is hard when it is small."""
    return n_models == 0 and n_pairs >= LEAST_JOB_PAIRS


def pays_for(instance: "Instance") -> bool:
    """Whether an instance is large or hard enough for methods to run native functions."""
    large = pays(len(instance.requests), len(instance.nodes))
    return large or pays_for_jobs(len(instance.models), len(instance.pairs))


def is_ready() -> bool:
    """Whether all native functions have been compiled on this machine, as far as is known.

    Cheap, and only for telling a person what takes so long: it may be wrong either way, as when the
    cache was emptied by hand.
    """
    if not MODULES:
        return True
    try:
        name = _ready_name()
        return any((place / name).exists() for place in _places())
    except (OSError, PackageNotFoundError):
        return False


def prepare(instance: "Instance | None" = None) -> None:
    """Load native functions, compiling what has not been; another process at it is waited for.

    Parameters
    ----------
    instance : Instance or None
        What they are for, where not for everything. Where anything has to be compiled, all is.

    Raises
    ------
    EngineError
        If numba cannot be imported or cannot compile them.
    """
    with _lock:
        without = {FOR_JOBS} if instance is not None and instance.models else set()
        wanted = tuple(name for name in MODULES if name not in without)
        if _loaded.issuperset(wanted):
            return
        with _alone():
            try:
                ready = is_ready()
                entries = wanted if ready else MODULES
                for name in (name for entry in entries for name in _members(entry)):
                    importlib.import_module(name)
                if not ready:
                    _write(_ready_name())
            except Exception as error:
                raise EngineError(f"native functions cannot be compiled: {error}") from error
        _loaded.update(entries)


# --- sources ------------------------------------------------------------------------------------


def _path(entry: str) -> Path:
    return _ROOT.parent.joinpath(*entry.split("."))


def _sources(entry: str) -> list[Path]:
    """The files of a module, or of all modules of a package."""
    path = _path(entry)
    return sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]


def _members(entry: str) -> list[str]:
    """The modules that an entry stands for."""
    names = [path.relative_to(_ROOT.parent).with_suffix("") for path in _sources(entry)]
    return [".".join(name.parts) for name in names if name.name != "__init__"]


def _state(entry: str) -> str:
    """A name for the present text of an entry's files."""
    stats = [(path.name, path.stat()) for path in [*_sources(entry), Path(__file__)]]
    return _digest([(name, stat.st_mtime_ns, stat.st_size) for name, stat in stats])


def _digest(value: object) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:16]


# --- what is kept on disk -----------------------------------------------------------------------


def _places() -> list[Path]:
    """Where notes about the cache are kept: beside the package, or with the user."""
    given = os.environ.get("NUMBA_CACHE_DIR")
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111
    user = Path(home) / "placement"
    return [Path(given)] if given else [_ROOT / "__pycache__", user]


def _ready_name() -> str:
    """The note that is there once everything is compiled: by whom, for which machine."""
    state = [_state(entry) for entry in MODULES]
    return f"native.{_TAG}.{_digest([state, version('numba'), sys.version, _machine()])}.ready"


def _machine() -> str:
    """The processor, as well as can be told at once."""
    with suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123
        return "".join(sorted({line for line in lines if line.startswith(("model name", "flags"))}))
    return platform.machine() + platform.processor()


def _write(name: str, text: str = "") -> None:
    """Leave a note where that is possible."""
    for place in _places():
        with suppress(OSError):
            place.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(text, encoding="utf-8")
            return


def _read(name: str) -> str:
    for place in _places():
        with suppress(OSError):
            return (place / name).read_text(encoding="utf-8")
    return ""


def _forget_if_changed() -> None:
    """Drop what was compiled from other sources than those of today, once a process.

    Numba looks at the file of a function only, and not at the files of those that it calls.
    """
    with _lock:
        for entry in MODULES:
            if entry in _fresh:
                continue
            _fresh.add(entry)
            note = f"native.{_TAG}.{entry}.sources"
            if _read(note) != _state(entry):
                _forget(entry)
                _write(note, _state(entry))


def _forget(entry: str) -> None:
    given = os.environ.get("NUMBA_CACHE_DIR")
    for source in _sources(entry):
        place = Path(given) if given else source.parent / "__pycache__"
        for file in place.rglob(f"{source.stem}.*.{_TAG}*.nb[ic]"):
            with suppress(OSError):
                file.unlink()


@contextmanager
def _alone() -> Iterator[None]:
    """Let one process compile at a time, where the system can see to that and nothing is ready."""
    handle = None if is_ready() else _locked()
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _locked() -> int | None:
    """A file held by this process alone, or None where that cannot be had."""
    try:
        import fcntl
    except ImportError:
        return None
    for place in _places():
        with suppress(OSError):
            place.mkdir(parents=True, exist_ok=True)
            handle = os.open(place / f"native.{_TAG}.lock", os.O_RDWR | os.O_CREAT, 0o644)
            fcntl.flock(handle, fcntl.LOCK_EX)
            return handle
    return None
