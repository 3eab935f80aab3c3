"""One pass of reflow: all nodes, group after group, to a placement of whole requests."""

import numpy as np

from placement.compiled import Compiled
from placement.methods.reflow.diving import dive
from placement.methods.reflow.flowmodel import FlowModel
from placement.methods.reflow.offering import groups_of, offers_to
from placement.methods.reflow.slopes import close_by_slopes
from placement.methods.sidebyside import SideBySide, one_by_one
from placement.methods.slices.plan import Change, Flows, Plan
from placement.quantities import Ints
from placement.search import Search
from placement.simplex import Simplex
from placement.solution import Placement


def reflow(
    compiled: Compiled,
    start: Placement,
    *,
    seed: int,
    latest: float = np.inf,
    side_by_side: SideBySide = one_by_one,
) -> Placement:
    """A placement near another one, as a rule with fewer replicas to pay for.

    Not all requests may have a place in it, not even all that must be served; apart from that it
    is feasible. Groups are solved two at a time, so what comes out does not depend on threads.

    Parameters
    ----------
    compiled : Compiled
    start : Placement
        A feasible placement.
    seed : int
        Which nodes flow together, and what they are offered.
    latest : float
        On the clock of `Search.clock`; groups that are not solved by then stay as they are.
    side_by_side : callable
        Does several tasks at once.
    """
    plan, rng = Plan(compiled, start), np.random.default_rng(seed)
    groups = groups_of(plan, rng)
    for first in range(0, len(groups), 2):
        if Search.clock() >= latest:
            break
        pair = [
            _Group(plan, nodes, rng, latest, waiting=i == 0)
            for i, nodes in enumerate(groups[first : first + 2])
        ]
        side_by_side([group.solve for group in pair])
        for change in _renumbered([group.change for group in pair]):
            plan.apply(change)
    return plan.placement()


def _renumbered(changes: list[Change | None]) -> list[Change]:
    """Changes one after the other, each naming rows as the ones before leave them."""
    known = [change for change in changes if change is not None]
    if len(known) == 2:
        gone = known[1].gone
        shift = np.searchsorted(np.sort(known[0].gone), gone)
        second = {**vars(known[1]), "gone": gone - shift}
        known[1] = Change(**second)
    return known


class _Group:
    """The program of one group of nodes."""

    def __init__(
        self, plan: Plan, nodes: Ints, rng: np.random.Generator, latest: float, *, waiting: bool
    ) -> None:
        offers = offers_to(plan, nodes, rng)
        self.model = FlowModel(plan, nodes, offers, waiting=waiting)
        self.latest = latest
        self.change: Change | None = None

    def solve(self) -> None:
        """Find the change, unless it is too late for any."""
        model = self.model
        if not len(model.x):
            return
        simplex = Simplex(model.program)
        simplex.stop_at(self.latest)
        flow = close_by_slopes(model, simplex)
        count = dive(model, simplex, flow)
        if Search.clock() >= self.latest:
            return
        z, used, arcs = model.replicas_for(count), count > 0, model.arcs
        come = Flows(**{**vars(arcs), "count": count}).take(used)
        self.change = Change(model.rows, come, model.m, model.n, z, model.owning(z))
