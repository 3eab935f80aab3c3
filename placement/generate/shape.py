"""What a generated network looks like: the knobs behind the presets."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from placement.generate.catalogue import ACCELERATORS, FAMILIES, PLACES, WORKLOADS

WINDOW_S = 3600.0

ACCELERATOR_MIX = {
    "l4": 0.08,
    "rtx-4090": 0.14,
    "l40s": 0.14,
    "a100": 0.16,
    "rtx-pro-6000": 0.08,
    "h100": 0.22,
    "h200": 0.11,
    "b200": 0.07,
}
"""Shares of the nodes, so that Hopper and Blackwell are just under a half [E]."""

POLICY_MIX = {
    "none": 0.3,
    "attestation-gpu": 0.3,
    "attestation-cpu": 0.25,
    "reexecution": 0.03,
    "reexecution-sampled": 0.07,
}
"""Shares of the request classes; models with proofs, 0.05 of all requests, come on top."""

ROLE_MIX = {"hiv": 0.4, "hi": 0.3, "iv": 0.1, "i": 0.1, "v": 0.06, "h": 0.04}
"""Shares of the nodes by first letters of their roles; those without `i` have no accelerators."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Size and character of a generated network.

    Shares are of 1. `load` is the accelerator time that all demand takes when spread over the
    nodes in proportion to what they can do, against the accelerator time there is.
    """

    nodes: int
    operators: int
    regions: int
    models: int
    classes: int
    requests: int
    load: float = 0.9
    crowding: float | None = 0.95
    """Classes that only nodes loaded beyond this can run lose what confines them to these, and so
    do classes that too few nodes can answer; None leaves all wishes as they are drawn."""
    accelerators: Mapping[str, float] = field(default_factory=lambda: ACCELERATOR_MIX)
    accelerators_per_node: int | None = None
    roles: Mapping[str, float] = field(default_factory=lambda: ROLE_MIX)
    trusted_share: float = 0.3
    region_weights: tuple[float, ...] | None = None
    operator_weights: tuple[float, ...] | None = None
    price_sigma: float = 0.4
    engaged_share: float = 0.4
    """Part of a node's hourly price that is due as soon as it is engaged."""
    capped_operators: float = 0.2
    """Share of the operators with a share cap below one; the largest has one, but where 0."""
    unowned_nodes: float = 0.02
    families: tuple[str, ...] = tuple(family.name for family in FAMILIES)
    proof_share: float = 0.05
    popularity: float = 1.1
    """Exponent of the models' Zipf popularity; 0.8-1.8 in alibaba/ServeGen."""
    burst: float = 1.0
    """Demand of the third most popular model against its ordinary demand."""
    policies: Mapping[str, float] = field(default_factory=lambda: POLICY_MIX)
    workloads: tuple[str, ...] = tuple(workload.name for workload in WORKLOADS)
    spread: float = 1.0
    """Deviation of token lengths against that of the traces."""
    batch_share: float = 0.4
    """Share of the classes without a human waiting: no first-token limit, no price of latency."""
    bound_share: float = 0.25
    """Share of the classes that must stay in the jurisdiction of their users."""
    bound_to: str | None = None
    """The one jurisdiction that these classes are bound to, wherever their users are."""
    hurried_share: float = 0.6
    """Share of the interactive classes with a first-token limit."""
    must_serve_share: float = 0.03
    margins: tuple[float, float] = (3.0, 10.0)
    """Least and largest revenue of a request against its typical compute cost."""
    warm_share: float = 0.6
    """Share of the nodes with replicas in memory, and of the models stored somewhere, now."""
    lost_region: bool = False
    """Whether the nodes of the first region fail after demand has been set."""

    def __post_init__(self) -> None:
        assert 1 <= self.regions <= len(PLACES)
        assert set(self.accelerators) <= {row.name for row in ACCELERATORS}


_SMALL_FLEET = {"rtx-4090": 0.15, "l40s": 0.2, "a100": 0.2, "h100": 0.3, "h200": 0.15}
_MEDIUM_FAMILIES = tuple(family.name for family in FAMILIES if family.weights_gb < 300)

SHAPES = {
    "small": Shape(
        nodes=12,
        operators=4,
        regions=3,
        models=5,
        classes=20,
        requests=2_400,
        load=0.8,
        accelerators=_SMALL_FLEET,
        families=("llama-8b-fp8", "qwen-14b-fp8", "gpt-oss-20b", "llama-70b-fp8"),
        unowned_nodes=0.0,
        must_serve_share=0.05,
    ),
    "medium": Shape(
        nodes=60,
        operators=10,
        regions=5,
        models=15,
        classes=150,
        requests=12_000,
        families=_MEDIUM_FAMILIES,
    ),
    "large": Shape(nodes=300, operators=30, regions=8, models=40, classes=900, requests=60_000),
    "thousand": Shape(
        nodes=1_000, operators=80, regions=10, models=80, classes=3_000, requests=150_000
    ),
    "huge": Shape(
        nodes=2_000, operators=120, regions=10, models=120, classes=5_000, requests=250_000
    ),
    "giant": Shape(
        nodes=10_000, operators=400, regions=10, models=500, classes=20_000, requests=1_000_000
    ),
}
"""The ordinary presets, 100 to 200 requests a node and hour."""
