"""Branch and bound over the strengthened relaxation, the least bound first.

Nodes, copies, replicas and zones are branched on, requests stay divisible: the smallest bound among
the open nodes holds for all placements. Branching variables are chosen by pseudo-costs that strong
branching begins (Achterberg, Koch and Martin, 2005).
"""

import heapq
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np

from placement.methods.closing.strengthening import Relaxation
from placement.quantities import Floats, Ints
from placement.simplex import Basis, Interval, Simplex

BRANCHED = ("e", "h", "z", "w")
"""Families that are branched on."""
SIDE_BY_SIDE, BATCH = 2, 4
"""Workers, and nodes looked at between two exchanges, however many threads there are."""
TRIED = 8
"""The most variables tried by strong branching at one node; all are at the root."""
RELIABLE = 1
"""So many gains each way, and a pseudo-cost is believed."""
STEPS = 100
"""The most simplex steps of one trial."""
LEAST_CUT = 0.05
"""How much of a replica a cutting plane found in the tree must cut off."""
_WHOLE = 1e-6
_LEAST_GAIN = 1e-4


@dataclass(order=True)
class Node:
    """An open node: what is known of its bound, its number, its branches, where to begin."""

    value: float
    number: int
    bounds: dict[int, Interval] = field(compare=False)
    basis: Basis = field(compare=False)


@dataclass
class Looked:
    """What looking at one node gave."""

    node: Node
    value: float
    values: Floats | None = None
    whole: bool = False
    children: list[Node] = field(default_factory=list)
    gains: list[tuple[int, int, float]] = field(default_factory=list)
    """Side, column, gain per unit."""


class PseudoCosts:
    """The mean gain of the bound per unit, by column and side, 0 down and 1 up."""

    def __init__(self, size: int) -> None:
        self.total: Floats = np.zeros((2, size))
        self.count: Ints = np.zeros((2, size), dtype=np.int64)

    def learn(self, gains: list[tuple[int, int, float]]) -> None:
        """Take note of gains."""
        for side, column, gain in gains:
            self.total[side, column] += gain
            self.count[side, column] += 1

    def guess(self, side: int, columns: Ints) -> Floats:
        """Gains per unit; the mean of all where nothing is known."""
        known = self.count[side] > 0
        mean = self.total[side].sum() / max(1, int(self.count[side].sum())) if known.any() else 1.0
        count = self.count[side, columns]
        return np.where(count > 0, self.total[side, columns] / np.maximum(count, 1), mean)

    def reliable(self, column: int) -> bool:
        """Whether both sides were seen often enough."""
        return bool(self.count[:, column].min() >= RELIABLE)


class Worker:
    """Looks at nodes with a simplex of its own."""

    def __init__(self, relaxation: Relaxation, simplex: Simplex) -> None:
        self.simplex = simplex
        program = relaxation.model.program
        self.lower, self.upper = program.lower, program.upper
        slices = [relaxation.model.columns[name] for name in BRANCHED]
        self.columns = np.concatenate([np.arange(part.start, part.stop) for part in slices])

    def look(
        self, node: Node, pseudo: PseudoCosts, cutoff: float, over: Callable[[], bool]
    ) -> Looked:
        """Solve a node and branch it; where it is over before the end, the node stays open."""
        self.simplex.within(node.bounds)
        value = self.simplex.solve(node.basis)
        if value is None:  # trust what was known, and leave it there
            return Looked(node, node.value, whole=True)
        looked = Looked(node, max(node.value, value))
        if looked.value >= cutoff:
            return looked
        looked.values, basis = self.simplex.values, self.simplex.basis
        open_ = self._open(looked.values)
        if not len(open_):
            looked.whole = True
            return looked
        column = self._choose(node, looked, open_, basis, pseudo, cutoff, over)
        if column is None:
            looked.children.append(Node(looked.value, 0, node.bounds, basis))
            return looked
        for side in (0, 1):
            self._branch(node, looked, column, side, basis, cutoff)
        return looked

    def rehearse(
        self, root: Node, part: int, cutoff: float, over: Callable[[], bool]
    ) -> list[tuple[int, int, float]]:
        """The gains of both sides of every `SIDE_BY_SIDE`-th variable at the root."""
        self.simplex.within(root.bounds)
        value = self.simplex.solve(root.basis)
        if value is None or value >= cutoff:
            return []
        looked = Looked(root, value, self.simplex.values)
        basis = self.simplex.basis
        for column in self._open(self.simplex.values)[part::SIDE_BY_SIDE].tolist():
            if over():
                break
            for side in (0, 1):
                self._try(root, looked, column, side, basis, cutoff)
        return looked.gains

    def _open(self, values: Floats) -> Ints:
        """The columns that could be branched on."""
        part = values[self.columns] - np.floor(values[self.columns])
        return np.asarray(self.columns[np.minimum(part, 1.0 - part) > _WHOLE])

    def _choose(  # noqa: PLR0917
        self, node: Node, looked: Looked, open_: Ints, basis: Basis, pseudo: PseudoCosts,
        cutoff: float, over: Callable[[], bool],
    ) -> int | None:  # fmt: skip
        """The column whose two sides raise the bound most, as a product; None where it is over."""
        assert looked.values is not None
        part = looked.values[open_] - np.floor(looked.values[open_])
        gain = np.stack([pseudo.guess(0, open_) * part, pseudo.guess(1, open_) * (1.0 - part)])
        score = np.maximum(gain, _LEAST_GAIN).prod(axis=0)
        left = TRIED
        best, chosen = -1.0, int(open_[np.argmax(score)])
        for i in np.argsort(-score, kind="stable").tolist():
            column = int(open_[i])
            if not pseudo.reliable(column):
                if not left:
                    continue
                left -= 1
                if over():
                    return None
                gain[:, i] = [
                    self._try(node, looked, column, side, basis, cutoff) for side in (0, 1)
                ]
            product = float(np.maximum(gain[:, i], _LEAST_GAIN).prod())
            if product > best:
                best, chosen = product, column
        return chosen

    def _side(self, node: Node, column: int, side: int, value: float) -> dict[int, Interval]:
        """The bounds of a child."""
        lower, upper = node.bounds.get(
            column, (float(self.lower[column]), float(self.upper[column]))
        )
        interval = (lower, float(np.floor(value))) if side == 0 else (float(np.ceil(value)), upper)
        return {**node.bounds, column: interval}

    def _try(  # noqa: PLR0917
        self, node: Node, looked: Looked, column: int, side: int, basis: Basis, cutoff: float
    ) -> float:
        """What one side gains at least."""
        assert looked.values is not None
        at = float(looked.values[column])
        self.simplex.within(self._side(node, column, side, at))
        value = self.simplex.solve(basis, STEPS)
        gain = max((looked.value if value is None else value) - looked.value, 0.0)
        gain = min(gain, cutoff - looked.value, 1.0 + abs(looked.value))
        way = at - np.floor(at) if side == 0 else np.ceil(at) - at
        looked.gains.append((side, column, gain / float(way)))
        return gain

    def _branch(  # noqa: PLR0917
        self, node: Node, looked: Looked, column: int, side: int, basis: Basis, cutoff: float
    ) -> None:
        """Solve one child, and keep it unless it is worse than what is known."""
        assert looked.values is not None
        bounds = self._side(node, column, side, float(looked.values[column]))
        self.simplex.within(bounds)
        value = self.simplex.solve(basis)
        child = looked.value if value is None else max(looked.value, value)
        if child < cutoff:
            looked.children.append(Node(child, 0, bounds, self.simplex.basis))


