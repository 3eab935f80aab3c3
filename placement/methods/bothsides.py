"""Closing in from both sides: prices bound the cost and guide the search for a placement.

In turns of fixed work, side by side where there are two threads: the dual side improves its prices,
the primal side ruins and recreates, two chains of plans or both halves of one; then they tell each
other what they have found. What is done in a turn depends on work alone, so before the time limit
the same seed gives the same answer.
"""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from placement.methods.adapting import adapted
from placement.methods.candidates import ALL
from placement.methods.chain import Chain
from placement.methods.completion import Completion
from placement.methods.cooling import Cooling
from placement.methods.elite import Elite
from placement.methods.pace import Pace
from placement.methods.recreate.improver import Recreation
from placement.methods.recreate.starting import frozen_classes
from placement.methods.reflow.offering import NODES
from placement.methods.shares import Shares
from placement.methods.sidebyside import SideBySide, by_threads, one_by_one
from placement.methods.uphill import Uphill
from placement.prices import Prices
from placement.search import Search
from placement.solution import Placement

STEPS, STEPS_A_NODE = 20_000, 25
"""Steps of ruin and recreate in one turn: so many, and so many for each node. They take about as
long as a turn of the dual side."""
WARM, MANY, COOLING = 0.01, 1500, 0.97
"""Temperature of the first turn over the mean cost of a node, halved for so many nodes; and of each
turn over the last."""
WORTH, SOON, PATIENCE = 3e-4, 5e-5, 5
"""Relative gain that makes a turn worthwhile, and where nodes are many: reflow takes long, and as a
rule a turn gains more than it in that time. Turns in a row without it, before reflow begins."""
LITTLE, FLOW_PATIENCE = 5e-5, 6
"""The same for turns of reflow, before the search ends."""
AFTERWARDS, FURTHER, GENTLY = 250, 10, 0.4
"""Steps after each reflow for each node of one program and for each beyond, and their first
temperature over the usual one."""
TO_CROSS, CROSS, CROSS_PATIENCE = 0.7, 0.2, 4
"""Shares of the time after which crossing begins, and that one crossing may take; turns of reflow
without gain that end what follows it."""
ROUNDS, IDLE_ROUNDS = 8, 2
"""Searches from nothing after the first, at most, and in a row without gain."""
HOT, ANNEALED, ANNEAL, ANNEAL_CROSSED = 0.08, 300, 0.75, 0.3
"""First temperature of an annealing over the mean cost of a node, the most steps for each pair of
nodes, and its share of the time left; that where what it finds is crossed."""
CHAINS = 2
"""Chains of plans where nodes are not many and prices are settled, however many threads there are,
so that answers do not differ."""
NEWS, SOONER, AS_SOON = 5e-3, 0.8, 1.5
"""A search begins again where the bound has risen by so much since it began, and so many times as
much time is left as it has taken; that, where it follows a relaxation already or would follow
none."""
SEVERAL = 450
"""With so many nodes they are many: reflow has more than one program to solve, and one chain keeps
all threads."""
NESTED = 4
"""Threads that wait for tasks: one that works on a side may have tasks of its own."""
OFFERED = 8
"""Turns between two looks of the judge at the placement."""
BEGIN_S = 4e-4
"""Seconds that ruin and recreate takes to begin after a reflow, for each node."""


def close_in(search: Search, deadline: float) -> Completion | None:
    """Improve bound and placement until turns give little, or the deadline.

    Returns the prices that the search followed, None where there was no time for any.
    """
    if search.threads < 2:
        return _BothSides(search, deadline).run()
    with ThreadPoolExecutor(NESTED) as pool:
        return _BothSides(search, deadline, by_threads(pool)).run()


