"""What proof and search of an assignment problem know of each other."""

import numpy as np

from placement.methods.assignment.jobs import Jobs
from placement.quantities import Ints
from placement.search import OPTIMAL, Search

ENGINE = "assignment"
"""What vouches for bounds that prices do not prove: this package's branch and bound."""
_NEAR = 0.99
"""How much of the gap asked for may stay unproven."""
_SAFE = 1e-9
"""Rounding of a bound, relative."""


class Board:
    """The best plan and the bound, in terms of single jobs.

    Attributes
    ----------
    node : array over jobs or None
        The best plan known.
    value : float
        What it costs [coins]; infinite where none is known.
    bound : float
        No plan costs less [coins].
    """

    def __init__(self, search: Search, jobs: Jobs, deadline: float = np.inf) -> None:
        self.search, self.jobs, self.deadline = search, jobs, deadline
        self.node: Ints | None = None
        self.value = np.inf
        self.bound = -np.inf
        costs = np.where(jobs.able, jobs.cost, 0.0)
        self.most = float(costs.max(axis=0).sum() + jobs.fixed.sum())
        """No plan costs more [coins]."""
        if search.best is not None:
            self.offer(jobs.nodes_of(search.best), known=True)

    @property
    def over(self) -> bool:
        """Whether there is no reason to go on."""
        return self.search.done or self.search.clock() >= self.deadline

    def offer(self, node: Ints, *, known: bool = False) -> None:
        """Take note of a plan, unless it breaks a rule or is no better than the best."""
        value = self.jobs.objective(node)
        if value >= self.value or not self.jobs.feasible(node):
            return
        self.node, self.value = node.copy(), value
        if not known:
            self.search.offer(self.jobs.placement(node))

    def found(self, bound: float) -> None:
        """Take note that every plan costs so much or more, rounding aside."""
        step = self.jobs.step
        bound -= _SAFE * abs(bound)
        if step > 0:
            bound = float(np.ceil(bound / step - 1e-6)) * step
        if bound <= self.bound:
            return
        self.bound = min(bound, self.value)
        if self.bound * self.jobs.coin > (self.search.lower_bound or 0.0):
            self.search.engine_used = ENGINE
            self.search.raise_bound(self.bound * self.jobs.coin)

    @property
    def top(self) -> float:
        """The most that a plan may cost to be of interest [coins]."""
        if self.node is None:
            return self.most
        scale = abs(self.value)
        return self.value - max(self.jobs.step, _NEAR * max(self.search.gap, OPTIMAL) * scale)
