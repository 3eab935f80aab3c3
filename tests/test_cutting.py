"""Pieces: valid instances whose constraints add up to those of the whole."""

import numpy as np
import pytest
from searches import tiny

from placement.compiled import Compiled
from placement.distributed.cutting import cut
from placement.distributed.dealing import deal
from placement.generate import generate
from placement.instance import Instance
from placement.methods.recreate.starting import planned_hosting
from placement.quantities import Quantities


def pieces_of(compiled, pieces, seed=0):
    """The pieces, with as many hosts set aside as there have to be."""
    q = compiled.quantities
    hosting = planned_hosting(compiled)
    if hosting is None:
        hosting = np.zeros((q.n_models, q.n_nodes), dtype=bool)
    return cut(compiled, deal(compiled, pieces, seed), hosting)


@pytest.mark.parametrize("seed", range(40))
def test_a_piece_is_a_valid_instance(seed):
    """What was cut without validation passes it."""
    for piece in pieces_of(tiny(seed), 2, seed):
        assert Instance.from_dict(piece.instance.to_dict()) == piece.instance


def test_share_caps_add_up():
    """What the pieces let a control group execute is at most what the whole does."""
    compiled = Compiled(generate("medium"))
    whole = compiled.quantities
    most = dict.fromkeys(whole.group_keys, 0.0)
    for piece in pieces_of(compiled, 3):
        q = Quantities(piece.instance)
        for key, share in zip(q.group_keys, q.max_share, strict=True):
            most[key] += share * q.total_count
    capped = whole.max_share < 1
    assert capped.any()
    allowed = whole.max_share * whole.total_count
    got = np.array([most[key] for key in whole.group_keys])
    assert np.all(got[capped] <= allowed[capped] + 1e-6)


def test_limits_add_up():
    """New replicas and GB moved, what the hosts take aside."""
    instance = generate("medium").replace(limits={"max_new_replicas": 7, "max_transfer_gb": 5000.0})
    limits = [piece.instance.limits for piece in pieces_of(Compiled(instance), 3)]
    assert sum(limit.max_new_replicas for limit in limits) <= 7
    assert sum(limit.max_transfer_gb for limit in limits) <= 5000.0


def test_every_request_may_be_turned_away_at_a_price():
    """So there is a placement of every piece; what must be served costs more than all else."""
    instance = generate("small")
    free = {row.name for row in instance.requests if row.penalty is None}
    assert free
    dearest = max(row.penalty for row in instance.requests if row.penalty is not None)
    rows = [row for piece in pieces_of(Compiled(instance), 2) for row in piece.instance.requests]
    assert min(row.penalty for row in rows if row.name in free) > dearest
