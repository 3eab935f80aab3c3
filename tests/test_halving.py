"""Halves of a network: nothing is lost between them, and what they become is feasible together."""

import numpy as np
import pytest
from reflows import compiled, demand, fleet
from searches import compiled_of, judged

from placement.generate import generate
from placement.methods.chain import Chain
from placement.methods.recreate.improver import Recreation
from placement.methods.recreate.state import rows_of
from placement.methods.reflow.reflower import one_by_one

PRESETS = ("medium", "large", "verifier-scarce", "flash-crowd", "tee-scarce")


def searched(one, seed=0, iterations=2000):
    """A recreation after construction and some steps."""
    recreation = Recreation(one, None, seed=seed)
    recreation.construct()
    recreation.advance(iterations, 0.0)
    return recreation


def sorted_rows(recreation):
    """What is decided, in an order of its own."""
    rows = rows_of(recreation._book)
    return [sorted(zip(*table, strict=True)) for table in (rows.replicas, rows.requests)]


def never():
    """There is time."""
    return False


@pytest.mark.parametrize("preset", PRESETS)
def test_halves_that_do_nothing_are_what_was_halved(preset):
    """Decisions, cost, what groups may do, and who waits."""
    recreation = searched(compiled(preset))
    before, cost, rows = recreation._book, recreation.objective, sorted_rows(recreation)
    groups, waiting = before.groups.copy(), recreation.waiting
    recreation.join(recreation.halves())
    assert recreation._book is not before
    assert sorted_rows(recreation) == rows
    assert recreation.objective == pytest.approx(cost, rel=1e-9)
    assert recreation.objective == pytest.approx(recreation.recounted(), rel=1e-9)
    assert np.array_equal(recreation._book.groups, groups)
    assert np.array_equal(recreation.waiting, waiting)
    for name in ("free_s", "free_gb", "cores_s", "storage_gb"):
        assert recreation._book.nodes[name] == pytest.approx(before.nodes[name], abs=1e-6)


@pytest.mark.parametrize("preset", PRESETS)
def test_what_halves_become_is_feasible(preset):
    """Turn after turn, and counted right; the search gains by it."""
    one = compiled(preset)
    chain = Chain(one, searched(one, iterations=200), 0)
    begun, halved = chain.objective, chain.run._book
    for _ in range(4):
        chain.recreate_halves(3000, 1e-4 * begun, never, one_by_one)
        run = chain.run
        assert run.objective == pytest.approx(run.recounted(), rel=1e-9)
        assert run._book.loosened == 0
        rows = rows_of(run._book)
        executed = np.bincount(rows.g[rows.kind == 0], rows.count[rows.kind == 0], len(run.waiting))
        assert np.array_equal(executed + run.waiting, one.quantities.count)
        assert not judged(one, chain.best).violations
    assert chain.run._book is not halved
    assert chain.objective < begun


def test_a_half_has_control_groups_of_its_own():
    """Each in one of them, with about half of all compute, in each turn others."""
    recreation, seen = searched(compiled("large"), iterations=0), set()
    q = recreation.compiled.quantities
    for _ in range(5):
        parts = [half.book.nodes["free_gb"] > 0 for half in recreation.halves()]
        groups = [set(q.node_group[nodes].tolist()) for nodes in parts]
        assert not groups[0] & groups[1]
        assert 0.25 < q.capacity_s[parts[0]].sum() / q.capacity_s.sum() < 0.75
        seen.add(frozenset(groups[0]))
    assert len(seen) == 5


def test_a_half_leaves_the_other_alone():
    """However long it is searched."""
    recreation = searched(compiled("medium"))
    for half in recreation.halves():
        inside = half.book.nodes["free_gb"] > 0
        half.advance(5000, 1.0)
        rows = rows_of(half.book)
        assert inside[rows.n].all()
        assert inside[rows.replica_n].all()


def test_the_same_at_once_or_one_after_the_other():
    """Whoever goes first; the number of threads does not tell."""
    best = []
    for order in (1, -1):
        one = compiled("medium")
        chain = Chain(one, searched(one), 0)

        def side_by_side(tasks, order=order):
            one_by_one(tasks[::order])

        for _ in range(2):
            chain.recreate_halves(2000, 0.1, never, side_by_side)
        best.append(chain.best)
    for first, second in zip(vars(best[0]).values(), vars(best[1]).values(), strict=True):
        assert np.array_equal(first, second)


def test_a_half_without_any_request_is_searched_as_well():
    """All that is executed may be on the other side; there is nothing to do here, and an end."""
    operators = [{"name": "a"}, {"name": "b"}]
    data = fleet("A", "B", requests=[demand("all", 2)], operators=operators)
    for node, owner in zip(data["nodes"], "ab", strict=True):
        node["operator"] = owner
    chain = Chain(compiled_of(**data), searched(compiled_of(**data)), 0)
    assert len(chain.run.halves()) == 2
    chain.recreate_halves(100, 0.0, never, one_by_one)
    assert not chain.run.waiting.any()


def limited():
    """A network with a limit on all of it."""
    return compiled_of(**{**generate("medium").to_dict(), "limits": {"max_new_replicas": 60}})


def paired():
    """A network with a class that stays where it is."""
    pairs = [{"request": "all", "node": "A", "cost": 1.0}]
    return compiled_of(**fleet("A", "B", requests=[demand("all", 2)], pairs=pairs))


def alone():
    """A network of one control group."""
    data = fleet("A", "B", requests=[demand("all", 2)])
    data["operators"] = [{"name": "one"}]
    for node in data["nodes"]:
        node["operator"] = "one"
    return compiled_of(**data)


@pytest.mark.parametrize("network", [limited, paired, alone])
def test_what_cannot_be_halved_is_searched_as_a_whole(network):
    """Limits, classes that stay, or one owner."""
    one = network()
    chain = Chain(one, searched(one, iterations=0), 0)
    assert chain.run.halves() == []
    begun = chain.run._book.chance
    chain.recreate_halves(200, 0.0, never, one_by_one)
    assert chain.run._book.chance != begun
    assert chain.best is None or not judged(one, chain.best).violations
