"""Named scenarios: networks in which one planted cause leaves compute idle or demand unserved.

Each differs from a plain, easy network (`_plain`) in that cause only, so that relaxing any other
family of constraints would not help.
"""

from dataclasses import replace

from placement.generate.shape import Shape

_plain = Shape(
    nodes=30,
    operators=10,
    regions=3,
    models=8,
    classes=60,
    requests=6_000,
    load=0.75,
    crowding=None,
    accelerators={"h100": 0.65, "h200": 0.35},
    accelerators_per_node=4,
    families=("llama-8b-fp8", "llama-8b", "qwen-14b-fp8", "gpt-oss-20b", "qwen-30b-a3b-fp8"),
    roles={"hiv": 0.8, "hi": 0.2},
    trusted_share=0.6,
    unowned_nodes=0.0,
    capped_operators=0.0,
    proof_share=0.0,
    policies={"none": 0.6, "attestation-cpu": 0.4},
    spread=0.5,
    bound_share=0.0,
    hurried_share=0.0,
    must_serve_share=0.0,
    engaged_share=0.1,
    margins=(6.0, 10.0),
)

SCENARIOS = {
    "long-tail": replace(
        _plain,
        models=60,
        classes=180,
        load=1.0,
        popularity=0.5,
        accelerators={"h100": 1.0},
        accelerators_per_node=2,
        families=("llama-70b-fp8",),
        workloads=("conversation",),
        spread=0.3,
        batch_share=0.0,
        policies={"none": 1.0},
    ),
    "tee-scarce": replace(
        _plain, load=1.05, trusted_share=0.1, policies={"none": 0.4, "attestation-gpu": 0.6}
    ),
    "eu-only": replace(
        _plain,
        load=1.05,
        region_weights=(0.5, 0.12, 0.38),
        policies={"none": 1.0},
        bound_share=0.7,
        bound_to="EU",
    ),
    "dominant-operator": replace(
        _plain,
        load=1.0,
        operator_weights=(0.7, *[0.3 / 9] * 9),
        capped_operators=0.01,
        accelerators={"h100": 1.0},
        families=("llama-8b-fp8",),
        workloads=("conversation",),
        spread=0.0,
        batch_share=0.0,
    ),
    "flash-crowd": replace(_plain, load=2.0, burst=10.0),
    "node-loss": replace(_plain, load=0.95, region_weights=(0.5, 0.3, 0.2), lost_region=True),
    "verifier-scarce": replace(
        _plain,
        load=1.05,
        roles={"hi": 0.97, "hiv": 0.03},
        policies={"none": 0.25, "reexecution-spot": 0.75},
    ),
    "over-supplied": replace(_plain, load=0.3),
}
