"""`placement generate`, `placement import` and `placement schema`: where instances come from."""

import json

import click

from placement.cli import console, files
from placement.errors import InputError


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
    if preset not in PRESETS:
        raise InputError(f"there is no preset {preset!r}; known are {', '.join(PRESETS)}.")
    files.demand_writable(output)
    instance = generate(preset, seed)
    files.write_lines(output, [instance.to_json()])


@click.group("import")
def import_() -> None:
    """Turn published data into an instance."""


@click.command()
@click.argument("kind", type=click.Choice(["instance", "solution"]), default="instance")
def schema(kind: str) -> None:
    """Print the JSON Schema of a format (default: instance)."""
    from placement.instance import Instance
    from placement.solution import Solution

    model = Instance if kind == "instance" else Solution
    click.echo(json.dumps(model.model_json_schema(), indent=2, ensure_ascii=False))
