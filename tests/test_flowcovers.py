"""Cutting planes for weights that are read: every placement keeps them, the relaxation does not."""

import numpy as np
import pytest
from cuts import kept, limited, raises
from searches import compiled_of

from placement.compiled import Compiled
from placement.generate import generate
from placement.methods.closing.flowcovers import FlowCovers
from placement.model import build


def test_every_placement_keeps_them():
    """No row cuts off an optimal placement, nor what is near it."""
    assert kept(FlowCovers, range(60)) > 20


def test_the_bound_rises():
    """Rounds never lower the relaxation, and raise that of an instance with several zones."""
    found = raises(FlowCovers, build(Compiled(generate("small", seed=1))))
    assert sum(len(rows.upper) for rows in found) > 5


def test_half_a_host_serves_half_a_class():
    """By hand: a third of a class reads from a copy that is there by a tenth."""
    compiled = compiled_of(
        nodes=[
            {"name": "n", "roles": ["hosting", "inference"], "accelerator": "t", "accelerators": 1,
             "memory_gb": 1, "storage_gb": 1},
        ],
        models=[{"name": "m", "weights_gb": 1, "memory_gb": 1}],
        profiles=[{"model": "m", "accelerator": "t", "prefill_tokens_per_s": 1,
                   "decode_tokens_per_s": 1}],
        requests=[{"name": "r", "model": "m", "count": 6, "output_tokens": 1}],
    )  # fmt: skip
    model = build(compiled)
    point = np.zeros(len(model.program.cost))
    for name, value in (("x", 2.0), ("z", 0.4), ("new", 0.4), ("own", 0.3), ("fetch", 0.1),
                        ("h", 0.1), ("w", 0.1)):  # fmt: skip
        point[model.columns[name]] = value
    rows = FlowCovers(model).broken(point, 1e-6, 10)
    row = rows.matrix.toarray()[0]
    assert rows.matrix.shape[0] == 1
    assert row[model.columns["x"]] == pytest.approx([1 / 6])
    assert row[model.columns["z"]] == pytest.approx([-1.0])
    assert row[model.columns["own"]] == pytest.approx([1.0])
    assert row[model.columns["fetch"]] == pytest.approx([1.0])
    assert row[model.columns["w"]] == pytest.approx([-1.0])
    assert row @ point == pytest.approx(2 / 6 - 0.1)


def test_at_most_so_many():
    """The number of rows is limited; those that cut most come first."""
    limited(FlowCovers, build(Compiled(generate("small", seed=1))))
