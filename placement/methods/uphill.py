"""The dual side beside a search: turn by turn, and when the judge sees what it has come to."""

from collections.abc import Sequence

from placement.methods.completion import Completion
from placement.methods.dualside import DualSide
from placement.methods.pace import Pace
from placement.methods.shares import Shares
from placement.methods.sidebyside import SideBySide, Task
from placement.search import Search

OPENING, WAIT = 1_200, 0.5
"""Looks at every arc before a placement follows the prices. Where nodes are many it waits until
they are settled, which is hastened after this share of the time."""
ARCS, ARCS_A_NODE = 30_000_000, 50_000
"""Arcs looked at in each turn: so many, and so many for each node."""


class Uphill:
    """Prices that rise beside a search.

    Parameters
    ----------
    search : Search
    pace : Pace
        Told whether there are prices that the judge has not seen, and how long it looks at them.
    side_by_side : callable
        Does several tasks at once.
    many : bool
        Whether nodes are many.
    """

    def __init__(self, search: Search, pace: Pace, side_by_side: SideBySide, *, many: bool) -> None:
        self._search, self._pace, self._side_by_side = search, pace, side_by_side
        self._many = many
        self._arcs = ARCS + ARCS_A_NODE * search.quantities.n_nodes
        self._dual: DualSide | None = None

    # --- what there is -------------------------------------------------------------------------

    @property
    def dual(self) -> DualSide:
        """What rises; it is there once this was opened."""
        assert self._dual is not None
        return self._dual

    @property
    def guide(self) -> Completion | None:
        """The prices to follow, if there are any yet."""
        return None if self._dual is None else self._dual.guide

    @property
    def settled(self) -> bool:
        """Whether the prices to follow are as good as they get."""
        return self._dual is not None and self._dual.settled

    @property
    def apart(self) -> bool:
        """Whether these are prices of parts of cells."""
        return self._dual is not None and self._dual.pricer.apart

    def shares(self) -> Shares | None:
        """Where the relaxation has the classes, if that can be followed."""
        return self.dual.shares()

    # --- turns ---------------------------------------------------------------------------------

    def open(self) -> None:
        """First prices; only those known already where there is a placement to start from."""
        pace, search = self._pace, self._search
        dual = DualSide(search.compiled, search.prices, pace.before_last_s, self._side_by_side)
        latest, most = pace.after(WAIT), OPENING * len(dual.pricer.fine)

        def enough(arcs: int) -> bool:
            if self._many:
                return not (pace.as_much_again(latest) or dual.pricer.hasten())
            return arcs >= most and dual.pricer.followable

        if search.start is None:
            dual.price(pace.over, enough)
        self._dual = dual

    def beside(self, tasks: Sequence[Task]) -> None:
        """Do tasks, with a turn beside them, until the last prices have been certified."""
        if self._pace.certified:
            self._side_by_side(tasks)
            return
        self._side_by_side([*tasks, self.advance])
        if self.dual.done:
            self.certify(last=True)  # not beside them: it can end the search, at any step

    def finish(self) -> None:
        """All turns that there is time for, without a search."""
        while not (self._pace.over() or self._pace.certified or self.dual.done):
            self.advance()
        self.certify()

    def advance(self) -> None:
        """One turn; the judge sees its prices at once where no other is in time."""
        self.dual.advance(self._arcs, self._pace.over)
        if self.dual.late:
            self._pace.seen_beside()
            self.certify(last=True)
        else:
            self._pace.pending = self.dual.above(self._search.certified) is not None

    def look_ahead(self) -> None:
        """Keep no time for prices that are certified beside the turn that begins."""
        if self.dual.late:
            self._pace.seen_beside()

    def certify(self, *, last: bool = False) -> None:
        """Have the judge see the best prices, where they prove more than it has seen."""
        pace, search = self._pace, self._search
        unseen = self.dual.above(search.certified)
        if unseen is not None:
            begun = search.clock()
            search.certify(unseen.prices)
            pace.certify_s = max(pace.certify_s, search.clock() - begun)
        pace.certified, pace.pending = pace.certified or last, False
