"""Who gets what: nodes and requests dealt to pieces of the network.

The idea is POP's (Narayanan and others, "Solving large-scale granular resource allocation problems
efficiently with POP", SOSP 2021): an allocation among many like resources and many small clients
loses little when both are dealt at random. Two things differ. A piece is made of whole regions as
far as that goes, for within them weights are moved for nothing; only a region too large for one
piece is dealt, kind by kind. And a model whose requests fill few replicas goes to few pieces, for
every piece that serves it pays a replica and a transfer of its own.
"""

from dataclasses import dataclass

import numpy as np

from placement.compiled import Compiled
from placement.methods.floor import chunks
from placement.quantities import Floats, Ints

REPLICAS = 4.0
"""A model is dealt to one more piece for every so many replicas that its requests fill."""


@dataclass(frozen=True)
class Deal:
    """Nodes and requests of each piece.

    Attributes
    ----------
    piece : array over nodes
        The piece that each node belongs to.
    count : array, shape (pieces, classes)
        Requests of each class in each piece.
    """

    piece: Ints
    count: Ints


def deal(compiled: Compiled, pieces: int, seed: int) -> Deal:
    """Deal nodes and requests to so many pieces.

    Classes of which a sample is verified stay whole, for each class rounds its sample.
    """
    piece = _deal_nodes(compiled, pieces, np.random.default_rng(seed))
    return Deal(piece, _Dealer(compiled, piece, pieces).deal())


def _deal_nodes(compiled: Compiled, pieces: int, rng: np.random.Generator) -> Ints:
    """Whole regions, the largest first, each to the piece that has least capacity.

    A region with more than a piece should have is dealt to several parts, its nodes taken in an
    order in which like ones follow each other.
    """
    q = compiled.quantities
    price = compiled.rate + compiled.engagement_rate
    order = np.lexsort((price, q.node_group, q.accelerators, q.node_kind))
    size = np.maximum(q.capacity_s, 1e-9)
    regions, at = np.unique(q.node_region, return_inverse=True)
    number = _parts(np.bincount(at, size, len(regions)).astype(float), pieces)
    parts: list[Ints] = []
    for region, hands in zip(regions.tolist(), number.tolist(), strict=True):
        parts += _hands(order[q.node_region[order] == region], hands, rng)
    parts.sort(key=lambda nodes: -float(size[nodes].sum()))
    load, piece = np.zeros(pieces), np.zeros(q.n_nodes, dtype=np.int64)
    for nodes in parts:
        piece[nodes] = least = int(load.argmin())
        load[least] += size[nodes].sum()
    return piece


def _parts(size: Floats, pieces: int) -> Ints:
    """Parts that each region is dealt to, all together no fewer than pieces."""
    whole = pieces * size / max(float(size.sum()), 1e-9)
    parts: Ints = np.maximum(np.rint(whole), 1).astype(np.int64)
    while len(size) and parts.sum() < pieces:
        parts[np.argmax(size / parts)] += 1
    return parts


