"""Pieces: instances of their own, cut from a whole so that their placements join to one of it."""

from dataclasses import dataclass

import numpy as np

from placement.compiled import Compiled
from placement.distributed.dealing import Deal
from placement.instance import Instance, Limits, Model, Node, Operator, Request
from placement.quantities import Bools, Ints, Quantities, whole_down

DEAR = 10.0
"""A request that must be served costs a piece so many times the dearest other one."""


@dataclass(frozen=True)
class Piece:
    """A part of a whole.

    Attributes
    ----------
    instance : Instance
        The part as an instance; its models are those of the whole, in their order.
    nodes, classes : array of int
        What its nodes and request classes are in the whole.
    """

    instance: Instance
    nodes: Ints
    classes: Ints


def cut(compiled: Compiled, deal: Deal, hosting: Bools) -> list[Piece]:
    """Cut the whole up as dealt; pieces without nodes or requests are left out.

    Where their placements are joined with the hosts given, every constraint of the whole holds:
    share caps and limits are split, a control group's share by its nodes' capacity. No piece has to
    store a model, and one that leaves requests unserved is valid, so there is always an answer;
    requests that must be served get a penalty instead.

    Parameters
    ----------
    compiled : Compiled
        The whole.
    deal : Deal
        Who gets what.
    hosting : array of bool, shape (models, nodes)
        The hosts that there have to be; what they take of the limits, no piece gets.
    """
    cutter = _Cutter(compiled.quantities, deal, hosting)
    numbers = range(len(deal.count))
    pieces = (cutter.piece(p) for p in numbers if np.any(deal.piece == p))
    return [piece for piece in pieces if len(piece.classes)]


class _Cutter:
    def __init__(self, q: Quantities, deal: Deal, hosting: Bools) -> None:
        self.q, self.deal = q, deal
        self.whole = q.instance
        self.dear = self._dear_penalty()
        pieces = len(deal.count)
        served = deal.count.sum(axis=1)
        self.part = served / max(1, served.sum())
        """Share of all requests that each piece has."""
        size = np.zeros((q.n_groups, pieces))
        np.add.at(size, (q.node_group, deal.piece), np.maximum(q.capacity_s, 1e-9))
        self.group_part = size / np.maximum(size.sum(axis=1, keepdims=True), 1e-12)
        self.copied_gb = float(q.weights_gb @ np.sum(hosting & ~q.hosted, axis=1))

    def _dear_penalty(self) -> float:
        q = self.q
        known = q.penalty[np.isfinite(q.penalty)]
        hour = float(q.accelerator_price.max(initial=1.0) + q.engaged_price.max(initial=1.0))
        return DEAR * max(float(known.max(initial=0.0)), hour)

    def piece(self, p: int) -> Piece:
        nodes = np.flatnonzero(self.deal.piece == p)
        classes = np.flatnonzero(self.deal.count[p])
        rows = self.whole.nodes
        kept = tuple(rows[n] for n in nodes.tolist())
        requests = tuple(self._request(g, p) for g in classes.tolist())
        fields = {
            "name": f"{self.whole.name}, piece {p + 1} of {len(self.part)}",
            "operators": self._operators(p, int(self.deal.count[p].sum())),
            "nodes": kept,
            "models": tuple(_unasked(model) for model in self.whole.models),
            "requests": requests,
            "limits": self._limits(p),
            "pairs": self._pairs(kept, requests),
        }
        return Piece(self.whole.model_copy(update=fields), nodes, classes)

    def _request(self, g: int, p: int) -> Request:
        row = self.whole.requests[g]
        changes: dict[str, float] = {}
        count = int(self.deal.count[p, g])
        if count != row.count:
            changes["count"] = count
        if row.penalty is None:
            changes["penalty"] = self.dear
        return row.model_copy(update=changes) if changes else row

    def _operators(self, p: int, total: int) -> tuple[Operator, ...]:
        """The operators, each group with its part of what it may execute."""
        q = self.q
        most = whole_down(q.max_share * q.total_count * self.group_part[:, p])
        share = np.where(q.max_share < 1, np.minimum(1.0, most / max(1, total)), 1.0)
        of = dict(zip(q.group_keys, share.tolist(), strict=True))
        rows = self.whole.operators
        return tuple(
            row.model_copy(update={"max_share": of[row.control_group or row.name]}) for row in rows
        )

    def _limits(self, p: int) -> Limits:
        limits, part = self.whole.limits, float(self.part[p])
        new, moved = limits.max_new_replicas, limits.max_transfer_gb
        return Limits(
            max_new_replicas=None if new is None else int(new * part),
            max_transfer_gb=None if moved is None else max(0.0, moved - self.copied_gb) * part,
        )

    def _pairs(self, nodes: tuple[Node, ...], requests: tuple[Request, ...]) -> tuple[object, ...]:
        here = {row.name for row in nodes}
        asked = {row.name for row in requests}
        return tuple(row for row in self.whole.pairs if row.node in here and row.request in asked)


def _unasked(model: Model) -> Model:
    return model.model_copy(update={"min_hosts": 0}) if model.min_hosts else model
