"""Time and memory of the parts that large instances are made of, against size.

    python benchmarks/scaling.py --most 2500

Each size and part has its own process. Draws docs/scaling.png; seconds are of one processor.
"""

import argparse
import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from placement.certificate import lower_bound
from placement.compiled import Compiled
from placement.generate.ordinary import build
from placement.generate.shape import SHAPES, Shape
from placement.methods.completion import Completer
from placement.methods.pricing.pricer import Pricer
from placement.methods.recreate.improver import Recreation
from placement.prices import Prices

NODES = (156, 312, 625, 1250, 2500, 5000, 10_000)
BASE, FACTORS = 1250, (0.25, 0.5, 1.0, 2.0)
"""Nodes of the instances in which classes or models alone are varied, and by what."""
ACCURACY, STEPS = 1e-3, 160
"""Prices are done where so many more steps raise the bound that they prove by less than this."""
STEPS_A_NODE = 50
CARD, SOFT = "#fbfaf7", "#6b7780"
TITLES = {"s": "Seconds of one processor", "mb": "Peak memory [MB]"}
Row = dict[str, Any]


def price(compiled: Compiled, _: Prices | None) -> tuple[Prices, float]:
    """Prices to a fixed accuracy, completed node by node; the bound that they prove."""
    pricer, completer = Pricer(compiled), Completer(compiled)
    best, proven, finest = Prices.zero(compiled.quantities), 0.0, False
    cells = pricer.fine
    while pricer.fine is cells and not pricer.done:  # kinds of nodes are for smaller ones only
        pricer.advance(STEPS * len(pricer.fine))
        asked, before = pricer.prices(), proven
        found = completer.complete(
            asked.demand, asked.verification, tolls=completer.tolls(asked.copying)
        )
        if found.bound > proven:
            best, proven = found.prices, found.bound
        if finest and proven <= before * (1 + ACCURACY):
            break
        finest = pricer.solved().steps > 0  # else a coarser program is being solved
    return best, proven


def search(compiled: Compiled, prices: Prices | None) -> tuple[None, float]:
    """Construction, then so many steps of ruin and recreate for each node; the cost found."""
    run = Recreation(compiled, None, prices=prices, seed=0)
    run.construct()
    run.advance(STEPS_A_NODE * compiled.quantities.n_nodes, 0.0)
    return None, run.best_objective


def check(compiled: Compiled, prices: Prices | None) -> tuple[None, float]:
    """What the judge finds proven by the prices."""
    return None, lower_bound(compiled.quantities, prices or Prices.zero(compiled.quantities))


PARTS = {"prices": (price, "#17648d"), "search": (search, "#e4572e"), "check": (check, "#0b7a4b")}
_shared: list[Compiled] = []


def inside(kind: str, function: Callable[..., Any], *given: Any) -> Any:
    """What a function gives in a process of its own, "spawn"ed afresh or "fork"ed from here."""
    with ProcessPoolExecutor(1, multiprocessing.get_context(kind)) as pool:
        return pool.submit(function, *given).result()


def timed(part: str | None, prices: Prices | None) -> tuple[Any, Row]:
    """Run a part here; what it found, with seconds and peak memory [MB]."""
    begun = time.process_time()
    kept, value = PARTS[part][0](_shared[0], prices) if part else (None, 0.0)
    seconds, peak = time.process_time() - begun, getrusage(RUSAGE_SELF).ru_maxrss / 1024
    return kept, {"s": seconds, "mb": peak, "value": value}


def measure(nodes: int, models: int, classes: int) -> Row:
    """All parts of one size; memory is what comes on top of a process without an instance."""
    _, empty = inside("fork", timed, None, None)
    SHAPES["scaled"] = Shape(nodes=nodes, operators=max(nodes // 25, 2), regions=10,
                             models=models, classes=classes, requests=100 * nodes)  # fmt: skip
    _shared.append(Compiled(build("scaled", 0)))
    row, prices = Row(), None
    for part in PARTS:
        kept, row[part] = inside("fork", timed, part, prices)
        prices = prices or kept
        row[part]["mb"] = max(row[part]["mb"] - empty["mb"], 1.0)
    return row


def apart(nodes: int, models: float = 1.0, classes: float = 1.0) -> Row:
    """The same in a fresh process, printed; so many times the models and classes of giant's."""
    size = nodes, round(models * nodes / 20), round(classes * nodes * 2)
    row: Row = inside("spawn", measure, *size)
    cells = "".join(f"{row[part]['s']:9.2f} s {row[part]['mb']:6.0f} MB" for part in PARTS)
    gap = 1 - row["check"]["value"] / row["search"]["value"]
    print("{:7,} {:7,} {:8,}".format(*size), f"{cells} {gap:6.1%}", flush=True)
    return row


def series(name: str, sizes: Sequence[float], rows: list[Row]) -> Any:
    """Exponents of time and memory of each part, by least squares on logarithms; printed."""
    values = [[row[part][unit] for part in PARTS for unit in ("s", "mb")] for row in rows]
    found = np.polyfit(np.log(sizes), np.log(values), 1)[0].reshape(-1, 2)
    print(f"exponents, {name:13}", *(f"{a:9.2f}   {b:6.2f}  " for a, b in found), "\n", flush=True)
    return found


def draw(sizes: Sequence[float], rows: list[Row], found: Any) -> None:
    """Seconds and memory against nodes."""
    plt.rc("axes", edgecolor=SOFT, labelcolor=SOFT, titlelocation="left", titlesize=11)
    plt.rc("axes.spines", top=False, right=False)
    figure, panels = plt.subplots(1, 2, figsize=(9.6, 4.0), facecolor=CARD, layout="constrained")
    for axes, unit, slopes in zip(panels, ("s", "mb"), found.T, strict=True):
        for (part, (_, colour)), slope in zip(PARTS.items(), slopes, strict=True):
            label = f"{part} $\\propto$ nodes$^{{{slope:.2f}}}$"
            axes.loglog(sizes, [row[part][unit] for row in rows], "o-", color=colour, label=label)
        axes.set_xticks(sizes, [f"{size:,.0f}" for size in sizes])
        axes.minorticks_off()
        axes.set(xlabel="nodes, all else in proportion", facecolor=CARD, title=TITLES[unit])
        axes.grid(color="#d9d7d0", linewidth=0.6)
        axes.legend(frameon=False)
    figure.savefig(Path(__file__).parent.parent / "docs" / "scaling.png", dpi=160)


def main() -> None:
    """All sizes, or those up to a limit; then classes and models each on their own."""
    parser = argparse.ArgumentParser(description="Time and memory against size.")
    parser.add_argument("--most", type=int, default=NODES[-1], help="most nodes")
    sizes = [nodes for nodes in NODES if nodes <= parser.parse_args().most]
    print("  nodes  models  classes", *(f"{part:>10}    memory" for part in PARTS), "   gap")
    rows = [apart(nodes) for nodes in sizes]
    draw(sizes, rows, series("all together", sizes, rows))
    for only in ("models", "classes"):
        series(f"{only} only", FACTORS, [apart(min(BASE, sizes[-1]), **{only: x}) for x in FACTORS])


if __name__ == "__main__":
    main()
