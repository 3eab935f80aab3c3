"""What an empty network offers, or a placement leaves: time, memory, cores, shares, limits."""

from dataclasses import dataclass

import numpy as np

from placement.compiled import Compiled
from placement.quantities import Bools, Floats, Ints, Quantities, whole_down
from placement.solution import Placement

TOLERANCE = 1e-6
"""Sums may exceed their limits by this much, relative, and still be allowed."""


def lenient(limit: Floats | float) -> Floats:
    """The most that still counts as within a limit."""
    return np.asarray(limit + TOLERANCE * np.maximum(1.0, limit))


def strict(demand: Floats | Ints | float) -> Floats:
    """The least that still counts as meeting a demand."""
    return np.asarray(demand - TOLERANCE * np.maximum(1.0, demand))


@dataclass
class Rooms:
    """What there is to give.

    Attributes
    ----------
    capacity_s, cores_s, memory_gb : array over nodes
        Accelerator-seconds, core-seconds, GB.
    group_left : array over control groups
        Requests each may execute.
    new_left, transfer_left : float
        New replicas, GB that may be moved.
    replica_m, replica_n, replica_room_s : arrays
        Replicas there are, by model and node, and the accelerator-seconds they have left.
    kept_m, kept_n : arrays of int
        Where a replica can be had without loading: it is in memory now and not counted above.
    stored : array of bool, shape (models, nodes)
        Where weights need not be moved to.
    engaged : array of bool
        Nodes that are paid for already.
    used : bool
        Whether this is what a placement leaves, not what the empty network offers.
    """

    compiled: Compiled
    capacity_s: Floats
    cores_s: Floats
    memory_gb: Floats
    group_left: Floats
    new_left: float
    transfer_left: float
    replica_m: Ints
    replica_n: Ints
    replica_room_s: Floats
    kept_m: Ints
    kept_n: Ints
    stored: Bools
    engaged: Bools
    used: bool

    @property
    def q(self) -> Quantities:
        """The columns of the instance."""
        return self.compiled.quantities


def empty_rooms(compiled: Compiled) -> Rooms:
    """The network before anything is decided; limits are read with the tolerance allowed."""
    q = compiled.quantities
    limits = q.instance.limits
    most_new, most_moved = limits.max_new_replicas, limits.max_transfer_gb
    none = np.zeros(0, dtype=np.int64)
    kept_m, kept_n = np.nonzero(q.loaded)
    return Rooms(
        compiled,
        capacity_s=lenient(q.capacity_s),
        cores_s=lenient(q.cores_s),
        memory_gb=lenient(q.memory_gb),
        group_left=whole_down(lenient(q.max_share * q.total_count)).astype(float),
        new_left=np.inf if most_new is None else most_new,
        transfer_left=np.inf if most_moved is None else float(lenient(most_moved)),
        replica_m=none,
        replica_n=none,
        replica_room_s=np.zeros(0),
        kept_m=kept_m,
        kept_n=kept_n,
        stored=q.hosted & q.hosts,
        engaged=np.zeros(q.n_nodes, dtype=bool),
        used=False,
    )


def left_rooms(compiled: Compiled, p: Placement) -> Rooms:
    """What a placement leaves of the network."""
    q = compiled.quantities
    capacity = np.maximum(q.capacity_s - _busy_s(q, p), 0.0)
    cores = _sums(p.verify_n, q.core_s[p.verify_g] * p.verify_count, q.n_nodes)
    taken = _sums(p.replica_n, q.replica_gb[p.replica_m] * p.replica_count, q.n_nodes)
    memory = q.memory_gb - taken
    executed = _sums(q.node_group[p.run_n], p.run_count, q.n_groups)
    kept_m, kept_n = _dropped(q, p, memory)
    stored, moved = _stored(q, p)
    engaged = np.zeros(q.n_nodes, dtype=bool)
    for n in (p.replica_n, p.run_n, p.verify_n):
        engaged[n] = True
    limits = q.instance.limits
    most_new, most_moved = limits.max_new_replicas, limits.max_transfer_gb
    return Rooms(
        compiled,
        capacity_s=capacity,
        cores_s=np.maximum(q.cores_s - cores, 0.0),
        memory_gb=memory,
        group_left=whole_down(q.max_share * q.total_count) - executed,
        new_left=np.inf if most_new is None else most_new - int(p.load_count.sum()),
        transfer_left=np.inf if most_moved is None else max(0.0, most_moved - moved),
        replica_m=p.replica_m,
        replica_n=p.replica_n,
        replica_room_s=np.minimum(_replica_rooms_s(q, p), capacity[p.replica_n]),
        kept_m=kept_m,
        kept_n=kept_n,
        stored=stored,
        engaged=engaged,
        used=True,
    )


def _sums(at: Ints, amount: Floats | Ints, size: int) -> Floats:
    return np.bincount(at, amount, size).astype(float)


def _work_s(q: Quantities, p: Placement) -> tuple[Ints, Ints, Floats]:
    """Class, node and accelerator-seconds of all that is executed or re-executed."""
    run_s = q.work_s(p.run_g, p.run_n) * p.run_count
    check_s = q.reexecution_work_s(p.verify_g, p.verify_n) * p.verify_count
    g, n = np.concatenate([p.run_g, p.verify_g]), np.concatenate([p.run_n, p.verify_n])
    return g, n, np.concatenate([run_s, check_s])


def _busy_s(q: Quantities, p: Placement) -> Floats:
    _, n, work = _work_s(q, p)
    load_s = q.load_s(p.load_m, p.load_n) * p.load_count
    return np.asarray(_sums(n, work, q.n_nodes) + _sums(p.load_n, load_s, q.n_nodes))


def _replica_rooms_s(q: Quantities, p: Placement) -> Floats:
    """Accelerator-seconds that the replicas of each row have left."""
    g, n, work = _work_s(q, p)
    model = q.class_model[g]
    used = _sums((model * q.n_nodes + n)[model >= 0], work[model >= 0], q.n_models * q.n_nodes)
    offered = q.replica_s(p.replica_m, p.replica_n) * p.replica_count
    return np.asarray(np.maximum(offered - used[p.replica_m * q.n_nodes + p.replica_n], 0.0))


def _dropped(q: Quantities, p: Placement, memory_gb: Floats) -> tuple[Ints, Ints]:
    """Where a replica is in memory now, is not kept, and still would fit."""
    replicas = np.zeros((q.n_models, q.n_nodes), dtype=np.int64)
    replicas[p.replica_m, p.replica_n] = p.replica_count
    m, n = np.nonzero(q.loaded > replicas)
    fits = q.replica_gb[m] <= lenient(memory_gb[n])
    return m[fits], n[fits]


def _stored(q: Quantities, p: Placement) -> tuple[Bools, float]:
    """Where weights are, before or after, and the GB moved."""
    stored = q.hosted & q.hosts
    fresh = ~stored[p.host_m, p.host_n]
    remote = p.load_s != p.load_n
    moved = q.weights_gb[p.host_m] @ fresh + (q.weights_gb[p.load_m] * p.load_count) @ remote
    stored[p.host_m, p.host_n] = True
    return stored, float(moved)
