"""Whatever is wrong with a file: exit code 2, one sentence that names the field, no traceback."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cli_samples as samples
import pytest

Document = dict[str, Any]
Case = tuple[str, str]
"""The text of a broken file, and the field its sentence has to name."""

LIMIT_S = 2.0
"""Seconds of processor time."""
HUGE = 1e300
OVERFLOW = "9.9e999"
REQUIRED = {
    "": ["format", "name", "window_s", "nodes", "requests"],
    "regions": ["name"],
    "operators": ["name"],
    "nodes": ["name"],
    "models": ["name", "weights_gb", "memory_gb"],
    "profiles": ["model", "accelerator", "prefill_tokens_per_s", "decode_tokens_per_s"],
    "policies": ["name"],
    "requests": ["name", "count"],
    "pairs": ["request", "node"],
}
REFERENCES = [
    ("nodes", "operator"),
    ("nodes", "region"),
    ("models", "origin"),
    ("profiles", "model"),
    ("requests", "model"),
    ("requests", "region"),
    ("requests", "policy"),
    ("pairs", "request"),
    ("pairs", "node"),
]
CHOICES = [("policies", "mode"), ("policies", "independence"), ("nodes", "roles")]
TABLES = [table for table in REQUIRED if table]


def _objects(document: Document) -> Iterator[tuple[str, Document]]:
    """Every JSON object of an instance that has fields of its own, with its table's name."""
    yield "", document
    for table in TABLES:
        for row in document[table]:
            yield table, row
    yield "limits", document["limits"]
    yield "network", document["network"]


def _changes(change: Callable[[Document, str], object]) -> Iterator[tuple[str, str]]:
    """The text of the sample for each field of each object, changed in that field alone."""
    shape = [(i, field) for i, (_, row) in enumerate(_objects(samples.INSTANCE)) for field in row]
    for i, field in shape:
        document = samples.instance()
        row = list(_objects(document))[i][1]
        if change(row, field) is not False:
            yield json.dumps(document).replace(f'"{OVERFLOW}"', OVERFLOW), field


def _number(value: object) -> Callable[[Document, str], object]:
    def change(row: Document, field: str) -> object:
        if isinstance(row[field], bool) or not isinstance(row[field], int | float):
            return False
        row[field] = value
        return None

    return change


def _wrong_type(row: Document, field: str) -> None:
    row[field] = 7 if isinstance(row[field], str) else "seven"


def _missing() -> Iterator[Case]:
    for table, fields in REQUIRED.items():
        for field in fields:
            document = samples.instance()
            row = document[table][0] if table else document
            del row[field]
            yield json.dumps(document), field


def _unknown() -> Iterator[Case]:
    for i, (_, row) in enumerate(_objects(samples.INSTANCE)):
        document = samples.instance()
        list(_objects(document))[i][1]["colour"] = next(iter(row))
        yield json.dumps(document), "colour"


def _dangling() -> Iterator[Case]:
    for table, field in REFERENCES:
        document = samples.instance()
        document[table][0][field] = "nobody"
        yield json.dumps(document), "nobody"
    for field, value in (("hosted", ["nobody"]), ("loaded", {"nobody": 1})):
        document = samples.instance()
        document["nodes"][0][field] = value
        yield json.dumps(document), "nobody"


def _unknown_choice() -> Iterator[Case]:
    for table, field in CHOICES:
        document = samples.instance()
        document[table][0][field] = ["magic"] if field == "roles" else "magic"
        yield json.dumps(document), field


def _duplicate() -> Iterator[Case]:
    for table in TABLES:
        document = samples.instance()
        document[table].append(document[table][0])
        yield json.dumps(document), table
    for field in ("tee", "hosted", "roles"):
        document = samples.instance()
        document["nodes"][0][field] *= 2
        yield json.dumps(document), field
    yield json.dumps(samples.INSTANCE).replace('{"format"', '{"name": "again", "format"'), "name"


def _misshapen() -> Iterator[Case]:
    for field in ("latency_ms", "transfer_cost_per_gb"):
        for matrix in ([[0]], [[0, 1]], [[0, 1], [0]], [[0, 1], [0, "x"]]):
            document = samples.instance()
            document["network"][field] = matrix
            yield json.dumps(document), field
    document = samples.instance()
    document["requests"] = {"name": ["a", "b"], "count": [1]}
    yield json.dumps(document), "count"
    document = samples.instance()
    document["format"] = "placement-instance/9"
    yield json.dumps(document), "format"
    document = samples.instance()
    document["pairs"] = []
    yield json.dumps(document), "pairs"


