"""Method relaxation: the strong linear relaxation, its certificate, and placements made from it."""

from dataclasses import dataclass

import numpy as np

from placement.decisions import carry_over
from placement.methods.candidates import likely, merge
from placement.methods.duals import certify_relaxation
from placement.methods.greedy import complete, offer
from placement.methods.hosting import plan_hosting
from placement.methods.ledger import Ledger
from placement.methods.market import settled_prices
from placement.model import Model, build
from placement.quantities import Floats
from placement.search import Search
from placement.solution import StoppedBy

KEPT = (0.7, 0.4, 0.1)
"""Replicas of at least this value in the relaxation are opened, one placement a value."""


@dataclass(frozen=True)
class Relaxed:
    """The relaxation: its model, whether that holds all arcs, and primal values if solved."""

    model: Model
    whole: bool
    values: Floats | None


def relaxation(search: Search) -> StoppedBy:
    """Bound by the relaxation's duals, and round its replicas to placements."""
    relaxed = relax(search, search.deadline)
    round_all(search, relaxed)
    if search.best is None and not search.infeasible:
        complete_from(search, Ledger(search.compiled))
    return search.stopped_by()


def relax(search: Search, deadline: float) -> Relaxed:
    """Solve the relaxation over the likely arcs; its certificate holds for all arcs."""
    prices = settled_prices(search)
    search.enter("building the relaxation")
    with search.timed("build"):
        run, verify = likely(search.compiled, prices, search.best)
        model = build(search.compiled, run, verify)
    whole = run is search.compiled.run
    return Relaxed(model, whole, certify_relaxation(search, model, deadline, whole=whole))


def around_best(search: Search, relaxed: Relaxed) -> Relaxed:
    """The same relaxation over arcs that hold the incumbent too, which may use others."""
    if relaxed.whole or search.best is None:
        return relaxed
    with search.timed("build"):
        compiled, old = search.compiled, relaxed.model
        arcs = likely(compiled, settled_prices(search), search.best)
        model = build(
            compiled, *(merge(pair) for pair in zip(arcs, (old.run, old.verify), strict=True))
        )
    values = relaxed.values
    return Relaxed(model, False, None if values is None else carry_over(values, old, model))


def round_all(search: Search, relaxed: Relaxed) -> None:
    """Round what the relaxation found, if it found anything, in several ways."""
    if relaxed.values is not None:
        for kept in KEPT:
            if not search.done:
                round_up(search, relaxed.model, relaxed.values, kept)


def round_up(search: Search, model: Model, values: Floats, kept: float) -> None:
    """Open the replicas that the relaxation holds, the surest first, and complete greedily."""
    ledger = Ledger(search.compiled)
    z = values[model.columns["z"]]
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
    complete(search, ledger, settled_prices(search))
    offer(search, ledger)
