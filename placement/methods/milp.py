"""Method milp: the whole formulation, given to an engine."""

import numpy as np

from placement.decisions import decode, encode
from placement.engines import solve_whole
from placement.methods.duals import certify_relaxation
from placement.methods.greedy import greedy
from placement.model import Model, build
from placement.quantities import Floats
from placement.search import Search
from placement.solution import StoppedBy


def milp(search: Search) -> StoppedBy:
    """Solve the whole formulation to the gap asked for, starting from the best placement known."""
    if search.best is None:
        greedy(search)
    search.enter("building the model")
    with search.timed("build"):
        model = build(search.compiled)
    certify_relaxation(search, model, search.deadline)
    return branch(search, model)


def branch(search: Search, model: Model) -> StoppedBy:
    """Branch and bound on the whole model by the engine of the search."""
    if search.done:
        return search.stopped_by()
    engine = search.engine_used = search.engine or "highs"
    search.enter(f"branch and bound by {engine}")
    start = None if search.best is None else encode(model, search.best)
    answer = solve_whole(
        model.program,
        engine,
        search.deadline,
        gap=search.gap,
        seed=search.seed,
        threads=search.threads,
        start=start,
        on_incumbent=lambda values: _offer(search, model, values),
        on_bound=search.raise_bound,
    )
    if answer.verdict == "infeasible":
        search.infeasible = search.best is None
    if answer.values is not None:
        _offer(search, model, answer.values)
    if answer.lower_bound is not None:
        search.raise_bound(answer.lower_bound)
    return search.stopped_by("gap" if answer.verdict == "optimal" else "exhausted")


def _offer(search: Search, model: Model, values: Floats) -> None:
    """Offer what an engine found, unless it is no better than what is known."""
    cost = float(np.rint(values) @ model.program.cost)
    if search.objective is None or cost < search.objective * (1 - 1e-12):
        search.offer(decode(model, values))
