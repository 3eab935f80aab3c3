"""The command line. Thin: it reads, calls the library, writes and picks the exit code.

Only click is imported before a command runs, so that help is instant.
"""

import os
import sys
import threading
from contextlib import suppress
from typing import Any, NoReturn

import click

from placement.cli.analyst import analyze, repair, report, whatif
from placement.cli.checker import check
from placement.cli.codes import ExitCode, describe
from placement.cli.published import export, flow
from placement.cli.solver import solve
from placement.cli.sources import generate, import_, schema
from placement.cli.viewer import expand, show
from placement.errors import EngineError, InputError

_HELP = f"""Who hosts, who infers, who verifies: place a network's work, and prove how well.

A file given as - is standard input or output. JSON goes to standard output (with --json or -o -),
all else to standard error. Every command explains itself: placement solve --help

\b
Exit codes:
{describe()}
"""


class _Guarded(click.Group):
    """A group that turns every exception into one sentence and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except BrokenPipeError:  # the reader, such as `head`, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(ExitCode.DONE)
        except KeyboardInterrupt:
            _end(ctx, "interrupted.", ExitCode.INTERRUPTED)
        except InputError as error:
            _end(ctx, _one_line(error), ExitCode.BAD_INPUT)
        except Exception as error:
            if ctx.params["debug"]:
                raise
            _end(ctx, _confession(error), ExitCode.DEFECT)


def _end(ctx: click.Context, sentence: str, code: ExitCode) -> NoReturn:
    click.echo(f"placement: {sentence}", err=True)
    ctx.exit(code)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _confession(error: Exception) -> str:
    blame = _one_line(error).rstrip(".")
    if not isinstance(error, EngineError):
        blame = f"a defect of ours, not of your input: {type(error).__name__}: {blame}"
    return f"{blame}; `placement --debug ...` (or PLACEMENT_DEBUG=1) shows where."


@click.group(cls=_Guarded, help=_HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="placement", message="placement %(version)s")
@click.option("--debug", is_flag=True, envvar="PLACEMENT_DEBUG", help="Show tracebacks.")
def app(*, debug: bool) -> None:
    """Read the options of all commands; `debug` is for _Guarded."""
    del debug


for _command in (
    solve,
    check,
    show,
    analyze,
    report,
    whatif,
    repair,
    expand,
    generate,
    import_,
    export,
    flow,
    schema,
):
    app.add_command(_command)


def main() -> None:
    """Run the command line and end the process with its exit code."""
    try:
        app(prog_name="placement")
    except SystemExit as end:
        if threading.active_count() > 1:
            _leave(end.code)
        raise


def _leave(code: object) -> NoReturn:
    """End at once: an engine left behind in its thread would crash an orderly end."""
    with suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code if isinstance(code, int) else ExitCode.DONE)
