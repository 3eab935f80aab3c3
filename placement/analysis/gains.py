"""Who gains: what nodes, operators and control groups earn and do, and how few could cheat."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from placement.analysis.collusion import (
    Exposures,
    Pairs,
    exposures,
    teams,
    who_verifies_whom,
)
from placement.analysis.indices import gini, herfindahl, jain, nakamoto, top_share
from placement.analysis.tables import Records
from placement.evaluation import evaluate_placement, node_charges
from placement.instance import Instance
from placement.quantities import Floats, Ints, Quantities
from placement.solution import Solution, to_placement

Level = tuple[Sequence[str], Ints]
"""Names of parties, and the party of each node."""


@dataclass(frozen=True)
class Party:
    """What one node, operator or control group earns and does in the window.

    Attributes
    ----------
    name : str
        A node without operator stands for itself, as `node NAME`.
    nodes : int
        Its nodes.
    revenue : float
        $ that the network pays it: the five terms that follow.
    compute, engagement, verification, storage, pair : float
        Terms of the objective [$] that its nodes charge. Transfer and latency are paid to nobody.
    busy_h : float
        Accelerator-hours of work: executing, executing again and loading.
    utilisation : float or None
        Their share of the accelerator-hours that its nodes may be used; None without any.
    executed, verified : int
        Requests executed, verifications done.
    work_share, revenue_share : float or None
        Its share of all executed accelerator-seconds, and of all revenue; None where there is none.
    """

    name: str
    nodes: int
    revenue: float
    compute: float
    engagement: float
    verification: float
    storage: float
    pair: float
    busy_h: float
    utilisation: float | None
    executed: int
    verified: int
    work_share: float | None
    revenue_share: float | None


@dataclass(frozen=True)
class Parties(Records):
    """What each party earns and does, those that earn most first."""

    title = "Who gains"
    shown = (
        "name", "revenue", "revenue_share", "work_share", "utilisation", "executed", "verified",
    )  # fmt: skip
    record = Party

    entries: tuple[Party, ...]


@dataclass(frozen=True)
class Concentration:
    """How evenly one thing is shared among all parties of a kind that have nodes.

    Attributes
    ----------
    among : str
        nodes, operators or groups.
    of : str
        work (executed accelerator-seconds), verifications, revenue, or utilisation.
    parties : int
        How many there are; those without accelerators have no utilisation.
    jain, gini, herfindahl, top_share : float or None
        The indices of docs/analysis.md; None where there is nothing to share, and the last two for
        utilisation.
    nakamoto : int or None
        The fewest that have more than a third.
    """

    among: str
    of: str
    parties: int
    jain: float | None
    gini: float | None
    herfindahl: float | None
    top_share: float | None
    nakamoto: int | None


@dataclass(frozen=True)
class Concentrations(Records):
    """How evenly work and revenue are shared."""

    title = "Concentration"
    record = Concentration

    entries: tuple[Concentration, ...]


@dataclass(frozen=True)
class Gains:
    """Who gains.

    Attributes
    ----------
    groups, operators, nodes : Parties
    concentration : Concentrations
    pairs : Pairs
        Who verifies whose work.
    exposure : Exposures
        What few groups could cheat with together.
    verified, unverified : int
        Served requests with a verifier, and those that nobody verifies.
    """

    groups: Parties
    operators: Parties
    nodes: Parties
    concentration: Concentrations
    pairs: Pairs
    exposure: Exposures
    verified: int
    unverified: int


def who_gains(instance: Instance, solution: Solution) -> Gains:
    """Say who earns and does what under a placement, and how concentrated that is.

    Raises
    ------
    InvalidSolution
        If the solution names what is not in the instance, or no names can be given to requests.
    """
    q = Quantities(instance)
    books = _Books(q, solution)
    operators = [node.operator or f"node {node.name}" for node in instance.nodes]
    names, at = np.unique(operators, return_inverse=True)
    levels: dict[str, Level] = {
        "groups": (q.group_keys, q.node_group),
        "operators": (names.tolist(), at.reshape(-1)),
        "nodes": ([node.name for node in instance.nodes], np.arange(q.n_nodes)),
    }
    team, unverified = teams(q, books.placement)
    concentration = [row for name, level in levels.items() for row in books.shared(name, level)]
    return Gains(
        **{name: books.parties(level) for name, level in levels.items()},
        concentration=Concentrations(tuple(concentration)),
        pairs=who_verifies_whom(q, team),
        exposure=exposures(q, team),
        verified=int(team.requests.sum()),
        unverified=unverified,
    )


class _Books:
    """What every node earns and does, added up for parties."""

    def __init__(self, q: Quantities, solution: Solution) -> None:
        self.q = q
        self.placement = p = to_placement(q, solution)
        self.loads = evaluate_placement(q, p).loads
        self.charges = node_charges(q, p, self.loads)
        self.revenue = np.asarray(sum(self.charges.values()), dtype=float)
        self.executed = np.bincount(p.run_n, p.run_count, q.n_nodes)
        self.verified = np.bincount(p.verify_n, p.verify_count, q.n_nodes)

    def parties(self, level: Level) -> Parties:
        """One row for each party that has nodes, those that earn most first."""
        names, of = level

        def total(amount: npt.ArrayLike) -> Floats:
            return np.bincount(of, np.asarray(amount, dtype=float), len(names)).astype(float)

        nodes, revenue, busy = (
            total(np.ones(len(of))),
            total(self.revenue),
            total(self.loads.busy_s),
        )
        usable, work = total(self.q.capacity_s), total(self.loads.executing_s)
        charges = {name: total(amount) for name, amount in self.charges.items()}
        executed, verified = total(self.executed), total(self.verified)
        order = np.argsort(-revenue, kind="stable")
        return Parties(
            tuple(
                Party(
                    name=names[i],
                    nodes=int(nodes[i]),
                    revenue=float(revenue[i]),
                    **{name: float(amount[i]) for name, amount in charges.items()},
                    busy_h=float(busy[i]) / 3600,
                    utilisation=_share(busy[i], usable[i]),
                    executed=int(executed[i]),
                    verified=int(verified[i]),
                    work_share=_share(work[i], work.sum()),
                    revenue_share=_share(revenue[i], revenue.sum()),
                )
                for i in order[nodes[order] > 0].tolist()
            )
        )

    def shared(self, among: str, level: Level) -> Iterator[Concentration]:
        """How evenly each thing is shared."""
        names, of = level
        there = np.bincount(of, minlength=len(names)) > 0
        for what, amount in (
            ("work", self.loads.executing_s),
            ("verifications", self.verified),
            ("revenue", self.revenue),
        ):
            mine = np.bincount(of, amount, len(names)).astype(float)[there]
            yield Concentration(
                among, what, len(mine), jain(mine), gini(mine),
                herfindahl(mine), top_share(mine), nakamoto(mine),
            )  # fmt: skip
        usable = np.bincount(of, self.q.capacity_s, len(names))
        able = usable > 0
        used = np.bincount(of, self.loads.busy_s, len(names))[able] / usable[able]
        yield Concentration(
            among, "utilisation", len(used), jain(used), gini(used), None, None, None
        )


def _share(part: float, whole: float) -> float | None:
    return float(part / whole) if whole > 0 else None
