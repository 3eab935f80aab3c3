"""Like classes made one, exactly.

Classes of one kind differ in name and count only. Where all their requests are verified (`sample`
1), or none, one class of all their requests has the same placements at the same cost, so methods
work on that. Every placement of the merged instance splits into one of the original:

Requests executed are cut one after the other: the members in their order, the nodes in theirs.
Verifications need care, for a part (control group, or node) may not verify what it executes. By the
lemma of constraint 11 the verifiers of S requests can be named if executed(o) + verified(o) <= S
for every part o. Which of the requests that a part executes are cut off does not matter, they are
alike; so for ANY s requests with x(o) executed by each part, the named verifiers show that some
v(o) of the right sum lie within

    at least  verified(o) + (executed(o) - x(o)) - (S - s),  for else o has too many for the rest,
    at most   s - x(o),                                      for else o has too many for these,

and whatever lies within leaves both halves with the property that S had. So the members are halved
until each is alone, all classes at once.

Prices of a merged class are prices of each member: the bound is a sum over requests, so it is the
same bound.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from placement.instance import Instance
from placement.prices import Prices
from placement.quantities import Bools, Ints, Quantities
from placement.solution import Placement, Reason, table

_GROUP, _NONE = 0, 2


@dataclass(frozen=True, eq=False)
class Aggregation:
    """An instance with like classes merged, and the way there and back.

    Attributes
    ----------
    original : Quantities
        The instance as it was.
    merged : Instance
        With one class for like ones, named after the first of them, in their order.
    at : array over the original classes
        The merged class that each is part of.
    """

    original: Quantities
    merged: Instance
    at: Ints

    @cached_property
    def members(self) -> Ints:
        """The original classes, merged class after merged class, each in its order."""
        return np.argsort(self.at, kind="stable")

    @cached_property
    def first(self) -> Ints:
        """The first member of each merged class."""
        return np.asarray(np.unique(self.at, return_index=True)[1], dtype=np.int64)

    @property
    def _size(self) -> int:
        return len(self.merged.requests)

    def gather(self, placement: Placement) -> Placement:
        """A placement of the original instance as one of the merged.

        It costs the same, and is feasible where that was.
        """
        p = placement
        run_g, run_n, _, run_count = table(self.at[p.run_g], p.run_n, p.run_count)
        checks = table(self.at[p.verify_g], p.verify_n, p.verify_count)
        return replace(
            placement,
            run_g=run_g, run_n=run_n, run_count=run_count,
            verify_g=checks[0], verify_n=checks[1], verify_count=checks[3],
            unserved=_sums(self.at, p.unserved, self._size),
        )  # fmt: skip

    def split(self, placement: Placement) -> Placement:
        """A feasible placement of the merged instance as one of the original, at the same cost.

        Of like classes the first are served and the last turned away.
        """
        q, p, at = self.original, placement, self.at[self.members]
        runs = self._sorted(p.run_g, p.run_n, p.run_count)
        served = _pour(at, _sums(p.run_g, p.run_count, self._size), q.count[self.members])
        unserved = q.count.copy()
        unserved[self.members] -= served
        row, member, run_count = _overlaps(runs.count, served)
        checks = self._sorted(p.verify_g, p.verify_n, p.verify_count)
        check_member, check_row, check_count = self._split_checks(checks, runs, served)
        return replace(
            placement,
            run_g=self.members[member], run_n=runs.n[row], run_count=run_count,
            verify_g=self.members[check_member], verify_n=checks.n[check_row],
            verify_count=check_count, unserved=unserved,
        )  # fmt: skip

    def _sorted(self, g: Ints, n: Ints, count: Ints) -> "_Rows":
        """Rows by merged class, part and node."""
        q = self.original
        part = np.where(q.independence[self.first][g] == _GROUP, q.node_group[n], n)
        order = np.lexsort((n, part, g))
        return _Rows(g[order], part[order], n[order], count[order])

    def _split_checks(
        self, checks: "_Rows", runs: "_Rows", served: Ints
    ) -> tuple[Ints, Ints, Ints]:
        """Position in `members`, row and count of the verifications of each member."""
        q, at = self.original, self.at[self.members]
        if not len(checks.g):
            return checks.g, checks.g, checks.g
        apart = q.independence[self.first] != _NONE
        blocks = _whole(checks, runs, apart, at, served)
        member, part, count = _halve(blocks, served, q.verifiers[self.members])
        order = np.lexsort((member, part, at[member]))
        row, share, pieces = _overlaps(checks.count, count[order])
        return member[order][share], row, pieces

    def gather_prices(self, prices: Prices, merged: Quantities) -> Prices:
        """Prices of demand and verification of the original as prices of the merged instance."""
        demand, verification = prices.demand[self.first], prices.verification[self.first]
        return replace(Prices.zero(merged), demand=demand, verification=verification)

    def split_prices(self, prices: Prices) -> Prices:
        """Prices of the merged instance as prices of the original that prove the same bound."""
        start = np.searchsorted(self.at[self.members], prices.part_class)
        size = np.bincount(self.at)[prices.part_class]
        rows = np.repeat(np.arange(len(size)), size)
        number = np.arange(len(rows)) - np.repeat(np.cumsum(size) - size, size)
        return replace(
            prices,
            demand=prices.demand[self.at],
            verification=prices.verification[self.at],
            rounding=prices.rounding[self.at],
            copying=prices.copying[self.at],
            part_class=self.members[start[rows] + number],
            part=prices.part[rows],
            independence=prices.independence[rows],
        )

    def split_reason(self, reason: Reason) -> Reason:
        """A reason about merged classes, its entities the first original class of each."""
        requests = self.original.instance.requests
        names = {
            row.name: requests[g].name
            for row, g in zip(self.merged.requests, self.first.tolist(), strict=True)
        }
        entities = tuple(names.get(name, name) for name in reason.entities)
        return reason.model_copy(update={"entities": entities})


def aggregate(quantities: Quantities) -> Aggregation | None:
    """Merge the classes that differ in name and count only, as far as that is exact.

    Classes of which a sample is verified stay as they are, for each class rounds its sample; so do
    those with rows in `pairs`.

    Parameters
    ----------
    quantities : Quantities
        The instance, read.

    Returns
    -------
    Aggregation or None
        None where there is nothing to merge.
    """
    q = quantities
    alone = q.sample < 1
    kind = np.where(alone, q.n_classes + np.arange(q.n_classes), q.class_kind)
    _, first, at = np.unique(kind, return_index=True, return_inverse=True)
    if len(first) == q.n_classes:
        return None
    rank = np.empty_like(first)
    rank[np.argsort(first)] = np.arange(len(first))
    at = rank[at.reshape(-1)]
    return Aggregation(q, _merged(q, np.sort(first), at), at)


def _merged(q: Quantities, first: Ints, at: Ints) -> Instance:
    """The instance with merged classes; valid, as every class of it is a valid one of more."""
    rows = q.instance.requests
    count = _sums(at, q.count, len(first)).tolist()
    size = np.bincount(at).tolist()
    requests = tuple(
        rows[g]
        if size[i] == 1
        else rows[g].model_copy(
            update={"name": f"{rows[g].name} and {size[i] - 1:,} like it", "count": count[i]}
        )
        for i, g in enumerate(first.tolist())
    )
    return q.instance.model_copy(update={"requests": requests})


# --- splitting ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Rows:
    """Requests of classes that nodes, each belonging to a part, execute or verify."""

    g: Ints
    part: Ints
    n: Ints
    count: Ints

    def take(self, rows: Bools) -> "_Rows":
        return _Rows(self.g[rows], self.part[rows], self.n[rows], self.count[rows])


@dataclass(frozen=True)
class _Blocks:
    """Members from `low` to before `high`, of one class each, and who verifies for them.

    The rows are sorted by block, then part. Requests stand on one line, class after class, member
    after member; those that the part of a row executes begin at `start` and are `executed`.
    """

    low: Ints
    high: Ints
    block: Ints
    part: Ints
    start: Ints
    executed: Ints
    verified: Ints

    def take(self, kept: Bools) -> "_Blocks":
        rows = kept[self.block]
        return _Blocks(
            self.low[kept],
            self.high[kept],
            (np.cumsum(kept) - 1)[self.block[rows]],
            self.part[rows],
            self.start[rows],
            self.executed[rows],
            self.verified[rows],
        )


def _whole(checks: _Rows, runs: _Rows, apart: Bools, at: Ints, served: Ints) -> _Blocks:
    """Each class that is verified as one block of its members that are served, the first ones.

    `apart` says of which classes no part may verify what it executes, `at` is the class of each
    member.
    """
    width = int(max(checks.part.max(), runs.part.max(initial=0))) + 1
    key, row = np.unique(checks.g * width + checks.part, return_inverse=True)
    classes, block = np.unique(key // width, return_inverse=True)
    low = np.searchsorted(at, classes)
    size = np.bincount(at[served > 0], minlength=int(at[-1]) + 1)[classes]
    line = _ends(runs.count)
    run_key = runs.g * width + runs.part
    start = line[np.searchsorted(run_key, key)]
    executed = line[np.searchsorted(run_key, key, side="right")] - start
    return _Blocks(
        low,
        low + size,
        block.reshape(-1),
        key % width,
        start,
        np.where(apart[key // width], executed, 0),
        _sums(row.reshape(-1), checks.count, len(key)),
    )


def _halve(blocks: _Blocks, served: Ints, verifiers: Ints) -> tuple[Ints, Ints, Ints]:
    """Member, part and count of verifications, once all blocks are single members."""
    done = []
    line = _ends(served)
    while len(blocks.low):
        single = blocks.high - blocks.low <= 1
        ready = blocks.take(single)
        done.append((ready.low[ready.block], ready.part, ready.verified))
        blocks = _cut(blocks.take(~single), line, verifiers)
    member, part, count = (np.concatenate(column) for column in zip(*done, strict=True))
    return member, part, count


def _cut(blocks: _Blocks, line: Ints, verifiers: Ints) -> _Blocks:
    """Every block in two, within the bounds above; `line` is where each member begins."""
    row, middle = blocks.block, (blocks.low + blocks.high) // 2
    first, rest = line[middle] - line[blocks.low], line[blocks.high] - line[middle]
    runs = np.clip(line[middle][row] - blocks.start, 0, blocks.executed)
    least = np.maximum(blocks.verified - rest[row] + (blocks.executed - runs), 0)
    most = np.minimum(blocks.verified, first[row] - runs)
    ends = np.searchsorted(row, np.arange(len(middle) + 1))
    low, high = (np.diff(_ends(bound)[ends]) for bound in (least, most))
    wanted = np.clip(verifiers[blocks.low] * first, low, high)
    checks = least + _pour(row, wanted - low, most - least)
    verified = np.concatenate([checks, blocks.verified - checks])
    used = verified > 0
    return _Blocks(
        np.concatenate([blocks.low, middle]),
        np.concatenate([middle, blocks.high]),
        np.concatenate([row, row + len(middle)])[used],
        np.concatenate([blocks.part, blocks.part])[used],
        np.concatenate([blocks.start, blocks.start + runs])[used],
        np.concatenate([runs, blocks.executed - runs])[used],
        verified[used],
    )


def _pour(of: Ints, amount: Ints, room: Ints) -> Ints:
    """For rows sorted by `of`, its amount poured into them, each filled before the next."""
    ends = _ends(room)
    start = ends[np.searchsorted(of, np.arange(len(amount)))]
    return np.asarray(np.clip((amount + start)[of] - ends[:-1], 0, room))


def _ends(count: Ints) -> Ints:
    """Where rows laid end to end begin, and one end more."""
    return np.concatenate([[0], np.cumsum(count)])


def _overlaps(one: Ints, other: Ints) -> tuple[Ints, Ints, Ints]:
    """Two ways to cut one line, laid over each other: row of each, and length, of every piece."""
    ends_one, ends_other = np.cumsum(one), np.cumsum(other)
    ends = np.union1d(ends_one, ends_other)
    ends = ends[ends > 0]
    length = np.diff(ends, prepend=0)
    return np.searchsorted(ends_one, ends), np.searchsorted(ends_other, ends), length


def _sums(of: Ints, count: Ints, size: int) -> Ints:
    return np.bincount(of, count, size).astype(np.int64)
