"""`python -m benchmarks`: run suites, report, compare."""

import os
from pathlib import Path
from typing import Any

import click

from benchmarks import machine, plan, rows, running, suite
from benchmarks.execution import carry_out
from placement import InputError

RESULTS = Path("results")
FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)


class _Guarded(click.Group):
    """A group that turns bad input into one sentence and exit code 2."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except InputError as error:
            raise click.UsageError(" ".join(str(error).split())) from None


@click.group(cls=_Guarded, context_settings={"help_option_names": ["-h", "--help"]})
def app() -> None:
    """Methods against each other, against peers, and against what is best known.

    docs/benchmarks.md says how runs are made and judged.
    """


@app.command()
@click.argument("suite_name", metavar="SUITE")
@click.option("-o", "--output", type=FILE, metavar="FILE",
              help="Default: results/SUITE-COMMIT.jsonl.")  # fmt: skip
@click.option("--public", type=FOLDER, envvar="PLACEMENT_PUBLIC", metavar="DIR",
              help="Published data; also PLACEMENT_PUBLIC.")  # fmt: skip
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True,
              help="Runs at once; they share the machine.")  # fmt: skip
@click.option("--ray", is_flag=True, help="On Ray: RAY_ADDRESS, or this machine.")
@click.option("--keep", is_flag=True, help="Keep placements better than the best known.")
def run(
    suite_name: str, output: Path | None, public: Path | None, jobs: int, *, ray: bool, keep: bool
) -> None:
    """Run SUITE, a name in benchmarks/suites or a TOML file; go on where it was ended.

    Prints the path of the results. Runs that are in there are not run again, but for those that
    were skipped.
    """
    name, chosen = suite.load(suite_name)
    listed = plan.plan(name, chosen, public and public.absolute(), jobs)
    results = rows.Results(output or RESULTS / f"{name}-{machine.commit() or 'unknown'}.jsonl")
    for sentence in listed.left_out:
        click.echo(sentence, err=True)
    left = [run for run in listed.runs if not results.has(run.key)]
    running.prepare(left)
    try:
        for outcome in running.shown(carry_out(left, jobs, ray=ray), left):
            results.append(outcome.row)
            if keep:
                running.keep(outcome)
    except KeyboardInterrupt:
        click.echo("interrupted; the same command goes on from here.", err=True)
        os._exit(130)  # runs under way end with us
    click.echo(results.path)


@app.command()
@click.argument("results", type=FILE, nargs=-1, required=True, metavar="RESULTS...")
@click.option("-o", "--output", type=FOLDER, required=True, metavar="DIR")
@click.option("--no-times", is_flag=True, help="Leave out all that a clock has a say in.")
def report(results: tuple[Path, ...], output: Path, *, no_times: bool) -> None:
    """Write tables and figures of RESULTS to DIR: index.html, report.md, figures.

    Equal rows give equal bytes.
    """
    from benchmarks.reporting import write

    write(rows.read(results), output, times=not no_times)
    click.echo(output / "index.html")


@app.command()
@click.argument("old", type=FILE)
@click.argument("new", type=FILE)
@click.option("--tolerance", type=click.FloatRange(0), default=1e-3, show_default=True,
              help="Relative change that counts as none.")  # fmt: skip
@click.option("--times", is_flag=True, help="Compare seconds too; same machine only.")
@click.pass_context
def compare(ctx: click.Context, old: Path, new: Path, tolerance: float, *, times: bool) -> None:
    """Say what NEW does better or worse than OLD; exit code 1 where anything is worse."""
    from benchmarks.comparing import compare as compared
    from benchmarks.wording import sentences

    found = compared(rows.read([old]), rows.read([new]), tolerance, times=times)
    click.echo("\n".join(sentences(found)))
    ctx.exit(1 if any(change.verdict == "worse" for change in found.changes) else 0)
