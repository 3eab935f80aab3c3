"""Certificates: whatever the prices, the bound is below the optimum that the oracle finds."""

import json
import math
import time
from dataclasses import fields, replace
from functools import cache

import numpy as np
import pytest
import tinies
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from placement import Instance, InvalidSolution, certified_bound
from placement.certificate import lower_bound
from placement.compiled import Compiled
from placement.engines import solve_linear
from placement.generate import generate
from placement.methods.duals import prices_of
from placement.methods.floor import floor_prices
from placement.model import build
from placement.prices import Prices
from placement.quantities import Quantities

KEYS = ("part_class", "part")
"""Fields of `Prices` that hold no prices."""


@cache
def relaxed(seed):
    """Quantities of a tiny instance, the relaxation's optimum [$] and its dual prices."""
    compiled = Compiled(tinies.instance(seed))
    model = build(compiled)
    answer = solve_linear(model.program, math.inf)
    assert answer.verdict == "optimal"
    return compiled.quantities, answer.lower_bound, prices_of(model, answer.duals)


def tampered(prices, rng):
    """The prices after something was done to each family."""
    changes = {}
    for field in fields(prices):
        value = getattr(prices, field.name)
        if field.name not in KEYS:
            changes[field.name] = _TAMPERINGS[rng.integers(len(_TAMPERINGS))](value, rng)
    return replace(prices, **changes)


_TAMPERINGS = (
    lambda value, _: value,
    lambda value, rng: value * rng.lognormal(0, 0.1, value.shape),
    lambda value, rng: value * rng.lognormal(0, 2, value.shape),
    lambda value, rng: value * (rng.random(value.shape) < 0.5),
    lambda value, _: value * 0,
    lambda value, rng: rng.permutation(value.ravel()).reshape(value.shape),
    lambda value, rng: value + rng.exponential(0.05, value.shape),
    lambda value, rng: value + rng.exponential(10, value.shape) * (rng.random(value.shape) < 0.1),
    lambda value, _: value * 1e6,
)


def with_parts(q, prices, rng):
    """The prices with some more of constraint 11, on any class and part."""
    size = int(rng.integers(0, 4))
    g = rng.integers(0, q.n_classes, size)
    n_parts = np.where(q.independence[g] == 0, q.n_groups, q.n_nodes)
    part = (rng.random(size) * n_parts).astype(np.int64)
    fresh = [key not in set(zip(prices.part_class, prices.part, strict=True))
             for key in zip(g, part, strict=True)]  # fmt: skip
    g, part = (column[fresh] for column in (g, part))
    _, first = np.unique(np.stack([g, part]), axis=1, return_index=True)
    return replace(
        prices,
        part_class=np.append(prices.part_class, g[first]),
        part=np.append(prices.part, part[first]),
        independence=np.append(prices.independence, rng.exponential(0.1, len(first))),
    )


def below(bound, optimum):
    """Whether a bound is at most the optimum, to 1e-9 relative."""
    return bound <= optimum + 1e-9 * max(1e-3, abs(optimum))


# --- any prices -------------------------------------------------------------------------------


@pytest.mark.parametrize("part", range(4))
def test_tampered_prices_never_prove_too_much(part):
    """A hundred tiny instances, four times tampered each: weaker perhaps, wrong never."""
    tight = tried = 0
    for seed in tinies.feasible_seeds(range(part, 100, 4)):
        rng = np.random.default_rng(seed)
        q, _, prices = relaxed(seed)
        best = lower_bound(q, prices)
        for _ in range(4):
            bound = lower_bound(q, tampered(with_parts(q, prices, rng), rng))
            assert below(bound, tinies.optimum(seed)), seed
            tight, tried = tight + (bound > 0.2 * best), tried + 1
    assert tried >= 80
    assert tight >= 0.05 * tried


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_many_tampered_prices_never_prove_too_much(part):
    """300 of them with 40 tamperings each, the second on top of the first and so on."""
    for seed in tinies.feasible_seeds(range(part, 300, 4)):
        rng = np.random.default_rng([seed, 1])
        q, _, prices = relaxed(seed)
        worse = prices
        for i in range(40):
            worse = tampered(with_parts(q, worse if i % 4 else prices, rng), rng)
            assert below(lower_bound(q, worse), tinies.optimum(seed)), seed


