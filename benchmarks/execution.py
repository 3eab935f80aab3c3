"""Runs, each in a process of its own with a hard end, several at once where asked for."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from joblib import Parallel, delayed

from benchmarks.machine import ROOT
from benchmarks.plan import Run
from benchmarks.rows import Row
from benchmarks.single import blank
from placement import InputError, Solution

MOST_REASON = 300
"""Characters of what a crashed run said last."""
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
"""What numerical libraries look at before they take all processors."""


@dataclass(frozen=True)
class Outcome:
    """What became of a run, and its placement where that should be kept."""

    run: Run
    row: Row
    placement: Solution | None = None


def apart(run: Run) -> Outcome:
    """Perform a run in a process of its own, and end all of it when its time is over."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.single"], cwd=ROOT, env=_environment(run),
            stdin=subprocess.PIPE, stdout=out, stderr=err, start_new_session=True,
        )  # fmt: skip
        assert process.stdin is not None
        try:
            with suppress(BrokenPipeError):  # it crashed before it could read
                process.stdin.write(json.dumps(run.to_dict()).encode() + b"\n")
                process.stdin.flush()  # and left open: it ends where we end
            code = process.wait(run.key.limit_s + run.grace_s)
        except subprocess.TimeoutExpired:
            return _failed(run, f"did not end {run.grace_s:g} s after its limit.")
        finally:
            _end(process)
        return _outcome(run, code, _text(out), _text(err))


def _environment(run: Run) -> dict[str, str]:
    """Ours, with the threads that libraries may take and the same hashes each time."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    fixed = {"PYTHONPATH": os.pathsep.join(paths), "PYTHONHASHSEED": "0"}
    if run.key.threads is not None:
        fixed |= dict.fromkeys(THREADS, str(run.key.threads))
    return {**os.environ, **fixed}


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it has started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    with suppress(BrokenPipeError):
        assert process.stdin is not None
        process.stdin.close()


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def _outcome(run: Run, code: int, out: str, err: str) -> Outcome:
    if code == 0:
        with suppress(ValueError, KeyError):
            said = json.loads(out)
            kept = said["solution"]
            placement = None if kept is None else Solution.from_dict(kept)
            return Outcome(run, Row.from_dict(said["row"]), placement)
    how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
    last = (err.strip().splitlines() or ["nothing"])[-1][:MOST_REASON]
    return _failed(run, f"{how}; it said last: {last}")


def _failed(run: Run, reason: str) -> Outcome:
    return Outcome(run, blank(run, None, status="failed", reason=reason))


def carry_out(runs: Iterable[Run], jobs: int, *, ray: bool = False) -> Iterator[Outcome]:
    """Perform runs, so many at once; outcomes in the order in which they end.

    Raises
    ------
    InputError
        If Ray is asked for and not installed.
    """
    if ray:
        return _on_ray(apart, list(runs))
    parallel = Parallel(n_jobs=jobs, backend="threading", return_as="generator_unordered",
                        pre_dispatch=jobs, batch_size=1)  # fmt: skip
    return iter(parallel(delayed(apart)(run) for run in runs))


def _on_ray(perform: Callable[[Run], Outcome], runs: list[Run]) -> Iterator[Outcome]:
    """On the Ray cluster that RAY_ADDRESS names, else on one of its own on this machine.

    Clusters that happen to run are left alone: they are somebody's.
    """
    try:
        import ray
    except ImportError:
        raise InputError("ray is not installed; `pip install ray` or leave out --ray.") from None
    address = os.environ.get("RAY_ADDRESS", "local")
    paths = {"env_vars": {"PYTHONPATH": str(ROOT)}}
    try:
        ray.init(address, runtime_env=paths, log_to_driver=False, logging_level="ERROR")
    except (OSError, RuntimeError, ValueError) as error:
        last = str(error).strip().splitlines()[-1]
        raise InputError(f"there is no Ray at {address}: {last}") from None
    task = ray.remote(perform)
    waiting = [task.options(num_cpus=run.key.threads or 1).remote(run) for run in runs]
    while waiting:
        ended, waiting = ray.wait(waiting)
        yield from ray.get(ended)
