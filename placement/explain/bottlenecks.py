"""Classes that together ask more of the places open to them than these can give."""

import numpy as np

from placement.explain.places import Spots
from placement.quantities import ROUNDING, Bools, Floats, Ints

_PRODUCTS = 2e9
"""Multiplications spent on comparing sets of places."""


def bottleneck(able: Bools, demand: Floats, room: Floats) -> tuple[Ints, Ints] | None:
    """The set of classes that asks most of its places, relative to their room, if it is too much.

    For every set of places that some class is confined to (and for all of them together), the
    demand of all classes confined to it is held against its room.

    Parameters
    ----------
    able : array of bool, shape (classes, places)
        Where each class may go.
    demand : array over classes
        The least that each asks.
    room : array over places
        The most that each gives.

    Returns
    -------
    tuple of arrays, or None
        The classes and the places of the bottleneck. None where no such set is overcharged, which
        does not mean that all fits.
    """
    if not len(able):
        return None
    packed = np.ascontiguousarray(np.packbits(able, axis=1))
    rows = packed.view(np.dtype((np.void, packed.shape[1]))).ravel() if packed.shape[1] else packed
    _, first, alike = np.unique(rows, return_index=True, return_inverse=True)
    distinct, total = able[first], np.bincount(alike.ravel(), demand)
    most = max(1, int(_PRODUCTS // max(1, distinct.size)))
    heavy = np.argsort(-total, kind="stable")[:most]
    sets = np.concatenate([distinct[heavy], distinct.any(axis=0, keepdims=True)])
    # A class is confined to a set where none of its places is outside.
    outside = (~sets).astype(np.float32) @ distinct.astype(np.float32).T
    confined = outside == 0
    excess = (confined @ total) / np.maximum(sets @ room, 1e-200)
    worst = int(np.argmax(excess))
    if excess[worst] <= 1 + ROUNDING:
        return None
    return np.flatnonzero(confined[worst][alike.ravel()]), np.flatnonzero(sets[worst])


def whereabouts(spots: Spots) -> Bools:
    """The node kinds open to each class; of a kind with one able node all are taken to be able."""
    able = spots.able.copy()
    node = spots.places.node[spots.place]
    able[spots.row, spots.places.q.node_kind[node]] = True
    return able


def least_work_s(spots: Spots) -> Floats:
    """The fewest accelerator-seconds that one request of each class takes anywhere."""
    least = np.full(len(spots), np.inf)
    for start in range(0, len(spots), 1024):
        at, place = np.nonzero(spots.able[start : start + 1024])
        work = spots.work_s(at + start, place)
        first = np.flatnonzero(np.diff(at, prepend=-1))
        least[at[first] + start] = np.minimum.reduceat(work, first) if len(first) else work
    np.minimum.at(least, spots.row, spots.work_s(spots.row, spots.place))
    return least
