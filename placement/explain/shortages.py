"""What runs short among the able nodes: shares, time, memory, limits, cores; and what would help.

The same conditions are put to the empty network, where a shortage means that a class can never be
served, and to what a placement leaves.
"""

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from placement.explain.causes import Cause, Detail, Key, by_model, by_policy, together
from placement.explain.codes import Code
from placement.explain.places import Spots, Step
from placement.explain.reach import Reach, held, padded, reach, time_for
from placement.explain.rooms import Rooms
from placement.explain.wording import amount, counted, enough, listing, several
from placement.quantities import REEXECUTION, Bools, Floats, Ints, Quantities, at_most

Steps = list[tuple[Cause, Step]]


def run_steps(rooms: Rooms, spots: Spots) -> Steps:
    """The conditions for one more request to be executed."""
    q, places = rooms.q, spots.places
    found = reach(rooms, places, np.unique(q.class_model[spots.g]), _may_execute(rooms))
    free = padded(places.best(np.where(q.infers, rooms.capacity_s, -np.inf)))
    first: Step = lambda at, place: spots.work_s(at, place) <= free[place]  # noqa: E731
    steps = [first, *_time_steps(rooms, spots, found)]
    return list(zip(_CAUSES[rooms.used, False], steps, strict=True))


def held_step(rooms: Rooms, spots: Spots, *, engaged: bool) -> Step:
    """There is a replica with time for one more request; of an engaged node, where so asked."""
    usable = _may_execute(rooms) & (rooms.engaged | (not engaged))
    return _in_time(rooms, spots, *held(rooms, spots, usable))


def _may_execute(rooms: Rooms) -> Bools:
    """Inference nodes of control groups that may execute one more request."""
    return np.asarray(rooms.q.infers & (rooms.group_left[rooms.q.node_group] >= 1))


def few_fit(rooms: Rooms, spots: Spots, requests: Ints) -> tuple[Bools, Bools]:
    """Whether there is time for less than half of so many requests of each class.

    Twice: anywhere that they could be executed, and where max_share still allows it.
    """
    allowed = ~time_for(rooms, spots, requests / 2, _may_execute(rooms))
    anywhere = allowed.copy()
    some = spots.take(allowed)
    anywhere[allowed] = ~time_for(rooms, some, requests[allowed] / 2, rooms.q.infers)
    return anywhere, allowed


def check_steps(rooms: Rooms, spots: Spots) -> Steps:
    """The conditions for one more verification to be done."""
    q, places = rooms.q, spots.places
    cores = places.best(np.where(q.verifies, rooms.cores_s, -np.inf))
    causes = _CAUSES[rooms.used, True]
    first: Step = lambda at, place: at_most(q.core_s[spots.g[at]], cores[place])  # noqa: E731
    redone = q.mode[spots.g] == REEXECUTION
    if not redone.any():
        return [(causes[0], first)]
    found = reach(rooms, places, np.unique(q.class_model[spots.g[redone]]), q.verifies)
    return list(zip(causes, [first, *_time_steps(rooms, spots, found)], strict=True))


def _time_steps(rooms: Rooms, spots: Spots, found: Reach) -> list[Step]:
    """Time on the node, time in a replica, and what a new replica asks for."""
    tables = (found.free, found.loaded, found.hosted, found.counted, found.moved)
    return [_in_time(rooms, spots, found.row, table) for table in tables]


def _in_time(rooms: Rooms, spots: Spots, rows: Ints, room: Floats) -> Step:
    row = rows[rooms.q.class_model[spots.g]]

    def step(at: Ints, place: Ints) -> Bools:
        work = spots.work_s(at, place)
        # To execute takes a replica even where it is no work; to verify does not.
        idle = (work <= 0) & spots.checking
        return np.asarray((work <= room[row[at], place]) | idle)

    return step


# --- a close look at one class -------------------------------------------------------------------

Look = Callable[[Rooms, int, Ints, Floats], Detail]
"""Rooms, class, the able nodes and the work of one request on each."""


def _looking(look: Look, rooms: Rooms, g: int, *, checking: bool) -> Detail:
    q = rooms.q
    n = np.arange(q.n_nodes)
    n = n[np.broadcast_to(q.can_verify(g, n) if checking else q.can_run(g, n), n.shape)]
    return look(rooms, g, n, q.reexecution_work_s(g, n) if checking else q.work_s(g, n))


def _name(rooms: Rooms, n: int | np.integer) -> str:
    return rooms.q.instance.nodes[int(n)].name


