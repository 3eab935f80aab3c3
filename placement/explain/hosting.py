"""Proofs that weights cannot be stored, loaded or moved as an instance demands."""

from collections.abc import Iterator

import numpy as np

from placement.explain.causes import MOST_NAMED
from placement.explain.codes import Code
from placement.explain.places import Spots
from placement.explain.rooms import Rooms, lenient
from placement.explain.wording import amount, counted, enough, listing
from placement.quantities import Bools, Floats, Ints, Quantities
from placement.solution import Reason


def unstorable(rooms: Rooms) -> Iterator[Reason]:
    """Reasons why constraints 6 and 8 cannot both be met."""
    q = rooms.q
    storage = np.where(q.hosts, lenient(q.storage_gb), -1.0)
    groups = _groups_with(q, storage)
    short = np.flatnonzero(q.min_hosts > groups)
    if len(short):
        yield _few_groups(q, short, groups)
        return
    reason = _crowded(q, storage)
    if reason is not None:
        yield reason


def _groups_with(q: Quantities, storage: Floats) -> Ints:
    """For each model, the control groups with a node that could store it."""
    largest = np.full(q.n_groups, -1.0)
    np.maximum.at(largest, q.node_group, storage)
    ordered = np.sort(largest)
    return q.n_groups - np.searchsorted(ordered, q.weights_gb, side="left")


def _few_groups(q: Quantities, models: Ints, groups: Ints) -> Reason:
    names = [q.instance.models[m].name for m in models.tolist()]
    m = int(models[0])
    size = amount(q.weights_gb[m])
    missing = int(q.min_hosts[m] - groups[m])
    fact = (
        f"{names[0]} of {size} GB fits nodes of {counted(int(groups[m]), 'control group')} and "
        f"wants {int(q.min_hosts[m])}"
    )
    more = f"{counted(missing, 'more control group')} with a hosting node of {size} GB of storage"
    return Reason(
        code=Code.HOSTING.value,
        entities=tuple(names[:MOST_NAMED]),
        sentence=(
            f"{counted(len(models), 'model')} ({listing(names)}) cannot be stored in as many "
            f"control groups as min_hosts demands, for {fact}; what would help: {more}."
        ),
    )


def _crowded(q: Quantities, storage: Floats) -> Reason | None:
    """Models of at least some size against the nodes that could store them, by GB and by number."""
    order = np.argsort(-q.weights_gb, kind="stable")
    order = order[q.min_hosts[order] > 0]
    sizes = q.weights_gb[order]
    copies, gb = np.cumsum(q.min_hosts[order]), np.cumsum(q.min_hosts[order] * sizes)
    for i in range(len(order)):
        if i + 1 < len(order) and sizes[i + 1] == sizes[i]:
            continue
        fits = storage >= sizes[i]
        room_gb = float(storage[fits].sum())
        slots = _slots(q, storage, fits, float(sizes[i]), i + 1)
        if gb[i] > room_gb or copies[i] > slots:
            by_gb = f"take {amount(gb[i])} GB of the {amount(q.storage_gb[fits].sum())}"
            by_number = f"are {copies[i]:,} while there is room for {slots:,.0f}"
            clause = by_gb if gb[i] > room_gb else by_number
            return _too_many(q, order[: i + 1], clause, int(fits.sum()))
    return None


def _slots(q: Quantities, storage: Floats, fits: Bools, size: float, models: int) -> float:
    """The most copies of so many models of at least a size: one of each model a control group."""
    if size <= 0:
        return float("inf")
    copies = np.floor(storage[fits] / size + 1e-9)
    in_group = np.bincount(q.node_group[fits], copies, q.n_groups)
    return float(np.minimum(in_group, models).sum())


def _too_many(q: Quantities, models: Ints, clause: str, nodes: int) -> Reason:
    names = [q.instance.models[m].name for m in models.tolist()]
    return Reason(
        code=Code.HOSTING.value,
        entities=tuple(names[:MOST_NAMED]),
        sentence=(
            f"the copies that min_hosts demands of {counted(len(names), 'model')} "
            f"({listing(names)}) {clause} on the {counted(nodes, 'hosting node')} they fit; what "
            "would help: more storage on hosting nodes of several control groups, or a smaller "
            "min_hosts."
        ),
    )


def unmovable(rooms: Rooms, runs: Spots) -> Iterator[Reason]:
    """Reasons why the limits of constraint 13 cannot be kept, all classes of `runs` served."""
    q, limits = rooms.q, rooms.q.instance.limits
    loaded = _somewhere(q, runs, q.loaded > 0)
    here = loaded | _somewhere(q, runs, rooms.stored)
    fresh, fetched = _models(q, runs, ~loaded), _models(q, runs, ~here)
    if limits.max_new_replicas is not None and len(fresh) > limits.max_new_replicas:
        limit = f"max_new_replicas is {limits.max_new_replicas}"
        cure = f"max_new_replicas of at least {len(fresh)}"
        what = "{models} must be loaded to serve all that must be served"
        yield _over_limit(q, Code.MAX_NEW_REPLICAS, fresh, f"{what}, but {limit}", cure)
    hosting = np.zeros((q.n_models, q.n_groups), dtype=bool)
    m, n = np.nonzero(rooms.stored)
    hosting[m, q.node_group[n]] = True
    copies = np.maximum(q.min_hosts - hosting.sum(axis=1), 0)
    copies[fetched] = np.maximum(copies[fetched], 1)
    moved = float(copies @ q.weights_gb)
    if limits.max_transfer_gb is not None and moved > lenient(limits.max_transfer_gb):
        limit = f"max_transfer_gb is {amount(limits.max_transfer_gb)}"
        cure = f"max_transfer_gb of at least {enough(moved)}"
        what = f"{amount(moved)} GB must be moved to store and load {{models}}"
        models = np.flatnonzero(copies > 0)
        yield _over_limit(q, Code.MAX_TRANSFER, models, f"{what}, but {limit}", cure)


def _somewhere(q: Quantities, runs: Spots, where: Bools) -> Bools:
    """Classes with an able node where their model already is; plain jobs have none to miss."""
    m, n = np.nonzero(where)
    there = runs.places.best_of_rows(m, n, np.ones(len(m)), q.n_models + 1) > 0
    model = q.class_model[runs.g]
    there[-1] = True
    return np.asarray(runs.climb([lambda at, place: there[model[at], place]]) == 1)


def _models(q: Quantities, runs: Spots, missing: Bools) -> Ints:
    return np.unique(q.class_model[runs.g[missing]])


def _over_limit(q: Quantities, code: Code, models: Ints, what: str, cure: str) -> Reason:
    names = [q.instance.models[m].name for m in models.tolist()]
    who = f"{counted(len(names), 'model')} ({listing(names)})"
    return Reason(
        code=code.value,
        entities=tuple(names[:MOST_NAMED]),
        sentence=f"{what.format(models=who)}; what would help: {cure}.",
    )
