"""`placement generate`, `placement import` and `placement schema`: where instances come from."""

import json
from typing import Any

import click

from placement.cli import console, files


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
