"""`placement analyze`, `report`, `whatif` and `repair`: what idles, what changes would do."""

import json
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from placement.cli import console, edits, files

if TYPE_CHECKING:
    from placement.analysis.analyzing import Analysis
    from placement.instance import Instance
    from placement.solution import Solution

PARTS = (
    "idle", "gains", "candidates", "departures", "headroom", "values", "robustness", "rules",
    "frontiers",
)  # fmt: skip

_CATALOGUE = "Nodes that could be added; default: such as there are."

_Command = Callable[..., Any]


def _options(command: _Command) -> _Command:
    """Add the options that all commands have."""
    for option in (
        click.option("--threads", type=click.IntRange(min=1), help="Default: all cores."),
        click.option("--seed", default=0, show_default=True),
    ):
        command = option(command)
    return command


def _table_options(command: _Command) -> _Command:
    """Add what commands that show tables have."""
    for option in (
        _options,
        click.option("--json", "as_json", is_flag=True, help="Write all rows to stdout."),
        click.argument("solution", metavar="[SOLUTION]", required=False),
        click.argument("instance", metavar="INSTANCE"),
    ):
        command = option(command)
    return command


def _part_options(command: _Command) -> _Command:
    """Add what decides how much is analysed."""
    for option in (
        click.option("--catalogue", metavar="FILE", help=_CATALOGUE),
        click.option(
            "--time-limit",
            type=click.FloatRange(min=0),
            default=120.0,
            show_default=True,
            metavar="SECONDS",
            help="For all solves together.",
        ),
        click.option(
            "--parts",
            default=",".join(PARTS),
            show_default=True,
            metavar="A,B,...",
            help="Which parts, separated by commas.",
        ),
    ):
        command = option(command)
    return command


@click.command()
@_table_options
@_part_options
def analyze(
    instance: str,
    solution: str | None,
    *,
    parts: str,
    catalogue: str | None,
    time_limit: float,
    seed: int,
    threads: int | None,
    as_json: bool,
) -> None:
    """Say where compute idles and why, who gains, and what would be worth changing.

    Without SOLUTION, a plan is looked for first. Every figure that takes another solve comes with
    what is proven of it.
    """
    problem, plan = _read(instance, solution)
    analysis = _analyzed(
        problem, plan, parts=parts, catalogue=catalogue, time_limit=time_limit, seed=seed,
        threads=threads,
    )  # fmt: skip
    if as_json:
        _write_json(analysis.to_dict())
        return
    if analysis.idle is not None:
        console.say(analysis.idle.sentence)
    from placement.cli.sheets import sheets

    console.show(*sheets(analysis.tables()))


@click.command()
@click.argument("instance", metavar="INSTANCE")
@click.argument("solution", metavar="SOLUTION")
@click.option(
    "-o", "--output", metavar="FILE", default="report.html", show_default=True,
    help="Where to write the page; - for stdout.",
)  # fmt: skip
@_options
@_part_options
def report(
    instance: str,
    solution: str,
    *,
    output: str,
    parts: str,
    catalogue: str | None,
    time_limit: float,
    seed: int,
    threads: int | None,
) -> None:
    """Write a page on what idles and why, who gains, what would help, and the proof.

    One file of HTML that needs no network, to read or to print. What it shows is what `analyze`
    finds.
    """
    from placement.reporting.reporter import demand_libraries, report

    demand_libraries()
    files.demand_writable(output)
    problem, plan = files.read_pair(instance, solution)
    analysis = _analyzed(
        problem, plan, parts=parts, catalogue=catalogue, time_limit=time_limit, seed=seed,
        threads=threads,
    )  # fmt: skip
    command = shlex.join(["placement", "check", instance, solution])
    files.write_lines(output, [report(problem, plan, analysis, command=command)])


@click.command()
@_table_options
@edits.options
@click.option("--together", is_flag=True, help="Answer all changes at once, too.")
@click.option(
    "--time-limit",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="For all solves together.  [default: 30 for each, at most 120]",
)
def whatif(
    instance: str,
    solution: str | None,
    *,
    together: bool,
    time_limit: float | None,
    seed: int,
    threads: int | None,
    as_json: bool,
    **asked: Any,
) -> None:
    """Answer what if: any number of changes, each solved by itself, side by side.

    A difference is an interval that the least cost is proven to change by. Where it holds zero, the
    change is undecided: the gaps are wider than what it does.
    """
    from placement.analysis.whatif import what_if

    problem, plan = _read(instance, solution)
    changes = edits.read(problem, asked)
    if not changes:
        raise click.UsageError("no change is given; try --drop-node, --scale-demand or --relax.")
    if together:
        changes.append(edits.all_together(problem, asked))
    with console.steps() as progress:
        answers = what_if(
            problem, plan, changes, time_limit_s=time_limit, seed=seed, threads=threads,
            progress=progress,
        )  # fmt: skip
    if as_json:
        _write_json(answers.to_dict())
        return
    from placement.cli.sheets import sheets

    console.show(*sheets([("whatif", answers)], most=len(answers.entries)))


@click.command()
@click.argument("instance", metavar="INSTANCE")
@click.option("--catalogue", metavar="FILE", help=_CATALOGUE)
@click.option("--time-limit", type=click.FloatRange(min=0), default=60.0, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--threads", type=click.IntRange(min=1), help="Default: all cores.")
@click.option("--json", "as_json", is_flag=True, help="Write all rows to stdout.")
def repair(
    instance: str,
    *,
    catalogue: str | None,
    time_limit: float,
    seed: int,
    threads: int | None,
    as_json: bool,
) -> None:
    """Say how an infeasible INSTANCE could become feasible, and what contradicts what in it.

    The fewest requests to turn away, the cheapest nodes to add, and rules and requests that cannot
    all be kept. A feasible instance needs none of it.
    """
    from placement.analysis.repairs import repairs

    problem = files.read_instance(instance)
    offered = None if catalogue is None else edits.nodes_of(catalogue)
    found = repairs(problem, catalogue=offered, time_limit_s=time_limit, seed=seed, threads=threads)
    if as_json:
        _write_json(found.to_dict())
        return
    from placement.cli.sheets import sheets

    for sentence in found.sentences():
        console.say(sentence)
    console.show(*sheets(found.tables()))


def _analyzed(
    problem: "Instance",
    plan: "Solution | None",
    *,
    parts: str,
    catalogue: str | None,
    time_limit: float,
    seed: int,
    threads: int | None,
) -> "Analysis":
    """The parts asked for, with a line that follows the solves."""
    from placement.analysis.analyzing import analyze

    offered = None if catalogue is None else edits.nodes_of(catalogue)
    with console.steps() as progress:
        return analyze(
            problem, plan, time_limit_s=time_limit, parts=parts.split(","), catalogue=offered,
            seed=seed, threads=threads, progress=progress,
        )  # fmt: skip


def _read(instance: str, solution: str | None) -> "tuple[Instance, Solution | None]":
    if solution is None:
        return files.read_instance(instance), None
    return files.read_pair(instance, solution)


def _write_json(data: Any) -> None:
    files.write_lines(files.STREAM, [json.dumps(data, allow_nan=False, ensure_ascii=False)])
