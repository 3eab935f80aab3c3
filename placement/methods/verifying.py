"""Who verifies: constructive and quick, the cheapest nodes first.

What is executed in a ledger gets its verifications; where verifiers are short, executed requests
are taken back until what remains is verified.
"""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from placement.methods.ledger import Ledger
from placement.methods.shortage import CheckRule, verifiable
from placement.quantities import REEXECUTION, Bools, Floats, Ints, whole_down

_SLACK = 1e-9
_MANY_DEAD = 32
"""Exhausted nodes met in one walk that make it worth sorting them out."""
_NO_PARTS = 2
"""Code of independence `none`; before it come control groups and nodes."""


def verify_all(ledger: Ledger) -> None:
    """Assign verifications to all that is executed, or take it back.

    Classes that must be served choose first, then re-executions, then those whose penalty is
    highest for the verification they take. Attestations and proofs go by cores; re-executions go
    where replicas are, and where these do not suffice further ones are opened, if that costs less
    than the penalties it saves. Afterwards constraints 9 to 11 hold. What was taken back is in
    `ledger.left` again, so a class that must be served and could not be verified shows there.

    May be called again after more has been executed.
    """
    work = _Verification(ledger)
    for g in work.order():
        work.verify(g)


class _Roster:
    """The nodes that can verify certain classes by their cores, the cheapest first."""

    def __init__(self, nodes: Ints, least_s: float, wanted_s: float) -> None:
        self.nodes = nodes
        self.least_s = least_s
        """Core-seconds below which a node is of no use to any of the classes."""
        self.wanted_s = wanted_s
        """Core-seconds that all the classes want, over which engagement is spread."""
        self.order: list[int] = []
        self.version = -1

    def sort(self, ledger: Ledger, engaged: Bools, version: int) -> None:
        """Bring the nodes in order, given which are engaged, leaving out the exhausted ones."""
        compiled, q = ledger.compiled, ledger.q
        nodes = self.nodes[ledger.cores_s[self.nodes] >= self.least_s * (1 - _SLACK)]
        spread = np.maximum(np.minimum(ledger.cores_s[nodes], self.wanted_s), 1e-9)
        engaging = np.where(engaged[nodes], 0.0, compiled.engagement[nodes])
        price = q.core_price[nodes] / 3600.0 + engaging / spread
        self.order = nodes[np.argsort(price, kind="stable")].tolist()
        self.version = version


