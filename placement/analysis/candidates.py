"""The next best node: what one more node would gain the network, less what it costs.

A certificate's prices bound what any node could gain, without solving anything: its own part of the
dual at these prices (docs/idle.md). The candidates with the largest bounds are then added, one at a
time, and the instance is solved again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from placement.analysis.catalogue import rent, typical
from placement.analysis.changes import add_nodes
from placement.analysis.resolving import Resolver
from placement.analysis.tables import Records
from placement.analysis.worth import Worth, bounded, worth
from placement.certificate import node_parts
from placement.instance import Instance, Node
from placement.prices import Prices
from placement.quantities import Floats, Ints, Quantities
from placement.solution import Solution

DONORS = 5
"""From so many nodes of its type a candidate borrows prices of time and memory, one by one."""
TRIES = 3
"""So many candidates are solved with."""


@dataclass(frozen=True)
class Candidate:
    """A node that could be added.

    Attributes
    ----------
    node, type, region : str
    tee : str
        Its trusted hardware, joined by +; empty for none.
    rent : float
        $ for the whole window, used or not.
    net : Worth
        What the network gains, the rent taken off.
    """

    node: str
    type: str
    region: str
    tee: str
    rent: float
    net: Worth


@dataclass(frozen=True)
class Candidates(Records):
    """Nodes that could be added, the best first: those that pay, then by estimate, then by bound.

    A candidate without estimate was not solved with; its upper bound is that of the prices.
    """

    title: ClassVar[str] = "Next best node"
    shown: ClassVar[tuple[str, ...]] = ("node", "rent", "low", "estimate", "high", "verdict")
    record: ClassVar[type] = Candidate

    entries: tuple[Candidate, ...]

    @property
    def best(self) -> Candidate | None:
        """The best of those proven to pay; None where there is none."""
        return next((row for row in self.entries if row.net.verdict == "pays"), None)


def next_nodes(
    resolver: Resolver, catalogue: Sequence[Node] | None = None, tries: int = TRIES
) -> Candidates:
    """Rank nodes that could be added.

    A node that is added is paid for the whole window: what it charges for engagement and
    accelerator time is no longer in the objective but in its rent. Cores and storage it still
    charges as they are used.

    Parameters
    ----------
    resolver : Resolver
        With a plan in its base; solved once more where that has no certificate.
    catalogue : sequence of Node or None
        What is on offer; None for `catalogue.typical`.
    tries : int
        How many candidates to solve with.

    Raises
    ------
    InvalidInstance
        If a candidate's name is taken, or it names what is not in the instance.
    """
    offered = typical(resolver.instance) if catalogue is None else tuple(catalogue)
    rents = [rent(node, resolver.instance.window_s) for node in offered]
    most = gains_at_most(resolver, offered) - np.array(rents)
    chosen = set(np.argsort(-most, kind="stable")[:tries].tolist())
    rows = []
    for i, (node, price) in enumerate(zip(offered, rents, strict=True)):
        net = bounded(None, None, float(most[i]))
        if i in chosen and net.verdict != "does not pay":
            net = _solved(resolver, node, price, float(most[i]))
        rows.append(_row(node, price, net))
    return Candidates(tuple(sorted(rows, key=_rank, reverse=True)))


def gains_at_most(resolver: Resolver, nodes: Sequence[Node]) -> Floats:
    """An upper bound on what each node, added alone and free of rent, would gain [$]."""
    if not nodes:
        return np.zeros(0)
    plan = certified(resolver)
    joined = add_nodes(resolver.instance, [_prepaid(node) for node in nodes])
    q = Quantities(joined)
    fresh = np.arange(q.n_nodes - len(nodes), q.n_nodes)
    prices = Prices.from_document(q, plan.certificate or {})
    bound, best = -np.inf, np.full(len(nodes), -np.inf)
    for donor in range(DONORS + 1):
        total, parts = node_parts(q, _lent(q, prices, fresh, donor))
        bound = max(bound, total - float(parts[fresh].sum()))
        best = np.maximum(best, parts[fresh])
    objective = resolver.base.objective or 0.0
    return np.asarray(objective - bound - best)


def certified(resolver: Resolver) -> Solution:
    """The plan, with prices if that can be had.

    Raises
    ------
    InputError
        If there is none.
    """
    if resolver.plan.certificate is None:
        resolver.refresh()
    return resolver.plan


def _prepaid(node: Node) -> Node:
    return node.model_copy(
        update={"engaged_cost_per_hour": 0.0, "accelerator_cost_per_hour": 0.0, "loaded": {}}
    )


def _lent(q: Quantities, prices: Prices, fresh: Ints, donor: int) -> Prices:
    """Prices where each new node takes over those of a node of its type, the first time none.

    Any prices prove something; which of them proves most differs from candidate to candidate. An
    accelerator-second of a new node is free of its own charge, so the donor's is added.
    """
    if donor == 0:
        return prices
    capacity, memory = prices.capacity.copy(), prices.memory.copy()
    for n in fresh.tolist():
        alike = np.flatnonzero(q.node_type[: fresh[0]] == q.node_type[n])
        if not len(alike):
            continue
        asked = prices.capacity + q.accelerator_price / 3600.0
        ranked = alike[np.argsort(asked[alike], kind="stable")]
        lender = ranked[round((donor - 1) / (DONORS - 1) * (len(ranked) - 1))]
        capacity[n], memory[n] = asked[lender], prices.memory[lender]
    return replace(prices, capacity=capacity, memory=memory)


def _solved(resolver: Resolver, node: Node, price: float, most: float) -> Worth:
    """What a candidate gains by a solve, never more than the prices allow."""
    changed: Instance = add_nodes(resolver.instance, [_prepaid(node)])
    outcome = resolver.solve(changed, f"with {node.name}", relation="relaxed")
    found = worth(resolver.difference(outcome, "relaxed"), price)
    high = most if found.high is None else min(found.high, most)
    return bounded(found.low, found.estimate, high)


def _row(node: Node, price: float, net: Worth) -> Candidate:
    tee = "+".join(node.tee)
    return Candidate(node.name, node.accelerator or "-", node.region or "-", tee, price, net)


def _rank(row: Candidate) -> tuple[bool, bool, float]:
    net = row.net
    value = net.high if net.estimate is None else net.estimate
    return net.verdict == "pays", net.estimate is not None, -np.inf if value is None else value
