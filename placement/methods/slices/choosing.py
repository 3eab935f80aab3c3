"""Which nodes go into a slice: one that loses money, and others that could trade with it.

What a placement costs beyond the bound that prices prove is a sum over nodes: what a node could
earn at the prices less what it does earn.
"""

import numpy as np

from placement.methods.completion import Completion
from placement.methods.slices.plan import Plan
from placement.quantities import Floats, Ints

_SPREAD = 0.1
"""Share of the choice that is the same for every node."""
_LESS = 0.5
"""A node whose slice gave nothing is so much less likely."""
_BACK = 0.02
"""Of what it has lost a node regains this share with every round."""


class Chooser:
    """Draws the nodes of slices."""

    def __init__(self, plan: Plan, completion: Completion, rng: np.random.Generator) -> None:
        self.plan, self.q = plan, plan.q
        self.prices, self.rent = completion.prices, completion.rent
        self.rng = rng
        self.trust: Floats = np.ones(self.q.n_nodes)
        useful = (plan.compiled.max_replicas > 0).any(axis=0)
        self.useful = useful

    def losses(self) -> Floats:
        """$ that each node could earn at the prices, less what it earns."""
        plan, prices, flows = self.plan, self.prices, self.plan.flows
        checks = plan.compiled.wanted_checks * prices.verification
        worth = np.where(plan.redone, prices.demand, prices.demand + checks)
        value = np.where(flows.kind == 0, worth[flows.g], prices.verification[flows.g])
        earned = np.bincount(flows.n, (value - flows.cost) * flows.count, self.q.n_nodes)
        return np.asarray(np.maximum(self.rent, 0.0) - (earned - plan.fixed_cost()))

    def draw(self, size: int) -> Ints:
        """The nodes of a slice, in increasing order."""
        loss = np.where(self.useful, np.maximum(self.losses(), 0.0), 0.0)
        weight = loss * self.trust + _SPREAD * loss.mean() * self.useful + 1e-12 * self.useful
        if not weight.any():
            weight = np.ones_like(weight)
        seed = int(self.rng.choice(len(weight), p=weight / weight.sum()))
        kin = self._kinship(seed) * (weight + weight.mean())
        kin[seed] = 0.0
        most = min(size - 1, int(np.count_nonzero(kin)))
        if most == 0:
            return np.array([seed])
        others = self.rng.choice(len(kin), most, replace=False, p=kin / kin.sum())
        return np.sort(np.append(others, seed))

    def _kinship(self, seed: int) -> Floats:
        """How much of each other's work two nodes could do."""
        plan, q, flows = self.plan, self.q, self.plan.flows
        able = plan.compiled.run_kinds
        mine = flows.take((flows.n == seed) & (flows.kind == 0))
        takes = (mine.work_s * mine.count) @ able[mine.g]
        takes = takes[q.node_kind] / max(q.capacity_s[seed], 1e-9)
        could = able[flows.g, q.node_kind[seed]] & (flows.kind == 0)
        work = np.bincount(flows.n, could * flows.work_s * flows.count, q.n_nodes)
        gives = work / np.maximum(q.capacity_s, 1e-9)
        mates = plan.replicas[plan.replicas[:, seed] > 0] > 0
        shared = np.minimum(mates.sum(axis=0), 3) / 3.0
        return np.asarray(self.useful * (takes + gives + 2.0 * shared + 0.01) ** 2)

    def told(self, nodes: Ints, *, better: bool) -> None:
        """Take note of what a slice gave."""
        self.trust += _BACK * (1.0 - self.trust)
        self.trust[nodes] = 1.0 if better else self.trust[nodes] * _LESS
