"""Baseline `random`: every request goes to a node drawn uniformly among those that can run it."""

import numpy as np

from placement.methods.dispatch import Turn, dispatch
from placement.quantities import Ints
from placement.search import Search
from placement.solution import StoppedBy


def random(search: Search) -> StoppedBy:
    """Draw nodes uniformly among the able ones that are up, the rule of today's SDKs.

    What overflows a node is drawn again among the nodes with room.
    """
    return dispatch(search, _draw, shuffled=True)


def _draw(turn: Turn) -> Ints:
    size = len(turn.nodes)
    return np.minimum(turn.rng.multinomial(turn.count, np.full(size, 1.0 / size)), turn.room)
