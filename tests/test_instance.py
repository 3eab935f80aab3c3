"""The domain model: what an instance holds, what it refuses, and how it is written and read."""

import copy
import json
import time

import pytest
from oracle.facts import LIMITS, MODEL, NODE, POLICY, REQUEST
from oracle.tiny import tiny_instance
from pydantic import ValidationError
from test_oracle_judge import INSTANCE, changed

from placement import Instance, InvalidInstance
from placement.instance import MAX_AMOUNT

SMALLEST = {
    "name": "smallest",
    "window_s": 60,
    "nodes": [{"name": "a"}],
    "models": [{"name": "m", "weights_gb": 1, "memory_gb": 2}],
    "policies": [{"name": "p"}],
    "operators": [{"name": "o"}],
    "regions": [{"name": "r"}],
    "requests": [{"name": "g", "model": "m", "count": 1}],
}
"""One row in every table that has a name, with nothing in it that could be left out."""


def spoilt(*changes):
    """The instance by hand as a dict, with some fields changed."""
    return changed(*((f"instance.{path}", value) for path, value in changes))[0]


# --- reading and writing ----------------------------------------------------------------------


def test_what_is_written_is_read_again():
    """Through a dict and through JSON, bytes or text; equal instances are equal bytes."""
    for seed in range(100):
        instance = Instance.from_dict(tiny_instance(seed))
        assert Instance.from_dict(instance.to_dict()) == instance
        text = instance.to_json()
        for form in (text, text.encode(), "\ufeff".encode() + text.encode()):
            assert Instance.from_json(form) == instance
        assert Instance.from_json(text).to_json() == text


def test_files_hold_one_line_of_json(tmp_path):
    """`save` and `load` are inverse; letters of any script stay readable."""
    instance = Instance.from_dict({**SMALLEST, "name": "größte Übung"})
    instance.save(tmp_path / "instance.json")
    text = (tmp_path / "instance.json").read_text(encoding="utf-8")
    assert text.count("\n") == 1
    assert "größte" in text
    assert Instance.load(tmp_path / "instance.json") == instance


def test_defaults_are_left_out():
    """What nobody said is not written, save the format and the tables that must be there."""
    assert Instance.from_dict(SMALLEST).to_dict() == {"format": "placement-instance/1", **SMALLEST}
    empty = Instance.from_dict({"name": "empty", "window_s": 1, "nodes": [], "requests": []})
    assert empty.to_dict()["nodes"] == empty.to_dict()["requests"] == []


@pytest.mark.parametrize(
    ("table", "defaults"),
    [
        ("nodes", {**NODE, "roles": []}),
        ("models", MODEL),
        ("policies", POLICY),
        ("requests", {**REQUEST, "model": "m"}),
        ("operators", {"control_group": None, "max_share": 1}),
        ("regions", {"jurisdiction": ""}),
    ],
)
def test_defaults_are_those_of_the_formulation(table, defaults):
    """Field by field, as the oracle read them from the page."""
    row = getattr(Instance.from_dict(SMALLEST), table)[0].model_dump(mode="json")
    assert {key: row[key] for key in defaults} == defaults


def test_the_rest_may_be_left_out():
    """The instance's own fields have the defaults of the page, too."""
    instance = Instance.from_dict(SMALLEST)
    assert (instance.format, instance.source) == ("placement-instance/1", "")
    assert instance.network.latency_ms == ()
    assert instance.network.transfer_cost_per_gb == 0
    assert instance.limits.model_dump() == LIMITS
    assert instance.profiles == instance.pairs == ()


@pytest.mark.parametrize(("mode", "verifiers"), [("none", 0), ("attestation", 1), ("proof", 1)])
def test_verifiers_left_out_depend_on_the_mode(mode, verifiers):
    """None for mode none, else one."""
    instance = Instance.from_dict({**SMALLEST, "policies": [{"name": "p", "mode": mode}]})
    assert instance.policies[0].verifiers is None
    assert instance.policies[0].verifier_count == verifiers


def test_tables_may_be_written_by_columns():
    """Every table of rows, with the same meaning."""
    rows = {**SMALLEST, "pairs": [{"request": "g", "node": "a", "cost": 1, "work_s": 2}]}
    columns = {
        key: {field: [row[field] for row in value] for field in value[0]}
        if isinstance(value, list)
        else value
        for key, value in rows.items()
    }
    assert Instance.from_dict(columns) == Instance.from_dict(rows)


