"""Who could verify what, known before anything is routed: the least it costs, and who must not run.

Independence asks for k verifiers in parts (control groups or nodes) other than the executor's. A
class with fewer than k parts that can verify it cannot run at all; with exactly k, none of them may
execute. With more, any executor will do, as long as the verifiers have the time.
"""

from dataclasses import dataclass

import numpy as np

from placement.compiled import Compiled
from placement.quantities import REEXECUTION, Bools, Floats, Ints, at_most

GROUP, NODE, NO = range(3)
"""Codes of `Quantities.independence`."""


@dataclass(frozen=True)
class Outlook:
    """What verification has in store, by class kind.

    Attributes
    ----------
    price : array
        $ that verifying one executed request costs at least.
    barred : array of bool, shape (rows, nodes)
        Nodes that must not execute.
    row : array of int
        Row of `barred` that holds for each class kind.
    """

    price: Floats
    barred: Bools
    row: Ints

    def allows(self, kind: Ints, n: Ints) -> Bools:
        """Whether requests of each kind may be executed on each node."""
        return ~self.barred[self.row[kind], n]


def outlook(compiled: Compiled, holding: Bools) -> Outlook:
    """What verification has in store where models are held, shape (models, nodes)."""
    q = compiled.quantities
    price, row = np.zeros(len(q.kind_class)), np.zeros(len(q.kind_class), dtype=np.int64)
    barred: list[Bools] = [np.zeros(q.n_nodes, dtype=bool)]
    known: dict[tuple[object, ...], tuple[Ints, float, int]] = {}
    for kind in np.flatnonzero(compiled.verified[q.kind_class]).tolist():
        g = int(q.kind_class[kind])
        key = _situation(compiled, g)
        if key not in known:
            nodes = _verifiers(compiled, g, holding)
            barred.append(_barred(compiled, g, nodes))
            known[key] = nodes, _least(compiled, g, nodes), len(barred) - 1
        nodes, least, row[kind] = known[key]
        redone = q.mode[g] == REEXECUTION
        price[kind] = _least(compiled, g, nodes) if redone else least
    return Outlook(price * compiled.wanted_checks[q.kind_class], np.array(barred), row)


def _situation(compiled: Compiled, g: int) -> tuple[object, ...]:
    """Classes that agree in this have the same verifiers, at the same price but for re-execution.

    The policy has mode, sample, verifiers and core-seconds; the last entry where they may lie.
    """
    q = compiled.quantities
    return int(q.class_model[g]), int(q.class_policy[g]), compiled.verify_kinds[g].tobytes()


def _verifiers(compiled: Compiled, g: int, holding: Bools) -> Ints:
    """The nodes that can do at least one verification of g."""
    q = compiled.quantities
    able = compiled.verify_kinds[g][q.node_kind] & at_most(q.core_s[g], q.cores_s)
    if q.mode[g] == REEXECUTION and q.class_model[g] >= 0:
        able &= holding[q.class_model[g]]
    return np.flatnonzero(able)


def _least(compiled: Compiled, g: int, nodes: Ints) -> float:
    """$ of one verification where it costs least; 0 where there is no verifier at all."""
    costs = compiled.price_checks(np.full(len(nodes), g), nodes).cost
    return float(costs.min()) if len(nodes) else 0.0


def _barred(compiled: Compiled, g: int, nodes: Ints) -> Bools:
    """The nodes that must not execute g, as k verifiers would be missing.

    Where a sample of k > 1 verifications each is rounded up, the rule itself has the last word.
    """
    q = compiled.quantities
    k, kind = int(q.verifiers[g]), int(q.independence[g])
    part = q.node_group if kind == GROUP else np.arange(q.n_nodes)
    parts = np.unique(part[nodes])
    if q.sample[g] < 1 < k and len(parts):
        return np.zeros(q.n_nodes, dtype=bool)
    if len(parts) < k:
        return np.ones(q.n_nodes, dtype=bool)
    return np.isin(part, parts) & (len(parts) == k) & (kind != NO)
