"""Operators and nodes: who runs which hardware where, and at what price."""

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np

from placement.generate.catalogue import (
    ACCELERATOR_INDEX,
    ACCELERATORS,
    CORE_COST_PER_HOUR,
    PLACES,
    STORAGE_COST_PER_GB_HOUR,
    TRUSTED_LOADING,
    TRUSTED_PRICE,
)
from placement.generate.draw import Bools, Floats, Ints, Rng, apportion, pick, quota, rounded, zipf
from placement.generate.shape import Shape

ROLES = {"h": "hosting", "i": "inference", "v": "verification"}
TEES = ((), ("sev-snp",), ("nvidia-cc", "sev-snp"), ("nvidia-cc", "tdx"))
"""Trusted execution environments of a node: none, of its processor, of its accelerators too."""
FIRST_GPU_TEE = 2
CPU_TEE_SHARE = 0.4
"""Share of the other nodes whose processor can attest [E]."""


@dataclass(frozen=True, slots=True)
class Operators:
    """Names, control groups (None: their own) and share caps."""

    names: list[str]
    control_groups: list[str | None]
    max_share: list[float]

    def group_of(self, operator: Ints) -> Ints:
        """A number for each node's control group, given its operator (-1: a group of its own)."""
        index = {name: i for i, name in enumerate(self.names)}
        pairs = zip(self.names, self.control_groups, strict=True)
        codes = np.array([index[group or name] for name, group in pairs])
        alone = len(codes) + np.arange(len(operator))
        return np.where(operator < 0, alone, codes[operator])


@dataclass(frozen=True, slots=True)
class Fleet:
    """Nodes by columns; -1 stands for no operator and no accelerators."""

    operator: Ints
    region: Ints
    kind: Ints
    accelerators: Ints
    roles: np.ndarray[Any, np.dtype[np.str_]]
    tee: Ints
    storage_gb: Floats
    cores: Floats
    utilization: Floats
    load_gb_per_s: Floats
    hourly: Floats
    """$ per accelerator and hour, engagement included."""

    def __len__(self) -> int:
        return len(self.kind)

    def role(self, letter: str) -> Bools:
        """Which nodes have the role with this first letter."""
        return np.asarray(np.char.find(self.roles, letter) >= 0)

    @property
    def memory_gb(self) -> Floats:
        """Accelerator memory of each whole node."""
        each = np.array([*(row.memory_gb for row in ACCELERATORS), 0.0])
        return each[self.kind] * self.accelerators

    def capacity_s(self, window_s: float) -> Floats:
        """Accelerator-seconds that each node offers."""
        return self.accelerators * window_s * self.utilization

    def select(self, keep: Bools) -> Self:
        """The fleet with these nodes only."""
        return type(self)(*(getattr(self, column.name)[keep] for column in fields(self)))


def make_fleet(shape: Shape, rng: Rng) -> Fleet:
    """Draw the nodes of a network."""
    n = shape.nodes
    region = quota(rng, n, shape.region_weights or list(zipf(shape.regions, 0.5)))
    roles = np.array(list(shape.roles))[quota(rng, n, list(shape.roles.values()))]
    operator = _operators_of(shape, region, rng)
    kind, accelerators = _hardware(shape, np.char.find(roles, "i") >= 0, rng)
    tee = _tees(shape, kind, operator, rng)
    factor = np.exp(shape.price_sigma * rng.standard_normal(shape.operators + 1))[operator]
    list_price = np.array([*(row.cost_per_hour for row in ACCELERATORS), 0.0])[kind]
    trusted = tee >= FIRST_GPU_TEE
    storage = np.array([1_000.0, 2_000, 4_000, 8_000])[pick(rng, (0.2, 0.4, 0.3, 0.1), n)]
    cores = np.where(kind < 0, rng.integers(16, 65, n), rng.integers(4, 17, n)).astype(float)
    loading = np.array([0.5, 1, 2, 5])[pick(rng, (0.15, 0.3, 0.35, 0.2), n)]
    return Fleet(
        operator=operator,
        region=region,
        kind=kind,
        accelerators=accelerators,
        roles=roles,
        tee=tee,
        storage_gb=np.where(np.char.find(roles, "h") >= 0, storage, 0.0),
        cores=np.where(np.char.find(roles, "v") >= 0, cores, 0.0),
        utilization=np.array([0.7, 0.8, 0.85, 0.9, 1.0])[pick(rng, (0.1, 0.2, 0.3, 0.3, 0.1), n)],
        load_gb_per_s=rounded(np.where(trusted, loading / TRUSTED_LOADING, loading), 3),
        hourly=list_price * factor * np.where(trusted, TRUSTED_PRICE, 1.0),
    )


