"""Dual prices: what one more unit of each coupling constraint is worth.

A certificate is nothing but these prices. `placement.certificate` turns ANY non-negative prices
into a valid lower bound, so they may come from anywhere.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

import numpy as np

from placement.errors import InvalidSolution
from placement.quantities import Floats, Ints, Quantities

_AND = " on "
"""Between model and node, or class and part, in the keys of pairs."""
_BY_MODEL = ("loading", "storing")
"""Families of pairs of a model and a node."""
_PAIRED = (*_BY_MODEL, "copying")
"""Those, and that of pairs of a class and a region."""


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
        $ per new replica whose weights are read from another node (constraint 7); below the least
        cost of such a transfer it means that cost.
    storing : array, shape (models, nodes)
        $ of what storing the weights costs that the hosts of a model bear (constraint 8); the rest
        is borne by the replicas that are loaded from the node's own copy. At most the whole cost.
    copying : array, shape (classes, regions)
        $ per request executed in the zone of the region, for a new copy of the weights there
        (constraint 7); see `placement.copying`.
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
    storing: Floats
    copying: Floats
    part_class: Ints
    part: Ints
    independence: Floats

    @classmethod
    def zero(cls, q: Quantities) -> "Prices":
        """All prices zero."""
        columns = {name: np.zeros(len(keys)) for name, keys in _keys(q).items()}
        none = np.zeros(0, dtype=np.int64)
        tables = {name: np.zeros([len(side) for side in _sides(q, name)]) for name in _PAIRED}
        return cls(**columns, **tables, part_class=none, part=none, independence=np.zeros(0))

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
        for name in _PAIRED:
            table, (first, second) = getattr(self, name), [list(side) for side in _sides(q, name)]
            document[name] = {
                f"{first[i]}{_AND}{second[j]}": float(table[i, j])
                for i, j in np.argwhere(table > 0).tolist()
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
        families = (*keys, *_PAIRED, "independence")
        for name in document:
            if name not in families:
                raise InvalidSolution(
                    f"`certificate` has a price family {name!r}; known are {', '.join(families)}."
                )
        columns = {
            name: _column(name, known, document.get(name, {})) for name, known in keys.items()
        }
        tables = {name: _table(q, name, document.get(name, {})) for name in _PAIRED}
        part_class, part, independence = _parts(q, document.get("independence", {}))
        return cls(**columns, **tables, part_class=part_class, part=part, independence=independence)

    def __post_init__(self) -> None:
        """Clip what rounding left below zero."""
        for entry in fields(self):
            column = getattr(self, entry.name)
            if entry.name not in ("part_class", "part") and column.any():
                clean = np.maximum(np.nan_to_num(column, posinf=0.0), 0.0)
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


def _sides(q: Quantities, family: str) -> tuple[dict[str, int], dict[str, int]]:
    """What the pairs of a family are of: names and their numbers."""
    if family in _BY_MODEL:
        return q.model_index, q.node_index
    return q.class_index, q.region_index


def _part_names(q: Quantities) -> list[list[str]]:
    """Names of the parts for independence group, node and none."""
    nodes = [node.name for node in q.instance.nodes]
    return [q.group_keys, nodes, nodes]


def _parts(q: Quantities, prices: Mapping[str, float]) -> tuple[Ints, Ints, Floats]:
    index = [{name: i for i, name in enumerate(names)} for names in _part_names(q)]
    pairs = [
        _pair("independence", key, q.class_index, lambda g: index[q.independence[g]])
        for key in prices
    ]
    table = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1], np.array(list(prices.values()), dtype=float)


def _table(q: Quantities, family: str, prices: Mapping[str, float]) -> Floats:
    first, second = _sides(q, family)
    table = np.zeros((len(first), len(second)))
    for key, price in prices.items():
        table[_pair(family, key, first, lambda _: second)] = price
    return table


def _pair(
    family: str, key: str, firsts: dict[str, int], seconds: Callable[[int], dict[str, int]]
) -> tuple[int, int]:
    """The two entities that a key names; the separator may be part of a name."""
    end = key.find(_AND)
    while end >= 0:
        first = firsts.get(key[:end])
        second = None if first is None else seconds(first).get(key[end + len(_AND) :])
        if first is not None and second is not None:
            return first, second
        end = key.find(_AND, end + 1)
    raise InvalidSolution(f"`certificate.{family}` prices {key!r}, which is not in the instance.")


def _column(family: str, keys: list[str], prices: Mapping[str, float]) -> Floats:
    unknown = prices.keys() - set(keys)
    if unknown:
        raise InvalidSolution(
            f"`certificate.{family}` prices {min(unknown)!r}, which is not in the instance."
        )
    return np.array([prices.get(key, 0.0) for key in keys], dtype=float)
