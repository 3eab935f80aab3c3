"""How busy nodes are: by region and type, one by one, and what keeps the others idle."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from placement.analysis.idle import IDLE
from placement.certificate import lower_bound
from placement.evaluation import Evaluation, evaluate_placement, node_charges
from placement.instance import Instance
from placement.prices import Prices
from placement.quantities import Floats, Ints, Quantities
from placement.solution import Placement, Solution, to_placement

NOWHERE = "-"
HARDLY = 0.005
"""Less of its time than this is no idleness to be explained."""


@dataclass(frozen=True)
class Fleet:
    """A plan seen node by node.

    Raises
    ------
    InvalidSolution
        If the solution names what is not in the instance.
    """

    instance: Instance
    solution: Solution

    @cached_property
    def quantities(self) -> Quantities:
        """The instance by columns."""
        return Quantities(self.instance)

    @cached_property
    def placement(self) -> Placement:
        """The plan as arrays."""
        return to_placement(self.quantities, self.solution)

    @cached_property
    def verdict(self) -> Evaluation:
        """What the judge says of it."""
        return evaluate_placement(self.quantities, self.placement)

    @cached_property
    def certified(self) -> float | None:
        """$ that no plan goes below by the plan's certificate; None where it proves nothing."""
        if not self.solution.certificate:
            return None
        prices = Prices.from_document(self.quantities, self.solution.certificate)
        bound = lower_bound(self.quantities, prices)
        return bound if np.isfinite(bound) else None

    @cached_property
    def total_s(self) -> Floats:
        """Accelerator-seconds of each node."""
        return np.asarray(self.quantities.accelerators * self.quantities.window_s)

    @cached_property
    def idle_s(self) -> Floats:
        """Those that are neither used nor in reserve."""
        return np.maximum(self.quantities.capacity_s - self.verdict.loads.busy_s, 0.0)

    @cached_property
    def used(self) -> Floats:
        """Share of the time that may be used, nan without accelerators."""
        able = self.quantities.capacity_s
        shares = np.full(len(able), np.nan)
        np.divide(self.verdict.loads.busy_s, able, out=shares, where=able > 0)
        return np.asarray(np.minimum(shares, 1.0))

    @cached_property
    def revenue(self) -> Floats:
        """$ that each node charges."""
        charges = node_charges(self.quantities, self.placement, self.verdict.loads)
        return np.asarray(sum(charges.values()), dtype=float)

    @cached_property
    def executed(self) -> Ints:
        """Requests executed on each node."""
        p = self.placement
        return np.bincount(p.run_n, p.run_count, self.quantities.n_nodes).astype(np.int64)

    @cached_property
    def verified(self) -> Ints:
        """Verifications done on each node."""
        p = self.placement
        return np.bincount(p.verify_n, p.verify_count, self.quantities.n_nodes).astype(np.int64)

    def labels(self, of: str) -> tuple[str, ...]:
        """Region, accelerator or operator of each node."""
        return tuple(getattr(node, of) or NOWHERE for node in self.instance.nodes)

    def shares(self) -> tuple[list[str], list[str], list[list[float | None]]]:
        """Regions, accelerator types, and how busy the nodes of both are; None without any."""
        able = np.flatnonzero(self.quantities.capacity_s > 0)
        regions, row = np.unique(np.array(self.labels("region"))[able], return_inverse=True)
        types, column = np.unique(np.array(self.labels("accelerator"))[able], return_inverse=True)
        busy, there = (np.zeros((len(regions), len(types))) for _ in range(2))
        np.add.at(busy, (row, column), self.verdict.loads.busy_s[able])
        np.add.at(there, (row, column), self.quantities.capacity_s[able])
        return regions.tolist(), types.tolist(), [
            [min(1.0, b / a) if a > 0 else None for b, a in zip(*pair, strict=True)]
            for pair in zip(busy.tolist(), there.tolist(), strict=True)
        ]  # fmt: skip

    def reasons(self, hours: Floats | None) -> list[str]:
        """What most of each node's idle time is owed to, by the hours of an `IdleAccount`.

        Empty for nodes that are hardly ever idle.
        """
        if hours is None:
            return [""] * self.quantities.n_nodes
        idle = hours[:, -len(IDLE) :]
        most = idle.argmax(axis=1)
        material = self.idle_s > HARDLY * self.total_s
        return [IDLE[at] if there else "" for at, there in zip(most, material, strict=True)]
