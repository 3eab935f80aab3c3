"""The engine for assignment problems: relaxation, chains, then proof and dives side by side.

Turns are counted in nodes of trees and in chains, never in seconds, and what proof and search tell
each other they tell between turns: the same seed gives the same plans, however many threads there
are.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from placement.methods.assignment.board import Board
from placement.methods.assignment.diving import Dives
from placement.methods.assignment.jobs import jobs_of
from placement.methods.assignment.linear import Relaxed, relax
from placement.methods.assignment.plans import BEST, Plan, plan_of
from placement.methods.assignment.proving import Proof, Root, cells_of
from placement.methods.assignment.relinking import adopt, walk
from placement.quantities import Ints
from placement.search import Search
from placement.solution import StoppedBy

MOST_CELLS, MOST_PAIRS = 1e9, 200_000
"""Beyond so many cells, all knapsack tables together, or pairs there are no trees."""
LEAST_NODES = 5
"""Where a turn is fewer nodes of a tree there is no proof beyond the root."""
_RELAXING = 0.5
"""The most of the time that the linear relaxation may take."""
_CHAINS = 2e8
"""Looks at jobs in one turn of chains."""
_TURNS, _STEPS = 2, 10
"""Turns of chains before anything else, and descents in one."""
_MORE_TURNS = 30
"""The same where nodes cost to engage."""
_PATIENT = 100
"""The most turns while no plan is known."""

Turn = Callable[[], list[Ints]]


def assign(search: Search, deadline: float = np.inf, most_turns: int | None = None) -> StoppedBy:
    """Solve an instance that `recognises` knows.

    Parameters
    ----------
    search : Search
    deadline : float
        On the clock of `search`; that of the search ends it too.
    most_turns : int or None
        Of proof and dives; None for as many as it takes.
    """
    jobs = jobs_of(search.compiled)
    board = Board(search, jobs, deadline)
    search.enter("relaxation")
    left = min(deadline, search.deadline) - search.clock()
    relaxed = None
    if jobs.able.any(axis=0).all():
        relaxed = relax(jobs, search.clock() + _RELAXING * left)
    if relaxed is None or relaxed.infeasible:
        search.infeasible = search.best is None
    else:
        search.certify(relaxed.prices(jobs))
        _work(board, relaxed, most_turns)
    return search.stopped_by()


def _work(board: Board, relaxed: Relaxed, most_turns: int | None) -> None:
    """Chains, then trees; chains to the end where trees would be too large."""
    search = board.search
    search.enter("chains")
    chains = Chains(board, relaxed)
    chains.run(_MORE_TURNS if board.jobs.fixed.any() else _TURNS)
    if cells_of(board.jobs) > MOST_CELLS or board.jobs.cost.size > MOST_PAIRS:
        chains.run(None)
        return
    search.enter("knapsacks")
    root = Root(board, relaxed.price)
    root.ascend()
    search.certify(relaxed.priced(root.price).prices(board.jobs))
    search.enter("branching")
    _branch(board, root, most_turns)


class Chains:
    """Ejection chains and path relinking."""

    def __init__(self, board: Board, relaxed: Relaxed) -> None:
        jobs = board.jobs
        self.board = board
        self.plan: Plan = plan_of(jobs, relaxed.rate, board.search.seed)
        self._most = max(100, int(_CHAINS / (10 * len(jobs.job_class) + 1)))
        adopt(self.plan, relaxed.node)
        if board.node is not None:
            adopt(self.plan, board.node)

    def run(self, turns: int | None) -> None:
        """So many turns, None for no limit, and some more where that takes for a first plan."""
        turn = 0
        while not self.board.over and (turns is None or turn < turns):
            _share(self.board, self.advance())
            turn += 1
            if turn == turns and self.board.node is None and turns < _PATIENT:
                turns += 1

    def advance(self) -> list[Ints]:
        """One turn; the best plan, if there is one without overload."""
        walk(self.plan, 1 if self._most < 2 * len(self.plan.node) else _STEPS, self._most)
        return [self.plan.best.copy()] if np.isfinite(self.plan.value[BEST]) else []


def _share(board: Board, plans: list[Ints]) -> None:
    for node in plans:
        board.offer(node)


def _branch(board: Board, root: Root, most_turns: int | None) -> None:
    """Proof and dives, turn by turn, until there is no more to prove."""
    done = 0
    proof, dives = Proof(board, root), Dives(board, root, board.search.seed)
    turns: list[Turn] = [proof.advance, dives.advance]
    if root.nodes < LEAST_NODES:
        turns = [dives.advance]
    with ThreadPoolExecutor(min(len(turns), max(1, board.search.threads))) as pool:
        while not (board.over or proof.ended or done == most_turns):
            done += 1
            for plans in list(pool.map(lambda turn: turn(), turns)):
                _share(board, plans)
            if len(turns) > 1:
                proof.conclude()
