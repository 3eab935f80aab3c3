"""New copies of weights, priced: a true inequality, prices by hand, and a better bound."""

from dataclasses import replace

import numpy as np
import pytest
import tinies

from placement import Instance, certified_bound, solve
from placement.compiled import Compiled
from placement.copying import Copying
from placement.generate import generate
from placement.methods.completion import complete
from placement.methods.pricing.pricer import Pricer
from placement.prices import Prices
from placement.quantities import Quantities
from placement.solution import Solution, to_placement

COPY, FAR, STORE = 4 * 0.1, 4 * 0.5, 4 * 0.25
"""$ of moving 4 GB within a region, to another one, and of storing them for an hour."""


def far(**changes):
    """4 GB stored in one region; two workers in another, where anyone may store them; an hour."""
    fast = {"accelerator": "gpu", "accelerators": 1, "memory_gb": 8, "load_gb_per_s": 1e9}
    worker = {"region": "far", "roles": ["inference", "hosting"], "storage_gb": 10,
              "storage_cost_per_gb_hour": 0.25, **fast, **changes}  # fmt: skip
    return Instance.from_dict({
        "name": "far", "window_s": 3600,
        "regions": [{"name": "near"}, {"name": "far"}],
        "network": {"transfer_cost_per_gb": [[0, 0.5], [0.5, 0.1]]},
        "nodes": [
            {"name": "host", "region": "near", "roles": ["hosting"], "storage_gb": 10,
             "hosted": ["m"]},
            {"name": "one", **worker}, {"name": "two", **worker},
        ],
        "models": [{"name": "m", "weights_gb": 4, "memory_gb": 1, "origin": "near"}],
        "profiles": [{"model": "m", "accelerator": "gpu", "prefill_tokens_per_s": 1,
                      "decode_tokens_per_s": 1}],
        "requests": [{"name": "job", "model": "m", "count": 14, "input_tokens": 500,
                      "penalty": 100}],
    })  # fmt: skip


def at(instance, demand, copying):
    """The bound at a demand price, and one of new copies in the region of the workers."""
    zero = Prices.zero(Quantities(instance))
    prices = replace(zero, demand=np.array([demand]), copying=np.array([[0.0, copying]]))
    return certified_bound(instance, prices)


def test_by_hand():
    """A worker serves 7.2 of 14 requests.

    From its region a replica reads for 0.40 $, but there is nobody to read from: a copy there costs
    2 $ to move and 1 $ to store. Unpriced, both read for 0.40 $ as if there were one.
    """
    instance = far()
    served, a_copy = 3600 / 500, FAR + STORE
    both = 14 * 50.0 - 2 * served * 50.0
    assert at(instance, 50.0, 0.0) == pytest.approx(both + 2 * COPY, abs=1e-6)
    # At 0.10 $ a request, 1.40 $ go to the copy; what reads from far gets back 7.2 x 0.10 $.
    toll = 2 * served * 0.1
    apart = min(COPY, FAR - served * 0.1)
    assert at(instance, 50.0, 0.1) == pytest.approx(both + toll + 2 * apart, abs=1e-6)
    # At 3 / 14 $ a request all of the copy is paid; own copies then cost nothing more.
    price = a_copy / 14
    own = 0.0
    assert at(instance, 50.0, price) == pytest.approx(both + 2 * served * price + own, abs=1e-6)
    # More is not given to copies than they cost, so more proves less.
    assert at(instance, 50.0, 2 * price) < at(instance, 50.0, price) + 2 * served * price


def test_what_is_stored_today_is_not_priced():
    """Nor where the price is that of another region."""
    instance = far(hosted=["m"])
    assert at(instance, 50.0, 1.0) == at(instance, 50.0, 0.0)
    zero = Prices.zero(Quantities(instance))
    near = replace(zero, demand=np.array([50.0]), copying=np.array([[1.0, 0.0]]))
    assert certified_bound(instance, near) == at(instance, 50.0, 0.0)


def test_it_meets_the_optimum_by_hand():
    """Both workers have to run: one copy, read by the other, or two that each reads itself."""
    instance = far()
    best = solve(instance, method="milp", time_limit=20, gap=0).objective
    assert best == pytest.approx(FAR + STORE + COPY)
    bounds = [at(instance, d, c) for d in (0.2, 0.25, 0.3) for c in np.linspace(0, 0.3, 31)]
    assert max(bounds) <= best + 1e-9
    assert max(bounds) > max(at(instance, d, 0.0) for d in np.linspace(0, 0.5, 51)) + 1.0


def test_the_inequality_holds_for_optimal_placements():
    """What is executed in a zone without the model is covered as `placement.copying` says."""
    met = 0
    for seed in tinies.feasible_seeds(range(120)):
        q = Quantities(tinies.instance(seed))
        p = to_placement(q, Solution.from_dict(tinies.optimal(seed)))
        zones = Copying(q, replace(Prices.zero(q), copying=np.ones((q.n_classes, q.n_regions))))
        for g in np.flatnonzero((q.class_model >= 0) & ~q.paired):
            m = q.class_model[g]
            for z in np.unique(zones.zone):
                here = zones.zone == z
                if q.hosted[m, here].any() or not zones.toll(g, np.flatnonzero(here)).all():
                    continue
                executed = p.run_count[(p.run_g == g) & here[p.run_n]].sum()
                covered = _free(q, p, g, here) + q.count[g] * here[p.host_n[p.host_m == m]].any()
                assert executed <= covered + 1e-6, seed
                met += executed > 0
    assert met > 20


def _free(q, p, g, here):
    """The most requests of a class for replicas that read from no node of a zone."""
    m, total = q.class_model[g], 0.0
    of = (p.replica_m == m) & here[p.replica_n]
    for n, replicas in zip(p.replica_n[of], p.replica_count[of], strict=True):
        near = (p.load_m == m) & (p.load_n == n) & here[p.load_s]
        each = q.replica_s(np.array(m), n) / max(float(q.work_s(g, n)), 1e-12)
        alike = q.count[q.class_kind == q.class_kind[g]].sum()
        part = min(1.0, each / alike) * q.count[g]
        total += (replicas - p.load_count[near].sum()) * part
    return total


@pytest.mark.parametrize("seed", range(2))
def test_pooled_prices_prove_more_with_them(seed):
    """Than the best without, by more than a thousandth of the cost of 60 nodes."""
    compiled = Compiled(generate("medium", seed=seed))
    pricer = Pricer(compiled)
    while not pricer.done:
        pricer.advance(10_000_000)
    prices = pricer.prices()
    assert prices.copying.any()
    proven = [
        complete(compiled, prices.demand, prices.verification, copying=part * prices.copying).bound
        for part in (0.0, 1.0)
    ]
    assert proven[1] > 1.002 * proven[0]
