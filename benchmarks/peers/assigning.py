"""What the solvers of assignments share: bundles there, nodes back, the rest completed here."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.peers.bundles import Bundles, bundle
from benchmarks.peers.completion import complete
from benchmarks.peers.outside import Answer, solve
from placement import Instance, Solution
from placement.compiled import Compiled
from placement.evaluation import evaluate_placement
from placement.solution import to_solution

Problem = dict[str, Any]

COMPLETION = 15.0
"""Time kept for the completion, in units of what building the bundles took."""
LEAST_S = 0.3
"""Time that is kept for it at least."""


def assign(
    instance: Instance,
    name: str,
    command: Sequence[str],
    write: Callable[[Problem], str],
    *,
    bundles: int,
    seconds: float,
    seed: int,
    threads: int | None,
    report: Callable[[Solution], None],
) -> Solution | None:
    """The best of what a worker finds, completed; None where it finds nothing in time.

    Parameters
    ----------
    name : str
        The method that the solution names.
    command : sequence of str
        What runs the worker.
    write : callable
        The text that it is told, given the bundles, the seed and when it has to end.
    bundles : int
        About how many to make.
    """
    begun = time.monotonic()
    compiled = Compiled(instance)
    packed = bundle(compiled, bundles)
    problem = {**packed.to_document(), "seed": seed % 2**31}

    def text(ends_at: float) -> str:
        return write({**problem, "ends_at": ends_at})

    kept = max(LEAST_S, COMPLETION * (time.monotonic() - begun))
    best = _Best(packed, name, seed, report)
    solve(command, text, begun + seconds - kept, best.consider, threads=threads)
    return best.solution


class _Best:
    """The best answer so far, judged after completion."""

    def __init__(
        self, bundles: Bundles, name: str, seed: int, report: Callable[[Solution], None]
    ) -> None:
        self.bundles, self.name, self.seed, self.report = bundles, name, seed, report
        self.solution: Solution | None = None
        self._rank = (True, np.inf)

    def consider(self, answer: Answer) -> None:
        """Complete an answer and keep it where it is the best."""
        q = self.bundles.compiled.quantities
        rows = self.bundles.rows(np.array(answer["at"], dtype=np.int64))
        placement = complete(self.bundles.compiled, *rows)
        if placement is None:
            return
        verdict = evaluate_placement(q, placement)
        rank = not verdict.feasible, verdict.objective
        if rank < self._rank:
            self._rank = rank
            self.solution = to_solution(q, placement, method=self.name, seed=self.seed)
            self.report(self.solution)
