"""Requests and proofs for replicas that are given: by flows where these are exact, else by an LP.

Every method that has settled replicas may call `route`. Requests come first, by a cheapest flow,
then proofs for their executors. Verification is priced in at its least, so that a routing that
meets the price of its flow is proven to be the cheapest. Where requests are no pure flow, a flow of
work is a guide, and the linear program of requests and proofs a better one.
"""

import time
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from placement.assembly import Counts, assemble
from placement.compiled import Compiled
from placement.errors import EngineError
from placement.methods.lanes import Lanes, make_lanes, spread
from placement.methods.ledger import Ledger
from placement.methods.proofs import Room, verify
from placement.methods.relaxed import Rows, solve_relaxed
from placement.methods.requestflow import request_flow, work_flow
from placement.methods.rounding import Reserve, whole_flow
from placement.methods.verifying import verify_all
from placement.mincostflow import TOLERANCE
from placement.quantities import REEXECUTION, Bools, Floats, Ints, whole_down
from placement.solution import Placement

NOTHING: Counts = (np.zeros(0, dtype=np.int64),) * 3
"""No rows."""
_PROVEN, _CLOSE = 1e-6, 1e-4
"""Relative gaps: of an optimum, and below which a linear program is not worth the time."""


@dataclass(frozen=True)
class Routed:
    """Requests and proofs for given replicas.

    Attributes
    ----------
    runs, checks : tuple of arrays
        Rows (class, node, count): requests executed, verifications done.
    unserved : array of int
        Requests of each class turned away.
    cost : float
        $ of executing, verifying and turning away, and of engaging the nodes that do any of it;
        infinite where requests that must be served are not.
    staying_cost : float
        The same with every node engaged that has a replica, as if none could be dropped.
    lower_bound : float
        No routing has a smaller `staying_cost`; infinite where none serves what must be served.
    """

    runs: Counts
    checks: Counts
    unserved: Ints
    cost: float
    staying_cost: float
    lower_bound: float

    @property
    def exact(self) -> bool:
        """Whether this is proven a cheapest routing where every replica stays, or that none is.

        Replicas without work are dropped all the same, so `cost` may be smaller still.
        """
        return self._within(_PROVEN)

    @property
    def close(self) -> bool:
        """Whether it is so near its bound that a linear program is not worth the time."""
        return self._within(_CLOSE)

    def _within(self, gap: float) -> bool:
        if not np.isfinite(self.staying_cost - self.lower_bound):
            return self.staying_cost <= self.lower_bound
        return self.staying_cost <= self.lower_bound + gap * max(1e-9, abs(self.staying_cost))

    def placement(self, compiled: Compiled, hosting: Bools, replicas: Ints) -> Placement:
        """The whole placement; replicas without work are dropped, which only saves."""
        return assemble(
            compiled,
            hosting,
            replicas,
            runs=self.runs,
            checks=self.checks,
            unserved=self.unserved,
        )


def route(compiled: Compiled, replicas: Ints, deadline: float = np.inf) -> Routed | None:
    """Route requests and proofs over given replicas, cheaply, and exactly where that is known.

    Parameters
    ----------
    compiled : Compiled
    replicas : array of int, shape (models, nodes)
        They must fit their nodes, loads included.
    deadline : float
        On the clock of `time.monotonic`.

    Returns
    -------
    Routed or None
        Feasible, unless its cost is infinite. None where the deadline came before anything.
    """
    router = Router(compiled, replicas, deadline)
    first = router.by_flow() if router.pure else None
    if first is not None and first.close:
        return first
    second = router.by_program()
    if second is None:
        return first or router.by_flow()
    if first is None:
        return second
    best = min(first, second, key=lambda routed: routed.cost)
    return replace(best, lower_bound=max(first.lower_bound, second.lower_bound))


