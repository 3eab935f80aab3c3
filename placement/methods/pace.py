"""What there is time for: how much is left, and how long things have taken."""

import math

from placement.search import Search

AT_ONCE = 0.6
"""Of two things at once each takes longer by such a share of the time of the other, at most."""
BESIDE = 1.5
"""So many times as long as before takes the judge beside a search that has every thread."""
FINISH_S, CERTIFY_S = 7e-5, 1.5e-7
"""Seconds that reporting the answer takes for each class and node, and the judge with prices for
each class and kind of node."""


class Pace:
    """The time of both sides.

    Parameters
    ----------
    search : Search
    deadline : float
        On the clock of `search`; time to report the answer is kept back from its own.

    Attributes
    ----------
    offer_s, certify_s, begin_s : float
        Seconds that it takes to hand in a placement, and prices, and to begin a chain.
    certified, pending : bool
        Whether the judge has seen the last prices; whether it has to see those there are.
    searched_s : float
        Seconds of ruin and recreate since a chain began.
    """

    def __init__(self, search: Search, deadline: float) -> None:
        self._search, q = search, search.quantities
        self.deadline = min(deadline, search.deadline - FINISH_S * (q.n_classes + q.n_nodes))
        self._begun_at = search.clock()
        self.offer_s = self.begin_s = self.searched_s = self._step_s = 0.0
        self._asked, self.certified, self.pending = self._begun_at, False, True
        self.certify_s = CERTIFY_S * search.compiled.table_size

    @property
    def finish_s(self) -> float:
        """Seconds for handing in what has to be at the end, by how long that took before."""
        if not self.pending:
            return self.offer_s
        if self._search.threads < 2:
            return self.offer_s + self.certify_s
        shorter, longer = sorted((self.offer_s, self.certify_s))
        return longer + AT_ONCE * shorter

    @property
    def end(self) -> float:
        """When handing in has to begin."""
        return self.deadline - self.finish_s

    def left_s(self) -> float:
        """Seconds until it is over."""
        return self.end - self._search.clock()

    def before_last_s(self) -> float:
        """Seconds until the last prices have to be there, for the judge to see them in time."""
        return self.deadline - self.offer_s - BESIDE * self.certify_s - self._search.clock()

    def seen_beside(self) -> None:
        """No time is to be kept for prices that the judge sees beside a turn, if it can."""
        self.pending = self.pending and self._search.threads < 2

    def over(self) -> bool:
        """Whether it is time to hand in what there is."""
        return self._search.done or self.left_s() <= 0.0

    def after(self, share: float) -> float:
        """When so much of the time is over."""
        return self._begun_at + self.span_s(share)

    def as_much_again(self, latest: float) -> bool:
        """Whether what took all the time since this was asked last would end by then."""
        before, self._asked = self._asked, self._search.clock()
        return 2 * self._asked - before <= latest

    def span_s(self, share: float) -> float:
        """Seconds of such a share of the time."""
        return share * (self.deadline - self._begun_at)

    def steps(self, seconds: float) -> float:
        """How many steps there is time for in so many seconds, as far as is known."""
        return seconds / self._step_s if self._step_s else math.inf

    def affordable(self, steps: int) -> int:
        """So many steps, or as many as there is time for, so that the last turn ends cold."""
        return int(min(steps, max(1.0, self.steps(self.left_s()))))

    def turned(self, steps: int, seconds: float) -> None:
        """Take note of how long so many steps have taken."""
        self._step_s = seconds / max(1, steps)
        self.searched_s += seconds
