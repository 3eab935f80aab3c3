"""Traces become instances that ask for the same tokens, and bad ones are named by line."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placement.errors import InputError
from placement.formats.trace import read_trace
from placement.generate import generate
from placement.quantities import Quantities

HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens"


def written(path, rows):
    """A trace file of (seconds after the start, input, output)."""
    start = datetime(2023, 11, 16, 18, 15, 46)  # noqa: DTZ001 - as in the public traces
    times = [(start + timedelta(seconds=t)).isoformat(" ", "microseconds") for t, _, _ in rows]
    lines = [f"{time}0,{i},{o}" for time, (_, i, o) in zip(times, rows, strict=True)]
    path.write_text("\n".join([HEADER, *lines]), encoding="utf-8")  # no newline at the end
    return path


@pytest.fixture
def chat(tmp_path):
    """400 requests in 20 minutes, one every 3 seconds, with lengths like a conversation's."""
    rng = np.random.default_rng(7)
    tokens = np.exp(rng.normal([6.6, 5.0], [1.0, 0.9], (400, 2))).astype(int)
    rows = [(3 * k + 0.25, *map(int, row)) for k, row in enumerate(tokens)]
    return written(tmp_path / "chat.csv", rows), rows


def totals(instance):
    """Requests, input tokens and output tokens."""
    rows = instance.requests
    return (
        sum(row.count for row in rows),
        sum(row.count * row.input_tokens for row in rows),
        sum(row.count * row.output_tokens for row in rows),
    )


def sums(rows):
    """The same of the lines of a trace."""
    return len(rows), sum(row[1] for row in rows), sum(row[2] for row in rows)


# --- what is kept --------------------------------------------------------------------------------


def test_requests_and_tokens_are_those_of_the_trace(chat):
    """Buckets and whole mean lengths change no total."""
    path, rows = chat
    instance = read_trace(path)
    assert totals(instance) == sums(rows)
    assert len(instance.requests) > 50


def test_a_window_takes_its_requests_only(chat):
    """From the start on, up to but without the end, and the window of the instance is as long."""
    path, rows = chat
    instance = read_trace(path, start_s=300, window_s=150)
    assert totals(instance) == sums(rows[100:150])
    assert instance.window_s == 150


def test_files_are_merged_by_their_clocks(tmp_path):
    """The window starts at the first request of all files; buckets are cut for each file."""
    short = written(tmp_path / "code.csv", [(100, 2000, 9), (101, 2000, 9), (990, 5, 5)])
    long = written(tmp_path / "chat.csv", [(0, 10, 400), (1, 10, 400), (980, 7, 7)])
    instance = read_trace([short, long], window_s=110, max_classes=40)
    assert totals(instance) == (4, 4020, 818)
    assert {row.output_tokens for row in instance.requests} == {9, 400}


def test_time_zones_are_understood(tmp_path):
    """A stamp without a zone is UTC, as are the public traces."""
    path = tmp_path / "zones.csv"
    path.write_text(
        f"{HEADER}\r\n2024-05-10 00:00:00.009930+00:00,10,1\r\n"
        "2024-05-10 02:00:01+02:00,20,2\r\n2024-05-10 00:00:02,40,4\r\n\r\n",
        encoding="utf-8-sig",
    )
    assert totals(read_trace(path, window_s=1.5)) == (2, 30, 3)
    assert totals(read_trace(path, window_s=3)) == (3, 70, 7)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 900), st.integers(0, 5000), st.integers(0, 500)),
        min_size=1,
        max_size=60,
    ),
    st.integers(1, 4),
    st.integers(0, 99),
)
def test_totals_are_exact_whatever_the_lengths(tmp_path_factory, rows, buckets, seed):
    """Zeros, ties and single requests included; lengths stay whole and classes few."""
    path = written(tmp_path_factory.mktemp("trace") / "any.csv", rows)
    instance = read_trace(path, buckets=buckets, seed=seed, max_classes=40)
    assert totals(instance) == sums(rows)
    assert len(instance.requests) <= 40
    assert all(row.input_tokens == int(row.input_tokens) for row in instance.requests)


def test_lengths_stay_close_to_those_of_the_bucket(tmp_path):
    """Two lengths far apart are never averaged, and rounding moves none by more than a token."""
    rows = [(k, 100 if k % 2 else 4000, 20 if k % 3 else 21) for k in range(300)]
    instance = read_trace(written(tmp_path / "two.csv", rows), buckets=2)
    lengths = {row.input_tokens for row in instance.requests}
    assert all(min(abs(x - 100), abs(x - 4000)) <= 1 for x in lengths)
    assert {row.output_tokens for row in instance.requests} <= {19, 20, 21, 22}


def test_more_buckets_and_classes_keep_more_of_the_lengths(chat):
    """The spread of the lengths grows towards that of the trace."""
    path, rows = chat

    def spread(**options):
        requests = read_trace(path, **options).requests
        lengths = np.repeat([r.input_tokens for r in requests], [r.count for r in requests])
        return lengths.std()

    truth = np.std([row[1] for row in rows])
    coarse, fine = spread(buckets=1, max_classes=10), spread(buckets=6, max_classes=400)
    assert coarse < 0.4 * truth
    assert 0.7 * truth < fine <= truth * 1.001


# --- what is drawn -------------------------------------------------------------------------------


def test_the_same_seed_draws_the_same(chat):
    """Users and fleet hang on the seed alone."""
    path, _ = chat
    assert read_trace(path, seed=3) == read_trace(path, seed=3)
    assert read_trace(path, seed=3).requests != read_trace(path, seed=4).requests


