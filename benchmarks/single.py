"""One run in a process of its own: the run as JSON on standard input, its row on standard output.

Ends, with all it has started, when standard input is closed: whoever asked is gone.
"""

import json
import os
import signal
import sys
import threading
from datetime import UTC, datetime
from typing import Any

from benchmarks import known, machine
from benchmarks.contenders import Contender, Task, Watch, find
from benchmarks.judging import Course, Verdict, course, judge
from benchmarks.measures import SAME, gap_to_best, primal_integral, time_to
from benchmarks.plan import Run
from benchmarks.rows import Row
from placement import Solution


def perform(run: Run) -> tuple[Row, Solution | None]:
    """Run, then judge; the placement is handed back where it should be kept."""
    problem, contender = run.origin.load(), find(run.key.method)
    reason = contender.unavailable(problem)
    if reason is not None:
        return blank(run, contender, status="skipped", reason=reason), None
    task = Task(run.key.limit_s, run.key.seed, run.key.threads, run.gap)
    watch = Watch()
    answer = contender.run(problem, task, watch)
    seconds, peak = watch.seconds, machine.peak_mb()
    verdict = judge(problem, answer)
    told = course(problem, watch, verdict, seconds)
    runtime = answer.runtime_s if isinstance(answer, Solution) else {}
    row = blank(
        run, contender, status=verdict.status, reason=verdict.reason, seconds=round(seconds, 6),
        peak_mb=peak, runtime_s=runtime, **_values(run, verdict), **_over_time(run, verdict, told),
    )  # fmt: skip
    return row, _to_keep(run, verdict, answer)


def blank(run: Run, contender: Contender | None, **fields: Any) -> Row:
    """A row of the run: what is known before it, and what it ran on."""
    best = run.origin.best
    return Row(
        **run.key._asdict(),
        best_known=best.objective,
        best_known_source=best.source,
        known_bound=best.bound,
        jobs=run.jobs,
        versions={**machine.versions(), **(contender.versions() if contender else {})},
        commit=machine.commit(),
        cpu=machine.cpu(),
        cores=machine.cores(),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        **fields,
    )


def _values(run: Run, verdict: Verdict) -> dict[str, Any]:
    """Cost, bound and the gaps between."""
    objective, bound, best = verdict.objective, verdict.bound, run.origin.best.objective
    values: dict[str, Any] = {
        "objective": objective,
        "claimed_bound": verdict.claimed,
        "certified_bound": verdict.certified,
        "bound": bound,
    }
    if bound is not None:
        values["bound_by"] = "certificate" if verdict.bound_is_certified else "claim"
    if objective is not None and bound is not None:
        values["gap"] = max(0.0, (objective - bound) / max(1e-9, abs(objective)))
    if objective is not None and best is not None:
        values["gap_to_best"] = gap_to_best(objective, best)
    return values


def _over_time(run: Run, verdict: Verdict, told: Course) -> dict[str, Any]:
    """The course of a run, and what is made of it."""
    objective = verdict.objective
    costs = (objective, run.origin.best.objective)
    best = min((cost for cost in costs if cost is not None), default=None)
    integral = primal_integral(told.incumbents, best or 0.0, run.key.limit_s)
    target = None if objective is None else objective + SAME * abs(objective)
    return {
        "incumbents": told.incumbents,
        "bounds": told.bounds,
        "refused": told.refused,
        "primal_integral": None if best is None else round(integral, 6),
        "time_to_best_s": None if target is None else time_to(told.incumbents, target),
    }


def _to_keep(run: Run, verdict: Verdict, answer: Any) -> Solution | None:
    """The placement with what is judged of it, where it is the best known now."""
    objective = verdict.objective
    if objective is None or not isinstance(answer, Solution):
        return None
    if not known.worth_keeping(objective, run.origin.best, run.origin.kept_as):
        return None
    proven = verdict.certified
    gap = None if proven is None else max(0.0, (objective - proven) / max(1e-9, abs(objective)))
    status = "optimal" if gap is not None and gap <= SAME else "feasible"
    return answer.replace(objective=objective, lower_bound=proven, gap=gap, status=status)


def main() -> None:
    """Read the run, perform it, write its row; whatever else is printed goes to standard error."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    run = Run.from_dict(json.loads(sys.stdin.readline()))
    threading.Thread(target=_end_with_asker, daemon=True).start()
    row, placement = perform(run)
    kept = None if placement is None else placement.to_dict()
    json.dump({"row": row.to_dict(), "solution": kept}, out, allow_nan=False)
    out.flush()
    os._exit(0)  # an engine left behind in its thread would hold up or crash an orderly end


def _end_with_asker() -> None:
    sys.stdin.read()
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    main()
