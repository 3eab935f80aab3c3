"""What serving costs at least, against the penalty for turning requests away."""

from functools import partial

import numpy as np

from placement.explain.causes import Cause, Detail, by_model
from placement.explain.codes import Code
from placement.explain.places import Spots, Step
from placement.explain.rooms import Rooms, lenient
from placement.explain.wording import amount, enough
from placement.quantities import REEXECUTION, Bools, Floats, Ints


def price_step(rooms: Rooms, spots: Spots, *, surely: bool = False) -> tuple[Cause, Step]:
    """Executing and verifying one more request costs less than its penalty.

    Nodes of a kind may differ in price: on some of them, or surely on all.
    """
    q, places = rooms.q, spots.places
    rate = (places.best if surely else places.least)(rooms.compiled.rate)
    check = check_cost(rooms, spots.g)

    def pays(at: Ints, place: Ints) -> Bools:
        g, n = spots.g[at], places.node[place]
        cost = rate[place] * spots.work_s(at, place) + check[at]
        cost += q.latency_price[g] * q.latency_ms(g, n) / 1000.0
        single = place >= places.n_kinds
        cost[single] += q.pair_price(g[single], n[single])
        return np.asarray(cost < q.penalty[g])

    return PRICE, pays


def check_cost(rooms: Rooms, g: Ints) -> Floats:
    """$ that the verification of one request of each class costs at least."""
    q = rooms.q
    n = np.flatnonzero(q.verifies)
    if not len(n):
        return np.zeros(len(g))
    cost = q.core_s[g] * q.core_price[n].min() / 3600.0
    redone = np.flatnonzero((q.mode[g] == REEXECUTION) & ~q.paired[g])
    cost[redone] += _least_by_type(rooms, g[redone], n, checking=True)
    return np.asarray(cost * rooms.compiled.wanted_checks[g])


def _least_by_type(rooms: Rooms, g: Ints, n: Ints, *, checking: bool) -> Floats:
    """$ of accelerator time of one request on the cheapest of the nodes `n`, whoever is able."""
    q = rooms.q
    order = n[np.lexsort((rooms.compiled.rate[n], q.node_type[n]))]
    _, first = np.unique(q.node_type[order], return_index=True)
    cheap = order[first]
    ask = q.reexecution_work_s if checking else q.work_s
    work = ask(g[:, None], cheap[None, :])
    return np.asarray((work * rooms.compiled.rate[cheap]).min(axis=1, initial=np.inf))


def loading_pays(rooms: Rooms, g: Ints, requests: Ints) -> Bools:
    """Whether `requests` of each class may save more than another replica of the model costs.

    Classes of one model count together; what is saved is overestimated.
    """
    q = rooms.q
    cost = check_cost(rooms, g)
    plain = np.flatnonzero(~q.paired[g])
    cost[plain] += _least_by_type(rooms, g[plain], np.flatnonzero(q.infers), checking=False)
    saved = np.maximum(q.penalty[g] - cost, 0.0) * requests
    models, row = np.unique(q.class_model[g], return_inverse=True)
    total = np.bincount(row, saved, len(models))
    return np.asarray((total > loading_cost(rooms, models))[row])


def loading_cost(rooms: Rooms, models: Ints) -> Floats:
    """$ that another replica of each model costs at least, before any request."""
    q, compiled = rooms.q, rooms.compiled
    n = np.flatnonzero(q.infers)
    size = np.append(q.span * q.weights_gb, 0.0)[models]
    engage = np.where(rooms.engaged, 0.0, compiled.engagement)[n]
    cost = size[:, None] * (compiled.rate[n] / q.load_gb_per_s[n]) + engage
    row = np.full(q.n_models + 1, -1)
    row[models] = np.arange(len(models))
    kept = (row[rooms.kept_m] >= 0) & q.infers[rooms.kept_n]
    position = np.cumsum(q.infers) - 1
    at = position[rooms.kept_n[kept]]
    cost[row[rooms.kept_m[kept]], at] = engage[at]
    gb = np.append(q.replica_gb, 0.0)[models]
    cost[gb[:, None] > lenient(rooms.memory_gb[n])] = np.inf
    return np.asarray(cost.min(axis=1, initial=np.inf))


def _price_detail(rooms: Rooms, g: int, *, loading: bool) -> Detail:
    """The able node where one request is cheapest, among those with time left."""
    q, compiled = rooms.q, rooms.compiled
    n = np.arange(q.n_nodes)
    n = n[np.broadcast_to(q.can_run(g, n), n.shape)]
    work = q.work_s(g, n)
    free = (work <= rooms.capacity_s[n]) & (rooms.group_left[q.node_group[n]] >= 1)
    n, work = (n[free], work[free]) if free.any() else (n, work)
    cost = compiled.rate[n] * work + q.latency_price[g] * q.latency_ms(g, n) / 1000.0
    cost = cost + q.pair_price(g, n) + check_cost(rooms, np.array([g]))
    best = int(np.argmin(cost))
    penalty, name = f"${amount(q.penalty[g])}", q.instance.nodes[n[best]].name
    fact = f"one costs at least ${amount(cost[best])} on {name}, its penalty is {penalty}"
    if not loading:
        return Detail((fact,), (f"a penalty above ${enough(cost[best])}",))
    replica = loading_cost(rooms, q.class_model[[g]])[0]
    facts = (f"another replica costs at least ${amount(replica)}", fact)
    return Detail(facts, ("a larger penalty", "more requests to share a replica"))


def _search_detail(rooms: Rooms, g: int) -> Detail:
    """The replica with most time left in which one request pays."""
    q, compiled = rooms.q, rooms.compiled
    n = np.concatenate([rooms.replica_n, rooms.kept_n])
    m = np.concatenate([rooms.replica_m, rooms.kept_m])
    room = np.concatenate([rooms.replica_room_s, rooms.capacity_s[rooms.kept_n]])
    if q.class_model[g] < 0:
        n, room = np.arange(q.n_nodes), rooms.capacity_s
        m = np.full(q.n_nodes, -1)
    able = (m == q.class_model[g]) & q.can_run(g, n) & rooms.engaged[n]
    able &= rooms.group_left[q.node_group[n]] >= 1
    n, room = n[able], room[able]
    work = q.work_s(g, n)
    cost = compiled.rate[n] * work + q.latency_price[g] * q.latency_ms(g, n) / 1000.0
    cost = cost + q.pair_price(g, n)
    best = int(np.argmax(np.where(cost < q.penalty[g], room / np.maximum(work, 1e-200), -1.0)))
    fact = (
        f"one costs ${amount(cost[best])} on {q.instance.nodes[n[best]].name}, which has "
        f"{amount(room[best])} accelerator-seconds left where one takes {amount(work[best])}, "
        f"and its penalty is ${amount(q.penalty[g])}"
    )
    return Detail((fact,), ("more time", "another method"))


SEARCH = Cause(
    Code.SEARCH,
    "the search did not use the room that there is for some of them at less than their penalty",
    by_model,
    _search_detail,
)
"""The placement can be improved."""

PRICE = Cause(
    Code.PRICE,
    "serving one costs as much as its penalty, or more, wherever there is room",
    by_model,
    partial(_price_detail, loading=False),
)
"""One request costs more than it saves."""

LOADING_PRICE = Cause(
    Code.PRICE,
    "it takes another replica of their model, which costs more than serving them would save",
    by_model,
    partial(_price_detail, loading=True),
)
"""A replica costs more than all requests for it save."""