def _share(rooms: Rooms, _g: int, n: Ints, work: Floats) -> Detail:
    """The control groups that have the time."""
    q = rooms.q
    capped = (rooms.capacity_s[n] >= work) & (rooms.group_left[q.node_group[n]] < 1)
    groups = np.unique(q.node_group[n[capped]]).tolist()
    names = [q.group_names[o] for o in groups]
    caps = q.max_share[groups]
    each = f"at most {amount(100 * caps.max(initial=0))} %"
    fact = f"{listing(names)} may execute {each} of all requests"
    best = q.group_names[groups[int(np.argmax(caps))]]
    least = enough(min(1.0, (math.floor(caps.max() * q.total_count) + 1) / q.total_count))
    cure = f"a larger max_share for {best}" if rooms.used else f"a max_share of {least} for {best}"
    return Detail((fact,), (cure, "another able group"))


def _time(rooms: Rooms, g: int, n: Ints, work: Floats) -> Detail:
    """The node that comes closest, and how large it would have to be."""
    q = rooms.q
    m = int(q.class_model[g])
    needed = work + (q.load_s(m, n) * (q.loaded[m, n] == 0) if m >= 0 else 0.0)
    best = int(np.argmax(q.capacity_s[n] / np.maximum(needed, 1e-200)))
    node, each = n[best], q.window_s * q.utilization[n[best]]
    load = needed[best] - work[best]
    loading = f", {amount(load)} of them to load {_model(q, g)}" if load > 0 else ""
    fact = (
        f"the closest, {_name(rooms, node)}, offers {amount(q.capacity_s[node])} "
        f"accelerator-seconds in the window and one takes {amount(needed[best])}{loading}"
    )
    if each <= 0:
        return Detail((fact,), (f"a max_utilization above 0 on {_name(rooms, node)}",))
    size = counted(math.ceil(needed[best] / each - 1e-9), "accelerator")
    return Detail((fact,), (f"a node like {_name(rooms, node)} with {size}",))


def _in_use(rooms: Rooms, _g: int, n: Ints, work: Floats) -> Detail:
    free = np.where(rooms.group_left[rooms.q.node_group[n]] >= 1, rooms.capacity_s[n], 0.0)
    best = int(np.argmax(free / np.maximum(work, 1e-200)))
    name = _name(rooms, n[best])
    left = f"{several(free[best], 'accelerator-second')} left, and one takes {amount(work[best])}"
    fact = f"of {counted(len(n), 'able node')} {name} has most time for them, {left}"
    return Detail((fact,), (f"another node like {name}",))


def _model(q: Quantities, g: int) -> str:
    return f"model {q.instance.requests[g].model}"


def _not_loaded(rooms: Rooms, g: int, n: Ints, work: Floats) -> Detail:
    """The able node on which a new replica comes closest to fitting."""
    q, m = rooms.q, int(rooms.q.class_model[g])
    needed = work + q.load_s(m, n)
    free = np.maximum(rooms.memory_gb[n], 0.0)
    fits = np.minimum(free / max(q.replica_gb[m], 1e-200), 1.0)
    fits = np.minimum(fits, rooms.capacity_s[n] / np.maximum(needed, 1e-200))
    fits = np.where(rooms.group_left[q.node_group[n]] >= 1, fits, -1.0)
    best = int(np.argmax(fits))
    name = _name(rooms, n[best])
    fact = (
        f"a replica of {_model(q, g)} takes {amount(q.replica_gb[m])} GB and with one request "
        f"{several(needed[best], 'accelerator-second')}, and {name} comes closest, with "
        f"{amount(free[best])} GB and {amount(rooms.capacity_s[n[best]])} accelerator-seconds left"
    )
    return Detail((fact,), (f"another node like {name}",))


def _storing(rooms: Rooms, g: int, _n: Ints, _work: Floats) -> Detail:
    q = rooms.q
    most = q.storage_gb[q.hosts].max(initial=0)
    size = amount(q.weights_gb[q.class_model[g]])
    fact = f"{_model(q, g)} takes {size} GB, the most on a hosting node is {amount(most)}"
    return Detail((fact,), (f"{size} GB of storage on a node with the role hosting",))


def _counting(rooms: Rooms, g: int, n: Ints, _work: Floats) -> Detail:
    q = rooms.q
    limit = q.instance.limits.max_new_replicas or 0
    fact = f"the limit is {limit}"
    if not rooms.used:
        names = listing([_name(rooms, i) for i in n.tolist()], "or")
        fact += f" and {_model(q, g)} is not in the memory of {names}"
    return Detail((fact,), (f"max_new_replicas of at least {limit + 1}",))