def _operators_of(shape: Shape, region: Ints, rng: Rng) -> Ints:
    """Operators of Zipf size, each mostly within one or two neighbouring regions."""
    weights = shape.operator_weights or list(zipf(shape.operators, 0.8))
    sizes = apportion(weights, shape.nodes, least=1)
    blocks = rng.permutation(shape.operators)
    operator = np.empty(shape.nodes, dtype=np.int64)
    order = np.argsort(region + 1.5 * rng.random(shape.nodes), kind="stable")
    operator[order] = np.repeat(blocks, sizes[blocks])
    unowned = round(shape.unowned_nodes * shape.nodes)
    operator[rng.permutation(shape.nodes)[:unowned]] = -1
    return operator


def _hardware(shape: Shape, infers: Bools, rng: Rng) -> tuple[Ints, Ints]:
    kinds = np.array([ACCELERATOR_INDEX[name] for name in shape.accelerators])
    kind = np.full(shape.nodes, -1)
    kind[infers] = kinds[quota(rng, int(infers.sum()), list(shape.accelerators.values()))]
    sizes = np.zeros((len(ACCELERATORS) + 1, 3), dtype=np.int64)
    for i, row in enumerate(ACCELERATORS):
        sizes[i] = np.resize(row.sizes, 3)
    accelerators = sizes[kind, rng.integers(0, 3, shape.nodes)]
    if shape.accelerators_per_node:
        accelerators[kind >= 0] = shape.accelerators_per_node
    return kind, accelerators


def _tees(shape: Shape, kind: Ints, operator: Ints, rng: Rng) -> Ints:
    """A fixed share of all nodes is trusted, as far as there is hardware that can be.

    Trusted nodes are spread over the operators as evenly as it goes.
    """
    able = np.flatnonzero(np.array([*(row.trusted for row in ACCELERATORS), False])[kind])
    able = rng.permutation(able)
    turn = np.array([np.sum(operator[able[:i]] == operator[n]) for i, n in enumerate(able)])
    wanted = min(len(able), round(shape.trusted_share * shape.nodes))
    chosen = able[np.argsort(turn, kind="stable")[:wanted]]
    tee = np.asarray(rng.random(len(kind)) < CPU_TEE_SHARE, dtype=np.int64)
    tee[chosen] = FIRST_GPU_TEE + rng.integers(0, 2, wanted)
    return tee


def make_operators(shape: Shape, fleet: Fleet, rng: Rng) -> Operators:
    """Draw control groups and share caps.

    One operator in ten belongs to the group of its neighbour. Where operators are capped, the
    largest may execute at most a third of all requests, the threshold up to which a network
    withstands a dishonest party.
    """
    size = shape.operators
    width = len(str(size))
    names = [f"operator-{i + 1:0{width}d}" for i in range(size)]
    daughters = 2 * rng.permutation(size // 2)[: size // 10]
    control = np.arange(size)
    control[daughters] += 1
    offered = np.bincount(fleet.operator + 1, fleet.capacity_s(1.0), size + 1)[1:]
    offered = np.bincount(control, offered, size)[control]
    capped = (rng.random(size) < shape.capped_operators) | (offered == offered.max())
    caps = np.where(capped, np.minimum(1 / 3, 1.5 * offered / offered.sum()), 1.0)
    return Operators(
        names=names,
        control_groups=[names[c] if c != i else None for i, c in enumerate(control)],
        max_share=(rounded(caps) if shape.capped_operators else np.ones(size)).tolist(),
    )


def node_columns(fleet: Fleet, operators: Operators, engaged_share: float) -> dict[str, list[Any]]:
    """The nodes as columns of `placement-instance/1`, but for their current state."""
    width = len(str(len(fleet)))
    types = [*(row.name for row in ACCELERATORS), None]
    hosts, verifies = fleet.role("h"), fleet.role("v")
    plain_cores = np.where(fleet.kind < 0, fleet.cores * CORE_COST_PER_HOUR, 0.0)
    hourly = fleet.hourly * fleet.accelerators + plain_cores
    return {
        "name": [f"node-{i + 1:0{width}d}" for i in range(len(fleet))],
        "operator": [operators.names[i] if i >= 0 else None for i in fleet.operator],
        "region": [PLACES[i].name for i in fleet.region],
        "roles": [[ROLES[letter] for letter in letters] for letters in fleet.roles],
        "accelerator": [types[i] for i in fleet.kind],
        "accelerators": fleet.accelerators.tolist(),
        "memory_gb": fleet.memory_gb.tolist(),
        "storage_gb": fleet.storage_gb.tolist(),
        "verification_cores": fleet.cores.tolist(),
        "tee": [list(TEES[i]) for i in fleet.tee],
        "max_utilization": fleet.utilization.tolist(),
        "load_gb_per_s": fleet.load_gb_per_s.tolist(),
        "engaged_cost_per_hour": rounded(hourly * engaged_share).tolist(),
        "accelerator_cost_per_hour": rounded(fleet.hourly * (1 - engaged_share)).tolist(),
        "verification_cost_per_core_hour": np.where(verifies, CORE_COST_PER_HOUR, 0.0).tolist(),
        "storage_cost_per_gb_hour": rounded(
            np.where(hosts, STORAGE_COST_PER_GB_HOUR, 0.0), 3
        ).tolist(),
    }
