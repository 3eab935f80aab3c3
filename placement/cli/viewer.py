"""`placement show` and `placement expand`: looking at an instance or a solution."""

import json

import click

from placement.cli import console, files
from placement.errors import InputError


@click.command()
@click.argument("file", metavar="INSTANCE|SOLUTION")
@click.argument("instance", metavar="[INSTANCE]", required=False)
def show(file: str, instance: str | None) -> None:
    """Show an instance, or a solution, as tables.

    A solution alone shows its cost and demand; with its INSTANCE after it also the fleet, the
    regions and the busiest nodes.
    """
    data = files.read_bytes(file)
    match files.format_of(data):
        case files.INSTANCE_FORMAT | None if instance is None:
            _show_instance(data, file)
        case files.INSTANCE_FORMAT | None:
            raise InputError(f"{file}: a solution comes first, its instance second.")
        case files.SOLUTION_FORMAT:
            _show_solution(data, file, instance)
        case unknown:
            known = f"{files.INSTANCE_FORMAT!r} or {files.SOLUTION_FORMAT!r}"
            raise InputError(f"{file}: `format` must be {known}, got {unknown!r}.")


def _show_instance(data: bytes, path: str) -> None:
    from placement.cli.tables import instance_tables
    from placement.instance import Instance

    console.show(*instance_tables(files.parse(Instance, data, path)))


def _show_solution(data: bytes, path: str, instance_path: str | None) -> None:
    from placement.cli.summary import Summary
    from placement.cli.tables import solution_tables
    from placement.solution import Solution

    solution = files.parse(Solution, data, path)
    if instance_path is None:
        console.show(*solution_tables(solution, None))
        return
    instance = files.read_instance(instance_path)
    files.demand_same(instance, solution, path)
    with files.naming(path):
        summary = Summary(instance, solution)
    console.show(*solution_tables(solution, summary))


@click.command()
@click.argument("instance", metavar="INSTANCE")
@click.argument("solution", metavar="SOLUTION")
@click.option("-o", "--output", metavar="FILE", default=files.STREAM, help="Default: stdout.")
def expand(instance: str, solution: str, output: str) -> None:
    """Name executor and verifiers of every request.

    Writes one JSON line for each single request. INSTANCE is needed for its policies: how many
    verifiers a request has, and of which independence.
    """
    from placement.expansion import expand

    files.demand_writable(output)
    problem, answer = files.read_pair(instance, solution)
    with files.naming(solution):
        lines = (json.dumps(row, ensure_ascii=False) for row in expand(problem, answer))
        files.write_lines(output, lines)