class Router:
    """The ways to route over given replicas."""

    def __init__(self, compiled: Compiled, replicas: Ints, deadline: float = np.inf) -> None:
        self.compiled = compiled
        self.replicas = replicas
        self.deadline = deadline
        self.lanes = make_lanes(compiled, replicas)

    @cached_property
    def flow(self) -> Ints | None:
        """`request_flow`; None at the deadline, or where the numbers are too large for a flow."""
        try:
            return request_flow(self.lanes, self._halfway())
        except EngineError:
            return None

    @property
    def pure(self) -> bool:
        """Whether requests are a pure flow: the cheapest keeps every rule."""
        return self.flow is not None and self.lanes.keeps(self.flow)

    def by_flow(self) -> Routed | None:
        """Route by a cheapest flow of requests, then a cheapest flow of proofs.

        Where the first breaks rules, a flow of work takes its place.
        """
        lanes, flow = self.lanes, self.flow
        if flow is None or lanes.keeps(flow):
            return None if flow is None else self._finish(flow, self.least_cost)
        guide = work_flow(lanes, self._halfway())
        target: tuple[Floats | Ints, Reserve | None] = (flow, None) if guide is None else guide
        return self._finish(
            whole_flow(lanes, *target, deadline=self.deadline), self.least_cost, NOTHING
        )

    def _halfway(self) -> float:
        """When half of the time left is over."""
        now = time.monotonic()
        return now + (self.deadline - now) / 2

    @property
    def least_cost(self) -> float:
        """$ that routing over these or fewer replicas costs at least, engagement aside."""
        flow = self.flow
        return -np.inf if flow is None else self.lanes.least_cost(flow) * (1 - TOLERANCE)

    def by_program(self) -> Routed | None:
        """Route by the linear program of requests and proofs, then round it.

        None where it was not solved before the deadline.
        """
        relaxed = solve_relaxed(self.lanes, self.deadline)
        if relaxed is None:
            return None
        reserve = relaxed.reserve(self.lanes)
        flow = whole_flow(self.lanes, relaxed.flow, reserve, self.deadline)
        return self._finish(flow, max(self.least_cost, relaxed.lower_bound), relaxed.redone)

    def _finish(self, flow: Ints, bound: float, redone: Rows | None = None) -> Routed:
        """Deal the flow out to classes and have it verified."""
        runs = spread(self.compiled, self.lanes.kind, self.lanes.n, flow)
        if not self.compiled.verified[runs[0]].any():
            return self._routed(runs, NOTHING, bound)
        q = self.compiled.quantities
        again = redone is not None and bool((q.mode[runs[0]] == REEXECUTION).any())
        room = self._room(runs)
        proofs = None if again else verify(self.compiled, runs, room, self.deadline)
        found = []
        if proofs is not None:
            found.append(self._routed(runs, proofs.checks, bound))
        if proofs is None or not proofs.exact:
            ledger = self._ledger(runs)
            _redo(ledger, redone or NOTHING)
            verify_all(ledger)
            _serve_rest(ledger, self.lanes)
            verify_all(ledger)
            found.append(self._routed(ledger.runs(), ledger.checks(), bound))
        return min(found, key=lambda routed: routed.cost)

    def _routed(self, runs: Counts, checks: Counts, bound: float) -> Routed:
        """The answer, with what it costs; `bound` is without engagement."""
        compiled, q = self.compiled, self.compiled.quantities
        away = q.count - np.bincount(runs[0], runs[2], q.n_classes).astype(np.int64)
        price = (
            float(compiled.price_runs(*runs[:2]).cost @ runs[2])
            + float(compiled.price_checks(*checks[:2]).cost @ checks[2])
            + float(q.penalty[away > 0] @ away[away > 0])
        )
        working, holding = np.zeros(q.n_nodes, dtype=bool), self.replicas.any(axis=0)
        working[runs[1]] = working[checks[1]] = True
        engaged = compiled.engagement
        return Routed(
            runs,
            checks,
            away,
            cost=price + float(engaged[working].sum()),
            staying_cost=price + float(engaged[working | holding].sum()),
            lower_bound=bound + float(engaged[holding].sum()),
        )

    def _room(self, runs: Counts) -> Room:
        """What the requests leave to verifiers."""
        q, lanes = self.compiled.quantities, self.lanes
        g, n, count = runs
        work = q.work_s(g, n) * count
        m, at = np.arange(q.n_models)[:, None], np.arange(q.n_nodes)
        share_s = np.zeros((q.n_models + 1, q.n_nodes))
        share_s[:-1] = q.replica_s(m, at) * self.replicas
        np.subtract.at(share_s, (q.class_model[g], n), work)
        engaged = np.zeros(q.n_nodes, dtype=bool)
        engaged[n] = True
        node_s = lanes.node_s - np.bincount(n, work, q.n_nodes)
        return Room(self.replicas > 0, share_s, node_s, engaged)

    def _ledger(self, runs: Counts) -> Ledger:
        """The books with these replicas, no room for more, and the requests executed."""
        ledger, q = Ledger(self.compiled), self.compiled.quantities
        room = self._room((runs[0][:0], runs[1][:0], runs[2][:0]))
        ledger.replicas = self.replicas.copy()
        ledger.capacity_s, ledger.share_s = room.node_s, room.share_s[: q.n_models]
        ledger.memory_gb[:] = -1.0
        order = np.argsort(runs[0], kind="stable")
        starts = np.flatnonzero(np.diff(runs[0][order], prepend=-1))
        for rows in np.split(order, starts[1:]):
            if len(rows):
                ledger.execute_many(int(runs[0][rows[0]]), runs[1][rows], runs[2][rows])
        return ledger


def _redo(ledger: Ledger, rows: Rows) -> None:
    """Enter re-executions of kinds that are one class, as far as they are whole and there is room.

    What is wrong with them `verify_all` puts right.
    """
    q = ledger.q
    size = np.bincount(q.class_kind)
    for kind, n, count in zip(*(column.tolist() for column in rows), strict=True):
        g = q.kind_class[kind : kind + 1]
        whole = int(whole_down(count + 1e-6))
        if whole and size[kind] == 1:
            room = int(ledger.check_room(g, np.array([n]))[0])
            ledger.check(int(g[0]), n, min(whole, room))


def _serve_rest(ledger: Ledger, lanes: Lanes) -> None:
    """Execute what is left of the classes, but for those re-executed, where there is room."""
    q = ledger.q
    waiting = (ledger.left > 0) & ~((q.mode == REEXECUTION) & (q.verifiers > 0))
    for g in np.flatnonzero(waiting)[np.argsort(-q.penalty[waiting], kind="stable")].tolist():
        rows = lanes.ways(int(q.class_kind[g]))
        room = ledger.room(np.array([g]), lanes.n[rows])
        for n, most in zip(lanes.n[rows].tolist(), room.tolist(), strict=True):
            count = min(int(ledger.left[g]), most, int(ledger.group_left[q.node_group[n]]))
            ledger.execute(g, n, count)
            if not ledger.left[g]:
                break
