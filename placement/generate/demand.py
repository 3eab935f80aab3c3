"""Who asks for what: request classes, before anything is priced."""

from dataclasses import dataclass

import numpy as np

from placement.generate.catalogue import PLACES, WORKLOADS
from placement.generate.draw import (
    Bools,
    Floats,
    Ints,
    Rng,
    apportion,
    pick,
    quota,
    zipf,
)
from placement.generate.fleet import Fleet
from placement.generate.models import Zoo
from placement.generate.policies import POLICY_INDEX
from placement.generate.shape import Shape

JURISDICTIONS = tuple(dict.fromkeys(place.jurisdiction for place in PLACES))
PLACE_JURISDICTION = np.array([JURISDICTIONS.index(place.jurisdiction) for place in PLACES])
ANYWHERE = -1
LEAST_PRESENCE = 0.08
"""Nobody is bound to a jurisdiction that offers less than this share of the accelerators."""
CLIPPED = 2.0
"""Lengths beyond so many deviations are drawn in."""


@dataclass(slots=True)
class Streams:
    """Who asks: classes by columns, still without token lengths and counts."""

    model: Ints
    region: Ints
    policy: Ints
    bound: Ints
    """The jurisdiction that the class is bound to, or ANYWHERE."""
    batch: Bools
    weight: Floats
    """Share of all requests."""


@dataclass(slots=True)
class Demand:
    """Streams with counts and token lengths."""

    streams: Streams
    count: Ints
    input_tokens: Floats
    output_tokens: Floats


def draw_streams(shape: Shape, size: int, fleet: Fleet, zoo: Zoo, rng: Rng) -> Streams:
    """Draw who asks; with enough classes, every model is asked for."""
    model = _models(zoo, size, rng)
    region = pick(rng, zipf(shape.regions, 0.7), size)
    share = zoo.popularity[model] / np.bincount(model, minlength=len(zoo))[model]
    weight = share * np.exp(0.5 * rng.standard_normal(size))
    return Streams(
        model=model,
        region=region,
        policy=_policies(shape, zoo, model, rng),
        bound=_bounds(shape, region, fleet, rng),
        batch=np.asarray(rng.random(size) < shape.batch_share),
        weight=weight / weight.sum(),
    )


def _models(zoo: Zoo, size: int, rng: Rng) -> Ints:
    """As many classes of a model as its popularity asks for, at least one where there is room."""
    popular = np.argsort(-zoo.popularity, kind="stable")
    if size <= len(zoo):
        return rng.permutation(popular[:size])
    # The root keeps the most popular from taking nearly all classes.
    counts = apportion(np.sqrt(zoo.popularity), size, least=1)
    return rng.permutation(np.repeat(np.arange(len(zoo)), counts))


def _policies(shape: Shape, zoo: Zoo, model: Ints, rng: Rng) -> Ints:
    names = [POLICY_INDEX[name] for name in shape.policies]
    policy = np.array(names)[quota(rng, len(model), list(shape.policies.values()))]
    for i in np.flatnonzero(zoo.provable):
        policy[model == i] = POLICY_INDEX[f"proof-{zoo.families[i].name}"]
    return policy


def _bounds(shape: Shape, region: Ints, fleet: Fleet, rng: Rng) -> Ints:
    bound = quota(rng, len(region), (1 - shape.bound_share, shape.bound_share)) > 0
    if shape.bound_to:
        return np.where(bound, JURISDICTIONS.index(shape.bound_to), ANYWHERE)
    home = PLACE_JURISDICTION[region]
    offered = np.bincount(PLACE_JURISDICTION[fleet.region], fleet.capacity_s(1.0), len(home) + 9)
    return np.where(bound & (offered[home] >= LEAST_PRESENCE * offered.sum()), home, ANYWHERE)


def draw_lengths(shape: Shape, streams: Streams, zoo: Zoo, rng: Rng) -> Demand:
    """Token lengths of single calls after the traces, in buckets, and counts that add up."""
    rows = [workload for workload in WORKLOADS if workload.name in shape.workloads]
    size = len(streams.model)
    kind = quota(rng, size, [row.share for row in rows])
    deviation = np.clip(rng.standard_normal((2, size)), -CLIPPED, CLIPPED) * shape.spread
    mean = np.array([(row.input_mean, row.output_mean) for row in rows]).T[:, kind]
    sigma = np.array([(row.input_sigma, row.output_sigma) for row in rows]).T[:, kind]
    tokens = _bucketed(np.exp(mean + deviation * sigma))
    tokens[:, zoo.provable[streams.model]] = [[64.0], [1.0]]
    count = apportion(streams.weight, shape.requests, least=1)
    return Demand(streams, count, tokens[0], tokens[1])


def _bucketed(tokens: Floats) -> Floats:
    """To the nearest half power of two."""
    return np.maximum(1.0, np.round(2 ** (np.round(2 * np.log2(tokens)) / 2)))
