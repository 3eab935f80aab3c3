"""Knapsacks with divisible items, filled at a price for room: one table for many knapsacks.

An item is worth `value` when taken whole and takes `work`. Where room costs `rate` it is worth
taking if value / work is above the rate, whatever the rate: so the order of the items is the same
for all knapsacks that may take the same items, and prefix sums answer for any rate and any room.
"""

from dataclasses import dataclass

import numpy as np

from placement.quantities import ROUNDING, Floats, Ints


class Filling:
    """Tables of items, one row for all knapsacks that may take the same ones.

    Parameters
    ----------
    value, work : array, shape (rows, items)
        $ that an item is worth, and the room it takes, >= 0. Items not worth anything stay out.
    """

    def __init__(self, value: Floats, work: Floats) -> None:
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(value > 0, value / work, -np.inf)
        order = np.argsort(-ratio, axis=1, kind="stable")
        self.ratio = np.take_along_axis(ratio, order, axis=1)
        worth = np.take_along_axis(np.maximum(value, 0.0), order, axis=1)
        self.value = _running(worth)
        self.work = _running(np.where(worth > 0, np.take_along_axis(work, order, axis=1), 0.0))

    @classmethod
    def of_items(cls, row: Ints, value: Floats, work: Floats, rows: int) -> "Filling":
        """Tables from a list of items, each with the row that it is in."""
        order = np.argsort(row, kind="stable")
        count = np.bincount(row, minlength=rows)
        column = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
        tables = np.zeros((2, rows, max(int(count.max(initial=0)), 1)))
        tables[:, row[order], column] = value[order], work[order]
        return cls(tables[0], tables[1])

    def knapsacks(self, row: Ints, rate: Floats) -> "Knapsacks":
        """Knapsacks by the row that each is in and its price of room."""
        return Knapsacks(self, row, rate, _count(-self.ratio, row, -rate, strict=True))

    def most(self, row: Ints, rate: Floats, room: Floats) -> Floats:
        """The most that each knapsack gains: its row, its price of room and how much there is."""
        return self.knapsacks(row, rate).most(room)


@dataclass(frozen=True)
class Knapsacks:
    """Knapsacks that take from a filling, whatever room they have.

    Attributes
    ----------
    filling : Filling
    row, rate : array
        The row that each is in, and its price of room.
    paying : array of int
        How many items of its row are worth that price.
    """

    filling: Filling
    row: Ints
    rate: Floats
    paying: Ints

    def take(self, at: Ints) -> "Knapsacks":
        """Some of them."""
        return Knapsacks(self.filling, self.row[at], self.rate[at], self.paying[at])

    def unbounded(self) -> Floats:
        """What each gains where room is no limit."""
        at = self.row, self.paying
        return np.asarray(self.filling.value[at] - self.rate * self.filling.work[at])

    def most(self, room: Floats) -> Floats:
        """The most that each gains with so much room."""
        row, rate, filling = self.row, self.rate, self.filling
        room = room * (1 + ROUNDING)
        whole = _count(filling.work[:, 1:], row, room, strict=False)
        whole = np.minimum(whole, self.paying)
        gain = filling.value[row, whole] - rate * filling.work[row, whole]
        part = np.flatnonzero(whole < self.paying)
        at = row[part], whole[part]
        gain[part] += (filling.ratio[at] - rate[part]) * (room[part] - filling.work[at])
        return gain


def _running(amounts: Floats) -> Floats:
    """Sums of the first 0, 1, 2, ... amounts of each row."""
    sums = np.zeros((amounts.shape[0], amounts.shape[1] + 1))
    np.cumsum(amounts, axis=1, out=sums[:, 1:])
    return sums


def _count(table: Floats, row: Ints, limit: Floats, *, strict: bool) -> Ints:
    """How many entries of a row, which never decrease, are below a limit or equal to it."""
    low = np.zeros(len(row), dtype=np.int64)
    high = np.full(len(row), table.shape[1], dtype=np.int64)
    for _ in range(table.shape[1].bit_length()):
        middle = (low + high) // 2
        entry = table[row, np.minimum(middle, table.shape[1] - 1)]
        inside = (entry < limit if strict else entry <= limit) & (middle < high)
        low = np.where(inside, middle + 1, low)
        high = np.where(inside, high, middle)
    return low
