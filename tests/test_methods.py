"""What every method promises: one suite over all of them, on instances with known optima."""

import os
import signal
import subprocess
import sys
import threading
import time
from functools import cache

import pytest
import tinies
from interrupts import heed_interrupts
from oracle.exhaustive import optimum
from oracle.judge import judge

from placement import Instance, Solution, certified_bound, evaluate, native, solve
from placement.engines import ENGINES
from placement.generate import generate
from placement.prices import Prices
from placement.quantities import Quantities
from placement.result import relative_gap
from placement.search import OPTIMAL
from placement.solving import METHODS

EXACT = {"milp": 0.0}
"""The gap asked of methods that can close it."""
COMPLETE = ("auto", "milp")
"""Methods that prove it where there is no placement."""


def seeds_up_to(few):
    """So many seeds every day, the rest of 300 where tests may be slow."""
    ranges = [
        pytest.param(range(few), id="few"),
        pytest.param(range(few, 300), id="many", marks=pytest.mark.slow),
    ]
    return pytest.mark.parametrize("seeds", ranges)


seeds_of = seeds_up_to(40)


@pytest.fixture(scope="module", params=METHODS)
def method(request):
    """Every method; of module scope, so that the tests of a method come one after the other."""
    return request.param


def run(instance, method, **options):
    """Solve with the gap asked of the method and one thread, which is what tests have."""
    options = {"gap": EXACT.get(method, 1e-3), "threads": 1, "time_limit": 20, **options}
    return solve(instance, method, **options)


@cache
def answer(seed, method):
    """What a method says of a tiny instance."""
    return run(tinies.instance(seed), method)


def answers(seeds, method):
    """(seed, answer, optimum) of the tiny instances that have a placement."""
    return [(s, answer(s, method), tinies.optimum(s)) for s in tinies.feasible_seeds(seeds)]


def at_most(value, limit):
    """Whether a value is at most a limit, to 1e-6 relative."""
    return value <= limit + 1e-6 * max(abs(value), abs(limit))


def decisions(solution):
    """What is decided, as plain data."""
    fields = ("hosting", "replicas", "loads", "inference", "verification", "unserved")
    return {name: solution.to_dict()[name] for name in fields}


def same_for_ever(result):
    """The JSON of a result's solution but for its runtimes."""
    return result.solution.replace(runtime_s={}).to_json()


# --- what is found ----------------------------------------------------------------------------


@seeds_of
def test_answers_are_feasible_and_cost_what_they_say(method, seeds):
    """The judge and the oracle agree with the method and with each other, to 1e-6."""
    found = 0
    for seed, result, _ in answers(seeds, method):
        if result.objective is None:
            continue
        ours = evaluate(tinies.instance(seed), result.solution)
        theirs = judge(tinies.document(seed), result.solution.to_dict())
        assert ours.feasible, (seed, ours.violations)
        assert theirs.feasible, (seed, theirs.violations)
        for verdict in (ours, theirs):
            assert result.objective == pytest.approx(verdict.objective, rel=1e-6, abs=1e-12)
            assert result.terms == pytest.approx(verdict.terms, rel=1e-6, abs=1e-12)
        assert sum(result.terms.values()) == pytest.approx(result.objective, rel=1e-9)
        found += 1
    assert found >= 0.9 * len(answers(seeds, method))


@seeds_of
def test_no_answer_is_below_the_optimum_and_no_bound_above(method, seeds):
    """The oracle's optimum lies between lower bound and objective."""
    for seed, result, best in answers(seeds, method):
        assert result.lower_bound is not None, seed
        assert at_most(result.lower_bound, best), seed
        assert result.objective is None or at_most(best, result.objective), seed


@seeds_of
def test_certificates_prove_the_bound(method, seeds):
    """Prices alone give a valid bound; without an engine or a flow it is the one claimed."""
    proven = 0
    for seed, result, best in answers(seeds, method):
        quantities = Quantities(tinies.instance(seed))
        prices = Prices.from_document(quantities, result.solution.certificate)
        bound = certified_bound(tinies.instance(seed), prices)
        assert at_most(bound, best), seed
        assert at_most(bound, result.lower_bound), seed
        routed = tinies.instance(seed).limits.max_new_replicas == 0  # a flow is then its own proof
        if result.solution.engine is None and not routed:
            assert bound == pytest.approx(result.lower_bound, rel=1e-6, abs=1e-12), seed
        proven += bound > 0
    assert proven >= 0.5 * len(answers(seeds, method))


