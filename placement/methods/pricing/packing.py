"""From fractions of classes in node kinds to whole requests on nodes.

The relaxation says how much of which model every kind of node should run. Small pieces join larger
ones of their model; then pieces are packed into the nodes that the relaxation engages, the largest
first: one that fills a node goes there alone, others where they fit best, as in best-fit decreasing
for bin packing. Classes then follow the time that their model has got.
"""

import heapq
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from placement.assembly import Counts
from placement.compiled import Compiled
from placement.methods.pricing.firstorder import FirstOrder
from placement.methods.pricing.kernels import VALUE, X
from placement.methods.pricing.refining import kind_parts
from placement.quantities import Floats, Ints

LEAST = 0.02
"""Smaller fractions of a class are not followed."""
JOINING = (0.1, 0.25, 0.5)
"""Pieces below so many replicas join others of their model, in turns."""
_TINY = 1e-9


@dataclass(frozen=True)
class Pieces:
    """Fractions of class rows in node kinds, sorted by model, then kind.

    Attributes
    ----------
    row, g, kind, model : array of int
    fraction : array
    each_s : array
        Accelerator-seconds of one request (or re-execution) there.
    amount : array
        Requests (or re-executions) that the fraction is of.
    """

    row: Ints
    g: Ints
    kind: Ints
    model: Ints
    fraction: Floats
    each_s: Floats
    amount: Floats

    @property
    def work_s(self) -> Floats:
        """Accelerator-seconds."""
        return self.fraction * self.amount * self.each_s

    def take(self, rows: Ints) -> "Pieces":
        """Some of them."""
        return Pieces(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


def pack(compiled: Compiled, solved: FirstOrder) -> tuple[Counts, Counts]:
    """Rows (class, node, count) of executions and of re-executions, within every capacity."""
    pieces = _joined(compiled, _pieces(compiled, solved))
    packing = _Packing(compiled, solved)
    shares = packing.shares(pieces)
    return _cut(pieces, shares, len(solved.pooled.run_g))


def _pieces(compiled: Compiled, solved: FirstOrder) -> Pieces:
    """The fractions worth following; those of a row add up to what they did."""
    p, q = solved.pooled, compiled.quantities
    x = solved.arc[X].astype(float).clip(0.0)
    arcs = np.flatnonzero(x > LEAST)
    part = kind_parts(solved)[p.at_mask[arcs]]
    at, kind = np.nonzero(part > LEAST)
    row = p.arc_row[arcs[at]]
    g = np.concatenate([p.run_g, p.check_g])[row]
    redone = row >= len(p.run_g)
    n = q.kind_node[kind]
    each = np.where(redone, q.reexecution_work_s(g, n), q.work_s(g, n))
    amount = np.where(redone, compiled.wanted_checks[g], 1.0) * q.count[g]
    whole = np.minimum(np.bincount(p.arc_row, x, p.n_rows), 1.0)
    model = q.class_model[g]
    order = np.lexsort((row, kind, model))
    pieces = Pieces(row, g, kind, model, x[arcs[at]] * part[at, kind], each, amount).take(order)
    return _scaled(pieces, whole)


def _scaled(pieces: Pieces, whole: Floats) -> Pieces:
    """The same with fractions that add up to `whole` for each row."""
    total = np.bincount(pieces.row, pieces.fraction, len(whole))
    scale = np.where(total > _TINY, whole / np.maximum(total, _TINY), 0.0)
    return replace(pieces, fraction=pieces.fraction * scale[pieces.row])


def _joined(compiled: Compiled, pieces: Pieces) -> Pieces:
    """Small (model, kind) given up where their classes have larger ones."""
    q = compiled.quantities
    rows = int(pieces.row.max(initial=-1)) + 1
    whole = np.bincount(pieces.row, pieces.fraction, rows).astype(float)
    for least in JOINING:
        key = pieces.model * len(q.kind_node) + pieces.kind
        _, at = np.unique(key, return_inverse=True)
        share = q.replica_s(pieces.model, q.kind_node[pieces.kind])
        size = np.bincount(at, pieces.work_s)[at] / np.maximum(share, _TINY)
        best = np.zeros(rows)
        np.maximum.at(best, pieces.row, size)
        kept = (size >= least) | (size >= best[pieces.row])
        pieces = _scaled(pieces.take(np.flatnonzero(kept)), whole)
    return pieces


class _Packing:
    """Nodes as bins of accelerator time and memory."""

    def __init__(self, compiled: Compiled, solved: FirstOrder) -> None:
        self.c, self.q = compiled, compiled.quantities
        q, p = self.q, solved.pooled
        nodes = np.flatnonzero((q.infers | q.verifies) & (q.capacity_s > 0))
        engaged = np.zeros(q.n_nodes)
        engaged[nodes] = solved.column[VALUE, -len(nodes) :] if len(nodes) else 0.0
        asking = compiled.rate + compiled.engagement_rate
        rank = np.lexsort((asking, -np.round(engaged, 2), q.node_kind))
        bounds = np.searchsorted(q.node_kind[rank], np.arange(len(q.kind_node) + 1))
        self.queue = [rank[a:b].tolist() for a, b in pairwise(bounds.tolist())]
        self.free_s, self.free_gb = q.capacity_s.tolist(), q.memory_gb.tolist()
        self.cells = p.cells

    def shares(self, pieces: Pieces) -> tuple[Ints, Ints, Ints, Floats]:
        """Seconds that models get on nodes: rows (model, kind, node, seconds) by model, kind."""
        q = self.q
        key = pieces.model * len(q.kind_node) + pieces.kind
        keys, at = np.unique(key, return_inverse=True)
        seconds = np.bincount(at, pieces.work_s, len(keys))
        model, kind = keys // len(q.kind_node), keys % len(q.kind_node)
        rows: list[tuple[int, int, int, float]] = []
        for k in np.unique(kind).tolist():
            mine = np.flatnonzero(kind == k)
            for m, n, got in self._pack_kind(k, model[mine].tolist(), seconds[mine].tolist()):
                rows.append((m, k, n, got))
        rows.sort()
        columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
        models, kinds, nodes = (np.array(column, dtype=np.int64) for column in columns[:3])
        return models, kinds, nodes, np.array(columns[3], dtype=float)

    def _pack_kind(
        self, kind: int, models: list[int], seconds: list[float]
    ) -> list[tuple[int, int, float]]:
        """Best fit decreasing; what fits nowhere whole is split, what is left over is dropped."""
        waiting = [(-s, m) for m, s in zip(models, seconds, strict=True)]
        heapq.heapify(waiting)
        closed = self.queue[kind][::-1]
        opened: list[int] = []
        rows: list[tuple[int, int, float]] = []
        while waiting:
            size, m = heapq.heappop(waiting)
            wanted = -size
            n, got = self._best_fit(m, wanted, opened)
            while got <= 0 and closed:
                opened.append(closed.pop())
                n, got = self._best_fit(m, wanted, opened[-1:], split=True)
            if got <= 0:
                n, got = self._best_fit(m, wanted, opened, split=True)
            if got <= 0:
                continue
            rows.append((m, n, got))
            if wanted - got > 1e-6 * wanted:
                heapq.heappush(waiting, (got - wanted, m))
        return rows

    def _best_fit(
        self, m: int, wanted: float, nodes: list[int], *, split: bool = False
    ) -> tuple[int, float]:
        """Put a piece where it leaves least free, or most of it where it does not fit."""
        best, got, left = -1, 0.0, np.inf
        for n in nodes:
            room = self._room(m, n, wanted)
            if room >= wanted * (1 - _TINY) and self.free_s[n] < left:
                best, got, left = n, wanted, self.free_s[n]
            elif split and left == np.inf and room > got:
                best, got = n, room
        if best >= 0:
            self._take(m, best, got)
        return best, got

    def _replicas(self, m: int, n: int, seconds: float) -> tuple[int, float]:
        """Replicas for so many seconds, and the seconds that loading them takes."""
        share = float(self.q.replica_s(m, n))
        count = max(1, int(np.ceil(seconds / share - 1e-9)))
        new = max(0, count - int(self.q.loaded[m, n]))
        return count, new * float(self.q.load_s(m, n))

    def _room(self, m: int, n: int, wanted: float) -> float:
        """Seconds of a piece that a node can take."""
        most = int(self.c.max_replicas[m, n])
        held = float(self.q.replica_gb[m])
        fits = int(self.free_gb[n] / held + 1e-9) if held > 0 else most
        most = min(most, fits)
        if most <= 0:
            return 0.0
        share = float(self.q.replica_s(m, n))
        seconds = min(wanted, most * share, self.free_s[n])
        _, loading = self._replicas(m, n, seconds)
        return float(max(0.0, min(seconds, self.free_s[n] - loading)))

    def _take(self, m: int, n: int, seconds: float) -> None:
        count, loading = self._replicas(m, n, seconds)
        self.free_s[n] -= seconds + loading
        self.free_gb[n] -= count * float(self.q.replica_gb[m])


def _cut(
    pieces: Pieces, shares: tuple[Ints, Ints, Ints, Floats], runs: int
) -> tuple[Counts, Counts]:
    """Cut the classes of each (model, kind) along the seconds of its nodes."""
    model, kind, node, seconds = shares
    kinds = int(max(kind.max(initial=0), pieces.kind.max(initial=0))) + 1
    mine, theirs = pieces.model * kinds + pieces.kind, model * kinds + kind
    work = pieces.work_s
    total = np.bincount(np.searchsorted(np.unique(mine), mine), work)
    base = np.concatenate([[0.0], np.cumsum(total)])
    start = base[np.searchsorted(np.unique(mine), theirs)]
    within = np.cumsum(seconds) - seconds
    first = np.searchsorted(theirs, theirs)
    low = start + within - within[first]
    end_piece = np.cumsum(work)
    cuts = np.unique(np.concatenate([end_piece - work, end_piece, low, low + seconds]))
    middle = (cuts[1:] + cuts[:-1]) / 2.0
    a = np.minimum(np.searchsorted(end_piece, middle), len(work) - 1)
    b = np.searchsorted(low, middle, side="right") - 1
    inside = (b >= 0) & (middle < (low + seconds)[b])
    a, b, length = a[inside], b[inside], (cuts[1:] - cuts[:-1])[inside]
    exact = length / np.maximum(pieces.each_s[a], _TINY)
    count = np.floor(exact + 1e-6).astype(np.int64)
    kept = count > 0
    rows = pieces.row[a[kept]], pieces.g[a[kept]], node[b[kept]], count[kept]
    again = rows[0] >= runs
    return (
        (rows[1][~again], rows[2][~again], rows[3][~again]),
        (rows[1][again], rows[2][again], rows[3][again]),
    )
