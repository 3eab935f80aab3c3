"""Changed instances: what is lifted is lifted, what is lost is lost, and nothing else moves."""

import pytest
import tinies
from hypothesis import given, settings
from hypothesis import strategies as st

from placement import InputError, Instance, Solution, evaluate, solve
from placement.analysis.carrying import carry, trim
from placement.analysis.changes import (
    FAMILIES,
    add_nodes,
    change_price,
    drop_nodes,
    drop_operator,
    drop_region,
    relax,
    scale_demand,
    scale_throughput,
)
from placement.generate import generate
from placement.instance import Node

SEEDS = tinies.feasible_seeds(range(40))
SMALL = generate("small", seed=0)


def plan(seed):
    """The optimal solution of a tiny instance."""
    return Solution.from_dict(tinies.optimal(seed))


def least(instance):
    """The least cost of a tiny instance; infinite where nothing is feasible."""
    result = solve(instance, gap=0)
    assert result.status in {"optimal", "infeasible"}
    return float("inf") if result.objective is None else result.objective


def paired():
    """A job that two nodes may do, and one that only the first may."""
    return Instance.from_dict(
        {
            "name": "jobs",
            "window_s": 3600.0,
            "nodes": [
                {"name": n, "roles": ["inference"], "accelerators": 1.0, "accelerator": "x"}
                for n in "ab"
            ],
            "requests": [{"name": r, "count": 2, "penalty": 5.0} for r in ("any", "bound")],
            "pairs": [
                {"request": "any", "node": "a", "work_s": 60.0},
                {"request": "any", "node": "b", "work_s": 60.0},
                {"request": "bound", "node": "a", "work_s": 60.0},
            ],
        }
    )


# --- relax ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_every_placement_stays_allowed_at_no_higher_cost(family):
    """Decisions as they are, loads and hosts included, judged in the relaxed instance."""
    for seed in SEEDS:
        before = evaluate(tinies.instance(seed), plan(seed))
        after = evaluate(relax(tinies.instance(seed), family), plan(seed))
        assert after.feasible, (seed, after.violations)
        assert after.objective <= before.objective + 1e-9


@pytest.mark.parametrize("family", FAMILIES)
def test_the_optimum_never_rises(family):
    """And it falls for one of these seeds, whatever is lifted."""
    gains = [
        tinies.optimum(seed) - least(relax(tinies.instance(seed), family))
        for seed in (0, 1, 3, 4, 7, 11, 27)
    ]
    assert min(gains) >= -1e-6
    assert max(gains) > 1e-3


def test_what_is_not_there_changes_nothing():
    """An instance without policies has no rule of trusted hardware to lift."""
    for family in ("tee", "independence", "verification", "stability", "share", "memory"):
        assert relax(paired(), family) == paired()


def test_an_unknown_family_is_refused():
    """And the known ones are named."""
    with pytest.raises(InputError, match=r"no family 'gravity'; choose one of hosting, memory"):
        relax(SMALL, "gravity")


# --- nodes ----------------------------------------------------------------------------------------


def test_the_optimum_never_falls_without_a_node():
    """Whichever it is; without any way to serve what must be, it is infinite."""
    for seed in SEEDS[:12]:
        instance = tinies.instance(seed)
        for node in instance.nodes:
            left = drop_nodes(instance, [node.name])
            assert node.name not in [other.name for other in left.nodes if other.roles]
            assert least(left) >= tinies.optimum(seed) - 1e-6


def test_operators_and_regions_go_with_their_nodes():
    """All others stay."""
    operator, region = SMALL.nodes[0].operator, SMALL.nodes[0].region
    assert drop_operator(SMALL, operator).nodes == tuple(
        node for node in SMALL.nodes if node.operator != operator
    )
    assert drop_region(SMALL, region).nodes == tuple(
        node for node in SMALL.nodes if node.region != region
    )
    assert drop_region(SMALL, region).requests == SMALL.requests


def test_a_request_bound_to_a_lost_node_runs_nowhere():
    """It does not become one that may run anywhere."""
    left = drop_nodes(paired(), ["a"])
    assert [pair.request for pair in left.pairs] == ["any", "bound"]
    result = solve(left, gap=0)
    assert result.solution.unserved == {"bound": 2}


def test_added_nodes_never_make_it_dearer():
    """A copy of the first node."""
    for seed in SEEDS[:12]:
        instance = tinies.instance(seed)
        node = instance.nodes[0].model_copy(update={"name": "another"})
        assert least(add_nodes(instance, [node])) <= tinies.optimum(seed) + 1e-6


def test_names_that_do_not_exist_are_refused():
    """In one sentence."""
    with pytest.raises(InputError, match="no node 'x'"):
        drop_nodes(SMALL, ["x"])
    with pytest.raises(InputError, match="no operator 'x'"):
        drop_operator(SMALL, "x")
    with pytest.raises(InputError, match="no region 'x'"):
        drop_region(SMALL, "x")
    with pytest.raises(InputError, match="repeats the name"):
        add_nodes(SMALL, [Node(name=SMALL.nodes[0].name)])
    with pytest.raises(InputError, match="no accelerator type 'x'"):
        scale_throughput(SMALL, 2.0, "x")


