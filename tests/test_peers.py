"""Peers of the benchmarks: their answers are legal, and what completes them is so for anything."""

import json
import sys
import time

import numpy as np
import pytest
from oracle.exhaustive import optimum
from oracle.tiny import tiny_instance
from searches import compiled_of, judged, tiny

from benchmarks.peers import PEERS, flows, load, outside, pop, rebalancer, timefold
from benchmarks.peers.bundles import bundle
from benchmarks.peers.completion import complete
from placement import Instance, evaluate, solve
from placement.compiled import Compiled
from placement.formats.dimacs import parse_dimacs
from placement.formats.gap import parse_gap
from placement.generate import generate
from placement.quantities import REEXECUTION, whole_up
from placement.solution import to_placement

SECONDS = {"cbc": 3.0, "pop": 8.0, "rebalancer": 3.0, "timefold": 6.0}
JOBS = (
    b"3 6   4 1 2 6 3 2   3 5 6 2 2 4   1 7 2 3 5 6"
    b"      1 2 3 2 1 2   2 2 1 3 2 1   2 1 1 2 3 2   4 4 4"
)
"""Three agents, six jobs."""
APART = pytest.mark.slow  # a process or a virtual machine has to start
EACH = [pytest.param(name, marks=() if name == "cbc" else APART) for name in PEERS]
NOTHING = (np.zeros(0, dtype=np.int64),) * 3


def answer(name, instance, **options):
    """What a peer finds, with all that it reported; skips where it cannot run."""
    peer = load(name)
    reason = peer.unavailable(instance)
    if reason is not None:
        pytest.skip(reason)
    reports = []
    options = {"seconds": SECONDS[name], "seed": 0, "threads": 2, **options}
    found = peer.run(instance, report=reports.append, **options)
    return found, reports


# --- every peer ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_offers_what_is_asked_for(name):
    """Name, versions, and a reason or none, whether it is installed or not."""
    peer = load(name)
    reason = peer.unavailable(Instance.from_dict(tiny_instance(0)))
    assert peer.NAME
    assert reason is None or reason.strip()
    assert all(isinstance(version, str) for version in peer.versions().values())


def test_a_peer_that_is_not_there_is_a_key_error():
    """Names are those of the list."""
    with pytest.raises(KeyError):
        load("nobody")


@pytest.mark.parametrize("peer", [rebalancer, timefold])
def test_a_peer_that_is_not_installed_says_so(peer, monkeypatch):
    """The reason names the variable that says where it is."""
    monkeypatch.setenv(peer.PYTHON, "/nowhere/python")
    assert peer.PYTHON in peer.unavailable(Instance.from_dict(tiny_instance(0)))
    assert peer.versions() == {}


@pytest.mark.parametrize("name", EACH)
def test_answers_are_feasible_and_not_below_the_optimum(name):
    """On tiny instances, by the judge."""
    for seed in (1, 2, 3):
        least = optimum(tiny_instance(seed))
        instance = Instance.from_dict(tiny_instance(seed))
        found, reports = answer(name, instance)
        if least is None:
            assert found is None or not evaluate(instance, found).feasible
            continue
        verdict = evaluate(instance, found)
        assert verdict.feasible
        assert verdict.objective >= least * (1 - 1e-6)
        assert all(evaluate(instance, report).feasible for report in reports)


@pytest.mark.parametrize("name", EACH)
def test_plain_jobs_are_assigned(name):
    """Few enough that everybody finds the best assignment."""
    instance = parse_gap(JOBS, "jobs.txt")
    found, _ = answer(name, instance)
    least = solve(instance, gap=0)
    assert least.status == "optimal"
    assert evaluate(instance, found).feasible
    assert evaluate(instance, found).objective == least.objective


