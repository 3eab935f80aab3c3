"""The command line from outside: streams, files, exit codes and what is said."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import cli_samples as samples
import jsonschema
import pytest
from interrupts import heed_interrupts

from placement.cli.codes import MEANINGS, ExitCode
from placement.cli.solver import ENGINES, METHODS
from placement.instance import Instance
from placement.solution import Solution

COMMAND = Path(sys.executable).with_name("placement")


def run(*arguments, stdin=""):
    """Run the installed command; standard input and output as text."""
    return subprocess.run(
        [COMMAND, *map(str, arguments)], input=stdin, capture_output=True, text=True, check=False
    )


@pytest.fixture
def problem(tmp_path):
    """The sample instance as a file: 2 nodes, 2 classes, everything optional in play."""
    return samples.write(tmp_path / "instance.json", samples.INSTANCE)


@pytest.fixture
def answer(tmp_path):
    """A feasible solution of it, written by hand, that tells the truth."""
    return samples.write(tmp_path / "answer.json", samples.SOLUTION)


def infeasible():
    """The sample with a request that must be served and that no node can run."""
    document = samples.instance()
    document["requests"][0]["penalty"] = None
    document["nodes"][0]["tee"] = []
    return document


# --- solve -----------------------------------------------------------------------------------


def test_solve_writes_the_solution_and_nothing_else_to_stdout(problem, tmp_path):
    """-o FILE leaves standard output empty; one line on standard error says how it went."""
    output = tmp_path / "out.json"
    done = run("solve", problem, "-o", output, "--time-limit", "20")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.count("\n") == 1
    assert Solution.load(output).objective is not None


def test_solve_in_pieces(problem):
    """Worker processes of its own, the same document."""
    done = run("solve", problem, "--json", "--pieces", "2", "--time-limit", "8")
    assert done.returncode == 0
    assert Solution.from_json(done.stdout).method == "pieces of auto"


def test_options_that_mean_nothing_to_pieces_are_refused(problem):
    """One sentence, and no search."""
    done = run("solve", problem, "--pieces", "2", "--engine", "scip")
    assert done.returncode == ExitCode.BAD_INPUT
    assert "--engine cannot be used with --pieces or --cluster" in done.stderr


@pytest.mark.parametrize("arguments", [["--json"], ["-o", "-"], ["--json", "-o", "-"]])
def test_solve_writes_one_document_to_stdout(problem, arguments):
    """--json and -o - mean the same; both together do not write it twice."""
    done = run("solve", problem, "--method", "greedy", *arguments)
    assert done.returncode == 0
    assert Solution.from_json(done.stdout).instance == "sample"


def test_solve_reads_stdin(problem):
    """- is standard input."""
    done = run("solve", "-", "--json", "--method", "greedy", stdin=Path(problem).read_text())
    assert Solution.from_json(done.stdout).instance == "sample"


def test_a_solution_says_how_it_came_about(problem):
    """All fields of section 8 are there, reading time included."""
    done = run("solve", problem, "--json", "--seed", "7", "--method", "greedy")
    document = json.loads(done.stdout)
    assert set(samples.SOLUTION) <= set(document)
    assert (document["method"], document["seed"]) == ("greedy", 7)
    assert document["runtime_s"]["read"] > 0
    assert document["version"]


@pytest.mark.parametrize("method", METHODS)
def test_what_every_method_answers_passes_the_check(problem, method, tmp_path):
    """`check` believes none of them and agrees with all."""
    output = tmp_path / "out.json"
    done = samples.run("solve", problem, "--method", method, "--time-limit", "5", "-o", str(output))
    assert done.exit_code == 0, done.stderr
    checked = samples.run("check", problem, str(output))
    assert checked.exit_code == 0, checked.stderr


def test_proven_infeasible_is_3_and_says_why():
    """The document is written all the same: it holds the reasons."""
    done = run("solve", "-", "--json", "--time-limit", "20", stdin=json.dumps(infeasible()))
    document = Solution.from_json(done.stdout)
    assert done.returncode == ExitCode.INFEASIBLE
    assert document.status == "infeasible"
    assert document.reasons
    assert document.reasons[0].sentence in done.stderr


def test_an_initial_solution_is_no_worse_at_the_end(problem, answer):
    """Starting from an answer never ends above it."""
    done = run("solve", problem, "--initial-solution", answer, "--json", "--time-limit", "10")
    assert Solution.from_json(done.stdout).objective <= samples.SOLUTION["objective"] + 1e-9


def test_equal_seeds_give_equal_decisions(problem):
    """Two runs differ in their runtimes only."""
    documents = [
        json.loads(run("solve", problem, "--json", "--method", "greedy").stdout) for _ in range(2)
    ]
    for document in documents:
        del document["runtime_s"]
    assert documents[0] == documents[1]


def test_interrupting_a_solve_keeps_the_best_so_far(tmp_path):
    """Ctrl-C ends the search, not the answer: pressed as soon as the live line shows a best."""
    problem, output = tmp_path / "medium.json", tmp_path / "answer.json"
    assert run("generate", "medium", "-o", problem).returncode == 0
    arguments = ["solve", problem, "--gap", "0", "--time-limit", "300", "-o", output]
    watcher, terminal = pty.openpty()
    with subprocess.Popen(
        [COMMAND, *arguments], stderr=terminal, preexec_fn=heed_interrupts
    ) as process:
        os.close(terminal)
        seen = ""
        while "best $" not in seen:
            seen += os.read(watcher, 65536).decode(errors="replace")
        process.send_signal(signal.SIGINT)
        seen += _read_all(watcher)
    assert process.returncode == 0, seen
    solution = Solution.load(output)
    assert solution.stopped_by == "interrupted"
    assert solution.objective is not None


# --- check -----------------------------------------------------------------------------------


def test_check_passes_what_is_true(problem, answer):
    """Feasible, and every figure as recomputed: exit code 0."""
    done = run("check", problem, answer, "--json")
    verdict = json.loads(done.stdout)
    assert done.returncode == 0
    assert verdict["feasible"] is True
    assert verdict["violations"] == verdict["untruths"] == []
    assert verdict["objective"] == pytest.approx(samples.SOLUTION["objective"])
    assert sum(verdict["terms"].values()) == pytest.approx(verdict["objective"])
    assert (verdict["certified_bound"], verdict["gap"]) == (None, None)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("objective", 6.6, "objective"),
        ("objective", None, "objective"),
        ("lower_bound", 7.0, "lower_bound"),
        ("gap", 0.5, "gap"),
        ("terms", {"compute": 0.5}, "terms.compute"),
        ("unserved", {"job": 1}, "constraint 1"),
        ("verification", [], "constraint 9"),
        ("hosting", {}, "constraint 8"),
    ],
)
def test_check_refuses_what_is_not(problem, field, value, said):
    """A broken rule or a false figure: exit code 5, and the sentence names it."""
    document = {**samples.SOLUTION, field: value}
    done = samples.run("check", problem, "-", "--json", stdin=json.dumps(document))
    assert done.exit_code == ExitCode.CHECK_FAILED
    assert said in done.stderr
    verdict = json.loads(done.stdout)
    assert verdict["violations"] or verdict["untruths"]
    for violation in verdict["violations"]:
        assert set(violation) == {"constraint", "entities", "amount", "sentence"}


PRICES = {"demand": {"chat": 0.4, "job": 0.1}}


def test_check_recomputes_the_bound_from_the_certificate(problem):
    """No solver and no claim needed: the prices prove it."""
    document = {**samples.SOLUTION, "certificate": PRICES, "lower_bound": None, "gap": None}
    done = samples.run("check", problem, "-", "--json", stdin=json.dumps(document))
    verdict = json.loads(done.stdout)
    assert done.exit_code == 0
    assert 0 < verdict["certified_bound"] < verdict["objective"]
    assert 0 < verdict["gap"] < 1


@pytest.mark.parametrize(("engine", "code"), [(None, ExitCode.CHECK_FAILED), ("highs", 0)])
def test_a_bound_beyond_its_certificate_needs_an_engine(problem, engine, code):
    """Without an engine it is untrue; with one it is the engine's word, and said to be no more."""
    document = {**samples.SOLUTION, "certificate": PRICES, "lower_bound": 6.6, "gap": None}
    text = json.dumps({**document, "engine": engine})
    done = samples.run("check", problem, "-", "--json", stdin=text)
    assert done.exit_code == code
    assert "lower_bound" in json.loads(done.stdout)["unproven"]


