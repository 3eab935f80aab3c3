"""How much time one request finds in replicas, those there are and those that could be loaded."""

from dataclasses import dataclass

import numpy as np

from placement.explain.places import Places, Spots
from placement.explain.rooms import Rooms, lenient
from placement.quantities import ROUNDING, Bools, Floats, Ints, Quantities


@dataclass(frozen=True)
class Reach:
    """The most accelerator-seconds one request may take, by model (a row each) and place.

    Attributes
    ----------
    row
        The row of each model; the last entry is for plain jobs.
    free
        On the nodes, replicas aside.
    loaded
        In replicas there are, or one that memory and time allow to load.
    hosted
        Also with weights that some node can store.
    counted
        Also within the limit on new replicas.
    moved
        Also within the limit on GB moved.
    """

    row: Ints
    free: Floats
    loaded: Floats
    hosted: Floats
    counted: Floats
    moved: Floats


def reach(rooms: Rooms, places: Places, models: Ints, usable: Bools) -> Reach:
    """What replicas offer in each place; model -1 is a plain job, which needs none.

    Parameters
    ----------
    models
        Models without repeats, one row of the answer each.
    usable
        The nodes considered.
    """
    q = rooms.q
    opened = _opened_s(rooms, models, usable)
    anywhere = places.best(opened)
    free = places.best(np.where(usable, rooms.capacity_s, -np.inf))
    there = _held_s(rooms, places, models, usable)
    stored = np.append(rooms.stored.any(axis=1), True)
    hosted = np.where((stored | _storable(q))[models, None], anywhere, -np.inf)
    counted = hosted if rooms.new_left >= 1 else np.full_like(hosted, -np.inf)
    moved = _without_moving(rooms, places, models, opened, counted)
    tables = [np.maximum(there, room) for room in (anywhere, hosted, counted, moved)]
    free = np.broadcast_to(free, there.shape)
    return Reach(_rows(q, models), *(padded(room) for room in (free, *tables)))


def held(rooms: Rooms, spots: Spots, usable: Bools) -> tuple[Ints, Floats]:
    """The row of each model, and the time that replicas there are leave in each place."""
    models = np.unique(rooms.q.class_model[spots.g])
    there = _held_s(rooms, spots.places, models, usable)
    return _rows(rooms.q, models), padded(there)


def time_for(rooms: Rooms, spots: Spots, requests: Floats, usable: Bools) -> Bools:
    """Whether so many requests of each class find time, in replicas there are and in new ones.

    Roughly: places without time for a single one count nothing, in others scraps of time add up.
    """
    q, places = rooms.q, spots.places
    models = np.unique(q.class_model[spots.g])
    row = _rows(q, models)[q.class_model[spots.g]]
    there = _opened_s(rooms, models, usable)
    np.maximum.at(there, *_held(rooms, models, usable))
    there[models < 0] = np.where(usable, rooms.capacity_s, -np.inf)
    best, total = padded(places.best(there)), places.total(np.maximum(there, 0.0))

    def count(at: Ints, place: Ints) -> Floats:
        work, cell = spots.work_s(at, place), (row[at], place)
        many = np.where(work > 0, total[cell] / np.maximum(work, 1e-200), np.inf)
        return np.where(work <= best[cell], many, 0.0)

    return spots.reach(requests, count)


def _rows(q: Quantities, models: Ints) -> Ints:
    row = np.full(q.n_models + 1, -1)
    row[models] = np.arange(len(models))
    return row


def padded(room: Floats) -> Floats:
    """Room with the slack under which amounts count as equal."""
    return np.asarray(room + ROUNDING * np.maximum(1.0, room))


def _opened_s(rooms: Rooms, models: Ints, usable: Bools) -> Floats:
    """What a newly loaded replica leaves time for, shape (models, nodes)."""
    q = rooms.q
    size = np.append(q.span * q.weights_gb, 0.0)[models]
    gb = np.append(q.replica_gb, 0.0)[models]
    seconds = np.where(usable, rooms.capacity_s, -np.inf) - size[:, None] / q.load_gb_per_s
    seconds[gb[:, None] > lenient(rooms.memory_gb)] = -np.inf
    return seconds


def _without_moving(
    rooms: Rooms, places: Places, models: Ints, opened: Floats, counted: Floats
) -> Floats:
    """What of `counted` is left where the limit allows no more GB: nodes that have the weights."""
    weights = np.append(rooms.q.weights_gb, 0.0)[models]
    stuck = np.flatnonzero(weights > rooms.transfer_left)
    if not len(stuck):
        return counted
    moved = counted.copy()
    here = np.where(rooms.stored[models[stuck]], opened[stuck], -np.inf)
    moved[stuck] = np.minimum(counted[stuck], places.best(here))
    return moved


def _held_s(rooms: Rooms, places: Places, models: Ints, usable: Bools) -> Floats:
    """What replicas that need no loading leave time for, shape (models, places)."""
    (row, n), room = _held(rooms, models, usable)
    there = places.best_of_rows(row, n, room, len(models))
    there[models < 0] = places.best(np.where(usable, rooms.capacity_s, -np.inf))
    return there


def _held(rooms: Rooms, models: Ints, usable: Bools) -> tuple[tuple[Ints, Ints], Floats]:
    """Row of the model and node of replicas that need no loading, and the time they have left."""
    row = _rows(rooms.q, models)
    m = np.concatenate([rooms.replica_m, rooms.kept_m])
    n = np.concatenate([rooms.replica_n, rooms.kept_n])
    room = np.concatenate([rooms.replica_room_s, rooms.capacity_s[rooms.kept_n]])
    asked = (row[m] >= 0) & usable[n]
    return (row[m[asked]], n[asked]), room[asked]


def _storable(q: Quantities) -> Bools:
    """Whether any node could store each model; true for plain jobs, which come last."""
    most = np.max(lenient(q.storage_gb[q.hosts]), initial=-np.inf)
    return np.append(q.weights_gb <= most, True)
