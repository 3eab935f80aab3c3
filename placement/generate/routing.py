"""Routing only: replicas are given, and which node answers which request is a pure flow.

Every node holds replicas of one model, all requests of a model have the same lengths, nothing may
be loaded or moved, and neither engagement nor storage costs anything. So all classes that a node
can run take the same work there, and the cheapest routing is a min-cost flow from classes to
nodes with whole capacities.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from placement.generate.catalogue import PLACES, WORKLOADS
from placement.generate.demand import JURISDICTIONS, PLACE_JURISDICTION
from placement.generate.document import operator_columns, region_tables
from placement.generate.draw import (
    Bools,
    Floats,
    Ints,
    Rng,
    apportion,
    pick,
    rounded,
    stream,
    zipf,
)
from placement.generate.fleet import FIRST_GPU_TEE, node_columns
from placement.generate.models import model_columns, profile_columns
from placement.generate.network import Network, make_network
from placement.generate.policies import POLICIES
from placement.generate.shape import WINDOW_S, Shape
from placement.instance import Instance

REGIONS = 8
MODELS = 125
CLASSES_PER_MODEL = 16
REQUESTS = 150_000
SHAPE = Shape(
    nodes=12_500,
    operators=400,
    regions=REGIONS,
    models=MODELS,
    classes=MODELS * CLASSES_PER_MODEL,
    requests=REQUESTS,
    roles={"hiv": 1.0},
    proof_share=0.0,
    capped_operators=0.0,
    engaged_share=0.0,
)
TRUSTED_POLICY: dict[str, Any] = {"name": "trusted", "requires_tee": ["nvidia-cc"]}
TRUSTED_SHARE = 0.1
BOUND_SHARE = 0.15


@dataclass(frozen=True, slots=True)
class _Holders:
    """The nodes with the one model each holds, its replicas, and what these offer [s]."""

    network: Network
    model: Ints
    replicas: Ints
    offered_s: Floats

    def total(self, values: Floats) -> Floats:
        """Values of the nodes added up for each model."""
        return np.asarray(np.bincount(self.model, values, MODELS), dtype=float)

    def work_s(self, tokens: Floats) -> Floats:
        """Accelerator-seconds on each node of a request with its model's tokens (in, out)."""
        zoo, kind = self.network.zoo, self.network.fleet.kind
        prefill, decode = zoo.prefill[self.model, kind], zoo.decode[self.model, kind]
        return np.asarray(tokens[0, self.model] / prefill + tokens[1, self.model] / decode)

    def some(self, nodes: Bools) -> Bools:
        """Which models some of these nodes hold."""
        return self.total(nodes.astype(float)) > 0


def build(seed: int, *, aggregated: bool) -> Instance:
    """The routing instance in 2,000 classes, or in 150,000 classes of one request."""
    network = make_network(SHAPE, seed)
    rng = stream(seed, "routing")
    holders = _hold_one_model(network, rng)
    requests = _requests(holders, rng)
    if not aggregated:
        requests = _one_by_one(requests, rng)
    return Instance.from_dict(
        {
            "format": "placement-instance/1",
            "name": f"routing-{seed}" if aggregated else f"routing-unaggregated-{seed}",
            "source": f"placement generate routing --seed {seed}; replicas are given",
            "window_s": WINDOW_S,
            **region_tables(REGIONS),
            "operators": operator_columns(network.operators),
            "nodes": _node_columns(holders),
            "models": model_columns(network.zoo) | {"min_hosts": [1] * MODELS},
            "profiles": profile_columns(network.zoo, network.fleet),
            "policies": [{"name": POLICIES[0].name}, TRUSTED_POLICY],
            "requests": requests,
            "limits": {"max_new_replicas": 0, "max_transfer_gb": 0.0},
        }
    )


