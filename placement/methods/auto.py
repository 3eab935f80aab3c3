"""Method auto: what fits the instance, one after the other, each starting from the best so far."""

from placement.errors import EngineError
from placement.methods.candidates import ALL, likely
from placement.methods.flow import flow
from placement.methods.greedy import greedy
from placement.methods.least_loaded import least_loaded
from placement.methods.market import market_prices
from placement.methods.milp import branch
from placement.methods.neighbourhood import improve
from placement.methods.relaxation import KEPT, relax, round_up
from placement.model import build
from placement.search import Search
from placement.solution import StoppedBy

BRANCHABLE = 4_000
"""Programs of at most so many columns go to branch and bound at once."""
LISTABLE = 5_000_000
"""More (class, node) pairs than this are not listed; the answer is constructed."""
POLISH = 0.6
"""Share of the remaining time for neighbourhoods, before branch and bound takes over."""


def auto(search: Search) -> StoppedBy:
    """Greedy, then relaxation, neighbourhoods and branch and bound as size and time allow."""
    if search.quantities.instance.limits.max_new_replicas == 0:
        flow(search)
    vast = not search.done and search.compiled.n_candidates > LISTABLE
    if vast and not search.out_of_time:
        least_loaded(search)
    if not search.done:
        greedy(search)
    if search.done or vast:
        return search.stopped_by("work_limit")
    improve_further = _improve_large if search.compiled.n_candidates > ALL else _close
    try:
        return improve_further(search)
    except EngineError:
        if search.best is None:
            raise
        return "exhausted"  # what is there already is an answer


def _improve_large(search: Search) -> StoppedBy:
    """Neighbourhoods over the likely arcs around the incumbent."""
    prices = search.prices or market_prices(search)
    search.enter("building the model")
    with search.timed("build"):
        model = build(search.compiled, *likely(search.compiled, prices, search.best))
    search.enter("neighbourhoods")
    improve(search, None, model, search.deadline)
    return search.stopped_by("work_limit")


def _close(search: Search) -> StoppedBy:
    """Close the gap from both sides, to the end where there is time."""
    relaxed = relax(search, search.clock() + 0.5 * search.remaining_s)
    if relaxed is None or search.done:
        return search.stopped_by("work_limit")
    for kept in KEPT:
        round_up(search, relaxed, kept)
    if len(relaxed.model.program.cost) > BRANCHABLE:
        search.enter("neighbourhoods")
        deadline = search.clock() + POLISH * search.remaining_s
        improve(search, relaxed, relaxed.model, deadline)
    return branch(search, relaxed.model)