@pytest.mark.parametrize("name", EACH)
def test_a_preset_is_solved_in_time(name):
    """Better than serving only what has to be; what starts a process is forgiven a little."""
    instance = generate("small")
    begun = time.monotonic()
    found, _ = answer(name, instance)
    late = time.monotonic() - begun - SECONDS[name]
    least = complete(Compiled(instance), NOTHING, NOTHING)
    assert evaluate(instance, found).feasible
    assert evaluate(instance, found).objective < judged(Compiled(instance), least).objective
    assert late < outside.GRACE_S + 1.0


# --- what completes assignments ------------------------------------------------------------------


def shuffled(compiled, rng):
    """Some requests on some nodes that can run them, and re-executions, all at random."""
    q, sides = compiled.quantities, []
    redone = q.mode[compiled.verify.g] == REEXECUTION
    for all_arcs in (compiled.run, compiled.verify.take(redone)):
        arcs = all_arcs.take(rng.random(len(all_arcs)) < 0.7)
        wanted = rng.integers(1, 1 + q.count[arcs.g])
        before = np.cumsum(wanted) - wanted
        first = np.searchsorted(arcs.g, arcs.g)
        count = np.clip(q.count[arcs.g] - before + before[first], 0, wanted)
        rows = count > 0
        sides.append((arcs.g[rows], arcs.n[rows], count[rows]))
    return sides


@pytest.mark.parametrize("start", range(0, 200, 50))
def test_whatever_is_assigned_is_completed_legally(start):
    """The only thing a completion may fail at is to serve all that must be served."""
    for seed in range(start, start + 50):
        rng = np.random.default_rng(seed)
        placement = complete(tiny(seed), *shuffled(tiny(seed), rng))
        if placement is None:
            assert optimum(tiny_instance(seed)) is None
            continue
        verdict = judged(tiny(seed), placement)
        assert {broken.constraint for broken in verdict.violations} <= {1}


@pytest.mark.parametrize("preset", ["tiny", "small", "long-tail", "verifier-scarce"])
def test_the_assignment_of_a_good_placement_is_completed_as_cheaply(preset):
    """Hosting, replicas, loads and proofs cost no more than what they were taken from."""
    instance = generate(preset)
    compiled, result = Compiled(instance), solve(instance, "greedy", time_limit=5)
    p = to_placement(compiled.quantities, result.solution)
    redone = compiled.quantities.mode[p.verify_g] == REEXECUTION
    checks = p.verify_g[redone], p.verify_n[redone], p.verify_count[redone]
    verdict = judged(compiled, complete(compiled, (p.run_g, p.run_n, p.run_count), checks))
    assert verdict.feasible
    assert verdict.objective <= result.objective * (1 + 1e-3)


# --- bundles -------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 40, 400])
def test_bundles_are_all_requests_and_their_re_executions(number):
    """Each once, whatever the number asked for."""
    compiled = Compiled(generate("small"))
    q, made = compiled.quantities, bundle(compiled, number)
    run, check = made.rows(np.zeros(len(made.sort), dtype=np.int64))
    assert (np.bincount(run[0], run[2], q.n_classes) == q.count).all()
    redone = (q.mode == REEXECUTION) & (q.verifiers > 0)
    wanted = np.where(redone, q.verifiers * whole_up(q.sample * q.count), 0)
    assert (np.bincount(check[0], check[2], q.n_classes) == wanted).all()


def test_bundles_left_out_are_in_no_row():
    """Node -1 stands for away."""
    made = bundle(tiny(0), 10)
    rows = made.rows(np.full(len(made.sort), -1))
    assert all(len(column) == 0 for side in rows for column in side)


