"""Baseline `nearest`: every request goes to the able node with the shortest round trip."""

import numpy as np

from placement.methods.dispatch import Turn, dispatch, fill_up
from placement.quantities import Ints
from placement.search import Search
from placement.solution import StoppedBy


def nearest(search: Search) -> StoppedBy:
    """Fill the able nodes by rising latency; among equals the least loaded first."""
    return dispatch(search, _approach)


def _approach(turn: Turn) -> Ints:
    latency = turn.ledger.q.latency_ms(turn.g, turn.nodes)
    order = np.lexsort((turn.busy, latency))
    count = np.zeros(len(order), dtype=np.int64)
    count[order] = fill_up(turn.room[order], turn.count)
    return count
