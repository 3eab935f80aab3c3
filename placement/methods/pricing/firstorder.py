"""The pooled program by a first-order method, good enough prices at any moment.

Primal-dual hybrid gradient (Chambolle and Pock, 2011) with the steps of Pock and Chambolle (2011)
after everything is scaled to money, in the reflected Halpern form with restarts of Lu and Yang
(2024), as PDLP and its successors have it (Applegate et al., 2021).
"""

from typing import Any

import numpy as np

from placement.methods.pricing import kernels
from placement.methods.pricing.halves import Halves
from placement.methods.pricing.kernels import (
    ARC_COLUMNS,
    BULK,
    COST,
    FAR,
    KAPPA,
    KEPT,
    LINK,
    LINK_START,
    NEW_BULK,
    SIGMA,
    START,
    STEP,
    TAU,
    VALUE,
    WORK,
    X_START,
    X,
)
from placement.methods.pricing.pooled import WAYS, Pooled
from placement.methods.sidebyside import SideBySide, one_by_one
from placement.quantities import Floats, Ints

CHECKED = 40
"""Steps between looks at whether to start again."""
SUFFICIENT, NECESSARY, LONG = 0.2, 0.8, 0.36
"""When to start again: the last move shrank to this, or to that and grows again, or it is long."""
SMOOTH = 0.5
"""How far the weight of primal and dual steps follows how they moved since the last start."""
MANY_ARCS = 150_000
"""With so many, two threads take half of them each."""
_TINY = 1e-300


