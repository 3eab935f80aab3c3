"""The readings of docs/formulation.md, each by its letter."""

import re
from pathlib import Path

import numpy as np
import pytest

from placement import Instance, InvalidInstance, Solution, evaluate
from placement.instance import MAX_AMOUNT, MAX_COUNT
from placement.quantities import Quantities, whole_up

PAGE = Path(__file__).parent.parent / "docs" / "formulation.md"


def network(**changes):
    """Two regions, two nodes of two operators, one model, one class of ten; tables replaced."""
    roles = ["hosting", "inference", "verification"]
    node = {"roles": roles, "accelerator": "gpu", "accelerators": 2, "memory_gb": 20,
            "storage_gb": 50, "verification_cores": 1}  # fmt: skip
    return {
        "name": "two", "window_s": 100,
        "regions": [{"name": "east", "jurisdiction": "E"}, {"name": "west", "jurisdiction": "W"}],
        "network": {"latency_ms": [[1, 2], [2, 1]], "transfer_cost_per_gb": 0.5},
        "operators": [{"name": "anna"}, {"name": "bert"}],
        "nodes": [{**node, "name": "a", "operator": "anna", "region": "east"},
                  {**node, "name": "b", "operator": "bert", "region": "east"},
                  {**node, "name": "c"}],
        "models": [{"name": "m", "weights_gb": 4, "memory_gb": 5, "min_hosts": 0}],
        "profiles": [{"model": "m", "accelerator": "gpu",
                      "prefill_tokens_per_s": 100, "decode_tokens_per_s": 10}],
        "requests": [{"name": "r", "model": "m", "count": 10, "input_tokens": 100,
                      "output_tokens": 10, "penalty": 1, "region": "west"}],
        **changes,
    }  # fmt: skip


def quantities(**changes):
    """The quantities of the network."""
    return Quantities(Instance.from_dict(network(**changes)))


def request(**changes):
    """The requests of the network, the one class changed."""
    return [{**network()["requests"][0], **changes}]


def verdict(problem, **decisions):
    """The judge's word on decisions; what is not said to be served is turned away."""
    served = sum(row["count"] for row in decisions.get("inference", ()))
    unserved = {"r": 10 - served} if served < 10 else {}
    solution = {"instance": "two", "unserved": unserved, **decisions}
    return evaluate(Instance.from_dict(problem), Solution.from_dict(solution))


def broken(problem, **decisions):
    """The numbers of the constraints that decisions break."""
    return {violation.constraint for violation in verdict(problem, **decisions).violations}


def row(node, count, **key):
    """A row of a solution."""
    return {**(key or {"request": "r"}), "node": node, "count": count}


