"""Who verifies whose work, and what few parties could cheat with if they worked together.

Executor and verifiers of single requests are those that `expand` names. Other names may fit the
same counts, so these figures are of the plan as it would be carried out by `expand`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from placement.analysis.tables import Records
from placement.expansion import nodes_of_requests
from placement.quantities import Bools, Ints, Quantities
from placement.solution import Placement

MOST_COLLUDERS = 3
LISTABLE = 500
"""With more groups than this, only those that take part in most verified requests are combined."""


@dataclass(frozen=True)
class Pair:
    """One control group that verifies what another executes.

    Attributes
    ----------
    executor, verifier : str
        Control groups; a node without operator is one, as `node NAME`.
    requests : int
        How often the one verifies a request that the other executes.
    share : float
        Of all verifications.
    """

    executor: str
    verifier: str
    requests: int
    share: float


@dataclass(frozen=True)
class Pairs(Records):
    """Who verifies whose work, the most frequent first."""

    title = "Who verifies whom"
    record = Pair

    entries: tuple[Pair, ...]


@dataclass(frozen=True)
class Exposure:
    """What so many control groups could cheat with together.

    Attributes
    ----------
    colluders : int
        How many groups; fewer are named where that is as bad.
    groups : str
        The groups that are worst.
    requests : int
        Verified requests whose executor and verifiers are all among them.
    share : float or None
        Of all verified requests; None without any.
    exact : bool
        Whether no other groups are worse; else these are the worst among those that take part in
        most verified requests.
    """

    colluders: int
    groups: str
    requests: int
    share: float | None
    exact: bool


@dataclass(frozen=True)
class Exposures(Records):
    """What the worst one, two and three control groups could cheat with."""

    title = "Collusion"
    record = Exposure

    entries: tuple[Exposure, ...]


@dataclass(frozen=True)
class Team:
    """Executor and verifiers of verified requests, by control group.

    Attributes
    ----------
    members : array of int, shape (teams, groups at most)
        The executor first, then the verifiers, -1 for none.
    requests : array of int
        How many requests each team serves.
    """

    members: Ints
    requests: Ints


def teams(quantities: Quantities, placement: Placement) -> tuple[Team, int]:
    """The teams that serve verified requests, and how many requests nobody verifies.

    Raises
    ------
    InvalidSolution
        If no names can be given to requests; see `expand`.
    """
    group = np.append(quantities.node_group, -1)
    found: list[tuple[Ints, Ints]] = []
    unverified = 0
    for _, executors, verifiers in nodes_of_requests(quantities, placement):
        checked = np.any(verifiers >= 0, axis=1)
        unverified += int(np.count_nonzero(~checked))
        if checked.any():
            named = group[np.column_stack([executors, verifiers])[checked]]
            found.append(np.unique(named, axis=0, return_counts=True))
    width = max((members.shape[1] for members, _ in found), default=1)
    wide = [_widened(members, width) for members, _ in found]
    members = np.concatenate([np.zeros((0, width), dtype=np.int64), *wide])
    counts = np.concatenate([np.zeros(0, dtype=np.int64), *(count for _, count in found)])
    return Team(members, counts), unverified


def _widened(members: Ints, width: int) -> Ints:
    missing = width - members.shape[1]
    return np.pad(members, ((0, 0), (0, missing)), constant_values=-1)


def who_verifies_whom(quantities: Quantities, team: Team) -> Pairs:
    """How often each control group verifies each other, most frequent first."""
    size = quantities.n_groups
    executor = np.repeat(team.members[:, :1], team.members.shape[1] - 1, axis=1)
    verifier, count = team.members[:, 1:], np.broadcast_to(team.requests[:, None], executor.shape)
    there = verifier >= 0
    keys, at = np.unique(executor[there] * size + verifier[there], return_inverse=True)
    total = np.bincount(at.reshape(-1), count[there], len(keys)).astype(np.int64)
    names, every = quantities.group_keys, int(total.sum())
    order = np.argsort(-total, kind="stable")
    return Pairs(
        tuple(
            Pair(names[key // size], names[key % size], number, number / every)
            for key, number in zip(keys[order].tolist(), total[order].tolist(), strict=True)
        )
    )


def exposures(quantities: Quantities, team: Team) -> Exposures:
    """The worst one, two and three control groups: by looking at all of them.

    The question is that of the densest subgraph of so many nodes (Feige, Kortsarz and Peleg 2001),
    hard for many nodes but not for three.
    """
    verified = int(team.requests.sum())
    book = _Book(quantities.n_groups, team)
    names = quantities.group_keys
    entries = [
        Exposure(
            colluders=colluders,
            groups=", ".join(names[g] for g in groups),
            requests=requests,
            share=requests / verified if verified else None,
            exact=book.exact,
        )
        for colluders, (groups, requests) in enumerate(book.worst(), start=1)
    ]
    return Exposures(tuple(entries))


class _Book:
    """Requests by the one, two or three groups that serve and verify them."""

    def __init__(self, n_groups: int, team: Team) -> None:
        size, among = _distinct(team.members)
        there = among >= 0
        weight = np.bincount(
            among[there], np.broadcast_to(team.requests[:, None], among.shape)[there], n_groups
        )
        busiest = np.argsort(-weight, kind="stable")[: np.count_nonzero(weight)]
        self.exact = len(busiest) <= LISTABLE
        self.groups = np.sort(busiest[:LISTABLE])
        few = len(self.groups)
        place = np.full(n_groups + 1, few)
        place[self.groups] = np.arange(few)
        inside = (size <= MOST_COLLUDERS) & (np.where(there, place[among], 0) < few).all(axis=1)
        trio = place[among[:, :MOST_COLLUDERS]]
        self.alone, self.both = np.zeros(few), np.zeros((few, few))
        one, two, three = (inside & (size == k) for k in (1, 2, 3))
        np.add.at(self.alone, trio[one, 0], team.requests[one])
        for a, b in ((0, 1), (1, 0)):
            np.add.at(self.both, (trio[two, a], trio[two, b]), team.requests[two])
        self.trios, self.of_trio = trio[three], team.requests[three]

    def worst(self) -> Iterator[tuple[list[int], int]]:
        """The worst one, two and three groups; fewer where one more adds nothing."""
        groups: list[int] = []
        most = 0
        for find in (self._one, self._two, self._three):
            found, requests = find() if len(self.groups) else ([], 0)
            if requests > most:
                groups, most = found, requests
            yield [int(self.groups[at]) for at in groups], most

    def _one(self) -> tuple[list[int], int]:
        at = int(np.argmax(self.alone))
        return [at], int(self.alone[at])

    def _two(self) -> tuple[list[int], int]:
        together = self.alone[:, None] + self.alone + self.both
        np.fill_diagonal(together, self.alone)
        at = np.unravel_index(np.argmax(together), together.shape)
        return sorted(map(int, at)), int(together[at])

    def _three(self) -> tuple[list[int], int]:
        """The worst two beside each, those of three with a smaller number left out."""
        best: tuple[list[int], int] = ([], 0)
        first = self.trios.min(axis=1, initial=len(self.groups))
        for a in range(len(self.groups) - 2):
            beside = self.alone[a + 1 :] + self.both[a, a + 1 :]
            together = self.alone[a] + beside[:, None] + beside + self.both[a + 1 :, a + 1 :]
            rows = np.flatnonzero(first == a)
            _, b, c = (np.sort(self.trios[rows], axis=1) - (a + 1)).T
            np.add.at(together, (b, c), self.of_trio[rows])
            at = np.unravel_index(np.argmax(np.triu(together, 1)), together.shape)
            if together[at] > best[1]:
                best = [a, a + 1 + int(at[0]), a + 1 + int(at[1])], int(together[at])
        return best


def _distinct(members: Ints) -> tuple[Ints, Ints]:
    """How many groups each team is of, and which, in the first columns; -1 for none."""
    width = max(0, MOST_COLLUDERS - members.shape[1])
    ordered = np.sort(np.pad(members, ((0, 0), (0, width)), constant_values=-1), axis=1)
    fresh: Bools = ordered >= 0
    fresh[:, 1:] &= ordered[:, 1:] != ordered[:, :-1]
    front = np.argsort(~fresh, axis=1, kind="stable")
    among = np.take_along_axis(np.where(fresh, ordered, -1), front, axis=1)
    return fresh.sum(axis=1), among
