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
from placement.explain.reach import Reach, reach
from placement.explain.rooms import Rooms
from placement.explain.wording import amount, counted, enough, listing, several
from placement.quantities import REEXECUTION, Bools, Floats, Ints, Quantities, at_most

Steps = list[tuple[Cause, Step]]


def run_steps(rooms: Rooms, spots: Spots) -> tuple[Steps, Step]:
    """The conditions for one more request to be executed, and one for replicas there are."""
    q, places = rooms.q, spots.places
    usable = q.infers & (rooms.group_left[q.node_group] >= 1)
    opened = places.best(usable)
    found = reach(rooms, places, np.unique(q.class_model[spots.g]), usable)
    causes = _CAUSES[rooms.used, False]
    first: Step = lambda _, place: opened[place]  # noqa: E731
    steps = list(zip(causes, [first, *_time_steps(rooms, spots, found)], strict=True))
    return steps, _in_time(rooms, spots, found, found.held)


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
    return [_in_time(rooms, spots, found, table) for table in tables]


def _in_time(rooms: Rooms, spots: Spots, found: Reach, room: Floats) -> Step:
    row = found.row[rooms.q.class_model[spots.g]]

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


def _share(rooms: Rooms, _g: int, n: Ints, _work: Floats) -> Detail:
    q = rooms.q
    groups = np.unique(q.node_group[n]).tolist()
    names = [q.group_names[o] for o in groups]
    caps = q.max_share[groups]
    each = f"at most {amount(100 * caps.max(initial=0))} %"
    fact = f"{listing(names)} may execute {each} of all requests"
    best = q.group_names[groups[int(np.argmax(caps))]]
    least = enough(min(1.0, (math.floor(caps.max() * q.total_count) + 1) / q.total_count))
    return Detail((fact,), (f"a max_share of at least {least} for {best}", "another able group"))


def _time(rooms: Rooms, g: int, n: Ints, work: Floats) -> Detail:
    """The node that comes closest, and how large it would have to be."""
    q = rooms.q
    m = int(q.class_model[g])
    needed = work + (q.load_s(m, n) * (q.loaded[m, n] == 0) if m >= 0 else 0.0)
    best = int(np.argmax(q.capacity_s[n] / np.maximum(needed, 1e-300)))
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
    best = int(np.argmax(free / np.maximum(work, 1e-300)))
    name = _name(rooms, n[best])
    left = f"{amount(free[best])} accelerator-seconds left and one takes {amount(work[best])}"
    fact = f"of {counted(len(n), 'able node')} {name} comes closest, with {left}"
    return Detail((fact,), (f"another node like {name}",))


def _model(q: Quantities, g: int) -> str:
    return f"model {q.instance.requests[g].model}"


def _not_loaded(rooms: Rooms, g: int, n: Ints, work: Floats) -> Detail:
    q, m = rooms.q, int(rooms.q.class_model[g])
    roomy = n[rooms.capacity_s[n] >= work]
    roomy = roomy if len(roomy) else n
    best = roomy[int(np.argmax(rooms.memory_gb[roomy]))]
    free = amount(max(0.0, float(rooms.memory_gb[best])))
    fact = (
        f"a replica of {_model(q, g)} takes {amount(q.replica_gb[m])} GB and "
        f"{amount(float(q.load_s(m, best)))} accelerator-seconds to load; "
        f"{_name(rooms, best)} has {free} GB and {amount(rooms.capacity_s[best])} left"
    )
    return Detail((fact,), (f"another node like {_name(rooms, best)}",))


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

_FIRST: dict[tuple[bool, bool], Row] = {
    (False, False): (
        Code.SHARE_CAP,
        "the control groups able to execute them may execute nothing under their max_share",
        together,
        _share,
    ),
    (True, False): (
        Code.SHARE_CAP,
        "the control groups able to execute them have executed all that their max_share allows",
        together,
        _share,
    ),
    (False, True): (
        Code.VERIFICATION_CORES,
        "no node able to verify them has the cores for one verification",
        by_policy,
        _verifying,
    ),
    (True, True): (
        Code.VERIFICATION_CORES,
        "no node able to verify them has the cores for another verification left",
        by_policy,
        _verifying,
    ),
}
"""The first condition, by whether the rooms are used and whether it is about verifying."""

_REST: dict[bool, tuple[Row, ...]] = {
    False: (
        (Code.CAPACITY, "one takes more time than any node able to {do} them offers",
         by_model, _time),
        (Code.CAPACITY, "loading their model leaves no node able to {do} them the time for one",
         by_model, _time),
        (Code.HOSTING, "no node can store the weights of their model", by_model, _storing),
        (Code.MAX_NEW_REPLICAS, "max_new_replicas rules out what it takes to {do} them",
         by_model, _counting),
        (Code.MAX_TRANSFER, "max_transfer_gb rules out what it takes to {do} them",
         by_model, _moving),
    ),
    True: (
        (Code.CAPACITY_IN_USE, "the nodes able to {do} them have no time left", by_model, _in_use),
        (Code.NOT_LOADED,
         "no node able to {do} them has a replica with room, or memory and time to load one",
         by_model, _not_loaded),
        (Code.HOSTING, "no node can store the weights of their model", by_model, _storing),
        (Code.MAX_NEW_REPLICAS, "max_new_replicas allows no more to {do} them",
         by_model, _counting),
        (Code.MAX_TRANSFER, "max_transfer_gb allows no more to {do} them", by_model, _moving),
    ),
}  # fmt: skip
"""The conditions on time and replicas, by whether the rooms are used."""


def _causes(*, used: bool, checking: bool) -> tuple[Cause, ...]:
    """One for each condition of `run_steps`, or of `check_steps`."""
    do = "re-execute" if checking else "execute"
    return tuple(
        Cause(code, because.format(do=do), key, partial(_looking, look, checking=checking))
        for code, because, key, look in (_FIRST[used, checking], *_REST[used])
    )


_CAUSES = {key: _causes(used=key[0], checking=key[1]) for key in _FIRST}
