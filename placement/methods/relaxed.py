"""The linear program of requests and proofs for given replicas, by class kind.

Independence is taken without its rounding up to whole requests, so that parts which execute all of
a small class do not seem free to verify it. Where only a sample is verified, that is a guide to
whole requests, but no bound.
"""

from dataclasses import dataclass

import numpy as np

from placement.compiled import Arcs
from placement.engines import solve_linear
from placement.methods.lanes import Lanes
from placement.methods.rounding import Reserve
from placement.methods.verifiers import GROUP, NO
from placement.program import Program, ProgramBuilder
from placement.quantities import REEXECUTION, Bools, Floats, Ints, whole_down, whole_up

Rows = tuple[Ints, Ints, Floats | Ints]
"""Rows (kind, node, count), in fractions."""

MAX_CHECKS = 300_000
"""With more pairs of kind and verifier, verifying by cores is left out and priced at its least."""
_AMPLE = 2.0
"""The same where verifiers have so many times the cores that all verifications together take."""
_SNAP = 1e-6


@dataclass(frozen=True)
class Relaxed:
    """A cheapest routing in fractions of requests.

    Attributes
    ----------
    flow : array
        Requests on each lane.
    redone : tuple of arrays
        Rows (kind, node, count) of re-executions, in fractions.
    lower_bound : float
        No routing costs less; infinite where there is none, minus infinity where not known.
    """

    flow: Floats
    redone: Rows
    lower_bound: float

    def reserve(self, lanes: Lanes) -> Reserve:
        """What the re-executions take, each row rounded up."""
        q = lanes.compiled.quantities
        kind, n, count = self.redone
        g = q.kind_class[kind]
        work = q.reexecution_work_s(g, n) * whole_up(np.maximum(count - _SNAP, 0.0))
        site = lanes.find_site(q.class_model[g] * q.n_nodes + n)
        site_s, node_s = np.zeros(len(lanes.site_n)), np.zeros(q.n_nodes)
        np.add.at(site_s, site[site >= 0], work[site >= 0])
        np.add.at(node_s, n, work)
        served = np.zeros(len(lanes.count))
        np.add.at(served, lanes.kind, self.flow)
        redone = lanes.compiled.redone[q.kind_class]
        most = np.where(redone, whole_down(served + _SNAP), lanes.count)
        return Reserve(site_s, node_s, most)


def solve_relaxed(lanes: Lanes, deadline: float = np.inf) -> Relaxed | None:
    """The cheapest fractional routing of requests and proofs; None if not found in time.

    Raises
    ------
    EngineError
        If the engine is missing or fails.
    """
    relaxation = _Relaxation(lanes)
    answer = solve_linear(relaxation.program(), deadline)
    if answer.verdict == "infeasible" and relaxation.bounding:
        return relaxation.read(np.zeros(relaxation.size), np.inf)
    if answer.verdict != "optimal" or answer.values is None or answer.lower_bound is None:
        return None
    return relaxation.read(answer.values, answer.lower_bound if relaxation.bounding else -np.inf)


