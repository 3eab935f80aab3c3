"""One node's prices by hand, where the least it can earn is known."""

import numpy as np
import pytest

from placement import Instance
from placement.compiled import Compiled
from placement.methods.completion import complete


def node(accelerators=1, memory_gb=100.0, engaged=0.0, loaded=2):
    """A node with `accelerators` hours; two classes of 1 h a request, one of them of model b."""
    names = ("a", "b")
    return Compiled(
        Instance.from_dict({
            "name": "one", "window_s": 3600,
            "nodes": [{
                "name": "n", "roles": ["inference"], "accelerator": "gpu",
                "accelerators": accelerators, "memory_gb": memory_gb,
                "engaged_cost_per_hour": engaged, "loaded": dict.fromkeys(names, loaded),
            }],
            "models": [{"name": m, "weights_gb": 1, "memory_gb": 10} for m in names],
            "profiles": [{"model": m, "accelerator": "gpu", "prefill_tokens_per_s": 1,
                          "decode_tokens_per_s": 1} for m in names],
            "requests": [{"name": m, "model": m, "count": 3, "input_tokens": 3600, "penalty": 99}
                         for m in names],
        })
    )  # fmt: skip


def completed(compiled, *demand):
    """Capacity price per hour, memory price, rent and supply at these demand prices."""
    done = complete(compiled, np.array(demand, dtype=float), np.zeros(2))
    capacity, memory = done.prices.capacity[0] * 3600, done.prices.memory[0]
    return capacity, memory, done.rent[0], done.supply


def test_replicas_that_are_there_serve_whom_they_can():
    """One replica of each model serves one request an hour; neither time nor memory is short."""
    capacity, memory, rent, supply = completed(node(2, loaded=1), 5, 3)
    assert (capacity, memory, rent) == pytest.approx((0, 0, 5 + 3))
    assert supply == pytest.approx([1, 1])


def test_what_is_short_goes_to_who_pays_best():
    """Two hours, or room for two replicas, for five requests that are worth 5, 5, 5, 3 and 3."""
    for memory_gb in (100.0, 20.0):
        capacity, memory, rent, supply = completed(node(2, memory_gb=memory_gb), 5, 3)
        assert rent == pytest.approx(2 * 5)
        assert supply == pytest.approx([2, 0])
        assert 3 <= capacity + 10 * memory <= 5 + 1e-9


def test_without_a_source_nothing_is_loaded():
    """Weights come from nowhere, so there is nothing to gain whatever is paid."""
    assert completed(node(2, loaded=0), 5, 3)[:3] == pytest.approx((0, 0, 0))


def test_a_node_that_does_not_pay_for_its_engagement_takes_nothing():
    """It could earn 5 $; at 6 $ an hour it stays idle, at 4 $ it earns 1 $."""
    assert completed(node(engaged=6.0), 5, 3)[2] <= 0
    assert completed(node(engaged=6.0), 5, 3)[3] == pytest.approx([0, 0])
    assert completed(node(engaged=4.0), 5, 3)[2:3] == pytest.approx((1,))
    assert completed(node(engaged=4.0), 5, 3)[3] == pytest.approx([1, 0])
