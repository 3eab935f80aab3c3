"""Where weights come from, priced: by hand, and never above what a placement pays."""

from dataclasses import replace

import numpy as np
import pytest

from placement import Instance, certified_bound, solve
from placement.prices import Prices
from placement.quantities import Quantities

FETCH, STORE = 4 * 0.5, 4 * 0.25
"""$ of moving the 4 GB between the regions of `pair`, of storing them an hour."""


def pair(**changes):
    """A model of 4 GB stored on one node, and a node far away that serves it; an hour."""
    model = {"name": "m", "weights_gb": 4, "memory_gb": 1, "origin": "near", **changes}
    roles = ["hosting", "inference"] if changes.pop("store", True) else ["inference"]
    model.pop("store", None)
    fast = {"accelerator": "gpu", "accelerators": 2, "memory_gb": 8, "load_gb_per_s": 1e9}
    return Instance.from_dict({
        "name": "pair", "window_s": 3600,
        "regions": [{"name": "near"}, {"name": "far"}],
        "network": {"transfer_cost_per_gb": [[0, 0.5], [0.5, 0]]},
        "nodes": [
            {"name": "host", "region": "near", "roles": ["hosting"], "storage_gb": 10,
             "hosted": ["m"]},
            {"name": "worker", "region": "far", "roles": roles, "storage_gb": 10,
             "storage_cost_per_gb_hour": 0.25, **fast},
        ],
        "models": [model],
        "profiles": [{"model": "m", "accelerator": "gpu", "prefill_tokens_per_s": 1,
                      "decode_tokens_per_s": 1}],
        "requests": [{"name": "job", "model": "m", "count": 10, "input_tokens": 500,
                      "penalty": 100}],
    })  # fmt: skip


def at(instance, **changes):
    """The bound at a demand price of 50 $ and a memory price of what the worker sells."""
    zero = Prices.zero(Quantities(instance))
    tables = {name: np.array([[0.0, value]]) for name, value in changes.items()}
    return certified_bound(instance, replace(zero, demand=np.array([50.0]), **tables))


def served(cost):
    """The bound where all ten at 50 $ are served for this cost."""
    return pytest.approx(min(500.0, 500.0 - 10 * 50 + cost), rel=1e-6, abs=1e-6)


def test_a_replica_pays_the_least_transfer_even_at_zero_prices():
    """No price says so, but two replicas are read from the one other host."""
    assert at(pair(store=False)) == served(2 * FETCH)


def test_without_weights_reading_is_free():
    """Also where no node can store the model, and there is nothing to read it from."""
    assert at(pair(store=False, weights_gb=0)) == served(0.0)
    document = pair(store=False, weights_gb=0).to_dict()
    document["nodes"][0] |= {"roles": ["inference"], "storage_gb": 0, "hosted": []}
    assert at(Instance.from_dict(document)) == served(500.0)


def test_an_own_copy_is_paid_once():
    """Copying and storing costs 3 $ for both replicas, reading twice would cost 4 $."""
    assert at(pair()) == served(FETCH + STORE)


def test_without_origin_the_copy_is_free():
    """Then only storing is left to pay."""
    assert at(pair(origin=None)) == served(STORE)


def test_a_higher_price_of_reading_is_given_back_to_the_host():
    """At 3 $ a replica, of which a transfer takes 2 $: the zone gets 1 $ for each of two."""
    assert at(pair(store=False), loading=3.0) == served(2 * FETCH)
    assert at(pair(), loading=3.0) == served(FETCH + STORE - 2 * 1.0)


def test_hosts_bear_no_more_than_storing_costs():
    """A model that must lie on both nodes: what the hosts bear is not asked of replicas again."""
    both = pair(min_hosts=2)
    whole = FETCH + STORE
    assert at(both) == served(whole)
    for borne in (1.0, whole, 1e9):
        assert at(both, storing=borne) == served(whole)


def test_the_bound_of_loads_is_met():
    """No engine, no slack: what the prices prove is what the best placement pays."""
    for instance in (pair(), pair(store=False), pair(origin=None), pair(min_hosts=2)):
        answer = solve(instance, method="milp", time_limit=20)
        assert at(instance) == pytest.approx(answer.objective, rel=1e-6)
