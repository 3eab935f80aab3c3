"""Dual prices: what one more unit of each coupling constraint is worth.

A certificate is nothing but these prices. `placement.certificate` turns ANY non-negative prices
into a valid lower bound, so they may come from anywhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import numpy as np

from placement.errors import InvalidSolution
from placement.quantities import Floats, Quantities


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
    """

    demand: Floats
    verification: Floats
    capacity: Floats
    cores: Floats
    memory: Floats
    storage: Floats
    share: Floats
    limits: Floats = field(default_factory=lambda: np.zeros(2))

    @classmethod
    def zero(cls, q: Quantities) -> "Prices":
        """All prices zero."""
        return cls(**{name: np.zeros(len(keys)) for name, keys in _keys(q).items()})

    def to_document(self, q: Quantities) -> dict[str, dict[str, float]]:
        """The prices by family and entity name, zeros left out, as a solution carries them."""
        return {
            name: {
                key: float(value)
                for key, value in zip(keys, getattr(self, name).tolist(), strict=True)
                if value > 0
            }
            for name, keys in _keys(q).items()
        }

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
            if name not in keys:
                raise InvalidSolution(
                    f"`certificate` has a price family {name!r}; known are {', '.join(keys)}."
                )
        columns = {
            name: _column(name, known, document.get(name, {})) for name, known in keys.items()
        }
        return cls(**columns)

    def __post_init__(self) -> None:
        """Clip what rounding left below zero."""
        for entry in fields(self):
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
    }


def _column(family: str, keys: list[str], prices: Mapping[str, float]) -> Floats:
    unknown = prices.keys() - set(keys)
    if unknown:
        raise InvalidSolution(
            f"`certificate.{family}` prices {min(unknown)!r}, which is not in the instance."
        )
    return np.array([prices.get(key, 0.0) for key in keys], dtype=float)