def _hold_one_model(network: Network, rng: Rng) -> _Holders:
    """A popular model for each node, as often as its accelerators and memory take it."""
    fleet, zoo = network.fleet, network.zoo
    size = len(fleet)
    fits = zoo.fits(fleet.kind, fleet.accelerators)
    model = np.full(size, -1)
    for _ in range(20):
        drawn = pick(rng, np.sqrt(zoo.popularity), size)
        model = np.where((model < 0) & fits[drawn, np.arange(size)], drawn, model)
    model = np.where(model < 0, np.argmax(fits, axis=0), model)
    for m in range(MODELS):
        if not (model == m).any():
            model[rng.choice(np.flatnonzero(fits[m]))] = m
    span = zoo.span[model]
    room = (fleet.memory_gb // zoo.memory_gb[model]).astype(np.int64)
    replicas = np.minimum(fleet.accelerators // span, room)
    return _Holders(network, model, replicas, replicas * span * fleet.utilization * WINDOW_S)


def _node_columns(holders: _Holders) -> dict[str, list[Any]]:
    """Nodes whose memory is given and whose engagement and storage are free."""
    network = holders.network
    held = [network.zoo.names[m] for m in holders.model]
    columns = node_columns(network.fleet, network.operators, engaged_share=0.0)
    columns["hosted"] = [[name] for name in held]
    columns["loaded"] = [
        {name: count} for name, count in zip(held, holders.replicas.tolist(), strict=True)
    ]
    columns["storage_cost_per_gb_hour"] = [0.0] * len(held)
    return columns


def _requests(holders: _Holders, rng: Rng) -> dict[str, list[Any]]:
    """Sixteen classes a model: in each region one that is patient and one that is not."""
    size = MODELS * CLASSES_PER_MODEL
    model = np.repeat(np.arange(MODELS), CLASSES_PER_MODEL)
    region = np.tile(np.repeat(np.arange(REGIONS), 2), MODELS)
    patient = np.tile([True, False], MODELS * REGIONS)
    number = apportion(holders.total(holders.offered_s), REQUESTS, least=CLASSES_PER_MODEL)
    tokens = _lengths(holders, number, rng)
    compute = _compute_cost(holders, tokens)[model]
    names = holders.network.zoo.names
    return {
        "name": [f"class-{i + 1:04d}" for i in range(size)],
        "model": [names[m] for m in model],
        "region": [PLACES[r].name for r in region],
        "policy": _policies(holders, model, rng),
        "count": _counts(number, region, rng).tolist(),
        "input_tokens": tokens[0, model].tolist(),
        "output_tokens": tokens[1, model].tolist(),
        "jurisdictions": _jurisdictions(holders, model, region, rng),
        "penalty": rounded(
            compute * np.where(patient, 1.5, 4.0) * (0.8 + 0.4 * rng.random(size))
        ).tolist(),
        "latency_cost_per_s": np.where(patient, 0.0, rounded(compute, 3)).tolist(),
    }


def _lengths(holders: _Holders, number: Ints, rng: Rng) -> Floats:
    """Input and output tokens of a model's requests, so that they take 0.6-1.1 of its nodes."""
    rows = np.array([(row.input_mean, row.output_mean) for row in WORKLOADS]).T
    call = np.exp(rows[:, pick(rng, [row.share for row in WORKLOADS], MODELS)])
    most = holders.total(holders.offered_s / holders.work_s(call))
    load = 0.6 + 0.5 * rng.random(MODELS)
    return np.asarray(np.maximum(1.0, np.round(call * load * most / number)))


def _compute_cost(holders: _Holders, tokens: Floats) -> Floats:
    """Mean $ of one request of each model on the nodes that hold it."""
    served = holders.offered_s / holders.work_s(tokens)
    paid = holders.total(holders.offered_s * holders.network.fleet.hourly / 3600)
    return np.asarray(paid / holders.total(served))


def _counts(number: Ints, region: Ints, rng: Rng) -> Ints:
    crowd = zipf(REGIONS, 0.7)[region] * np.exp(0.5 * rng.standard_normal(len(region)))
    rows = crowd.reshape(MODELS, CLASSES_PER_MODEL)
    parts = [apportion(row, int(total), least=1) for row, total in zip(rows, number, strict=True)]
    return np.concatenate(parts)


def _policies(holders: _Holders, model: Ints, rng: Rng) -> list[str]:
    """One class in ten wants trusted hardware, where some holder has it."""
    able = holders.some(holders.network.fleet.tee >= FIRST_GPU_TEE)[model]
    trusted = able & (rng.random(len(model)) < TRUSTED_SHARE)
    return [TRUSTED_POLICY["name"] if wanted else POLICIES[0].name for wanted in trusted]


def _jurisdictions(
    holders: _Holders, model: Ints, region: Ints, rng: Rng
) -> list[list[str] | None]:
    """Some classes stay in the jurisdiction of their users, where some holder is."""
    home = PLACE_JURISDICTION[region]
    place = PLACE_JURISDICTION[holders.network.fleet.region]
    able = np.array([holders.some(place == j) for j in range(len(JURISDICTIONS))])
    bound = able[home, model] & (rng.random(len(model)) < BOUND_SHARE)
    return [[JURISDICTIONS[j]] if b else None for j, b in zip(home, bound, strict=True)]


def _one_by_one(requests: dict[str, list[Any]], rng: Rng) -> dict[str, list[Any]]:
    """Every request as a class of its own, in the order of arrival."""
    count = np.array(requests["count"])
    of = rng.permutation(np.repeat(np.arange(len(count)), count)).tolist()
    columns = {field: [column[i] for i in of] for field, column in requests.items()}
    columns["name"] = [f"request-{i + 1:06d}" for i in range(len(of))]
    columns["count"] = [1] * len(of)
    return columns
