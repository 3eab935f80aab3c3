"""Slices of a placement solved exactly, one round after the other."""

from dataclasses import dataclass

import numpy as np

from placement.compiled import Compiled
from placement.engines import solve_whole
from placement.methods.completion import Completion
from placement.methods.recreate.improver import Recreation
from placement.methods.recreate.starting import cost_of
from placement.methods.slices.choosing import Chooser
from placement.methods.slices.plan import Change, Plan
from placement.methods.slices.slicemodel import SliceModel
from placement.methods.slices.slicing import Slicer
from placement.quantities import Ints
from placement.search import Search
from placement.solution import Placement

FIRST_SIZE, LEAST_SIZE, MOST_SIZE = 3, 2, 4
"""Nodes of a slice."""
BRANCH_NODES = 20
"""Branch-and-bound nodes for a slice."""
SLICE_GAP = 5e-4
"""Relative gap to which a slice is solved."""
PATIENCE = 60
"""Rounds in a row without gain after which the search gives up."""
ROUNDS, MORE_ROUNDS = 20, 0.03
"""Rounds of a turn, and how many more for each node."""
STEPS = 2_000
"""Steps of ruin and recreate for each round, which make whole what slices decide."""
TEMPERATURE = 1e-5
"""Of ruin and recreate, at first, as a share of the objective."""
PARTS = 8
"""The clock is looked at so many times meanwhile."""
TURNS = 4
"""Turns without gain after which the search gives up."""
BEGIN_S = 5e-4
"""Seconds that a turn takes to begin and to end, for each class and node."""
_NOTHING = 1e-7


@dataclass(frozen=True)
class Found:
    """What the program of a slice gave: a change and its gain [$], and whether that is all."""

    nodes: Ints
    change: Change | None
    gain: float
    full: bool


def improve_by_slices(search: Search, completion: Completion, deadline: float) -> None:
    """Improve the incumbent until nothing more is found or the deadline.

    Slices decide on replicas with parts of requests; ruin and recreate makes requests whole, and
    improves what it finds, turn by turn.
    """
    search.enter("slices")
    latest = min(deadline, search.deadline)
    rounds = ROUNDS + int(MORE_ROUNDS * search.quantities.n_nodes)
    turn = failures = 0
    while search.best is not None and failures < TURNS:
        if search.done or not in_time(search, latest):
            return
        before, turn = search.objective, turn + 1
        take_turn(search, completion, latest, rounds=rounds, seed=search.seed + turn)
        failures = failures + 1 if search.objective == before else 0


def in_time(search: Search, latest: float) -> bool:
    """Whether a turn that begins now could end in time."""
    q = search.quantities
    return search.clock() + BEGIN_S * (q.n_classes + q.n_nodes) < latest


def take_turn(
    search: Search, completion: Completion, latest: float, *, rounds: int, seed: int
) -> None:
    """Some rounds of slices from the incumbent, made whole, and offered if better."""
    if search.best is None or search.objective is None:
        return
    slices = Slices(search.compiled, search.best, completion, seed=seed)
    if slices.advance(rounds, latest) <= 0:
        return
    changed = slices.placement()
    if search.verdict(changed).violations:  # requests cut to whole ones can leave rules unmet
        return
    recreation = Recreation(search.compiled, changed, prices=completion.prices, seed=seed)
    for part in range(PARTS, 0, -1):
        begun = TEMPERATURE * search.objective
        until = begun * (part - 1) / PARTS
        recreation.advance(STEPS * rounds // PARTS, begun * part / PARTS, until)
        if search.out_of_time or search.clock() >= latest:
            break
    best = recreation.best
    if best is not None and cost_of(search.compiled, best) < search.objective:
        search.offer(best)


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
        """The plan as it stands, of whole requests, verified throughout."""
        return self.plan.rounded().placement()

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