def test_a_large_instance_is_read_in_seconds():
    """10,000 nodes and 20,000 classes by columns, from JSON text."""
    nodes, classes = 10_000, 20_000
    document = {
        "name": "large", "window_s": 3600,
        "regions": [{"name": "r"}],
        "models": [{"name": "m", "weights_gb": 1, "memory_gb": 2}],
        "nodes": {
            "name": [f"n{i}" for i in range(nodes)],
            "region": ["r"] * nodes,
            "roles": [["inference"]] * nodes,
            "accelerators": [8] * nodes,
            "loaded": [{"m": 1}] * nodes,
        },
        "requests": {
            "name": [f"g{i}" for i in range(classes)],
            "model": ["m"] * classes,
            "count": [50] * classes,
            "penalty": [0.5] * classes,
        },
    }  # fmt: skip
    text = json.dumps(document)
    begun = time.process_time()
    instance = Instance.from_json(text)
    assert time.process_time() - begun < 3
    assert (len(instance.nodes), len(instance.requests)) == (nodes, classes)


# --- never changed ----------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["name", "nodes", "limits"])
def test_instances_are_frozen(path):
    """Nobody changes an instance that somebody else holds."""
    instance = Instance.from_dict(INSTANCE)
    with pytest.raises(ValidationError, match="frozen"):
        setattr(instance, path, None)
    with pytest.raises(ValidationError, match="frozen"):
        instance.nodes[0].memory_gb = 1.0


def test_reading_leaves_the_data_alone():
    """A dict is as it was after an instance was made of it."""
    before = copy.deepcopy(INSTANCE)
    Instance.from_dict(INSTANCE)
    assert before == INSTANCE


def test_replace_makes_a_changed_copy():
    """Fields may be given as rows of an instance or as plain data; the original stays."""
    instance = Instance.from_dict(INSTANCE)
    changed_copy = instance.replace(
        name="other", nodes=(*instance.nodes, {"name": "new", "roles": ["inference"]})
    )
    assert changed_copy.name == "other"
    assert [node.name for node in changed_copy.nodes] == ["a", "b", "c", "new"]
    assert instance == Instance.from_dict(INSTANCE)


def test_replace_is_validated():
    """A change that breaks a reference is refused."""
    instance = Instance.from_dict(INSTANCE)
    with pytest.raises(InvalidInstance, match=r"`requests\[0\].model`"):
        instance.replace(models=[], profiles=[], nodes=[{"name": n} for n in "ab"])


# --- refused ----------------------------------------------------------------------------------