def _hands(nodes: Ints, number: int, rng: np.random.Generator) -> list[Ints]:
    """Nodes dealt to so many hands, round after round."""
    rounds = -(-len(nodes) // number)
    hand = rng.permuted(np.tile(np.arange(number), (rounds, 1)), axis=1).reshape(-1)
    return [nodes[hand[: len(nodes)] == h] for h in range(number)]


class _Dealer:
    """Deals the classes, model after model, to where the room for them is."""

    def __init__(self, compiled: Compiled, piece: Ints, pieces: int) -> None:
        self.compiled, self.q = compiled, compiled.quantities
        self.piece, self.pieces = piece, pieces
        self.work, self.room = self._work_and_room()
        self.load = np.zeros(pieces)
        """Accelerator-seconds dealt to each piece so far."""
        self.count = np.zeros((pieces, self.q.n_classes), dtype=np.int64)

    def _work_and_room(self) -> tuple[Floats, Floats]:
        """Accelerator-seconds that a class takes on the mean, and of the able nodes by piece."""
        q = self.q
        kinds = q.kind_node
        offered = np.zeros((len(kinds), self.pieces))
        np.add.at(offered, (q.node_kind, self.piece), np.maximum(q.capacity_s, 1e-9))
        whole = offered.sum(axis=1)
        work, room = np.zeros(q.n_classes), np.zeros((q.n_classes, self.pieces))
        for g in chunks(q.n_classes, len(kinds)):
            able = self.compiled.run_kinds[g]
            each = np.where(able, q.work_s(g[:, None], kinds[None, :]), 0.0)
            work[g] = each @ whole / np.maximum(able @ whole, 1e-9) * q.count[g]
            room[g] = able @ offered
        listed = q.pair_class, self.piece[q.pair_node]
        np.add.at(room, listed, np.maximum(q.capacity_s[q.pair_node], 1e-9))
        return np.where(np.isfinite(work), work, 0.0), room

    def deal(self) -> Ints:
        """Requests of each class in each piece."""
        q = self.q
        model = q.class_model
        total = np.bincount(model + 1, self.work, q.n_models + 1)
        order = np.lexsort((self.work, q.class_region, model))
        ends = np.searchsorted(model[order], np.arange(-1, q.n_models + 1))
        for m in np.argsort(-total, kind="stable").tolist():
            if ends[m + 1] > ends[m]:
                self._deal_model(order[ends[m] : ends[m + 1]], self._replica_s(m - 1))
        return self.count

    def _replica_s(self, m: int) -> float:
        """Accelerator-seconds that a replica of a model offers on the mean; none for plain jobs."""
        q = self.q
        span = float(q.span[m]) if m >= 0 else 0.0
        return span * q.window_s * float(q.utilization.mean() if q.n_nodes else 1.0)

    def _deal_model(self, classes: Ints, replica_s: float) -> None:
        """The classes of one model, each to the piece that is furthest behind its share."""
        room = self.room[classes]
        chosen = self._choose(room, self.work[classes], replica_s)
        here: Floats = np.where(chosen, room, 0.0)
        nowhere = here.sum(axis=1) <= 0
        here[nowhere] = room[nowhere]
        here[here.sum(axis=1) <= 0] = 1.0
        share = here / here.sum(axis=1, keepdims=True)
        behind = np.zeros(self.pieces)
        for g, row in zip(classes.tolist(), share, strict=True):
            behind += self.work[g] * row
            given = self._split(g, row, behind, replica_s)
            self.count[:, g] = given
            spent = self.work[g] * given / self.q.count[g]
            behind -= spent
            self.load += spent

    def _choose(self, room: Floats, work: Floats, replica_s: float) -> Floats:
        """Which pieces serve the model: those with most room left for their load."""
        total = float(work.sum())
        wanted = int(np.clip(total / max(REPLICAS * replica_s, 1e-9), 1, self.pieces))
        chosen = np.zeros(self.pieces)
        reach = (room > 0).T @ np.maximum(work, 1e-12)
        lack = 1.0 - reach / max(reach.max(initial=0.0), 1e-12)
        behind = self.load / max(self.load.mean(), 1e-9)
        chosen[np.lexsort((np.arange(self.pieces), behind + lack * self.pieces))[:wanted]] = 1.0
        return chosen

    def _split(self, g: int, share: Floats, behind: Floats, replica_s: float) -> Ints:
        """Requests of one class by piece: a large one split, any other whole."""
        q = self.q
        count = int(q.count[g])
        parts = np.count_nonzero(share)
        whole = q.sample[g] < 1 or q.paired[g]
        if not whole and parts > 1 and self.work[g] >= parts * replica_s and count >= parts:
            given = np.floor(share * count).astype(np.int64)
            given[np.argsort(given - share * count, kind="stable")[: count - given.sum()]] += 1
            return given
        given = np.zeros(self.pieces, dtype=np.int64)
        given[np.argmax(np.where(share > 0, behind, -np.inf))] = count
        return given
