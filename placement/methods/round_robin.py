"""Baseline `round-robin`: the nodes that can run a model take turns."""

from collections import defaultdict

import numpy as np

from placement.methods.dispatch import Turn, dispatch, level_out
from placement.quantities import Ints
from placement.search import Search
from placement.solution import StoppedBy


def round_robin(search: Search) -> StoppedBy:
    """Send the requests of each model to the able nodes in turn, one each."""
    return dispatch(search, _Wheels())


class _Wheels:
    """For each model, the node whose turn is next."""

    def __init__(self) -> None:
        self.next: defaultdict[int, int] = defaultdict(int)

    def __call__(self, turn: Turn) -> Ints:
        """Requests for each node."""
        size = len(turn.nodes)
        model = int(turn.ledger.q.class_model[turn.g])
        first = int(np.searchsorted(turn.nodes, self.next[model])) % size
        wheel = np.roll(np.arange(size), -first)
        count = np.zeros(size, dtype=np.int64)
        count[wheel] = level_out(np.zeros(size), np.ones(size), turn.room[wheel], turn.count)
        ends = wheel[np.flatnonzero(count[wheel] == count.max())[-1]]
        self.next[model] = int(turn.nodes[ends]) + 1
        return count
