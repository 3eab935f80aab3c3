"""Method auto beside the whole formulation given to one engine, at equal time.

python benchmarks/monolith.py --preset small medium --seconds 60 --seeds 0 1
"""

import argparse
import json
import subprocess
import sys
from typing import Any

from placement import PlacementError, solve
from placement.generate import generate

RUNS: dict[str, dict[str, Any]] = {
    "auto": {"method": "auto"},
    "HiGHS": {"method": "milp", "engine": "highs"},
    "SCIP": {"method": "milp", "engine": "scip"},
    "CP-SAT": {"method": "milp", "engine": "cp-sat"},
}
"""What is compared, and the arguments of `solve` for it."""
Found = dict[str, Any]
GRACE_S = 120.0
"""How long past its time a run may take before it is ended."""


def measure(run: str, preset: str, seed: int, seconds: float, threads: int | None) -> Found:
    """Objective, bound and gap of one run in this process."""
    instance = generate(preset, seed=seed)
    result = solve(instance, time_limit=seconds, threads=threads, **RUNS[run])
    return {"objective": result.objective, "bound": result.lower_bound, "gap": result.gap,
            "seconds": sum(result.runtime_s.values())}  # fmt: skip


def apart(run: str, preset: str, seed: int, seconds: float, threads: int | None) -> Found:
    """The same in a process of its own, so that no run leaves anything to the next."""
    command = [sys.executable, __file__, "--one", run, "--preset", preset,
               "--seeds", str(seed), "--seconds", str(seconds)]  # fmt: skip
    command += [] if threads is None else ["--threads", str(threads)]
    try:
        done = subprocess.run(  # noqa: S603 - this very script
            command, capture_output=True, text=True, timeout=seconds + GRACE_S, check=True
        )
    except subprocess.TimeoutExpired:
        return {"error": "did not come back"}
    except subprocess.CalledProcessError as error:
        return {"error": (error.stderr.strip().splitlines() or ["crashed"])[-1][:60]}
    return dict(json.loads(done.stdout))


def cell(found: Found) -> str:
    """Objective, bound and gap in a few characters; a dash for what there is not."""
    if "error" in found:
        return f"{found['error']:>32}"
    objective, bound, gap = found["objective"], found["bound"], found["gap"]
    numbers = ["-" if value is None else f"{value:,.2f}" for value in (objective, bound)]
    return f"{numbers[0]:>12} {numbers[1]:>12} " + ("     -" if gap is None else f"{gap:6.2%}")


def main() -> None:
    """Measure and print one line a preset and seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", nargs="+", default=["small", "medium", "large"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--one", choices=RUNS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        try:
            found = measure(options.one, options.preset[0], options.seeds[0],
                            options.seconds, options.threads)  # fmt: skip
        except PlacementError as error:
            found = {"error": str(error)[:60]}
        print(json.dumps(found))
        return
    print(f"{'instance':<14}" + "".join(f" | {name:^32}" for name in RUNS))
    print(f"{'':<14}" + f" | {'objective':>12} {'bound':>12} {'gap':>6}" * len(RUNS))
    for preset in options.preset:
        for seed in options.seeds:
            print(f"{preset + ' ' + str(seed):<14}", end="", flush=True)
            for run in RUNS:
                found = apart(run, preset, seed, options.seconds, options.threads)
                print(" | " + cell(found), end="", flush=True)
            print()


if __name__ == "__main__":
    main()
