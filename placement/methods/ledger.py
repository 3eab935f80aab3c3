"""A placement under construction, with what is left of every capacity.

Constructive methods build on one ledger; it never lets a capacity be overdrawn.
"""

from itertools import chain

import numpy as np

from placement.assembly import Counts, assemble
from placement.compiled import Compiled
from placement.quantities import REEXECUTION, Bools, Floats, Ints, whole_down
from placement.solution import Placement

_SLACK = 1e-9


class Ledger:
    """Mutable books of one placement.

    Attributes
    ----------
    left : array of int
        Requests of each class neither executed nor turned away.
    capacity_s, memory_gb, cores_s : array
        What is left on each node.
    storage_gb : array
        Storage left on each node.
    share_s : array, shape (models, nodes)
        What is left of the accelerator-seconds that the replicas of a model offer on a node.
    replicas : array of int, shape (models, nodes)
        Replicas, those that stay and new ones.
    hosting : array of bool, shape (models, nodes)
        Who stores what.
    group_left : array
        Requests that each control group may still execute.
    new_left, transfer_left : float
        What the limits still allow: new replicas, GB moved.
    """

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self.q = q = compiled.quantities
        self.left = q.count.copy()
        self.capacity_s = q.capacity_s.copy()
        self.memory_gb = q.memory_gb.copy()
        self.cores_s = q.cores_s.copy()
        self.storage_gb = q.storage_gb.copy()
        self.share_s: Floats = np.zeros((q.n_models, q.n_nodes))
        self.replicas: Ints = np.zeros((q.n_models, q.n_nodes), dtype=np.int64)
        self.hosting = np.zeros((q.n_models, q.n_nodes), dtype=bool)
        self.group_left = np.asarray(whole_down(q.max_share * q.total_count))
        limits = q.instance.limits
        self.new_left = np.inf if limits.max_new_replicas is None else limits.max_new_replicas
        self.transfer_left = np.inf if limits.max_transfer_gb is None else limits.max_transfer_gb
        self.executed: dict[tuple[int, int], int] = {}
        self.checked: dict[tuple[int, int], int] = {}

    # --- hosting and replicas ------------------------------------------------------------------

    def host(self, m: int, n: int) -> None:
        """Store the weights of m on n."""
        if self.hosting[m, n]:
            return
        self.hosting[m, n] = True
        self.storage_gb[n] -= self.q.weights_gb[m]
        if not self.q.hosted[m, n]:
            self.transfer_left -= self.q.weights_gb[m]

    def can_host(self, m: int, n: int) -> bool:
        """Whether n has the room, and the limits the GB, to store m."""
        q = self.q
        if self.hosting[m, n]:
            return True
        size = q.weights_gb[m]
        fresh = 0.0 if q.hosted[m, n] else size
        roomy = size <= self.storage_gb[n] + _SLACK * q.storage_gb[n]
        return bool(q.hosts[n] and roomy and fresh <= self.transfer_left + _SLACK)

    def can_open(self, m: int, n: int) -> bool:
        """Whether one more replica of m fits on n, with its load and within the limits."""
        q = self.q
        if self.replicas[m, n] >= self.compiled.max_replicas[m, n]:
            return False
        if q.replica_gb[m] > self.memory_gb[n] + _SLACK * q.memory_gb[n]:
            return False
        if self.replicas[m, n] < q.loaded[m, n]:
            return True
        moved = 0.0 if self.hosting[m, n] else q.weights_gb[m]
        return bool(
            self.hosting[m].any()
            and float(q.load_s(m, n)) <= self.capacity_s[n]
            and self.new_left >= 1
            and moved <= self.transfer_left + _SLACK
        )

    def openable(self, m: int, n: Ints) -> Bools:
        """`can_open` for m on each of the nodes n."""
        q = self.q
        able: Bools = self.replicas[m, n] < self.compiled.max_replicas[m, n]
        able &= q.replica_gb[m] <= self.memory_gb[n] + _SLACK * q.memory_gb[n]
        kept = self.replicas[m, n] < q.loaded[m, n]
        if not self.hosting[m].any() or self.new_left < 1:
            return np.asarray(able & kept)
        moved = np.where(self.hosting[m, n], 0.0, q.weights_gb[m])
        fresh = q.load_s(m, n) <= self.capacity_s[n]
        return np.asarray(able & (kept | (fresh & (moved <= self.transfer_left + _SLACK))))

    def open(self, m: int, n: int) -> None:
        """Add one replica of m on n; a loaded one if there is one left, else a new one."""
        q = self.q
        if self.replicas[m, n] >= q.loaded[m, n]:
            self.capacity_s[n] -= float(q.load_s(m, n))
            self.new_left -= 1
            self.transfer_left -= 0.0 if self.hosting[m, n] else q.weights_gb[m]
        self.replicas[m, n] += 1
        self.memory_gb[n] -= q.replica_gb[m]
        self.share_s[m, n] += float(q.replica_s(m, n))

    def clear(self, n: int) -> None:
        """Take back all that n executes, and its replicas; what it verifies must be nothing."""
        q = self.q
        for g, count in [(g, c) for (g, at), c in self.executed.items() if at == n and c]:
            self.execute(g, n, -count)
        for m in np.flatnonzero(self.replicas[:, n]).tolist():
            new = max(0, int(self.replicas[m, n] - q.loaded[m, n]))
            self.capacity_s[n] += new * float(q.load_s(m, n))
            self.new_left += new
            self.transfer_left += 0.0 if self.hosting[m, n] else new * q.weights_gb[m]
            self.memory_gb[n] += self.replicas[m, n] * q.replica_gb[m]
            self.replicas[m, n] = 0
            self.share_s[m, n] = 0.0

    # --- requests ------------------------------------------------------------------------------

    def room(self, g: Ints, n: Ints) -> Ints:
        """How many more requests of each class g each node n could execute now."""
        q = self.q
        work = q.work_s(g, n)
        return np.minimum(self._room_for(g, n, work), self.group_left[q.node_group[n]])

    def check_room(self, g: Ints, n: Ints) -> Ints:
        """How many more verifications of g node n could do now, independence aside."""
        q = self.q
        room = self._room_for(g, n, q.reexecution_work_s(g, n), replica_needed=False)
        core = q.core_s[g]
        with np.errstate(divide="ignore", invalid="ignore"):
            by_cores = np.where(core > 0, self.cores_s[n] / core, np.inf)
        return np.minimum(room, _whole(by_cores))

    def _room_for(self, g: Ints, n: Ints, work: Floats, *, replica_needed: bool = True) -> Ints:
        q = self.q
        m = q.class_model[g]
        seconds = self.capacity_s[n]
        if q.n_models:
            share = np.where(m >= 0, self.share_s[m, n], np.inf)
            held = (m < 0) | (self.replicas[m, n] > 0) | (not replica_needed)
            seconds = np.minimum(seconds, np.where(held, share, 0.0))
        else:
            held = np.ones(np.shape(seconds), dtype=bool)
        with np.errstate(divide="ignore", invalid="ignore"):
            room = np.where(work > 0, seconds / work, np.where(held, np.inf, 0.0))
        return _whole(room)

    def execute(self, g: int, n: int, count: int) -> None:
        """Execute `count` more requests of g on n; a negative count takes some back."""
        if count == 0:
            return
        key = (g, n)
        self.executed[key] = self.executed.get(key, 0) + count
        self.left[g] -= count
        self.group_left[self.q.node_group[n]] -= count
        self._spend(g, n, float(self.q.work_s(g, n)) * count)

    def execute_many(self, g: int, n: Ints, count: Ints) -> None:
        """Execute `count` more requests of g on each of the distinct nodes n."""
        q = self.q
        n, count = n[count != 0], count[count != 0]
        for node, number in zip(n.tolist(), count.tolist(), strict=True):
            key = (g, node)
            self.executed[key] = self.executed.get(key, 0) + number
        self.left[g] -= count.sum()
        np.subtract.at(self.group_left, q.node_group[n], count)
        seconds = q.work_s(g, n) * count
        self.capacity_s[n] -= seconds
        m = int(q.class_model[g])
        if m >= 0:
            self.share_s[m, n] -= seconds

    def check(self, g: int, n: int, count: int) -> None:
        """Do `count` more verifications of g on n; a negative count takes some back."""
        if count == 0:
            return
        key = (g, n)
        self.checked[key] = self.checked.get(key, 0) + count
        self.cores_s[n] -= self.q.core_s[g] * count
        if self.q.mode[g] == REEXECUTION:
            self._spend(g, n, float(self.q.reexecution_work_s(g, n)) * count)

    def _spend(self, g: int, n: int, seconds: float) -> None:
        self.capacity_s[n] -= seconds
        m = int(self.q.class_model[g])
        if m >= 0:
            self.share_s[m, n] -= seconds

    # --- the result ----------------------------------------------------------------------------

    def placement(self) -> Placement:
        """The decisions; what is left is turned away, replicas without use are dropped.

        Sources of loads are the hosts from which reading costs least.
        """
        return assemble(
            self.compiled,
            self.hosting,
            self.replicas,
            runs=self.runs(),
            checks=self.checks(),
            unserved=self.left,
        )

    def runs(self) -> Counts:
        """Rows (class, node, count) of the requests executed."""
        return _columns(self.executed)

    def checks(self) -> Counts:
        """Rows (class, node, count) of the verifications done."""
        return _columns(self.checked)


def _whole(amount: Floats) -> Ints:
    return np.maximum(whole_down(np.minimum(amount, 1e15)), 0)


def _columns(counts: dict[tuple[int, int], int]) -> Counts:
    size = len(counts)
    keys = np.fromiter(chain.from_iterable(counts), np.int64, 2 * size).reshape(size, 2)
    amount = np.fromiter(counts.values(), np.int64, size)
    kept = amount != 0
    return keys[kept, 0], keys[kept, 1], amount[kept]
