"""Capacitated facility location, the text of the OR-Library: with many sources or a single one.

`m n`, then for each of m facilities its capacity and its opening cost, then for each of n customers
its demand and m numbers, the cost of serving ALL of that customer from each facility. Costs are
minimised, and all demand is served: from as many facilities as one likes (cflp), or each customer
from one facility only (sscflp).

Facilities become nodes, customers requests. The window is one hour, and a unit of demand keeps one
accelerator busy all through it, so that capacities and opening costs stand in the instance as they
are in the file. With a single source a customer is one request. With many, every unit is a request,
at an equal share of the cost. Where demands or capacities are no whole numbers but have up to six
decimals, units are tenths, hundredths and so on: then whole units are exact too, for with given
facilities the cheapest flow of whole amounts is whole.

References
----------
Beasley (1990), OR-Library: distributing test problems by electronic mail.
Beasley (1988), An algorithm for solving large capacitated warehouse location problems.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from placement.errors import InputError
from placement.formats.matrices import Table, as_instance, as_table
from placement.formats.numbers import Numbers, lines, plain, read_bytes
from placement.instance import MAX_COUNT, Instance
from placement.quantities import Floats

WINDOW_S = 3600.0
MOST = 1e11
"""The largest capacity, demand or cost; what follows from it stays within an instance's limits."""
DECIMALS = 6
"""Units as small as that are made where demands or capacities are no whole numbers."""
ROUNDING = 1e-15
"""Relative error of a number with decimals once it is multiplied by its unit."""


def read_cflp(path: str | Path, *, single_source: bool = False) -> Instance:
    """Turn a file of capacitated facility location into an instance.

    Raises
    ------
    InputError
        If it cannot be read or is no such file; the sentence names line and column.
    """
    return parse_cflp(read_bytes(path), Path(path).name, single_source=single_source)


def parse_cflp(text: bytes, file: str, *, single_source: bool = False) -> Instance:
    """Turn the text of such a file into an instance.

    Parameters
    ----------
    text
        What the file holds.
    file
        What errors call it; without its ending it is the name of the instance.
    single_source
        Whether each customer is served by one facility only.

    Raises
    ------
    InputError
        If the text is not facility location; the sentence names line and column.
    """
    numbers = Numbers.of(text, file, begins="the numbers of facilities and of customers")
    m, n = numbers.count(0, "facilities"), numbers.count(1, "customers")
    numbers.demand_length(2 + 2 * m + n * (m + 1), f"{m} facilities and {n} customers")
    first = 2 + 2 * m
    facilities = numbers.amounts(2, first, "a capacity or opening cost", MOST).reshape(m, 2)
    rows = numbers.amounts(first, len(numbers.values), "a demand or cost", MOST).reshape(n, m + 1)
    table = Table(
        cost=rows[:, 1:].T,
        work_s=np.tile(rows[:, 0] * WINDOW_S, (m, 1)),
        count=np.ones(n, dtype=np.int64),
        accelerators=facilities[:, 0],
        engaged_cost=facilities[:, 1],
    )
    sources = "a single source" if single_source else "many sources"
    return as_instance(
        table if single_source else _in_units(table, rows[:, 0], numbers),
        name=Path(file).stem or file,
        source=f"{file}: {n} customers, {m} facilities with capacities, {sources}",
        window_s=WINDOW_S,
        kinds=("facility", "customer"),
    )


def _in_units(table: Table, demand: Floats, numbers: Numbers) -> Table:
    """The table with a request for each unit of demand; one without work where there is none."""
    unit = _units_in_one(table, demand, numbers)
    count = np.rint(demand * unit).astype(np.int64)
    at_least_one = np.maximum(count, 1)
    return replace(
        table,
        cost=table.cost / at_least_one,
        work_s=np.tile(np.where(count > 0, WINDOW_S, 0.0), (len(table.accelerators), 1)),
        count=at_least_one,
        accelerators=np.rint(table.accelerators * unit),
    )


def _units_in_one(table: Table, demand: Floats, numbers: Numbers) -> int:
    """The power of ten that makes demands and capacities whole."""
    m = len(table.accelerators)
    amounts = np.concatenate([table.accelerators, demand])
    for unit in (int(10**k) for k in range(DECIMALS + 1)):
        units = amounts * unit
        parted = np.abs(units - np.rint(units)) > ROUNDING * units
        large = units > MAX_COUNT
        if large.any() or not parted.any():
            break
    bad = np.flatnonzero(parted | large)
    if len(bad):
        k = int(bad[0])
        at = 2 + 2 * k if k < m else 2 + 2 * m + (k - m) * (m + 1)
        numbers.refuse(
            at,
            f"a capacity or demand must be a whole number or have at most {DECIMALS} decimals, and "
            f"be no more than {MAX_COUNT:g} such units",
        )
    return unit


def write_cflp(instance: Instance) -> str:
    """Turn an instance of facility location back into such a text, from one source or many.

    Demands that were made whole stay so: then the text has the same costs in smaller units.

    Raises
    ------
    InputError
        If the instance holds anything that the format cannot say.
    """
    table = as_table(instance, "cflp")
    hours = instance.window_s / WINDOW_S
    work = table.work_s[0]
    if (table.work_s != work).any():
        raise InputError(
            f"{instance.name} is not facility location: a request must take the same work "
            "on every node."
        )
    m, n = table.cost.shape
    demand = table.count * work / instance.window_s
    opening = table.engaged_cost * hours
    facilities = [
        f"{plain(c)} {plain(o)}" for c, o in zip(table.accelerators, opening, strict=True)
    ]
    customers = [
        line
        for d, costs in zip(demand, (table.cost * table.count).T, strict=True)
        for line in (plain(d), *lines(costs))
    ]
    return "\n".join([f"{m} {n}", *facilities, *customers, ""])
