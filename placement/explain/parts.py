"""Whether there are enough distinct parts (control groups, or nodes) to execute and verify.

Of S like requests, each part executes and verifies at most C = ceil(q S) of the sampled ones
(constraint 11). With W parts able to verify, they do at most W C verifications, and W C - ceil(q S)
where nobody but they can execute. What is needed are k q S. All with the tolerance allowed.
"""

import numpy as np
import numpy.typing as npt

from placement.explain.causes import Cause, Detail, by_policy
from placement.explain.codes import Code
from placement.explain.places import Spots
from placement.explain.rooms import TOLERANCE, Rooms, lenient, strict
from placement.explain.wording import counted, jurisdictions, listing
from placement.quantities import Bools, Floats, Ints, Quantities, at_most, whole_up

GROUP, NODE, APART = range(3)
"""Codes of independence: between groups, between nodes, none asked."""
_CELLS = 1 << 22
_EXACT = 1e5


def needed_checks(q: Quantities, g: Ints, served: Ints) -> Ints:
    """The fewest verifications that `served` requests of each class need."""
    wanted = q.verifiers[g] * q.sample[g] * served
    return np.maximum(np.ceil(strict(wanted) - 1e-9), 0).astype(np.int64)


def too_few_parts(rooms: Rooms, runs: Spots, checks: Spots, served: Ints) -> Bools:
    """Which classes cannot have `served` requests executed and verified, for want of parts.

    A verifier counts where its cores suffice for one verification.
    """
    q, g = rooms.q, checks.g
    stopped = np.zeros(len(g), dtype=bool)
    asked = q.verifiers[g] > 0
    for core_s in np.unique(q.core_s[g[asked]]).tolist():
        roomy = q.verifies & at_most(core_s, rooms.cores_s)
        for kind in (GROUP, NODE, APART):
            parts = _Parts(q, roomy, kind)
            rows = np.flatnonzero(asked & (q.core_s[g] == core_s) & (q.independence[g] == kind))
            # Where one kind of nodes has parts enough, nothing has to be counted.
            at_least = np.max(checks.able[rows] * parts.in_kind, axis=1, initial=0)
            rows = rows[at_least <= q.verifiers[g[rows]]]
            for at in _portions(rows, checks.able.shape[1]):
                verifying, outside = parts.count(runs, checks, at)
                most = _most_checks(q, g[at], served[at], verifying, outside)
                stopped[at] = most < needed_checks(q, g[at], served[at])
    return stopped


def _portions(rows: Ints, width: int) -> list[Ints]:
    height = max(1, _CELLS // max(1, width))
    return [rows[start : start + height] for start in range(0, len(rows), height)]


def groups_in_kinds(q: Quantities, nodes: Bools) -> npt.NDArray[np.float32]:
    """Which control groups have some of the nodes of each kind; as numbers, to be multiplied."""
    inside = np.zeros((len(q.kind_node), q.n_groups), dtype=np.float32)
    inside[q.node_kind[nodes], q.node_group[nodes]] = 1
    return inside


class _Parts:
    """The parts that nodes belong to, by node kind.

    Attributes
    ----------
    in_kind : array of int
        Parts that have a node able to verify, of each kind.
    """

    def __init__(self, q: Quantities, roomy: Bools, kind: int) -> None:
        self.q, self.kind = q, kind
        self._roomy = np.bincount(q.node_kind[roomy], minlength=len(q.kind_node))
        self.in_kind = self._roomy
        if kind == GROUP:
            everyone = np.ones(q.n_nodes, dtype=bool)
            self._verifying = groups_in_kinds(q, roomy)
            self._executing = groups_in_kinds(q, everyone)
            self.in_kind = (self._verifying > 0).sum(axis=1)

    def count(self, runs: Spots, checks: Spots, at: Ints) -> tuple[Floats, Bools]:
        """Parts able to verify some classes, and whether any other part can execute them."""
        verifies, executes = checks.able[at], runs.able[at]
        row, node = _singles(runs, at)
        if self.kind == APART:
            return (verifies @ self._roomy).astype(float), np.ones(len(at), dtype=bool)
        if self.kind == GROUP:
            verifies = verifies.astype(np.float32) @ self._verifying > 0
            executes = executes.astype(np.float32) @ self._executing > 0
            executes[row, self.q.node_group[node]] = True
            apart = np.any(executes & ~verifies, axis=1)
            return verifies.sum(axis=1).astype(float), np.asarray(apart)
        size = np.bincount(self.q.node_kind, minlength=len(self._roomy))
        partly = self._roomy < size
        outside = np.any(executes & (~verifies | partly), axis=1)
        outside[row] |= (~verifies | partly)[row, self.q.node_kind[node]]
        return (verifies @ self._roomy).astype(float), outside


def _singles(runs: Spots, at: Ints) -> tuple[Ints, Ints]:
    """The single nodes able to execute the classes at some positions: position in `at`, node."""
    position = np.full(len(runs.g), -1)
    position[at] = np.arange(len(at))
    row = position[runs.row]
    return row[row >= 0], runs.places.node[runs.place[row >= 0]]


def _most_checks(q: Quantities, g: Ints, served: Ints, parts: Floats, outside: Bools) -> Floats:
    """The most verifications that so many parts may do."""
    sampled = q.sample[g] * served
    cap = np.where(q.independence[g] == APART, served, whole_up(sampled)).astype(float)
    slack = TOLERANCE * np.maximum(1.0, cap)
    own = np.maximum(np.ceil(sampled - np.minimum(parts, served) * slack), 0.0)
    most = parts * cap - np.where(outside, 0.0, own)
    large = parts * lenient(cap) - np.where(outside, 0.0, sampled)
    return np.where(cap < _EXACT, most, large)


def _detail(rooms: Rooms, g: int) -> Detail:
    """The parts there are, and what one more would have to be."""
    q = rooms.q
    n = np.arange(q.n_nodes)
    n = n[q.can_verify(g, n) & at_most(q.core_s[g], rooms.cores_s)]
    grouped = q.independence[g] == GROUP
    names = [q.instance.nodes[i].name for i in n.tolist()]
    if grouped:
        names = [q.group_names[o] for o in np.unique(q.node_group[n]).tolist()]
    noun = "control group" if grouped else "node"
    there = f"{noun}s with what verifying takes: {listing(names) or 'none'}"
    allowed = q.instance.requests[g].jurisdictions
    where = f" in {jurisdictions(allowed)}" if allowed else ""
    helps = [f"one more {noun} with the role verification{where}"]
    if grouped and len(n) > q.verifiers[g]:
        helps.append("independence between nodes instead of control groups")
    wanted = f"each needs {counted(int(q.verifiers[g]), 'verifier')} apart from its executor"
    return Detail((wanted, there), tuple(helps))


INDEPENDENCE = Cause(
    Code.INDEPENDENCE,
    "too few distinct control groups or nodes can execute and verify them independently",
    by_policy,
    _detail,
)
"""Too few parts, whatever is decided."""

INDEPENDENCE_USED = Cause(
    Code.INDEPENDENCE,
    "too few distinct control groups or nodes that can verify them have the cores for it left",
    by_policy,
    _detail,
)
"""Too few parts with cores left."""
