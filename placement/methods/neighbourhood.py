"""Large-neighbourhood search: a few nodes at a time, placed anew by exact optimisation.

Everything on the chosen nodes is free, replicas, requests, verifications, loads and hosts, together
with what is turned away; the rest stays as it is. Shaw (1998) for the idea; the small programs are
slices of the whole model, so nothing is modelled twice.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from placement.decisions import decode, encode
from placement.engines import Answer, solve_whole
from placement.methods.relaxation import Relaxed
from placement.model import Model
from placement.program import Program
from placement.quantities import Bools, Floats, Ints
from placement.search import Search

FIRST_SIZE, LEAST_SIZE = 9, 3
"""Nodes placed anew at a time."""
BRANCH_NODES, BETWEEN_NODES = 100, 500
"""Branch-and-bound nodes for a neighbourhood, and for that between relaxation and incumbent."""
SLICE, BETWEEN = 0.1, 0.5
"""The most of the time left that the same may take."""
SIDE_BY_SIDE = 2
"""Neighbourhoods of one round, however many threads there are, so that answers do not differ."""
SLICE_GAP = 1e-3
"""Relative gap to which a neighbourhood is solved."""
PATIENCE = 40
"""Rounds without improvement after which the search gives up."""
_USED = 1e-6


@dataclass(frozen=True)
class Slice:
    """A program over some columns of the whole, the others fixed."""

    columns: Ints
    program: Program


def improve(search: Search, relaxed: Relaxed, deadline: float) -> None:
    """Improve the incumbent until nothing more is found or the deadline.

    The first neighbourhood lies between the incumbent and the relaxation, where it was solved:
    what both leave alone stays so (Danna, Rothberg and Le Pape, 2005).
    """
    if search.best is not None:
        search.enter("neighbourhoods")
        improver = _Improver(search, relaxed.model, deadline)
        if relaxed.values is not None:
            improver.between(relaxed.values)
        improver.run()


class _Improver:
    """The search; neighbourhoods of one round are solved side by side and applied in order."""

    def __init__(self, search: Search, model: Model, deadline: float) -> None:
        self.search, self.model = search, model
        self.deadline = min(deadline, search.deadline)
        self.span_s = max(0.0, self.deadline - search.clock())
        self.q = model.compiled.quantities
        self.program = model.program
        self.by_column = sp.csc_array(model.program.matrix)
        self.rng = np.random.default_rng(search.seed)
        assert search.best is not None
        self.values: Floats = encode(model, search.best)
        self.size = min(FIRST_SIZE, self.q.n_nodes)
        self.node_of = self._nodes_of_columns()

    def _nodes_of_columns(self) -> Ints:
        """The node that each column belongs to, -1 for none."""
        model, columns = self.model, self.model.columns
        node: Ints = np.full(len(self.program.cost), -1, dtype=np.int64)
        for name, n in (
            ("x", model.run.n),
            ("v", model.verify.n),
            ("e", np.arange(self.q.n_nodes)),
            ("z", model.replica_n),
            ("new", model.replica_n),
            ("own", model.replica_n[model.own_k]),
            ("fetch", model.replica_n[model.fetch_k]),
            ("h", model.host_n),
        ):
            node[columns[name]] = n
        return node

    def run(self) -> None:
        """Rounds until patience or time runs out."""
        failures = 0
        with ThreadPoolExecutor(min(SIDE_BY_SIDE, self.search.threads)) as pool:
            while failures < PATIENCE and not self._over():
                chosen = [self._choose() for _ in range(SIDE_BY_SIDE)]
                found = list(pool.map(self._solve, chosen))
                better = [self._apply(part, values) for part, values, _ in found]
                failures = 0 if any(better) else failures + 1
                self._adapt(any(better), [full for _, _, full in found])

    def _over(self) -> bool:
        return self.search.done or self.search.clock() >= self.deadline

    def _adapt(self, better: bool, full: list[bool]) -> None:
        """Larger neighbourhoods where they are solved to the end in vain, smaller where not."""
        if not all(full):
            self.size = max(LEAST_SIZE, self.size - 1)
        elif not better:
            self.size = min(self.size + 1, self.q.n_nodes)

    # --- choosing nodes ------------------------------------------------------------------------

    def _choose(self) -> Ints:
        """A node at random, the likelier the more it wastes, and others that could swap with it."""
        if self.size >= self.q.n_nodes:
            return np.arange(self.q.n_nodes)
        held = np.zeros((self.q.n_models, self.q.n_nodes))
        z = self.values[self.model.columns["z"]]
        held[self.model.replica_m, self.model.replica_n] = z
        waste = self._waste()
        seed = int(self.rng.choice(self.q.n_nodes, p=waste / waste.sum()))
        could = np.zeros((self.q.n_models, self.q.n_nodes))
        could[self.model.replica_m, self.model.replica_n] = 1.0
        mine = np.minimum(held[:, seed], 1.0) + 0.1 * could[:, seed]
        kinship = mine @ np.minimum(held, 1.0) + 0.3 * (mine @ could) / max(1.0, mine.sum())
        weight = (kinship + 0.02) * (0.3 + waste / waste.max())
        weight[seed] = 0.0
        weight /= weight.sum()
        size = min(self.size - 1, int(np.count_nonzero(weight)))
        others = self.rng.choice(self.q.n_nodes, size=size, replace=False, p=weight)
        return np.append(others, seed)

    def _waste(self) -> Floats:
        """How much of each node's time is idle or spent on loading, at least a little."""
        model, q = self.model, self.q
        x = self.values[model.columns["x"]]
        busy = np.bincount(model.run.n, x * model.run.work_s, q.n_nodes)
        v = self.values[model.columns["v"]]
        busy += np.bincount(model.verify.n, v * model.verify.work_s, q.n_nodes)
        idle = 1.0 - busy / np.maximum(q.capacity_s, 1e-9)
        useful = np.zeros(q.n_nodes)
        useful[model.replica_n] = 1.0
        useful[model.run.n] = 1.0
        return (0.15 + np.clip(idle, 0.0, 1.0)) * useful + 1e-6

    # --- one neighbourhood ---------------------------------------------------------------------

    def between(self, relaxed: Floats) -> None:
        """Search what the relaxation or the incumbent uses."""
        self.search.enter("between relaxation and incumbent")
        free = (relaxed > _USED) | (self.values > _USED)
        for name in ("u", "t", "w", "p"):
            free[self.model.columns[name]] = True
        part = self._slice(free)
        self._apply(part, self._optimise(part, BETWEEN, BETWEEN_NODES).values)

    def _near(self, nodes: Ints) -> Bools:
        """The columns of these nodes, of the classes and models that they could serve."""
        model, q = self.model, self.q
        inside = np.zeros(q.n_nodes + 1, dtype=bool)
        inside[nodes] = True
        free = inside[self.node_of]
        served = np.zeros(q.n_classes, dtype=bool)
        for arcs in (model.run, model.verify):
            served[arcs.g[inside[arcs.n]]] = True
        held = np.zeros(q.n_models, dtype=bool)
        held[model.replica_m[inside[model.replica_n]]] = True
        free[model.columns["u"]] = served
        free[model.columns["t"]] = served[model.limited]
        free[model.columns["w"]] = held[model.zone_m]
        free[model.columns["p"]] = held[model.parts // q.n_groups]
        return free

    def _slice(self, free: Bools) -> Slice:
        """The program over the free columns, the rest of the plan fixed."""
        columns = np.flatnonzero(free & (self.program.upper > 0))
        part = self.by_column[:, columns]
        fixed = self.program.matrix @ self.values - part @ self.values[columns]
        rows = np.flatnonzero(np.diff(sp.csr_array(part).indptr))
        p = self.program
        program = Program(
            p.cost[columns], p.lower[columns], p.upper[columns], p.whole[columns],
            sp.csr_array(part)[rows], (p.row_lower - fixed)[rows], (p.row_upper - fixed)[rows],
        )  # fmt: skip
        return Slice(columns, program)

    def _solve(self, nodes: Ints) -> tuple[Slice, Floats | None, bool]:
        """The neighbourhood, its best values, and whether it was searched to the end."""
        part = self._slice(self._near(nodes))
        answer = self._optimise(part, SLICE, BRANCH_NODES)
        return part, answer.values, answer.verdict == "optimal"

    def _optimise(self, part: Slice, share: float, branch_nodes: int) -> Answer:
        latest = min(self.deadline, self.search.clock() + share * self.span_s)
        return solve_whole(
            part.program,
            "highs",
            latest,
            gap=min(SLICE_GAP, self.search.gap),
            seed=self.search.seed,
            start=self.values[part.columns],
            node_limit=branch_nodes,
        )

    def _apply(self, part: Slice, values: Floats | None) -> bool:
        """Take over what a neighbourhood found, if it still fits and is better."""
        if values is None:
            return False
        p, q = self.program, self.values.copy()
        q[part.columns] = np.where(p.whole[part.columns], np.rint(values), values)
        before = float(p.cost @ self.values)
        if float(p.cost @ q) >= before - 1e-7 * max(1.0, abs(before)) or not _fits(p, q):
            return False
        placement = decode(self.model, q)
        self.search.offer(placement)
        self.values = encode(self.model, placement)
        return True


def _fits(program: Program, values: Floats) -> bool:
    """Whether values keep all rows, within the tolerance of engines."""
    activity = program.matrix @ values
    scale = 1e-6 * np.maximum(1.0, np.abs(activity))
    above = np.all(activity >= program.row_lower - scale)
    return bool(above and np.all(activity <= program.row_upper + scale))
