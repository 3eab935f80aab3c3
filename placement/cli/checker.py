"""`placement check`: feasibility, cost and bound recomputed without any solver."""

import json
from typing import TYPE_CHECKING

import click

from placement.cli import console, files
from placement.cli.codes import ExitCode
from placement.wording import money, percent, plural

if TYPE_CHECKING:
    from placement.cli.verdict import Verdict

_MOST_LINES = 20


@click.command()
@click.argument("instance", metavar="INSTANCE")
@click.argument("solution", metavar="SOLUTION")
@click.option("--json", "as_json", is_flag=True, help="Write the verdict to stdout.")
@click.pass_context
def check(ctx: click.Context, instance: str, solution: str, *, as_json: bool) -> None:
    """Judge SOLUTION against INSTANCE without any solver.

    Neither the solver nor its figures are trusted. Ends with 0 where the placement breaks no rule
    and its file says the truth about objective, gap and lower bound; with 5 where not.
    """
    from placement.cli.verdict import judge

    problem, answer = files.read_pair(instance, solution)
    with files.naming(solution):
        verdict = judge(problem, answer)
    if as_json:
        text = json.dumps(verdict.to_dict(), allow_nan=False, ensure_ascii=False)
        files.write_lines(files.STREAM, [text])
    _report(verdict)
    ctx.exit(ExitCode.DONE if verdict.passed else ExitCode.CHECK_FAILED)


def _report(verdict: "Verdict") -> None:
    evaluation = verdict.evaluation
    violations = evaluation.violations
    broken = plural(len(violations), "violation") if violations else "no violations"
    console.say(
        f"{'passed' if verdict.passed else 'FAILED'}: {broken}, "
        f"objective {money(evaluation.objective)}, "
        f"certified bound {money(verdict.certified_bound)}, gap {percent(verdict.gap)}"
    )
    lines = [f"untrue: {sentence}" for sentence in verdict.untruths]
    lines += [f"constraint {v.constraint}: {v.sentence}" for v in violations]
    lines += [f"unproven: {verdict.unproven}"] if verdict.unproven else []
    for line in lines[:_MOST_LINES]:
        console.say(f"  {line}")
    if len(lines) > _MOST_LINES:
        console.say(f"  and {len(lines) - _MOST_LINES:,} more")
