"""Taking back wishes that no network could grant, so that only scarcity leaves demand unserved."""

import numpy as np

from placement.generate.demand import ANYWHERE, PLACE_JURISDICTION, Streams
from placement.generate.draw import Bools, Ints
from placement.generate.fleet import Fleet
from placement.generate.models import Zoo
from placement.generate.policies import POLICIES, POLICY_INDEX, accepted_tees

SPARE_GROUPS = 1
"""Control groups beyond the least that independence asks for."""


def make_answerable(streams: Streams, fleet: Fleet, owners: Ints, zoo: Zoo) -> None:
    """Free classes that too few nodes can answer: from jurisdiction, then from policy.

    `owners` are the control groups of the nodes. Two of them have to be able to execute, so that
    no share cap stands in the way; verified classes need an executor and verifiers in distinct
    groups, and one group to spare.
    """
    for wish, free in ((streams.bound, ANYWHERE), (streams.policy, POLICY_INDEX["none"])):
        wishes = np.stack([streams.model, streams.policy, streams.bound])
        distinct, of = np.unique(wishes, axis=1, return_inverse=True)
        stuck = ~_answerable(distinct, fleet, owners, zoo)
        wish[stuck[of.ravel()]] = free


def _answerable(wishes: Ints, fleet: Fleet, owners: Ints, zoo: Zoo) -> Bools:
    """Whether enough control groups can take part, for each model, policy and jurisdiction."""
    model, policy, bound = wishes
    needed = np.array([row.verifiers for row in POLICIES])[policy]
    repeats = np.array([row.mode == "reexecution" for row in POLICIES])[policy]
    place = (bound[:, None] == ANYWHERE) | (bound[:, None] == PLACE_JURISDICTION[fleet.region])
    holds = zoo.fits(fleet.kind, fleet.accelerators)[model]
    executes = place & holds & accepted_tees()[policy][:, fleet.tee] & fleet.role("i")
    verifies = place & fleet.role("v") & (holds | ~repeats[:, None])
    executors, verifiers = _owned_by(executes, owners), _owned_by(verifies, owners)
    together = _owned_by(executes | verifies, owners)
    enough = (verifiers >= needed) & (together >= needed + 1 + SPARE_GROUPS)
    return np.asarray((executors > 1) & (enough | (needed == 0)))


def _owned_by(nodes: Bools, owners: Ints) -> Ints:
    """The number of owners of the marked nodes, for each row."""
    order = np.argsort(owners, kind="stable")
    starts = np.flatnonzero(np.diff(owners[order], prepend=-1))
    owned = np.logical_or.reduceat(nodes[:, order], starts, axis=1)
    return np.asarray(owned.sum(axis=1), dtype=np.int64)
