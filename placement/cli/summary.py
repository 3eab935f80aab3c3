"""The figures behind the tables of a placement: demand, fleet, regions and nodes."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from placement.evaluation import Evaluation, evaluate_placement
from placement.instance import Instance
from placement.quantities import Floats, Ints, Quantities
from placement.solution import Placement, Solution, to_placement


@dataclass(frozen=True)
class RegionRow:
    """What the nodes of one region do."""

    name: str
    nodes: int
    engaged: int
    accelerators: float
    busy: float | None
    executed: int
    verified: int


@dataclass(frozen=True)
class NodeRow:
    """What one node does; `busy` is a share of all its accelerator-seconds."""

    name: str
    region: str
    busy: float | None
    memory: float | None
    replicas: int
    executed: int
    verified: int


class Summary:
    """A solution seen by the operator of the fleet.

    Raises
    ------
    InvalidSolution
        If the solution names what is not in the instance.
    """

    def __init__(self, instance: Instance, solution: Solution) -> None:
        self.instance = instance
        self.quantities = Quantities(instance)
        self.placement: Placement = to_placement(self.quantities, solution)
        self.evaluation: Evaluation = evaluate_placement(self.quantities, self.placement)

    @cached_property
    def demanded(self) -> int:
        """All demanded requests."""
        return self.quantities.total_count

    @cached_property
    def served(self) -> int:
        """All executed requests."""
        return int(self.placement.run_count.sum())

    @cached_property
    def _total_s(self) -> Floats:
        return self.quantities.accelerators * self.quantities.window_s

    def fleet(self) -> dict[str, float]:
        """Accelerator-seconds of the fleet by use; the values sum to accelerators x window."""
        loads = self.evaluation.loads
        used = {
            "serving": float(loads.executing_s.sum()),
            "re-executing": float(loads.reexecuting_s.sum()),
            "loading": float(loads.loading_s.sum()),
            "reserve": float((self._total_s * (1.0 - self.quantities.utilization)).sum()),
        }
        idle = float(self._total_s.sum()) - sum(used.values())
        return {**used, "idle": max(0.0, idle)}

    def regions(self) -> list[RegionRow]:
        """One row a region, in the order of the instance; nodes without region come last."""
        q, size = self.quantities, self.quantities.n_regions + 1
        at = np.where(q.node_region < 0, size - 1, q.node_region)
        nodes = np.bincount(at, minlength=size)
        engaged = np.bincount(at, self.evaluation.loads.engaged, size)
        busy, total = (np.bincount(at, x, size) for x in (self._busy_s, self._total_s))
        cards = np.bincount(at, q.accelerators, size)
        executed, verified = (np.bincount(at, x, size) for x in (self._executed, self._verified))
        names = [region.name for region in self.instance.regions] + ["(no region)"]
        return [
            RegionRow(
                name,
                int(nodes[r]),
                int(engaged[r]),
                float(cards[r]),
                _share(busy[r], total[r]),
                int(executed[r]),
                int(verified[r]),
            )
            for r, name in enumerate(names)
            if nodes[r]
        ]

    def top_nodes(self, most: int) -> list[NodeRow]:
        """Return the busiest nodes, busiest first; nodes that do nothing are left out."""
        q, loads = self.quantities, self.evaluation.loads
        regions = [region.name for region in self.instance.regions] + ["-"]
        replicas = self._per_node(self.placement.replica_n, self.placement.replica_count)
        order = np.lexsort((-self._verified, -self._executed, -self._busy_s))[:most]
        return [
            NodeRow(
                self.instance.nodes[n].name,
                regions[q.node_region[n]],
                _share(self._busy_s[n], self._total_s[n]),
                _share(loads.memory_gb[n], q.memory_gb[n]),
                int(replicas[n]),
                int(self._executed[n]),
                int(self._verified[n]),
            )
            for n in order.tolist()
            if loads.engaged[n]
        ]

    @cached_property
    def _busy_s(self) -> Floats:
        return self.evaluation.loads.busy_s

    @cached_property
    def _executed(self) -> Floats:
        return self._per_node(self.placement.run_n, self.placement.run_count)

    @cached_property
    def _verified(self) -> Floats:
        return self._per_node(self.placement.verify_n, self.placement.verify_count)

    def _per_node(self, n: Ints, count: Ints) -> Floats:
        return np.bincount(n, count, self.quantities.n_nodes).astype(float)


def _share(part: float, whole: float) -> float | None:
    return float(part / whole) if whole > 0 else None
