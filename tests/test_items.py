"""Items listed for nodes that are alike are those of each node."""

from dataclasses import replace

import numpy as np
import pytest
import tinies

from placement.copying import Copying
from placement.generate import generate
from placement.items import Items
from placement.prices import Prices
from placement.quantities import REEXECUTION, Quantities


def priced(instance, seed):
    """The items of an instance at random prices in every family that concerns them."""
    q, rng = Quantities(instance), np.random.default_rng(seed)
    g = np.flatnonzero(q.verifiers > 0)[:2]
    n = rng.integers(0, q.n_nodes, len(g))
    prices = replace(
        Prices.zero(q),
        demand=rng.exponential(2, q.n_classes), verification=rng.exponential(1, q.n_classes),
        capacity=rng.exponential(1e-3, q.n_nodes), cores=rng.exponential(1e-3, q.n_nodes),
        share=rng.exponential(0.1, q.n_groups), part_class=g,
        part=np.where(q.independence[g] == 0, q.node_group[n], n),
        independence=rng.exponential(0.1, len(g)),
        copying=rng.exponential(0.1, (q.n_classes, q.n_regions)),
    )  # fmt: skip
    return q, Items(q, prices, Copying(q, prices))


def direct(q, items, m, n):
    """Worth and work of what node n may gain from: class by class, on that very node."""
    for g in np.flatnonzero(q.class_model == m):
        at = np.array([g]), np.array([n])
        if q.can_run(*at)[0]:
            yield items.reward(*at)[0] * q.count[g], q.work_s(*at)[0] * q.count[g]
        if q.mode[g] == REEXECUTION and q.can_verify(*at)[0]:
            reward = items.check_price[g] - q.core_s[g] * items.core_rate[n]
            reward -= items.part_price(*at)[0]
            yield reward * items.check_cap[g], q.reexecution_work_s(*at)[0] * items.check_cap[g]


@pytest.mark.parametrize("seed", range(12))
def test_nodes_that_are_alike_may_take_the_same(seed):
    """Every node finds in its set what it would list for itself, as far as it gains."""
    instances = [tinies.instance(seed)] + [generate("small", seed=seed)] * (seed < 2)
    for instance in instances:
        q, items = priced(instance, seed)
        listed = 0
        for m in range(q.n_models):
            at, worth, work = items.of_model(np.flatnonzero(q.class_model == m))
            for n in range(q.n_nodes):
                mine = (at == items.alike[n]) & (worth > items.rate[n] * work)
                own = [pair for pair in direct(q, items, m, n) if pair[0] > items.rate[n] * pair[1]]
                found = sorted(zip(worth[mine], work[mine], strict=True))
                assert np.array(found) == pytest.approx(np.array(sorted(own)))
                listed += len(own)
        assert listed or instance is instances[0]


def test_nodes_of_a_fleet_share_their_lists():
    """At prices of demand alone, nodes of one kind are alike."""
    q = Quantities(generate("large", seed=0))
    prices = replace(Prices.zero(q), demand=np.ones(q.n_classes))
    items = Items(q, prices, Copying(q, prices))
    assert len(np.unique(items.alike)) == len(q.kind_node) < q.n_nodes
