"""What keeps classes from being served, and how classes of one cause become one reason."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from placement.explain.codes import Code
from placement.explain.places import Spots, Step
from placement.explain.rooms import Rooms
from placement.explain.wording import counted, listing
from placement.quantities import Bools, Ints, Quantities
from placement.solution import Reason

MOST_NAMED = 20
"""The most entities that one reason names."""
MOST_REASONS = 8
"""The most reasons of one cause; what is left over shares the last."""


@dataclass(frozen=True)
class Detail:
    """What can be said about one class: facts, and changes each of which would help."""

    facts: tuple[str, ...] = ()
    helps: tuple[str, ...] = ()


Key = Callable[[Quantities, Ints], Ints]
"""A number for each of some classes: those with the same number share a reason."""


def together(_: Quantities, g: Ints) -> Ints:
    """All in one reason."""
    return np.zeros(len(g), dtype=np.int64)


def by_model(q: Quantities, g: Ints) -> Ints:
    """A reason for each model."""
    return q.class_model[g]


def by_policy(q: Quantities, g: Ints) -> Ints:
    """A reason for each policy."""
    return q.class_policy[g]


def by_region(q: Quantities, g: Ints) -> Ints:
    """A reason for each region of users."""
    return q.class_region[g]


def by_jurisdictions(q: Quantities, g: Ints) -> Ints:
    """A reason for each set of jurisdictions allowed."""
    allowed = [q.instance.requests[i].jurisdictions for i in g.tolist()]
    codes = {key: i for i, key in enumerate(dict.fromkeys(allowed))}
    return np.array([codes[key] for key in allowed], dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Cause:
    """One thing that can keep classes from being served.

    Attributes
    ----------
    code
        The stable code of its reasons.
    because
        The clause that says it, of many classes ("they", "their").
    key
        Which classes share a reason.
    detail
        Looks closely at one class.
    """

    code: Code
    because: str
    key: Key = together
    detail: Callable[[Rooms, int], Detail] = lambda _rooms, _g: Detail()


@dataclass
class Sieve:
    """Classes, sorted out cause by cause; what is left has met no cause yet."""

    left: Ints
    found: list[tuple[Cause, Ints, Rooms]] = field(default_factory=list)

    def drop(self, cause: Cause, stopped: Bools, rooms: Rooms) -> Bools:
        """Sort out those that a cause stops; returns which are left."""
        if stopped.any():
            self.found.append((cause, self.left[stopped], rooms))
            self.left = self.left[~stopped]
        return ~stopped

    def climb(self, spots: Spots, steps: Sequence[tuple[Cause, Step]], rooms: Rooms) -> Bools:
        """Sort out by the first condition that leaves a class without a place."""
        level = spots.climb([step for _, step in steps])
        for i, (cause, _) in enumerate(steps):
            if (level == i).any():
                self.found.append((cause, spots.g[level == i], rooms))
        passed = np.asarray(level == len(steps))
        stopped = spots.g[~passed]
        self.left = self.left[~np.isin(self.left, stopped)]
        return passed


def reasons(sieve: Sieve, requests: Ints, *, must: bool) -> tuple[Reason, ...]:
    """One reason for the classes of each cause and key, the largest first within a cause.

    Parameters
    ----------
    requests
        Requests of each class of the instance that the reasons are about.
    must
        Whether they must be served; else they are turned away.
    """
    answer = []
    for cause, classes, rooms in sieve.found:
        groups = _groups(cause.key(rooms.q, classes), classes, requests)
        answer += [_reason(cause, group, rooms, requests, must=must) for group in groups]
    return tuple(answer)


def _groups(key: Ints, classes: Ints, requests: Ints) -> list[Ints]:
    """Classes of like key, largest first; the tail of a long list in one."""
    order = np.lexsort((classes, -requests[classes], key))
    starts = np.flatnonzero(np.diff(key[order])) + 1
    groups = np.split(classes[order], starts)
    groups.sort(key=lambda group: (-int(requests[group].sum()), int(group[0])))
    if len(groups) <= MOST_REASONS:
        return groups
    tail = np.concatenate(groups[MOST_REASONS - 1 :])
    tail = tail[np.lexsort((tail, -requests[tail]))]
    return [*groups[: MOST_REASONS - 1], tail]


def _reason(cause: Cause, classes: Ints, rooms: Rooms, requests: Ints, *, must: bool) -> Reason:
    rows = rooms.q.instance.requests
    names = [rows[g].name for g in classes.tolist()]
    total = int(requests[classes].sum())
    state = "must be served, but" if must else ("is" if total == 1 else "are")
    verb = state if must else f"{state} turned away because"
    detail = cause.detail(rooms, int(classes[0]))
    return Reason(
        code=cause.code.value,
        entities=tuple(names[:MOST_NAMED]),
        sentence=f"{subject(total, names)} {verb} {cause.because}{_aside(detail, names)}.",
    )


def subject(total: int, names: Sequence[str]) -> str:
    """Who it is about: 12 requests of class a; 90 requests of 8 classes (a, b, c and 5 more)."""
    amount = counted(total, "request")
    if len(names) == 1:
        return f"{amount} of class {names[0]}"
    return f"{amount} of {counted(len(names), 'class')} ({listing(names)})"


def _aside(detail: Detail, names: Sequence[str]) -> str:
    """Facts in brackets and what would help; of the largest class where there are several."""
    many = len(names) > 1
    facts = ", ".join(detail.facts)
    whose = f"{names[0]}: " if many else ""
    aside = f" ({whose}{facts})" if facts else ""
    helps = ", or ".join(detail.helps)
    whom = f" {names[0]}" if many else ""
    return aside + (f"; what would help{whom}: {helps}" if helps else "")
