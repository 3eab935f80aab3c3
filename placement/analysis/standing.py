"""What a plan still serves when something happens and nothing is solved again.

Every node goes on with its share of each class. Where that is more than it can do, it turns the
same part of everything away; where verifications are lost, so are the requests that need them. The
amounts are means, not whole requests.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from placement.instance import Instance
from placement.quantities import Floats, Ints, Quantities
from placement.solution import Solution, to_placement


@dataclass(frozen=True)
class Lost:
    """What goes unserved without each of some parties.

    Attributes
    ----------
    requests : array over parties
    penalty : array over parties
        $ for those of them that have a penalty.
    owed : array over parties
        Those of them that must be served.
    """

    requests: Floats
    penalty: Floats
    owed: Floats

    def of(self, party: int) -> tuple[float, float, float]:
        """Requests, penalty and owed of one party."""
        return float(self.requests[party]), float(self.penalty[party]), float(self.owed[party])


class Standing:
    """A plan in a changed instance, as it stands.

    Parameters
    ----------
    instance : Instance
        With the nodes, models and classes that the plan was made for; counts and speeds may differ.
    solution : Solution
        The plan.
    planned : array over classes
        The counts that it was made for.
    """

    def __init__(self, instance: Instance, solution: Solution, planned: Ints) -> None:
        self.q = q = Quantities(instance)
        self.p = p = to_placement(q, solution)
        grown = q.count / planned
        self.runs: Floats = p.run_count * grown[p.run_g]
        self.checks: Floats = p.verify_count * grown[p.verify_g]
        self.needed = q.verifiers * q.sample
        run_part, check_part = self._kept()
        self.runs = self.runs * run_part
        self.checks = self.checks * check_part

    def _kept(self) -> tuple[Floats, Floats]:
        """The part of its executions and verifications that each row keeps up."""
        q, p = self.q, self.p
        work = q.work_s(p.run_g, p.run_n) * self.runs
        again = q.reexecution_work_s(p.verify_g, p.verify_n) * self.checks
        cores = np.where(q.mode[p.verify_g] > 0, q.core_s[p.verify_g], 0.0) * self.checks
        busy = np.bincount(p.run_n, work, q.n_nodes) + np.bincount(p.verify_n, again, q.n_nodes)
        asked = np.bincount(p.verify_n, cores, q.n_nodes)
        share = np.zeros((q.n_models + 1, q.n_nodes))
        np.add.at(share, (q.class_model[p.run_g], p.run_n), work)
        np.add.at(share, (q.class_model[p.verify_g], p.verify_n), again)
        offered = np.full_like(share, np.inf)
        offered[: q.n_models] = 0.0
        at = p.replica_m, p.replica_n
        offered[at] = q.replica_s(*at) * p.replica_count
        node, replica = _part(q.capacity_s, busy), _part(offered, share)
        core = _part(q.cores_s, asked)
        runs = np.minimum(node[p.run_n], replica[q.class_model[p.run_g], p.run_n])
        rerun = np.minimum(node[p.verify_n], replica[q.class_model[p.verify_g], p.verify_n])
        checks = np.minimum(np.where(again > 0, rerun, 1.0), core[p.verify_n])
        return np.where(q.can_run(p.run_g, p.run_n), runs, 0.0), checks

    @cached_property
    def served(self) -> Floats:
        """Requests of each class that are executed, and verified as they should be."""
        q, p = self.q, self.p
        executed = np.bincount(p.run_g, self.runs, q.n_classes)
        verified = np.bincount(p.verify_g, self.checks, q.n_classes)
        return self._both(np.arange(q.n_classes), executed, verified)

    def _both(self, g: Ints, executed: npt.ArrayLike, verified: npt.ArrayLike) -> Floats:
        """Requests of classes g that are executed and have their verifications."""
        need = self.needed[g]
        allowed = np.full(len(g), np.inf)
        np.divide(verified, need, out=allowed, where=need > 0)
        return np.asarray(np.minimum(executed, allowed))

    def missing(self) -> Lost:
        """What goes unserved of the whole demand, as for one party."""
        q = self.q
        g = np.arange(q.n_classes)
        return self._lost(g, q.count - self.served, np.zeros_like(g), 1)

    def without(self, party: Ints, parties: int) -> Lost:
        """What else goes unserved without each party; `party` is that of each node, -1 for none."""
        q, p = self.q, self.p
        g, n = np.concatenate([p.run_g, p.verify_g]), np.concatenate([p.run_n, p.verify_n])
        key, at = np.unique(g * (parties + 1) + party[n] + 1, return_inverse=True)
        runs, checks = np.split(at.reshape(-1), [len(p.run_g)])
        g, of = key // (parties + 1), key % (parties + 1) - 1
        executed = np.bincount(p.run_g, self.runs, q.n_classes)[g]
        verified = np.bincount(p.verify_g, self.checks, q.n_classes)[g]
        left = self._both(
            g,
            executed - np.bincount(runs, self.runs, len(key)),
            verified - np.bincount(checks, self.checks, len(key)),
        )
        mine = of >= 0
        return self._lost(g[mine], (self.served[g] - left)[mine], of[mine], parties)

    def _lost(self, g: Ints, requests: Floats, of: Ints, parties: int) -> Lost:
        priced = np.isfinite(self.q.penalty[g])
        penalty = np.where(priced, self.q.penalty[g], 0.0)
        columns = (requests, requests * penalty, np.where(priced, 0.0, requests))
        return Lost(*(np.bincount(of, x, parties).clip(min=0.0).astype(float) for x in columns))


def _part(offered: Floats, asked: npt.NDArray[Any]) -> Floats:
    """The part of what is asked for that can be done, at most all."""
    full = np.ones_like(asked, dtype=float)
    np.divide(offered, asked, out=full, where=asked > 0)
    return np.asarray(np.minimum(full, 1.0))
