"""Stars: one replica and the requests it would execute, valued together.

A star is a model on a node, opened or already there, with the requests that fill it best. Its price
is what it costs for each $ that the same requests would cost at the very least, so stars of all
models, accelerators and sizes compare. Greedy by least price is the rule of Chvatal (1979) for set
covering and of Jain et al. (2003) for facility location.
"""

from dataclasses import dataclass

import numpy as np

from placement.methods.ledger import Ledger
from placement.quantities import Bools, Floats, Ints


@dataclass(frozen=True)
class Star:
    """A choice: `count` requests of the classes `g` on node n, after opening a replica or not."""

    price: float
    n: int
    opens: bool
    g: Ints
    count: Ints


class ModelStars:
    """All stars of one model, kept up to date as the ledger fills.

    Parameters
    ----------
    ledger : Ledger
    m : int
        The model.
    g : array of int
        The classes of the model that may choose now.
    nodes : array of int
        Where replicas may be, or are.
    yardstick, extra : array over classes
        Least cost of one request, and what verifying it adds to the cost of executing it.
    rent : array over nodes
        $ per accelerator-second that others would gain from the node's time.
    engaged : array of bool
        Nodes in use; the caller's, who sets it.
    shared : bool
        Whether a star on an idle node bears only its part of engaging it, others the rest.
    """

    def __init__(
        self,
        ledger: Ledger,
        m: int,
        g: Ints,
        nodes: Ints,
        *,
        yardstick: Floats,
        extra: Floats,
        rent: Floats,
        engaged: Bools,
        shared: bool,
    ) -> None:
        self.ledger, self.m, self.nodes, self.engaged = ledger, m, nodes, engaged
        self._shared = shared
        compiled, q = ledger.compiled, ledger.q
        self.g = g
        able = compiled.run_kinds[np.ix_(g, q.node_kind[nodes])]
        listed = np.flatnonzero(q.paired[g])
        able[listed] = q.can_run(g[listed][:, None], nodes[None, :])
        arcs = compiled.price_runs(g[:, None], nodes[None, :])
        cost = arcs.cost + extra[g][:, None] + rent[nodes] * arcs.work_s
        able &= cost < q.penalty[g][:, None]
        order = np.argsort(np.where(able, cost / yardstick[g][:, None], np.inf), axis=0)
        self._order = order
        self._able = np.take_along_axis(able, order, axis=0)
        self._cost = np.where(self._able, np.take_along_axis(cost, order, axis=0), 0.0)
        self._work = np.take_along_axis(np.broadcast_to(arcs.work_s, cost.shape), order, axis=0)
        self._worth = yardstick[g][order]
        penalty = np.where(np.isinf(q.penalty[g]), 1e6 * yardstick[g] + 1.0, q.penalty[g])
        self._gain = np.where(self._able, penalty[order] - self._cost, 0.0)
        self._load_s = np.asarray(q.load_s(np.array(m), nodes))
        self._share_s = np.asarray(q.replica_s(np.array(m), nodes))
        self._loading = self._loading_cost()
        self._prices = np.full((2, len(nodes)), np.inf)
        self._dead = np.zeros((2, len(nodes)), dtype=bool)

    def _loading_cost(self) -> Floats:
        """$ of one new replica on each node: accelerator time, and reading from a host."""
        q, compiled, m = self.ledger.q, self.ledger.compiled, self.m
        hosts = np.flatnonzero(self.ledger.hosting[m])
        regions = np.unique(q.node_region[hosts])
        fetch = q.transfer_price[regions].min(axis=0, initial=np.inf)[q.node_region[self.nodes]]
        fetch = np.where(self.ledger.hosting[m, self.nodes], 0.0, q.weights_gb[m] * fetch)
        return compiled.load_cost(np.array(m), self.nodes) + fetch

    def refresh(self, columns: Ints | None = None) -> None:
        """Price the stars of some nodes anew, by default of all."""
        at = np.arange(len(self.nodes)) if columns is None else columns
        if not len(at) or not len(self.g):
            return
        for opens in (0, 1):
            room, fixed = self._room(at, opens)
            taken = self._taken(at, room)
            prices = self._prefix_prices(at, taken, fixed)
            engaging = np.sum(self._engaging(at) * taken, axis=0)
            gain = np.sum(self._gain[:, at] * taken, axis=0) - fixed - engaging
            fine = (gain > 0) & (room > 0) & ~self._dead[opens, at]
            self._prices[opens, at] = np.where(fine, prices.min(axis=0), np.inf)

    def _prefix_prices(self, at: Ints, taken: Floats, fixed: Floats) -> Floats:
        """Price of taking only the first classes, infinite without a whole request."""
        value = np.cumsum(self._worth[:, at] * taken, axis=0)
        cost = np.cumsum((self._cost[:, at] + self._engaging(at)) * taken, axis=0) + fixed
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(np.cumsum(taken, axis=0) >= 1 - 1e-9, cost / value, np.inf)

    def _room(self, at: Ints, opens: int) -> tuple[Floats, Floats]:
        """Accelerator-seconds a star has, and what it costs before any request."""
        ledger, q, m, n = self.ledger, self.ledger.q, self.m, self.nodes[at]
        if not opens:
            held = ledger.replicas[m, n] > 0
            return np.where(held, np.minimum(ledger.share_s[m, n], ledger.capacity_s[n]), 0.0), (
                np.zeros(len(at))
            )
        new = ledger.replicas[m, n] >= q.loaded[m, n]
        left = ledger.capacity_s[n] - np.where(new, self._load_s[at], 0.0)
        room = np.where(ledger.openable(m, n), np.minimum(self._share_s[at], left), 0.0)
        whole = 0.0 if self._shared else self._idle_cost(n)
        return np.maximum(room, 0.0), np.where(new, self._loading[at], 0.0) + whole

    def _idle_cost(self, n: Ints) -> Floats:
        """$ of engaging the nodes that are idle."""
        return np.where(self.engaged[n], 0.0, self.ledger.compiled.engagement[n])

    def _engaging(self, at: Ints) -> Floats:
        """Each request's part in engaging a node: the others that fill it will bear theirs."""
        n = self.nodes[at]
        each = self._idle_cost(n) / np.maximum(self.ledger.q.capacity_s[n], 1e-9)
        return self._work[:, at] * (each if self._shared else 0.0)

    def _taken(self, at: Ints, room: Floats) -> Floats:
        """Requests taken, the best first, the last one divided."""
        left = self.ledger.left[self.g][self._order[:, at]] * self._able[:, at]
        work = self._work[:, at]
        seconds = work * left
        before = np.cumsum(seconds, axis=0) - seconds
        with np.errstate(divide="ignore", invalid="ignore"):
            fitting = np.where(work > 0, (room - before) / work, left)
        return np.clip(fitting, 0.0, left)

    @property
    def price(self) -> float:
        """The least price of any star, infinite where none is left."""
        return float(self._prices.min(initial=np.inf))

    def best(self) -> Star:
        """The star of least price, in whole requests."""
        opens, column = divmod(int(np.argmin(self._prices)), len(self.nodes))
        at = np.array([column])
        room, fixed = self._room(at, opens)
        taken = self._taken(at, room)[:, 0]
        g = self.g[self._order[:, column]]
        last = int(np.argmin(self._prefix_prices(at, taken[:, None], fixed)))
        count = np.floor(taken[: last + 1] + 1e-9).astype(np.int64)
        count = self._within_share(int(self.nodes[column]), count)
        kept = count > 0
        price = float(self._prices[opens, column])
        return Star(price, int(self.nodes[column]), bool(opens), g[: last + 1][kept], count[kept])

    def _within_share(self, n: int, count: Ints) -> Ints:
        """No more requests than the control group of the node may still execute."""
        left = max(0, int(self.ledger.group_left[self.ledger.q.node_group[n]]))
        return np.asarray(np.minimum(count, np.maximum(left - (np.cumsum(count) - count), 0)))

    def bury(self, star: Star) -> None:
        """Forget a star that came to nothing."""
        column = int(np.flatnonzero(self.nodes == star.n)[0])
        self._dead[int(star.opens), column] = True
        self._prices[int(star.opens), column] = np.inf
