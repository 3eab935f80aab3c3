"""The joint repair: what pieces could not do apart, done on the whole by ruin and recreate."""

import math

import numpy as np

from placement.methods.completion import Completion
from placement.methods.recreate.improver import Recreation
from placement.search import Search
from placement.solution import Placement

_STRIDE = 10_000
"""Steps between looks at the clock."""
_STRIDES = 50
"""Strides at most where there is no time limit."""
_SPARE = 0.2
"""Share of the time for the repair that is kept for judging and reporting."""


def repair(search: Search, joined: Placement, completion: Completion) -> None:
    """Serve what waits, let hosts go, and improve till the time is up; offers the best.

    `joined` may lack requests that must be served; nothing else may be amiss.
    """
    compiled, q = search.compiled, search.quantities
    ends = search.clock() + (1 - _SPARE) * search.remaining_s
    plan = Recreation(compiled, joined, prices=completion.prices, seed=search.seed)
    plan.guide(completion.prices, completion.rent / np.maximum(q.capacity_s, 1e-9))
    plan.construct()
    done = 0
    while search.clock() < ends if math.isfinite(ends) else done < _STRIDES:
        plan.advance(_STRIDE, 0.1)
        plan.rehost()
        done += 1
    found = plan.best
    if found is not None and not search.verdict(found).violations:
        search.offer(found)