# --- show, expand ----------------------------------------------------------------------------


def test_show_knows_the_format(problem, answer):
    """One command for both documents; tables go to standard error."""
    for path in (problem, answer):
        done = run("show", path)
        assert (done.returncode, done.stdout) == (0, "")
        assert "sample" in done.stderr


def test_show_fits_80_columns(problem, answer):
    """No line is longer where the width is not known."""
    for arguments in ((problem,), (answer,), (answer, problem)):
        shown = samples.run("show", *arguments).stderr
        assert max(len(line) for line in shown.splitlines()) <= 80


def test_show_accounts_for_every_accelerator_second(problem, answer):
    """With the instance at hand: serving, loading, reserve and idle sum to the fleet."""
    shown = samples.run("show", answer, problem).stderr
    uses = ("serving", "re-executing", "loading", "reserve", "idle")
    hours = [float(re.search(rf"^{use} +([\d.]+)", shown, re.MULTILINE)[1]) for use in uses]
    assert sum(hours) == pytest.approx(2, abs=0.3)
    assert "reserve" in shown
    assert "10.0 %" in shown


def test_expand_names_executor_and_verifiers_of_every_request(problem, answer, tmp_path):
    """One JSON line for each request, served or not."""
    done = run("expand", problem, answer)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert len(lines) == 105
    output = tmp_path / "lines.jsonl"
    assert run("expand", problem, answer, "-o", output).stdout == ""
    assert output.read_text() == done.stdout