@seeds_of
def test_status_gap_and_stop_are_consistent(method, seeds):
    """Why it stopped, what was found and what is proven do not contradict each other."""
    asked = max(EXACT.get(method, 1e-3), OPTIMAL)
    for seed in seeds:
        result = answer(seed, method)
        gap = relative_gap(result.objective, result.lower_bound)
        assert result.gap == (None if gap is None else pytest.approx(gap, abs=1e-12))
        assert (result.status in ("optimal", "feasible")) == (result.objective is not None)
        assert (result.status == "optimal") == (gap is not None and gap <= OPTIMAL)
        assert (result.stopped_by == "gap") == (gap is not None and gap <= asked)
        assert set(result.runtime_s) == {"read", "compile", "build", "solve", "check"}
        assert all(seconds >= 0 for seconds in result.runtime_s.values())
        if result.objective is None:
            assert result.terms == {}
            assert not any(decisions(result.solution).values())
        for field in ("status", "objective", "lower_bound", "gap", "terms", "stopped_by"):
            assert getattr(result.solution, field) == getattr(result, field)
        assert (result.solution.method, result.solution.seed) == (method, 0)
        assert result.solution.instance == tinies.instance(seed).name


@seeds_of
def test_where_there_is_no_placement_none_is_found(method, seeds):
    """Complete methods prove it, others may not know; nobody makes one up."""
    infeasible = sorted(set(seeds) - set(tinies.feasible_seeds(seeds)))
    assert len(infeasible) >= 3
    for seed in infeasible:
        result = answer(seed, method)
        allowed = {"infeasible"} if method in COMPLETE else {"infeasible", "unknown"}
        assert result.status in allowed, seed
        assert result.objective is None
        assert result.gap is None


@seeds_of
def test_what_has_a_placement_is_never_called_infeasible(method, seeds):
    """Complete methods find one."""
    for seed, result, _ in answers(seeds, method):
        assert result.status != "infeasible", seed
        assert result.objective is not None or method not in COMPLETE, seed


@seeds_of
@pytest.mark.parametrize("engine", ENGINES)
def test_milp_finds_the_optimum_with_every_engine(engine, seeds):
    """And knows it."""
    for seed in tinies.feasible_seeds(seeds):
        result = run(tinies.instance(seed), "milp", engine=engine)
        assert result.status == "optimal", seed
        assert result.objective == pytest.approx(tinies.optimum(seed), rel=1e-6, abs=1e-12), seed
        assert result.solution.engine in (engine, None)


@seeds_up_to(15)
def test_milp_finds_the_optimum_of_the_tiny_preset(seeds):
    """The instances that the package itself calls tiny; its bounds hold there, too."""
    for seed in seeds:
        instance = generate("tiny", seed)
        best = optimum(instance.to_dict())
        assert run(instance, "milp").objective == pytest.approx(best, rel=1e-6, abs=1e-12), seed
        for method in ("auto", "greedy", "flow"):
            result = run(instance, method)
            assert at_most(result.lower_bound, best), (seed, method)
            assert result.objective is None or at_most(best, result.objective), (seed, method)


# --- how it is found --------------------------------------------------------------------------


def test_same_seed_same_answer(method):
    """Two runs differ in their runtimes only."""
    for seed in range(12):
        again = run(tinies.instance(seed), method)
        assert same_for_ever(again) == same_for_ever(answer(seed, method)), seed


_DIGEST = """
import hashlib, sys
import tinies
from placement import solve
from placement.solving import METHODS
for method in METHODS:
    text = ""
    for seed in (0, 3, 4, 5):
        result = solve(tinies.instance(seed), method, gap=0.01, threads=1)
        text += result.solution.replace(runtime_s={}).to_json()
    print(method, hashlib.sha256(text.encode()).hexdigest())
"""


