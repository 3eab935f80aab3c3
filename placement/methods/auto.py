"""Method auto: what fits the instance, one after the other, each starting from the best so far."""

from placement.errors import EngineError
from placement.methods.flow import flow
from placement.methods.greedy import greedy
from placement.methods.least_loaded import least_loaded
from placement.methods.milp import branch
from placement.methods.neighbourhood import improve
from placement.methods.relaxation import around_best, relax, round_all
from placement.search import Search
from placement.solution import StoppedBy

BRANCHABLE = 4_000
"""Programs of at most so many columns go to branch and bound at once."""
LISTABLE = 20_000_000
"""More (class, node) pairs than this are not listed; the answer is constructed."""
RELAX, POLISH = 0.4, 0.6
"""Shares of the time then left, for the relaxation, and for neighbourhoods before branching."""


def auto(search: Search) -> StoppedBy:
    """Greedy, then relaxation, neighbourhoods and branch and bound as size and time allow."""
    fixed = search.quantities.instance.limits.max_new_replicas == 0
    if fixed or (search.start is not None and search.best is None):
        flow(search)
    vast = not search.done and search.compiled.n_candidates > LISTABLE
    if vast:
        least_loaded(search)
    if not search.done:
        greedy(search)
    if search.done or vast:
        return search.stopped_by("work_limit")
    try:
        return _improve(search)
    except EngineError:
        if search.best is None:
            raise
        return "exhausted"  # what is there already is an answer


def _improve(search: Search) -> StoppedBy:
    """Close the gap from both sides, to the end where size and time allow it."""
    relaxed = relax(search, search.clock() + RELAX * search.remaining_s)
    round_all(search, relaxed)
    if len(relaxed.model.program.cost) > BRANCHABLE:
        share = POLISH if relaxed.whole else 1.0
        relaxed = around_best(search, relaxed)
        improve(search, relaxed, search.clock() + share * search.remaining_s)
    return branch(search, relaxed.model) if relaxed.whole else search.stopped_by("work_limit")