class FirstOrder:
    """Primal and dual iterate of one pooled program."""

    def __init__(self, pooled: Pooled) -> None:
        self.pooled = pooled
        self.arc: Floats = np.zeros((ARC_COLUMNS, len(pooled.cost)), dtype=np.float32)
        self.column = np.zeros((4, len(pooled.rest.cost)))
        self.row = np.zeros((4, len(pooled.rest.needed)))
        self.source = np.zeros((4, len(pooled.source_keys) + 1))
        self._ready = False
        self.weight = 1.0
        self.steps = self.since = 0
        self._first_way = self._last_way = np.inf

    def _prepare(self) -> None:
        """What only programs need that are worked on: not those of which a part is."""
        if not self._ready:
            p = self.pooled
            self.arc[COST], self.arc[WORK] = p.cost, p.work
            self.arc[KAPPA], self.arc[BULK] = p.kappa, p.bulk_kappa
            self._read_rest()
            self._read_sources()
            self._set_steps()
            self._ready = True

    def _read_rest(self) -> None:
        p = self.pooled
        by_row, by_column = p.rest.matrix.tocsr(), p.rest.matrix.tocsc()
        self._rest: list[Any] = [
            part
            for side in (by_row, by_column)
            for part in (side.indptr.astype(np.int32), side.indices.astype(np.int32), side.data)
        ]
        self._masks = int(p.at_mask.max(initial=-1)) + 1
        at = (p.first, p.at_copy, p.at_mask, p.at_source)
        self._at: list[Any] = [np.asarray(index, dtype=np.int32) for index in at]

    def _read_sources(self) -> None:
        """Spots of sources: which, whose, and the part of its class that a copy there serves."""
        p, (row, host) = self.pooled, self.pooled.sources
        first, spot, kappa = p.hosts.serving(row, host)
        self._kappa: Floats = kappa.astype(np.float32)
        self._spot, self._spot_source = spot, np.repeat(np.arange(len(row)), np.diff(first))
        of_row = np.searchsorted(row, np.arange(p.n_rows + 1))
        of_copy = np.stack([p.hosts.of_copy, p.hosts.spot_of])
        at = (of_row, host, p.hosts.spots, first)
        self._sources: list[Any] = [np.asarray(index, dtype=np.int32) for index in at]
        self._sources += [self._kappa, of_copy.astype(np.int32)]

    def _set_steps(self) -> None:
        """Steps from the sums of scaled entries of each row and column."""
        p = self.pooled
        rows, copies, row = p.n_rows, len(p.windows), p.arc_row
        scale_row, scale_column = np.sqrt(p.rest.row_value), np.sqrt(p.rest.column_value)
        own, copy = scale_row[row], scale_column[p.at_copy]
        bulk = p.bulk_kappa * own / scale_column[2 * copies + p.at_copy]
        windows = p.work * p.windows[p.at_copy] * scale_row[rows + p.at_copy] / own
        flows = p.work * scale_row[rows + copies + p.at_mask] / own
        held = p.kappa * own / copy
        sources = np.append(self._scale_sources(scale_row), 0.0)[p.at_source] / own
        self.arc[TAU] = 1.0 / (own**2 * (2.0 + windows + flows + sources))
        self.arc[SIGMA] = own**2 / (1.0 + 2.0 * held + bulk)
        entries = abs(p.rest.matrix).tocoo()
        value = entries.data * scale_row[entries.row] / scale_column[entries.col]
        of_row = np.bincount(entries.row, value, len(scale_row))
        of_row[:rows] += np.diff(p.first)
        of_row[rows : rows + copies] += np.bincount(p.at_copy, windows, copies)
        of_row[rows + copies :] += np.bincount(p.at_mask, flows, len(scale_row) - rows - copies)
        of_column = np.bincount(entries.col, value, len(scale_column)) + self._pulls(held, bulk)
        of_column = of_column + self._set_sources(scale_row, scale_column)
        self.column[STEP] = 1.0 / (p.rest.column_value * np.maximum(of_column, _TINY))
        self.row[STEP] = p.rest.row_value / np.maximum(of_row, _TINY)

    def _set_sources(self, scale_row: Floats, scale_column: Floats) -> Floats:
        """Steps of sources; returns the sums of their entries by column."""
        p, (row, host) = self.pooled, self.pooled.sources
        own, size = self._scale_sources(scale_row), len(row)
        hosts, spots = self._columns_of_sources()
        with_host = np.bincount(hosts[1], 1.0 / scale_column[hosts[0]], len(p.hosts))[host]
        each = np.bincount(spots[1], 1.0 / scale_column[spots[0]], len(p.hosts.kind))
        free = np.bincount(self._spot_source, self._kappa * each[self._spot], size)
        arcs = np.bincount(p.at_source, minlength=size + 1)[:size] / scale_row[row]
        self.source[STEP] = 1.0
        self.source[STEP, :size] = own / (arcs + with_host + free)
        return self._pulls_of_sources(own) / scale_column

    def _scale_sources(self, scale_row: Floats) -> Floats:
        """No source pays more than its host costs."""
        row, host = self.pooled.sources
        return np.minimum(scale_row[row], np.sqrt(self.pooled.hosts.cost[host]))

    def _columns_of_sources(self) -> tuple[tuple[Ints, Ints], tuple[Ints, Ints]]:
        """Columns that are hosts or come with one, and which; those at spots, and which."""
        hosts, size = self.pooled.hosts, len(self.pooled.windows)
        some, every = np.flatnonzero(hosts.of_copy >= 0), np.arange(len(hosts))
        last = len(self.pooled.rest.cost) - len(hosts)
        with_host = np.append(NEW_BULK * size + some, last + every)
        at_spot = np.append(KEPT * size + some, FAR * size + some)
        host, spot = np.append(hosts.of_copy[some], every), np.tile(hosts.spot_of[some], 2)
        return (with_host, host), (at_spot, spot)

    def _pulls_of_sources(self, paid: Floats) -> Floats:
        """What sources that pay so much have for each column."""
        p, pulls = self.pooled, np.zeros(len(self.pooled.rest.cost))
        of_host = np.bincount(p.sources[1], paid, len(p.hosts))
        of_spot = np.bincount(self._spot, self._kappa * paid[self._spot_source], len(p.hosts.kind))
        for (column, at), value in zip(self._columns_of_sources(), (of_host, of_spot), strict=True):
            pulls[column] = value[at]
        return pulls

    def _pulls(self, single: Floats, bulk: Floats) -> Floats:
        """Sums over the arcs of each copy, for the ways to have copies; 0 for other columns."""
        at, size = self.pooled.at_copy, len(self.pooled.windows)
        one, many = np.bincount(at, single, size), np.bincount(at, bulk, size)
        pulls = np.zeros(len(self.pooled.rest.cost))
        pulls[: WAYS * size] = np.concatenate([one, one, many, many, one])
        return pulls

    @property
    def effort(self) -> int:
        """What a step looks at: arcs, and entries of the rest."""
        return len(self.pooled) + self.pooled.rest.matrix.nnz

    def begin(self, weight: float) -> None:
        """Start from the values set, primal and dual steps weighted as given."""
        self.weight = weight
        self.arc[X_START], self.arc[LINK_START] = self.arc[X], self.arc[LINK]
        for side in (self.column, self.row, self.source):
            side[START] = side[VALUE]
        self.since = 0

    def advance(self, steps: int, side_by_side: SideBySide = one_by_one) -> None:
        """Make about so many steps."""
        self._prepare()
        for _ in range(-(-steps // CHECKED)):
            many = len(self.pooled) >= MANY_ARCS
            way = self._iterate_halves(side_by_side) if many else self._iterate()
            if not self.since:
                self._first_way = way
            self.since += CHECKED
            self.steps += CHECKED
            if self._worn(way):
                self._restart()
            self._last_way = way

    def _iterate(self) -> float:
        p = self.pooled
        state: list[Any] = [
            CHECKED, self.since, self.weight, self.arc, *self._at, self.source, *self._sources,
            p.windows, self.column, p.rest.cost, p.rest.most, *self._rest, self.row, p.rest.needed,
            self._masks, len(p.hosts),
        ]  # fmt: skip
        return float(kernels.iterate(*state))

    def _iterate_halves(self, side_by_side: SideBySide) -> float:
        rest = self.pooled.rest
        arcs: Any = self.arc, *self._at
        columns: Any = self.column, rest.cost, rest.most, self._rest[3:]
        rows: Any = self.row, rest.needed, self._rest[:3], self._masks
        sources: Any = self.source, *self._sources
        halves = Halves(arcs, columns, rows, sources, self.pooled.windows)
        return halves.iterate(CHECKED, self.since, self.weight, side_by_side)

    def _worn(self, way: float) -> bool:
        """Whether it is better to begin anew from here (ways are squared)."""
        if way <= SUFFICIENT**2 * self._first_way or self.since >= LONG * self.steps:
            return True
        return way <= NECESSARY**2 * self._first_way and way > self._last_way

    def _restart(self) -> None:
        """Begin anew from here, primal and dual steps weighted as they moved."""
        primal, dual = kernels.ways(self.arc, self.column, self.row, self.source)
        weight = self.weight
        if primal > _TINY and dual > _TINY:
            weight *= float(np.sqrt(dual / primal) / weight) ** SMOOTH
        self.begin(weight)

    # --- what it says --------------------------------------------------------------------------

    def class_prices(self) -> tuple[Floats, Floats]:
        """$ for serving all requests, and all re-executions, of the class rows."""
        runs, rows = len(self.pooled.run_g), self.pooled.n_rows
        return self.row[VALUE, :runs].clip(0.0), self.row[VALUE, runs:rows].clip(0.0)

    def used_as_loaded(self) -> Floats:
        """Which part of what is loaded is kept and used, for each (model, cell) of one node."""
        p = self.pooled
        size = len(p.windows)
        loaded, kept = (side[size : 2 * size] for side in (p.rest.most, self.column[VALUE]))
        windows = np.bincount(p.at_copy, p.work * self.arc[X], size) * p.windows
        alone = np.bincount(p.cells.by_cell[1], minlength=len(p.cells)) == 1
        part = np.minimum(kept, windows) / np.maximum(loaded, _TINY)
        return np.asarray(np.where((loaded > 0) & alone[p.copy_cell], part, 0.0))

    def least_prices(self) -> Floats:
        """$ of serving all of each class row where that costs least at the other prices."""
        p = self.pooled
        least = np.full(p.n_rows, np.inf)
        paid = p.work * self._window_prices() + self._of_sources() + self.arc[LINK]
        np.minimum.at(least, p.arc_row, p.cost + paid)
        runs = least[: len(p.run_g)]
        np.minimum(runs, p.rest.cost[p.turned], out=runs)
        return np.where(np.isfinite(least), least, 0.0)

    def reduced_costs(self) -> Floats:
        """$ by which all of a class on an arc costs more than it is worth, links aside."""
        p = self.pooled
        worth = self.row[VALUE, : p.n_rows][p.arc_row]
        return np.asarray(p.cost + p.work * self._window_prices() + self._of_sources() - worth)

    def _of_sources(self) -> Floats:
        """$ that all of a class pays for weights on each arc."""
        return np.asarray(self.source[VALUE][self.pooled.at_source])

    def paid(self, row: Ints, host: Ints) -> Floats:
        """$ that all of class rows pays for hosts; 0 where there is no such source."""
        keys = np.append(self.pooled.source_keys, -1)
        wanted = row * len(self.pooled.hosts) + host
        at = np.searchsorted(keys[:-1], wanted)
        return np.where(keys[at] == wanted, self.source[VALUE, at], 0.0)

    def _window_prices(self) -> Floats:
        """$ of an accelerator window for each arc, above the rate."""
        p, y = self.pooled, self.row[VALUE, self.pooled.n_rows :]
        return np.asarray(y[p.at_copy] * p.windows[p.at_copy] + y[len(p.windows) + p.at_mask])

    def values(self) -> tuple[float, float]:
        """Objective of the primal iterate, and about what the dual iterate proves."""
        self._prepare()
        p = self.pooled
        primal = p.cost @ self.arc[X] + p.rest.cost @ self.column[VALUE]
        y = self.row[VALUE]
        reduced = self.reduced_costs() + self.arc[LINK]
        worth = p.rest.matrix.T @ y
        link = self.arc[LINK]
        worth += self._pulls(p.kappa * link, p.bulk_kappa * link)
        worth += self._pulls_of_sources(self.source[VALUE, :-1])
        most = np.where(np.isfinite(p.rest.most), p.rest.most, 1.0)
        short = np.minimum(p.rest.cost - worth, 0.0) @ most
        return float(primal), float(p.rest.needed @ y + short + np.minimum(reduced, 0.0).sum())
