"""What nodes have loaded is opened before a construction, and given up where it serves nothing."""

import numpy as np
import pytest
from reflows import compiled
from searches import judged
from test_confining import begun, relaxed

from placement.compiled import Compiled
from placement.generate import generate
from placement.methods.recreate.improver import Recreation
from placement.methods.recreate.keeping import keep, release
from placement.methods.recreate.state import rows_of


def loaded(one):
    """All that is loaded anywhere: nodes and models."""
    m, n = np.nonzero(one.quantities.loaded)
    return n.copy(), m.copy()


def test_it_is_opened_as_it_is():
    """As many replicas as are loaded, at no cost but that of engaging nodes."""
    one = compiled("medium")
    recreation = Recreation(one, None)
    before = recreation.objective
    n, m = loaded(one)
    keep(recreation._book.native, n, m)
    rows = rows_of(recreation._book)
    opened = dict(
        zip(zip(rows.replica_n.tolist(), rows.replica_m.tolist(), strict=True),
            rows.replica_z.tolist(), strict=True)
    )  # fmt: skip
    assert opened == {
        (at, model): one.quantities.loaded[model, at]
        for at, model in zip(n.tolist(), m.tolist(), strict=True)
    }
    engaged = one.engagement[np.unique(n)].sum()
    assert np.isclose(recreation.objective, before + engaged)


def test_what_serves_nothing_is_given_up():
    """And the book is as it was."""
    recreation = Recreation(compiled("medium"), None)
    before, pairs = recreation.objective, loaded(recreation.compiled)
    keep(recreation._book.native, *pairs)
    release(recreation._book.native, *pairs)
    assert not len(rows_of(recreation._book).replica_n)
    assert np.isclose(recreation.objective, before)


def test_what_does_not_fit_is_passed_over():
    """A node that is full keeps what it does."""
    one = compiled("medium")
    recreation = Recreation(one, None)
    recreation.construct()
    cost, pairs = recreation.objective, loaded(one)
    keep(recreation._book.native, *pairs)
    q, rows = one.quantities, rows_of(recreation._book)
    held = np.zeros((q.n_models, q.n_nodes))
    held[rows.replica_m, rows.replica_n] = rows.replica_z
    assert (q.replica_gb @ held <= q.memory_gb * (1 + 1e-9)).all()
    release(recreation._book.native, *pairs)
    assert recreation.objective <= cost * (1 + 1e-9)


@pytest.mark.slow
def test_more_of_it_is_kept():
    """Than where stars alone decide, where nodes are many; and such plans are feasible."""
    kept = np.zeros(2, dtype=int)
    for seed in range(2):
        one = Compiled(generate("thousand", seed=seed))
        guide, shares = relaxed(one)
        for keeping in (True, False):
            recreation = begun(one, guide)
            recreation.construct(shares, many=keeping)
            assert not judged(one, recreation.best).violations
            rows = rows_of(recreation._book)
            old = one.quantities.loaded[rows.replica_m, rows.replica_n]
            kept[int(not keeping)] += np.minimum(rows.replica_z, old).sum()
    assert kept[0] > 1.02 * kept[1]
