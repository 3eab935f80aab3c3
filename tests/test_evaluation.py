"""The judge: sums done by hand, planted violations, and the oracle's opinion of everything."""

import time

import numpy as np
import pytest
import tinies
from oracle.judge import judge
from test_oracle_judge import ALLOWED, INSTANCE, PLANTED, SOLUTION, TERMS, changed

from placement import Instance, InvalidSolution, Solution, evaluate
from placement.evaluation import MAX_VIOLATIONS, evaluate_placement
from placement.quantities import Quantities
from placement.solution import to_placement


def read(problem, solution):
    """Both documents of a case by hand, without the rows of count 0 that the formats refuse."""
    idle = {row["name"] for row in problem["requests"] if not row["count"]}
    problem = {**problem, "requests": [r for r in problem["requests"] if r["name"] not in idle]}
    tables = {
        table: [row for row in solution.get(table, []) if row["count"]]
        for table in ("replicas", "loads", "inference", "verification")
    }
    return Instance.from_dict(problem), Solution.from_dict(
        {"instance": problem["name"], **solution, **tables}
    )


def numbers(verdict):
    """The constraints that are broken."""
    return {violation.constraint for violation in verdict.violations}


# --- by hand ----------------------------------------------------------------------------------


def test_terms_are_those_summed_up_by_hand():
    """Every term of section 5 is there and is not 0."""
    verdict = evaluate(*read(INSTANCE, SOLUTION))
    assert verdict.feasible
    assert verdict.violations == ()
    assert verdict.terms == pytest.approx(TERMS)
    assert verdict.objective == pytest.approx(sum(TERMS.values()))


def test_loads_are_those_summed_up_by_hand():
    """Node a executes and loads, b re-executes, executes a plain job and loads, c idles."""
    loads = evaluate(*read(INSTANCE, SOLUTION)).loads
    assert loads.executing_s == pytest.approx([3 * 14.2, 20, 0])
    assert loads.reexecuting_s == pytest.approx([0, 2 * 11, 0])
    assert loads.loading_s == pytest.approx([5, 10, 0])
    assert loads.busy_s == pytest.approx([47.6, 52, 0])
    assert loads.cores_s == pytest.approx([0, 10, 0])
    assert loads.memory_gb == pytest.approx([32, 16, 0])
    assert loads.storage_gb == pytest.approx([10, 10, 0])
    assert loads.engaged.tolist() == [True, True, False]


@pytest.mark.parametrize(("number", "what", "changes"), PLANTED, ids=[p[1] for p in PLANTED])
def test_planted_violations_are_found(number, what, changes):
    """One change of a feasible solution breaks one constraint, and just that is found."""
    verdict = evaluate(*read(*changed(*changes)))
    assert not verdict.feasible
    assert numbers(verdict) == {number}, what
    for violation in verdict.violations:
        assert violation.amount > 0
        assert violation.sentence.endswith(".")
        assert all(name in violation.sentence for name in violation.entities)


@pytest.mark.parametrize("changes", ALLOWED.values(), ids=ALLOWED)
def test_limits_may_be_reached(changes):
    """What is just within a limit, or asked by no rule, is no violation."""
    assert evaluate(*read(*changed(*changes))).violations == ()


@pytest.mark.parametrize(("excess", "found"), [(0.9e-6, False), (1.1e-6, True)])
def test_sums_are_compared_to_1e_6_relative(excess, found):
    """Node b, of 100 accelerator-seconds, is busy for 52 of which 20 are the plain job."""
    over = (68 + 100 * excess, "instance.pairs.0.work_s")
    verdict = evaluate(*read(*changed(over[::-1])))
    assert numbers(verdict) == ({4} if found else set())


def test_hosting_alone_does_not_engage():
    """A node that only stores weights costs its storage."""
    solution = {
        **SOLUTION, "replicas": [], "loads": [], "verification": [], "unserved": {"g": 4},
        "inference": SOLUTION["inference"][1:],
    }  # fmt: skip
    verdict = evaluate(*read(INSTANCE, solution))
    assert verdict.feasible
    assert verdict.terms["engagement"] == pytest.approx(0.5)


def test_what_must_be_served_costs_nothing_unserved():
    """There is no penalty to charge; that it is not allowed is constraint 1."""
    verdict = evaluate(*read(*changed(("instance.requests.g.penalty", None))))
    assert verdict.terms["unserved"] == 0
    assert np.isfinite(verdict.objective)


def test_verification_that_nobody_asked_for_is_allowed_and_takes_no_cores():
    """Mode none lists no core work in section 2."""
    policy = {"name": "again", "mode": "none", "verification_core_s": 99}
    verdict = evaluate(*read(*changed(("instance.policies", [policy]))))
    assert verdict.feasible
    assert verdict.terms["verification"] == 0
    assert verdict.loads.cores_s.sum() == 0


# --- the same as the oracle -------------------------------------------------------------------


def rules(verdict):
    """The broken constraints; those whose meaning hangs on a broken one are left out.

    The work of what cannot run is anyone's guess (3, 4), new replicas are those loaded or those
    there (13), and more may be turned away than there are (11).
    """
    broken = numbers(verdict)
    for cause, moot in ((1, {11}), (2, {3, 4}), (7, {13})):
        broken = broken - moot if cause in broken else broken
    return broken


