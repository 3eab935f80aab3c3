"""Who gains: revenue adds up, indices are those of the textbooks, collusion is counted by names."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
import tinies
from hypothesis import given
from hypothesis import strategies as st

from placement import Solution, evaluate, expand, solve
from placement.analysis.gains import who_gains
from placement.analysis.indices import gini, herfindahl, jain, nakamoto, top_share
from placement.generate import generate
from placement.quantities import Quantities

AMOUNTS = st.lists(st.floats(0, 1e12), min_size=1, max_size=20).map(np.array)


@pytest.fixture(scope="module", params=["small", "medium"])
def plan(request):
    """An instance and a plan by rules."""
    instance = generate(request.param, seed=3)
    return instance, solve(instance, "greedy", time_limit=60).solution


# --- indices --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [
        ([1, 1, 1, 1], (1.0, 0.0, 0.25, 0.25, 2)),
        ([4, 0, 0, 0], (0.25, 0.75, 1.0, 1.0, 1)),
        ([1, 2, 3], (36 / 42, 2 / 9, 14 / 36, 0.5, 1)),
        ([1, 1, 1], (1.0, 0.0, 1 / 3, 1 / 3, 2)),
        ([0, 0], (None,) * 5),
        ([], (None,) * 5),
    ],
)
def test_indices_by_hand(amounts, expected):
    """Jain, Gini, Herfindahl, largest share, Nakamoto; a third is not more than a third."""
    x = np.array(amounts, dtype=float)
    found = (jain(x), gini(x), herfindahl(x), top_share(x), nakamoto(x))
    assert found == pytest.approx(expected)


@given(AMOUNTS)
def test_indices_are_in_their_ranges(x):
    """Whatever is shared; and as they are defined."""
    if not x.sum():
        return
    size, eps = len(x), 1e-9
    assert 1 / size - eps <= jain(x) <= 1 + eps
    assert -eps <= gini(x) <= 1 - 1 / size + eps
    assert jain(x) == pytest.approx(1 / (size * herfindahl(x)))
    apart = np.abs(x[:, None] - x).sum() / (2 * size * x.sum())
    assert gini(x) == pytest.approx(apart, abs=1e-9)
    few = nakamoto(x)
    held = np.sort(x / x.sum())[::-1]
    assert held[:few].sum() > 1 / 3
    assert held[: few - 1].sum() <= 1 / 3 + 1e-6


# --- parties --------------------------------------------------------------------------------------


def test_revenue_is_what_nodes_charge(plan):
    """Objective without penalties, transfer and latency, at every level."""
    instance, solution = plan
    gains, terms = who_gains(instance, solution), evaluate(instance, solution).terms
    for table in (gains.nodes, gains.operators, gains.groups):
        for term in ("compute", "engagement", "verification", "storage", "pair"):
            total = sum(getattr(row, term) for row in table.entries)
            assert total == pytest.approx(terms[term])
        paid = sum(terms.values()) - terms["unserved"] - terms["transfer"] - terms["latency"]
        assert sum(row.revenue for row in table.entries) == pytest.approx(paid)
        assert sum(row.revenue_share for row in table.entries) == pytest.approx(1)
        assert sum(row.nodes for row in table.entries) == len(instance.nodes)


def test_what_parties_do_is_what_the_plan_says(plan):
    """Requests, verifications, hours and shares of a node, counted row by row."""
    instance, solution = plan
    gains, q = who_gains(instance, solution), Quantities(instance)
    busy = evaluate(instance, solution).loads.busy_s
    for row in gains.nodes.entries:
        n = q.node_index[row.name]
        assert row.executed == sum(r.count for r in solution.inference if r.node == row.name)
        assert row.verified == sum(r.count for r in solution.verification if r.node == row.name)
        assert row.busy_h == pytest.approx(busy[n] / 3600)
        if row.utilisation is not None:
            assert row.utilisation == pytest.approx(busy[n] / q.capacity_s[n])


def test_operators_of_one_group_are_one_party():
    """Groups are at most as many as operators, and those at most as many as nodes."""
    instance = generate("large", seed=0)
    nobody = {request.name: request.count for request in instance.requests}
    gains = who_gains(instance, Solution(instance=instance.name, unserved=nobody))
    sizes = [len(t.entries) for t in (gains.groups, gains.operators, gains.nodes)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[1]


# --- collusion ------------------------------------------------------------------------------------


def by_names(instance, solution):
    """Groups of executor and verifiers of each verified request, from `expand`."""
    q = Quantities(instance)
    group = {node.name: q.group_keys[q.node_group[n]] for n, node in enumerate(instance.nodes)}
    return [
        (group[row["executor"]], [group[n] for n in row["verifiers"]])
        for row in expand(instance, solution)
        if row["verifiers"]
    ]


def assert_counted(instance, solution):
    """Pairs and exposure are those of the single requests."""
    gains, named = who_gains(instance, solution), by_names(instance, solution)
    pairs = Counter((e, v) for e, verifiers in named for v in verifiers)
    assert {(p.executor, p.verifier): p.requests for p in gains.pairs.entries} == pairs
    assert sum(p.share for p in gains.pairs.entries) == pytest.approx(1 if named else 0)
    assert gains.verified == len(named)
    served = sum(row.count for row in solution.inference)
    assert gains.unverified == served - len(named)
    teams = [{e, *verifiers} for e, verifiers in named]
    groups = sorted(set().union(*teams))
    for row in gains.exposure.entries:
        caught = [
            sum(team <= set(chosen) for team in teams)
            for chosen in combinations(groups, min(row.colluders, len(groups)))
        ]
        assert row.requests == max(caught, default=0)
        named_groups = set(row.groups.split(", ")) - {""}
        assert sum(team <= named_groups for team in teams) == row.requests
        assert row.exact


def test_collusion_is_counted_request_by_request(plan):
    """By trying all groups on the names of all requests."""
    assert_counted(*plan)


def test_collusion_in_odd_networks():
    """Independence of every kind, several verifiers, samples."""
    for seed in tinies.feasible_seeds(range(60)):
        assert_counted(tinies.instance(seed), Solution.from_dict(tinies.optimal(seed)))


def test_with_many_groups_only_the_busiest_are_combined(plan, monkeypatch):
    """And the row says that it need not be the worst."""
    monkeypatch.setattr("placement.analysis.collusion.LISTABLE", 3)
    limited = who_gains(*plan).exposure.entries
    assert not any(row.exact for row in limited)
    monkeypatch.undo()
    for row, best in zip(limited, who_gains(*plan).exposure.entries, strict=True):
        assert row.requests <= best.requests
