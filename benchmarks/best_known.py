"""Best known placements of the shipped instances: made, improved, written down.

    python benchmarks/best_known.py                                all of them, a minute each
    python benchmarks/best_known.py small-0 --time-limit 600       one, for longer

Each run starts from the placement on file and keeps what is better: the cheaper placement, the
higher bound. `instances/best_known.json` says how each instance was made and what is proven.
"""

import argparse
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from placement import Instance, Solution, __version__, certified_bound, evaluate, solve
from placement.prices import Prices
from placement.quantities import Quantities

FOLDER = Path(__file__).parent.parent / "instances"
RECORDS = FOLDER / "best_known.json"
COMMAND = Path(sys.executable).with_name("placement")
SCENARIOS = (
    "long-tail", "tee-scarce", "eu-only", "dominant-operator",
    "flash-crowd", "node-loss", "verifier-scarce", "over-supplied",
)  # fmt: skip
MADE_BY = {
    **{f"tiny-{seed}": f"placement generate tiny --seed {seed}" for seed in range(3)},
    "small-0": "placement generate small --seed 0",
    **{f"{name}-0": f"placement generate {name} --seed 0" for name in SCENARIOS},
    "synthetic-trace-0": (
        "placement import trace instances/synthetic-trace.csv --load 0.8 --max-classes 60"
    ),
}
"""The shipped instances and the commands that make them, run in the top folder."""

Record = dict[str, Any]


def make(name: str) -> tuple[Instance, Solution | None]:
    """Make an instance afresh, with the placement on file if that is still of this instance."""
    path, answer = FOLDER / f"{name}.json", FOLDER / f"{name}.solution.json"
    before = path.read_bytes() if path.exists() else b""
    arguments = MADE_BY[name].split()[1:]
    command = [COMMAND, *arguments, "-o", path]
    subprocess.run(command, check=True, cwd=FOLDER.parent)  # noqa: S603 - our own
    kept = answer.exists() and path.read_bytes() == before
    return Instance.load(path), Solution.load(answer) if kept else None


def improve(instance: Instance, known: Solution | None, time_limit: float) -> Solution:
    """The best of what is known and what a solve from there finds."""
    result = solve(instance, gap=0.0, time_limit=time_limit, initial_solution=known)
    found = result.solution
    if known is None or not evaluate(instance, known).feasible:
        return found
    bounds = [s for s in (found, known) if s.lower_bound is not None]
    bound = max(bounds, key=lambda s: s.lower_bound or 0.0)
    least = found if (found.objective or 0.0) < (known.objective or 0.0) * (1 - 1e-9) else known
    objective, lower_bound = (
        least.objective or 0.0,
        min(bound.lower_bound or 0.0, least.objective or 0.0),
    )
    gap = (objective - lower_bound) / max(1e-9, abs(objective))
    certificate = max((found, known), key=lambda s: proven(instance, s)).certificate
    return least.replace(
        lower_bound=lower_bound, gap=gap, engine=bound.engine, certificate=certificate,
        status="optimal" if gap <= 1e-6 else "feasible",
    )  # fmt: skip


def proven(instance: Instance, solution: Solution) -> float:
    """What the prices of a solution prove; 0 where there are none: costs are never negative."""
    if solution.certificate is None:
        return 0.0
    prices = Prices.from_document(Quantities(instance), solution.certificate)
    return certified_bound(instance, prices)


def record(name: str, solution: Solution, time_limit: float) -> Record:
    """What is known of an instance, as an independent check sees it."""
    files = [FOLDER / f"{name}.json", FOLDER / f"{name}.solution.json"]
    command = [COMMAND, "check", *files, "--json"]
    checked = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    verdict = json.loads(checked.stdout)
    engine = f"branch and bound by {solution.engine}"
    return {
        "made_by": MADE_BY[name],
        "objective": verdict["objective"],
        "lower_bound": solution.lower_bound,
        "gap": solution.gap,
        "proof": engine if verdict["unproven"] else "the prices in the certificate",
        "certified_bound": verdict["certified_bound"],
        "command": f"python benchmarks/best_known.py {name} --time-limit {time_limit:g}",
        "date": datetime.now(UTC).date().isoformat(),
        "version": __version__,
    }


def main() -> None:
    """Improve the instances named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--time-limit", type=float, default=60.0, metavar="SECONDS")
    given = parser.parse_args()
    records = json.loads(RECORDS.read_text("utf-8")) if RECORDS.exists() else {}
    for name in given.names or MADE_BY:
        instance, known = make(name)
        best = improve(instance, known, given.time_limit)
        changed = known is None or any(
            getattr(best, claim) != getattr(known, claim)
            for claim in ("objective", "lower_bound", "certificate")
        )
        if changed or name not in records:
            best.save(FOLDER / f"{name}.solution.json")
            records[name] = record(name, best, given.time_limit)
        ordered = {name: records[name] for name in MADE_BY if name in records}
        RECORDS.write_text(json.dumps(ordered, indent=2) + "\n", encoding="utf-8")
        line = records[name]
        print(f"{name:18} {line['objective']:12.4f} {line['lower_bound']:12.4f} {line['gap']:8.4%}")


if __name__ == "__main__":
    main()
