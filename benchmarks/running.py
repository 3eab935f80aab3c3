"""What a person sees while a suite runs, and what is done around its runs."""

import subprocess
import sys
from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks import known
from benchmarks.execution import Outcome
from benchmarks.machine import ROOT
from benchmarks.plan import Run
from benchmarks.rows import Row


def prepare(runs: list[Run]) -> None:
    """Compile native code, once a machine, so that no run does."""
    if runs:
        code = "from placement.native import prepare; prepare()"
        subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)  # noqa: S603 - our own


def shown(outcomes: Iterable[Outcome], runs: list[Run]) -> Iterator[Outcome]:
    """A line for each run as it ends, and on a terminal a bar with the time left."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
               TimeRemainingColumn())  # fmt: skip
    with Progress(*columns, console=Console(stderr=True, highlight=False)) as progress:
        task = progress.add_task("runs", total=len(runs))
        for outcome in outcomes:
            progress.console.print(line(outcome.row), soft_wrap=True, markup=False)
            progress.advance(task)
            yield outcome


def line(row: Row) -> str:
    """A row in one line."""
    what = f"{row.set} {row.instance} {row.method} seed {row.seed} {row.limit_s:g} s: {row.status}"
    if row.objective is None:
        return f"{what} {row.reason or ''}".rstrip()
    parts = [f"{what}, cost {row.objective:.10g}"]
    if row.gap is not None:
        parts.append(f"own gap {row.gap:.3%} by {row.bound_by}")
    if row.gap_to_best is not None:
        parts.append(f"{row.gap_to_best:.3%} above the best known")
    return ", ".join([*parts, f"{row.seconds:.1f} s"])


def keep(outcome: Outcome) -> None:
    """Keep the placement of a run where it is still the best known."""
    run, row, placement = outcome.run, outcome.row, outcome.placement
    if placement is None or row.objective is None:
        return
    best = known.better(run.origin.best, known.best(run.origin.kept_as))
    if known.worth_keeping(row.objective, best, run.origin.kept_as):
        known.keep(run.origin.kept_as, run.origin.made_by, row, placement)
