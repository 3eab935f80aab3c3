"""Whole requests from a routing in fractions, or from one that overfills places.

Rounded down first, as far as every place has the time; what is left goes the cheapest way that has
room. Where there is none, requests push out others that are worth less.
"""

import time
from dataclasses import dataclass

import numpy as np

from placement.methods.lanes import Lanes
from placement.quantities import Floats, Ints, at_most, whole_down, whole_up

_SNAP = 1e-6
"""A fraction this close below a whole number is one."""
_MOST = 1e15


@dataclass(frozen=True)
class Reserve:
    """What is kept for re-executions.

    Attributes
    ----------
    site_s, node_s : array
        Accelerator-seconds of sites and nodes.
    most : array of int
        Requests of each kind that can be verified with that.
    """

    site_s: Floats
    node_s: Floats
    most: Ints


def whole_flow(
    lanes: Lanes,
    target: Floats | Ints,
    reserve: Reserve | None = None,
    deadline: float = np.inf,
) -> Ints:
    """Whole requests on each lane, near the target, that keep shares, capacities and group caps.

    Requests that must be served may use up the reserve.

    Parameters
    ----------
    lanes : Lanes
    target : array
        Requests wished for on each lane, at most as many of a kind as there are.
    reserve : Reserve or None
        What to leave to re-executions.
    deadline : float
        When to stop improving, on the clock of `time.monotonic`; requests that need not be served
        may be left out then.
    """
    books = _Books(lanes)
    if reserve is not None:
        books.keep(reserve)
    books.admit(whole_down(np.asarray(target) + _SNAP))
    order = np.lexsort((-books.worth, ~lanes.must))
    books.fill(order)
    if reserve is not None and books.left[lanes.must].any():
        books.release(reserve)
    for kind in order[books.left[order] > 0].tolist():
        if lanes.must[kind] or time.monotonic() < deadline:
            books.push(kind)
    books.fill(order)
    return books.flow