def _truncated() -> Iterator[Case]:
    text = json.dumps(samples.INSTANCE)
    for end in range(1, len(text), len(text) // 25):
        yield text[:end], "JSON"


def _instances() -> Iterator[Case]:
    yield from _missing()
    yield from _unknown()
    yield from _dangling()
    yield from _unknown_choice()
    yield from _duplicate()
    yield from _misshapen()
    yield from _truncated()
    yield from _changes(_wrong_type)
    for value in (-1, float("nan"), float("inf"), HUGE, OVERFLOW, True, None):
        for text, field in _changes(_number(value)):
            not_finite = value in {float("inf"), OVERFLOW} or value != value  # noqa: PLR0124
            if value is None and field in {"max_ttft_ms", "penalty", "work_s", "verifiers"}:
                continue  # null has a meaning there
            if value is None and field in {"max_new_replicas", "max_transfer_gb"}:
                continue
            yield text, "" if not_finite else field


INSTANCES = list(_instances())


def _refused(path: str, *arguments: str) -> str:
    """Run a command that has to refuse `path`, in this process; return its sentence."""
    started = time.process_time()
    result = samples.run(*arguments)
    elapsed = time.process_time() - started
    assert result.exit_code == 2, (result.stderr, result.exception)
    assert elapsed < LIMIT_S
    assert not result.stdout
    sentence = result.stderr
    assert sentence.count("\n") == 1
    assert sentence.endswith(".\n")
    assert path in sentence
    assert len(sentence) < 400 + len(path)
    return sentence


def test_there_are_at_least_200_mutated_instances():
    """The bar that the tests below are about."""
    assert len(INSTANCES) >= 200


@pytest.mark.parametrize("part", range(8))
def test_every_mutated_instance_is_refused_by_name(part, tmp_path):
    """A broken field is named, whatever is wrong with it."""
    path = tmp_path / "instance.json"
    for text, field in INSTANCES[part::8]:
        path.write_text(text, encoding="utf-8")
        assert field in _refused(str(path), "show", str(path))


def test_all_commands_refuse_alike(tmp_path):
    """The sentence does not depend on the command that reads the file."""
    good = samples.write(tmp_path / "good.json", samples.INSTANCE)
    answer = samples.write(tmp_path / "answer.json", samples.SOLUTION)
    document = samples.instance()
    document["nodes"][0]["memory_gb"] = -1
    bad = samples.write(tmp_path / "bad.json", document)
    sentences = {
        _refused(bad, *arguments)
        for arguments in (
            ("show", bad),
            ("solve", bad),
            ("check", bad, answer),
            ("expand", bad, answer),
            ("show", answer, bad),
        )
    }
    assert len(sentences) == 1
    assert samples.run("show", good).exit_code == 0


def _solutions() -> Iterator[Case]:
    for field, value in (
        ("format", "placement-solution/9"),
        ("instance", "another"),
        ("status", "splendid"),
        ("stopped_by", "boredom"),
        ("objective", "cheap"),
        ("objective", float("nan")),
        ("terms", {"compute": None}),
        ("hosting", {"llm": ["nowhere"]}),
        ("hosting", {"nothing": ["alpha"]}),
        ("hosting", {"llm": ["alpha", "alpha"]}),
        ("replicas", [{"model": "llm", "node": "alpha", "count": 0}]),
        ("replicas", [{"model": "llm", "node": "alpha", "count": 1.5}]),
        ("replicas", [{"model": "llm", "node": "nowhere", "count": 1}]),
        ("replicas", [{"model": "llm", "node": "alpha", "count": 1}] * 2),
        ("replicas", [{"model": "llm", "node": "alpha", "count": 10**400}]),
        ("loads", [{"model": "llm", "node": "alpha", "count": 1}]),
        ("inference", [{"request": "chat", "node": "alpha", "count": -90}]),
        ("inference", [{"request": "nothing", "node": "alpha", "count": 90}]),
        ("inference", {"request": ["chat"], "node": []}),
        ("verification", "all"),
        ("unserved", {"chat": "some"}),
        ("unserved", {"nothing": 1}),
        ("certificate", {"demand": {"chat": -1}}),
        ("certificate", {"demand": {"nothing": 1}}),
        ("certificate", {"luck": {"chat": 1}}),
        ("reasons", [{"code": 7}]),
        ("runtime_s", {"solve": -1}),
        ("seed", "none"),
        ("colour", "red"),
    ):
        named = "" if value != value else field  # noqa: PLR0124
        yield json.dumps({**samples.SOLUTION, field: value}), named


def test_mutated_solutions_are_refused(tmp_path):
    """`check` never judges a file it does not understand."""
    good = samples.write(tmp_path / "instance.json", samples.INSTANCE)
    path = tmp_path / "solution.json"
    for text, field in _solutions():
        path.write_text(text, encoding="utf-8")
        assert field in _refused(str(path), "check", good, str(path))


NOT_DOCUMENTS = {
    "empty": b"",
    "blank": b" \n\n",
    "null": b"null",
    "number": b"17",
    "list": b"[]",
    "text": b'"placement-instance/1"',
    "object": b"{}",
    "binary": bytes(range(256)),
    "zeros": bytes(1000),
    "utf-16": json.dumps(samples.INSTANCE).encode("utf-16"),
    "gzip": b"\x1f\x8b\x08\x00" + bytes(100),
    "two documents": json.dumps(samples.INSTANCE).encode() * 2,
    "surrogate": b'{"format": "placement-instance/1", "name": "\\ud800"}',
    "long number": b'{"format": "placement-instance/1", "window_s": ' + b"9" * 5000 + b"}",
}


@pytest.mark.parametrize("kind", NOT_DOCUMENTS)
@pytest.mark.parametrize("command", ["show", "solve"])
def test_files_that_are_no_documents_are_refused(kind, command, tmp_path):
    """Not JSON, not UTF-8, not an object: one sentence each."""
    path = tmp_path / "file"
    path.write_bytes(NOT_DOCUMENTS[kind])
    _refused(str(path), command, str(path))


@pytest.mark.parametrize("command", ["show", "solve"])
def test_paths_that_are_no_files_are_refused(command, tmp_path):
    """A directory, a missing file, a name no file can have."""
    for path in (str(tmp_path), str(tmp_path / "missing.json"), "nul\0byte", "x" * 5000):
        result = samples.run(command, path)
        assert result.exit_code == 2
        assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "opening", ["[", '{"a":', '{"nodes":[', '{"format":"placement-instance/1","nodes":[']
)
def test_a_hundred_megabytes_of_nesting_are_refused_quickly(opening, tmp_path):
    """The reader gives up at a depth that no document needs."""
    path = tmp_path / "deep.json"
    path.write_text(opening * (100_000_000 // len(opening)), encoding="utf-8")
    _refused(str(path), "solve", str(path))


def test_unwritable_outputs_are_refused_before_solving(tmp_path):
    """Nobody waits for a solution that cannot be written."""
    good = samples.write(tmp_path / "instance.json", samples.INSTANCE)
    for output in (str(tmp_path), str(tmp_path / "no" / "such.json")):
        _refused(output, "solve", good, "-o", output)


@pytest.mark.parametrize(
    "arguments",
    [
        ("solve",),
        ("solve", "{good}", "--method", "magic"),
        ("solve", "{good}", "--engine", "magic"),
        ("solve", "{good}", "--time-limit", "nan"),
        ("solve", "{good}", "--time-limit", "-1"),
        ("solve", "{good}", "--gap", "small"),
        ("solve", "{good}", "--threads", "0"),
        ("solve", "{good}", "--seed", "x"),
        ("generate",),
        ("generate", "no-such-preset"),
        ("schema", "placement"),
        ("conjure",),
        ("check", "-", "-"),
    ],
)
def test_bad_options_are_refused(arguments, tmp_path):
    """The command line itself is input too."""
    good = samples.write(tmp_path / "instance.json", samples.INSTANCE)
    result = samples.run(*(part.replace("{good}", good) for part in arguments))
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("text", [case[0] for case in INSTANCES[:: len(INSTANCES) // 8]])
def test_the_process_itself_refuses(text, tmp_path):
    """The same from outside: exit code, one line, in time, start-up included."""
    path = tmp_path / "instance.json"
    path.write_text(text, encoding="utf-8")
    started = samples.children_s()
    done = subprocess.run(
        [Path(sys.executable).with_name("placement"), "solve", path],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert samples.children_s() - started < LIMIT_S
    assert done.returncode == 2
    assert not done.stdout
    assert done.stderr.count("\n") == 1
    assert str(path) in done.stderr
