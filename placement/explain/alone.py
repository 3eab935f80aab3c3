"""Proofs that one class which must be served asks too much, counted in whole requests a node."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial

import numpy as np

from placement.explain.bottlenecks import least_work_s, whereabouts
from placement.explain.causes import Cause, Detail, Sieve
from placement.explain.codes import Code
from placement.explain.never import Sides
from placement.explain.parts import needed_checks
from placement.explain.rooms import Rooms, lenient
from placement.quantities import Bools, Floats, Quantities

MOST_EXAMINED = 100
"""Classes looked at node by node, those that ask most of their nodes first."""


@dataclass(frozen=True)
class Fit:
    """The most of a class that there is room for, by what limits it: requests, or verifications."""

    nodes: float
    groups: float
    replicas: float
    checks: float


def sift_alone(sieve: Sieve, rooms: Rooms, sides: Sides, known: Collection[str]) -> None:
    """Sort out classes whose requests do not all fit on their nodes, even alone.

    Codes that are `known` to rule placements out are not looked for again.
    """
    runs, _ = sides
    q = rooms.q
    room = np.bincount(q.node_kind, rooms.capacity_s, len(q.kind_node))
    asked = least_work_s(runs) * q.count[runs.g]
    tight = asked / np.maximum(whereabouts(runs) @ room, 1e-200)
    tight += q.verifiers[runs.g] * q.core_s[runs.g] * q.count[runs.g] / (1e-200 + q.cores_s.sum())
    for g in runs.g[np.argsort(-tight, kind="stable")[:MOST_EXAMINED]].tolist():
        room_for = fit(rooms, g)
        for name, cause in CAUSES.items():
            if getattr(room_for, name) < _asked(q, g, name):
                if cause.code not in known:
                    sieve.drop(cause, sieve.left == g, rooms)
                break


def _asked(q: Quantities, g: int, name: str) -> float:
    served = q.count[[g]]
    asked = needed_checks(q, np.array([g]), served) if name == "checks" else served
    return float(asked[0])


def fit(rooms: Rooms, g: int) -> Fit:
    """How much of class g, alone in the network, there is room for; never too little."""
    q = rooms.q
    n = np.arange(q.n_nodes)
    n = n[np.broadcast_to(q.can_run(g, n), n.shape)]
    work, m, time = q.work_s(g, n), int(q.class_model[g]), rooms.capacity_s[n]
    kept = most = _whole(q, g, time, work)
    if m >= 0:
        share, loaded = q.replica_s(m, n), q.loaded[m, n]
        held = np.where(loaded > 0, np.minimum(time, lenient(share * loaded)), -1.0)
        loading = time - np.where(loaded > 0, 0.0, q.load_s(m, n))
        room = np.minimum(loading, lenient(share * q.max_replicas(m, n)))
        kept = _whole(q, g, held, work)
        most = np.maximum(kept, _whole(q, g, room, work))
    extra = np.sort(most - kept)[::-1]
    new = len(extra) if np.isinf(rooms.new_left) else int(rooms.new_left)
    in_groups = np.minimum(np.bincount(q.node_group[n], most, q.n_groups), rooms.group_left)
    return Fit(
        nodes=float(most.sum()),
        groups=float(in_groups.sum()),
        replicas=float(kept.sum() + extra[:new].sum()),
        checks=_checks(rooms, g),
    )


def _whole(q: Quantities, g: int, seconds: Floats, work: Floats) -> Floats:
    count = np.floor(np.maximum(seconds, 0.0) / np.maximum(work, 1e-200) + 1e-9)
    return np.where(seconds >= 0, np.minimum(count, float(q.count[g])), 0.0)


def _checks(rooms: Rooms, g: int) -> float:
    q = rooms.q
    if not q.verifiers[g]:
        return 0.0
    cores: Floats = rooms.cores_s[_verifying(q, g)]
    return float(np.floor(cores / np.maximum(q.core_s[g], 1e-200) + 1e-9).sum())


def _verifying(q: Quantities, g: int) -> Bools:
    return np.broadcast_to(q.can_verify(g, np.arange(q.n_nodes)), q.n_nodes)


def _cause(code: Code, name: str, because: str, cure: str) -> Cause:
    return Cause(code, because, detail=partial(_detail, name=name, cure=cure))


def _detail(rooms: Rooms, g: int, *, name: str, cure: str) -> Detail:
    there, asked = getattr(fit(rooms, g), name), _asked(rooms.q, g, name)
    what = "verifications" if name == "checks" else "requests"
    return Detail((f"room for {there:,.0f} of {asked:,.0f} {what}",), (cure,))


CAUSES = {
    name: _cause(code, name, because, cure)
    for name, code, because, cure in (
        (
            "nodes", Code.CAPACITY,
            "the nodes able to execute them have no room for all, counted in whole requests",
            "more accelerators on the able nodes, or more such nodes",
        ),
        (
            "groups", Code.SHARE_CAP,
            "the groups able to execute them may not, or cannot, execute all of them",
            "a larger max_share, or another able group",
        ),
        (
            "replicas", Code.MAX_NEW_REPLICAS,
            "with so few new replicas allowed there is no room for all of them",
            "a larger max_new_replicas",
        ),
        (
            "checks", Code.VERIFICATION_CORES,
            "the nodes able to verify them have no room for all verifications",
            "more verification cores on the able nodes",
        ),
    )
}  # fmt: skip
"""What can be too little, by its name in `Fit`, in the order in which it is looked at."""
