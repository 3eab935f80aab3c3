"""CBC through PuLP: the very rows and columns that our own engines get, without a start.

Uses of `placement`, beyond its public names: the formulation (`model`, `program`), the merging of
like classes that `solve` does too (`aggregation`), and what turns columns into a placement
(`decisions`).
"""

import os
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from placement import Instance, Solution
from placement.aggregation import aggregate
from placement.compiled import Compiled
from placement.decisions import decode
from placement.model import build
from placement.program import Program
from placement.quantities import Floats
from placement.solution import to_solution

NAME = "PuLP/CBC"
PACKAGES = ("pulp", "cbcbox")
GAP = 1e-6
"""Relative gap at which it may stop; CBC's own default is no less."""


def unavailable(instance: Instance) -> str | None:
    """Why it cannot run here; it takes every instance."""
    del instance
    if len(versions()) < len(PACKAGES):
        return "PuLP with CBC is not installed: pip install 'placement[peers]'"
    return None


def versions() -> dict[str, str]:
    """Versions of PuLP and of the CBC that it recommends."""
    try:
        return {package: version(package) for package in PACKAGES}
    except PackageNotFoundError:
        return {}


def run(
    instance: Instance,
    *,
    seconds: float,
    seed: int,
    threads: int | None,
    report: Callable[[Solution], None],
) -> Solution | None:
    """Build the program in PuLP and have CBC solve it."""
    del report  # PuLP runs CBC as a command, which tells nothing on its way
    ends = time.monotonic() + seconds
    compiled = Compiled(instance)
    aggregation = aggregate(compiled.quantities)
    model = build(compiled if aggregation is None else Compiled(aggregation.merged))
    values = _solve(model.program, ends, seed, threads or os.cpu_count() or 1)
    if values is None:
        return None
    placement = decode(model, values)
    whole = placement if aggregation is None else aggregation.split(placement)
    return to_solution(compiled.quantities, whole, method=NAME, seed=seed)


def _solve(program: Program, ends: float, seed: int, threads: int) -> Floats | None:
    """The columns that CBC finds, None where it finds none in time."""
    import cbcbox
    import pulp

    begun = time.monotonic()
    problem, columns = _in_pulp(program)
    now = time.monotonic()
    writing_s = now - begun  # the file that CBC reads takes about as long as the expressions
    left = ends - now - writing_s
    if left <= 0:
        return None
    problem.solve(
        pulp.COIN_CMD(
            path=cbcbox.cbc_bin_path(),
            msg=False,
            timeLimit=left,
            threads=threads,
            gapRel=GAP,
            options=[f"randomSeed {seed % 2**31}", f"randomCbcSeed {seed % 2**31}"],
        )
    )
    if problem.sol_status not in {pulp.LpSolutionOptimal, pulp.LpSolutionIntegerFeasible}:
        return None
    return np.array([column.value() or 0.0 for column in columns])


def _in_pulp(program: Program) -> tuple[Any, list[Any]]:
    """The program as a problem of PuLP, and its columns."""
    import pulp

    problem = pulp.LpProblem("placement", pulp.LpMinimize)
    kinds = (pulp.LpContinuous, pulp.LpInteger)
    lower, whole = program.lower.tolist(), program.whole.tolist()
    upper = [None if np.isinf(bound) else bound for bound in program.upper.tolist()]
    columns = [
        problem.add_variable(f"x{i}", low, up, kinds[kind])
        for i, (low, up, kind) in enumerate(zip(lower, upper, whole, strict=True))
    ]
    problem.setObjective(pulp.LpAffineExpression(zip(columns, program.cost.tolist(), strict=True)))
    matrix = program.matrix
    entries = zip(matrix.indices.tolist(), matrix.data.tolist(), strict=True)
    terms = [(columns[j], value) for j, value in entries]
    starts = matrix.indptr.tolist()
    bounds = zip(program.row_lower.tolist(), program.row_upper.tolist(), strict=True)
    for i, (low, up) in enumerate(bounds):
        row = terms[starts[i] : starts[i + 1]]
        if low == up:
            problem.addConstraint(_row(row, pulp.LpConstraintEQ, low))
            continue
        if np.isfinite(low):
            problem.addConstraint(_row(row, pulp.LpConstraintGE, low))
        if np.isfinite(up):
            problem.addConstraint(_row(row, pulp.LpConstraintLE, up))
    return problem, columns


def _row(terms: list[Any], sense: int, bound: float) -> Any:
    import pulp

    return pulp.LpConstraint(pulp.LpAffineExpression(terms), sense, rhs=bound)