def test_every_reading_has_a_test():
    """(a) to (n), on the page and here."""
    letters = re.findall(r"^- \((\w)\)", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert letters == [name[-1] for name in globals() if re.fullmatch(r"test_reading_\w", name)]


def test_reading_a():
    """A plain job without work_s takes executor_extra_s."""
    q = quantities(
        requests=request(model=None, policy="p"),
        policies=[{"name": "p", "executor_extra_s": 7, "executor_overhead": 3}],
        pairs=[{"request": "r", "node": "a"}],
    )
    assert q.work_s(0, 0) == 7


def test_reading_b():
    """A pair without work_s needs a profile; with it, the first token is the latency."""
    pair = {"request": "r", "node": "a"}
    with pytest.raises(InvalidInstance, match="no profile to compute it from"):
        Instance.from_dict(network(profiles=[], pairs=[pair]))
    q = quantities(profiles=[], pairs=[{**pair, "work_s": 3}])
    assert (q.work_s(0, 0), q.ttft_ms(0, 0)) == (3, 2)
    assert q.can_run(0, np.arange(3)).tolist() == [True, False, False]


def test_reading_c():
    """Re-execution asks for a profile and takes the pair's work; plain jobs have no profile."""
    again = {"policies": [{"name": "p", "mode": "reexecution"}], "requests": request(policy="p")}
    pairs = [{"request": "r", "node": "a", "work_s": 3}]
    q = quantities(**again, pairs=pairs)
    assert q.can_verify(0, np.arange(3)).all()
    assert q.reexecution_work_s(0, np.arange(3)).tolist() == [3, 2, 2]
    assert not quantities(**again, pairs=pairs, profiles=[]).can_verify(0, np.arange(3)).any()
    again["requests"] = request(policy="p", model=None)
    assert not quantities(**again, pairs=pairs).can_verify(0, np.arange(3)).any()


def test_reading_d():
    """One transfer price for all regions, within one too; nothing where there is no region."""
    price = quantities().transfer_price
    assert price.tolist() == [[0.5, 0.5, 0], [0.5, 0.5, 0], [0, 0, 0]]
    load = {"hosting": {"m": ["a"]}, "replicas": [row("b", 1, model="m")],
            "loads": [row("b", 1, model="m", source="a")]}  # fmt: skip
    assert verdict(network(), **load).terms["transfer"] == 4 * 0.5
    load["hosting"], load["loads"] = {"m": ["b"]}, [row("b", 1, model="m", source="b")]
    assert verdict(network(), **load).terms["transfer"] == 0


def test_reading_e():
    """A new copy without origin is free and counts against the limit."""
    problem = network(limits={"max_transfer_gb": 3})
    assert verdict(problem, hosting={"m": ["a"]}).terms["transfer"] == 0
    assert broken(problem, hosting={"m": ["a"]}) == {13}


def test_reading_f():
    """Mode none has no verifiers, and its verifications take no cores."""
    with pytest.raises(InvalidInstance, match="must be 0 where mode is none"):
        Instance.from_dict(network(policies=[{"name": "p", "mode": "none", "verifiers": 1}]))
    held = {"hosting": {"m": ["a"]}, "replicas": [row("a", 1, model="m")],
            "loads": [row("a", 1, model="m", source="a")]}  # fmt: skip
    for mode, constraints in (("none", set()), ("proof", {10})):
        policies = [{"name": "p", "mode": mode, "verification_core_s": 1000}]
        problem = network(policies=policies, requests=request(policy="p"))
        done = {"inference": [row("a", 1)], "verification": [row("b", 1)]}
        assert broken(problem, **held, **done) == constraints


def test_reading_g():
    """Noise of 1e-9 is no request more, and no reason to refuse a node."""
    assert whole_up([3 + 1e-10, 3 + 1e-8, 0.1 * 30]).tolist() == [3, 4, 3]
    exact = 2 + 1000 * 100 / (100 * 1)
    for limit, able in ((exact * (1 - 1e-10), True), (exact * (1 - 1e-8), False)):
        assert quantities(requests=request(max_ttft_ms=limit)).can_run(0, 0) == able


def test_reading_h():
    """A tenth of ten requests by three verifiers is three verifications, of five it is two."""
    policies = [{"name": "p", "mode": "proof", "verifiers": 3, "sample": 0.1,
                 "independence": "none"}]  # fmt: skip
    held = {"hosting": {"m": ["a"]}, "replicas": [row("a", 1, model="m")],
            "loads": [row("a", 1, model="m", source="a")]}  # fmt: skip
    for count, enough in ((10, 3), (5, 2)):
        problem = network(policies=policies, requests=request(policy="p"))
        done = {**held, "inference": [row("a", count)]}
        assert broken(problem, **done, verification=[row("b", enough)]) == set()
        assert broken(problem, **done, verification=[row("b", enough - 1)]) == {9}


def test_reading_i():
    """The largest amounts and counts."""
    for count, tokens in ((MAX_COUNT + 1, 1), (1, MAX_AMOUNT * 1.01)):
        with pytest.raises(InvalidInstance):
            Instance.from_dict(network(requests=request(count=count, input_tokens=tokens)))
    Instance.from_dict(network(requests=request(count=MAX_COUNT, input_tokens=MAX_AMOUNT)))


def test_reading_j():
    """A millionth over a limit is within it, relative to the limit however small that is."""
    for storage, weights, fits in ((50, 50 * (1 + 9e-7), True), (50, 50 * (1 + 2e-6), False),
                                   (0.5, 0.5 * (1 + 2e-6), False), (0, 2e-6, False)):  # fmt: skip
        problem = network(models=[{"name": "m", "weights_gb": weights, "memory_gb": 5}])
        problem["nodes"] = [{**node, "storage_gb": storage} for node in problem["nodes"]]
        assert (6 in broken(problem, hosting={"m": ["a"]})) != fits


def test_reading_k():
    """A table by columns is the same table."""
    columns = {key: [value] for key, value in network()["requests"][0].items()}
    by_columns = Instance.from_dict(network(requests=columns))
    assert by_columns == Instance.from_dict(network())


def test_reading_l():
    """A replica where it may not be, weights where they may not be stored."""
    problem = network()
    problem["nodes"][0]["roles"] = []
    replica = {"replicas": [row("a", 1, model="m")], "loads": [row("a", 1, model="m", source="b")]}
    assert broken(problem, hosting={"m": ["b"]}, **replica) == {5}
    assert broken(problem, hosting={"m": ["a"]}) == {6}


def test_reading_m():
    """Two accelerators are used to the full by two replicas; a third is allowed, not needed."""
    q = quantities()
    assert q.max_replicas(0, 0) == 2
    assert 2 * q.replica_s(0, 0) == q.capacity_s[0]
    loads = [row("a", 3, model="m", source="a")]
    replicas = [row("a", 3, model="m")]
    assert not broken(network(), hosting={"m": ["a"]}, replicas=replicas, loads=loads)


def test_reading_n():
    """No place allowed is not the same as any."""
    assert not quantities(requests=request(jurisdictions=[])).can_run(0, np.arange(3)).any()
    assert quantities(requests=request(jurisdictions=None)).can_run(0, np.arange(3)).all()