@pytest.mark.parametrize(
    ("seeds", "times"),
    [(range(60), 12), pytest.param(range(300), 40, marks=pytest.mark.slow)],
)
def test_oracle_and_judge_agree_on_perturbed_solutions(seeds, times):
    """On what is feasible, on what it costs by term, and on which constraints are broken."""
    feasible, broken = 0, set()
    for seed in tinies.feasible_seeds(seeds):
        for document in tinies.perturbed(seed, times):
            theirs = judge(tinies.document(seed), document)
            ours = evaluate(tinies.instance(seed), Solution.from_dict(document))
            assert ours.feasible == theirs.feasible, (seed, document)
            assert rules(ours) == rules(theirs), (seed, document)
            if ours.feasible:
                assert ours.terms == pytest.approx(theirs.terms, rel=1e-9, abs=1e-12)
                assert ours.objective == pytest.approx(theirs.objective, rel=1e-9)
            feasible, broken = feasible + ours.feasible, broken | numbers(ours)
    assert feasible >= 100
    assert broken == set(range(1, 14))


def test_optimal_solutions_cost_what_the_oracle_says():
    """Its optimum is feasible here, too, at the same price."""
    for seed in tinies.feasible_seeds(range(60)):
        verdict = evaluate(tinies.instance(seed), Solution.from_dict(tinies.optimal(seed)))
        assert verdict.feasible, verdict.violations
        assert verdict.objective == pytest.approx(tinies.optimum(seed), rel=1e-9)


# --- what is refused, what is listed ----------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "row"),
    [
        ("replicas", {"model": "nothing", "node": "a", "count": 1}),
        ("loads", {"model": "m", "node": "a", "source": "nothing", "count": 1}),
        ("inference", {"request": "nothing", "node": "a", "count": 1}),
        ("verification", {"request": "g", "node": "nothing", "count": 1}),
    ],
)
def test_unknown_names_are_refused(table, row):
    """A sentence names the table and what is unknown in it."""
    instance, solution = read(INSTANCE, SOLUTION)
    stranger = Solution.from_dict({**solution.to_dict(), table: [row]})
    with pytest.raises(InvalidSolution, match=f"`{table}` names 'nothing'"):
        evaluate(instance, stranger)


@pytest.mark.parametrize("table", ["replicas", "loads", "inference", "verification"])
def test_repeated_rows_are_refused(table):
    """Nobody has to guess whether two rows of one key add up."""
    instance, solution = read(INSTANCE, SOLUTION)
    row = SOLUTION[table][0]
    twice = Solution.from_dict({**solution.to_dict(), table: [row, row]})
    with pytest.raises(InvalidSolution, match=f"`{table}` repeats a row"):
        evaluate(instance, twice)


def crowd(classes, nodes=500):
    """Classes of 50 requests on 500 nodes, 10 on each of five: an instance and a solution."""
    names = [f"c{i}" for i in range(classes)]
    where = [f"n{n}" for n in range(nodes)]
    instance = {
        "name": "crowd",
        "window_s": 3600,
        "nodes": {
            "name": where,
            "roles": [["hosting", "inference", "verification"]] * nodes,
            "accelerator": ["A"] * nodes,
            "accelerators": [8] * nodes,
            "memory_gb": [640] * nodes,
            "storage_gb": [1000] * nodes,
        },
        "models": [{"name": "m", "weights_gb": 16, "memory_gb": 80}],
        "profiles": [
            {
                "model": "m",
                "accelerator": "A",
                "prefill_tokens_per_s": 1e5,
                "decode_tokens_per_s": 1e4,
            }
        ],
        "requests": {
            "name": names,
            "model": ["m"] * classes,
            "count": [50] * classes,
            "output_tokens": [100] * classes,
        },
    }
    solution = {
        "instance": "crowd",
        "hosting": {"m": where[:1]},
        "replicas": [{"model": "m", "node": node, "count": 8} for node in where],
        "loads": [{"model": "m", "node": n, "source": "n0", "count": 8} for n in where],
        "inference": [
            {"request": name, "node": where[(7 * i + j) % nodes], "count": 10}
            for i, name in enumerate(names)
            for j in range(5)
        ],
    }
    return Instance.from_dict(instance), Solution.from_dict(solution)


@pytest.mark.parametrize(
    ("classes", "limit_s"), [(2000, 0.5), pytest.param(20_000, 2.5, marks=pytest.mark.slow)]
)
def test_many_requests_are_judged_fast(classes, limit_s):
    """A million requests in 20,000 classes take about a second."""
    instance, solution = crowd(classes)
    begun = time.process_time()
    verdict = evaluate(instance, solution)
    assert time.process_time() - begun < limit_s
    assert verdict.feasible, verdict.violations


def test_at_most_a_hundred_violations_of_a_constraint_are_listed():
    """A report that nobody can read helps nobody."""
    instance, solution = crowd(300)
    lost = Solution.from_dict({**solution.to_dict(), "inference": []})
    verdict = evaluate(instance, lost)
    assert [v.constraint for v in verdict.violations] == [1] * MAX_VIOLATIONS


def test_arrays_and_documents_get_the_same_verdict():
    """`evaluate_placement` judges the decisions that `evaluate` reads from the document."""
    instance, solution = read(*changed(("solution.verification.0.count", 1)))
    quantities = Quantities(instance)
    verdict = evaluate_placement(quantities, to_placement(quantities, solution))
    assert verdict.violations == evaluate(instance, solution).violations
    assert verdict.terms == evaluate(instance, solution).terms
