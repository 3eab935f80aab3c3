"""Requests from where weights come from, to where they are executed, to where they are verified."""

from dataclasses import dataclass

import numpy as np

from placement.expansion import nodes_of_requests
from placement.quantities import Floats, Ints, Quantities
from placement.solution import Placement

MOST_PLACES = 7
"""Regions of their own; the others, those with least, are taken together."""
KEPT, NO_WEIGHTS, UNVERIFIED = "already loaded", "no weights", "not verified"


@dataclass(frozen=True)
class Flows:
    """Requests by region.

    Attributes
    ----------
    places : tuple of str
        The regions, the largest first, maybe others taken together, maybe none.
    sources : array, shape (places + 2, places)
        Requests by the region that the weights of their replica were read from, then those on
        replicas that were there already, then those without weights; by region of execution.
    checks : array, shape (places, places + 1)
        Requests by region of execution and of verification, then those not verified. Requests with
        several verifiers are shared among these.
    """

    places: tuple[str, ...]
    sources: Floats
    checks: Floats

    @property
    def origins(self) -> tuple[str, ...]:
        """Names of the rows of `sources`."""
        return (*self.places, KEPT, NO_WEIGHTS)

    @property
    def ends(self) -> tuple[str, ...]:
        """Names of the columns of `checks`."""
        return (*self.places, UNVERIFIED)


def flows(q: Quantities, p: Placement) -> Flows:
    """The flows of a placement.

    Raises
    ------
    InvalidSolution
        If no names can be given to requests; see `expand`.
    """
    executed = np.bincount(p.run_n, p.run_count, q.n_nodes)
    region = np.where(q.node_region < 0, q.n_regions, q.node_region)
    names = [region.name for region in q.instance.regions] + ["no region"]
    there = np.bincount(region, minlength=len(names)) > 0
    weight = np.bincount(region, executed, len(names)) + there * 1e-9
    order = np.argsort(-weight, kind="stable")[: np.count_nonzero(there)]
    kept = order if len(order) <= MOST_PLACES + 1 else order[:MOST_PLACES]
    place = np.full(len(names), len(kept))
    place[kept] = np.arange(len(kept))
    rest = len(order) - len(kept)
    places = [names[r] for r in kept.tolist()] + ([f"{rest} others"] if rest else [])
    at = place[region]
    return Flows(tuple(places), _sources(q, p, at, len(places)), _checks(q, p, at, len(places)))


def _sources(q: Quantities, p: Placement, at: Ints, size: int) -> Floats:
    """Requests of each model on each node, shared over the replicas by where these come from."""
    total = np.zeros((size + 2, size))
    requests = np.zeros((q.n_models + 1, q.n_nodes))
    np.add.at(requests, (q.class_model[p.run_g], p.run_n), p.run_count)
    np.add.at(total, (np.full(q.n_nodes, size + 1), at), requests[-1])
    replicas, fresh = (np.zeros((q.n_models, q.n_nodes)) for _ in range(2))
    np.add.at(replicas, (p.replica_m, p.replica_n), p.replica_count)
    np.add.at(fresh, (p.load_m, p.load_n), p.load_count)
    each = requests[:-1] / np.maximum(replicas, 1)
    np.add.at(total, (at[p.load_s], at[p.load_n]), each[p.load_m, p.load_n] * p.load_count)
    kept = (each * (replicas - fresh)).sum(axis=0)
    np.add.at(total, (np.full(q.n_nodes, size), at), kept)
    return total


def _checks(q: Quantities, p: Placement, at: Ints, size: int) -> Floats:
    """Requests by where they are executed and verified."""
    total = np.zeros((size, size + 1))
    where = np.append(at, size)
    for _, executors, verifiers in nodes_of_requests(q, p):
        checked = verifiers >= 0
        share = checked / np.maximum(checked.sum(axis=1, keepdims=True), 1)
        executor = np.broadcast_to(at[executors][:, None], verifiers.shape)
        np.add.at(total, (executor, where[verifiers]), share)
        alone = ~checked.any(axis=1)
        np.add.at(total[:, size], at[executors[alone]], 1.0)
    return total
