"""Branch and bound: the bound never falls, the tree ends, interruption loses nothing."""

import numpy as np
import pytest
import tinies

from placement.compiled import Compiled
from placement.engines import solve_linear
from placement.generate import generate
from placement.methods.closing.strengthening import Relaxation
from placement.methods.closing.tree import PseudoCosts, Tree
from placement.model import build


def tree_of(compiled, threads=1):
    """A tree over the relaxation without cutting planes, and the value at its root."""
    model = build(compiled)
    relaxation = Relaxation(model, solve_linear(model.program, np.inf).duals)
    simplex = relaxation.simplex()
    return Tree(relaxation, simplex, threads), simplex.solve()


def run(tree, cutoff, looks=10**9):
    """Let a tree run for so many questions whether it is over; the bounds told."""
    told, asked = [], []

    def over():
        asked.append(1)
        return len(asked) > looks

    tree.run(lambda: cutoff, over, told.append, lambda _: None)
    return told


def test_a_tree_ends_below_the_optimum():
    """With all nodes closed the bound is that of divisible requests: never above the optimum."""
    for seed in tinies.feasible_seeds(range(30)):
        tree, root = tree_of(Compiled(tinies.instance(seed)))
        told = run(tree, np.inf)
        optimum = tinies.optimum(seed)
        scale = 1e-6 * max(1.0, abs(optimum))
        assert not tree.open
        assert root - scale <= tree.bound <= optimum + scale
        assert told == sorted(told)


def test_nothing_beats_a_cutoff_that_is_too_low():
    """All is cut off, and the bound says that nothing better is left."""
    tree, root = tree_of(Compiled(generate("small", seed=0)))
    run(tree, root - 1.0)
    assert tree.bound == np.inf


@pytest.mark.parametrize("looks", [1, 3, 10, 40])
def test_an_interrupted_tree_bounds_still(looks):
    """Whenever it is over, the open nodes hold what the closed ones do not: the bound is honest."""
    compiled = Compiled(generate("small", seed=1))
    tree, root = tree_of(compiled)
    run(tree, np.inf, looks)
    early = tree.bound
    assert tree.open
    assert early >= root - 1e-6
    run(tree, np.inf, 60)
    assert tree.bound >= early - 1e-6


def test_pseudo_costs_are_means():
    """What was seen is averaged; what was not is guessed as the mean of all."""
    pseudo = PseudoCosts(3)
    assert pseudo.guess(0, np.array([0])) == pytest.approx([1.0])
    pseudo.learn([(0, 1, 2.0), (0, 1, 4.0), (1, 1, 5.0), (0, 2, 6.0)])
    assert pseudo.guess(0, np.arange(3)) == pytest.approx([4.0, 3.0, 6.0])
    assert pseudo.reliable(1)
    assert not pseudo.reliable(2)