# --- amounts --------------------------------------------------------------------------------------


@given(st.floats(1e-6, 1e6))
@settings(max_examples=50, deadline=None)
def test_demand_is_rounded_to_the_nearest(factor):
    """And nobody's demand vanishes."""
    scaled = scale_demand(SMALL, factor)
    for before, after in zip(SMALL.requests, scaled.requests, strict=True):
        assert after.count == 1 or abs(after.count - before.count * factor) <= 0.5 + 1e-6
        assert after.count >= 1


def test_throughput_of_one_type_leaves_the_others():
    """Work falls by the factor where the type is, proving times aside."""
    kind = SMALL.profiles[0].accelerator
    faster = scale_throughput(SMALL, 2.0, kind)
    for before, after in zip(SMALL.profiles, faster.profiles, strict=True):
        factor = 2.0 if before.accelerator == kind else 1.0
        assert after.decode_tokens_per_s == factor * before.decode_tokens_per_s
    assert [pair.work_s for pair in scale_throughput(paired(), 2.0).pairs] == [30.0] * 3


def test_prices_change_where_the_selector_fits():
    """Everything that a node charges, and no other node."""
    region = SMALL.nodes[0].region
    dearer = change_price(SMALL, f"region={region}", 1.5)
    for before, after in zip(SMALL.nodes, dearer.nodes, strict=True):
        factor = 1.5 if before.region == region else 1.0
        assert after.accelerator_cost_per_hour == factor * before.accelerator_cost_per_hour
        assert after.engaged_cost_per_hour == factor * before.engaged_cost_per_hour
    assert change_price(SMALL, "all", 1.0) == SMALL


@pytest.mark.parametrize("selector", ["", "node", "node=", "colour=red", "node=nobody"])
def test_selectors_that_fit_nothing_are_refused(selector):
    """In one sentence that shows the selector."""
    with pytest.raises(InputError, match=f"selector '{selector}'"):
        change_price(SMALL, selector, 2.0)


@pytest.mark.parametrize("factor", [0.0, -1.0, float("inf"), float("nan"), 1e9])
def test_factors_out_of_range_are_refused(factor):
    """Whatever is scaled."""
    for change in (scale_demand, scale_throughput):
        with pytest.raises(InputError, match="the factor must be a number from"):
            change(SMALL, factor)
    if factor:
        with pytest.raises(InputError, match="the factor must be a number from 0 to"):
            change_price(SMALL, "all", factor)


# --- carry ----------------------------------------------------------------------------------------


def test_what_is_carried_is_feasible():
    """To fewer nodes, more and less demand, slower accelerators; mostly something is left."""
    carried = 0
    for seed in SEEDS:
        old = tinies.instance(seed)
        changed = [drop_nodes(old, [node.name]) for node in old.nodes]
        changed += [scale_demand(old, 2.0), scale_demand(old, 0.5), scale_throughput(old, 0.5)]
        for new in changed:
            found = carry(plan(seed), old, new)
            if found is not None:
                carried += 1
                verdict = evaluate(new, found)
                assert verdict.feasible, verdict.violations
                assert verdict.objective == pytest.approx(found.objective)
    assert carried > 60


def test_what_still_holds_is_kept_as_it_is():
    """More nodes, other prices, fewer rules: the same decisions."""
    result = solve(SMALL, "greedy")
    node = SMALL.nodes[0].model_copy(update={"name": "another"})
    for new in (add_nodes(SMALL, [node]), change_price(SMALL, "all", 2.0), relax(SMALL, "place")):
        carried = carry(result.solution, SMALL, new)
        assert carried.inference == result.solution.inference
        assert carried.verification == result.solution.verification
    assert carry(result.solution, SMALL, SMALL) is result.solution


def test_most_requests_survive_the_loss_of_a_node():
    """Those of classes that have nothing there all do, unless a host had to be found anew."""
    result = solve(SMALL, "greedy")
    lost = result.solution.inference[0].node
    carried = carry(result.solution, SMALL, drop_nodes(SMALL, [lost]))
    untouched = {row.request for row in result.solution.inference} - {
        row.request
        for row in [*result.solution.inference, *result.solution.verification]
        if row.node == lost
    }
    assert untouched <= {row.request for row in carried.inference}


def test_a_trimmed_solution_names_only_what_there_is():
    """Whether it is feasible or not."""
    result = solve(SMALL, "greedy")
    new = drop_operator(SMALL, SMALL.nodes[0].operator)
    trimmed = trim(result.solution, new)
    assert evaluate(new, trimmed).violations
    names = {node.name for node in new.nodes}
    assert {row.node for row in trimmed.inference} <= names
