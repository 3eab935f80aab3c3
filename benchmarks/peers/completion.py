"""From an assignment of requests to a whole placement: the cheapest legal completion.

A peer that only assigns says which node executes what, and who re-executes. Hosting, replicas,
loads and the rest of verification follow here, by the same constructive steps for every peer, so
that answers are feasible: what does not fit goes elsewhere or is turned away, and requests that
must be served may open a replica. Nothing here searches.

Uses of `placement`, beyond its public names: `methods.ledger`, `hosting` and `verifying`.
"""

import numpy as np

from placement.assembly import Counts, replicas_needed
from placement.compiled import Compiled
from placement.methods.hosting import improved, plan_hosting
from placement.methods.ledger import Ledger
from placement.methods.verifying import verify_all
from placement.quantities import Ints
from placement.solution import Placement


def complete(compiled: Compiled, runs: Counts, checks: Counts) -> Placement | None:
    """The placement that an assignment stands for.

    Parameters
    ----------
    runs, checks : tuple of arrays
        Rows (class, node, count): requests executed where they can run, and re-executions.

    Returns
    -------
    Placement or None
        Feasible unless requests that must be served find no room; None where models find no hosts.
    """
    ledger = Ledger(compiled)
    if not plan_hosting(ledger):
        return None
    _load(ledger, runs, checks)
    _execute(ledger, runs)
    _check(ledger, checks)
    for _ in range(2):  # what could not be verified is taken back, and may be served elsewhere
        verify_all(ledger)
        _serve(ledger)
    verify_all(ledger)
    return improved(compiled, ledger.placement())


def _load(ledger: Ledger, runs: Counts, checks: Counts) -> None:
    """Open the replicas that the work needs, those with most work first."""
    needed = replicas_needed(ledger.compiled, runs, checks)
    m, n = np.nonzero(needed)
    seconds = ledger.q.replica_s(m, n) * needed[m, n]
    for i in np.argsort(-seconds, kind="stable").tolist():
        for _ in range(int(needed[m[i], n[i]])):
            if ledger.can_open(int(m[i]), int(n[i])):
                ledger.open(int(m[i]), int(n[i]))


def _execute(ledger: Ledger, runs: Counts) -> None:
    """Execute what fits, the requests that are dearest to turn away first."""
    g, n, count = runs
    for i in np.argsort(-ledger.q.penalty[g], kind="stable").tolist():
        room = int(ledger.room(g[i : i + 1], n[i : i + 1])[0])
        ledger.execute(int(g[i]), int(n[i]), min(int(count[i]), room))


def _check(ledger: Ledger, checks: Counts) -> None:
    """Re-execute what fits; `verify_all` adds what is missing."""
    for g, n, count in zip(*(column.tolist() for column in checks), strict=True):
        room = int(ledger.check_room(np.array([g]), np.array([n]))[0])
        ledger.check(g, n, min(count, room))


def _serve(ledger: Ledger) -> None:
    """Execute what is left where that costs less than turning it away, the cheapest nodes first."""
    q = ledger.q
    everywhere = np.ones((q.n_models, q.n_nodes), dtype=bool)
    waiting = np.flatnonzero(ledger.left > 0)
    for g in waiting[np.argsort(-q.penalty[waiting], kind="stable")].tolist():
        arcs = ledger.compiled.run_arcs(everywhere, np.array([g]))
        arcs = arcs.take(arcs.cost < q.penalty[g])
        order = np.argsort(arcs.cost, kind="stable")
        _serve_class(ledger, g, arcs.n[order], must=bool(np.isinf(q.penalty[g])))


def _serve_class(ledger: Ledger, g: int, nodes: Ints, *, must: bool) -> None:
    """Execute what is left of a class on these nodes in turn; new replicas where it must be."""
    model = int(ledger.q.class_model[g])
    for opening in (False, True) if must and model >= 0 else (False,):
        for n in nodes.tolist():
            if not ledger.left[g]:
                return
            if opening and ledger.can_open(model, n):
                ledger.open(model, n)
            room = int(ledger.room(np.array([g]), np.array([n]))[0])
            ledger.execute(g, n, min(int(ledger.left[g]), room))