def test_the_fleet_is_that_of_the_preset(chat):
    """Hardware, places, operators and prices are those of the generated instance."""
    path, _ = chat
    instance, preset = read_trace(path, preset="medium", seed=2), generate("medium", seed=2)
    ignored = {"hosted", "loaded"}
    assert [node.model_dump(exclude=ignored) for node in instance.nodes] == [
        node.model_dump(exclude=ignored) for node in preset.nodes
    ]
    assert instance.operators == preset.operators
    assert instance.network == preset.network


def test_streams_differ_in_model_region_and_policy(chat):
    """Popularity and origin are drawn; every class can run somewhere and has a value."""
    path, _ = chat
    instance = read_trace(path, preset="medium", max_classes=300)
    for field in ("model", "region", "policy"):
        assert len({getattr(row, field) for row in instance.requests}) > 2
    q = Quantities(instance)
    able = q.can_run(np.arange(q.n_classes)[:, None], np.arange(q.n_nodes)[None, :])
    assert able.any(axis=1).all()
    assert (q.penalty > 0).all()


@pytest.mark.parametrize("load", [0.3, 0.9])
def test_a_load_repeats_every_request(chat, load):
    """All totals are the same multiple of those of the trace, and the source says which."""
    path, rows = chat
    instance = read_trace(path, load=load, window_s=1200)
    repeats = totals(instance)[0] / len(rows)
    assert repeats == int(repeats)
    assert repeats > 1
    assert totals(instance) == tuple(repeats * x for x in sums(rows))
    assert f"each {int(repeats)} times" in instance.source


def test_demand_grows_with_the_load(chat):
    """Three times the load is three times the requests, to rounding."""
    path, _ = chat
    low, high = (totals(read_trace(path, load=load))[0] for load in (0.3, 0.9))
    assert high == pytest.approx(3 * low, rel=0.02)


# --- what is refused -----------------------------------------------------------------------------

STAMP = "2023-11-16 18:17:03.9799600"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", r"bad\.csv is empty; the first line must be TIMESTAMP,"),
        (f"{STAMP},1,2\n", r"bad\.csv, line 1: the header must be TIMESTAMP,Con"),
        ("time,in,out\n", r"line 1: the header must be"),
        (f"{HEADER}\n", "no requests"),
        (f"{HEADER}\n{STAMP},1,2\n{STAMP},-5,2\n", r"bad\.csv, line 3, column Con.*'-5'"),
        (f"{HEADER}\n{STAMP},1,nan\n", "line 2, column GeneratedTokens.*'nan'"),
        (f"{HEADER}\n{STAMP},inf,1\n", "line 2, column ContextTokens.*'inf'"),
        (f"{HEADER}\n{STAMP},1.5,1\n", "line 2, column ContextTokens.*'1.5'"),
        (f"{HEADER}\n{STAMP},,1\n", "line 2, column ContextTokens.*''"),
        (f"{HEADER}\n{STAMP},many,1\n", "line 2, column ContextTokens.*'many'"),
        (f"{HEADER}\n{STAMP},1,{'9' * 5000}\n", "line 2, column GeneratedTokens.*whole number"),
        (f"{HEADER}\n{STAMP},1,2000000000\n", "from 0 to 1000000000"),
        (f"{HEADER}\n{STAMP},1\n", r"line 2: there must be 3 columns, not 2"),
        (f"{HEADER}\n{STAMP},1,2,3\n", r"line 2: there must be 3 columns, not 4"),
        (f"{HEADER}\nyesterday,1,2\n", "line 2, column TIMESTAMP.*'yesterday'"),
        (f"{HEADER}\n\n{STAMP},1,x\n", "line 3, column GeneratedTokens"),
    ],
)
def test_bad_lines_are_named(tmp_path, text, named):
    """The error names file, line and column, and what would be right."""
    path = tmp_path / "bad.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=named):
        read_trace(path)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    """Neither other encodings nor endless fields end in a traceback."""
    path = tmp_path / "bad.csv"
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(InputError, match="UTF-8"):
        read_trace(path)
    path.write_text(f"{HEADER}\n{'x' * 200_000},1,1\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 2: not CSV"):
        read_trace(path)


def test_a_missing_file_is_named(tmp_path):
    """The error is about the file, not about our code."""
    with pytest.raises(InputError, match=r"cannot read .*nowhere\.csv"):
        read_trace(tmp_path / "nowhere.csv")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"start_s": 5000}, "no request came from 5000 to 8600 s.*last came after 1197 s"),
        ({"window_s": 0}, "window_s must be a positive number"),
        ({"window_s": float("nan")}, "window_s must be a positive number"),
        ({"start_s": -1}, "start_s must be zero or more"),
        ({"buckets": 0}, "buckets must be at least 1"),
        ({"max_classes": 10}, "max_classes must be at least 11 for 1 files"),
        ({"load": 0}, "load must be a positive number"),
        ({"seed": -1}, "seed"),
        ({"preset": "tee-scarce"}, "no fleet 'tee-scarce'; choose one of small"),
    ],
)
def test_bad_arguments_are_named(chat, options, named):
    """The error names the argument and what would be right."""
    with pytest.raises(InputError, match=named):
        read_trace(chat[0], **options)


def test_at_least_one_file():
    """No files are no demand."""
    with pytest.raises(InputError, match="at least one trace"):
        read_trace([])