# --- generate, schema ------------------------------------------------------------------------


def test_generate_is_the_same_for_the_same_seed(tmp_path):
    """Equal bytes on standard output and in a file."""
    first = run("generate", "tiny", "--seed", "3")
    run("generate", "tiny", "--seed", "3", "-o", tmp_path / "tiny.json")
    assert first.stdout == (tmp_path / "tiny.json").read_text()
    assert Instance.from_json(first.stdout)


def test_generate_lists_its_presets():
    """A line each, with what it is."""
    listed = run("generate", "--list").stderr.splitlines()
    assert {"tiny", "long-tail", "verifier-scarce"} <= {line.split()[0] for line in listed}


@pytest.mark.parametrize("kind", ["instance", "solution"])
def test_schemas_describe_the_samples(kind):
    """Valid schemas that accept rows, and tables by columns as the readers do."""
    schema = json.loads(run("schema", kind).stdout)
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    document = samples.instance() if kind == "instance" else samples.solution()
    validator.validate(document)
    table = "requests" if kind == "instance" else "inference"
    rows = document[table]
    document[table] = {field: [row.get(field) for row in rows] for field in rows[-1]}
    validator.validate(document)
    assert not validator.is_valid({**document, "colour": "red"})


# --- help, and what goes wrong ---------------------------------------------------------------


def test_help_documents_every_exit_code():
    """Nobody has to read the sources to script it."""
    text = run("--help").stdout
    for code, meaning in MEANINGS.items():
        assert re.search(rf"{code.value} +{re.escape(meaning)}", text)


@pytest.mark.parametrize(
    "command",
    [
        "solve",
        "check",
        "show",
        "expand",
        "generate",
        *(f"import {kind}" for kind in ("trace", "gap", "cflp", "sscflp", "dimacs")),
        "export",
        "flow",
        "schema",
    ],
)
def test_every_command_explains_itself(command):
    """Help exists and ends well."""
    done = samples.run(*command.split(), "--help")
    assert done.exit_code == 0
    assert done.stdout.startswith(f"Usage: placement {command}")


def test_the_choices_are_those_of_the_library():
    """The command line repeats the names so that its help imports nothing; they are the same."""
    from placement import engines, solving

    assert set(METHODS) == set(solving.METHODS)
    assert set(ENGINES) == set(engines.ENGINES)


def test_a_defect_is_confessed_in_one_sentence(problem, monkeypatch):
    """Exit code 1, no traceback, and how to see it."""

    def broken(*_args, **_options):
        raise ZeroDivisionError("of all things")

    monkeypatch.setattr("placement.solving.solve", broken)
    done = samples.run("solve", problem)
    assert done.exit_code == ExitCode.DEFECT
    assert done.stderr.count("\n") == 1
    assert "ZeroDivisionError: of all things" in done.stderr
    assert "--debug" in done.stderr
    debugged = samples.run("--debug", "solve", problem)
    assert isinstance(debugged.exception, ZeroDivisionError)


def test_a_reader_may_stop_reading(problem, answer):
    """`placement expand ... | head` is no error."""
    with subprocess.Popen(
        [COMMAND, "expand", problem, answer], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_a_full_disk_is_one_sentence(problem, answer):
    """What cannot be written is said, and is no defect of ours."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [COMMAND, "expand", problem, answer],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == ExitCode.BAD_INPUT
    assert done.stderr.count("\n") == 1


def test_a_person_sees_tables(problem):
    """On a terminal the answer is shown; standard output stays the document's."""
    watcher, terminal = pty.openpty()
    with subprocess.Popen(
        [COMMAND, "solve", problem, "--method", "greedy", "--json"],
        stdout=subprocess.PIPE, stderr=terminal, text=True,
    ) as process:  # fmt: skip
        os.close(terminal)
        seen = _read_all(watcher)
        document = process.stdout.read()
    assert Solution.from_json(document).method == "greedy"
    for word in ("objective", "lower bound", "gap", "served", "Fleet", "Busiest nodes"):
        assert word in seen


def _read_all(descriptor):
    """Everything a terminal receives until its last writer closes it."""
    parts = []
    while True:
        try:
            part = os.read(descriptor, 65536)
        except OSError:  # how Linux says that nobody writes any more
            part = b""
        if not part:
            os.close(descriptor)
            return b"".join(parts).decode(errors="replace")
        parts.append(part)
