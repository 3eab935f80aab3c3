"""What a run ran on: machine, commit, versions."""

import hashlib
import os
import platform
import subprocess
import sys
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).parent.parent
_UNITS_A_MB = 1024**2 if sys.platform == "darwin" else 1024
PACKAGES = ("placement", "ortools", "highspy", "numpy", "scipy", "numba")


@cache
def commit() -> str:
    """The commit that is checked out, with a digest of what differs; empty where unknown."""
    head, changes = _git("rev-parse", "--short=12", "HEAD"), _git("diff", "HEAD")
    if not changes:
        return head
    return f"{head}+{hashlib.sha256(changes.encode()).hexdigest()[:6]}"


def _git(*arguments: str) -> str:
    with suppress(OSError, subprocess.CalledProcessError):
        command = ["git", "-C", str(ROOT), *arguments]
        done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
        return done.stdout.strip()
    return ""


def cpu() -> str:
    """The name of the processor."""
    with suppress(OSError), Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def cores() -> int:
    """Processors that this process may use."""
    with suppress(AttributeError):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def versions() -> dict[str, str]:
    """Of Python and of what our methods are made of."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def peak_mb() -> float | None:
    """Most memory of this process so far [MB], and of its largest child on top; None if unknown."""
    try:
        from resource import RUSAGE_CHILDREN, getrusage
    except ImportError:  # no such count on this system
        return None
    return round(_own_peak_mb() + getrusage(RUSAGE_CHILDREN).ru_maxrss / _UNITS_A_MB, 1)


def _own_peak_mb() -> float:
    """Of the program that runs now; the system's count may begin with that of who started it."""
    with suppress(OSError), Path("/proc/self/status").open(encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    from resource import RUSAGE_SELF, getrusage

    return getrusage(RUSAGE_SELF).ru_maxrss / _UNITS_A_MB
