"""Proofs that classes which must be served ask too much of their nodes, all taken together."""

import math
from collections.abc import Iterator

import numpy as np

from placement.explain.bottlenecks import bottleneck, least_work_s, whereabouts
from placement.explain.causes import MOST_NAMED, subject
from placement.explain.codes import Code
from placement.explain.never import Sides
from placement.explain.parts import groups_in_kinds, needed_checks
from placement.explain.places import Spots
from placement.explain.rooms import Rooms, lenient, strict
from placement.explain.wording import amount, counted, enough, listing
from placement.quantities import Bools, Floats, Ints, Quantities
from placement.solution import Reason


def overloads(rooms: Rooms, sides: Sides) -> Iterator[Reason]:
    """A reason for each thing of which the classes, all being served, ask more than there is."""
    runs, checks = sides
    found = [_shares(rooms, runs), _capacity(rooms, runs), _cores(rooms, checks)]
    if found[1] is None:
        found[1] = _capacity_with_checks(rooms, runs, checks)
    found.append(_memory(rooms, runs))
    yield from (reason for reason in found if reason is not None)


def _reason(q: Quantities, code: Code, g: Ints, because: str, *helps: str) -> Reason:
    order = g[np.lexsort((g, -q.count[g]))]
    names = [q.instance.requests[i].name for i in order.tolist()]
    who = subject(int(q.count[g].sum()), names)
    return Reason(
        code=code.value,
        entities=tuple(names[:MOST_NAMED]),
        sentence=f"{who} must be served, but {because}; what would help: {', or '.join(helps)}.",
    )


def _by_kind(q: Quantities, amounts: Floats, nodes: Bools) -> Floats:
    return np.bincount(q.node_kind[nodes], amounts[nodes], len(q.kind_node)).astype(float)


def _inside(q: Quantities, kinds: Ints, nodes: Bools) -> Ints:
    """The nodes of some kinds, among some nodes."""
    return np.flatnonzero(nodes & np.isin(q.node_kind, kinds))


def _names(q: Quantities, nodes: Ints) -> str:
    return listing([q.instance.nodes[n].name for n in nodes.tolist()])


def _shares(rooms: Rooms, runs: Spots) -> Reason | None:
    """Constraint 12 against the requests of classes with capped groups only."""
    q = rooms.q
    able = _able_groups(q, runs)
    free = rooms.group_left >= q.total_count
    rows = np.flatnonzero(~able[:, free].any(axis=1))
    count = q.count[runs.g[rows]].astype(float)
    found = bottleneck(able[rows][:, ~free], count, rooms.group_left[~free])
    if found is None:
        return None
    g, groups = runs.g[rows[found[0]]], np.flatnonzero(~free)[found[1]]
    most, total = int(rooms.group_left[groups].sum()), int(q.count[g].sum())
    names = listing([q.group_names[o] for o in groups.tolist()])
    because = (
        f"the control groups able to execute them ({names}) may execute only {most:,} requests "
        "under their max_share"
    )
    more = enough((total - most) / q.total_count)
    helps = f"a max_share larger by {more}, all groups together", "another able group"
    return _reason(q, Code.SHARE_CAP, g, because, *helps)


def _able_groups(q: Quantities, runs: Spots) -> Bools:
    able = runs.able.astype(np.float32) @ groups_in_kinds(q, q.infers) > 0
    able[runs.row, q.node_group[runs.places.node[runs.place]]] = True
    return np.asarray(able)


def _capacity(rooms: Rooms, runs: Spots) -> Reason | None:
    """Constraint 4 against the work of execution."""
    q = rooms.q
    demand = least_work_s(runs) * q.count[runs.g]
    return _too_busy(rooms, runs.g, whereabouts(runs), demand, nodes=q.infers, do="execute")


def _capacity_with_checks(rooms: Rooms, runs: Spots, checks: Spots) -> Reason | None:
    """Constraint 4 against the work of execution and re-execution."""
    q, g = rooms.q, runs.g
    needed = needed_checks(q, g, q.count[g])
    again = np.where(needed > 0, least_work_s(checks), 0.0) * needed
    demand = least_work_s(runs) * q.count[g] + again
    able = whereabouts(runs) | (checks.able & (again > 0)[:, None])
    nodes = q.infers | q.verifies
    return _too_busy(rooms, g, able, demand, nodes=nodes, do="execute and re-execute")


def _too_busy(
    rooms: Rooms, g: Ints, able: Bools, demand: Floats, *, nodes: Bools, do: str
) -> Reason | None:
    q = rooms.q
    found = bottleneck(able, demand, _by_kind(q, rooms.capacity_s, nodes))
    if found is None:
        return None
    inside = _inside(q, found[1], nodes)
    there, asked = float(q.capacity_s[inside].sum()), float(demand[found[0]].sum())
    because = (
        f"to {do} them takes at least {amount(asked)} accelerator-seconds and the able nodes "
        f"({_names(q, inside)}) offer {amount(there)} in the window"
    )
    more = counted(math.ceil((asked - there) / q.window_s - 1e-9), "more accelerator")
    return _reason(q, Code.CAPACITY, g[found[0]], because, f"at least {more} on able nodes")


def _cores(rooms: Rooms, checks: Spots) -> Reason | None:
    """Constraint 10 against the verifications needed."""
    q = rooms.q
    demand = needed_checks(q, checks.g, q.count[checks.g]) * q.core_s[checks.g]
    rows = np.flatnonzero(demand > 0)
    room = _by_kind(q, rooms.cores_s, q.verifies)
    found = bottleneck(checks.able[rows], demand[rows], room)
    if found is None:
        return None
    inside = _inside(q, found[1], q.verifies)
    there, asked = float(q.cores_s[inside].sum()), float(demand[rows[found[0]]].sum())
    because = (
        f"to verify them takes at least {amount(asked)} core-seconds and the able nodes "
        f"({_names(q, inside)}) offer {amount(there)} in the window"
    )
    more = counted(math.ceil((asked - there) / q.window_s - 1e-9), "more verification core")
    g = checks.g[rows[found[0]]]
    return _reason(q, Code.VERIFICATION_CORES, g, because, f"at least {more} on able nodes")


def _memory(rooms: Rooms, runs: Spots) -> Reason | None:
    """Constraint 5 against the replicas that the models need at least."""
    q = rooms.q
    rows = np.flatnonzero(q.class_model[runs.g] >= 0)
    models, at = np.unique(q.class_model[runs.g[rows]], return_inverse=True)
    able = np.zeros((len(models), len(q.kind_node)), dtype=bool)
    np.logical_or.at(able, at, whereabouts(runs)[rows])
    work = np.bincount(at, (least_work_s(runs) * q.count[runs.g])[rows], len(models))
    share = lenient(q.span[models] * q.window_s * q.utilization.max(initial=0.0))
    replicas = np.maximum(1.0, np.ceil(strict(work) / share - 1e-9))
    demand = replicas * q.replica_gb[models]
    found = bottleneck(able, demand, _by_kind(q, rooms.memory_gb, q.infers))
    if found is None:
        return None
    inside = _inside(q, found[1], q.infers)
    there, asked = float(q.memory_gb[inside].sum()), float(demand[found[0]].sum())
    because = (
        f"the replicas that they need at least take {amount(asked)} GB and the able nodes "
        f"({_names(q, inside)}) have {amount(there)} GB of accelerator memory"
    )
    g = runs.g[rows[np.isin(at, found[0])]]
    return _reason(q, Code.MEMORY, g, because, f"{enough(asked - there)} GB more on able nodes")
