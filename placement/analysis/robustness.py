"""How a plan stands up to more demand, lost nodes and wrong rates, as it is and re-routed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from placement.analysis.changes import drop_nodes, scale_demand, scale_throughput
from placement.analysis.resolving import Resolver
from placement.analysis.standing import Lost, Standing
from placement.analysis.tables import Records
from placement.instance import Instance, Limits, Node, Operator, Region
from placement.quantities import Ints
from placement.result import Result
from placement.solution import Solution
from placement.solving import solve

DEMANDS = (1.1, 1.25, 1.5)
RATES = (0.9, 0.7)
"""Throughput over what the profiles say; faster than that does no harm."""
WORST = 3
"""Losses of each kind that are re-routed: those that leave most unserved as the plan stands."""
SOLVES = len(DEMANDS) + len(RATES) + 3 * WORST


@dataclass(frozen=True)
class Shock:
    """One thing that happens, and what is then served.

    Attributes
    ----------
    kind : str
        demand, throughput, node, operator or region.
    name : str
        How much, or who is lost.
    demanded : int
        Requests asked for.
    served, share : float
        Requests that the plan serves as it stands, on average, and their share of the demand.
    penalty : float
        $ for the others, as far as they have a penalty.
    owed : float
        The others that have none and must be served.
    rerouted : int or None
        Requests served where they may go to other replicas, replicas as they are, at least cost;
        None where this was not looked at, or what must be served cannot be.
    rerouted_share, rerouted_penalty : float or None
    objective, lower_bound, gap : float or None
        $ of that routing, and what no routing over these replicas can go below.
    """

    kind: str
    name: str
    demanded: int
    served: float
    share: float
    penalty: float
    owed: float
    rerouted: int | None
    rerouted_share: float | None
    rerouted_penalty: float | None
    objective: float | None
    lower_bound: float | None
    gap: float | None


_SHOWN = (
    "name", "share", "penalty", "owed", "rerouted_share", "rerouted_penalty", "gap",
)  # fmt: skip


@dataclass(frozen=True)
class Stress(Records):
    """More demand than planned for, and slower accelerators; all of them re-routed too."""

    title = "Stress"
    shown = ("kind", *_SHOWN)
    record = Shock

    entries: tuple[Shock, ...]


@dataclass(frozen=True)
class Losses(Records):
    """Each party of one kind lost, the worst first; the worst few re-routed too."""

    title = "Losses"
    shown = _SHOWN
    record = Shock

    entries: tuple[Shock, ...]


@dataclass(frozen=True)
class Robustness:
    """How the plan stands up.

    Attributes
    ----------
    stress : Stress
    nodes, operators, regions : Losses
    """

    stress: Stress
    nodes: Losses
    operators: Losses
    regions: Losses


def robustness(resolver: Resolver) -> Robustness:
    """Shock the plan, as it stands and re-routed.

    Replicas are where the plan has them and loaded: this is the window after they were. As the plan
    stands is fast, so that every loss is looked at; the worst few of each kind are re-routed.
    """
    instance, plan = resolver.instance, resolver.plan
    ground = _Ground(resolver, plan)
    return Robustness(
        stress=Stress(tuple(ground.stress())),
        nodes=ground.losses("node", instance.nodes),
        operators=ground.losses("operator", instance.operators),
        regions=ground.losses("region", instance.regions),
    )


def settled(instance: Instance, plan: Solution) -> Instance:
    """The instance with a plan's hosts and replicas in place, and none to be added."""
    stored: dict[str, list[str]] = {}
    loaded: dict[str, dict[str, int]] = {}
    for model, hosts in plan.hosting.items():
        for host in hosts:
            stored.setdefault(host, []).append(model)
    for row in plan.replicas:
        loaded.setdefault(row.node, {})[row.model] = row.count
    nodes = [
        node.model_copy(
            update={
                "hosted": tuple(stored.get(node.name, ())),
                "loaded": loaded.get(node.name, {}),
            }
        )
        for node in instance.nodes
    ]
    limits = Limits(max_new_replicas=0, max_transfer_gb=0.0)
    return instance.replace(nodes=nodes, limits=limits)


