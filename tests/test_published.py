"""Published formats on the command line: read, written, and flows solved as they are."""

import re

import cli_samples as samples
import pytest

from placement.cli.codes import ExitCode
from placement.instance import Instance


def test_import_trace_keeps_every_request(tmp_path):
    """Three calls of a trace become three requests."""
    trace = tmp_path / "calls.csv"
    trace.write_text(
        "TIMESTAMP,ContextTokens,GeneratedTokens\n"
        "2023-11-16 18:17:03.9799600,4808,10\n"
        "2023-11-16 18:17:04.0319600,3180,8\n"
        "2023-11-16 18:17:09.1,110,27\n"
    )
    done = samples.run("import", "trace", str(trace), "--buckets", "1", "--max-classes", "9")
    instance = Instance.from_json(done.stdout)
    assert sum(request.count for request in instance.requests) == 3


def test_import_trace_names_the_line_that_is_wrong(tmp_path):
    """A broken trace is bad input, too."""
    trace = tmp_path / "calls.csv"
    trace.write_text("TIMESTAMP,ContextTokens,GeneratedTokens\nyesterday,1,2\n")
    done = samples.run("import", "trace", str(trace))
    assert done.exit_code == ExitCode.BAD_INPUT
    assert "line 2" in done.stderr
    assert done.stderr.count("\n") == 1


ASSIGNMENT = "2 3  4 1 2  3 5 6  1 2 3  2 2 1  4 3"
LOCATION = "2 2  5 10  4 0  3 6 9  4 8 2.5"
TRANSPORT = "p min 3 2\nn 1 3\nn 2 -2\nn 3 -1\na 1 2 0 9 2\na 1 3 0 9 1\n"


@pytest.mark.parametrize(
    ("kind", "text", "counts"),
    [
        ("gap", ASSIGNMENT, [1, 1, 1]),
        ("cflp", LOCATION, [3, 4]),
        ("sscflp", LOCATION, [1, 1]),
        ("dimacs", TRANSPORT, [3]),
    ],
)
def test_import_reads_published_formats(tmp_path, kind, text, counts):
    """From a file or standard input, to a file or standard output; the file is the name."""
    path, output = tmp_path / "published.txt", tmp_path / "instance.json"
    path.write_text(text)
    done = samples.run("import", kind, str(path), "-o", str(output))
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")
    instance = Instance.load(output)
    assert instance.name == "published"
    assert [request.count for request in instance.requests] == counts
    piped = samples.run("import", kind, "-", stdin=text)
    assert Instance.from_json(piped.stdout).requests == instance.requests


@pytest.mark.parametrize("kind", ["gap", "cflp", "sscflp", "dimacs"])
def test_import_names_the_place_that_is_wrong(kind):
    """Bad input, and one sentence with line and column."""
    done = samples.run("import", kind, "-", stdin="2 3\n4 x\n")
    assert done.exit_code == ExitCode.BAD_INPUT
    assert re.search(r"stdin, line \d, column \d: ", done.stderr)
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("kind", "reader", "text"),
    [("gap", "gap", ASSIGNMENT), ("cflp", "cflp", LOCATION), ("cflp", "sscflp", LOCATION)],
)
def test_export_undoes_import(kind, reader, text):
    """All numbers are what they were."""
    instance = samples.run("import", reader, "-", stdin=text).stdout
    done = samples.run("export", kind, "-", stdin=instance)
    assert (done.exit_code, done.stdout.split()) == (0, text.split())


def test_export_refuses_what_has_no_room(tmp_path):
    """The sentence names a field that the format does not have."""
    problem = samples.write(tmp_path / "instance.json", samples.INSTANCE)
    done = samples.run("export", "gap", problem)
    assert done.exit_code == ExitCode.BAD_INPUT
    assert "no room for `" in done.stderr


def test_flow_writes_the_flow_of_the_challenge(tmp_path):
    """Cost and arcs to standard output or a file; one line to standard error."""
    done = samples.run("flow", "-", stdin=TRANSPORT)
    assert (done.exit_code, done.stdout) == (0, "s 5\nf 1 2 2\nf 1 3 1\n")
    assert done.stderr == "optimal: cost 5, 2 arcs carry flow\n"
    output = tmp_path / "flow.sol"
    assert samples.run("flow", "-", "-o", str(output), stdin=TRANSPORT).stdout == ""
    assert output.read_text() == done.stdout


def test_flow_says_where_there_is_none():
    """Exit code 3 and nothing written."""
    done = samples.run("flow", "-", stdin=TRANSPORT.replace("0 9 2", "0 1 2"))
    assert (done.exit_code, done.stdout) == (ExitCode.INFEASIBLE, "")
    assert "no flow of stdin meets all supplies" in done.stderr
