"""Placements of pieces as one of the whole, and their prices as prices of the whole."""

from collections.abc import Mapping, Sequence

import numpy as np

from placement.assembly import Counts, assemble
from placement.compiled import Compiled
from placement.distributed.cutting import Piece
from placement.distributed.piecework import Finding
from placement.methods.completion import Completion, complete
from placement.quantities import Bools, Floats, Ints
from placement.solution import Placement

_SLACK = 1e-9


def join(
    compiled: Compiled, pieces: Sequence[Piece], findings: Mapping[int, Finding], hosting: Bools
) -> Placement:
    """One placement of the whole: what the pieces found, and the hosts given.

    Hosts of the pieces stay where storage has room for them, and each load reads from the cheapest
    host there is. Requests of pieces without an answer are unserved.

    Parameters
    ----------
    compiled : Compiled
        The whole.
    pieces : sequence of Piece
        What it was cut into.
    findings : mapping of int to Finding
        What was found, by number of the piece.
    hosting : array of bool, shape (models, nodes)
        The hosts that there have to be.
    """
    q = compiled.quantities
    found = [(pieces[p], finding.placement) for p, finding in sorted(findings.items())]
    placed = [(piece, placement) for piece, placement in found if placement is not None]
    replicas: Ints = np.zeros((q.n_models, q.n_nodes), dtype=np.int64)
    wanted: Bools = np.zeros_like(hosting)
    for piece, p in placed:
        replicas[p.replica_m, piece.nodes[p.replica_n]] = p.replica_count
        wanted[p.host_m, piece.nodes[p.host_n]] = True
    runs = _rows([(piece, p.run_g, p.run_n, p.run_count) for piece, p in placed])
    checks = _rows([(piece, p.verify_g, p.verify_n, p.verify_count) for piece, p in placed])
    unserved = q.count - np.bincount(runs[0], runs[2], q.n_classes).astype(np.int64)
    stored = _with_room(compiled, hosting, wanted)
    return assemble(compiled, stored, replicas, runs=runs, checks=checks, unserved=unserved)


def _rows(parts: Sequence[tuple[Piece, Ints, Ints, Ints]]) -> Counts:
    """Rows of class, node and count, in the indices of the whole."""
    none = np.zeros(0, dtype=np.int64)
    g = [piece.classes[at] for piece, at, _, _ in parts]
    n = [piece.nodes[at] for piece, _, at, _ in parts]
    count = [amount for _, _, _, amount in parts]
    return tuple(np.concatenate([none, *column]) for column in (g, n, count))  # type: ignore[return-value]


def _with_room(compiled: Compiled, hosting: Bools, wanted: Bools) -> Bools:
    """The hosts given, and of the others all those of nodes that have room for all they want."""
    q = compiled.quantities
    both = hosting | wanted
    full = q.weights_gb @ both > q.storage_gb * (1 + _SLACK) + _SLACK
    return np.asarray(np.where(full, hosting, both))


def join_prices(
    compiled: Compiled, pieces: Sequence[Piece], findings: Mapping[int, Finding]
) -> Completion:
    """The mean of the pieces' prices, weighted by requests, with the node prices that go best.

    They prove some 5 to 10 % less than prices of the whole, but take no time to find.
    """
    q = compiled.quantities
    total, demand, verification = np.zeros((3, q.n_classes))
    copying = np.zeros((q.n_classes, q.n_regions))
    for p, finding in findings.items():
        piece = pieces[p]
        count = np.array([row.count for row in piece.instance.requests], dtype=float)
        total[piece.classes] += count
        demand[piece.classes] += count * finding.demand
        verification[piece.classes] += count * finding.verification
        copying[piece.classes] += count[:, None] * finding.copying
    known: Floats = np.maximum(total, 1.0)
    copying /= known[:, None]
    return complete(compiled, demand / known, verification / known, copying=copying)
