"""What it is worth to construct along the relaxation, and to keep what it keeps, after some steps.

python benchmarks/constructions.py --preset large --steps 300 --seeds 0 1
python benchmarks/constructions.py --preset giant --steps 50 --seeds 0 --early
python benchmarks/constructions.py --preset medium --network 1 --steps 5000 --warmth 0.5
"""

import argparse
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from placement import native
from placement.compiled import Compiled
from placement.generate import generate


def main() -> None:
    """Print bound, and cost after construction and after the steps, for each way and seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="large")
    parser.add_argument("--network", type=int, default=0, help="seed of the network")
    parser.add_argument("--steps", type=int, default=300, help="steps for each node")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1], help="seeds of the search")
    parser.add_argument(
        "--warmth", type=float, default=0.01, help="first temperature over the mean cost of a node"
    )
    parser.add_argument(
        "--early", action="store_true", help="follow the first shares there are, and their prices"
    )
    options = parser.parse_args()
    native.prepare()
    from placement.methods.completion import Completer
    from placement.methods.pricing.pricer import Pricer
    from placement.methods.recreate.improver import Recreation
    from placement.methods.sidebyside import by_threads

    compiled = Compiled(generate(options.preset, seed=options.network))
    begun = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        pricer = Pricer(compiled, side_by_side=by_threads(pool))
        while not (pricer.followable if options.early else pricer.done):
            pricer.advance(10_000_000)
    seconds = time.monotonic() - begun
    prices, shares = pricer.prices(), pricer.shares()
    completer = Completer(compiled)
    asked = prices.demand, prices.verification, None, completer.tolls(prices.copying)
    guide = completer.complete(*asked)
    begun = time.monotonic()
    completer.complete(*asked, near=guide)
    again = time.monotonic() - begun
    print(f"pooled prices: bound ${guide.bound:,.1f} after {seconds:.1f} s")
    print(f"to complete them once more takes {again:.2f} s on one thread")
    nodes = compiled.quantities.n_nodes
    ways = (
        ("by prices", None, False),
        ("along the relaxation", shares, False),
        ("and keeping what it keeps", shares, True),
    )
    for name, along, keeping in ways:
        for seed in options.seeds:
            plan = Recreation(compiled, None, prices=guide.prices, seed=seed)
            plan.guide(guide.prices, guide.rent_per_s)
            plan.construct(along, many=keeping)
            first = plan.objective
            warmth = options.warmth * first / nodes
            for left in np.linspace(1.0, 0.0, 20, endpoint=False):
                plan.advance(options.steps * nodes // 20, warmth * float(left))
            print(f"{name}, seed {seed}: ${first:,.1f}, then ${plan.best_objective:,.1f}")


if __name__ == "__main__":
    main()
