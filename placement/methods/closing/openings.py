"""Which nodes to engage for plain jobs, by trying: one more, one less, one for another.

For given nodes the rest is a transport problem, solved by the dual simplex from where the last one
ended (add, drop and shift: Kuehn and Hamburger, 1963; Jacobsen, 1983).
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from placement.methods.closing.closer import complete
from placement.model import Model
from placement.program import Program
from placement.quantities import Bools, Floats
from placement.search import Search
from placement.simplex import Simplex

_ROWS = ("demand", "capacity")
_LEFT = 4
"""How many nodes are tried to be left for one that was engaged."""
_SLIGHT = 1e-6
_GAIN = 1e-9
"""The least gain, relative."""


def choose_nodes(search: Search, model: Model, relaxed: Floats, deadline: float) -> None:
    """Begin with the nodes that the relaxation engages in part, and change them while that gains.

    For plain jobs only. What is found is offered.
    """
    search.enter("choosing nodes")
    openings = _Openings(search, model, deadline)
    openings.descend(relaxed[model.columns["e"]] > _SLIGHT)
    if openings.best is not None:
        complete(search, model, openings.best.values, deadline)


@dataclass(frozen=True)
class _Set:
    """Nodes engaged, and the cheapest transport over them: its cost and its columns."""

    engaged: Bools
    cost: float
    values: Floats


class _Openings:
    """The search for nodes to engage; `best` is None until there is one that has room."""

    def __init__(self, search: Search, model: Model, deadline: float) -> None:
        self.search, self.model, self.deadline = search, model, deadline
        self.simplex = Simplex(_transport(model))
        self.costly: Bools = search.compiled.engagement > 0
        self.best: _Set | None = None

    def descend(self, start: Bools) -> None:
        """Engage these nodes, then change one, or a few at once, until nothing gains."""
        self.best = self._solved(start | ~self.costly)
        rng = np.random.default_rng(self.search.seed)
        costly, failed = np.flatnonzero(self.costly), 0
        while self.best is not None and failed < len(costly):
            for node in rng.permutation(costly).tolist():
                if self.search.out_of_time or self.search.clock() >= self.deadline:
                    return
                changed = self._changed(self.best, node)
                failed = failed + 1 if changed is None else 0
                self.best = changed or self.best

    def _changed(self, best: _Set, node: int) -> _Set | None:
        """A better set with one node changed, and others left where it is engaged now."""
        changed = self._solved(_flipped(best.engaged, node))
        if changed is None or best.engaged[node]:
            return changed if changed and _gains(changed, best) else None
        less = self._busy(best) - self._busy(changed)
        able = np.flatnonzero(best.engaged & self.costly)
        for other in able[np.argsort(-less[able], kind="stable")[:_LEFT]].tolist():
            fewer = self._solved(_flipped(changed.engaged, other))
            if fewer is not None and _gains(fewer, changed):
                changed = fewer
        return changed if _gains(changed, best) else None

    def _busy(self, some: _Set) -> Floats:
        """The work on each node."""
        run, x = self.model.run, some.values[self.model.columns["x"]]
        return np.bincount(run.n, x * run.work_s, len(self.costly)).astype(float)

    def _solved(self, engaged: Bools) -> _Set | None:
        """The set with these nodes engaged and no others, None where they have no room."""
        first = self.model.columns["e"].start
        sides = engaged.astype(float).tolist()
        self.simplex.within({first + i: (side, side) for i, side in enumerate(sides)})
        cost = self.simplex.solve()
        if cost is None or np.isinf(cost):
            return None
        return _Set(engaged, cost, self.simplex.values)


def _flipped(engaged: Bools, node: int) -> Bools:
    """The same with one node the other way."""
    changed = engaged.copy()
    changed[node] = not changed[node]
    return changed


def _gains(one: _Set, other: _Set) -> bool:
    """Whether one set costs less than another."""
    return one.cost < other.cost - _GAIN * abs(other.cost)


def _transport(model: Model) -> Program:
    """Demand and capacities: with whole nodes they are all there is."""
    p = model.program
    rows = np.concatenate([np.arange(model.rows[n].start, model.rows[n].stop) for n in _ROWS])
    return Program(
        p.cost, p.lower, p.upper, p.whole,
        sp.csr_array(p.matrix[rows]), p.row_lower[rows], p.row_upper[rows],
    )  # fmt: skip
