"""Ruin and recreate: always feasible, honest about its cost, and the better for it."""

from dataclasses import replace

import numpy as np
import pytest
from reflows import advanced, begun, compiled, demand, fleet, must_serve, optimum, placed, row
from searches import compiled_of, judged, tiny
from tinies import feasible_seeds

from placement import Solution
from placement.generate import generate
from placement.methods.recreate import improver
from placement.methods.recreate.changes import undo
from placement.methods.recreate.ejecting import eject, make_room
from placement.methods.recreate.improver import Recreation
from placement.methods.recreate.records import IDLE
from placement.methods.recreate.ruining import appraise_all, clear_node, draw_engaged
from placement.methods.recreate.starting import cost_of
from placement.methods.recreate.state import rows_of
from placement.methods.recreate.walking import recreate
from placement.quantities import REEXECUTION
from placement.solution import to_placement

SCENARIOS = (
    "long-tail", "tee-scarce", "eu-only", "dominant-operator", "flash-crowd", "node-loss",
    "verifier-scarce", "over-supplied",
)  # fmt: skip


def exact(recreation):
    """The objective of the best plan as the judge sees it, with all its violations."""
    placement = recreation.best
    assert placement is not None
    return judged(recreation.compiled, placement)


@pytest.mark.parametrize("preset", ["small", "medium", "large", *SCENARIOS])
def test_presets_are_placed_feasibly_and_the_objective_agrees(preset):
    """What the book says it costs is what the judge says, or a little more than that."""
    recreation = advanced(compiled(preset))
    verdict = exact(recreation)
    assert not verdict.violations
    assert verdict.objective <= recreation.best_objective * (1 + 1e-6)


