"""From counts to names: who executes and who verifies every single request.

A solution says how many requests of a class each node executes and verifies. That is enough, by the
lemma behind constraint 11 (docs/formulation.md section 4): for S like requests, an executor and k
verifiers on k + 1 distinct parts (control groups, or nodes) can be named for each of them if and
only if executed(o) + verified(o) <= S for every part o. The construction takes the executing parts
one after the other. With S requests left, part o gives away its s requests at once; of the tokens
v(p) that each other part p has to verify with, it takes

    at least  executed(p) + v(p) - (S - s),  for otherwise p had too many for the requests left,
    at most   s, for the verifiers of a request are distinct,

and k s in all. Both bounds leave room for that, and what is left is of the same kind with S - s
requests, so it never gets stuck. Inside a part, tokens go round its requests in a circle: those of
one verifying part are at most s in a row and fall on distinct requests.
"""

from collections.abc import Iterator
from typing import Literal, TypedDict

import numpy as np

from placement.errors import InvalidSolution
from placement.instance import Instance
from placement.quantities import Bools, Ints, Quantities, whole_down, whole_up
from placement.solution import Placement, Solution, table, to_placement

_GROUP, _NODE, _NONE = range(3)
_TOLERANCE = 1e-6


class NamedRequest(TypedDict):
    """One request: its class, its number within the class from 0, and the nodes that serve it."""

    request: str
    index: int
    status: Literal["served", "unserved"]
    executor: str | None
    verifiers: list[str]


def expand(instance: Instance, solution: Solution) -> Iterator[NamedRequest]:
    """Name executor and verifiers of every request.

    Every verification of the solution is named once, and no request is verified by its executor's
    part or twice by one part, part meaning control group or node as the policy's independence says.
    (With independence "none" a node may verify what it executes, but no request twice.)

    Of a class with `sample` q, as many requests are verified as q x served rounded up, from each
    part q x executed rounded up or down. Their numbers of verifiers differ by at most one: k each,
    unless the solution does more than k verifications for each, or, where q x served is not whole,
    up to k - 1 fewer in all than k for each, which constraint 9 allows. With independence "none"
    more requests are verified where a node does more verifications than that.

    Parameters
    ----------
    instance : Instance
    solution : Solution

    Returns
    -------
    iterator of dict
        One for each request, class by class in the order of the instance; the served ones of a
        class first, by executor.

    Raises
    ------
    InvalidSolution
        If the solution names what is not in the instance, or breaks constraint 1, 2, 9 or 11
        even by one request.

    Examples
    --------
    >>> from placement import Instance, Solution, expand
    >>> instance = Instance.from_dict({
    ...     "name": "two", "window_s": 60.0,
    ...     "nodes": [
    ...         {"name": "a", "roles": ["inference"]},
    ...         {"name": "b", "roles": ["verification"]},
    ...     ],
    ...     "policies": [{"name": "watched", "mode": "attestation"}],
    ...     "requests": [{"name": "job", "count": 1, "policy": "watched"}],
    ...     "pairs": [{"request": "job", "node": "a", "work_s": 0.0}],
    ... })
    >>> solution = Solution.from_dict({
    ...     "instance": "two",
    ...     "inference": [{"request": "job", "node": "a", "count": 1}],
    ...     "verification": [{"request": "job", "node": "b", "count": 1}],
    ... })
    >>> [(row["executor"], row["verifiers"]) for row in expand(instance, solution)]
    [('a', ['b'])]
    """
    quantities = Quantities(instance)
    placement = to_placement(quantities, solution)
    _demand_nameable(quantities, placement)
    return _expand(quantities, placement)


def _demand_nameable(q: Quantities, p: Placement) -> None:
    """Refuse what breaks constraint 1, 2, 9 or 11, without which names mean nothing.

    Sums of whole numbers get no tolerance here: a request has a name or has none.
    """
    executed = _totals(p.run_g, p.run_count, q.n_classes)
    verified = _totals(p.verify_g, p.verify_count, q.n_classes)
    for constraint, broken, what in (
        (1, executed + p.unserved != q.count, "are executed and turned away in another number"),
        (2, _any(q, p.run_g, ~q.can_run(p.run_g, p.run_n)), "are executed where they cannot run"),
        (
            2,
            _any(q, p.verify_g, ~q.can_verify(p.verify_g, p.verify_n)),
            "are verified where they cannot be",
        ),
        (9, verified < whole_up(q.verifiers * q.sample * executed), "are verified too few times"),
        (11, _crowded(q, p, executed), "are executed and verified too often by one part"),
    ):
        if broken.any():
            name = q.instance.requests[int(np.argmax(broken))].name
            raise InvalidSolution(f"requests of {name!r} {what} (constraint {constraint}).")