class Tree:
    """The open nodes of one search.

    Parameters
    ----------
    relaxation : Relaxation
    simplex : Simplex
        Solved at the root.
    threads : int
        How many workers may run at once; does not change the answer.
    """

    def __init__(self, relaxation: Relaxation, simplex: Simplex, threads: int) -> None:
        self.relaxation, self.threads = relaxation, threads
        root = simplex.solve()
        self.open = [Node(-np.inf if root is None else root, 0, {}, simplex.basis)]
        self.whole = np.inf
        """The least bound of nodes with nothing left to branch on."""
        self.pseudo = PseudoCosts(len(relaxation.model.program.cost))
        self.workers = [Worker(relaxation, simplex)]
        for _ in range(SIDE_BY_SIDE - 1):
            self.workers.append(Worker(relaxation, relaxation.simplex()))
        self._number = 0

    @property
    def bound(self) -> float:
        """No placement below the cutoff costs less; infinite where all nodes are closed."""
        return min(self.open[0].value if self.open else np.inf, self.whole)

    def run(
        self, cutoff: Callable[[], float], over: Callable[[], bool], found: Callable[[float], None],
        solved: Callable[[Floats], None],
    ) -> None:  # fmt: skip
        """Look at nodes until none is open or it is over.

        `cutoff` gives the objective to beat; `found` is told of the bound, `solved` of points
        with nothing left to branch on.
        """
        with ThreadPoolExecutor(min(SIDE_BY_SIDE, max(1, self.threads))) as pool:
            if not self._number:
                self._rehearse(pool, cutoff(), over)
            while self.open and not over():
                limit = cutoff()
                nodes = [heapq.heappop(self.open) for _ in range(min(BATCH, len(self.open)))]
                shares = [nodes[i::SIDE_BY_SIDE] for i in range(SIDE_BY_SIDE)]
                pairs = zip(self.workers, shares, strict=True)
                work = [
                    pool.submit(self._look, worker, share, limit, over) for worker, share in pairs
                ]
                for looked in [one for done in work for one in done.result()]:
                    self._take(looked, solved)
                if self.bound < limit:
                    found(self.bound)

    def _rehearse(self, pool: Executor, limit: float, over: Callable[[], bool]) -> None:
        """Let the workers begin the pseudo-costs at the root."""
        first = self.workers[0].simplex
        roots = [replace(self.open[0], basis=first.basis) for _ in self.workers]
        work = [
            pool.submit(worker.rehearse, root, part, limit, over)
            for part, (worker, root) in enumerate(zip(self.workers, roots, strict=True))
        ]
        for gains in [done.result() for done in work]:
            self.pseudo.learn(gains)

    def _look(
        self, worker: Worker, nodes: list[Node], limit: float, over: Callable[[], bool]
    ) -> list[Looked]:
        """What one worker makes of its share of a batch."""
        return [worker.look(node, self.pseudo, limit, over) for node in nodes if node.value < limit]

    def _take(self, looked: Looked, solved: Callable[[Floats], None]) -> None:
        """Take note of what a node gave; what its point breaks holds in the whole tree."""
        self.pseudo.learn(looked.gains)
        for child in looked.children:
            self._number += 1
            child.number = self._number
            heapq.heappush(self.open, child)
        if looked.values is not None:
            simplexes = [worker.simplex for worker in self.workers]
            again = self.relaxation.extend(simplexes, looked.values, LEAST_CUT)
            if looked.whole and again:
                heapq.heappush(self.open, looked.node)
                return
        if looked.whole:
            self.whole = min(self.whole, looked.value)
            if looked.values is not None:
                solved(looked.values)