REFUSED = {
    "no name": ([("name", None)], "`name` is missing."),
    "no count": ([("requests.g.count", None)], '`requests[0].count` of "g" is missing.'),
    "unknown": ([("nodes.a.colour", "red")], '`nodes[0].colour` of "a" is not a field'),
    "negative": ([("nodes.b.memory_gb", -1)], '`nodes[1].memory_gb` of "b" should be greater'),
    "nan": ([("nodes.a.memory_gb", float("nan"))], "`nodes[0].memory_gb`"),
    "infinite": ([("window_s", float("inf"))], "`window_s`"),
    "no window": ([("window_s", 0)], "`window_s` should be greater than 0, got 0."),
    "huge": ([("window_s", 10 * MAX_AMOUNT)], "`window_s` should be less than"),
    "text for a number": ([("window_s", "60")], '`window_s` should be a number, got "60".'),
    "true for a number": ([("window_s", True)], "`window_s`"),
    "number for text": ([("name", 7)], "`name` should be a string, got 7."),
    "half a request": ([("requests.g.count", 0.5)], '`requests[0].count` of "g"'),
    "no request": ([("requests.g.count", 0)], '`requests[0].count` of "g"'),
    "empty name": ([("nodes.a.name", "")], "`nodes[0].name`"),
    "share above one": ([("operators.0.max_share", 1.1)], '`operators[0].max_share` of "alpha"'),
    "no sample": ([("policies.again.sample", 0)], '`policies[0].sample` of "again"'),
    "mode": ([("policies.again.mode", "trust")], "'none', 'attestation', 'proof' or 'reexecution'"),
    "role": ([("nodes.a.roles", ["king"])], '`nodes[0].roles[0]` of "a"'),
    "role twice": ([("nodes.a.roles", ["hosting"] * 2)], "`nodes[0].roles[1]` of 'a' repeats"),
    "name twice": ([("nodes.b.name", "a")], "`nodes[1]` repeats the name 'a'"),
    "profile twice": ([("profiles", INSTANCE["profiles"] * 2)], "`profiles[1]` repeats"),
    "pair twice": ([("pairs", INSTANCE["pairs"] * 2)], "`pairs[1]` repeats"),
    "dangling operator": ([("nodes.a.operator", "zoe")], "`nodes[0].operator` of 'a' names 'zoe'"),
    "dangling region": ([("nodes.a.region", "mars")], "`nodes[0].region` of 'a' names 'mars'"),
    "dangling hosted": ([("nodes.a.hosted", ["x"])], "`nodes[0].hosted` of 'a' names 'x'"),
    "dangling loaded": ([("nodes.a.loaded", {"x": 1})], "`nodes[0].loaded` of 'a' names 'x'"),
    "dangling origin": ([("models.m.origin", "mars")], "`models[0].origin` of 'm' names 'mars'"),
    "dangling profile": ([("profiles.0.model", "x")], "`profiles[0].model` names 'x'"),
    "dangling model": ([("requests.g.model", "x")], "`requests[0].model` of 'g' names 'x'"),
    "dangling from": ([("requests.g.region", "x")], "`requests[0].region` of 'g' names 'x'"),
    "dangling policy": ([("requests.g.policy", "x")], "`requests[0].policy` of 'g' names 'x'"),
    "dangling request": ([("pairs.0.request", "x")], "`pairs[0].request` names 'x'"),
    "dangling node": ([("pairs.0.node", "x")], "`pairs[0].node` names 'x'"),
    "latencies": ([("network.latency_ms", [[0]])], "`network.latency_ms` must be a 2 x 2 matrix"),
    "transfers": (
        [("network.transfer_cost_per_gb", [[0, 1], [2]])],
        "`network.transfer_cost_per_gb` must be a 2 x 2 matrix",
    ),
    "verifiers of none": (
        [("policies.again.mode", "none"), ("policies.again.verifiers", 1)],
        "`policies[0].verifiers` of 'again' must be 0 where mode is none, got 1.",
    ),
    "a job without pairs": ([("pairs", [])], "`requests[1].model` of 'job' is null"),
    "a pair without work": (
        [("pairs", [{"request": "job", "node": "b", "work_s": 1}, {"request": "g", "node": "c"}])],
        "`pairs[1].work_s` of request 'g' on node 'c' is missing",
    ),
    "format": ([("format", "placement-instance/2")], "`format`"),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_named_in_one_sentence(changes, sentence):
    """Field, entity, and what would be right."""
    with pytest.raises(InvalidInstance) as caught:
        Instance.from_dict(spoilt(*changes))
    said = str(caught.value)
    assert sentence in said
    assert said.endswith(".")
    assert "\n" not in said
    assert len(said) < 300


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "must be an object, not a list"),
        ("null", "must be an object, not null"),
        ('{"name": NaN}', "holds NaN"),
        ('{"name": -Infinity}', "holds -Infinity"),
        ('{"name": "a", "name": "b"}', 'key "name" stands twice'),
        ("[" * 100_000, "nested too deeply"),
        (b"\xff\xfe", "not UTF-8"),
        ('{"name": ' + "9" * 5000 + "}", "not usable JSON"),
    ],
)
def test_text_that_is_no_document_is_refused(text, sentence):
    """Whatever it is, in one sentence."""
    with pytest.raises(InvalidInstance, match=sentence) as caught:
        Instance.from_json(text)
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read_are_refused(tmp_path):
    """A missing file, and a directory."""
    for path in (tmp_path / "nothing.json", tmp_path):
        with pytest.raises(InvalidInstance, match="cannot read"):
            Instance.load(path)


def test_columns_of_unlike_length_are_refused():
    """The shorter one is named."""
    with pytest.raises(InvalidInstance, match="`count` has 1 values but column `name` has 2"):
        Instance.from_dict({**SMALLEST, "requests": {"name": ["a", "b"], "count": [1]}})