def _any(q: Quantities, g: Ints, bad: Bools) -> Bools:
    """Whether a class has a bad row."""
    return np.asarray(np.bincount(g, bad, q.n_classes) > 0)


def _crowded(q: Quantities, p: Placement, served: Ints) -> Bools:
    """Whether the parts of a class leave each other too few requests to verify."""
    g, n = np.concatenate([p.run_g, p.verify_g]), np.concatenate([p.run_n, p.verify_n])
    part = np.where(q.independence[g] == _GROUP, q.node_group[n], q.n_groups + n)
    keys, at = np.unique(g * (q.n_groups + q.n_nodes) + part, return_inverse=True)
    runs, checks = np.split(at.reshape(-1), [len(p.run_g)])
    executed = _totals(runs, p.run_count, len(keys))
    cls, alone = keys // (q.n_groups + q.n_nodes), q.independence == _NONE
    needed = whole_up(q.sample * served)
    left = np.where(alone, served, needed)[cls] - _totals(checks, p.verify_count, len(keys))
    own = np.where(alone, 0.0, q.sample)[cls] * executed
    over = (left < 0) | (own > left + _TOLERANCE * np.maximum(1, left))
    found = _totals(cls, np.minimum(executed, left), q.n_classes)
    return np.asarray(_any(q, cls, over) | (found < np.where(alone, 0, needed)))


def _expand(q: Quantities, p: Placement) -> Iterator[NamedRequest]:
    names = [node.name for node in q.instance.nodes]
    for (_, executors, verifiers), request in zip(_named(q, p), q.instance.requests, strict=True):
        for i, (executor, others) in enumerate(
            zip(executors.tolist(), verifiers.tolist(), strict=True)
        ):
            yield {
                "request": request.name,
                "index": i,
                "status": "served",
                "executor": names[executor],
                "verifiers": [names[n] for n in others if n >= 0],
            }
        for i in range(len(executors), request.count):
            yield {
                "request": request.name,
                "index": i,
                "status": "unserved",
                "executor": None,
                "verifiers": [],
            }


def nodes_of_requests(
    quantities: Quantities, placement: Placement
) -> Iterator[tuple[int, Ints, Ints]]:
    """The nodes that `expand` names, as arrays.

    Parameters
    ----------
    quantities : Quantities
        The instance.
    placement : Placement
        A feasible placement of it.

    Returns
    -------
    iterator of (int, array, array)
        Each class with the executors of its served requests and, one row for each, their
        verifiers, -1 for none.

    Raises
    ------
    InvalidSolution
        As for `expand`.
    """
    _demand_nameable(quantities, placement)
    return _named(quantities, placement)


def _named(q: Quantities, p: Placement) -> Iterator[tuple[int, Ints, Ints]]:
    runs = _Rows(q.n_classes, p.run_g, p.run_n, p.run_count)
    checks = _Rows(q.n_classes, p.verify_g, p.verify_n, p.verify_count)
    for g in range(q.n_classes):
        yield (g, *_Case(q, g, runs.of(g), checks.of(g)).named())


class _Rows:
    """Rows (class, node, count), handed out class by class."""

    def __init__(self, n_classes: int, g: Ints, n: Ints, count: Ints) -> None:
        g, self._n, _, self._count = table(g, n, count)
        self._ends = np.searchsorted(g, np.arange(n_classes + 1)).tolist()

    def of(self, g: int) -> tuple[Ints, Ints]:
        """Nodes and counts of a class."""
        rows = slice(self._ends[g], self._ends[g + 1])
        return self._n[rows], self._count[rows]


