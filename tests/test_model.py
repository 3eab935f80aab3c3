"""The whole formulation as a program: the oracle's optimum, and the way to placements and back."""

import math
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
import tinies
from scipy.optimize import Bounds, LinearConstraint, milp

from placement import Solution
from placement.compiled import Compiled
from placement.decisions import decode, encode
from placement.engines import solve_linear
from placement.evaluation import evaluate_placement
from placement.model import build
from placement.solution import to_placement

FEW = range(60)


@cache
def model(seed):
    """The program of a tiny instance with the meaning of its columns."""
    return build(Compiled(tinies.instance(seed)))


def least(program):
    """An optimal point of a program by an engine that the package does not use, or None.

    The engine stops within 1e-6 in absolute terms, so costs are scaled up.
    """
    scale = 1e3 / max(program.cost.max(initial=0), 1e-9)
    found = milp(
        scale * program.cost,
        integrality=program.whole.astype(int),
        bounds=Bounds(program.lower, program.upper),
        constraints=LinearConstraint(program.matrix, program.row_lower, program.row_upper),
        options={"mip_rel_gap": 0},
    )
    assert found.status in (0, 2), found.message
    return found.x if found.status == 0 else None


def assert_inside(program, values):
    """Check that a point satisfies the program."""
    rows = program.matrix @ values
    slack = 1e-6 * np.maximum(1.0, np.abs(rows))
    assert (rows <= program.row_upper + slack).all()
    assert (rows >= program.row_lower - slack).all()
    assert (values >= program.lower - 1e-9).all()
    assert (values <= program.upper + 1e-9).all()
    assert np.array_equal(values[program.whole], np.rint(values[program.whole]))


def placements(seed, times):
    """The optimal placement of a tiny instance, and feasible ones near it."""
    q = model(seed).compiled.quantities
    for document in (tinies.optimal(seed), *tinies.perturbed(seed, times)):
        placement = to_placement(q, Solution.from_dict(document))
        verdict = evaluate_placement(q, placement)
        if verdict.feasible:
            yield placement, verdict.objective


# --- the optimum ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "seeds", [FEW, pytest.param(range(60, 400), marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_the_program_has_the_optimum_of_the_oracle(seeds):
    """Or none where there is none; decoded, it is a placement that costs just that."""
    infeasible = 0
    for seed in seeds:
        values = least(model(seed).program)
        if values is None or tinies.optimal(seed) is None:
            assert values is tinies.optimal(seed), seed
            infeasible += 1
            continue
        verdict = evaluate_placement(model(seed).compiled.quantities, decode(model(seed), values))
        assert verdict.feasible, (seed, verdict.violations)
        assert verdict.objective == pytest.approx(tinies.optimum(seed), rel=1e-6, abs=1e-9), seed
        assert values @ model(seed).program.cost == pytest.approx(verdict.objective, rel=1e-6)
    assert infeasible >= 3


def test_the_relaxation_is_below_the_optimum():
    """And not far: half of the tiny instances lose less than a third."""
    loss = []
    for seed in tinies.feasible_seeds(FEW):
        answer = solve_linear(model(seed).program, math.inf)
        assert answer.lower_bound <= tinies.optimum(seed) * (1 + 1e-9)
        loss.append(1 - answer.lower_bound / tinies.optimum(seed))
    assert np.median(loss) < 1 / 3


def test_fewer_arcs_make_no_better_optimum():
    """Every other way to execute taken away: what is left is feasible, and not cheaper."""
    dearer = 0
    for seed in tinies.feasible_seeds(FEW):
        c = model(seed).compiled
        some = c.run.take(np.arange(0, len(c.run), 2))
        smaller = build(c, some, c.verify)
        values = least(smaller.program)
        if values is not None:
            verdict = evaluate_placement(c.quantities, decode(smaller, values))
            assert verdict.feasible, seed
            assert verdict.objective >= tinies.optimum(seed) * (1 - 1e-6)
            dearer += verdict.objective > tinies.optimum(seed) * (1 + 1e-6)
    assert dearer >= 10


# --- there and back ---------------------------------------------------------------------------


def test_feasible_placements_are_points_of_the_program():
    """At a cost that is theirs, or less where they do something in vain."""
    seen = 0
    for seed in tinies.feasible_seeds(FEW):
        for placement, objective in placements(seed, 6):
            values = encode(model(seed), placement)
            assert_inside(model(seed).program, values)
            cost = values @ model(seed).program.cost
            assert cost <= objective * (1 + 1e-9) + 1e-12, seed
            seen += 1
    assert seen >= 80


def test_optimal_placements_cost_the_same_as_points():
    """There is nothing in vain in an optimum."""
    for seed in tinies.feasible_seeds(FEW):
        cost = encode(model(seed), next(placements(seed, 0))[0]) @ model(seed).program.cost
        assert cost == pytest.approx(tinies.optimum(seed), rel=1e-9, abs=1e-12), seed


def test_points_become_the_placements_that_they_were():
    """Decoding what was encoded is feasible and costs no more; again, it is the same."""
    for seed in tinies.feasible_seeds(FEW):
        q = model(seed).compiled.quantities
        for placement, objective in placements(seed, 4):
            again = decode(model(seed), encode(model(seed), placement))
            verdict = evaluate_placement(q, again)
            assert verdict.feasible, (seed, verdict.violations)
            assert verdict.objective <= objective * (1 + 1e-9) + 1e-12
            once_more = decode(model(seed), encode(model(seed), again))
            assert all(map(np.array_equal, vars(once_more).values(), vars(again).values()))


def test_every_row_and_column_belongs_to_a_family():
    """The families tile the program, in order."""
    for seed in FEW:
        m = model(seed)
        for families, size in ((m.columns, m.program.matrix.shape[1]),
                               (m.rows, m.program.matrix.shape[0])):  # fmt: skip
            parts = list(families.values())
            assert parts[0].start == 0
            assert parts[-1].stop == size
            assert all(a.stop == b.start for a, b in pairwise(parts))