class _Verification:
    """One pass of `verify_all`."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.compiled = ledger.compiled
        self.q = q = ledger.q
        self.engaged: Bools = np.zeros(q.n_nodes, dtype=bool)
        self.version = 0
        """How often a node has been engaged."""
        nodes = np.arange(q.n_nodes)
        self.part_of = (q.node_group, nodes, nodes)
        self.part_list = tuple(parts.tolist() for parts in self.part_of)
        self._read()
        self._make_rosters()

    def _read(self) -> None:
        """Take over what the ledger executes and verifies."""
        q = self.q
        g, n, count = self.ledger.runs()
        self.engaged[n] = True
        self.executed = np.bincount(g, count, q.n_classes).astype(np.int64)
        rows = np.flatnonzero(self.compiled.verified[g])
        rows = rows[np.argsort(g[rows], kind="stable")]
        self.run_n, self.run_count = n[rows], count[rows]
        self.run_start = np.searchsorted(g[rows], np.arange(q.n_classes + 1))
        self.sample_n = np.zeros(q.n_classes, dtype=np.int64)
        self.sample_n[g] = n
        self.checked: dict[int, dict[int, int]] = defaultdict(dict)
        for g_, n_, count_ in zip(*(a.tolist() for a in self.ledger.checks()), strict=True):
            self.checked[g_][n_] = count_
            self.engaged[n_] = True

    def _make_rosters(self) -> None:
        """One roster for all attestations and proofs that the same kinds of nodes can do."""
        q = self.q
        self.roster_of = np.full(q.n_classes, -1)
        self.rosters: list[_Roster] = []
        asked = self.compiled.verified & (q.mode != REEXECUTION) & (self.executed > 0)
        g = np.flatnonzero(asked)
        if not len(g):
            return
        bits = np.packbits(self.compiled.verify_kinds[g], axis=1)
        _, first, inverse = np.unique(
            bits.view(f"V{bits.shape[1]}").ravel(), return_index=True, return_inverse=True
        )
        self.roster_of[g] = inverse
        for i, one in enumerate(g[first].tolist()):
            classes = g[inverse == i]
            core_s = q.core_s[classes]
            wanted = self.compiled.wanted_checks[classes] * self.executed[classes] * core_s
            nodes = np.flatnonzero(self.compiled.verify_kinds[one][q.node_kind])
            self.rosters.append(_Roster(nodes, float(core_s.min()), float(wanted.sum())))

    def order(self) -> list[int]:
        """The classes with something executed or verified, who chooses first first."""
        q = self.q
        concerned = self.executed > 0
        concerned[list(self.checked)] = True
        g = np.flatnonzero(self.compiled.verified & concerned)
        redone = q.mode[g] == REEXECUTION
        effort = np.where(redone, q.reexecution_work_s(g, self.sample_n[g]), q.core_s[g])
        worth = q.penalty[g] / np.maximum(self.compiled.wanted_checks[g] * effort, 1e-12)
        order = np.lexsort((-worth, ~redone, np.isfinite(q.penalty[g])))
        chosen: list[int] = g[order].tolist()
        return chosen

    # --- one class -----------------------------------------------------------------------------

    def verify(self, g: int) -> None:
        """Have all that is executed of g verified, or take some of it back."""
        rows = slice(int(self.run_start[g]), int(self.run_start[g + 1]))
        task = _Task(self, g, self.run_n[rows], self.run_count[rows])
        if task.missing < 0 or min(task.caps.values(), default=0) < 0:
            self._release(task)
        self._fill(task, self._offers(task))
        if task.missing and self.q.mode[g] == REEXECUTION:
            self._open_more(task)
        while task.missing:
            self._release(task)
            self._take_back(task)
            self._fill(task, self._offers(task))

    def _release(self, task: "_Task") -> None:
        """Undo the verifications of a class."""
        for n, count in self.checked.pop(task.g, {}).items():
            self.ledger.check(task.g, n, -count)
        task.refresh()

    def _fill(self, task: "_Task", offers: Iterator[tuple[int, int]]) -> None:
        """Give verifications to nodes as they are offered with their room, until none misses."""
        if not task.missing:
            return
        part, mine = self.part_list[task.kind], self.checked[task.g]
        for n, room in offers:
            cap = task.caps.get(part[n], task.ceiling)
            count = min(task.missing, cap, room)
            if count > 0:
                self.ledger.check(task.g, n, count)
                mine[n] = mine.get(n, 0) + count
                task.caps[part[n]] = cap - count
                task.missing -= count
                self._engage(n)
                if not task.missing:
                    return

    def _engage(self, n: int) -> None:
        if not self.engaged[n]:
            self.engaged[n] = True
            self.version += 1

    # --- nodes and their room ------------------------------------------------------------------

    def _offers(self, task: "_Task") -> Iterator[tuple[int, int]]:
        """Nodes with the verifications of the class that they have room for, cheapest first."""
        if self.q.mode[task.g] == REEXECUTION:
            return self._holders(task)
        return self._by_cores(task)

    def _by_cores(self, task: "_Task") -> Iterator[tuple[int, int]]:
        """The nodes of the class's roster, sorted anew before a node is engaged on old knowledge.

        Nodes that come up twice have no more room, or their part no more leave, than is true then.
        """
        roster, core_s = self.rosters[self.roster_of[task.g]], float(self.q.core_s[task.g])
        cores, engaged = self.ledger.cores_s, self.engaged
        while True:
            dead = 0
            for n in roster.order:
                stale = roster.version != self.version and not engaged[n]
                if stale or dead > _MANY_DEAD:
                    break
                left = cores[n]
                dead += left < roster.least_s
                if core_s <= 0:
                    yield n, self.q.total_count
                elif left >= core_s * (1 - _SLACK):
                    yield n, int(left / core_s + _SLACK)
            else:
                if roster.version >= 0:
                    return
            roster.sort(self.ledger, engaged, self.version)

    def _holders(self, task: "_Task") -> Iterator[tuple[int, int]]:
        """The nodes with replicas of the class's model that can re-execute it."""
        g, m = task.g, int(self.q.class_model[task.g])
        nodes = np.flatnonzero(self.ledger.replicas[m] > 0)
        nodes = nodes[self.compiled.verify_kinds[g][self.q.node_kind[nodes]]]
        room = self.ledger.check_room(task.at, nodes)
        nodes, room = nodes[room > 0], room[room > 0]
        use = np.maximum(np.minimum(room, task.missing), 1)
        price = self.compiled.price_checks(task.at, nodes).cost
        price = price + np.where(self.engaged[nodes], 0.0, self.compiled.engagement[nodes]) / use
        order = np.argsort(price, kind="stable")
        yield from zip(nodes[order].tolist(), room[order].tolist(), strict=True)

    # --- replicas for re-execution -------------------------------------------------------------

    def _open_more(self, task: "_Task") -> None:
        """Open replicas on nodes that can re-execute, while that pays."""
        m = int(self.q.class_model[task.g])
        while task.missing:
            nodes = np.flatnonzero(self.compiled.verify_kinds[task.g][self.q.node_kind])
            nodes = nodes[self.ledger.openable(m, nodes)]
            gain = self._gain(task, m, nodes)
            nodes, gain = nodes[gain > 0], gain[gain > 0]
            if not len(nodes):
                return
            each = self._opening_cost(m, nodes) / gain
            each += self.compiled.price_checks(task.at, nodes).cost
            best = int(np.argmin(each))
            worth = self.q.penalty[task.g] / self.compiled.wanted_checks[task.g]
            if each[best] > worth:
                return
            n = int(nodes[best])
            self.ledger.open(m, n)
            room = int(self.ledger.check_room(task.at, np.array([n]))[0])
            self._fill(task, iter([(n, room)]))

    def _gain(self, task: "_Task", m: int, nodes: Ints) -> Ints:
        """The verifications that one more replica on each node adds."""
        q, ledger = self.q, self.ledger
        new = ledger.replicas[m, nodes] >= q.loaded[m, nodes]
        after = ledger.capacity_s[nodes] - np.where(new, q.load_s(m, nodes), 0.0)
        seconds = np.minimum(after, ledger.share_s[m, nodes] + q.replica_s(m, nodes))
        work = q.reexecution_work_s(task.at, nodes)
        core_s = q.core_s[task.g]
        with np.errstate(divide="ignore", invalid="ignore"):
            room = np.where(work > 0, seconds / work, task.missing)
            cores = ledger.cores_s[nodes] / core_s if core_s > 0 else np.inf
        parts = self.part_of[task.kind]
        caps = np.full(max(self.q.n_nodes, self.q.n_groups), task.ceiling)
        caps[list(task.caps)] = list(task.caps.values())
        room = np.minimum(np.minimum(room, cores), caps[parts[nodes]])
        return np.asarray(whole_down(np.clip(room, 0, task.missing)))

    def _opening_cost(self, m: int, nodes: Ints) -> Floats:
        """$ of one more replica of m on each node."""
        q, ledger, compiled = self.q, self.ledger, self.compiled
        new = ledger.replicas[m, nodes] >= q.loaded[m, nodes]
        hosts = np.unique(q.node_region[np.flatnonzero(ledger.hosting[m])])
        fetch = q.transfer_price[hosts].min(axis=0, initial=np.inf)[q.node_region[nodes]]
        fetch = np.where(ledger.hosting[m, nodes], 0.0, q.weights_gb[m] * fetch)
        loading = compiled.load_cost(np.array([m]), nodes) + fetch
        engaging = np.where(self.engaged[nodes], 0.0, compiled.engagement[nodes])
        return np.asarray(np.where(new, loading, 0.0) + engaging)

    # --- too few verifiers ---------------------------------------------------------------------

    def _take_back(self, task: "_Task") -> None:
        """Take back the fewest executed requests that let the rest be verified, at least one."""
        part = self.part_of[task.kind]
        cost = self.compiled.price_runs(task.at, task.n).cost
        offers = np.array(list(dict(self._offers(task)).items()), dtype=np.int64).reshape(-1, 2).T
        parts, at = np.unique(np.concatenate([part[task.n], part[offers[0]]]), return_inverse=True)
        runs, offered = at[: len(task.n)], at[len(task.n) :]
        executed = np.bincount(runs, task.count, len(parts)).astype(np.int64)
        most = np.minimum(offers[1], task.total + 1)
        room = np.bincount(offered, most, len(parts)).astype(np.int64)
        dearest = np.full(len(parts), -np.inf)
        np.maximum.at(dearest, runs, cost)
        surplus = executed - verifiable(task.rule, executed, room, dearest)
        if not surplus.any():
            surplus[np.argmax(dearest)] = 1
        order = np.lexsort((-cost, runs))
        before = np.cumsum(task.count[order]) - task.count[order]
        before -= np.repeat(*_starts(runs[order], before))
        back = np.zeros_like(task.count)
        back[order] = np.clip(surplus[runs[order]] - before, 0, task.count[order])
        self.ledger.execute_many(task.g, task.n, -back)
        task.count = task.count - back
        task.refresh()


