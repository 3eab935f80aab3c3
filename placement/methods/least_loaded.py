"""Baseline `least-loaded`: every request goes to the node with the most capacity left."""

import numpy as np

from placement.methods.dispatch import Turn, dispatch, level_out
from placement.quantities import Ints
from placement.search import Search
from placement.solution import StoppedBy


def least_loaded(search: Search) -> StoppedBy:
    """Send each request to the able node whose capacity is taken up least, as a part of it."""
    return dispatch(search, _balance)


def _balance(turn: Turn) -> Ints:
    q = turn.ledger.q
    work = np.maximum(q.work_s(turn.g, turn.nodes), 1e-9)
    rate = np.maximum(q.capacity_s[turn.nodes], 1e-9) / work
    return level_out(turn.busy, rate, turn.room, turn.count)
