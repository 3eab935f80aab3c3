"""Rules lifted one family after the other, and what the network would then serve.

What keeps compute idle and demand unserved is found by taking it away. Each cause of `CAUSES` is
one or more families of rules; a set of causes is lifted together, the instance solved again, and
the answer kept.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from placement.analysis.changes import relax
from placement.analysis.resolving import Outcome, Resolver
from placement.evaluation import Evaluation, evaluate_placement
from placement.instance import Instance
from placement.quantities import Floats, Ints, Quantities
from placement.solution import Placement, Solution, to_placement

NOT_LOADED, TRUST, PLACE, PARTIES, VERIFICATION, PRICE = (
    "model not loaded",
    "trusted hardware",
    "place",
    "independence or share cap",
    "verification",
    "price",
)
CAUSES: Mapping[str, tuple[str, ...]] = {
    NOT_LOADED: ("hosting", "memory", "stability"),
    TRUST: ("tee",),
    PLACE: ("place",),
    PARTIES: ("independence", "share"),
    VERIFICATION: ("verification",),
    PRICE: ("price",),
}
"""Causes in the order in which they are lifted, and the families of rules that each stands for.

Independence comes before verification, for nothing is left of it once nothing is verified. Price
comes last: what is idle then although no rule stands in the way does not pay.
"""

Causes = frozenset[str]


@dataclass(frozen=True)
class Lifted:
    """The network once some causes are taken away.

    Attributes
    ----------
    instance : Instance
        Without these rules.
    outcome : Outcome
        What is known of its least cost.
    plan : Solution
        The best placement known, of `instance`.
    """

    instance: Instance = field(repr=False)
    outcome: Outcome
    plan: Solution = field(repr=False)

    @cached_property
    def quantities(self) -> Quantities:
        """The instance by columns."""
        return Quantities(self.instance)

    @cached_property
    def placement(self) -> Placement:
        """The plan as arrays."""
        return to_placement(self.quantities, self.plan)

    @cached_property
    def verdict(self) -> Evaluation:
        """What the judge says of the plan."""
        return evaluate_placement(self.quantities, self.placement)

    @cached_property
    def executed(self) -> Ints:
        """Requests executed of each class."""
        p = self.placement
        return np.bincount(p.run_g, p.run_count, self.quantities.n_classes).astype(np.int64)

    @cached_property
    def useful_s(self) -> Floats:
        """Accelerator-seconds that each node executes and re-executes."""
        return self.verdict.loads.executing_s + self.verdict.loads.reexecuting_s

    @cached_property
    def work_s(self) -> Floats:
        """Accelerator-seconds of one request of each class, its verification included, on average.

        Zero for classes of which nothing is executed.
        """
        q, p = self.quantities, self.placement
        work = np.bincount(p.run_g, q.work_s(p.run_g, p.run_n) * p.run_count, q.n_classes)
        again = q.reexecution_work_s(p.verify_g, p.verify_n) * p.verify_count
        work += np.bincount(p.verify_g, again, q.n_classes)
        return np.asarray(work / np.maximum(self.executed, 1))

    @property
    def penalty(self) -> float:
        """$ lost by turning requests away."""
        return self.verdict.terms["unserved"]


@dataclass(frozen=True)
class Step:
    """One more cause lifted."""

    cause: str
    before: Lifted
    after: Lifted

    @property
    def decided(self) -> bool:
        """Whether what it earns is more than the gap of the solve before.

        Where not, what is served in addition may be owed to a better search. Without prices, what
        is earned shows in the penalties alone.
        """
        if self.after.plan is self.before.plan:
            return True
        cost = self.before.verdict.objective
        gap = cost - (self.before.outcome.lower_bound or 0.0)
        if self.cause == PRICE:
            return self.before.penalty - self.after.penalty > gap
        return cost - self.after.verdict.objective > gap


class Relaxations:
    """Instances without some causes, each solved once.

    Parameters
    ----------
    resolver : Resolver
        With a plan in its base.

    Raises
    ------
    InputError
        If it has none.
    """

    def __init__(self, resolver: Resolver) -> None:
        plan = resolver.plan
        self.resolver = resolver
        nothing: Causes = frozenset()
        self._known = {nothing: Lifted(resolver.instance, resolver.base, plan)}

    @property
    def base(self) -> Lifted:
        """The plan as it is."""
        return self._known[frozenset()]

    def lifted(self, causes: Iterable[str]) -> Lifted:
        """The network without some causes, from the best plan known for fewer of them."""
        wanted = frozenset(causes)
        if wanted not in self._known:
            self._known[wanted] = self._solve(wanted)
        return self._known[wanted]

    def _solve(self, wanted: Causes) -> Lifted:
        instance = self.without(wanted)
        nearest = max((known for known in self._known if known < wanted), key=self._merit)
        start = self._known[nearest]
        if instance == start.instance:
            return start
        if not start.plan.unserved:  # nothing is left to serve: no need to solve anything
            return Lifted(instance, Outcome(None, None, "unknown", None), start.plan)
        label = f"without {' and '.join(cause for cause in CAUSES if cause in wanted)}"
        outcome = self.resolver.solve(instance, label, relation="relaxed", start=start.plan)
        return Lifted(instance, outcome, outcome.solution or start.plan)

    def _merit(self, causes: Causes) -> tuple[float, int]:
        """How good a start a plan is: little unserved, then close to what is wanted."""
        return -self._known[causes].penalty, len(causes)

    def steps(self, order: Sequence[str]) -> tuple[Step, ...]:
        """Causes lifted one after the other."""
        chain = [self.lifted(order[:i]) for i in range(len(order) + 1)]
        return tuple(map(Step, order, chain, chain[1:]))

    def without(self, causes: Iterable[str]) -> Instance:
        """The instance without some causes, not solved."""
        instance = self.resolver.instance
        for cause in CAUSES:
            for family in CAUSES[cause] if cause in causes else ():
                instance = relax(instance, family)
        return instance

    @cached_property
    def lasting(self) -> tuple[str, ...]:
        """Causes that are there at all: those that change the instance when they are lifted."""
        instance = self.resolver.instance
        return tuple(cause for cause in CAUSES if self.without([cause]) != instance)
