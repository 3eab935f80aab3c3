"""`placement solve`: an instance goes in, a placement comes out."""

import math
import time
from typing import TYPE_CHECKING, Any

import click

from placement.cli import console, files
from placement.cli.codes import ExitCode
from placement.wording import money, percent

if TYPE_CHECKING:
    from placement.distributed.decomposition import Workers
    from placement.instance import Instance
    from placement.solution import Solution

METHODS = (
    "auto",
    "greedy",
    "flow",
    "relaxation",
    "milp",
    "random",
    "round-robin",
    "least-loaded",
    "nearest",
)
ENGINES = ("highs", "cp-sat", "scip")
_CODES = {"infeasible": ExitCode.INFEASIBLE, "unknown": ExitCode.NOTHING_FOUND}


def _amount(text: str) -> float:
    """Read a number that is not negative; infinity is one, NaN is none."""
    try:
        amount = float(text)
    except ValueError:
        amount = math.nan
    if not amount >= 0:
        raise click.BadParameter(f"{text!r} is not a number of at least 0.")
    return amount


@click.command()
@click.argument("instance", metavar="INSTANCE")
@click.option("-o", "--output", metavar="FILE", help="Where to write the solution.")
@click.option("--json", "as_json", is_flag=True, help="Write the solution to stdout.")
@click.option("--method", type=click.Choice(METHODS), default="auto", show_default=True)
@click.option("--engine", type=click.Choice(ENGINES), help="Whose solver milp runs inside.")
@click.option(
    "--time-limit",
    type=_amount,
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="Reading included.",
)
@click.option(
    "--gap",
    type=_amount,
    default=1e-3,
    show_default=True,
    metavar="SHARE",
    help="Stop where (objective - lower bound) / objective is this small.",
)
@click.option("--seed", default=0, show_default=True)
@click.option("--threads", type=click.IntRange(min=1), help="Default: all cores.")
@click.option("--initial-solution", metavar="FILE", help="Start here and end no worse.")
@click.option(
    "--pieces",
    type=click.IntRange(min=1),
    metavar="K",
    help="Deal the instance to K worker processes, and repair what they find as a whole.",
)
@click.option("--cluster", is_flag=True, help="The workers are tasks of a Ray cluster.")
@click.pass_context
def solve(
    ctx: click.Context,
    instance: str,
    *,
    output: str | None,
    method: str,
    engine: str | None,
    time_limit: float,
    gap: float,
    seed: int,
    threads: int | None,
    initial_solution: str | None,
    pieces: int | None,
    cluster: bool,
    as_json: bool,
) -> None:
    """Place the work of INSTANCE and prove how good the placement is.

    Ctrl-C ends the search early; the best placement so far is written all the same.
    """
    started = time.monotonic()
    if pieces is not None or cluster:
        _refuse_with_pieces(engine, initial_solution)
    files.demand_writable(output)
    problem = files.read_instance(instance)
    start = files.read_solution(initial_solution) if initial_solution else None
    compile_s = _load_native(problem)
    read_s = time.monotonic() - started - compile_s
    with console.live_line() as progress:
        common: dict[str, Any] = {
            "time_limit": max(0.0, time_limit - read_s),
            "gap": gap,
            "seed": seed,
            "threads": threads,
            "progress": progress,
        }
        if pieces is not None or cluster:
            from placement.distributed.decomposition import solve_in_pieces

            workers: Workers = "ray" if cluster else "processes"
            result = solve_in_pieces(problem, method, pieces=pieces, workers=workers, **common)
        else:
            from placement.solving import solve

            result = solve(problem, method, engine=engine, initial_solution=start, **common)
    solution = result.solution
    solution = solution.replace(runtime_s={**solution.runtime_s, "read": read_s})
    _write(solution, output, as_json=as_json)
    _report(problem, solution, output)
    ctx.exit(_CODES.get(solution.status, ExitCode.DONE))


def _refuse_with_pieces(engine: str | None, initial_solution: str | None) -> None:
    """Say so where an option means nothing to pieces."""
    for option, value in (("--engine", engine), ("--initial-solution", initial_solution)):
        if value is not None:
            raise click.UsageError(f"{option} cannot be used with --pieces or --cluster.")


def _load_native(problem: "Instance") -> float:
    """Load native code where it is of use; returns the seconds spent to compile it.

    The time limit pays for loading, and not for compiling, which happens once and is announced.
    """
    from placement import native

    if not native.pays_for(problem):
        return 0.0
    ready, begun = native.is_ready(), time.monotonic()
    if not ready:
        console.say("compiling native code for this machine, once (about 40 s) ...")
    native.prepare(problem)
    return 0.0 if ready else time.monotonic() - begun


def _write(solution: "Solution", output: str | None, *, as_json: bool) -> None:
    text = solution.to_json()
    if as_json and output != files.STREAM:
        files.write_lines(files.STREAM, [text])
    if output is not None:
        files.write_lines(output, [text])


def _report(problem: "Instance", solution: "Solution", output: str | None) -> None:
    """Tables where a person looks, one line where not."""
    if not console.is_watched():
        console.say(_one_line(solution))
        return
    from placement.cli.summary import Summary
    from placement.cli.tables import solution_tables

    placed = solution.objective is not None
    console.show(*solution_tables(solution, Summary(problem, solution) if placed else None))
    if output is not None and output != files.STREAM:
        console.say(f"\nwritten to {output}")


def _one_line(solution: "Solution") -> str:
    seconds = sum(solution.runtime_s.values())
    why = f", stopped by {solution.stopped_by}" if solution.stopped_by else ""
    figures = (
        f"objective {money(solution.objective)}, lower bound {money(solution.lower_bound)}, "
        f"gap {percent(solution.gap)}"
    )
    reason = (
        f"; {solution.reasons[0].sentence}"
        if solution.objective is None and solution.reasons
        else ""
    )
    return f"{solution.status}: {figures}{why} after {seconds:.1f} s{reason}"
