"""Verifying: afterwards everything that is still executed is verified as its policy asks."""

import numpy as np
import pytest
from searches import compiled_of, judged, tiny

from placement.methods.hosting import plan_hosting
from placement.methods.ledger import Ledger
from placement.methods.loading import load_by_popularity
from placement.methods.verifying import verify_all


def execute_at_random(ledger, rng):
    """Execute requests wherever there is room."""
    arcs = ledger.compiled.run_arcs(ledger.replicas > 0)
    for row in rng.permutation(len(arcs)).tolist():
        g, n = int(arcs.g[row]), int(arcs.n[row])
        room = int(ledger.room(np.array([g]), np.array([n]))[0])
        ledger.execute(g, n, int(rng.integers(0, min(room, int(ledger.left[g])) + 1)))


def loaded(seed):
    """A ledger with hosts and replicas of a tiny instance, or None where hosting fails."""
    ledger = Ledger(tiny(seed))
    if not plan_hosting(ledger):
        return None
    load_by_popularity(ledger)
    return ledger


def broken(ledger):
    """The constraints that the ledger's placement breaks."""
    return {v.constraint for v in judged(ledger.compiled, ledger.placement()).violations}


@pytest.mark.parametrize("start", range(0, 300, 50))
def test_all_that_remains_is_verified(start):
    """Whatever was executed, no constraint is broken; but what must be served may be left."""
    for seed in range(start, start + 50):
        ledger, rng = loaded(seed), np.random.default_rng(seed)
        if ledger is None:
            continue
        for _ in range(2):
            execute_at_random(ledger, rng)
            verify_all(ledger)
            forced = np.isinf(ledger.q.penalty) & (ledger.left > 0)
            assert broken(ledger) <= ({1} if forced.any() else set()), seed


def test_a_second_pass_changes_nothing():
    """What is verified stays as it is."""
    for seed in range(60):
        ledger = loaded(seed)
        if ledger is None:
            continue
        execute_at_random(ledger, np.random.default_rng(seed))
        verify_all(ledger)
        before = dict(ledger.executed), dict(ledger.checked), ledger.replicas.copy()
        verify_all(ledger)
        assert before[:2] == (ledger.executed, ledger.checked)
        assert np.array_equal(before[2], ledger.replicas)


def test_what_the_caller_takes_back_frees_verifiers():
    """Verifications follow when executed requests are taken back from outside."""
    for seed in range(60):
        ledger = loaded(seed)
        if ledger is None:
            continue
        execute_at_random(ledger, np.random.default_rng(seed))
        verify_all(ledger)
        for (g, n), count in list(ledger.executed.items()):
            ledger.execute(g, n, -((count + 1) // 2))
        verify_all(ledger)
        forced = np.isinf(ledger.q.penalty) & (ledger.left > 0)
        assert broken(ledger) <= ({1} if forced.any() else set()), seed


def attested(nodes, count=4, **policy):
    """Jobs of 1 s that any node can run, each attested in 10 core-seconds."""
    policy = {"name": "p", "mode": "attestation", "verification_core_s": 10, **policy}
    compiled = compiled_of(
        nodes=nodes,
        policies=[policy],
        requests=[{"name": "g", "policy": "p", "count": count, "penalty": 1}],
        pairs=[{"request": "g", "node": node["name"], "work_s": 1} for node in nodes],
    )
    return Ledger(compiled)


def node(name, **fields):
    """A node that runs and verifies."""
    roles = ["inference", "verification"]
    return {"name": name, "roles": roles, "accelerators": 1, "verification_cores": 1, **fields}


def checked(ledger):
    """Verifications done, by node."""
    return {n: count for (_, n), count in sorted(ledger.checked.items()) if count}


def test_the_executor_does_not_verify_itself():
    """With one executor, the other node verifies."""
    ledger = attested([node("a"), node("b")])
    ledger.execute(0, 0, 4)
    verify_all(ledger)
    assert checked(ledger) == {1: 4}


def test_without_independence_the_engaged_node_verifies():
    """Where anyone may verify, no other node is engaged for it."""
    nodes = [node("a"), node("b", engaged_cost_per_hour=1)]
    ledger = attested(nodes, independence="none")
    ledger.execute(0, 0, 4)
    verify_all(ledger)
    assert checked(ledger) == {0: 4}


def test_cheaper_cores_come_first():
    """Of two idle verifiers the one with the cheaper cores does it, as far as they go."""
    nodes = [
        node("a"),
        node("dear", verification_cost_per_core_hour=2),
        node("cheap", verification_cost_per_core_hour=1),
    ]
    ledger = attested(nodes, count=12)
    ledger.execute(0, 0, 12)
    verify_all(ledger)
    assert checked(ledger) == {1: 2, 2: 10}


def test_short_verifiers_take_requests_back():
    """Ten attestations fit the other node's core, so ten requests remain."""
    ledger = attested([node("a"), node("b")], count=30)
    ledger.execute(0, 0, 30)
    verify_all(ledger)
    assert ledger.left.tolist() == [20]
    assert checked(ledger) == {1: 10}


def test_executions_that_block_verification_go():
    """Where one node alone can verify, what it executes itself is taken back, the rest is not."""
    nodes = [node("a"), node("b", roles=["inference"])]
    ledger = attested(nodes, count=6)
    ledger.execute(0, 0, 3)
    ledger.execute(0, 1, 3)
    verify_all(ledger)
    assert ledger.executed == {(0, 0): 0, (0, 1): 3}


def reexecuted(penalty, loaded=None):
    """A model with a replica on one node; the other could load it to re-execute."""
    accelerator = {"accelerator": "A", "memory_gb": 10, "accelerator_cost_per_hour": 3600}
    compiled = compiled_of(
        nodes=[
            {
                **node("a", **accelerator, storage_gb=10, hosted=["m"], loaded={"m": 1}),
                "roles": ["hosting", "inference"],
            },
            node("b", **accelerator, loaded=loaded or {}),
        ],
        models=[{"name": "m", "weights_gb": 10, "memory_gb": 10}],
        profiles=[
            {
                "model": "m",
                "accelerator": "A",
                "prefill_tokens_per_s": 1,
                "decode_tokens_per_s": 1,
            }
        ],
        policies=[{"name": "p", "mode": "reexecution"}],
        requests=[
            {"name": "g", "model": "m", "policy": "p", "count": 5, "input_tokens": 1}
            | ({} if penalty is None else {"penalty": penalty})
        ],
    )
    ledger = Ledger(compiled)
    assert plan_hosting(ledger)
    ledger.open(0, 0)
    ledger.execute(0, 0, 5)
    return ledger


@pytest.mark.parametrize(
    ("penalty", "loaded", "opened"),
    [(1.0, None, 0), (9.0, None, 1), (None, None, 1), (1.5, {"m": 1}, 1)],
)
def test_a_replica_is_opened_where_it_pays(penalty, loaded, opened):
    """Loading costs 10 $ and re-executing 1 $ each; that is worth it for 5 requests of 9 $."""
    ledger = reexecuted(penalty, loaded)
    verify_all(ledger)
    assert ledger.replicas[0, 1] == opened
    assert ledger.left.tolist() == [0 if opened else 5]
    assert broken(ledger) == set()
