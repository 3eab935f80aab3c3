"""Method `flow`: replicas as they are, weights, requests and proofs by min-cost flow.

Replicas and hosts are those of the start, or else of the current state. Three flows follow from
them: weights from hosts to new replicas (each from its cheapest host, as reading has no capacity),
requests from classes to replicas, proofs from executors to verifiers. Whether the answer is exact,
that is, whether no requests and proofs on these replicas cost less, is said in the last phase.
"""

import numpy as np

from placement.methods.hosting import improved, plan_hosting
from placement.methods.ledger import Ledger
from placement.methods.routing import Routed, Router
from placement.quantities import Ints, at_most
from placement.search import Search
from placement.solution import StoppedBy

_HOSTING_S = 5.0
"""Seconds the exact packing of copies may take."""


def flow(search: Search) -> StoppedBy:
    """Route over the replicas of the start or of the current state.

    Offers nothing where these cannot serve what must be served, or hosts cannot be found. Where no
    new replicas are allowed, the cheapest flow over all that are loaded is a lower bound too.
    """
    compiled, ledger = search.compiled, Ledger(search.compiled)
    search.enter("taking over replicas")
    _take_hosts(search, ledger)
    if not plan_hosting(ledger, time_limit=min(_HOSTING_S, search.remaining_s)):
        return search.stopped_by()
    replicas = _take_replicas(search, ledger)
    if search.out_of_time:
        return search.stopped_by()
    router = Router(compiled, replicas, search.deadline)
    search.enter("requests and proofs by flow")
    first = router.by_flow()
    _bound(search, router)
    _offer(search, ledger, router, first)
    if (first is None or not first.close) and not search.done:
        search.enter("requests and proofs by linear program")
        _offer(search, ledger, router, router.by_program())
    return search.stopped_by()


def _bound(search: Search, router: Router) -> None:
    """Take note of a lower bound where replicas can only be those loaded now, or fewer."""
    loaded = search.quantities.loaded
    if search.quantities.instance.limits.max_new_replicas == 0 and not search.out_of_time:
        same = np.array_equal(router.replicas, loaded)
        bound = (router if same else Router(search.compiled, loaded, search.deadline)).least_cost
        if np.isfinite(bound):
            search.raise_bound(bound)


def _take_hosts(search: Search, ledger: Ledger) -> None:
    """Keep the hosts of the start, as far as they are allowed."""
    if search.start is not None:
        for m, n in zip(search.start.host_m.tolist(), search.start.host_n.tolist(), strict=True):
            if ledger.can_host(m, n):
                ledger.host(m, n)


def _take_replicas(search: Search, ledger: Ledger) -> Ints:
    """The replicas of the start, else those loaded now, as far as they fit.

    Those loaded now come first, they cost nothing; then those that have most work in the start.
    """
    q, start = search.quantities, search.start
    wanted: Ints = q.loaded.copy()
    work = np.zeros((q.n_models + 1, q.n_nodes))
    if start is not None:
        wanted[:] = 0
        wanted[start.replica_m, start.replica_n] = start.replica_count
        seconds = q.work_s(start.run_g, start.run_n) * start.run_count
        np.add.at(work, (q.class_model[start.run_g], start.run_n), seconds)
    wanted = np.minimum(wanted, search.compiled.max_replicas)
    if np.all(wanted <= q.loaded) and at_most(q.replica_gb @ wanted, q.memory_gb).all():
        return wanted
    m, n = np.nonzero(wanted)
    order = np.lexsort((-work[m, n], wanted[m, n] > q.loaded[m, n]))
    for at_m, at_n in zip(m[order].tolist(), n[order].tolist(), strict=True):
        for _ in range(int(wanted[at_m, at_n])):
            if not ledger.can_open(at_m, at_n):
                break
            ledger.open(at_m, at_n)
    return ledger.replicas


def _offer(search: Search, ledger: Ledger, router: Router, routed: Routed | None) -> None:
    """Offer a routing that serves what must be served, with the cheapest hosts for it."""
    if routed is None or not np.isfinite(routed.cost):
        return
    placement = routed.placement(search.compiled, ledger.hosting, router.replicas)
    search.offer(placement)
    if not search.done:
        search.offer(improved(search.compiled, placement))
    search.enter("exact for these replicas" if routed.exact else "not proven exact")