@pytest.mark.parametrize("seed", feasible_seeds(range(30)))
def test_tiny_instances_from_their_optimum(seed):
    """From an optimal placement nothing gets worse, and nothing is broken."""
    start = optimum(seed)
    recreation = advanced(tiny(seed), start, iterations=500)
    verdict = exact(recreation)
    assert not verdict.violations
    best = judged(tiny(seed), start).objective
    assert verdict.objective == pytest.approx(best, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("seed", range(40))
def test_tiny_instances_from_nothing(seed):
    """Whatever is found is feasible."""
    placement = advanced(tiny(seed), iterations=500).best
    if placement is not None:
        assert not judged(tiny(seed), placement).violations


@pytest.mark.parametrize("preset", ["small", "medium", "verifier-scarce"])
def test_the_book_agrees_with_the_judge_on_the_way(preset):
    """The running objective is the judge's, light verification and better hosts aside."""
    recreation = advanced(compiled(preset))
    for _ in range(5):
        recreation.advance(200, 1.0)
        assert recreation.objective == pytest.approx(recreation.recounted(), rel=1e-9)


def test_the_same_seed_gives_the_same_placement():
    """Bytes, not only cost."""
    first, second = (advanced(compiled("medium"), seed=3).best for _ in range(2))
    for one, other in zip(vars(first).values(), vars(second).values(), strict=True):
        assert np.array_equal(one, other)


def test_a_placement_gets_better():
    """A poor placement is improved, and the answer is never worse than the start."""
    start = Recreation(compiled("medium"), None)
    start.construct()
    begun = start.best
    recreation = Recreation(compiled("medium"), begun, seed=1)
    recreation.advance(3000, 0.0)
    assert exact(recreation).objective < judged(compiled("medium"), begun).objective * 0.95


def test_nothing_is_lost_without_steps():
    """Best is the start as long as nothing better is known."""
    begun = advanced(compiled("small")).best
    verdict = exact(Recreation(compiled("small"), begun))
    assert verdict.objective <= judged(compiled("small"), begun).objective * (1 + 1e-9)


def test_limits_are_kept():
    """New replicas and GB moved stay within the limits."""
    document = generate("medium", seed=1).to_dict()
    for limits in ({"max_new_replicas": 60}, {"max_transfer_gb": 1500.0}):
        one = compiled_of(**{**document, "limits": limits})
        recreation = advanced(one)
        assert not exact(recreation).violations
        assert recreation.waiting.sum() > 0


def test_re_execution_is_placed():
    """Classes that are verified by doing them again are served where there is room."""
    recreation = advanced(compiled("medium"), iterations=20_000)
    q = recreation.compiled.quantities
    placement = recreation.best
    redone = q.mode == REEXECUTION
    assert placement.verify_count[redone[placement.verify_g]].sum() > 0
    assert placement.unserved[redone].sum() < 0.25 * q.count[redone].sum()


def test_the_few_that_can_verify_are_found():
    """However many nodes hold the model, and though it takes all three of those that may."""
    others, verifiers = [f"n{i}" for i in range(300)], ["v0", "v1", "v2"]
    redone = {"name": "again", "mode": "reexecution", "verifiers": 1, "independence": "group"}
    data = fleet(
        *others, *verifiers, policies=[redone], requests=[demand("all", 30, policy="again")]
    )
    for node in data["nodes"]:
        node["roles"] = ["hosting", "verification" if node["name"][0] == "v" else "inference"]
    one = compiled_of(**data)
    for seed in range(4):
        recreation = Recreation(one, None, seed=seed)
        recreation.construct()
        assert not recreation.waiting.any()
        assert not judged(one, recreation.best).violations


def test_guides_are_taken():
    """Other prices, another plan; still feasible."""
    recreation = advanced(compiled("medium"))
    dear = replace(recreation.prices, demand=recreation.prices.demand * 3)
    recreation.guide(dear, np.full(compiled("medium").quantities.n_nodes, 1e-4))
    recreation.advance(500, 0.1)
    assert not exact(recreation).violations


def test_a_guide_that_leads_already_changes_nothing(monkeypatch):
    """The same prices once more take no time."""
    recreation, taken = advanced(compiled("medium")), []
    rent = np.full(compiled("medium").quantities.n_nodes, 1e-4)
    monkeypatch.setattr(improver, "set_values", lambda *_: taken.append(1))
    recreation.guide(recreation.prices, rent)
    recreation.guide(recreation.prices, rent)
    recreation.guide(replace(recreation.prices), rent)
    assert len(taken) == 2


# --- ruin --------------------------------------------------------------------------------------


def rows_by_class(recreation, g):
    """Requests and re-executions of a class by node and kind."""
    rows = rows_of(recreation._book)
    mine = rows.g == g
    return dict(zip(zip(rows.n[mine], rows.kind[mine], strict=True), rows.count[mine], strict=True))


def test_clearing_a_node_leaves_its_classes_where_else_they_are():
    """Also those that are re-executed; they are to be verified again before the step ends."""
    recreation = advanced(compiled("medium"))
    book, shared = recreation._book, 0
    for n in np.flatnonzero(book.nodes["held"]).tolist():
        rows = rows_of(book)
        redone = [g for g in np.unique(rows.g[rows.n == n]) if book.classes["wanted"][g] > 0]
        before = [rows_by_class(recreation, g) for g in redone]
        clear_node(begun(recreation), n)
        for g, had in zip(redone, before, strict=True):
            elsewhere = {key: count for key, count in had.items() if key[0] != n}
            assert rows_by_class(recreation, g) == elsewhere
            shared += bool(elsewhere)
        assert set(redone) <= set(book.arrays["loose"][: int(book.loosened)])
        undo(book.native)
    assert shared > 20


def test_a_node_that_is_cleared_can_be_filled_again():
    """No less of it where requests are re-executed, on a network that is full."""
    recreation = advanced(compiled("large"), iterations=30_000)
    book, worse = recreation._book, []
    rows = rows_of(book)
    redone = book.classes["wanted"][rows.g] > 0
    for n in np.unique(rows.n[redone]).tolist():
        tries = []
        for _ in range(4):
            before = recreation.objective
            clear_node(begun(recreation), n)
            recreate(book.native)
            tries.append(recreation.objective - before)
            undo(book.native)
            book.change("cost", book.cost + before - recreation.objective)
        worse.append(min(tries) > 0.05 * recreation.compiled.engagement[n])
    assert np.mean(worse) < 0.15


def test_steps_know_what_nodes_lose():
    """What was noted on the way is what the nodes lose, and those that lose most are drawn."""
    recreation = advanced(compiled("large"))
    book = recreation._book
    noted = book.losses.copy()
    appraise_all(book.native)
    assert noted == pytest.approx(book.losses, rel=1e-6, abs=1e-9)
    engaged = book.nodes["held"] > 0
    assert ((book.losses == IDLE) == ~engaged).all()
    drawn = [draw_engaged(book.native) for _ in range(2000)]
    assert engaged[drawn].all()
    loss = book.losses
    assert loss[drawn].mean() > 3 * loss[engaged].mean() > 0
    assert len(np.unique(drawn)) > 0.5 * engaged.sum()


@pytest.mark.parametrize("preset", ["medium", "verifier-scarce"])
def test_steps_know_where_time_is_left(preset):
    """Nodes that are passed over have hardly any, and no tally of a class is left behind."""
    book = advanced(compiled(preset))._book
    left = book.nodes["free_s"] > 0.05 * book.nodes["capacity_s"]
    assert (book.roomy[left] == 1).all()
    changed = book.nodes["held"] > 0
    assert (book.roomy[changed & ~left] == 0).all()
    assert changed.any()
    assert (book.tally == 0).all()


def test_hosts_there_have_to_be_are_where_models_are_loaded():
    """What a construction says that weights cost is nearly what the cheapest hosts would."""
    recreation = Recreation(compiled("large"), None)
    recreation.construct(many=True)
    assert recreation.objective == pytest.approx(recreation.recounted(), rel=1e-9)
    least = cost_of(recreation.compiled, recreation.best)
    assert least > recreation.objective * (1 - 5e-4)
    recreation.rehost()
    assert least <= recreation.objective * (1 + 1e-9)


# --- ejection ----------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", ["small", "medium", "verifier-scarce"])
def test_ejection_keeps_the_book_right(preset):
    """What is taken back is counted, what is taken back again is as before."""
    recreation, ejected = advanced(compiled(preset)), 0
    for _ in range(200):
        book, waiting = begun(recreation), recreation.waiting.sum()
        before = recreation.objective
        eject(book)
        assert recreation.objective == pytest.approx(recreation.recounted(), rel=1e-9)
        ejected += recreation.waiting.sum() - waiting
        undo(book)
        assert recreation.objective == pytest.approx(before, rel=1e-9)
        assert recreation.waiting.sum() == waiting
    assert ejected > 200


def test_room_is_made_by_others():
    """Sooner or later so many seconds are free, and the class that needs them keeps what it has."""
    recreation = advanced(compiled("medium"))
    book, made = recreation._book, []
    for n in np.flatnonzero(book.nodes["held"]).tolist():
        rows = rows_of(book)
        spared = int(rows.g[rows.n == n][0])
        needed = float(book.nodes["free_s"][n]) + 1.0
        for _ in range(30):
            make_room(begun(recreation), n, spared, needed)
        after = rows_of(book)
        kept, still = (r.count[(r.n == n) & (r.g == spared)].sum() for r in (rows, after))
        assert still == kept
        if len(np.unique(rows.g[rows.n == n])) > 1:
            made.append(book.nodes["free_s"][n] >= needed)
    assert np.mean(made) > 0.9


# --- what stays feasible -----------------------------------------------------------------------


def test_a_copy_that_saves_gb_is_kept():
    """Fewer replicas would rather be read from elsewhere, but the limit on GB forbids it."""
    data = fleet("A", "B", requests=[demand("all", 2)], limits={"max_transfer_gb": 0})
    data["network"] = {"transfer_cost_per_gb": 0.1}
    for node in data["nodes"]:
        node.update(hosted=["m"], loaded={}, accelerators=2, memory_gb=20)
        node.update(storage_cost_per_gb_hour=5.4, load_gb_per_s=10)
    data["nodes"][1]["roles"] = ["hosting"]
    one = compiled_of(**data)
    start = placed(
        one, hosting={"m": ["A", "B"]}, replicas=[row("A", 2, model="m")],
        loads=[row("A", 2, model="m", source="A")], inference=[row("A", 2, request="all")],
    )  # fmt: skip
    recreation = Recreation(one, start)
    recreation.advance(50, 0.0)
    verdict = exact(recreation)
    assert not verdict.violations
    assert verdict.objective < judged(one, start).objective


def test_a_start_that_serves_too_little_is_no_answer():
    """Where the rest cannot be served either there is none; where it can it is."""
    for count, served in ((10, True), (11, False)):
        one = compiled_of(**fleet("A", requests=[demand("all", count, penalty=None)]))
        hosting = {"hosting": {"m": ["A"]}, "unserved": {"all": count}}
        fields = {"format": "placement-solution/1", "instance": "test", **hosting}
        start = to_placement(one.quantities, Solution.from_dict(fields))
        recreation = Recreation(one, start)
        assert recreation.best is None
        assert not recreation.complete
        recreation.construct()
        assert recreation.complete == served
        assert (recreation.best is not None) == served


def test_a_plan_that_serves_what_must_be_served_is_not_given_up():
    """Not for one that costs less since it does not, even where requests count as very dear."""
    one, start = must_serve()
    recreation = Recreation(one, start)
    recreation.advance(200, 0.0)
    assert recreation.best_objective == pytest.approx(10_000.0)
    assert recreation.best.run_count.sum() == 1


def test_a_start_that_is_not_verified_is_no_answer():
    """Though it costs less: what comes out is verified throughout."""
    one = compiled("medium")
    nothing = np.zeros(0, dtype=np.int64)
    plan = Recreation(one, None)
    plan.construct()
    start = replace(plan.best, verify_g=nothing, verify_n=nothing, verify_count=nothing)
    assert not judged(one, start).feasible
    assert judged(one, Recreation(one, start).best).feasible


def test_what_few_can_run_is_placed_first():
    """Must-serve and re-executed classes come first, then scarce ones, the scarcest first."""
    one = compiled("large")
    stages = Recreation(one, None)._stages()
    q = one.quantities
    assert sorted(np.concatenate(stages)) == list(range(q.n_classes))
    assert all(one.redone[g] or np.isinf(q.penalty[g]) for g in stages[0])
    size = np.bincount(q.node_kind, q.capacity_s, len(q.kind_node))
    able = one.run_kinds @ size
    assert able[stages[1]].max() < able[stages[2]].min()
    assert all((np.diff(able[stage]) >= 0).all() for stage in stages[1:])
    assert all(len(stage) for stage in stages)