def test_answers_do_not_depend_on_how_python_hashes_text():
    """Nothing is decided by the order of a set."""
    found = set()
    for salt in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", _DIGEST],
            env={**os.environ, "PYTHONHASHSEED": salt, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        found.add(done.stdout)
    assert len(found) == 1
    assert len(found.pop().splitlines()) == len(METHODS)


def test_an_optimal_start_stays_optimal(method):
    """Starting from an answer never ends above it."""
    for seed in tinies.feasible_seeds(range(25)):
        start = Solution.from_dict(tinies.optimal(seed))
        result = run(tinies.instance(seed), method, initial_solution=start)
        assert result.objective is not None, seed
        assert at_most(result.objective, tinies.optimum(seed)), seed


def test_a_start_that_is_not_allowed_is_no_obstacle(method):
    """An earlier answer that some change has made infeasible; what comes out is feasible."""
    for seed in tinies.feasible_seeds(range(10)):
        for document in tinies.perturbed(seed, 2):
            start = Solution.from_dict(document)
            result = run(tinies.instance(seed), method, initial_solution=start)
            if result.objective is not None:
                assert evaluate(tinies.instance(seed), result.solution).feasible
                assert at_most(tinies.optimum(seed), result.objective)


def test_no_time_still_gives_a_legal_answer(method):
    """With a time limit of 0 s it is back at once; what it found by then is feasible."""
    for seed in range(10):
        begun = time.monotonic()
        result = run(tinies.instance(seed), method, time_limit=0)
        assert time.monotonic() - begun < 1
        assert result.stopped_by != "exhausted" or result.status == "infeasible"
        if result.objective is not None:
            assert evaluate(tinies.instance(seed), result.solution).feasible


def test_no_time_on_a_larger_instance(method):
    """The medium preset: back within a second, nothing illegal."""
    instance = generate("medium")
    native.prepare()
    begun = time.process_time()
    result = run(instance, method, time_limit=0)
    assert time.process_time() - begun < 1
    assert result.objective is None or evaluate(instance, result.solution).feasible


def test_threads_do_not_get_into_each_others_way(method):
    """Three solves at the same time, none in the main thread, answer as alone."""
    seeds = (0, 2, 3)
    found = {}

    def work(seed):
        found[seed] = same_for_ever(run(tinies.instance(seed), method))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in seeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {seed: same_for_ever(answer(seed, method)) for seed in seeds}


def test_nothing_is_printed(method, capfd):
    """Standard output and standard error are the caller's, whatever runs inside."""
    for seed in range(8):
        run(tinies.instance(seed), method)
        if method == "milp":
            for engine in ENGINES:
                run(tinies.instance(seed), method, engine=engine)
    assert capfd.readouterr() == ("", "")


def test_progress_only_gets_better(method):
    """Objectives fall, bounds rise, and the last that is told is what is answered."""
    for seed in tinies.feasible_seeds(range(10)):
        told = []
        result = run(tinies.instance(seed), method, progress=told.append)
        assert told, seed
        objectives = [p.objective for p in told if p.objective is not None]
        bounds = [p.lower_bound for p in told if p.lower_bound is not None]
        assert objectives == sorted(objectives, reverse=True)
        assert bounds == sorted(bounds)
        assert [p.elapsed_s for p in told] == sorted(p.elapsed_s for p in told)
        assert (objectives or [None])[-1] == result.objective
        assert at_most(result.lower_bound, bounds[-1])


def test_an_instance_without_demand_worth_serving(method):
    """One node, one class that costs more to serve than to turn away: nothing is served."""
    instance = Instance.from_dict({
        "name": "idle", "window_s": 60,
        "nodes": [{"name": "a", "roles": ["inference"], "accelerators": 1,
                   "accelerator_cost_per_hour": 60}],
        "requests": [{"name": "job", "count": 3, "penalty": 0.5}],
        "pairs": [{"request": "job", "node": "a", "work_s": 60}],
    })  # fmt: skip
    result = run(instance, method)
    assert result.solution.unserved.get("job", 0) >= 2
    assert result.lower_bound <= 1.5 + 1e-9
    assert result.objective >= 1.5 - 1e-9


# --- between methods --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("preset", "limit_s"),
    [
        ("small", 8),
        *(
            pytest.param(preset, 16, marks=pytest.mark.slow)
            for preset in ("long-tail", "tee-scarce", "eu-only", "node-loss", "verifier-scarce")
        ),
    ],
)
def test_no_bound_is_above_any_objective(preset, limit_s):
    """Where the optimum is not known: all methods' bounds are below all methods' answers."""
    instance = generate(preset)
    results = {method: run(instance, method, gap=0.05, time_limit=limit_s) for method in METHODS}
    for method, result in results.items():
        assert result.objective is not None, method
        assert evaluate(instance, result.solution).feasible, method
    least = min(result.objective for result in results.values())
    assert all(at_most(result.lower_bound, least) for result in results.values())


# --- interrupted ------------------------------------------------------------------------------

_INTERRUPTED = """
import sys
from placement import evaluate, solve
from placement.generate import generate

instance = generate("medium")
told = False

def progress(news):
    global told
    if not told and news.objective is not None and not news.phase.startswith("building"):
        told = True
        print("found", flush=True)

result = solve(instance, sys.argv[1], gap=0, time_limit=120, progress=progress)
print(result.stopped_by, evaluate(instance, result.solution).feasible, result.objective)
"""


@pytest.mark.parametrize("name", ["milp", "auto"])
def test_ctrl_c_gives_the_best_so_far(name):
    """An interrupt (SIGINT) ends the search within seconds, not the answer nor the process."""
    process = subprocess.Popen(
        [sys.executable, "-c", _INTERRUPTED, name],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heed_interrupts,
    )  # fmt: skip
    try:
        assert process.stdout.readline() == "found\n"
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        begun = time.monotonic()
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (process.returncode, err) == (0, "")
    assert time.monotonic() - begun < 10
    stopped_by, feasible, objective = out.split()
    assert (stopped_by, feasible) == ("interrupted", "True")
    assert float(objective) > 0
