"""What a solution is: the decisions of docs/formulation.md, format `placement-solution/1`.

`Placement` holds the decisions as arrays, for methods and judges; `Solution` is the document with
names, for people and files. A solution repeats nobody's claims: cost and feasibility are computed
by `placement.evaluation` from the instance.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, Strict

from placement.documents import Document, Record
from placement.errors import InputError, InvalidSolution
from placement.instance import MAX_AMOUNT, MAX_COUNT, Name, PositiveCount
from placement.quantities import Ints, Quantities

Status = Literal["optimal", "feasible", "infeasible", "unknown"]
StoppedBy = Literal["gap", "time_limit", "work_limit", "exhausted", "interrupted"]
Number = Annotated[float, Field(ge=-MAX_AMOUNT * MAX_COUNT, le=MAX_AMOUNT * MAX_COUNT)]
Price = Annotated[float, Field(ge=0)]


class ReplicaRow(Record):
    """`count` replicas of a model in the accelerator memory of a node."""

    model: Name
    node: Name
    count: PositiveCount


class LoadRow(Record):
    """`count` new replicas on a node, weights read from the host `source`."""

    model: Name
    node: Name
    source: Name
    count: PositiveCount


class AssignmentRow(Record):
    """`count` requests of a class executed, or verified, on a node."""

    request: Name
    node: Name
    count: PositiveCount


class Reason(Record):
    """Why requests are unserved or an instance is infeasible: a stable code, names, a sentence."""

    code: Name
    entities: Annotated[tuple[str, ...], Strict(False)] = ()
    sentence: str


class Solution(Document):
    """An answer to an instance: decisions, what they cost, and how far from the best possible."""

    format: Literal["placement-solution/1"] = "placement-solution/1"
    instance: str
    method: str = ""
    engine: str | None = None
    status: Status = "feasible"
    stopped_by: StoppedBy | None = None
    objective: Number | None = None
    terms: dict[str, Number] = Field(default_factory=dict)
    lower_bound: Number | None = None
    gap: Number | None = None
    hosting: dict[Name, Annotated[tuple[Name, ...], Strict(False)]] = Field(default_factory=dict)
    replicas: Annotated[tuple[ReplicaRow, ...], Strict(False)] = ()
    loads: Annotated[tuple[LoadRow, ...], Strict(False)] = ()
    inference: Annotated[tuple[AssignmentRow, ...], Strict(False)] = ()
    verification: Annotated[tuple[AssignmentRow, ...], Strict(False)] = ()
    unserved: dict[Name, PositiveCount] = Field(default_factory=dict)
    certificate: dict[str, dict[str, Price]] | None = None
    reasons: Annotated[tuple[Reason, ...], Strict(False)] = ()
    runtime_s: dict[str, Price] = Field(default_factory=dict)
    seed: int = 0
    version: str = ""

    @classmethod
    def _error(cls) -> type[InputError]:
        return InvalidSolution

    def to_dict(self) -> dict[str, Any]:
        """The solution as plain data, every field of section 8 present."""
        return self.model_dump(mode="json")

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed."""
        return self.model_copy(update=changes)


@dataclass(frozen=True)
class Placement:
    """The decisions as arrays of indices into the instance's nodes, models and requests.

    Each `..._m`, `..._n`, `..._g`, `..._s` array is one column of a table of rows without
    duplicates; `unserved` has one entry per request class.
    """

    host_m: Ints
    host_n: Ints
    replica_m: Ints
    replica_n: Ints
    replica_count: Ints
    load_m: Ints
    load_s: Ints
    load_n: Ints
    load_count: Ints
    run_g: Ints
    run_n: Ints
    run_count: Ints
    verify_g: Ints
    verify_n: Ints
    verify_count: Ints
    unserved: Ints

    @classmethod
    def empty(cls, quantities: Quantities) -> "Placement":
        """No decisions at all, which stands for the lack of a placement."""
        columns = {entry.name: np.zeros(0, dtype=np.int64) for entry in fields(cls)}
        return cls(**{**columns, "unserved": np.zeros(quantities.n_classes, dtype=np.int64)})


def table(
    first: Ints, second: Ints, count: Ints, third: Ints | None = None
) -> tuple[Ints, Ints, Ints, Ints]:
    """Rows sorted by (first, second, third), equal keys added up, zero counts left out.

    Returns
    -------
    tuple of arrays
        first, second, third (zeros where not given) and count.
    """
    third = np.zeros_like(first) if third is None else third
    keys = np.stack([first, second, third]).astype(np.int64)
    order = np.lexsort(keys[::-1])
    keys, amount = keys[:, order], np.asarray(count, dtype=np.int64)[order]
    fresh = np.any(keys[:, 1:] != keys[:, :-1], axis=0)
    starts = np.flatnonzero(np.concatenate([np.ones(min(1, len(amount)), dtype=bool), fresh]))
    total = np.add.reduceat(amount, starts) if len(starts) else amount
    kept = keys[:, starts][:, total > 0]
    return kept[0], kept[1], kept[2], total[total > 0]


