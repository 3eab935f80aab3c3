"""Ruin and recreate as a tool: from nothing, or from a placement, to a better placement."""

from collections.abc import Sequence

import numpy as np

from placement.compiled import Compiled
from placement.methods.floor import floor_prices
from placement.methods.recreate.confining import confined
from placement.methods.recreate.halving import Half, halve, join
from placement.methods.recreate.keeping import keep, release
from placement.methods.recreate.sources import better_hosting, exchanged_hosting, rehost
from placement.methods.recreate.starting import (
    cost_of,
    cost_of_rows,
    enter,
    freeze,
    frozen_classes,
    lasting_hosting,
    placement_of,
    planned_hosting,
    rows_from,
    standing_cost,
)
from placement.methods.recreate.state import MOST_MODELS, new_book, rows_of, set_values
from placement.methods.recreate.walking import close, construct, make_room, steps
from placement.methods.shares import Shares
from placement.prices import Prices
from placement.quantities import Bools, Floats, Ints, whole_up
from placement.solution import Placement

_LOOKED_AT, _CONFINED = (16, 300, 300), (16, 0, 0)
"""Holders, other nodes and cheapest nodes that a construction looks at for a model, and where it is
confined to some nodes, which it looks at anyway."""
_PASSES = 6
"""Times that a construction looks at all that waits."""
_WORTH = 1e-3
"""A pass that serves less than this part of the requests that it is about is the last."""
_FEW = 0.1
"""Classes that no more than this part of all compute can run are placed before others."""
_PARTS, _BLURRED_PARTS = (0.3, 0.03), (0.1,)
"""A construction along a relaxation goes first where it has so much of a class; the same for one
that is not solved well yet."""