class _Relaxation:
    """Columns x (requests on lanes), v (verifications), u (turned away); rows by constraint."""

    def __init__(self, lanes: Lanes) -> None:
        self.lanes = lanes
        self.q = q = lanes.compiled.quantities
        self.classes = q.kind_class
        self.checks, self.modelled = self._choose_checks()
        self.kind = q.class_kind[self.checks.g]
        self.redone = q.mode[self.checks.g] == REEXECUTION
        self.b = b = ProgramBuilder()
        assumed = np.where(self.modelled[lanes.kind], 0.0, lanes.check)
        self.x = b.add_columns("x", lanes.cost + assumed, lanes.count[lanes.kind])
        self.v = b.add_columns("v", self.checks.cost, self._most(self.kind))
        price = np.where(lanes.must, 0.0, lanes.penalty)
        self.u = b.add_columns("u", price, np.where(lanes.must, 0, lanes.count))
        self.size = len(self.x) + len(self.v) + len(self.u)

    def _choose_checks(self) -> tuple[Arcs, Bools]:
        """Verifications that are columns, and the kinds whose verifications are."""
        q, compiled, classes = self.q, self.lanes.compiled, self.classes
        verified, redone = compiled.verified[classes], compiled.redone[classes]
        wanted_s = float(compiled.wanted_checks * q.count @ q.core_s)
        cores_s = np.bincount(q.node_kind, q.cores_s, len(q.kind_node))
        size = np.bincount(q.node_kind, minlength=len(q.kind_node))
        able = compiled.verify_kinds[classes]
        scarce = verified & ~redone & (able @ cores_s < _AMPLE * wanted_s)
        if (able[scarce] @ size).sum() > MAX_CHECKS:
            scarce[:] = False
        modelled = redone | scarce
        return compiled.verify_arcs(self.lanes.replicas > 0, classes[modelled]), modelled

    def _most(self, kind: Ints) -> Floats:
        """The most verifications that one part may do."""
        q, g = self.q, self.classes[kind]
        sample = np.where(q.independence[g] == NO, 1.0, q.sample[g])
        return np.asarray(sample * self.lanes.count[kind])

    @property
    def bounding(self) -> bool:
        """Whether no routing costs less than the program."""
        q, g = self.q, self.classes[self.modelled]
        unrounded = (q.sample[g] == 1) | (q.independence[g] == NO)
        return bool(unrounded.all())

    def program(self) -> Program:
        """The whole program."""
        lanes, q, b, checks = self.lanes, self.q, self.b, self.checks
        kinds = np.arange(len(lanes.count))
        demand = [(lanes.kind, self.x, 1.0), (kinds, self.u, 1.0)]
        b.add_rows("demand", len(kinds), demand, lower=lanes.count, upper=lanes.count)
        self._share_rows()
        work = [(lanes.n, self.x, lanes.work_s), (checks.n, self.v, checks.work_s)]
        b.add_rows("capacity", q.n_nodes, work, upper=lanes.node_s)
        wanted = lanes.compiled.wanted_checks[self.classes]
        counted = self.modelled[lanes.kind]
        asked = (lanes.kind[counted], self.x[counted], -wanted[lanes.kind[counted]])
        b.add_rows("verified", len(kinds), [(self.kind, self.v, 1.0), asked], lower=0.0)
        cores = [(checks.n, self.v, q.core_s[checks.g])]
        b.add_rows("cores", q.n_nodes, cores, upper=q.cores_s)
        self._independence_rows()
        most = np.where(q.max_share < 1, lanes.group_most, np.inf)
        b.add_rows("group_share", q.n_groups, [(lanes.group, self.x, 1.0)], upper=most)
        return b.finish()

    def _share_rows(self) -> None:
        """Constraint 3 for every model on a node, executed and re-executed."""
        lanes, q = self.lanes, self.q
        key = np.concatenate([self._site(self.classes[lanes.kind], lanes.n), self._redone_site()])
        sites, row = np.unique(key, return_inverse=True)
        column = np.concatenate([self.x, self.v[self.redone]])
        work = np.concatenate([lanes.work_s, self.checks.work_s[self.redone]])
        m, n = np.divmod(sites, max(1, q.n_nodes))
        seconds = np.full(len(sites), np.inf)
        at = m[m >= 0], n[m >= 0]
        seconds[m >= 0] = q.replica_s(*at) * lanes.replicas[at]
        self.b.add_rows("share", len(sites), [(row.reshape(-1), column, work)], upper=seconds)

    def _site(self, g: Ints, n: Ints) -> Ints:
        return self.q.class_model[g] * self.q.n_nodes + n

    def _redone_site(self) -> Ints:
        return self._site(self.checks.g[self.redone], self.checks.n[self.redone])

    def _independence_rows(self) -> None:
        """Constraint 11 for parts that may execute a class and verify it."""
        lanes, q = self.lanes, self.q
        size = max(q.n_groups, q.n_nodes)

        def key(kind: Ints, n: Ints) -> Ints:
            grouped = q.independence[self.classes[kind]] == GROUP
            return np.asarray(kind * size + np.where(grouped, q.node_group[n], n))

        bound = self.modelled & (q.independence[self.classes] != NO)
        run_key, check_key = key(lanes.kind, lanes.n), key(self.kind, self.checks.n)
        both = np.intersect1d(run_key[bound[lanes.kind]], check_key[bound[self.kind]])
        runs, checks = np.isin(run_key, both), np.isin(check_key, both)
        sample = q.sample[self.classes]
        kind = both // size
        entries = [
            (np.searchsorted(both, run_key[runs]), self.x[runs], sample[lanes.kind[runs]]),
            (np.searchsorted(both, check_key[checks]), self.v[checks], 1.0),
            (np.arange(len(both)), self.u[kind], sample[kind]),
        ]
        self.b.add_rows("independence", len(both), entries, upper=self._most(kind))

    def read(self, values: Floats, bound: float) -> Relaxed:
        """What the values of the columns mean."""
        redone = self.kind[self.redone], self.checks.n[self.redone], values[self.v[self.redone]]
        return Relaxed(values[self.x], redone, bound)