def _with_hosts_left(instance: Instance) -> Instance:
    """No model asks for more hosts than are left: new copies take longer than a re-routing."""
    group = {operator.name: operator.control_group for operator in instance.operators}
    parts: dict[str, set[str]] = {}
    for node in instance.nodes:
        part = node.name if node.operator is None else group[node.operator] or node.operator
        for model in node.hosted:
            parts.setdefault(model, set()).add(part)
    models = [
        model.model_copy(update={"min_hosts": min(model.min_hosts, len(parts.get(model.name, ())))})
        for model in instance.models
    ]
    return instance.replace(models=models)


class _Ground:
    """A plan with its replicas in place."""

    def __init__(self, resolver: Resolver, plan: Solution) -> None:
        self.resolver, self.plan = resolver, plan
        self.instance = settled(resolver.instance, plan)
        self.standing = Standing(self.instance, plan, resolver.quantities.count)

    def stress(self) -> Iterator[Shock]:
        """More demand, slower accelerators."""
        count = self.resolver.quantities.count
        for kind, factors, change in (
            ("demand", DEMANDS, scale_demand),
            ("throughput", RATES, scale_throughput),
        ):
            for factor in factors:
                changed = change(self.instance, factor)
                standing = Standing(changed, self.plan, count)
                found = self._rerouted(changed, f"{kind} x {factor:g}")
                yield _shock(kind, f"x {factor:g}", standing, standing.missing().of(0), found)

    def losses(self, kind: str, parties: Sequence[Node | Operator | Region]) -> Losses:
        """Each of some parties lost, the worst first; the worst few re-routed."""
        names = [party.name for party in parties]
        index = {name: i for i, name in enumerate(names)}
        field = "name" if kind == "node" else kind
        of = [index.get(getattr(node, field), -1) for node in self.instance.nodes]
        return Losses(tuple(self._lost(kind, names, np.array(of, dtype=np.int64))))

    def _lost(self, kind: str, names: Sequence[str], party: Ints) -> Iterator[Shock]:
        lost, base = self.standing.without(party, len(names)), self.standing.missing()
        total = Lost(
            base.requests + lost.requests, base.penalty + lost.penalty, base.owed + lost.owed
        )
        for place, i in enumerate(np.argsort(-lost.requests, kind="stable").tolist()):
            found = None
            if place < WORST and lost.requests[i] > 0:
                gone = [self.instance.nodes[n].name for n in np.flatnonzero(party == i).tolist()]
                changed = drop_nodes(self.instance, gone)
                found = self._rerouted(changed, f"without {kind} {names[i]}")
            yield _shock(kind, names[i], self.standing, total.of(i), found)

    def _rerouted(self, changed: Instance, label: str) -> Result:
        resolver = self.resolver
        result = solve(
            _with_hosts_left(changed), "flow", time_limit=resolver.seconds, gap=0.0,
            seed=resolver.seed, threads=resolver.threads,
        )  # fmt: skip
        resolver.report(label)
        return result


def _shock(
    kind: str, name: str, standing: Standing, lost: tuple[float, float, float], found: Result | None
) -> Shock:
    demanded = standing.q.total_count
    unserved, penalty, owed = lost
    served = demanded - unserved
    executed = None
    if found is not None and found.objective is not None:
        executed = sum(row.count for row in found.solution.inference)
    return Shock(
        kind=kind,
        name=name,
        demanded=demanded,
        served=served,
        share=served / demanded,
        penalty=penalty,
        owed=owed,
        rerouted=executed,
        rerouted_share=None if executed is None else executed / demanded,
        rerouted_penalty=None if found is None else found.terms.get("unserved"),
        objective=None if found is None else found.objective,
        lower_bound=None if found is None else found.lower_bound,
        gap=None if found is None else found.gap,
    )