def to_solution(quantities: Quantities, placement: Placement, **fields: Any) -> Solution:
    """The document of a placement, rows sorted by entity order; `fields` fill the rest."""
    nodes = [node.name for node in quantities.instance.nodes]
    models = [model.name for model in quantities.instance.models]
    classes = [request.name for request in quantities.instance.requests]
    p = placement
    replicas = table(p.replica_m, p.replica_n, p.replica_count)
    loads = table(p.load_m, p.load_n, p.load_count, p.load_s)
    host_m, host_n, _, _ = table(p.host_m, p.host_n, np.ones_like(p.host_m))
    hosting: dict[str, list[str]] = {}
    for m, n in zip(host_m.tolist(), host_n.tolist(), strict=True):
        hosting.setdefault(models[m], []).append(nodes[n])
    return Solution.model_construct(
        instance=quantities.instance.name,
        hosting={model: tuple(names) for model, names in hosting.items()},
        replicas=tuple(
            ReplicaRow.model_construct(model=models[m], node=nodes[n], count=c)
            for m, n, _, c in _rows(replicas)
        ),
        loads=tuple(
            LoadRow.model_construct(model=models[m], node=nodes[n], source=nodes[s], count=c)
            for m, n, s, c in _rows(loads)
        ),
        inference=_assignments(table(p.run_g, p.run_n, p.run_count), classes, nodes),
        verification=_assignments(table(p.verify_g, p.verify_n, p.verify_count), classes, nodes),
        unserved={classes[g]: int(p.unserved[g]) for g in np.flatnonzero(p.unserved > 0).tolist()},
        **fields,
    )


def _rows(columns: tuple[Ints, Ints, Ints, Ints]) -> list[list[int]]:
    rows: list[list[int]] = np.stack(columns, axis=1).tolist()
    return rows


def _assignments(
    columns: tuple[Ints, Ints, Ints, Ints], classes: Sequence[str], nodes: Sequence[str]
) -> tuple[AssignmentRow, ...]:
    return tuple(
        AssignmentRow(request=classes[g], node=nodes[n], count=c) for g, n, _, c in _rows(columns)
    )


def to_placement(quantities: Quantities, solution: Solution) -> Placement:
    """The decisions of a solution as arrays.

    Raises
    ------
    InvalidSolution
        If it names entities that are not in the instance, or repeats a row.
    """
    find = _Finder(quantities)
    hosting = [(m, n) for m, names in solution.hosting.items() for n in names]
    host_m = find.models("hosting", [m for m, _ in hosting])
    host_n = find.nodes("hosting", [n for _, n in hosting])
    replica_m = find.models("replicas", [r.model for r in solution.replicas])
    replica_n = find.nodes("replicas", [r.node for r in solution.replicas])
    load_m = find.models("loads", [r.model for r in solution.loads])
    load_n = find.nodes("loads", [r.node for r in solution.loads])
    load_s = find.nodes("loads", [r.source for r in solution.loads])
    run_g = find.classes("inference", [r.request for r in solution.inference])
    run_n = find.nodes("inference", [r.node for r in solution.inference])
    verify_g = find.classes("verification", [r.request for r in solution.verification])
    verify_n = find.nodes("verification", [r.node for r in solution.verification])
    unserved = np.zeros(quantities.n_classes, dtype=np.int64)
    unserved[find.classes("unserved", list(solution.unserved))] = list(solution.unserved.values())
    for name, *keys in (
        ("hosting", host_m, host_n),
        ("replicas", replica_m, replica_n),
        ("loads", load_m, load_n, load_s),
        ("inference", run_g, run_n),
        ("verification", verify_g, verify_n),
    ):
        _refuse_repeats(name, keys)
    return Placement(
        host_m, host_n,
        replica_m, replica_n, _counts(solution.replicas),
        load_m, load_s, load_n, _counts(solution.loads),
        run_g, run_n, _counts(solution.inference),
        verify_g, verify_n, _counts(solution.verification),
        unserved,
    )  # fmt: skip


def _counts(rows: Sequence[ReplicaRow | LoadRow | AssignmentRow]) -> Ints:
    return np.array([row.count for row in rows], dtype=np.int64)


def _refuse_repeats(name: str, keys: Sequence[Ints]) -> None:
    rows = np.stack(keys, axis=1)
    if len(np.unique(rows, axis=0)) < len(rows):
        raise InvalidSolution(f"`{name}` repeats a row; add their counts up in one row.")


class _Finder:
    """Looks names up and says which one is unknown."""

    def __init__(self, quantities: Quantities) -> None:
        self._quantities = quantities

    def _codes(self, table: str, kind: str, index: dict[str, int], names: list[str]) -> Ints:
        try:
            return np.array([index[name] for name in names], dtype=np.int64)
        except KeyError as error:
            raise InvalidSolution(
                f"`{table}` names {error.args[0]!r}, which is not among the {kind} of instance "
                f"{self._quantities.instance.name!r}."
            ) from None

    def models(self, table: str, names: list[str]) -> Ints:
        return self._codes(table, "models", self._quantities.model_index, names)

    def nodes(self, table: str, names: list[str]) -> Ints:
        return self._codes(table, "nodes", self._quantities.node_index, names)

    def classes(self, table: str, names: list[str]) -> Ints:
        return self._codes(table, "requests", self._quantities.class_index, names)
