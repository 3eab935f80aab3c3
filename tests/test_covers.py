"""Cutting planes for whole replicas: every placement keeps them, the relaxation does not."""

from itertools import pairwise

import numpy as np
import pytest
import tinies

from placement import Solution
from placement.compiled import Compiled
from placement.decisions import encode
from placement.evaluation import evaluate_placement
from placement.generate import generate
from placement.methods.closing.covers import Covers
from placement.model import build
from placement.simplex import Simplex
from placement.solution import to_placement

SEEDS = range(60)


def rounds(model, most=15):
    """All rows found in rounds, and the values of the relaxation along the way."""
    covers, simplex = Covers(model), Simplex(model.program)
    found, values = [], [simplex.solve()]
    while np.isfinite(values[-1]) and len(found) < most:
        rows = covers.broken(simplex.values, 1e-6, 1000)
        if not len(rows.upper):
            break
        assert (rows.matrix @ simplex.values > rows.upper).all()
        found.append(rows)
        simplex.add_rows(rows.matrix, np.full(len(rows.upper), -np.inf), rows.upper)
        values.append(simplex.solve())
    return found, values


def placements(seed, quantities):
    """An optimal placement of a tiny instance and feasible ones near it."""
    for document in (tinies.optimal(seed), *tinies.perturbed(seed, 3)):
        placement = to_placement(quantities, Solution.from_dict(document))
        if evaluate_placement(quantities, placement).feasible:
            yield placement


def test_every_placement_keeps_them():
    """No row cuts off an optimal placement, nor what is near it."""
    kept = 0
    for seed in tinies.feasible_seeds(SEEDS):
        model = build(Compiled(tinies.instance(seed)))
        found, _ = rounds(model)
        for placement in placements(seed, model.compiled.quantities):
            point = encode(model, placement)
            for rows in found:
                assert (rows.matrix @ point <= rows.upper + 1e-6).all()
                kept += len(rows.upper)
    assert kept > 20


def test_the_bound_rises():
    """Rounds of cutting planes never lower the relaxation, and raise that of a small instance."""
    _, values = rounds(build(Compiled(generate("small", seed=0))))
    assert all(later >= earlier - 1e-6 for earlier, later in pairwise(values))
    assert values[-1] > values[0] * (1 + 1e-4)


def test_at_most_so_many():
    """The number of rows is limited; those that cut most come first."""
    model = build(Compiled(generate("small", seed=0)))
    covers, simplex = Covers(model), Simplex(model.program)
    simplex.solve()
    all_rows = covers.broken(simplex.values, 1e-6, 1000)
    some = covers.broken(simplex.values, 1e-6, 2)
    assert len(some.upper) == 2 < len(all_rows.upper)
    cut = all_rows.matrix @ simplex.values - all_rows.upper
    assert cut[:2] == pytest.approx(some.matrix @ simplex.values - some.upper)
    assert cut[0] == pytest.approx(cut.max())
