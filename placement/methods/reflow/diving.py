"""From parts of requests to whole ones: some classes are made whole, the rest flows around them.

The classes whose requests are heavy come first, while there is much that can still move; what is
left at the end is light and fits almost anywhere.
"""

import numpy as np

from placement.methods.reflow.flowmodel import FlowModel
from placement.methods.reflow.slopes import Flow, set_room, solved
from placement.quantities import Bools, Floats, Ints
from placement.simplex import Simplex

_WHOLE = 1e-6
_BATCH, _SHARE = 8, 4
"""Classes made whole at a time: so many, or one in so many of those that are not."""
_ROUNDS = 60


def dive(model: FlowModel, simplex: Simplex, flow: Flow) -> Floats:
    """Whole requests of each arc, close to a flow and within its replicas.

    What fits nowhere is turned away.
    """
    return _Diver(model, simplex, flow).run()


class _Diver:
    """Classes that are whole, in `count`, and what they leave of everything."""

    def __init__(self, model: FlowModel, simplex: Simplex, flow: Flow) -> None:
        self.model, self.simplex = model, simplex
        self.near = flow.values[model.x]
        self.count: Floats = np.zeros(len(model.x))
        self.done: Bools = np.zeros(len(model.classes), dtype=bool)
        self.redone_at: Ints = np.full(len(model.classes), -1)
        self.redone_at[model.redone] = np.arange(len(model.redone))
        self.free_s = np.maximum(model.capacity(flow.z), 0.0)
        self.share_s = np.maximum(model.room(flow.z), 0.0)
        self.cores_s, self.group_left = model.cores_s.copy(), model.group_top.copy()
        self.core_s = np.where(model.arcs.kind == 1, model.q.core_s[model.arcs.g], 0.0)
        self.weight = model.arcs.work_s / np.maximum(model.q.capacity_s[model.arcs.n], 1e-12)
        self.weight += 1e-12
        self.first = np.searchsorted(model.g_at, np.arange(len(model.classes) + 1))
        simplex.charge(model.program.cost)
        set_room(simplex, model, flow.z, flow.z)

    def run(self) -> Floats:
        """Batch by batch, until all is whole."""
        for _ in range(_ROUNDS):
            if not solved(self.simplex.solve()):
                break
            self.near = np.maximum(self.simplex.values[self.model.x], 0.0)
            batch = self._next()
            if not len(batch):
                break
            for g in batch.tolist():
                self._make_whole(g)
            self._keep(batch)
        for g in np.flatnonzero(~self.done).tolist():
            self._make_whole(g)
        return self.count

    def _next(self) -> Ints:
        """Classes that are not whole, those that are verified first, then the heaviest."""
        model = self.model
        parts = np.abs(self.near - np.rint(self.near)) > _WHOLE
        weight = np.zeros(len(model.classes))
        np.maximum.at(weight, model.g_at[parts], self.weight[parts])
        weight[self.done] = 0.0
        open_ = np.flatnonzero(weight)
        if (self.redone_at[open_] >= 0).any():
            open_ = open_[self.redone_at[open_] >= 0]
        size = max(_BATCH, len(open_) // _SHARE)
        return open_[np.argsort(-weight[open_], kind="stable")[:size]]

    def _keep(self, batch: Ints) -> None:
        """Have the program keep what these classes do."""
        inside = np.zeros(len(self.done), dtype=bool)
        inside[batch] = True
        at = np.flatnonzero(inside[self.model.g_at])
        self.simplex.bound(self.model.x[at], self.count[at], self.count[at])

    # --- one class -----------------------------------------------------------------------------

    def _make_whole(self, g: int) -> None:
        """Round what a class does, with what is left by those that are whole."""
        at = np.arange(self.first[g], self.first[g + 1])
        kind = self.model.arcs.kind[at]
        self.done[g] = True
        for i in at.tolist():
            self._add(i, min(np.floor(self.near[i] + _WHOLE), self._fit(i)))
        runs, checks = at[kind == 0], at[kind == 1]
        total = np.floor(self.model.total[g] + _WHOLE)
        wanted = min(np.floor(self.near[runs].sum() + _WHOLE), total)
        self._raise(runs, wanted - self.count[runs].sum())
        if self.redone_at[g] >= 0:
            self._verify(g, runs, checks)

    def _add(self, i: int, more: float) -> None:
        """Execute or re-execute more requests of an arc, or fewer."""
        model, n = self.model, self.model.arcs.n[i]
        work = model.arcs.work_s[i] * more
        self.count[i] += more
        self.free_s[n] -= work
        self.share_s[model.k[i]] -= work
        self.cores_s[n] -= self.core_s[i] * more
        if model.group_of[i] >= 0:
            self.group_left[model.group_of[i]] -= more

    def _fit(self, i: int) -> float:
        """How many more requests of an arc fit."""
        model, n = self.model, self.model.arcs.n[i]
        room = min(self.free_s[n], self.share_s[model.k[i]]) + _WHOLE
        most = room / max(model.arcs.work_s[i], 1e-9)
        if self.core_s[i] > 0:
            most = min(most, self.cores_s[n] / self.core_s[i])
        if model.group_of[i] >= 0:
            most = min(most, self.group_left[model.group_of[i]])
        return float(np.floor(max(most, 0.0) + 1e-9))

    def _by_loss(self, at: Ints) -> list[int]:
        """Arcs in order of what rounding has cut off of them."""
        return list(at[np.argsort(self.count[at] - self.near[at], kind="stable")].tolist())

    def _raise(self, at: Ints, missing: float) -> None:
        """Add requests where the most was cut off, one each, then as many as fit."""
        for most in (1.0, np.inf):
            for i in self._by_loss(at):
                if missing < 1:
                    return
                more = min(missing, most, self._fit(i))
                self._add(i, more)
                missing -= more

    # --- re-execution --------------------------------------------------------------------------

    def _verify(self, g: int, runs: Ints, checks: Ints) -> None:
        """Have all that is executed of a class verified apart, or execute less."""
        model, row = self.model, self.redone_at[g]
        while True:
            served = self.count[runs].sum()
            away = model.total[g] - served
            self._part(runs, checks, away)
            asked = np.ceil(model.asked[row] - model.wanted[row] * away - _WHOLE)
            self._raise_apart(runs, checks, asked - self.count[checks].sum(), away)
            if self.count[checks].sum() >= asked or served <= 0:
                return
            self._add(int(runs[np.argmax(self.count[runs])]), -1.0)

    def _spare(self, runs: Ints, checks: Ints, i: int, away: float) -> float:
        """How many more of the class the part of an arc may execute and verify."""
        model = self.model
        both, part = np.concatenate([runs, checks]), model.part_of[i]
        done = self.count[both[model.part_of[both] == part]].sum()
        return float(model.part_top[part] - away - done)

    def _part(self, runs: Ints, checks: Ints, away: float) -> None:
        """Take back verifications of parts that do more than they may."""
        for i in checks.tolist():
            over = np.ceil(-self._spare(runs, checks, i, away) - _WHOLE)
            self._add(i, -min(self.count[i], max(over, 0.0)))

    def _raise_apart(self, runs: Ints, checks: Ints, missing: float, away: float) -> None:
        """Add verifications where they fit and the part may do more."""
        for i in self._by_loss(checks):
            if missing < 1:
                return
            spare = np.floor(self._spare(runs, checks, i, away) + _WHOLE)
            more = min(missing, self._fit(i), max(spare, 0.0))
            self._add(i, more)
            missing -= more