@given(st.integers(0, 29), st.data())
@settings(max_examples=60, deadline=None)
def test_prices_out_of_thin_air_never_prove_too_much(seed, data):
    """Hypothesis looks for a family whose prices could be wrong all by themselves."""
    assume(tinies.optimal(seed) is not None)
    q, optimum = Quantities(tinies.instance(seed)), tinies.optimum(seed)
    prices = Prices.zero(q)
    names = [field.name for field in fields(prices) if field.name not in KEYS]
    for name in data.draw(st.lists(st.sampled_from(names), max_size=5, unique=True)):
        column = getattr(prices, name)
        for at in np.ndindex(column.shape):
            column[at] = data.draw(st.sampled_from([0.0, 1e-3, 0.05, 0.3, 2.0, 1e3]))
    assert below(lower_bound(q, prices), optimum)


def test_zero_prices_prove_what_hosting_costs():
    """Nothing but what has to be stored anyway is left; with nothing to store it is 0."""
    for seed in tinies.feasible_seeds(range(60)):
        q = Quantities(tinies.instance(seed))
        bound = lower_bound(q, Prices.zero(q))
        assert bound >= -1e-9
        assert below(bound, sum(tinies.optimal(seed)["terms"][t] for t in ("storage", "transfer")))


def test_duals_prove_what_the_relaxation_does():
    """At the relaxation's duals the bound is its optimum or, where pieces are whole, above.

    But for 1e-5 a class that the model leaves off where it rounds samples up.
    """
    exact = 0
    for seed in tinies.feasible_seeds(range(120)):
        q, relaxation, prices = relaxed(seed)
        bound = lower_bound(q, prices)
        assert bound >= relaxation - 1e-4 * max(1, relaxation), seed
        assert below(bound, tinies.optimum(seed)), seed
        exact += bound == pytest.approx(tinies.optimum(seed), rel=1e-6)
    assert exact >= 10


def test_bad_numbers_are_no_prices():
    """Below zero, not a number or infinite: taken for zero, as if nothing had been said."""
    q, _, prices = relaxed(0)
    for nonsense in (-1.0, math.nan, math.inf, -math.inf):
        column = np.full_like(prices.demand, nonsense)
        cleaned = replace(prices, demand=column)
        assert (cleaned.demand == 0).all()
        assert below(lower_bound(q, cleaned), tinies.optimum(0))


# --- by hand ----------------------------------------------------------------------------------


def test_the_bound_of_one_job_by_hand():
    """At 3 $ a request, 5 $ of penalty and 2 $ of cost, the node leaves 1 $ for each of 4."""
    instance = Instance.from_dict({
        "name": "one", "window_s": 60,
        "nodes": [{"name": "a", "roles": ["inference"], "accelerators": 1}],
        "requests": [{"name": "job", "count": 4, "penalty": 5}],
        "pairs": [{"request": "job", "node": "a", "cost": 2, "work_s": 20}],
    })  # fmt: skip
    prices = Prices.zero(Quantities(instance))
    prices.demand[0] = 3.0
    # 4 x 3 are asked; 3 of the 4 fit into 60 s and are served 1 below what is asked.
    assert certified_bound(instance, prices) == pytest.approx(12 - 3)
    prices.capacity[0] = 0.01
    # Capacity is charged, 60 x 0.01, and served requests pay 20 x 0.01 of it: 0.8 left for each.
    assert certified_bound(instance, prices) == pytest.approx(12 - 0.6 - 3 * 0.8)
    prices.demand[0] = 9.0
    # Nobody pays more than the penalty, but the node would still gain 9 - 2.2 a request.
    assert certified_bound(instance, prices) == pytest.approx(20 - 0.6 - 3 * 6.8)