def _starts(keys: Ints, values: Ints) -> tuple[Ints, Ints]:
    """The first value of each run of equal keys, and the lengths of the runs."""
    first = np.flatnonzero(np.diff(keys, prepend=-1))
    return values[first], np.diff(first, append=len(keys))


class _Task:
    """One class: what is executed of it where, and what its verification still wants.

    Attributes
    ----------
    n, count : array of int
        The nodes that execute, and how much.
    missing : int
        Verifications wanted and not yet done.
    ceiling : int
        The most that one part may verify which executes nothing.
    caps : dict
        What the other parts may still verify.
    """

    def __init__(self, work: _Verification, g: int, n: Ints, count: Ints) -> None:
        q = work.q
        self.work, self.g, self.n, self.count = work, g, n, count
        self.at = np.array([g])
        self.kind = int(q.independence[g])
        wanted = float(work.compiled.wanted_checks[g])
        self.rule = CheckRule(self.kind < _NO_PARTS, float(q.sample[g]), wanted)
        self.refresh()

    def refresh(self) -> None:
        """Work out anew what is missing and what each part may do."""
        mine = self.work.checked.get(self.g, {})
        self.total = int(self.count.sum())
        self.ceiling = self.rule.ceiling(self.total)
        self.missing = self.rule.needed(self.total) - sum(mine.values())
        part = self.work.part_list[self.kind]
        used: dict[int, float] = defaultdict(float)
        if self.rule.apart:
            for n, count in zip(self.n.tolist(), self.count.tolist(), strict=True):
                used[part[n]] += self.rule.sample * count
        for n, count in mine.items():
            used[part[n]] += count
        self.caps = {p: int(np.floor(self.ceiling - amount + _SLACK)) for p, amount in used.items()}