class Recreation:
    """A plan that is ruined here and there and recreated, the better for it.

    Classes with `pairs` and plain jobs stay where the start has them.

    Parameters
    ----------
    compiled : Compiled
        The instance.
    start : Placement or None
        A placement to start from, feasible but for verifications that may be missing; None for
        nothing placed.
    prices : Prices or None
        Dual prices as a guide; None for the least that everything costs.
    seed : int
        The same seed and calls give the same placements.
    """

    def __init__(
        self,
        compiled: Compiled,
        start: Placement | None,
        *,
        prices: Prices | None = None,
        seed: int = 0,
    ) -> None:
        self.compiled, self._seed, self._halved = compiled, seed, 0
        q = compiled.quantities
        self._least = floor_prices(compiled)
        hosting = lasting_hosting(compiled, start) if start else planned_hosting(compiled)
        self._fewest = None if start else hosting
        self.hosted = hosting is not None
        """Whether hosts were found for every model; nothing can be done without."""
        none = np.zeros((q.n_models, q.n_nodes), dtype=bool)
        self._base = none if hosting is None else hosting
        nothing = Placement.empty(q)
        self._given = start if start is not None and _verified(compiled, start) else None
        self._start = start or Placement(**{**vars(nothing), "unserved": q.count.copy()})
        frozen = frozen_classes(compiled)
        held = np.bincount(self._start.replica_n, minlength=max(1, q.n_nodes)).max(initial=0)
        slots = max(1, min(MOST_MODELS, q.n_models), int(held))
        self._book = new_book(
            compiled, self._least, self._base, frozen=frozen, slots=slots, seed=seed
        )
        moved = float(np.sum(q.weights_gb @ (self._base & ~q.hosted)))
        self._book.change("moved_left", self._book.moved_left - moved)
        self._load()
        self.prices = prices or self._least
        self._rent: Floats | None = None
        self._set_values()
        self._must = np.flatnonzero(np.isinf(q.penalty) & ~frozen)
        self._best_cost, self._best_rows = np.inf, rows_of(self._book)
        self._best_base, self._complete = self._base, False
        self._remember()

    def _load(self) -> None:
        enter(self._book, rows_from(self.compiled, self._base, self._start))
        self._standing = standing_cost(self.compiled, self._base, self._start)
        self._standing += freeze(self.compiled, self._book, self._start)

    # --- where it stands -----------------------------------------------------------------------

    @property
    def objective(self) -> float:
        """$ of the plan as it stands; requests that must be served count as very dear."""
        return float(self._book.cost) + self._standing

    def recounted(self) -> float:
        """The same, added up anew."""
        return cost_of_rows(self.compiled, self._book, rows_of(self._book)) + self._standing

    @property
    def best_objective(self) -> float:
        """$ of the best plan so far."""
        return self._best_cost

    @property
    def complete(self) -> bool:
        """Whether the best plan so far serves all that must be served; others count for less."""
        return self._complete

    @property
    def waiting(self) -> Ints:
        """Requests of each class that the plan as it stands turns away."""
        return np.asarray(self._book.classes["left"].copy())

    @property
    def best(self) -> Placement | None:
        """The best plan so far, verified throughout; never worse than a feasible start.

        None where no plan serves what must be served.
        """
        found = placement_of(self.compiled, self._best_base, self._start, self._best_rows)
        cost = cost_of(self.compiled, found) if self.hosted else np.inf
        given = np.inf if self._given is None else cost_of(self.compiled, self._given)
        if min(cost, given) == np.inf:
            return None
        return found if cost < given else self._given

    # --- the search ----------------------------------------------------------------------------

    def guide(self, prices: Prices, rent: Floats | None) -> None:
        """Take new dual prices as a guide.

        Parameters
        ----------
        prices : Prices
            Their demand and verification say what requests are worth.
        rent : array over nodes or None
            $ per accelerator-second that a node's time earns beyond its own cost and engagement;
            None to read it from `prices.capacity`.
        """
        if prices is not self.prices or rent is not self._rent:
            self.prices, self._rent = prices, rent
            self._set_values()

    def _set_values(self) -> None:
        set_values(self.compiled, self._book, self._least, self.prices, self._rent)

    def construct(self, shares: Shares | None = None, *, many: bool = False) -> None:
        """Place what waits: what few nodes can run first; then close nodes that do not pay.

        Parameters
        ----------
        shares : Shares or None
            Where a relaxation has the classes: they go there first, as far as they find room.
        many : bool
            Whether nodes are many, and little of a construction changes afterwards: then what the
            relaxation has nodes keep is there from the beginning, and hosts that there have to be
            are those that load.
        """
        kept = (shares.kept_n, shares.kept_m) if shares is not None and many else None
        if kept is not None:
            keep(self._book.native, *kept)
        for classes in self._stages():
            if shares is not None:
                for part in _PARTS if shares.settled else _BLURRED_PARTS:
                    some = shares.above(part)
                    self._spot(some)
                    with confined(self._book, some):
                        self._place(classes, _CONFINED)
            self._place(classes, _LOOKED_AT)
        if kept is not None:
            release(self._book.native, *kept)
        self.rehost()
        close(self._book.native)
        self.rehost()
        if many:
            self._exchange_hosts()
        self._remember()

    def _spot(self, shares: Shares) -> None:
        """Look at the nodes where classes have their shares, from now on."""
        start, nodes = shares.nodes()
        classes = self._book.classes
        classes["spots"], classes["spotted"] = start[:-1], np.diff(start)
        self._book.set("spots", nodes.astype(np.int32))

    def _place(self, classes: Ints, looked_at: tuple[int, int, int]) -> None:
        """Pass after pass over those that wait, until one serves little."""
        left = self._book.classes["left"]
        worth = _WORTH * self.compiled.quantities.count[classes].sum()
        for _ in range(_PASSES):
            self._book.models["front"] = 0
            before = left[classes].sum()
            waiting = classes[left[classes] > 0]
            at = 0
            while at < len(waiting):
                at += construct(self._book.native, waiting[at:], *looked_at)
                make_room(self._book)
            if before - left[classes].sum() <= worth:
                break

    def _stages(self) -> list[Ints]:
        """Classes that have to find their places before others take them, those others.

        First what must be served and what is re-executed, which takes several nodes at once; then
        what few can run; in each, what fewer can run first.
        """
        compiled, q = self.compiled, self.compiled.quantities
        size = np.bincount(q.node_kind, q.capacity_s, len(q.kind_node))
        able = compiled.run_kinds @ size
        urgent = compiled.redone | np.isinf(q.penalty)
        early = urgent | (able < _FEW * size.sum())
        order = np.lexsort((able, ~compiled.redone, np.isfinite(q.penalty))).astype(np.int64)
        return np.split(order, [urgent.sum(), early.sum()])

    def advance(self, iterations: int, temperature: float, until: float | None = None) -> None:
        """So many steps; a step to the worse is taken with probability exp(-loss / temperature).

        Gives up the interpreter's lock. The same calls on the same seed give the same plans.

        Parameters
        ----------
        iterations : int
            How many steps.
        temperature : float
            $ at the beginning.
        until : float or None
            $ at the end, None for the same.
        """
        steps(self._book, iterations, temperature, temperature if until is None else until)
        self._remember()

    def halves(self) -> list[Half]:
        """What two halves of the network do, to be searched at once and joined; none for none.

        There are none where limits or classes that stay concern the whole network.
        """
        whole = np.isinf([self._book.new_left, self._book.moved_left]).all()
        if not whole or frozen_classes(self.compiled).any():
            return []
        self._halved += 1
        rng = np.random.default_rng([self._seed % 2**63, self._halved])
        return halve(self.compiled, self._book, self._least, self._base, rng)

    def join(self, halves: Sequence[Half]) -> None:
        """Go on from what the halves have become."""
        self._book = join(self.compiled, self._book, self._least, self._base, halves)
        self._remember()

    def _remember(self) -> None:
        complete = not self._book.classes["left"][self._must].any()
        if (complete, -self.objective) > (self._complete, -self._best_cost):
            self._best_cost, self._best_rows = self.objective, rows_of(self._book)
            self._best_base, self._complete = self._base, complete

    def rehost(self) -> None:
        """Read weights from where it is cheapest, given the replicas there are now."""
        if np.isfinite(self._book.moved_left) or not self.hosted:
            return
        if self._fewest is None:
            planned = planned_hosting(self.compiled)
            self._fewest = self._base if planned is None else planned
        self._try_hosts(better_hosting(self.compiled, self._book, self._fewest))

    def _exchange_hosts(self) -> None:
        """The same with others in the place of those that there have to be, from now on."""
        if self._fewest is not None and np.isinf(self._book.moved_left) and self.hosted:
            self._try_hosts(exchanged_hosting(self.compiled, self._book, self._base))
            self._fewest = self._base

    def _try_hosts(self, base: Bools) -> None:
        before, cost = self._base, self.objective
        self._move_hosts(base)
        if self.objective > cost:
            self._move_hosts(before)
        self._remember()

    def _move_hosts(self, base: Bools) -> None:
        rehost(self.compiled, self._book, self._base, base)
        cost = self.compiled.host_cost
        self._standing += float(cost[base].sum() - cost[self._base].sum())
        self._base = base


def _verified(compiled: Compiled, placement: Placement) -> bool:
    """Whether nothing is executed without the verifications that it needs."""
    q = compiled.quantities
    executed = np.bincount(placement.run_g, placement.run_count, q.n_classes)
    done = np.bincount(placement.verify_g, placement.verify_count, q.n_classes)
    return bool(np.all(done >= whole_up(compiled.wanted_checks * executed)))
