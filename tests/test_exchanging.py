"""Nodes that are alike exchange what they do: by hand, and with the book right throughout."""

import numpy as np
import pytest
from reflows import advanced, begun, compiled, demand, fleet, placed, row
from searches import compiled_of

from placement.methods.recreate.changes import undo
from placement.methods.recreate.exchanging import exchange
from placement.methods.recreate.improver import Recreation
from placement.methods.recreate.ruining import appraise_all
from placement.methods.recreate.state import rows_of


@pytest.mark.parametrize("preset", ["medium", "verifier-scarce", "large"])
def test_exchange_keeps_the_book_right(preset):
    """What nodes take over is counted, and all of it is as before once it is undone."""
    recreation, changed = advanced(compiled(preset)), 0
    for _ in range(200):
        book, rows = begun(recreation), rows_of(recreation._book)
        before = recreation.objective
        exchange(book)
        assert recreation.objective == pytest.approx(recreation.recounted(), rel=1e-9)
        assert (recreation._book.groups >= 0).all()
        for name in ("free_s", "free_gb"):
            assert (recreation._book.nodes[name] > -1e-6).all()
        changed += int(recreation._book.logged > 0)
        undo(book)
        assert recreation.objective == pytest.approx(before, rel=1e-9)
        assert sorted(rows_of(recreation._book).n) == sorted(rows.n)
    assert changed > 5


def exchanged(*nodes, **fields):
    """Who executes what after one exchange of all that "A" does, if it has to be, with "B"."""
    data = fleet("A", "B", **fields)
    for node, change in zip(data["nodes"], nodes, strict=True):
        node.update(change)
    one = compiled_of(**data)
    counts = {"A": data["requests"][0]["count"]}
    replicas = [row("A", 1, model="m")]
    loads = [] if "m" in data["nodes"][0]["loaded"] else [row("A", 1, model="m", source="A")]
    start = placed(
        one, hosting={"m": ["A"]}, replicas=replicas, loads=loads,
        inference=[row("A", counts["A"], request="all")],
    )  # fmt: skip
    recreation = Recreation(one, start)
    appraise_all(recreation._book.native)
    for _ in range(20):
        exchange(begun(recreation))
    assert recreation.objective == pytest.approx(recreation.recounted(), rel=1e-9)
    rows = rows_of(recreation._book)
    return {"AB"[n]: int(rows.count[rows.n == n].sum()) for n in np.unique(rows.n)}


def test_an_idle_node_that_costs_less_takes_over():
    """All of it, where it is as large; nothing where it costs as much."""
    cheap = {"engaged_cost_per_hour": 18}
    asked = [demand("all", 3)]
    assert exchanged({}, cheap, requests=asked) == {"B": 3}
    assert exchanged({}, {}, requests=asked) == {"A": 3}
    assert exchanged({}, cheap | {"accelerators": 2}, requests=asked) == {"A": 3}


def test_a_node_that_would_have_to_load_does_not_take_over():
    """Where loading takes more than the node costs less; where it is fast it does."""
    cheap = {"engaged_cost_per_hour": 35.9, "loaded": {}, "accelerator_cost_per_hour": 36}
    slow, fast = cheap | {"load_gb_per_s": 1.0}, cheap | {"load_gb_per_s": 1e6}
    dear, asked = {"accelerator_cost_per_hour": 36}, [demand("all", 3)]
    assert exchanged(dear, slow, requests=asked) == {"A": 3}
    assert exchanged(dear, fast, requests=asked) == {"B": 3}
