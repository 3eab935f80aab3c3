"""What a method is given: the compiled instance, the clock, and a board for what it finds.

A method calls `offer` with placements and `raise_bound` with lower bounds as it goes; the best of
both is kept, so that the answer is there whenever time runs out or a person interrupts.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from placement.compiled import Compiled
from placement.errors import DefectError
from placement.prices import Prices
from placement.result import Progress, relative_gap
from placement.solution import Placement, StoppedBy

if TYPE_CHECKING:
    from placement.evaluation import Evaluation

OPTIMAL = 1e-6
"""A relative gap at most this counts as proven optimal."""


class Search:
    """One run of one method on one instance.

    Parameters
    ----------
    compiled : Compiled
        The instance.
    judge : callable
        Gives the `Evaluation` of a placement.
    certify : callable
        Gives the lower bound that prices prove.
    deadline : float
        When to stop, on the clock of `time.monotonic`; infinite for never.
    gap : float
        Relative gap at which to stop.
    seed, threads, engine
        As given to `solve`.
    start : Placement or None
        A placement to start from.
    listener : callable or None
        Told of every `Progress`.
    """

    def __init__(
        self,
        compiled: Compiled,
        judge: "Callable[[Placement], Evaluation]",
        certify: Callable[[Prices], float],
        *,
        deadline: float = float("inf"),
        gap: float = 1e-3,
        seed: int = 0,
        threads: int = 1,
        engine: str | None = None,
        start: Placement | None = None,
        listener: Callable[[Progress], None] | None = None,
    ) -> None:
        self.compiled = compiled
        self.quantities = compiled.quantities
        self.deadline = deadline
        self.gap = gap
        self.seed = seed
        self.threads = threads
        self.engine = engine
        self.engine_used: str | None = None
        self.start = start
        self.best: Placement | None = None
        self.objective: float | None = None
        self.lower_bound: float | None = None
        self.prices: Prices | None = None
        self.certified: float | None = None
        self.infeasible = False
        self.settled = False
        """Whether the market has been given all the rounds it may have."""
        self.check_s = 0.0
        self.phase = ""
        self.phases: dict[str, float] = {}
        self._judge, self._certify, self._listener = judge, certify, listener
        self._begun = time.monotonic()

    # --- the clock -----------------------------------------------------------------------------

    @staticmethod
    def clock() -> float:
        """Now, on the clock of the deadline."""
        return time.monotonic()

    @property
    def remaining_s(self) -> float:
        """Seconds left, never negative, infinite without a limit."""
        return max(0.0, self.deadline - time.monotonic())

    @property
    def out_of_time(self) -> bool:
        """Whether the deadline has passed."""
        return time.monotonic() >= self.deadline

    @property
    def closed(self) -> bool:
        """Whether incumbent and bound are within the gap asked for."""
        reached = relative_gap(self.objective, self.lower_bound)
        return reached is not None and reached <= max(self.gap, OPTIMAL)

    @property
    def done(self) -> bool:
        """Whether there is no reason to go on."""
        return self.out_of_time or self.closed or self.infeasible

    def stopped_by(self, otherwise: StoppedBy = "exhausted") -> StoppedBy:
        """Why a search that ends now ends."""
        if self.closed:
            return "gap"
        return "time_limit" if self.out_of_time else otherwise

    # --- the board -----------------------------------------------------------------------------

    def offer(self, placement: Placement) -> float:
        """Have a placement judged and keep it if it is the best so far; returns its objective.

        Raises
        ------
        DefectError
            If it is not feasible, which no method may ever let happen.
        """
        verdict = self.verdict(placement)
        if verdict.violations:
            raise DefectError(f"a method broke a constraint: {verdict.violations[0].sentence}")
        if self.objective is None or verdict.objective < self.objective:
            self.best, self.objective = placement, verdict.objective
            self.tell()
        return verdict.objective

    def verdict(self, placement: Placement) -> "Evaluation":
        """What the judge says of a placement."""
        begun = time.monotonic()
        verdict = self._judge(placement)
        self.check_s += time.monotonic() - begun
        return verdict

    def raise_bound(self, value: float) -> None:
        """Take note of a proven lower bound."""
        if self.lower_bound is None or value > self.lower_bound:
            self.lower_bound = value
            self.tell()

    def certify(self, prices: Prices) -> float:
        """Take note of dual prices; returns the lower bound they prove."""
        begun = time.monotonic()
        value = self._certify(prices)
        self.check_s += time.monotonic() - begun
        if self.certified is None or value > self.certified:
            self.prices, self.certified = prices, value
        self.raise_bound(value)
        return value

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        """Count the seconds of a phase of its own."""
        begun = time.monotonic()
        yield
        self.phases[phase] = self.phases.get(phase, 0.0) + time.monotonic() - begun

    def enter(self, phase: str) -> None:
        """Say what is being done now."""
        self.phase = phase
        self.tell()

    def tell(self) -> None:
        """Tell the listener where the search stands."""
        if self._listener is not None:
            elapsed = time.monotonic() - self._begun
            reached = relative_gap(self.objective, self.lower_bound)
            self._listener(Progress(elapsed, self.objective, self.lower_bound, reached, self.phase))


Method = Callable[[Search], StoppedBy]
"""A method: offers placements and bounds to the search and says why it stopped."""
