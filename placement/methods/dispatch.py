"""What the baselines share: hosting and loading by popularity, then a rule that picks nodes.

A rule sees one request class at a time and says how many of its requests go to which node; what
does not fit is offered again in a few further rounds.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from placement.methods.hosting import improved, plan_hosting
from placement.methods.ledger import Ledger
from placement.methods.loading import load_by_popularity
from placement.methods.verifiers import outlook
from placement.methods.verifying import verify_all
from placement.quantities import Floats, Ints, whole_down
from placement.search import Search
from placement.solution import StoppedBy

_ROUNDS = 8
_HOSTING_S = 5.0
"""Seconds the exact packing of copies may take."""
_FOR_DISPATCH, _FOR_THE_REST = 0.6, 0.2
"""Parts of a time limit kept for what comes after loading, and after dispatching."""


@dataclass(frozen=True)
class Turn:
    """A class whose requests are to be spread over nodes.

    Attributes
    ----------
    ledger : Ledger
        Where things stand.
    rng : Generator
        Random numbers from the search's seed.
    g : int
        The class.
    nodes : array of int
        Nodes that can execute it and have room.
    room : array of int
        How many requests each has room for, at least one.
    count : int
        How many requests there are, at least one.
    """

    ledger: Ledger
    rng: np.random.Generator
    g: int
    nodes: Ints
    room: Ints
    count: int

    @property
    def busy(self) -> Floats:
        """The part of each node's capacity that is taken."""
        capacity = self.ledger.q.capacity_s[self.nodes]
        return 1.0 - self.ledger.capacity_s[self.nodes] / np.maximum(capacity, 1e-300)


Rule = Callable[[Turn], Ints]
"""Requests for each node of a turn, at most its room and together at most the turn's count."""


def dispatch(search: Search, rule: Rule, *, shuffled: bool = False) -> StoppedBy:
    """Host, load, send requests by the rule, verify, and offer the placement.

    Classes come in the order of the instance, or shuffled by the seed: those that must be served
    first, then those that are re-executed, each verified before the next take up the room.
    """
    ledger, whole_s = Ledger(search.compiled), search.remaining_s
    search.enter("hosting")
    if not plan_hosting(ledger, time_limit=min(_HOSTING_S, whole_s)):
        return search.stopped_by()
    load_by_popularity(ledger, stop=lambda: search.remaining_s < _FOR_DISPATCH * whole_s)
    search.enter("dispatching")
    sender = _Sender(search, ledger, rule)
    q = search.quantities
    order = sender.rng.permutation(q.n_classes) if shuffled else np.arange(q.n_classes)
    must, redone = np.isinf(q.penalty), search.compiled.redone
    for phase in (must & redone, must & ~redone, ~must & redone, ~must & ~redone):
        for g in order[phase[order]].tolist():
            if search.remaining_s < _FOR_THE_REST * whole_s or search.out_of_time:
                break
            sender.send(g)
        if phase.any():
            verify_all(ledger)
        if np.any(must[phase] & (ledger.left[phase] > 0)):
            return search.stopped_by()
    placement = ledger.placement()
    search.offer(placement if search.out_of_time else improved(search.compiled, placement))
    return search.stopped_by()


class _Sender:
    """Applies the rule to one class after the other."""

    def __init__(self, search: Search, ledger: Ledger, rule: Rule) -> None:
        self.compiled, self.ledger, self.rule = search.compiled, ledger, rule
        self.rng = np.random.default_rng(search.seed)
        self.outlook = outlook(search.compiled, search.compiled.max_replicas > 0)
        self.holders = [np.flatnonzero(row) for row in ledger.replicas]

    def send(self, g: int) -> None:
        """Execute as many requests of g as the rule finds room for."""
        nodes = self._able(g)
        for _ in range(_ROUNDS):
            count = int(self.ledger.left[g])
            if not count:
                return
            room = self.ledger.room(np.array([g]), nodes)
            nodes, room = nodes[room > 0], room[room > 0]
            if not len(nodes):
                return
            turn = Turn(self.ledger, self.rng, g, nodes, room, count)
            self.ledger.execute_many(g, nodes, self._within_shares(nodes, self.rule(turn)))

    def _able(self, g: int) -> Ints:
        """The nodes that can execute g now, and be verified."""
        q, m = self.compiled.quantities, int(self.compiled.quantities.class_model[g])
        if q.paired[g]:
            nodes = q.pair_node[slice(*np.searchsorted(q.pair_class, [g, g + 1]))]
            nodes = nodes[q.can_run(g, nodes)]
            nodes = nodes[self.ledger.replicas[m, nodes] > 0] if m >= 0 else nodes
        else:
            nodes = self.holders[m]
            nodes = nodes[self.compiled.run_kinds[g][q.node_kind[nodes]]]
        return np.asarray(nodes[self.outlook.allows(q.class_kind[g], nodes)])

    def _within_shares(self, nodes: Ints, count: Ints) -> Ints:
        """Counts cut down to what the control groups may still execute."""
        group, left = self.ledger.q.node_group[nodes], self.ledger.group_left
        total = np.bincount(group, count, len(left))
        for o in np.flatnonzero(total > left).tolist():
            rows = np.flatnonzero(group == o)
            count[rows] = fill_up(count[rows], int(left[o]))
        return count


def fill_up(room: Ints, count: int) -> Ints:
    """`count` requests poured into nodes one after the other, each filled before the next."""
    before = np.cumsum(room) - room
    return np.asarray(np.clip(count - before, 0, room))


def level_out(start: Floats, rate: Floats, room: Ints, count: int) -> Ints:
    """`count` requests poured into nodes so that their levels end up as equal as can be.

    A node begins at level `start`, and holds `rate` requests for each unit of level up to its
    room. Requests are whole: those left over by rounding go where the level is missed by most.
    """
    if count >= room.sum():
        return room
    points = np.concatenate([start, start + room / rate])
    order = np.argsort(points, kind="stable")
    points, slope = points[order], np.cumsum(np.concatenate([rate, -rate])[order])
    filled = np.concatenate([[0.0], np.cumsum(slope[:-1] * np.diff(points))])
    i = max(int(np.searchsorted(filled, count, side="right")) - 1, 0)
    level = points[i] + (count - filled[i]) / max(float(slope[i]), 1e-300)
    exact = np.clip((level - start) * rate, 0, room)
    whole = np.minimum(whole_down(exact), room)
    missing = count - int(whole.sum())
    open_first = np.argsort(whole - exact + np.where(whole < room, 0.0, np.inf), kind="stable")
    if missing > 0:
        whole[open_first[:missing]] += 1
    return np.minimum(whole, room)
