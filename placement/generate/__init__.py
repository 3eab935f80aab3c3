"""Generated instances: presets from brute-forceable to 10,000 nodes, and named scenarios.

Every figure behind them is in `placement.generate.catalogue`, with its public source.
"""

from typing import TYPE_CHECKING

from placement.errors import InputError

if TYPE_CHECKING:  # reading the list of presets must not cost the import of numpy
    from placement.instance import Instance

PRESETS = {
    "tiny": "2-4 nodes, 1-5 classes of 1-3 requests, odd in every way: for brute force",
    "small": "12 nodes, 4 operators, 3 regions, 5 models, 20 classes, 2,400 requests",
    "medium": "60 nodes, 10 operators, 5 regions, 15 models, 150 classes, 12,000 requests",
    "large": "300 nodes, 30 operators, 8 regions, 40 models, 900 classes, 60,000 requests",
    "thousand": "1,000 nodes, 80 operators, 80 models, 3,000 classes, 150,000 requests",
    "huge": "2,000 nodes, 120 operators, 120 models, 5,000 classes, 250,000 requests",
    "giant": "10,000 nodes, 400 operators, 500 models, 20,000 classes, 1,000,000 requests",
    "routing": "12,500 nodes with their replicas given, 2,000 classes, 150,000 requests: pure flow",
    "routing-unaggregated": "the same as routing, in 150,000 classes of one request",
    "long-tail": "more models than fit in memory: compute idles beside unloaded models",
    "tee-scarce": "more demand for trusted hardware than there is: the rest idles",
    "eu-only": "more demand bound to the EU than nodes there: those elsewhere idle",
    "dominant-operator": "one operator has 70 % of the compute and may execute a third",
    "flash-crowd": "demand for one model jumps to ten times: compute is short",
    "node-loss": "the largest region fails: compute is short",
    "verifier-scarce": "re-executions for half of the demand, and few nodes that verify",
    "over-supplied": "demand for three tenths of the compute",
}
"""The presets and what each is."""


def generate(preset: str, seed: int = 0) -> "Instance":
    """Draw the instance of a preset; the same preset and seed give the same instance.

    Parameters
    ----------
    preset
        One of `PRESETS`.
    seed
        Any whole number from zero on.

    Raises
    ------
    InputError
        If there is no such preset or the seed is negative.

    Examples
    --------
    >>> instance = generate("small", seed=1)
    >>> len(instance.nodes), sum(request.count for request in instance.requests)
    (12, 2400)
    """
    if preset not in PRESETS:
        raise InputError(f"there is no preset {preset!r}; choose one of {', '.join(PRESETS)}.")
    if seed < 0:
        raise InputError(f"the seed must be a whole number from zero on, not {seed}.")
    from placement.generate import ordinary, routing, tiny

    if preset == "tiny":
        return tiny.build(seed)
    if preset.startswith("routing"):
        return routing.build(seed, aggregated=preset == "routing")
    return ordinary.build(preset, seed)