class _Case:
    """One class: its rows, and the parts that they belong to.

    With independence "none" requests count as executed by a part of their own, so that any node may
    verify them.
    """

    def __init__(
        self, q: Quantities, g: int, runs: tuple[Ints, Ints], checks: tuple[Ints, Ints]
    ) -> None:
        (self.run_n, self.run_count), (self.check_n, self.check_count) = runs, checks
        self.rate = float(q.sample[g])
        self.served = int(self.run_count.sum())
        part_of = q.node_group if q.independence[g] == _GROUP else np.arange(q.n_nodes)
        executing = part_of[self.run_n] if q.independence[g] != _NONE else self.run_n * 0 - 1
        parts, at = np.unique(
            np.concatenate([executing, part_of[self.check_n]]), return_inverse=True
        )
        self.run_part, self.check_part = np.split(at.reshape(-1), [len(executing)])
        self.executed = _totals(self.run_part, self.run_count, len(parts))
        self.verified = _totals(self.check_part, self.check_count, len(parts))
        self.sampled = int(whole_up(self.rate * self.served))
        if q.independence[g] == _NONE:
            self.sampled = max(self.sampled, int(self.verified.max(initial=0)))

    def named(self) -> tuple[Ints, Ints]:
        """Executor, and verifiers with -1 for none, of each request served."""
        executors = np.repeat(self.run_n, self.run_count)
        if not len(self.check_n):
            return executors, np.zeros((self.served, 0), dtype=np.int64)
        sample = self._sample()
        parts = _verifying_parts(sample, self.verified)
        verifiers = np.full((self.served, parts.shape[1]), -1, dtype=np.int64)
        verifiers[self._requests(sample)] = self._nodes(parts)
        return executors, verifiers

    def _sample(self) -> Ints:
        """How many requests of each part are verified: its share, rounded so that the sum is right.

        Where rounding up would leave the part's own verifications too few requests, others do.
        """
        exact = self.rate * self.executed
        most = np.minimum(self.executed, self.sampled - self.verified)
        sample = np.minimum(whole_down(exact), most)
        order = np.argsort(sample - exact, kind="stable")
        for cap in (np.minimum(sample + 1, most), most):
            room = (cap - sample)[order]
            sample[order] += _pour(self.sampled - int(sample.sum()), room)
        return sample

    def _requests(self, sample: Ints) -> Ints:
        """The requests that are verified, part by part, spread evenly over each part's."""
        part = np.repeat(self.run_part, self.run_count)
        order = np.argsort(part, kind="stable")
        part = part[order]
        i = np.arange(self.served) - (np.cumsum(self.executed) - self.executed)[part]
        some, of = sample[part], self.executed[part]
        return np.asarray(order[(i + 1) * some // of > i * some // of])

    def _nodes(self, parts: Ints) -> Ints:
        """Nodes in the place of their parts, each as often as it verifies; -1 for none."""
        nodes = np.full(parts.size, -1, dtype=np.int64)
        order = np.argsort(self.check_part, kind="stable")
        tokens = np.repeat(self.check_n[order], self.check_count[order])
        nodes[np.argsort(parts.reshape(-1), kind="stable")[: len(tokens)]] = tokens
        return nodes.reshape(parts.shape)


def _verifying_parts(sample: Ints, verified: Ints) -> Ints:
    """The parts that verify each request, by the construction above.

    A part more, of number `len(sample)`, stands for no verifier where tokens are too few to give
    all requests the same number.

    Parameters
    ----------
    sample, verified : array over parts
        Requests of each part that are to be verified, and tokens that it verifies with.

    Returns
    -------
    array of int, shape (requests, verifiers)
        Requests part by part.
    """
    requests, tokens = int(sample.sum()), int(verified.sum())
    each = -(-tokens // requests)
    left = np.append(verified, each * requests - tokens)
    executed = np.append(sample, 0)
    blocks = []
    for o in np.flatnonzero(sample).tolist():
        size = int(sample[o])
        requests -= size
        executed[o] = 0
        least = np.maximum(executed + left - requests, 0)
        most = np.minimum(left, size)
        most[o] = 0
        take = least + _pour(each * size - int(least.sum()), most - least)
        left -= take
        blocks.append(np.repeat(np.arange(len(take)), take).reshape(each, size).T)
    return np.concatenate(blocks)


def _pour(amount: int, room: Ints) -> Ints:
    """`amount` poured into rooms one after the other, each filled before the next."""
    return np.asarray(np.clip(amount - (np.cumsum(room) - room), 0, room))


def _totals(part: Ints, count: Ints, size: int) -> Ints:
    return np.bincount(part, count, size).astype(np.int64)
