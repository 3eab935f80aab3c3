"""What replicas of a model cost on its nodes before they serve anything, and how many are best."""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from placement.quantities import Floats, Ints

LISTED = 64
"""Replica counts tried one by one."""


@dataclass(frozen=True)
class Replicas:
    """Replicas of one model on some nodes; all columns are by node.

    Attributes
    ----------
    most, loaded : array of int
        How many fit, and how many of these are there already.
    held, fresh : array
        $ per replica, and per new replica.
    fetch, own : array
        $ of a source: per new replica, or once for all; infinite where there is none.
    kept : array
        $ given back per replica that is there already and kept.
    """

    most: Ints
    loaded: Ints
    held: Floats
    fresh: Floats
    fetch: Floats
    own: Floats
    kept: Floats

    def take(self, rows: Ints) -> "Replicas":
        """Some of the nodes."""
        return Replicas(*(getattr(self, entry.name)[rows] for entry in fields(self)))

    def cost(self, z: int) -> Floats:
        """$ of z replicas."""
        new = np.maximum(z - self.loaded, 0)
        source = np.minimum(np.maximum(new, 1) * self.fetch, self.own)
        given = np.minimum(z, self.loaded) * self.kept
        return z * self.held - given + new * self.fresh + np.where(new > 0, source, 0.0)

    def least(self, gain: Callable[[Ints, int], Floats]) -> Floats:
        """The least cost of any number of replicas, their gain taken off.

        Counts are tried one by one up to `LISTED`. More replicas gain at most as much each as the
        first, and their source costs at least its share of the own copy.

        Parameters
        ----------
        gain : callable
            The gain on some of the nodes (indices) with z replicas, concave in z.
        """
        best = np.zeros(len(self.most))
        for z in range(1, min(int(self.most.max(initial=0)), LISTED) + 1):
            at = np.flatnonzero(self.most >= z)
            best[at] = np.minimum(best[at], self.take(at).cost(z) - gain(at, z))
        at = np.flatnonzero(self.most > LISTED)
        if len(at):
            best[at] = np.minimum(best[at], self.take(at).unlisted(gain(at, 1)))
        return best

    def unlisted(self, first: Floats) -> Floats:
        """A lower bound for any number of replicas that gain at most as much each as the first."""
        room = self.most - self.loaded
        source = np.minimum(self.fetch, self.own / np.maximum(room, 1))
        new = np.minimum(self.held + self.fresh + source - first, 0.0)
        kept = np.minimum(self.held - self.kept - first, 0.0)
        return np.asarray(self.loaded * kept + room * new)
