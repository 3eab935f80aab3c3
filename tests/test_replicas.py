"""What replicas cost before they serve, and the best number of them."""

import numpy as np
import pytest

from placement.replicas import LISTED, Replicas


def one(most, loaded, **costs):
    """Replicas on one node."""
    none = {"held": 0.0, "fresh": 0.0, "fetch": np.inf, "own": np.inf, "kept": 0.0}
    column = none | costs
    return Replicas(
        np.array([most]), np.array([loaded]), *(np.array([value]) for value in column.values())
    )


def test_loaded_replicas_cost_no_loading():
    """Two are there; the third is loaded, from elsewhere for 3 $ or an own copy for 5 $."""
    replicas = one(4, 2, held=0.5, fresh=1.0, fetch=3.0, own=5.0)
    costs = [replicas.cost(z)[0] for z in range(1, 5)]
    assert costs == pytest.approx([0.5, 1.0, 1.5 + 1 + 3, 2.0 + 2 + 5])


def test_what_is_given_back():
    """2 $ for each of two that are kept; a third may pay less than nothing for its weights."""
    replicas = one(4, 2, held=0.5, fetch=-4.0, own=5.0, kept=2.0)
    costs = [replicas.cost(z)[0] for z in range(1, 5)]
    assert costs == pytest.approx([-1.5, -3.0, 1.5 - 4 - 4, 2.0 - 4 - 8])


def test_without_a_source_there_are_no_new_ones():
    """Only what is loaded can be kept."""
    replicas = one(3, 1, held=0.5)
    assert replicas.least(lambda _, z: np.array([2.0 * z])) == pytest.approx([-1.5])
    assert one(3, 0).least(lambda _, z: np.array([2.0 * z])) == pytest.approx([0.0])


def test_more_than_are_tried_is_never_above_the_best():
    """Beyond the listed counts there is a bound; it is below what counting would find."""
    rng = np.random.default_rng(0)
    met = 0
    for _ in range(300):
        most = int(rng.integers(LISTED + 1, 3 * LISTED))
        costs = dict(zip(("held", "fresh", "fetch", "own"), rng.exponential(1, 4), strict=True))
        costs["own"] *= rng.choice([1, 30, np.inf])
        costs["fetch"] *= rng.choice([1, -1, np.inf])
        costs["kept"] = rng.choice([0, 1, 3])
        replicas = one(most, int(rng.integers(0, most)), **costs)
        first, last = rng.exponential(3), rng.exponential(100)

        def gain(at, z, first=first, last=last):
            return np.full(len(at), min(z * first, last))

        exact = min(0.0, *(replicas.cost(z)[0] - min(z * first, last) for z in range(1, most + 1)))
        bound = replicas.least(gain)[0]
        assert bound <= exact + 1e-9
        met += bound == pytest.approx(exact, abs=1e-9)
    assert met > 50
