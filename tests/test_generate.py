"""Generated instances are what their presets say, and the same for the same seed."""

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from functools import cache

import numpy as np
import pytest
from fluid import fluid_optimum

from placement.errors import InputError
from placement.generate import PRESETS, generate
from placement.generate.scenarios import SCENARIOS
from placement.generate.shape import SHAPES
from placement.instance import (
    Instance,
    Limits,
    Model,
    Network,
    Node,
    Operator,
    Pair,
    Policy,
    Profile,
    Region,
    Request,
)
from placement.quantities import Quantities

drawn = cache(generate)
SMALL_HASH = "f12073f71a26dc8188ee5eae594e856e6da441d51de315a3bb0cb2e3101bd80c"
SIZES = {
    "small": (12, 4, 3, 5, 20, 2_400),
    "medium": (60, 10, 5, 15, 150, 12_000),
    "large": (300, 30, 8, 40, 900, 60_000),
}


@cache
def quantities(preset, seed=0):
    """The quantities of a preset, computed once."""
    return Quantities(drawn(preset, seed))


def digest(instance):
    """A hash of everything the instance says, however it is written."""
    text = json.dumps(instance.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def able(q):
    """Which class [row] can run on which node [column]."""
    return q.can_run(np.arange(q.n_classes)[:, None], np.arange(q.n_nodes)[None, :])


# --- what presets promise ----------------------------------------------------------------------


def test_presets_are_those_with_a_shape_and_three_of_their_own():
    """No preset is described but not made, or made but not described."""
    assert set(PRESETS) == {*SHAPES, *SCENARIOS, "tiny", "routing", "routing-unaggregated"}


@pytest.mark.parametrize("preset", SIZES)
def test_sizes_are_those_promised(preset):
    """Nodes, operators, regions, models, classes and requests are as many as promised."""
    instance = drawn(preset)
    tables = ("nodes", "operators", "regions", "models", "requests")
    found = [len(getattr(instance, table)) for table in tables]
    assert (*found, sum(row.count for row in instance.requests)) == SIZES[preset]


def test_an_unknown_preset_is_named_with_those_there_are():
    """The error tells what was asked for and what there is."""
    with pytest.raises(InputError, match=r"no preset 'smal'.*small"):
        generate("smal")


def test_a_negative_seed_is_refused():
    """Seeds start at zero."""
    with pytest.raises(InputError, match="-1"):
        generate("tiny", seed=-1)


# --- the same for the same seed ----------------------------------------------------------------


def test_small_is_the_same_as_ever():
    """The instance of seed 0 never changes unnoticed: best known objectives hang on it."""
    assert digest(drawn("small")) == SMALL_HASH


@pytest.mark.parametrize("preset", ["tiny", "medium", "long-tail"])
def test_seeds_tell_instances_apart(preset):
    """Equal seeds give equal instances, other seeds others."""
    assert generate(preset, 3) == generate(preset, 3)
    assert digest(generate(preset, 3)) != digest(generate(preset, 4))


def test_the_hash_seed_of_the_interpreter_does_not_matter():
    """No draw follows the order of a set."""
    code = (
        "import sys; from placement.generate import generate;"
        "sys.stdout.write(generate('tiny', 5).to_json() + generate('small', 5).to_json())"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(texts) == 1


# --- ordinary presets are hard for the right reasons -------------------------------------------


@pytest.mark.parametrize("preset", SIZES)
def test_every_class_has_a_node_and_few_have_all(preset):
    """Hardware, trust, place and deadlines each rule out pairs, but never all of a class."""
    allowed = able(quantities(preset))
    assert allowed.any(axis=1).all()
    assert 0.3 < allowed.mean() < 0.7


@pytest.mark.parametrize("preset", ["small", "medium"])
def test_hardware_is_neither_short_nor_plentiful(preset):
    """Nearly all demand could be served if replicas were free, but not twice as much."""
    instance = drawn(preset)
    double = [row.model_copy(update={"count": 2 * row.count}) for row in instance.requests]
    assert fluid_optimum(instance).served_value > 0.97
    assert fluid_optimum(instance.replace(requests=double)).served_value < 0.95


@pytest.mark.parametrize("preset", SIZES)
def test_all_models_can_be_stored(preset):
    """The rule that each model lies in `min_hosts` control groups can be met."""
    q = quantities(preset)
    room = q.storage_gb.copy()
    for m in np.argsort(-q.weights_gb):
        groups = set()
        for n in np.argsort(-room):
            group = int(q.node_group[n])
            if group not in groups and q.hosts[n] and room[n] >= q.weights_gb[m]:
                groups.add(group)
                room[n] -= q.weights_gb[m]
            if len(groups) == q.min_hosts[m]:
                break
        assert len(groups) == q.min_hosts[m]


@pytest.mark.parametrize("preset", [*SIZES, *SCENARIOS])
def test_the_current_state_fits(preset):
    """What is stored and loaded now keeps to storage, memory, roles and accelerators."""
    q = quantities(preset)
    assert (q.weights_gb @ q.hosted <= q.storage_gb).all()
    assert not q.hosted[:, ~q.hosts].any()
    assert (q.replica_gb @ q.loaded <= q.memory_gb + 1e-9).all()
    assert q.can_hold(*np.nonzero(q.loaded)).all()
    assert q.loaded.any()
    assert q.hosted.any()


def test_medium_has_every_mode_and_kind_of_term():
    """Four verification modes, deadlines, jurisdictions, must-serve classes, caps and groups."""
    instance = drawn("medium")
    modes = {policy.name: policy.mode for policy in instance.policies}
    used = Counter(modes[row.policy] for row in instance.requests)
    assert set(used) == {"none", "attestation", "reexecution", "proof"}
    assert 0.4 < used["attestation"] / 150 < 0.65
    assert any(row.sample < 1 for row in instance.policies)
    assert any(row.max_ttft_ms for row in instance.requests)
    assert any(row.jurisdictions for row in instance.requests)
    assert any(row.penalty is None for row in instance.requests)
    assert any(row.control_group for row in instance.operators)
    assert min(row.max_share for row in instance.operators) <= 1 / 3
    assert {row.min_hosts for row in instance.models} == {1, 2}


@pytest.mark.parametrize("preset", SIZES)
def test_must_serve_classes_are_easy(preset):
    """They are few, unverified, and a third of the nodes can run them."""
    q = quantities(preset)
    must = np.isinf(q.penalty)
    assert must.any()
    assert q.count[must].sum() <= 0.04 * q.total_count
    assert (q.verifiers[must] == 0).all()
    assert (able(q)[must].mean(axis=1) > 1 / 3).all()


def test_requests_are_whole_but_not_too_large():
    """No request takes more than a quarter of a replica's window on the node best for it."""
    q = quantities("large")
    g = np.arange(q.n_classes)[:, None]
    n = np.arange(q.n_nodes)[None, :]
    share = np.where(able(q), q.work_s(g, n) / q.replica_s(q.class_model[:, None], n), np.inf)
    assert share.min(axis=1).max() < 0.25
    assert share.min(axis=1).mean() > 1e-4


def test_trusted_hardware_is_hopper_or_blackwell():
    """A100 and consumer cards cannot attest, three nodes in ten can."""
    trusted = [node for node in drawn("large").nodes if "nvidia-cc" in node.tee]
    assert {node.accelerator for node in trusted} == {"h100", "h200", "b200", "rtx-pro-6000"}
    assert len(trusted) == 90


def test_prices_differ_by_operator_and_not_by_node():
    """One factor an operator: the same type costs the same on all its plain nodes."""
    prices = {}
    for node in drawn("large").nodes:
        if node.operator and node.accelerator and "nvidia-cc" not in node.tee:
            key = node.operator, node.accelerator
            prices.setdefault(key, set()).add(node.accelerator_cost_per_hour)
    assert all(len(found) == 1 for found in prices.values())
    h100 = [price for (_, kind), found in prices.items() if kind == "a100" for price in found]
    assert max(h100) > 2 * min(h100)


# --- scenarios -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("preset", "cause"),
    [
        ("tee-scarce", "tee"),
        ("eu-only", "place"),
        ("dominant-operator", "share"),
        ("verifier-scarce", "verification"),
    ],
)
@pytest.mark.parametrize("seed", [0, 1])
def test_only_the_planted_cause_leaves_compute_idle(preset, cause, seed):
    """Without the planted constraints a fifth more of the compute is used; others hardly matter."""
    instance = drawn(preset, seed)
    idle = fluid_optimum(instance).idle
    for relaxed in ("tee", "place", "share", "verification"):
        gained = idle - fluid_optimum(instance, relaxed).idle
        assert gained > 0.2 if relaxed == cause else gained < 0.03, relaxed


@pytest.mark.parametrize("seed", [0, 1])
def test_long_tail_has_more_models_than_memory(seed):
    """Half of the models find room in memory, and these leave a quarter of the compute idle."""
    q = quantities("long-tail", seed)
    m, n = np.arange(q.n_models), np.arange(q.n_nodes)
    slots = int(q.max_replicas(m[:, None], n).max(axis=0).sum())
    assert slots <= q.n_models / 2
    work = np.bincount(q.class_model, q.count * q.work_s(np.arange(q.n_classes), np.array(0)))
    assert 0.9 < work.sum() / q.capacity_s.sum() < 1.1
    replica_s = q.capacity_s.max()
    used = [min(replica_s, left) for total in work for left in np.arange(total, 0, -replica_s)]
    assert sum(sorted(used)[-slots:]) < 0.75 * q.capacity_s.sum()


@pytest.mark.parametrize("preset", ["flash-crowd", "node-loss"])
@pytest.mark.parametrize("seed", [0, 1])
def test_capacity_is_short(preset, seed):
    """A quarter of the revenue is lost though nothing idles."""
    found = fluid_optimum(drawn(preset, seed))
    assert found.idle < 0.03
    assert found.served_value < 0.85


def test_node_loss_leaves_no_node_in_the_lost_region():
    """Users stay, nodes and what they stored do not."""
    instance = drawn("node-loss")
    assert "us-east-1" not in {node.region for node in instance.nodes}
    assert "us-east-1" in {row.region for row in instance.requests}


@pytest.mark.parametrize("seed", [0, 1])
def test_over_supplied_serves_all_and_idles(seed):
    """All demand is served and most of the compute idles."""
    found = fluid_optimum(drawn("over-supplied", seed))
    assert found.served_value > 0.999
    assert found.idle > 0.6


# --- routing -----------------------------------------------------------------------------------


def test_routing_is_a_pure_flow():
    """Nothing may change but the routes, and what a node can run takes the same work there."""
    instance = drawn("routing")
    assert instance.limits.max_new_replicas == 0
    assert instance.limits.max_transfer_gb == 0
    assert all(len(node.loaded) == 1 and node.hosted == (*node.loaded,) for node in instance.nodes)
    assert {node.engaged_cost_per_hour for node in instance.nodes} == {0}
    assert {node.storage_cost_per_gb_hour for node in instance.nodes} == {0}
    assert {model.name for model in instance.models} == {
        m for n in instance.nodes for m in n.hosted
    }
    lengths = {(row.model, row.input_tokens, row.output_tokens) for row in instance.requests}
    assert len(lengths) == len(instance.models)
    assert {row.mode for row in instance.policies} == {"none"}
    assert {row.executor_overhead for row in instance.policies} == {1}


def test_routing_one_by_one_is_the_same_demand():
    """The classes of one request add up to those of many."""
    together, alone = drawn("routing"), generate("routing-unaggregated")
    assert together.nodes == alone.nodes
    assert len(alone.requests) == 150_000

    def who(row):
        return row.model, row.region, row.policy, row.jurisdictions, row.penalty, row.max_ttft_ms

    counts = Counter()
    for row in together.requests:
        counts[who(row)] += row.count
    assert counts == Counter(map(who, alone.requests))


# --- tiny ----------------------------------------------------------------------------------------


def test_tiny_instances_are_tiny():
    """At most four nodes, two models, five classes and three requests a class."""
    for seed in range(100):
        instance = generate("tiny", seed)
        assert len(instance.nodes) <= 4
        assert len(instance.models) <= 2
        assert len(instance.requests) <= 5
        assert max(row.count for row in instance.requests) <= 3


def test_tiny_instances_use_all_of_the_format():
    """Among 100 seeds, every optional field takes a value other than its default."""
    used = {}
    for seed in range(100):
        for table, value in generate("tiny", seed).to_dict().items():
            rows = value if isinstance(value, list) else [value]
            fields = {field for row in rows if isinstance(row, dict) for field in row}
            used[table] = used.get(table, set()) | fields
    rows = (Region, Network, Operator, Node, Model, Profile, Policy, Request, Limits, Pair)
    tables = [field for field in Instance.model_fields if isinstance(used.get(field), set)]
    tables = [field for field in tables if used[field]]
    assert {row: used[table] for row, table in zip(rows, tables, strict=True)} == {
        row: set(row.model_fields) for row in rows
    }


def test_tiny_instances_use_every_policy():
    """Four modes, sampling and all kinds of independence are asked for."""
    asked = {row.policy for seed in range(100) for row in generate("tiny", seed).requests}
    policies = {row.name for row in drawn("tiny", 0).policies}
    assert policies <= asked
