"""Slices of a placement solved exactly, one round after the other."""

from dataclasses import dataclass

import numpy as np

from placement.compiled import Compiled
from placement.engines import solve_whole
from placement.methods.completion import Completion
from placement.methods.slices.choosing import Chooser
from placement.methods.slices.plan import Change, Plan
from placement.methods.slices.slicemodel import SliceModel
from placement.methods.slices.slicing import Slicer
from placement.quantities import Ints
from placement.search import Search
from placement.solution import Placement

FIRST_SIZE, LEAST_SIZE, MOST_SIZE = 5, 2, 16
"""Nodes of a slice."""
BRANCH_NODES = 20
"""Branch-and-bound nodes for a slice."""
SLICE_GAP = 5e-4
PATIENCE = 60
"""Rounds in a row without gain after which the search gives up."""
OFFERED = 25
"""Rounds after which an improved plan is offered."""
_NOTHING = 1e-7


@dataclass(frozen=True)
class Found:
    """What the program of a slice gave: a change and its gain [$], and whether that is all."""

    nodes: Ints
    change: Change | None
    gain: float
    full: bool


def improve_by_slices(search: Search, completion: Completion, deadline: float) -> None:
    """Improve the incumbent until nothing more is found or the deadline."""
    if search.best is None:
        return
    search.enter("slices")
    slices = Slices(search.compiled, search.best, completion, seed=search.seed)
    latest = min(deadline, search.deadline)
    while not search.done and search.clock() < latest and not slices.stuck:
        if slices.advance(OFFERED, latest):
            search.offer(slices.placement())


class Slices:
    """A plan that is improved slice by slice.

    Parameters
    ----------
    compiled : Compiled
    start : Placement
        A feasible placement.
    completion : Completion
        Prices, and what nodes could earn at them.
    seed : int
        The same seed and rounds give the same plans.
    """

    def __init__(
        self, compiled: Compiled, start: Placement, completion: Completion, *, seed: int = 0
    ) -> None:
        self.plan = Plan(compiled, start)
        self.slicer = Slicer(self.plan, completion.prices)
        self.chooser = Chooser(self.plan, completion, np.random.default_rng(seed))
        self.size = min(FIRST_SIZE, compiled.quantities.n_nodes)
        self.seed, self.failures, self.rounds = seed, 0, 0

    @property
    def stuck(self) -> bool:
        """Whether nothing has been found for long."""
        return self.failures >= PATIENCE

    def placement(self) -> Placement:
        """The plan as it stands, verified throughout."""
        return self.plan.placement()

    def advance(self, rounds: int, latest: float = np.inf) -> float:
        """So many rounds, fewer where `latest` passes; returns $ saved."""
        saved = 0.0
        for _ in range(rounds):
            if self.stuck or Search.clock() >= latest:
                break
            found = self._solve(self.chooser.draw(self.size), latest)
            gain = self._accept(found)
            self._adapt(found)
            self.failures = 0 if gain else self.failures + 1
            saved += gain
        return saved

    def _solve(self, nodes: Ints, latest: float) -> Found:
        model = SliceModel(self.plan, self.slicer.cut(nodes))
        program = model.program
        answer = solve_whole(
            program, "highs", latest,
            gap=SLICE_GAP, seed=self.seed, start=model.start, node_limit=BRANCH_NODES,
        )  # fmt: skip
        full = answer.verdict == "optimal"
        if answer.values is None:
            return Found(nodes, None, 0.0, full)
        values = np.where(program.whole, np.rint(answer.values), answer.values)
        gain = float(program.cost @ (model.start - values))
        return Found(nodes, model.change(values), gain, full)

    def _accept(self, found: Found) -> float:
        """Carry out a change that gains, if it goes with what was changed before it."""
        better = found.change is not None and found.gain > _NOTHING
        self.chooser.told(found.nodes, better=better)
        if not better or found.change is None:
            return 0.0
        self.plan.apply(found.change)
        return found.gain

    def _adapt(self, found: Found) -> None:
        """Larger slices where they are solved to the end in vain, smaller where not."""
        if not found.full:
            self.size = max(LEAST_SIZE, self.size - 1)
        elif found.gain <= _NOTHING:
            self.size = min(self.size + 1, MOST_SIZE, self.plan.q.n_nodes)