class _BothSides:
    def __init__(
        self, search: Search, deadline: float, side_by_side: SideBySide = one_by_one
    ) -> None:
        self.search, self.compiled = search, search.compiled
        self._side_by_side = side_by_side
        q = search.quantities
        self.pace = Pace(search, deadline)
        self.steps = STEPS + STEPS_A_NODE * q.n_nodes
        self.large, self.crossable = q.n_nodes >= SEVERAL, self.compiled.n_candidates <= ALL
        self.offered = math.inf
        self.uphill = Uphill(search, self.pace, side_by_side, many=self.large)
        self.chains: list[Chain] = []
        self.begun = 0
        self.born: float | None = None
        self.along = self.at_settled = False
        self.elite = Elite(search)

    def run(self) -> Completion | None:
        """Open, then turn by turn."""
        search = self.search
        search.enter("prices and a first placement")
        self._side_by_side([self._open_primal, self.uphill.open])
        if self.uphill.guide is None:
            return None
        begin = [self._start_again] if self._old and not self._late else []
        self._side_by_side([self.uphill.certify, *begin])
        self._descend()
        if self.uphill.settled and search.start is None and not self.large:
            late = self._time_to_cross
            self._until_idle(lambda _: self._another(), 0.0, IDLE_ROUNDS, late, ROUNDS)
            self._cross()
        self.uphill.finish()
        return self.uphill.guide

    def _another(self) -> float:
        """One more search from nothing, that could end elsewhere; 1 where it found better, or 0.

        One that had not the time for all of its work could have found better.
        """
        before = self.search.objective
        self._start_again()
        finished = self._settle()
        return float(self.search.objective != before or not finished)

    def _time_to_cross(self) -> bool:
        """Whether the time left is spent best on what was found."""
        return self.crossable and self.search.clock() > self.pace.after(TO_CROSS)

    def _cross(self) -> None:
        """Cross the incumbent with other local optima, and improve what comes of it."""
        self.search.enter("crossing")
        while self.crossable and not self.pace.over():
            latest = min(self.pace.end, self.search.clock() + self.pace.span_s(CROSS))
            children = self.elite.cross(latest, self._side_by_side)
            if children is None:
                return
            if children and not self.pace.over():
                self.chains = []
                for child in children:
                    self._begin(child, self._guide.prices, self.search.seed + self.begun)
                self._until_idle(lambda _: self._flow_turn(), LITTLE, CROSS_PATIENCE)
                self._offer()

    def _descend(self) -> None:
        """Turns of ruin and recreate at the best prices, then annealing and reflow."""
        self.search.enter("ruin and recreate")
        while not self.pace.over():
            worth = SOON if self.large else WORTH
            self._until_idle(self._turn, worth, PATIENCE, until=self._worth_a_start)
            if not self._old or self._late:
                break
            self._start_again()
        self._settle()

    def _settle(self) -> bool:
        """Let chains cool slowly, then reflow until it gains little; whether there was time."""
        finished = True
        if self.uphill.settled and not self.large and self.search.start is None:
            self.search.enter("annealing")
            share = ANNEAL_CROSSED if self.crossable else ANNEAL
            finished = self._anneal(self.search.clock() + share * self.pace.left_s())
        self.search.enter("reflow")
        self._until_idle(lambda _: self._flow_turn(), LITTLE, FLOW_PATIENCE)
        self._side_by_side([self._offer, self.uphill.certify])
        if self.crossable:
            self.elite.keep(self.chains)
        return finished

    def _anneal(self, latest: float) -> bool:
        """Turns that cool slowly to nothing, as slowly as there is time for or need be."""
        nodes = self.compiled.quantities.n_nodes
        cooling, turn = Cooling(HOT * self._node_cost, ANNEALED * nodes**2), 0
        while not (cooling.over or self.pace.over() or self.search.clock() > latest):
            affordable = self.pace.steps(latest - self.search.clock())
            self._work(*cooling.turn(self.steps, affordable))
            turn += 1
            if turn % OFFERED == 0:
                self._offer()
        return cooling.over

    def _until_idle(
        self,
        take: Callable[[int], float],
        worth: float,
        patience: int,
        until: Callable[[], bool] = lambda: False,
        most: float = math.inf,
    ) -> None:
        """Turn after turn, until so many in a row gain little, or so many at most."""
        idle = turn = 0
        while turn < most and idle < patience and self.chains and not (self.pace.over() or until()):
            idle = 0 if take(turn) > worth else idle + 1
            turn += 1
            if turn % OFFERED == 0:
                self._offer()

    @property
    def _guide(self) -> Completion:
        """The prices to follow; there are some once the sides have opened."""
        assert self.uphill.guide is not None
        return self.uphill.guide

    # --- a search ------------------------------------------------------------------------------

    def _open_primal(self) -> None:
        """A first placement at the prices known; what an old one still says of it."""
        search = self.search
        if search.best is None or search.start is not None:
            start = search.best
            if start is None and search.start is not None:
                start = adapted(self.compiled, search.start)
            self._begin(start, search.prices, search.seed)
            self._offer()
            if not self.large:
                self.chains[0].recreate(STEPS, self._warmth(), self.pace.over)

    def _worth_a_start(self) -> bool:
        """Whether prices are settled, and what there is was made at worse ones."""
        return self.uphill.settled and self._old and not self._late

    @property
    def _late(self) -> bool:
        """Whether what begins now would not get as far as what there is."""
        sooner = self.born is None or (self.uphill.apart and not self.along)
        needed = (SOONER if sooner else AS_SOON) * self.pace.searched_s
        return self.pace.left_s() <= needed + self._begins * self.pace.begin_s

    @property
    def _begins(self) -> int:
        """How many chains begin at once."""
        return CHAINS if self.uphill.settled and not self.large else 1

    @property
    def _old(self) -> bool:
        """Whether what there is was made at prices that are much worse, or were not settled."""
        if self.born is None or (self.uphill.settled and not self.at_settled):
            return True
        return self._guide.bound > self.born + NEWS * abs(self.born)

    def _start_again(self) -> None:
        """From nothing at the prices known now.

        What was made at other prices stays worse than what is made at these. Kept, though, are an
        old placement that is to be improved, and one with classes that ruin and recreate leaves.
        """
        guide = self._guide
        self.born, self.at_settled = guide.bound, self.uphill.settled
        if self.chains and self.search.start is not None:
            return
        if self.begun:
            self._offer()
        start = self.search.best if frozen_classes(self.compiled).any() else None
        shares = self.uphill.shares() if start is None else None
        self.along = shares is not None
        self.chains = []
        for _ in range(self._begins):
            self.begun += 1
            self._begin(start, guide.prices, self.search.seed + self.begun, shares)

    def _begin(
        self,
        start: Placement | None,
        prices: Prices | None,
        seed: int,
        shares: Shares | None = None,
    ) -> None:
        """Begin one more chain; how long that takes is remembered for the next time."""
        begun = self.search.clock()
        run = Recreation(self.compiled, start, prices=prices, seed=seed)
        run.construct(shares, many=self.large)
        self.chains.append(Chain(self.compiled, run, seed))
        self.pace.begin_s, self.pace.searched_s = self.search.clock() - begun, 0.0

    def _turn(self, turn: int) -> float:
        """One turn of both sides; returns the relative gain of the placement."""
        before = self.objective
        self.uphill.look_ahead()
        self._work(self.pace.affordable(self.steps), self._warmth() * COOLING**turn, 0.0)
        return self._gain(before)

    def _work(self, steps: int, warmth: float, last: float) -> None:
        """So many steps of ruin and recreate, beside the dual side where that has not ended."""
        for chain in self.chains:
            chain.guide(self._guide)
        begun, over = self.search.clock(), self.pace.over
        if self.uphill.settled and self.large:
            self.chains[0].recreate_halves(steps, warmth, over, self.uphill.beside, last=last)
        else:
            tasks = [partial(c.recreate, steps, warmth, over, last=last) for c in self.chains]
            self.uphill.beside(tasks)
        self.pace.turned(steps, self.search.clock() - begun)

    def _gain(self, before: float) -> float:
        """Relative gain of the placement since it cost so much; none where that was nothing."""
        return 1.0 - self.objective / before if before > 0 else 0.0

    def _flow_turn(self) -> float:
        """The same with reflow before ruin and recreate."""
        guide, before = self._guide, self.objective
        alone = self.uphill.settled and self.large
        if not alone:
            self.uphill.look_ahead()
        nodes = self.compiled.quantities.n_nodes
        latest = self.pace.end - BEGIN_S * nodes
        self.chains.sort(key=lambda chain: chain.objective)
        for chain in self.chains:
            chain.follow(self.chains[0])
        several = max(0, nodes - NODES)
        steps = AFTERWARDS * (nodes - several) + FURTHER * several
        warmth = GENTLY * self._warmth()

        def flow(chain: Chain, side_by_side: SideBySide) -> None:
            chain.reflow(guide, latest, side_by_side)
            chain.recreate(steps, warmth, self.pace.over)

        if alone:
            flow(self.chains[0], self._side_by_side)
        else:
            self.uphill.beside([partial(flow, chain, one_by_one) for chain in self.chains])
        return self._gain(before)

    @property
    def objective(self) -> float:
        """$ of the best placement."""
        return min(chain.objective for chain in self.chains)

    @property
    def _node_cost(self) -> float:
        """$ of the best placement known, for each node."""
        known = self.search.objective
        least = self.objective if known is None else min(known, self.objective)
        return least / self.compiled.quantities.n_nodes

    def _warmth(self) -> float:
        """$ of the first temperature."""
        return WARM / (1.0 + self.compiled.quantities.n_nodes / MANY) * self._node_cost

    def _offer(self) -> None:
        """Hand in the best placement, where it is new."""
        if not self.chains or self.objective == self.offered:
            return
        self.offered, begun = self.objective, self.search.clock()
        best = min(self.chains, key=lambda chain: chain.objective).best
        if best is not None:
            self.search.offer(best)
        self.pace.offer_s = max(self.pace.offer_s, self.search.clock() - begun)
