"""What is offered to nodes that are alike is what each of them would list for itself."""

import numpy as np
import pytest
import tinies

from placement.compiled import Compiled
from placement.generate import generate
from placement.methods.completion import Completer
from placement.methods.offers import Offers
from placement.quantities import REEXECUTION


def direct(compiled, n, m, prices):
    """Ratio and count of what node n gains from by itself, the best first."""
    q, rate = compiled.quantities, compiled.rate[n]
    demand, check, share, toll = prices
    for g in np.flatnonzero(q.class_model == m):
        at = np.array([g]), np.array([n])
        latency = q.latency_price[g] * q.latency_ms(*at)[0] / 1000 + q.pair_price(*at)[0]
        reward = demand[g] - latency - share[q.node_group[n]] - toll[g, q.node_region[n]]
        if q.can_run(*at)[0] and reward > rate * q.work_s(*at)[0]:
            yield reward / q.work_s(*at)[0], q.count[g], g
        reward = check[g] - q.core_s[g] * q.core_price[n] / 3600
        again = q.mode[g] == REEXECUTION and q.can_verify(*at)[0]
        if again and reward > rate * q.reexecution_work_s(*at)[0]:
            yield reward / q.reexecution_work_s(*at)[0], compiled.check_cap[g], g + q.n_classes


@pytest.mark.parametrize("seed", range(10))
def test_each_node_finds_its_own_items(seed):
    """As far as it gains from them: who, how many, at what ratio, in order, summed up."""
    rng, seen = np.random.default_rng(seed), 0
    for instance in (tinies.instance(seed), generate("small", seed=seed)):
        compiled = Compiled(instance)
        q, offers = compiled.quantities, Offers(compiled)
        demand, check = rng.exponential(0.02, q.n_classes), rng.exponential(0.02, q.n_classes)
        check, share = check * compiled.verified, rng.exponential(1e-3, q.n_groups)
        copying = rng.exponential(2e-3, (q.n_classes, q.n_regions))
        tolls = Completer(compiled).tolls(copying)
        toll = tolls.by_region
        offers.list(demand, check, share, tolls)
        for n in range(q.n_nodes):
            cells = offers.cells[offers.first[n] : offers.last[n]]
            for m in range(-1, q.n_models):
                mine = [c for c in cells if c["model"] == m % (q.n_models + 1)]
                items = [item for c in mine for item in offers.items[c["first"] : c["last"]]]
                listed = [(i["ratio"], i["count"], i["g"]) for i in items]
                listed = [item for item in listed if item[0] > compiled.rate[n]]
                own = sorted(direct(compiled, n, m, (demand, check, share, toll)), reverse=True)
                assert np.array(listed) == pytest.approx(np.array(own))
                works = np.diff([0, *(i["work"] for i in items)])
                values = np.diff([0, *(i["value"] for i in items)])
                assert values == pytest.approx(works * [i["ratio"] for i in items])
                seen += len(own)
    assert seen
