"""POP: nodes and requests dealt at random to k pieces, each solved apart by a monolith, joined.

The method is that of Narayanan and others, "Solving large-scale granular resource allocation
problems efficiently with POP", SOSP 2021: the published random deal and nothing after the join; no
prices, no repair. Hosts that a model must have are chosen before the deal, for they couple pieces.

Uses of `placement`, beyond its public names: what cuts an instance into pieces and joins their
placements (`distributed`), and the hosts that there have to be (`methods.recreate.starting`).
"""

import math
import os
import time
from collections.abc import Callable

import numpy as np

from placement import Instance, Solution, __version__
from placement.compiled import Compiled
from placement.distributed.cutting import Piece, cut
from placement.distributed.dealing import Deal
from placement.distributed.joining import join
from placement.distributed.piecework import Finding, Task
from placement.distributed.processes import Processes
from placement.methods.recreate.starting import planned_hosting
from placement.quantities import Ints, Quantities
from placement.solution import to_solution

NAME = "POP/HiGHS"
NODES = 30
"""Nodes that a piece has at least: POP asks for pieces that are small copies of the whole."""
MOST = 64
"""The most pieces; the makers' own benchmarks take 16 and 64."""
JOINING = 0.05
"""Share of the time kept for joining and writing down."""
START_S = 1.5
"""Time that a worker takes to start, which is not its to solve."""
GAP = 1e-3


def unavailable(instance: Instance) -> str | None:
    """Why it cannot take this instance."""
    if len(instance.nodes) < 2 * NODES:
        return f"POP needs two pieces of {NODES} nodes; there are {len(instance.nodes)} nodes"
    return None


def versions() -> dict[str, str]:
    """The engine of the pieces, and what cuts and joins them."""
    from importlib.metadata import version

    return {"highspy": version("highspy"), "placement": __version__}


def run(
    instance: Instance,
    *,
    seconds: float,
    seed: int,
    threads: int | None,
    report: Callable[[Solution], None],
) -> Solution | None:
    """Deal, solve every piece by HiGHS on the whole formulation, join."""
    del report  # there is nothing before the join
    ends = time.monotonic() + seconds * (1 - JOINING)
    compiled = Compiled(instance)
    hosting = planned_hosting(compiled)
    if hosting is None:
        return None
    pieces = cut(compiled, _deal(compiled.quantities, seed), hosting)
    findings = _solve(pieces, ends, seed, threads or os.cpu_count() or 1)
    joined = join(compiled, pieces, findings, hosting)
    return to_solution(compiled.quantities, joined, method=NAME, seed=seed)


def _deal(q: Quantities, seed: int) -> Deal:
    """Nodes of each kind and requests of each class dealt at random, to each piece as many."""
    rng = np.random.default_rng(seed)
    pieces = min(MOST, q.n_nodes // NODES)
    order = np.lexsort((rng.random(q.n_nodes), q.node_kind))
    piece = np.empty(q.n_nodes, dtype=np.int64)
    piece[order] = _rounds(q.n_nodes, pieces, rng)
    return Deal(piece, _deal_requests(q, pieces, rng))


def _deal_requests(q: Quantities, pieces: int, rng: np.random.Generator) -> Ints:
    """Requests of each class by piece; a class whose sample is rounded as a whole stays whole."""
    count = np.zeros((pieces, q.n_classes), dtype=np.int64)
    order = rng.permutation(q.n_classes)
    count[_rounds(q.n_classes, pieces, rng), order] = q.count[order]
    return count


def _rounds(number: int, pieces: int, rng: np.random.Generator) -> Ints:
    """A piece for each of so many, round after round, every round in an order of its own."""
    rounds = -(-number // pieces)
    hands = np.tile(np.arange(pieces), (rounds, 1))
    return np.asarray(rng.permuted(hands, axis=1).reshape(-1)[:number])


def _solve(pieces: list[Piece], ends: float, seed: int, threads: int) -> dict[int, Finding]:
    """What is found, by number of the piece; each has the same share of the time."""
    crew = Processes(min(threads, len(pieces)))
    rounds = -(-len(pieces) // crew.size)
    each = max(0.1, (ends - time.monotonic()) / rounds - START_S)
    tasks = [Task(piece.instance, "milp", each, math.inf, GAP, seed, 1) for piece in pieces]
    return dict(crew.run(tasks, ends))