def test_samples_are_rounded_up_by_hand():
    """Half of one request is sampled, twice: one verification by b, who has nobody beside it."""
    instance = Instance.from_dict({
        "name": "half", "window_s": 60,
        "nodes": [
            {"name": "a", "roles": ["inference"], "accelerators": 1},
            {"name": "b", "roles": ["verification"], "verification_cores": 1,
             "verification_cost_per_core_hour": 60},
        ],
        "policies": [{"name": "half", "mode": "proof", "verifiers": 2, "sample": 0.5,
                      "verification_core_s": 60}],
        "requests": [{"name": "job", "count": 1, "penalty": 50, "policy": "half"}],
        "pairs": [{"request": "job", "node": "a", "cost": 2, "work_s": 20}],
    })  # fmt: skip
    optimum = 2 + 1
    q = Quantities(instance)
    zero, part = Prices.zero(q), np.array([0])
    for price in (0.0, 1.0, 8.0):
        prices = replace(
            zero, demand=np.array([2.0]), verification=np.array([price + 1.0]),
            rounding=np.array([price]), part_class=part, part=q.node_group[[1]],
            independence=np.array([price]),
        )  # fmt: skip
        # Half of the price is asked of the request, all of it is paid for what rounding adds.
        assert lower_bound(q, prices) == pytest.approx(optimum + price / 2 - price)


# --- as a document ----------------------------------------------------------------------------


def test_prices_survive_as_a_document():
    """Names for indices, zeros left out: through JSON the bound is the same."""
    for seed in tinies.feasible_seeds(range(60)):
        q, _, prices = relaxed(seed)
        document = json.loads(json.dumps(prices.to_document(q), allow_nan=False))
        again = Prices.from_document(q, document)
        assert lower_bound(q, again) == pytest.approx(lower_bound(q, prices), rel=1e-12, abs=1e-15)
        assert again.to_document(q) == document
        assert all(price > 0 for family in document.values() for price in family.values())


def test_an_empty_document_is_zero_prices():
    """What is left out costs nothing."""
    q = Quantities(tinies.instance(0))
    assert lower_bound(q, Prices.from_document(q, {})) == lower_bound(q, Prices.zero(q))


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"fuel": {"n0": 1.0}}, "price family 'fuel'"),
        ({"capacity": {"zoe": 1.0}}, "`certificate.capacity` prices 'zoe'"),
        ({"loading": {"m0 on zoe": 1.0}}, "`certificate.loading` prices 'm0 on zoe'"),
        ({"independence": {"g0 on zoe": 1.0}}, "`certificate.independence` prices 'g0 on zoe'"),
        ({"independence": {"zoe": 1.0}}, "`certificate.independence` prices 'zoe'"),
        ({"limits": {"max_power": 1.0}}, "`certificate.limits` prices 'max_power'"),
    ],
)
def test_prices_of_what_does_not_exist_are_refused(document, said):
    """The family and the name."""
    with pytest.raises(InvalidSolution, match=said):
        Prices.from_document(Quantities(tinies.instance(0)), document)


def test_names_that_hold_the_separator():
    """A model called "m0 on n0" changes nothing about what is proven."""
    for seed in tinies.feasible_seeds(range(20)):
        text = json.dumps(tinies.document(seed)).replace('"m0"', '"m0 on n0"')
        text = text.replace('"n1"', '"n0 on n1"').replace('"g0"', '"g0 on n0"')
        q, (_, _, prices) = Quantities(Instance.from_json(text)), relaxed(seed)
        again = Prices.from_document(q, prices.to_document(q))
        assert below(lower_bound(q, again), tinies.optimum(seed))


@pytest.mark.slow
def test_ten_thousand_nodes_are_checked_in_seconds():
    """Demand at a tenth above its least cost, so that much has to be filled: 1.2 s, once."""
    compiled = Compiled(generate("giant", seed=0))
    prices = floor_prices(compiled)
    tempting = replace(prices, demand=1.1 * prices.demand, verification=1.1 * prices.verification)
    start = time.process_time()
    again = Prices.from_document(compiled.quantities, tempting.to_document(compiled.quantities))
    assert math.isfinite(lower_bound(compiled.quantities, again))
    assert time.process_time() - start < 8
