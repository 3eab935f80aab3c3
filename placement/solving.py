"""`solve`: choose a method, run it under the clock, have everything judged, report."""

import importlib
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from placement import native
from placement.aggregation import Aggregation, aggregate
from placement.certificate import lower_bound
from placement.compiled import Compiled
from placement.engines import ENGINES
from placement.errors import DefectError, InputError
from placement.evaluation import Evaluation, evaluate_placement
from placement.explain import explain_infeasible, explain_unserved
from placement.instance import Instance
from placement.methods.market import market_prices
from placement.prices import Prices
from placement.quantities import Quantities
from placement.result import Progress, Result, relative_gap
from placement.search import OPTIMAL, Method, Search
from placement.solution import (
    Placement,
    Reason,
    Solution,
    Status,
    StoppedBy,
    to_placement,
    to_solution,
)
from placement.version import __version__

METHODS: dict[str, str] = {
    "auto": "placement.methods.auto:auto",
    "milp": "placement.methods.milp:milp",
    "relaxation": "placement.methods.relaxation:relaxation",
    "greedy": "placement.methods.greedy:greedy",
    "flow": "placement.methods.flow:flow",
    "random": "placement.methods.uniform:random",
    "round-robin": "placement.methods.round_robin:round_robin",
    "least-loaded": "placement.methods.least_loaded:least_loaded",
    "nearest": "placement.methods.nearest:nearest",
}
"""Name and place of every method."""

LOOK_S = 2e-7
"""Seconds that looking at one pair of class and node kind takes, proofs and bound together.

No method begins with less time than that: it would only be late.
"""

BOUND_SLACK = 1e-6
"""A bound may be above the objective by this much, relative, before it counts as wrong."""


