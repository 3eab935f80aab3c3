"""`placement generate`, `placement import` and `placement schema`: where instances come from."""

import json
from typing import Any

import click

from placement.cli import console, files
from placement.cli.published import named


@click.command()
@click.argument("preset", required=False)
@click.option("--seed", default=0, show_default=True, help="Equal seeds give equal bytes.")
@click.option("-o", "--output", metavar="FILE", default=files.STREAM, help="Default: stdout.")
@click.option("--list", "listing", is_flag=True, help="List the presets and end.")
def generate(preset: str | None, seed: int, output: str, *, listing: bool) -> None:
    """Write a generated instance; --list names the presets."""
    from placement.generate import PRESETS, generate

    if listing:
        width = max(map(len, PRESETS))
        for name, meaning in PRESETS.items():
            console.say(f"{name:<{width}}  {meaning}")
        return
    if preset is None:
        raise click.UsageError("name a PRESET; placement generate --list shows them.")
    files.demand_writable(output)
    instance = generate(preset, seed)
    files.write_lines(output, [instance.to_json()])


@click.group("import")
def import_() -> None:
    """Turn published data into an instance."""


@import_.command()
@click.argument("paths", metavar="CSV...", nargs=-1, required=True)
@click.option("-o", "--output", metavar="FILE", default=files.STREAM, help="Default: stdout.")
@click.option("--seed", default=0, show_default=True, help="Of all that the trace does not say.")
@click.option(
    "--preset", default="small", show_default=True, help="Whose fleet answers the requests."
)
@click.option("--window", "window_s", default=3600.0, show_default=True, metavar="SECONDS")
@click.option(
    "--start",
    "start_s",
    default=0.0,
    show_default=True,
    metavar="SECONDS",
    help="After the first request.",
)
@click.option("--max-classes", default=150, show_default=True)
@click.option("--buckets", default=3, show_default=True, help="Of input and of output lengths.")
@click.option(
    "--load",
    type=float,
    metavar="SHARE",
    help="Repeat requests until they take this share of the fleet.  [default: once each]",
)
def trace(paths: tuple[str, ...], output: str, **options: Any) -> None:
    """Make an instance of CSV files with columns TIMESTAMP,ContextTokens,GeneratedTokens.

    This is the format of the Azure LLM inference traces. Token lengths are bucketed with the total
    work kept; models, regions and policies of the requests are drawn, as is the fleet.
    """
    from placement.formats.trace import read_trace

    files.demand_writable(output)
    files.write_lines(output, [read_trace(paths, **options).to_json()])


@import_.command()
@click.argument("path", metavar="FILE")
@click.option("-o", "--output", metavar="FILE", default=files.STREAM, help="Default: stdout.")
def gap(path: str, output: str) -> None:
    """Make an instance of generalised assignment: m n, costs, uses, capacities.

    This is the format of the OR-Library, of Chu and Beasley, and of Yagiura, one problem a file.
    """
    from placement.formats.gap import parse_gap

    files.demand_writable(output)
    files.write_lines(output, [parse_gap(files.read_bytes(path), named(path)).to_json()])


@import_.command()
@click.argument("path", metavar="FILE")
@click.option("-o", "--output", metavar="FILE", default=files.STREAM, help="Default: stdout.")
def cflp(path: str, output: str) -> None:
    """Make an instance of capacitated facility location.

    This is the format of the OR-Library. A customer may be served by many facilities.
    """
    _facilities(path, output, single_source=False)


@import_.command()
@click.argument("path", metavar="FILE")
@click.option("-o", "--output", metavar="FILE", default=files.STREAM, help="Default: stdout.")
def sscflp(path: str, output: str) -> None:
    """Make an instance of facility location with a single source.

    The file is that of cflp, but each customer is served by one facility.
    """
    _facilities(path, output, single_source=True)


def _facilities(path: str, output: str, *, single_source: bool) -> None:
    from placement.formats.cflp import parse_cflp

    files.demand_writable(output)
    instance = parse_cflp(files.read_bytes(path), named(path), single_source=single_source)
    files.write_lines(output, [instance.to_json()])


@import_.command()
@click.argument("path", metavar="FILE")
@click.option("-o", "--output", metavar="FILE", default=files.STREAM, help="Default: stdout.")
def dimacs(path: str, output: str) -> None:
    """Make an instance of a min-cost flow that is a transport.

    Every arc must lead from a node that sends to one that takes. placement flow solves all others.
    """
    from placement.formats.dimacs import parse_dimacs
    from placement.formats.transport import as_transport

    files.demand_writable(output)
    problem = parse_dimacs(files.read_bytes(path), named(path))
    files.write_lines(output, [as_transport(problem).to_json()])


@click.command()
@click.argument("kind", type=click.Choice(["instance", "solution"]), default="instance")
def schema(kind: str) -> None:
    """Print the JSON Schema of a format (default: instance)."""
    from placement.instance import Instance
    from placement.solution import Solution

    described = (Instance if kind == "instance" else Solution).model_json_schema()
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **described,
        "properties": {
            name: _rows_or_columns(field, described["$defs"])
            for name, field in described["properties"].items()
        },
    }
    files.write_lines(files.STREAM, [json.dumps(document, indent=2, ensure_ascii=False)])


def _rows_or_columns(field: dict[str, Any], rows: dict[str, Any]) -> dict[str, Any]:
    """Allow a table by columns too, as the readers do: {"name": [...], "count": [...]}."""
    reference = field.get("items", {}).get("$ref")
    if reference is None:
        return field
    row = rows[reference.rpartition("/")[2]]
    columns = {
        **row,
        "description": f"{row['description']} By columns of equal length.",
        "properties": {
            name: {"type": "array", "items": column} for name, column in row["properties"].items()
        },
    }
    return {"anyOf": [field, columns]}
