"""Between matrices of cost and work, as published problems have them, and instances.

Requests without a model, all nodes allowed to all, one operator a node: what generalised
assignment and facility location share.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from placement.errors import InputError
from placement.instance import Instance
from placement.quantities import Floats, Ints


@dataclass(frozen=True, slots=True)
class Table:
    """What each node can do, and what each request costs and takes there.

    Attributes
    ----------
    cost, work_s : array of nodes by requests
        Of one request of the class, in $ and accelerator-seconds.
    count : array of int
        Requests of each class.
    accelerators : array
        Of each node; with `window_s` this is the capacity.
    engaged_cost : array
        $ per hour of each node, if used at all.
    """

    cost: Floats
    work_s: Floats
    count: Ints
    accelerators: Floats
    engaged_cost: Floats


def as_instance(
    table: Table, *, name: str, source: str, window_s: float, kinds: tuple[str, str]
) -> Instance:
    """The instance of a table; nodes and requests are named by their kind and counted from 1."""
    m, n = table.cost.shape
    nodes = [f"{kinds[0]}-{i}" for i in range(1, m + 1)]
    requests = [f"{kinds[1]}-{j}" for j in range(1, n + 1)]
    return Instance.from_dict(
        {
            "name": name,
            "source": source,
            "window_s": window_s,
            "nodes": {
                "name": nodes,
                "roles": [["inference"]] * m,
                "accelerators": table.accelerators.tolist(),
                "engaged_cost_per_hour": table.engaged_cost.tolist(),
            },
            "requests": {"name": requests, "count": table.count.tolist()},
            "pairs": {
                "request": [request for request in requests for _ in nodes],
                "node": nodes * n,
                "cost": table.cost.T.ravel().tolist(),
                "work_s": table.work_s.T.ravel().tolist(),
            },
        }
    )


def as_table(instance: Instance, kind: str) -> Table:
    """The table of an instance.

    Parameters
    ----------
    instance
        Whatever its names are.
    kind
        The format that is to be written, for errors.

    Raises
    ------
    InputError
        If a table cannot say all that the instance does.
    """
    _refuse_more(instance, kind)
    row = {node.name: i for i, node in enumerate(instance.nodes)}
    column = {request.name: j for j, request in enumerate(instance.requests)}
    shape = len(row), len(column)
    if len(instance.pairs) != len(row) * len(column):
        raise InputError(
            f"{instance.name} cannot be written as {kind}: `pairs` must name each of the "
            f"{shape[0]} x {shape[1]} pairs of a node and a request, and it names "
            f"{len(instance.pairs)}."
        )
    at = (
        np.array([row[pair.node] for pair in instance.pairs], dtype=np.int64),
        np.array([column[pair.request] for pair in instance.pairs], dtype=np.int64),
    )
    cost, work_s = np.zeros(shape), np.zeros(shape)
    cost[at] = [pair.cost for pair in instance.pairs]
    work_s[at] = [0.0 if pair.work_s is None else pair.work_s for pair in instance.pairs]
    return Table(
        cost,
        work_s,
        count=np.array([request.count for request in instance.requests], dtype=np.int64),
        accelerators=np.array([n.accelerators * n.max_utilization for n in instance.nodes]),
        engaged_cost=np.array([node.engaged_cost_per_hour for node in instance.nodes]),
    )


_ROOM = {
    "instance": {"format", "name", "source", "window_s", "nodes", "requests"},
    "nodes": {"name", "roles", "accelerators", "max_utilization", "engaged_cost_per_hour"},
    "requests": {"name", "count"},
}
"""The fields that a table can say; all others must hold their defaults."""


def _refuse_more(instance: Instance, kind: str) -> None:
    """Refuse what a table has no room for."""
    where = next(_surplus(instance), None)
    if where is not None:
        raise InputError(
            f"{instance.name} cannot be written as {kind}: the format has no room for {where}."
        )


def _surplus(instance: Instance) -> Iterator[str]:
    """What a table has no room for."""
    told = instance.model_dump(exclude={"pairs"}, exclude_defaults=True)
    for field in told.keys() - _ROOM["instance"]:
        yield f"`{field}`"
    for table in ("nodes", "requests"):
        if not told[table]:
            yield f"an instance without {table}"
        for row in told[table]:
            yield from (f"`{field}` of {row['name']!r}" for field in row.keys() - _ROOM[table])
    for node in instance.nodes:
        if "inference" not in node.roles:
            yield f"{node.name!r}, which cannot run anything"
