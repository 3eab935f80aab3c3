"""Generalised assignment, the text of the OR-Library, of Chu and Beasley and of Yagiura.

`m n`, then m rows of n costs, m rows of n resource uses, and m capacities: every job is done by
exactly one agent, no agent takes more than its capacity, and the sum of the costs is minimised.

Jobs become requests without a model, one each; agents become nodes. The window is one second, so
that a node of b accelerators has the capacity b, exactly.

References
----------
Beasley (1990), OR-Library: distributing test problems by electronic mail.
Chu and Beasley (1997), A genetic algorithm for the generalised assignment problem.
Yagiura, Ibaraki and Glover (2006), A path relinking approach with ejection chains for the
generalized assignment problem.
"""

from pathlib import Path

import numpy as np

from placement.errors import InputError
from placement.formats.matrices import Table, as_instance, as_table
from placement.formats.numbers import Numbers, lines, read_bytes
from placement.instance import Instance

WINDOW_S = 1.0


def read_gap(path: str | Path) -> Instance:
    """Turn a file of generalised assignment into an instance.

    Raises
    ------
    InputError
        If it cannot be read or is no such file; the sentence names line and column.
    """
    return parse_gap(read_bytes(path), Path(path).name)


def parse_gap(text: bytes, file: str) -> Instance:
    """Turn the text of such a file into an instance.

    Parameters
    ----------
    text
        What the file holds.
    file
        What errors call it; without its ending it is the name of the instance.

    Raises
    ------
    InputError
        If the text is not generalised assignment; the sentence names line and column.
    """
    numbers = Numbers.of(text, file, begins="the numbers of agents and of jobs")
    m, n = numbers.count(0, "agents"), numbers.count(1, "jobs")
    numbers.demand_length(2 + 2 * m * n + m, f"{m} agents and {n} jobs")
    uses, capacities = 2 + m * n, 2 + 2 * m * n
    table = Table(
        cost=numbers.amounts(2, uses, "a cost").reshape(m, n),
        work_s=numbers.amounts(uses, capacities, "a resource use").reshape(m, n),
        count=np.ones(n, dtype=np.int64),
        accelerators=numbers.amounts(capacities, capacities + m, "a capacity"),
        engaged_cost=np.zeros(m),
    )
    return as_instance(
        table,
        name=Path(file).stem or file,
        source=f"{file}: generalised assignment of {n} jobs to {m} agents",
        window_s=WINDOW_S,
        kinds=("agent", "job"),
    )


def write_gap(instance: Instance) -> str:
    """Turn an instance of generalised assignment back into such a text.

    Raises
    ------
    InputError
        If the instance holds anything that the format cannot say.
    """
    table = as_table(instance, "gap")
    if (table.count > 1).any() or table.engaged_cost.any():
        raise InputError(
            f"{instance.name} is not generalised assignment: every request must have count 1, and "
            "no node may cost anything when engaged."
        )
    m, n = table.cost.shape
    rows = [line for matrix in (table.cost, table.work_s) for row in matrix for line in lines(row)]
    capacity = table.accelerators * instance.window_s
    return "\n".join([f"{m} {n}", *rows, *lines(capacity), ""])