def test_the_document_of_bundles_is_plain_and_says_what_a_bundle_takes():
    """A request of 10 s, two a bundle, on a node where half of a replica goes for loading."""
    compiled = compiled_of(
        nodes=[{"name": "a", "roles": ["hosting", "inference"], "accelerator": "x",
                "accelerators": 1.0, "memory_gb": 9.0, "storage_gb": 50.0, "load_gb_per_s": 1.0,
                "engaged_cost_per_hour": 36.0}],
        models=[{"name": "m", "weights_gb": 50.0, "memory_gb": 1.0}],
        profiles=[{"model": "m", "accelerator": "x", "prefill_tokens_per_s": 1.0,
                   "decode_tokens_per_s": 1.0}],
        requests=[{"name": "r", "model": "m", "count": 4, "output_tokens": 10.0, "penalty": 3.0}],
    )  # fmt: skip
    problem = json.loads(json.dumps(bundle(compiled, 2).to_document(), allow_nan=False))
    (sort,) = problem["sorts"]
    assert problem["sort"] == [0, 0]
    assert (sort["requests"], sort["away"]) == (2, 6.0)
    assert sort["share"] == pytest.approx([20 / 50])
    assert sort["work"] == pytest.approx([40.0])
    assert sort["spread_cost"] == pytest.approx([20 / 100])  # of the engagement of 1 $


# --- workers -------------------------------------------------------------------------------------


def worker(code, seconds=5.0):
    """What a worker of this code tells, and what its problem was."""
    told, given = [], []
    command = [sys.executable, "-c", code]
    ends = time.monotonic() + seconds
    write = lambda ends_at: given.append(ends_at) or "problem"  # noqa: E731
    outside.solve(command, write, ends, told.append, threads=1)
    return told, given


def test_a_worker_tells_line_by_line():
    """It reads its problem to the end, and is told when to be done."""
    code = "import sys, os, json\nsys.stdin.read()\nprint(json.dumps({'n': 1}))\n"
    code += "print(json.dumps({'n': len(os.sched_getaffinity(0))}))"
    told, (ends_at,) = worker(code)
    assert told == [{"n": 1}, {"n": 1}]
    assert 0 < ends_at - time.time() < 5


def test_a_worker_that_fails_says_why():
    """Its last words are in the error; silence would look like a hard instance."""
    with pytest.raises(RuntimeError, match="no such solver"):
        worker("raise SystemExit('no such solver')")


def test_a_worker_that_is_late_is_ended(monkeypatch):
    """What it had told by then stays."""
    monkeypatch.setattr(outside, "GRACE_S", 0.1)
    begun = time.monotonic()
    told, _ = worker("import time; print('{}', flush=True); time.sleep(60)", seconds=1.0)
    assert told == [{}]
    assert time.monotonic() - begun < 10


# --- POP -----------------------------------------------------------------------------------------


def test_pop_wants_pieces_that_are_copies_of_the_whole():
    """A dozen nodes are too few to deal out."""
    assert "30 nodes" in pop.unavailable(generate("small"))
    assert pop.unavailable(generate("medium")) is None


@pytest.mark.slow
def test_pop_breaks_nothing_but_that_requests_must_be_served(monkeypatch):
    """Its pieces know nothing of each other, but the caps are dealt out with them."""
    monkeypatch.setattr(pop, "NODES", 6)
    instance = generate("small")
    found, _ = answer("pop", instance)
    assert found.inference
    assert {broken.constraint for broken in evaluate(instance, found).violations} <= {1}


# --- flows ---------------------------------------------------------------------------------------

NETWORK = b"""p min 4 6
n 1 4
n 4 -4
a 1 2 0 4 2
a 1 3 0 2 -2
a 2 3 0 2 1
a 2 4 0 3 3
a 3 4 0 5 1
a 1 3 0 1 1
"""


@pytest.mark.parametrize("name", flows.SOLVERS)
def test_solvers_of_flow_agree(name):
    """Two units and one go by node 3, which has two arcs, one of negative cost; the last by 2."""
    problem = parse_dimacs(NETWORK, "four.min")
    flow = flows.SOLVERS[name](problem)
    assert problem.cost_of(flow) == -2 + 2 + 4
    assert ((flow >= 0) & (flow <= problem.capacity)).all()


def test_least_flows_are_for_ours_alone():
    """The others would have to be told another network."""
    problem = parse_dimacs(NETWORK.replace(b"a 1 2 0", b"a 1 2 1"), "four.min")
    assert flows.unavailable("placement", problem) is None
    assert all(flows.unavailable(name, problem) for name in flows.SOLVERS if name != "placement")