class _Books:
    """What is left of sites, nodes, groups and requests."""

    def __init__(self, lanes: Lanes) -> None:
        self.lanes = lanes
        self.site_s, self.node_s = lanes.site_s.copy(), lanes.node_s.copy()
        self.group_left = lanes.group_most.copy()
        self.left = lanes.count.copy()
        self.flow: Ints = np.zeros(len(lanes), dtype=np.int64)
        self.saved = lanes.penalty[lanes.kind] - lanes.cost - lanes.check
        """$ that a request on each lane saves."""
        self.gain = self.saved / np.maximum(lanes.work_s, 1e-12)
        """$ that a second on each lane saves."""
        self.by_node = np.argsort(lanes.n, kind="stable")
        self.node_start = np.searchsorted(lanes.n[self.by_node], np.arange(len(self.node_s) + 1))
        self.worth = np.full(len(self.left), -np.inf)
        np.maximum.at(self.worth, lanes.kind, self.gain)

    def keep(self, reserve: Reserve) -> None:
        """Set the reserve aside, and requests that could not be verified with it."""
        self.site_s = self.site_s - reserve.site_s
        self.node_s = self.node_s - reserve.node_s
        self.left = np.minimum(self.left, reserve.most)

    def release(self, reserve: Reserve) -> None:
        """Give up the reserve, and serve all that must be served."""
        self.site_s = self.site_s + reserve.site_s
        self.node_s = self.node_s + reserve.node_s
        must = self.lanes.must
        self.left[must] += (self.lanes.count - reserve.most)[must]

    def admit(self, want: Ints) -> None:
        """Take over as much of a flow as fits, what is worth most first."""
        lanes = self.lanes
        order = np.argsort(-self.gain, kind="stable")
        count = _clip(order, lanes.site, want, lanes.work_s, self.site_s)
        count = _clip(order, lanes.n, count, lanes.work_s, self.node_s)
        count = _clip(order, lanes.group, count, np.ones(len(lanes)), self.group_left)
        work = lanes.work_s * count
        self.flow += count
        self.left -= np.bincount(lanes.kind, count, len(self.left)).astype(np.int64)
        self.site_s -= np.bincount(lanes.site, work, len(self.site_s))
        self.node_s -= np.bincount(lanes.n, work, len(self.node_s))
        used = np.bincount(lanes.group, count, len(self.group_left))
        self.group_left -= used.astype(np.int64)

    def fill(self, order: Ints) -> None:
        """Send what is left of each kind its cheapest way with room, where that saves."""
        for kind in order[self.left[order] > 0].tolist():
            for row in self._open(self.lanes.ways(kind)):
                self._take(row, min(int(self.left[kind]), self._room(row)))
                if not self.left[kind]:
                    break

    def push(self, kind: int) -> None:
        """Send what is left of a kind its cheapest way, pushing out what is worth less."""
        for row in self.lanes.ways(kind).tolist():
            while self.left[kind] and (self._room(row) or self._make_room(row)):
                self._take(row, min(int(self.left[kind]), self._room(row)))

    def _open(self, rows: Ints) -> list[int]:
        """Those lanes that have room for at least one more request."""
        lanes = self.lanes
        seconds = np.minimum(self.site_s[lanes.site[rows]], self.node_s[lanes.n[rows]])
        able = at_most(lanes.work_s[rows], seconds) & (self.group_left[lanes.group[rows]] > 0)
        ways: list[int] = rows[able].tolist()
        return ways

    def _room(self, row: int) -> int:
        """How many more requests a lane takes."""
        lanes, work = self.lanes, self.lanes.work_s[row]
        seconds = min(self.site_s[lanes.site[row]], self.node_s[lanes.n[row]])
        pieces = max(0.0, min(seconds / work, _MOST)) if work > 0 else _MOST
        return min(int(whole_down(pieces)), int(self.group_left[lanes.group[row]]))

    def _take(self, row: int, count: int) -> None:
        """Send more requests along a lane; a negative count takes some back."""
        lanes, work = self.lanes, self.lanes.work_s[row] * count
        self.flow[row] += count
        self.left[lanes.kind[row]] -= count
        self.site_s[lanes.site[row]] -= work
        self.node_s[lanes.n[row]] -= work
        self.group_left[lanes.group[row]] -= count

    def _make_room(self, row: int) -> bool:
        """Take back requests for one more on a lane, if they are worth less."""
        lanes = self.lanes
        site, n, group = lanes.site[row], lanes.n[row], lanes.group[row]
        if self.group_left[group] < 1:
            if not lanes.must[lanes.kind[row]]:
                return False
            rivals, need = np.flatnonzero(lanes.group == group), 1.0
            size = np.ones(len(rivals))
        else:
            rivals = self.by_node[self.node_start[n] : self.node_start[n + 1]]
            if self.site_s[site] < lanes.work_s[row]:
                rivals = rivals[lanes.site[rivals] == site]
            size = lanes.work_s[rivals]
            need = float(lanes.work_s[row] - min(self.site_s[site], self.node_s[n]))
        able = (self.flow[rivals] > 0) & np.isfinite(self.saved[rivals]) & (size > 0)
        rivals, size = rivals[able], size[able]
        order = np.argsort(self.saved[rivals] / size, kind="stable")
        rivals, size = rivals[order], size[order]
        freed = size * self.flow[rivals]
        short = np.clip(need - (np.cumsum(freed) - freed), 0.0, freed)
        back = whole_up(short / size)
        if freed.sum() < need * (1 - 1e-9) or back @ self.saved[rivals] >= self.saved[row]:
            return False
        for rival, count in zip(rivals.tolist(), back.tolist(), strict=True):
            self._take(rival, -count)
        return self._room(row) > 0


def _clip(order: Ints, place: Ints, count: Ints, work_s: Floats, limit: Floats | Ints) -> Ints:
    """The counts cut down, last in the order first, where they overfill their place."""
    full = ~at_most(np.bincount(place, work_s * count, len(limit)), limit)
    rows = order[full[place[order]]]
    if not len(rows):
        return count
    rows = rows[np.argsort(place[rows], kind="stable")]
    used = work_s[rows] * count[rows]
    before = np.cumsum(used) - used
    starts = np.flatnonzero(np.diff(place[rows], prepend=-1))
    before -= np.repeat(before[starts], np.diff(starts, append=len(rows)))
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(used > 0, (limit[place[rows]] - before) / work_s[rows], _MOST)
    count = count.copy()
    count[rows] = np.minimum(count[rows], whole_down(np.clip(room, 0.0, _MOST)))
    return count