def solve(
    instance: Instance,
    method: str = "auto",
    *,
    engine: str | None = None,
    time_limit: float | None = 30.0,
    gap: float = 1e-3,
    seed: int = 0,
    threads: int | None = None,
    initial_solution: Solution | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Result:
    """Find a placement and say how far it is from the best possible.

    Prints nothing, writes nothing, and may run in any thread.

    Parameters
    ----------
    instance : Instance
    method : str
        One of `METHODS`; "auto" picks by size and structure.
    engine : {"highs", "cp-sat", "scip"} or None
        Whose solver method "milp" runs; None is "highs".
    time_limit : float or None
        Seconds for everything; None for no limit. The answer is the best found by then. Compiling
        native code, once on a machine and for larger instances only, comes before and is not
        counted.
    gap : float
        Stop at this relative gap between objective and lower bound.
    seed : int
        Same instance, seed and version give the same answer unless the time limit ended the run.
    threads : int or None
        Most threads an engine may use; None is one for each processor.
    initial_solution : Solution or None
        Where to start: an earlier answer, also one that this instance no longer allows.
    progress : callable or None
        Told of every `Progress`, from the calling thread or an engine's.

    Returns
    -------
    Result

    Raises
    ------
    InputError
        If an argument makes no sense or `initial_solution` names what is not in the instance.
    EngineError
        If an engine is missing or crashes, or native code cannot be compiled.
    DefectError
        If a method breaks its promises, which is our bug.

    Examples
    --------
    >>> from placement import Instance, solve
    >>> instance = Instance.from_dict({
    ...     "name": "one", "window_s": 3600.0,
    ...     "nodes": [{"name": "a", "roles": ["inference"], "accelerators": 1.0}],
    ...     "requests": [{"name": "job", "count": 2, "penalty": 5.0}],
    ...     "pairs": [{"request": "job", "node": "a", "cost": 1.0, "work_s": 60.0}],
    ... })
    >>> result = solve(instance)
    >>> result.status, result.objective, round(result.lower_bound, 6)
    ('optimal', 2.0, 2.0)
    """
    return solve_by(
        load_method(method),
        instance,
        name=method,
        engine=engine,
        time_limit=time_limit,
        gap=gap,
        seed=seed,
        threads=threads,
        initial_solution=initial_solution,
        progress=progress,
    )


def load_method(name: str) -> Method:
    """The method of that name.

    Raises
    ------
    InputError
        If there is none.
    """
    if name not in METHODS:
        raise InputError(f"method {name!r} is unknown; choose one of {', '.join(METHODS)}.")
    module, function = METHODS[name].split(":")
    method: Method = getattr(importlib.import_module(module), function)
    return method


def solve_by(
    method: Method,
    instance: Instance,
    *,
    name: str,
    engine: str | None = None,
    time_limit: float | None = 30.0,
    gap: float = 1e-3,
    seed: int = 0,
    threads: int | None = None,
    initial_solution: Solution | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Result:
    """`solve` by a method of one's own: any function from a `Search` to why it stopped.

    What it offers is judged, proven and reported as that of every other method; `name` is what the
    solution says it comes from. All else is as for `solve`.
    """
    _check_arguments(engine, time_limit, gap, threads)
    if native.pays_for(instance):
        native.prepare(instance)
    begun = time.monotonic()
    compiled = Compiled(instance)
    aggregation = aggregate(compiled.quantities)
    search = _search(
        compiled if aggregation is None else Compiled(aggregation.merged),
        deadline=math.inf if time_limit is None else begun + time_limit,
        gap=gap,
        seed=seed,
        threads=threads or os.cpu_count() or 1,
        engine=engine,
        listener=progress,
    )
    search.phases["compile"] = time.monotonic() - begun
    start = _start(initial_solution, compiled, aggregation)
    known = _known_prices(initial_solution, compiled, search, aggregation)
    stopped_by, reasons = _run(search, method, start, known)
    answer = _answer(search, compiled, aggregation, reasons)
    return _report(
        search, compiled.quantities, answer, method=name, stopped_by=stopped_by, begun=begun
    )


def _search(compiled: Compiled, **options: Any) -> Search:
    return Search(
        compiled,
        lambda placement: evaluate_placement(compiled.quantities, placement),
        lambda prices: lower_bound(compiled.quantities, prices),
        **options,
    )


def _check_arguments(
    engine: str | None, time_limit: float | None, gap: float, threads: int | None
) -> None:
    if engine is not None and engine not in ENGINES:
        raise InputError(f"engine {engine!r} is unknown; choose one of {', '.join(ENGINES)}.")
    if time_limit is not None and not time_limit >= 0:
        raise InputError(f"time_limit must be at least 0 s or None, got {time_limit!r}.")
    if not gap >= 0:
        raise InputError(f"gap must be at least 0, got {gap!r}.")
    if threads is not None and threads < 1:
        raise InputError(f"threads must be at least 1 or None, got {threads!r}.")


def _run(
    search: Search, method: Method, start: Placement | None, known: Prices | None
) -> tuple[StoppedBy, tuple[Reason, ...]]:
    """Run a method; whatever interrupts it, the search holds the best so far."""
    try:
        if start is not None:
            _begin_at(search, start)
        if known is not None and search.remaining_s >= LOOK_S * search.compiled.table_size:
            search.certify(known)
        reasons = _first_look(search)
        if reasons:
            search.infeasible = True
            return "exhausted", reasons
        if search.done or search.remaining_s < LOOK_S * search.compiled.table_size:
            return search.stopped_by("time_limit"), ()
        return method(search), ()
    except KeyboardInterrupt:
        return "interrupted", ()


def _first_look(search: Search) -> tuple[Reason, ...]:
    """What shows at once: proofs that there is no placement, else a first lower bound.

    At least it is zero: nothing costs less than nothing.
    """
    if search.remaining_s < LOOK_S * search.compiled.table_size:
        search.raise_bound(0.0)
        return ()
    reasons = explain_infeasible(search.compiled)
    if not reasons:
        if search.prices is None:
            search.certify(market_prices(search))
        search.raise_bound(0.0)
    return reasons


def _begin_at(search: Search, placement: Placement) -> None:
    """Remember a start; it is an answer already where the instance allows it."""
    search.start = placement
    if evaluate_placement(search.quantities, placement).feasible:
        search.offer(placement)


@dataclass(frozen=True)
class _Answer:
    """What was found, in terms of the instance that was given."""

    placement: Placement | None
    verdict: Evaluation | None
    prices: Prices | None
    reasons: tuple[Reason, ...]


def _start(
    initial: Solution | None, compiled: Compiled, aggregation: Aggregation | None
) -> Placement | None:
    """Where to start, with classes merged as they are for the search."""
    if initial is None:
        return None
    placement = to_placement(compiled.quantities, initial)
    return placement if aggregation is None else aggregation.gather(placement)


def _known_prices(
    initial: Solution | None,
    compiled: Compiled,
    search: Search,
    aggregation: Aggregation | None,
) -> Prices | None:
    """What the start's certificate says of requests that are still there."""
    if initial is None or not initial.certificate:
        return None
    known = compiled.quantities.class_index
    families = {
        name: {
            key: price for key, price in initial.certificate.get(name, {}).items() if key in known
        }
        for name in ("demand", "verification")
    }
    prices = Prices.from_document(compiled.quantities, families)
    return prices if aggregation is None else aggregation.gather_prices(prices, search.quantities)


def _answer(
    search: Search,
    compiled: Compiled,
    aggregation: Aggregation | None,
    reasons: tuple[Reason, ...],
) -> _Answer:
    """What the search has, judged and explained; of merged classes split again."""
    best, prices = search.best, search.prices
    if aggregation is not None:
        best = best and aggregation.split(best)
        prices = prices and aggregation.split_prices(prices)
        if reasons:
            merged = tuple(aggregation.split_reason(reason) for reason in reasons)
            reasons = explain_infeasible(compiled) or merged
    if best is None:
        return _Answer(None, None, prices, reasons)
    verdict = search.verdict(best) if aggregation is None else _judged(search, compiled, best)
    return _Answer(best, verdict, prices, explain_unserved(compiled, best))


def _judged(search: Search, compiled: Compiled, placement: Placement) -> Evaluation:
    """The verdict on merged classes split again, which is that on the merged ones."""
    begun = time.monotonic()
    verdict = evaluate_placement(compiled.quantities, placement)
    search.check_s += time.monotonic() - begun
    if verdict.violations:
        raise DefectError(f"splitting classes broke one: {verdict.violations[0].sentence}")
    return verdict


def _status(search: Search, gap: float | None) -> Status:
    if gap is not None:
        return "optimal" if gap <= OPTIMAL else "feasible"
    return "infeasible" if search.infeasible else "unknown"


def _report(
    search: Search,
    quantities: Quantities,
    answer: _Answer,
    *,
    method: str,
    stopped_by: StoppedBy,
    begun: float,
) -> Result:
    """The result, once objective and bound are known not to contradict each other."""
    objective = None if answer.verdict is None else answer.verdict.objective
    bound = _bound(search.lower_bound, objective)
    gap = relative_gap(objective, bound)
    solution = to_solution(
        quantities,
        answer.placement or Placement.empty(quantities),
        method=method,
        engine=search.engine_used,
        status=_status(search, gap),
        stopped_by=stopped_by,
        objective=objective,
        terms={} if answer.verdict is None else answer.verdict.terms,
        lower_bound=bound,
        gap=gap,
        certificate=answer.prices and answer.prices.to_document(quantities),
        reasons=answer.reasons,
        runtime_s=_runtime(search, begun),
        seed=search.seed,
        version=__version__,
    )
    return Result(
        status=solution.status,
        solution=solution,
        objective=objective,
        lower_bound=bound,
        gap=gap,
        terms=solution.terms,
        runtime_s=solution.runtime_s,
        stopped_by=stopped_by,
        reasons=answer.reasons,
    )


def _bound(bound: float | None, objective: float | None) -> float | None:
    """The lower bound, the objective where rounding has put it above that."""
    if objective is None or bound is None or bound <= objective:
        return bound
    if bound > objective + BOUND_SLACK * max(1.0, abs(objective)):
        raise DefectError(f"a lower bound of {bound!r} is above the objective {objective!r}.")
    return objective


def _runtime(search: Search, begun: float) -> dict[str, float]:
    """Seconds by phase; what is not reading, compiling, building or checking is solving."""
    spent = {
        "read": 0.0,
        "compile": search.phases["compile"],
        "build": search.phases.get("build", 0.0),
        "check": search.check_s,
    }
    solve_s = max(0.0, time.monotonic() - begun - sum(spent.values()))
    return {phase: round(seconds, 6) for phase, seconds in {**spent, "solve": solve_s}.items()}
