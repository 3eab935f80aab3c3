"""`placement flow` and `placement export`: published problems that stay, or become, what they were.

Their readers as instances are `placement import`.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from placement.cli import console, files
from placement.cli.codes import ExitCode

if TYPE_CHECKING:
    from placement.instance import Instance


def named(path: str) -> str:
    """What errors call a file, and what an instance made of it is called."""
    return "stdin" if path == files.STREAM else Path(path).name


@click.command()
@click.argument("network", metavar="FILE")
@click.option("-o", "--output", metavar="FILE", default=files.STREAM, help="Default: stdout.")
@click.pass_context
def flow(ctx: click.Context, network: str, output: str) -> None:
    """Solve a min-cost flow in DIMACS format, exactly.

    Writes the solution in the format of the challenge: s COST, then f SRC DST FLOW for every arc
    that carries anything.
    """
    from placement.formats.dimacs import parse_dimacs, solve_flow, write_flow

    files.demand_writable(output)
    problem = parse_dimacs(files.read_bytes(network), named(network))
    found = solve_flow(problem)
    if found is None:
        console.say(f"infeasible: no flow of {problem.name} meets all supplies and bounds.")
        ctx.exit(ExitCode.INFEASIBLE)
    files.write_lines(output, write_flow(problem, found).splitlines())
    console.say(f"optimal: cost {problem.cost_of(found)}, {(found > 0).sum()} arcs carry flow")


@click.command()
@click.argument("kind", metavar="gap|cflp", type=click.Choice(["gap", "cflp"]))
@click.argument("instance", metavar="INSTANCE")
@click.option("-o", "--output", metavar="FILE", default=files.STREAM, help="Default: stdout.")
def export(kind: str, instance: str, output: str) -> None:
    """Write an instance in a published format, where the format has room for all of it.

    Facility location is the same file from many sources and from a single one.
    """
    files.demand_writable(output)
    text = _written(kind, files.read_instance(instance))
    files.write_lines(output, text.splitlines())


def _written(kind: str, instance: "Instance") -> str:
    from placement.formats.cflp import write_cflp
    from placement.formats.gap import write_gap

    return write_gap(instance) if kind == "gap" else write_cflp(instance)
