"""Dealing: everything once, evenly, and nothing split that must stay whole."""

import numpy as np
import pytest
from searches import compiled_of, tiny

from placement.compiled import Compiled
from placement.distributed.dealing import deal
from placement.generate import generate


@pytest.fixture(scope="module")
def medium():
    """60 nodes and 150 classes, compiled."""
    return Compiled(generate("medium"))


@pytest.mark.parametrize("pieces", [1, 2, 3, 7])
def test_every_request_is_dealt_once(medium, pieces):
    """The pieces' requests of a class are those of the class."""
    dealt = deal(medium, pieces, seed=1)
    assert dealt.count.min() >= 0
    assert np.array_equal(dealt.count.sum(axis=0), medium.quantities.count)
    assert set(dealt.piece.tolist()) == set(range(pieces))


@pytest.mark.parametrize("seed", range(30))
def test_tiny_instances_are_dealt_too(seed):
    """Classes that nothing can run, paired ones and plain jobs included."""
    compiled = tiny(seed)
    dealt = deal(compiled, 3, seed)
    assert np.array_equal(dealt.count.sum(axis=0), compiled.quantities.count)


def test_sampled_classes_stay_whole(medium):
    """Each class rounds its own sample, so a piece has all of it or none."""
    q = medium.quantities
    count = deal(medium, 3, seed=0).count[:, q.sample < 1]
    assert np.all(np.count_nonzero(count, axis=0) == 1)


def test_capacity_and_work_are_dealt_evenly(medium):
    """No piece of two has much more of either."""
    q, dealt = medium.quantities, deal(medium, 2, seed=0)
    for share in (np.bincount(dealt.piece, q.capacity_s), dealt.count @ q.output_tokens):
        assert share.max() < 1.8 * share.min()


def test_like_nodes_of_a_region_go_to_different_pieces():
    """Four equal nodes of each of two kinds: some of each kind in both pieces."""
    nodes = [
        {"name": f"{kind}{i}", "accelerator": kind, "accelerators": 1, "roles": ["inference"]}
        for kind in "ab"
        for i in range(4)
    ]
    dealt = deal(compiled_of(nodes=nodes, requests=[]), 2, seed=5)
    assert dealt.piece.sum() == 4
    assert set(dealt.piece[:4].tolist()) == set(dealt.piece[4:].tolist()) == {0, 1}


def test_regions_stay_whole_where_they_can(medium):
    """Those with less capacity than a piece and a half."""
    q, dealt = medium.quantities, deal(medium, 3, seed=0)
    share = np.bincount(q.node_region, q.capacity_s) / q.capacity_s.sum()
    pieces = [len(set(dealt.piece[q.node_region == r].tolist())) for r in range(q.n_regions)]
    assert max(np.array(pieces)[share < 0.5]) == 1


def test_a_small_model_goes_to_one_piece(medium):
    """What one replica can serve is not split."""
    q, dealt = medium.quantities, deal(medium, 3, seed=0)
    spread = [
        np.count_nonzero(dealt.count[:, q.class_model == m].sum(axis=1)) for m in range(q.n_models)
    ]
    assert min(s for s in spread if s) == 1
    assert max(spread) == 3


def test_the_seed_decides(medium):
    """The same seed deals the same, another one differently, where a region is dealt."""
    one, same, other = (deal(medium, 7, seed) for seed in (1, 1, 2))
    assert np.array_equal(one.piece, same.piece)
    assert np.array_equal(one.count, same.count)
    assert not np.array_equal(one.piece, other.piece)
