"""The joint repair: what is lost is found again, and nothing gets worse."""

import time

import numpy as np
from searches import search_of
from test_joining import joined

from placement.compiled import Compiled
from placement.distributed.pricing import Pricing
from placement.distributed.repairing import repair
from placement.generate import generate
from placement.methods.completion import complete
from placement.solution import Placement


def free(compiled):
    """Prices of nothing, as known before any others are."""
    zero = np.zeros(compiled.quantities.n_classes)
    return complete(compiled, zero, zero)


def test_requests_of_a_lost_piece_are_served():
    """The repair starts from half of the whole and serves nearly all."""
    compiled = Compiled(generate("small"))
    half = joined(compiled, 2, lost={1})
    search = search_of(compiled, deadline=time.monotonic() + 3.0)
    repair(search, half, Pricing(compiled), lambda: free(compiled))
    assert search.best.unserved.sum() < half.unserved.sum() / 2


def test_a_whole_can_be_built_from_nothing():
    """Where every worker is lost, the repair is a construction."""
    compiled = Compiled(generate("small"))
    nothing = Placement.empty(compiled.quantities)
    start = Placement(**{**vars(nothing), "unserved": compiled.quantities.count.copy()})
    search = search_of(compiled, deadline=time.monotonic() + 3.0)
    repair(search, start, Pricing(compiled), lambda: free(compiled))
    assert search.best.unserved.sum() < compiled.quantities.total_count / 2
