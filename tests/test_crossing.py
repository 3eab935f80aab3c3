"""Crossing: between two placements, feasible, as a rule cheaper."""

import numpy as np
import pytest
from reflows import compiled, guide
from searches import judged, tiny
from tinies import feasible_seeds, optimal, perturbed

from placement import Solution
from placement.methods.crossing import cross
from placement.methods.recreate.improver import Recreation
from placement.solution import to_placement


def placed(one, seed, steps=3000):
    """What ruin and recreate comes to."""
    run = Recreation(one, None, prices=guide(one).prices, seed=seed)
    run.construct()
    run.advance(steps, 0.0)
    return run.best


def held(one, placement):
    """Replicas by model and node."""
    q = one.quantities
    replicas = np.zeros((q.n_models, q.n_nodes), dtype=int)
    replicas[placement.replica_m, placement.replica_n] = placement.replica_count
    return replicas


def crossed(one, best, other, latest=np.inf):
    """What lies between two placements."""
    return cross(one, best, other, latest=latest, seed=0)


@pytest.mark.parametrize(
    ("preset", "twist"),
    [("small", "as it is"), ("small", "few GB"), ("small", "by sample"),
     ("small", "node by node"), ("verifier-scarce", "as it is"), ("dominant-operator", "shared")],
)  # fmt: skip
def test_what_both_have_stays(preset, twist):
    """A child is feasible, has no more than either parent, and as a rule no less than both."""
    one = compiled(preset, twist)
    parents = [placed(one, seed) for seed in (1, 2)]
    child = crossed(one, *parents)
    assert child is not None
    assert not judged(one, child).violations
    most, least = (f(*(held(one, p) for p in parents)) for f in (np.maximum, np.minimum))
    mine = held(one, child)
    assert (mine <= most).all()
    assert (mine >= least)[least > 0].mean() > 0.8


def test_a_child_is_cheaper_as_a_rule():
    """Of small networks whose searches ended at different places."""
    one, ratios = compiled("small"), []
    for seed in range(4):
        best, other = sorted(
            (placed(one, s) for s in (seed, seed + 10)), key=lambda p: judged(one, p).objective
        )
        child = crossed(one, best, other)
        ratios.append(
            1.0 if child is None else judged(one, child).objective / judged(one, best).objective
        )
    assert np.mean(ratios) < 1 - 1e-3


@pytest.mark.parametrize("seed", feasible_seeds(range(30)))
def test_nothing_is_below_the_optimum(seed):
    """Crossed with what is near it, an optimum stays the best."""
    one = tiny(seed)
    q = one.quantities
    best = to_placement(q, Solution.from_dict(optimal(seed)))
    others = [to_placement(q, Solution.from_dict(document)) for document in perturbed(seed, 3)]
    least = judged(one, best).objective
    for other in [other for other in others if not judged(one, other).violations]:
        child = crossed(one, best, other)
        if child is not None:
            assert not judged(one, child).violations
            assert judged(one, child).objective >= least - 1e-6 * max(1.0, abs(least))


def test_one_crossed_with_itself_gives_nothing():
    """There is nothing to decide but who does what."""
    seed = feasible_seeds(range(10))[0]
    one = tiny(seed)
    best = to_placement(one.quantities, Solution.from_dict(optimal(seed)))
    assert crossed(one, best, best) is None


def test_no_time_is_no_harm():
    """Once it is too late nothing is found."""
    one = compiled("small")
    assert crossed(one, placed(one, 1), placed(one, 2), latest=0.0) is None
