"""The models of a network, what they need and how fast they run on which accelerator."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from placement.generate.catalogue import (
    ACCELERATOR_ROOM_GB,
    ACCELERATORS,
    CACHED_TOKENS,
    FAMILIES,
    GOODPUT,
    PLACES,
    PROOF_FAMILIES,
    RUNTIME_MEMORY,
    Family,
)
from placement.generate.draw import Bools, Floats, Ints, Rng, pick, quota, rounded, zipf
from placement.generate.fleet import Fleet
from placement.generate.shape import Shape

SPANS = (1, 2, 4, 8)
MISSING_SHARE = 0.03


@dataclass(frozen=True, slots=True)
class Zoo:
    """Models by columns, rates by [model, accelerator type] (0 where there is no profile)."""

    families: list[Family]
    names: list[str]
    memory_gb: Floats
    span: Ints
    min_hosts: Ints
    origin: Ints
    popularity: Floats
    """Share of all requests."""
    prefill: Floats
    decode: Floats

    def __len__(self) -> int:
        return len(self.names)

    @property
    def weights_gb(self) -> Floats:
        """Size of the stored weights."""
        return np.array([family.weights_gb for family in self.families])

    @property
    def provable(self) -> Bools:
        """Which models are small enough for proofs."""
        return np.array([family.prove_s > 0 for family in self.families])

    def fits(self, kind: Ints, accelerators: Ints) -> Bools:
        """Which model [row] runs on so many accelerators of a type [column]; type -1: none."""
        each = np.array([*(row.memory_gb for row in ACCELERATORS), 0.0])[kind]
        room = (self.memory_gb / self.span)[:, None] <= each
        profiled = np.pad(self.prefill > 0, ((0, 0), (0, 1)))[:, kind]
        return np.asarray(room & profiled & (self.span[:, None] <= accelerators))


def footprint(family: Family) -> tuple[float, int]:
    """Memory of one replica [GB] and the accelerators it spans."""
    cache = CACHED_TOKENS * family.cache_kib * 1024 / 1e9
    memory = float(rounded(max(0.05, RUNTIME_MEMORY * family.weights_gb + cache), 3))
    fitting = [span for span in SPANS if memory / span <= ACCELERATOR_ROOM_GB]
    return memory, min(fitting, default=SPANS[-1])


def make_zoo(shape: Shape, fleet: Fleet, groups: Ints, rng: Rng) -> Zoo:
    """Draw models that the fleet can hold; `groups` are the control groups of its nodes."""
    families = _draw_families(shape, fleet, rng)
    memory, span = map(np.array, zip(*(footprint(family) for family in families), strict=True))
    size = len(families)
    prefill, decode = _rates(families, memory / span)
    missing = _missing(prefill > 0, fleet, rng)
    prefill[missing] = decode[missing] = 0.0
    hosting_groups = len(np.unique(groups[fleet.role("h")]))
    hosts = np.where(rng.random(size) < 0.5, 1, min(2, hosting_groups))
    origin = pick(rng, zipf(shape.regions, 1.0), size)
    return Zoo(
        families=families,
        names=_names(families),
        memory_gb=memory,
        span=span,
        min_hosts=hosts,
        origin=np.where(rng.random(size) < 0.1, -1, origin),
        popularity=_popularity(shape, families, rng),
        prefill=prefill,
        decode=decode,
    )


def _draw_families(shape: Shape, fleet: Fleet, rng: Rng) -> list[Family]:
    """A share of proof models, and language models that at least two nodes can run."""
    proofs = max(1, round(0.08 * shape.models)) if shape.proof_share else 0
    usable = [f for f in FAMILIES if f.name in shape.families and _homes(f, fleet) > 1]
    chosen = quota(rng, shape.models - proofs, [family.share for family in usable])
    proven = quota(rng, proofs, [family.share for family in PROOF_FAMILIES])
    return [usable[i] for i in chosen] + [PROOF_FAMILIES[i] for i in proven]


def _homes(family: Family, fleet: Fleet) -> int:
    memory, span = footprint(family)
    room = fleet.memory_gb / np.maximum(fleet.accelerators, 1) >= memory / span
    return int((room & (fleet.accelerators >= span)).sum())


def _names(families: list[Family]) -> list[str]:
    seen: dict[str, int] = {}
    names = []
    for family in families:
        seen[family.name] = seen.get(family.name, 0) + 1
        names.append(f"{family.name}-{seen[family.name]}")
    return names


def _popularity(shape: Shape, families: list[Family], rng: Rng) -> Floats:
    """Zipf over language models in random order; models with proofs share `proof_share`."""
    proven = np.array([family.prove_s > 0 for family in families])
    plain = zipf(int((~proven).sum()), shape.popularity)
    if shape.burst > 1:
        plain[min(2, len(plain) - 1)] *= shape.burst
    popularity = np.zeros(len(families))
    popularity[~proven] = rng.permutation(plain / plain.sum()) * (1 - shape.proof_share)
    popularity[proven] = shape.proof_share / max(1, proven.sum())
    return popularity


def _rates(families: list[Family], share_gb: Floats) -> tuple[Floats, Floats]:
    """Tokens/s per accelerator within latency targets; 0 where a replica does not fit."""
    memory, prefill, decode = np.array(
        [(row.memory_gb, row.prefill, row.decode) for row in ACCELERATORS]
    ).T
    own = np.array([(family.prefill, family.decode) for family in families]) * GOODPUT
    fits = share_gb[:, None] <= memory
    return (
        rounded(np.where(fits, np.outer(own[:, 0], prefill), 0.0), 3),
        rounded(np.where(fits, np.outer(own[:, 1], decode), 0.0), 3),
    )


def _missing(runs: Bools, fleet: Fleet, rng: Rng) -> Bools:
    """Engines that nobody has built, though the model [row] would fit the type [column]."""
    choice = runs & np.isin(np.arange(len(ACCELERATORS)), fleet.kind)
    rich = choice.sum(axis=1, keepdims=True) > 3
    missing = rich & (rng.random(runs.shape) < MISSING_SHARE)
    return np.asarray(missing & (missing.sum(axis=1, keepdims=True) < 3))


def model_columns(zoo: Zoo) -> dict[str, list[Any]]:
    """The models as columns of `placement-instance/1`."""
    return {
        "name": zoo.names,
        "weights_gb": zoo.weights_gb.tolist(),
        "memory_gb": zoo.memory_gb.tolist(),
        "accelerators": zoo.span.tolist(),
        "min_hosts": zoo.min_hosts.tolist(),
        "origin": [PLACES[i].name if i >= 0 else None for i in zoo.origin],
    }


def profile_columns(zoo: Zoo, fleet: Fleet) -> dict[str, list[Any]]:
    """The profiles as columns, for the types of accelerators that the fleet has."""
    present = np.isin(np.arange(len(ACCELERATORS)), fleet.kind)
    model, kind = np.nonzero((zoo.prefill > 0) & present)
    return {
        "model": [zoo.names[i] for i in model],
        "accelerator": [ACCELERATORS[i].name for i in kind],
        "prefill_tokens_per_s": zoo.prefill[model, kind].tolist(),
        "decode_tokens_per_s": zoo.decode[model, kind].tolist(),
    }
