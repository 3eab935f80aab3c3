"""The joint repair: what pieces could not do apart, done on the whole by ruin and recreate."""

import math
from collections.abc import Callable

import numpy as np

from placement.distributed.pricing import Pricing
from placement.methods.completion import Completion
from placement.methods.recreate.improver import Recreation
from placement.result import relative_gap
from placement.search import Search
from placement.solution import Placement

_STRIDE = 10_000
"""Steps between looks at the clock."""
_WORTH, _PATIENCE = 1e-5, 10
"""Relative gain that makes a stride worthwhile; strides in a row without it that end the repair."""
_SPARE = 0.15
"""Share of the time for the repair that is kept for judging and reporting."""
_TEMPERATURE = 0.1
"""$ that a step may lose now and then."""


def repair(
    search: Search, joined: Placement, pricing: Pricing, rough: Callable[[], Completion]
) -> None:
    """Serve what waits, let hosts go, and improve till the time is up; offers the best.

    `joined` may lack requests that must be served; nothing else may be amiss. `rough` gives prices
    where `pricing` has none of use yet.
    """
    if not math.isfinite(search.deadline):
        pricing.wait()
    completion = pricing.best
    if completion is None or completion.bound <= (search.lower_bound or 0.0):
        completion = rough()
    begun = search.clock()
    search.certify(completion.prices)
    proving_s = search.clock() - begun
    spare_s = _SPARE * search.remaining_s + 2 * proving_s
    if search.best is not None and search.remaining_s <= spare_s:
        return
    found = _improve(search, joined, completion, search.deadline - spare_s)
    if found is not None and not search.verdict(found).violations:
        search.offer(found)
    if search.remaining_s > 2 * proving_s:
        certify(search, pricing, completion.bound)


def certify(search: Search, pricing: Pricing, above: float = -np.inf) -> None:
    """Have the best prices so far prove what they can, if that is more than `above`."""
    completion = pricing.best
    if completion is not None and completion.bound > above:
        search.certify(completion.prices)


def _improve(
    search: Search, joined: Placement, completion: Completion, ends: float
) -> Placement | None:
    """Ruin and recreate, from what is joined to the best there is when it is time."""
    plan = Recreation(search.compiled, joined, prices=completion.prices, seed=search.seed)
    plan.guide(completion.prices, completion.rent_per_s)
    plan.construct()
    quiet = 0
    while search.clock() < ends and quiet < _PATIENCE:
        before = plan.best_objective
        plan.advance(_STRIDE, _TEMPERATURE)
        plan.rehost()
        reached = relative_gap(plan.best_objective, search.lower_bound)
        if reached is not None and reached <= search.gap:
            break
        quiet = 0 if plan.best_objective < (1 - _WORTH) * before else quiet + 1
    return plan.best
