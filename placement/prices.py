"""Dual prices: what one more unit of each coupling constraint is worth.

A certificate is nothing but these prices. `placement.certificate` turns ANY non-negative prices
into a valid lower bound, so they may come from anywhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from placement.errors import InvalidSolution
from placement.quantities import Floats, Ints, Quantities

_AND = " on "
"""Between model and node in the keys of `loading`."""


@dataclass(frozen=True)
class Prices:
    """Prices of the coupling constraints, all non-negative and finite.

    Attributes
    ----------
    demand : array over classes
        $ per request asked for (constraint 1).
    verification : array over classes
        $ per verification asked for (constraint 9).
    capacity, cores : array over nodes
        $ per accelerator-second, per verification core-second (constraints 4, 10).
    memory, storage : array over nodes
        $ per GB of accelerator memory, of storage (constraints 5, 6).
    share : array over control groups
        $ per request executed (constraint 12).
    limits : array of 2
        $ per new replica, per GB moved (constraint 13).
    rounding : array over classes
        $ per sampled request (constraint 11, the right-hand side as a whole).
    loading : array, shape (models, nodes)
        $ per new replica for having its weights read from some host (constraint 7).
    part_class, part, independence : array
        Class, part (control group, or node) and $ per request that the part executes or verifies
        (constraint 11); pairs left out cost nothing.
    """

    demand: Floats
    verification: Floats
    capacity: Floats
    cores: Floats
    memory: Floats
    storage: Floats
    share: Floats
    limits: Floats
    rounding: Floats
    loading: Floats
    part_class: Ints
    part: Ints
    independence: Floats

    @classmethod
    def zero(cls, q: Quantities) -> "Prices":
        """All prices zero."""
        columns = {name: np.zeros(len(keys)) for name, keys in _keys(q).items()}
        none = np.zeros(0, dtype=np.int64)
        loading = np.zeros((q.n_models, q.n_nodes))
        return cls(**columns, loading=loading, part_class=none, part=none, independence=np.zeros(0))

    def to_document(self, q: Quantities) -> dict[str, dict[str, float]]:
        """The prices by family and entity name, zeros left out, as a solution carries them."""
        document = {
            name: {
                key: float(value)
                for key, value in zip(keys, getattr(self, name).tolist(), strict=True)
                if value > 0
            }
            for name, keys in _keys(q).items()
        }
        models, nodes = q.instance.models, q.instance.nodes
        document["loading"] = {
            f"{models[m].name}{_AND}{nodes[n].name}": float(self.loading[m, n])
            for m, n in np.argwhere(self.loading > 0).tolist()
        }
        names = _part_names(q)
        document["independence"] = {
            f"{q.instance.requests[g].name}{_AND}{names[q.independence[g]][part]}": price
            for g, part, price in zip(
                self.part_class.tolist(),
                self.part.tolist(),
                self.independence.tolist(),
                strict=True,
            )
            if price > 0
        }
        return document

    @classmethod
    def from_document(cls, q: Quantities, document: Mapping[str, Mapping[str, float]]) -> "Prices":
        """The prices of a solution's certificate.

        Raises
        ------
        InvalidSolution
            If it names a family or an entity that does not exist.
        """
        keys = _keys(q)
        for name in document:
            if name not in (*keys, "loading", "independence"):
                raise InvalidSolution(
                    f"`certificate` has a price family {name!r}; known are {', '.join(keys)}."
                )
        columns = {
            name: _column(name, known, document.get(name, {})) for name, known in keys.items()
        }
        pairs = [f"{m.name}{_AND}{n.name}" for m in q.instance.models for n in q.instance.nodes]
        loading = _column("loading", pairs, document.get("loading", {}))
        part_class, part, independence = _parts(q, document.get("independence", {}))
        return cls(
            **columns,
            loading=loading.reshape(q.n_models, q.n_nodes),
            part_class=part_class,
            part=part,
            independence=independence,
        )

    def __post_init__(self) -> None:
        """Clip what rounding left below zero."""
        for entry in fields(self):
            if entry.name in ("part_class", "part"):
                continue
            clean = np.maximum(np.nan_to_num(getattr(self, entry.name), posinf=0.0), 0.0)
            object.__setattr__(self, entry.name, clean)


def _keys(q: Quantities) -> dict[str, list[str]]:
    instance = q.instance
    classes, nodes = [r.name for r in instance.requests], [n.name for n in instance.nodes]
    return {
        "demand": classes,
        "verification": classes,
        "capacity": nodes,
        "cores": nodes,
        "memory": nodes,
        "storage": nodes,
        "share": q.group_keys,
        "limits": ["max_new_replicas", "max_transfer_gb"],
        "rounding": classes,
    }


def _part_names(q: Quantities) -> list[list[str]]:
    """Names of the parts for independence group, node and none."""
    nodes = [node.name for node in q.instance.nodes]
    return [q.group_keys, nodes, nodes]


def _parts(q: Quantities, prices: Mapping[str, float]) -> tuple[Ints, Ints, Floats]:
    index = [{name: i for i, name in enumerate(names)} for names in _part_names(q)]
    rows = []
    for key in prices:
        found = [
            (g, index[q.independence[g]][key[len(name) + len(_AND) :]])
            for name, g in _prefixes(q, key)
            if key[len(name) + len(_AND) :] in index[q.independence[g]]
        ]
        if not found:
            raise InvalidSolution(
                f"`certificate.independence` prices {key!r}, which is not in the instance."
            )
        rows.append(found[0])
    table = np.array(rows, dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1], np.array(list(prices.values()), dtype=float)


def _prefixes(q: Quantities, key: str) -> list[tuple[str, int]]:
    """The classes whose name stands before a separator in the key."""
    starts = [i for i in range(len(key)) if key.startswith(_AND, i)]
    return [(key[:i], q.class_index[key[:i]]) for i in starts if key[:i] in q.class_index]


def _column(family: str, keys: list[str], prices: Mapping[str, float]) -> Floats:
    unknown = prices.keys() - set(keys)
    if unknown:
        raise InvalidSolution(
            f"`certificate.{family}` prices {min(unknown)!r}, which is not in the instance."
        )
    return np.array([prices.get(key, 0.0) for key in keys], dtype=float)
