"""Method relaxation: the strong linear relaxation, its certificate, and placements made from it."""

from dataclasses import dataclass

import numpy as np

from placement.engines import solve_linear
from placement.methods.candidates import likely
from placement.methods.duals import prices_of
from placement.methods.greedy import complete, offer
from placement.methods.hosting import plan_hosting
from placement.methods.ledger import Ledger
from placement.methods.market import market_prices
from placement.model import Model, build
from placement.quantities import Floats
from placement.search import Search
from placement.solution import StoppedBy

KEPT = (0.7, 0.4, 0.1)
"""Replicas of at least this value in the relaxation are opened, one placement a value."""
INTERIOR = 30_000
"""Programs of more columns are solved by interior point."""


@dataclass(frozen=True)
class Relaxed:
    """The relaxation solved: the model it was made of, and its primal values."""

    model: Model
    values: Floats


def relaxation(search: Search) -> StoppedBy:
    """Bound by the relaxation's duals, and round its replicas to placements."""
    relaxed = relax(search, search.deadline)
    if relaxed is not None:
        for kept in KEPT:
            round_up(search, relaxed, kept)
    elif not search.infeasible and search.best is None:
        complete_from(search, Ledger(search.compiled))
    return search.stopped_by()


def relax(search: Search, deadline: float) -> Relaxed | None:
    """Solve the relaxation over the likely arcs; its certificate holds for all arcs."""
    prices = search.prices or market_prices(search)
    search.enter("building the relaxation")
    with search.timed("build"):
        run, verify = likely(search.compiled, prices, search.best)
        model = build(search.compiled, run, verify)
    search.enter("solving the relaxation")
    large = len(model.program.cost) > INTERIOR
    answer = solve_linear(model.program, min(deadline, search.deadline), interior=large)
    if answer.verdict == "infeasible" and len(run) == len(search.compiled.run):
        search.infeasible = len(verify) == len(search.compiled.verify)
    if answer.duals is None or answer.values is None:
        return None
    search.certify(prices_of(model, answer.duals))
    return Relaxed(model, answer.values)


def round_up(search: Search, relaxed: Relaxed, kept: float) -> None:
    """Open the replicas that the relaxation holds, the surest first, and complete greedily."""
    ledger = Ledger(search.compiled)
    model = relaxed.model
    z = relaxed.values[model.columns["z"]]
    if not plan_hosting(ledger):
        return
    for k in np.argsort(-z, kind="stable").tolist():
        if z[k] < kept:
            break
        m, n = int(model.replica_m[k]), int(model.replica_n[k])
        for _ in range(max(1, round(float(z[k])))):
            if ledger.can_open(m, n):
                ledger.open(m, n)
    complete_from(search, ledger)


def complete_from(search: Search, ledger: Ledger) -> None:
    """Complete what a ledger holds at the best prices known, and offer it."""
    search.enter("rounding")
    complete(search, ledger, search.prices or market_prices(search))
    offer(search, ledger)
