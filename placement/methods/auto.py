"""Method auto: what fits the instance, one after the other, each starting from the best so far."""

import importlib
from typing import TYPE_CHECKING

from placement import native
from placement.errors import EngineError
from placement.methods.assignment import jobs
from placement.methods.candidates import ALL
from placement.methods.flow import flow
from placement.methods.greedy import greedy
from placement.methods.least_loaded import least_loaded
from placement.methods.milp import branch
from placement.methods.neighbourhood import improve
from placement.methods.relaxation import around_best, relax, round_all
from placement.search import Search
from placement.solution import StoppedBy

if TYPE_CHECKING:
    from placement.methods.completion import Completion

BRANCHABLE = 4_000
"""Programs of at most so many columns go to branch and bound at once."""
LISTABLE = 20_000_000
"""With more (class, node) pairs than this, the first placement is one that takes no thought."""
MOST_COUNT, MOST_REPLICAS = 10_000_000, 10_000
"""Requests of a class, and replicas of a model on a node, beyond which native search is no use."""
ASSIGN, TURNS = 0.15, 100
"""Share of the time, and the most turns, for whole jobs on nodes that cost to engage, before the
whole is branched."""
OPENINGS = 0.3
"""Share of the time to choose nodes for plain jobs that may be parted."""
CLOSE_IN, SLICES, POLISH = 0.6, 0.1, 0.15
"""Shares of the time then left for both sides, slices and neighbourhoods, where the whole model can
be closed; else there is no need to keep any."""


def auto(search: Search) -> StoppedBy:
    """From both sides, then exact slices, then to the end, as size and time allow."""
    if jobs.recognises(search.compiled) and jobs.pays(search.compiled):
        return _assign(search)
    q = search.quantities
    fixed = q.instance.limits.max_new_replicas == 0
    large = native.pays(q.n_classes, q.n_nodes) and _ordinary(search) and not _located(search)
    if fixed or (not large and search.start is not None and search.best is None):
        flow(search)
    try:
        if large:
            return _large(search)
        return _small(search)
    except EngineError:
        if search.best is None:
            raise
        return "exhausted"  # what is there already is an answer


def _assign(search: Search) -> StoppedBy:
    """The engine for plain jobs; where nodes cost to engage it has a part of the time at first."""
    engine = importlib.import_module("placement.methods.assignment.engine")
    if not _located(search):
        answer: StoppedBy = engine.assign(search)
        return answer
    engine.assign(search, search.clock() + ASSIGN * search.remaining_s, TURNS)
    return search.stopped_by() if search.done else _to_the_end(search)


def _located(search: Search) -> bool:
    """Whether plain jobs alone say which nodes to engage, and the whole model is at hand."""
    compiled = search.compiled
    plain = compiled.quantities.n_models == 0 and bool(compiled.engagement.any())
    return plain and compiled.n_candidates <= ALL


def _ordinary(search: Search) -> bool:
    """Whether counts are such that a search in steps of replicas gets anywhere."""
    counts, replicas = search.quantities.count, search.compiled.max_replicas
    return bool(counts.max(initial=0) <= MOST_COUNT and replicas.max(initial=0) <= MOST_REPLICAS)


def _large(search: Search) -> StoppedBy:
    """Prices and search close in on each other; exact programs, where they help, do the rest."""
    both_sides = importlib.import_module("placement.methods.bothsides")
    slices = importlib.import_module("placement.methods.slices.improver")
    closable = search.compiled.n_candidates <= ALL
    if not search.done and search.best is None and search.quantities.paired.any():
        _construct(search)
    share = CLOSE_IN if closable else 1.0
    guide: Completion | None = None
    if not search.done:
        guide = both_sides.close_in(search, search.clock() + share * search.remaining_s)
    if search.best is None and not search.done:
        _construct(search)
    if guide is not None and not search.done:
        share = SLICES if closable else 1.0
        slices.improve_by_slices(search, guide, search.clock() + share * search.remaining_s)
    if search.done or not closable:
        late = not slices.in_time(search, search.deadline)
        return search.stopped_by("time_limit" if late else "work_limit")
    return _to_the_end(search)


def _construct(search: Search) -> None:
    """A placement by simple rules."""
    if search.compiled.n_candidates > LISTABLE:
        least_loaded(search)
    if not search.done:
        greedy(search)


def _small(search: Search) -> StoppedBy:
    """Greedy, then the relaxation and branch and bound."""
    if not search.done:
        greedy(search)
    if search.done:
        return search.stopped_by("work_limit")
    return _to_the_end(search)


def _to_the_end(search: Search) -> StoppedBy:
    """The relaxation of the whole, rounded; then branching, by an engine where it is small."""
    relaxed = relax(search, search.deadline)
    if relaxed.values is not None and _located(search):
        openings = importlib.import_module("placement.methods.closing.openings")
        deadline = search.clock() + OPENINGS * search.remaining_s
        openings.choose_nodes(search, relaxed.model, relaxed.values, deadline)
    else:
        round_all(search, relaxed)
    if len(relaxed.model.program.cost) > BRANCHABLE:
        relaxed = around_best(search, relaxed)
        share = POLISH if relaxed.whole else 1.0
        improve(search, relaxed, search.clock() + share * search.remaining_s)
    if not relaxed.whole:
        return search.stopped_by("work_limit")
    closer = importlib.import_module("placement.methods.closing.closer")
    small = len(relaxed.model.program.cost) <= BRANCHABLE
    if small and search.quantities.n_models:
        return branch(search, closer.strengthened(search, relaxed.model, search.deadline))
    closer.close(search, relaxed.model, search.deadline)
    return branch(search, relaxed.model) if small else search.stopped_by()
