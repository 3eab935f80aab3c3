"""From a good placement and a good bound to the end: the gap is closed from below.

Meant for instances whose whole model is at hand. The relaxation is strengthened by cutting planes,
then branched. Bounds go to the board as they rise; what the tree solves is rounded and offered.
"""

from dataclasses import replace

import numpy as np

from placement.engines import solve_linear
from placement.methods.closing.strengthening import Relaxation, strengthen
from placement.methods.closing.tree import Tree
from placement.methods.whole import made_whole
from placement.model import Model
from placement.quantities import Floats
from placement.search import Search
from placement.simplex import Simplex
from placement.solution import StoppedBy

_SAFE = 1e-9
"""Taken off the values of a simplex, relative: its tolerances."""
_ENGINE = "highs"
"""Whose simplex all values are by."""
_ROUNDING_NODES = 50
"""Branch-and-bound nodes to make requests whole where all else is."""


def close(search: Search, model: Model, deadline: float) -> StoppedBy:
    """Raise the bound until it meets the incumbent, or the deadline.

    Parameters
    ----------
    search : Search
        Its incumbent, however it was found, is what branches are cut off by.
    model : Model
        Of all arcs: only then do its relaxations bound the instance.
    deadline : float
        On the clock of `search`; that of the search ends it too.
    """
    closer = _Closer(search, model, min(deadline, search.deadline))
    begun = closer.strengthen()
    if begun is not None and not closer.over():
        closer.branch(*begun)
    return search.stopped_by()


def strengthened(search: Search, model: Model, deadline: float) -> Model:
    """The model with cutting planes, for an engine that branches itself; raises the bound.

    Their rows come after those of the model.
    """
    begun = _Closer(search, model, min(deadline, search.deadline)).strengthen()
    return model if begun is None else replace(model, program=begun[0].program())


def complete(search: Search, model: Model, values: Floats, deadline: float) -> None:
    """Offer the best placement with the nodes, copies and replicas of a point."""
    found = made_whole(
        model, values, deadline, gap=search.gap / 10, seed=search.seed, node_limit=_ROUNDING_NODES
    )
    if found is not None:
        search.offer(found)


class _Closer:
    """One closing."""

    def __init__(self, search: Search, model: Model, deadline: float) -> None:
        self.search, self.model, self.deadline = search, model, deadline

    def over(self) -> bool:
        """Whether there is no reason to go on."""
        return self.search.done or self.search.clock() >= self.deadline

    def found(self, value: float) -> None:
        """A lower bound by a simplex; the word of its engine, where prices prove less."""
        bound = value - _SAFE * abs(value)
        if bound > (self.search.lower_bound or 0.0):
            self.search.engine_used = _ENGINE
            self.search.raise_bound(bound)

    def cutoff(self) -> float:
        """What a branch must be able to beat to be of interest."""
        objective = self.search.objective
        return np.inf if objective is None else objective - 0.999 * self.search.gap * abs(objective)

    def strengthen(self) -> tuple[Relaxation, Simplex] | None:
        """Cutting planes; None where the relaxation could not be solved in time."""
        if self.over():
            return None
        self.search.enter("cutting planes")
        with self.search.timed("cuts"):
            answer = solve_linear(self.model.program, self.deadline)
            if answer.verdict == "infeasible":
                self.search.infeasible = self.search.best is None
            if answer.duals is None:
                return None
            relaxation = Relaxation(self.model, answer.duals)
            simplex = relaxation.simplex()
            value = strengthen(relaxation, simplex, self.over, self.found)
        return None if value is None or np.isinf(value) else (relaxation, simplex)

    def branch(self, relaxation: Relaxation, simplex: Simplex) -> None:
        """Branch and bound; where all nodes are closed, the incumbent is as good as asked for."""
        self.search.enter("branching")
        with self.search.timed("branching"):
            tree = Tree(relaxation, simplex, self.search.threads)
            tree.run(
                self.cutoff, self.over, self.found,
                lambda values: complete(self.search, self.model, values, self.deadline),
            )  # fmt: skip
        if not tree.open and self.search.objective is not None:
            self.found(min(tree.bound, self.cutoff()))