def _moving(rooms: Rooms, g: int, _n: Ints, _work: Floats) -> Detail:
    q = rooms.q
    limit = q.instance.limits.max_transfer_gb or 0.0
    weights = float(q.weights_gb[q.class_model[g]])
    used = limit - rooms.transfer_left if rooms.used else 0.0
    least = f"max_transfer_gb of at least {enough(used + weights)}"
    return Detail((f"{_model(q, g)} takes {amount(weights)} GB of {amount(limit)}",), (least,))


def _verifying(rooms: Rooms, g: int, n: Ints, _work: Floats) -> Detail:
    q = rooms.q
    there = rooms.cores_s if rooms.used else q.cores_s
    best = n[int(np.argmax(there[n]))]
    name, left = _name(rooms, best), "left" if rooms.used else "in the window"
    fact = (
        f"one verification takes {several(q.core_s[g], 'core-second')}, the most is "
        f"{amount(there[best])} {left}, on {name}"
    )
    missing = math.ceil((q.core_s[g] - there[best]) / q.window_s - 1e-9)
    return Detail((fact,), (f"{counted(missing, 'more verification core')} on {name}",))


# --- the causes ----------------------------------------------------------------------------------

Row = tuple[Code, str, Key, Look]

_FIRST: dict[tuple[bool, bool], tuple[Row, Row]] = {
    (False, False): (
        (Code.CAPACITY, "one takes more time than any node able to execute them offers",
         by_model, _time),
        (Code.SHARE_CAP,
         "the control groups with time to execute them may execute nothing under their max_share",
         together, _share),
    ),
    (True, False): (
        (Code.CAPACITY_IN_USE, "the nodes able to execute them have no time left",
         by_model, _in_use),
        (Code.SHARE_CAP,
         "the control groups with time left for them have executed all that max_share allows",
         together, _share),
    ),
    (False, True): (
        (Code.VERIFICATION_CORES, "no node able to verify them has the cores for one verification",
         by_policy, _verifying),
        (Code.CAPACITY, "one takes more time than any node able to re-execute them offers",
         by_model, _time),
    ),
    (True, True): (
        (Code.VERIFICATION_CORES,
         "no node able to verify them has the cores for another verification left",
         by_policy, _verifying),
        (Code.CAPACITY_IN_USE, "the nodes able to re-execute them have no time left",
         by_model, _in_use),
    ),
}  # fmt: skip
"""The conditions on nodes, by whether the rooms are used and whether it is about verifying."""

_REST: dict[bool, tuple[Row, ...]] = {
    False: (
        (Code.CAPACITY, "loading their model leaves no node able to {do} them the time for one",
         by_model, _time),
        (Code.HOSTING, "no node can store the weights of their model", by_model, _storing),
        (Code.MAX_NEW_REPLICAS, "max_new_replicas rules out what it takes to {do} them",
         by_model, _counting),
        (Code.MAX_TRANSFER, "max_transfer_gb rules out what it takes to {do} them",
         by_model, _moving),
    ),
    True: (
        (Code.NOT_LOADED,
         "no node able to {do} them has a replica with room, or memory and time to load one",
         by_model, _not_loaded),
        (Code.HOSTING, "no node can store the weights of their model", by_model, _storing),
        (Code.MAX_NEW_REPLICAS, "max_new_replicas allows no more to {do} them",
         by_model, _counting),
        (Code.MAX_TRANSFER, "max_transfer_gb allows no more to {do} them", by_model, _moving),
    ),
}  # fmt: skip
"""The conditions on replicas, by whether the rooms are used."""


def _cause(row: Row, *, checking: bool) -> Cause:
    code, because, key, look = row
    do = "re-execute" if checking else "execute"
    return Cause(code, because.format(do=do), key, partial(_looking, look, checking=checking))


_CAUSES = {
    (used, checking): [_cause(row, checking=checking) for row in (*first, *_REST[used])]
    for (used, checking), first in _FIRST.items()
}
"""One for each condition of `run_steps`, or of `check_steps`."""

SCRAPS = _cause(
    (
        Code.CAPACITY_IN_USE,
        "the nodes able to execute them have time left for less than half of them",
        by_model,
        _in_use,
    ),
    checking=False,
)
"""There is time for a few requests, which hardly matters."""

SHARE_SCRAPS = _cause(
    (
        Code.SHARE_CAP,
        "the control groups with time left for most of them have executed all max_share allows",
        together,
        _share,
    ),
    checking=False,
)
"""There would be time, but not where max_share allows."""
