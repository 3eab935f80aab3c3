"""What every family of cutting planes has to do, on tiny instances and on presets."""

from itertools import pairwise

import numpy as np
import pytest
import tinies

from placement import Solution
from placement.compiled import Compiled
from placement.decisions import encode
from placement.evaluation import evaluate_placement
from placement.model import build
from placement.simplex import Simplex
from placement.solution import to_placement


def rounds(family, model, most=15):
    """All rows found in rounds, and the values of the relaxation along the way."""
    cuts, simplex = family(model), Simplex(model.program)
    found, values = [], [simplex.solve()]
    while np.isfinite(values[-1]) and len(found) < most:
        rows = cuts.broken(simplex.values, 1e-6, 1000)
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


def kept(family, seeds):
    """How many rows were kept by placements of tiny instances; all have to be."""
    number = 0
    for seed in tinies.feasible_seeds(seeds):
        model = build(Compiled(tinies.instance(seed)))
        found, _ = rounds(family, model)
        for placement in placements(seed, model.compiled.quantities):
            point = encode(model, placement)
            for rows in found:
                assert (rows.matrix @ point <= rows.upper + 1e-6).all()
                number += len(rows.upper)
    return number


def raises(family, model):
    """All rows found; rounds never lower the relaxation, and together they raise it."""
    found, values = rounds(family, model)
    assert all(later >= earlier - 1e-6 for earlier, later in pairwise(values))
    assert values[-1] > values[0] * (1 + 1e-4)
    return found


def limited(family, model):
    """Rows are no more than asked for; those that cut most come first."""
    cuts, simplex = family(model), Simplex(model.program)
    simplex.solve()
    all_rows = cuts.broken(simplex.values, 1e-6, 1000)
    some = cuts.broken(simplex.values, 1e-6, 2)
    assert len(some.upper) == 2 < len(all_rows.upper)
    cut = all_rows.matrix @ simplex.values - all_rows.upper
    assert cut[:2] == pytest.approx(some.matrix @ simplex.values - some.upper)
    assert cut[0] == pytest.approx(cut.max())
