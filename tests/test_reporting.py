"""report: one page of HTML with everything in it, whoever has named the nodes."""

import re
from collections import Counter
from importlib.util import find_spec
from itertools import pairwise

import numpy as np
import pytest
from cli_samples import run
from pages import Page

from placement import Instance, Solution, analyze, report, solve
from placement.analysis.analyzing import PARTS, Analysis
from placement.cli import files
from placement.errors import InputError
from placement.evaluation import evaluate_placement
from placement.generate import generate
from placement.quantities import Quantities
from placement.reporting import reporter
from placement.reporting.blocks import grid, heat
from placement.reporting.drawing import short
from placement.reporting.fleet import Fleet
from placement.reporting.flows import KEPT, NO_WEIGHTS, UNVERIFIED, flows
from placement.solution import to_placement
from placement.wording import hours

SECTIONS = ["idle", "flows", "nodes", "earnings", "advice", "unserved", "proof"]
HOSTILE = [
    "<script>alerted = 1</script>",
    "</script><script>alerted = 2</script>",
    '"><img src=x onerror=alerted=3>',
    "' onload='alerted=4",
    "$\\frac{1}{2}$ {{ 7 * 7 }} {% raw %}",
    "a very long name " * 20,
    "line\nbreak\tand\x01control",
    "中文 العربية ☃",
]

needs_libraries = pytest.mark.skipif(
    find_spec("jinja2") is None or find_spec("matplotlib") is None,
    reason="matplotlib or Jinja is not installed",
)
pytestmark = needs_libraries


@pytest.fixture(scope="module")
def found():
    """A tiny network of some nodes, its optimal plan, and all parts of the analysis."""
    instance = generate("tiny", seed=4)
    plan = solve(instance, gap=0).solution
    return instance, plan, analyze(instance, plan, time_limit_s=6)


def hostile():
    """The tiny network, everybody in it named to do harm."""
    data = generate("tiny", seed=4).to_dict()
    kinds = ("nodes", "regions", "operators", "models", "policies", "requests")
    names = [row["name"] for kind in kinds for row in data[kind]]
    names += [node["accelerator"] for node in data["nodes"] if node["accelerator"]]
    distinct = list(dict.fromkeys(names))
    renamed = {name: f"{HOSTILE[i % len(HOSTILE)]} {name}" for i, name in enumerate(distinct)}

    def rename(value):
        if isinstance(value, dict):
            return {renamed.get(key, key): rename(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [rename(inner) for inner in value]
        return renamed.get(value, value) if isinstance(value, str) else value

    return Instance.from_dict({**rename(data), "name": HOSTILE[0]})


# --- the page -------------------------------------------------------------------------------------


def test_all_sections_are_there_and_nothing_is_fetched(found):
    """Each section by its anchor; the only addresses are anchors, data and names of formats."""
    page = Page(report(*found))
    assert [attrs["id"] for attrs in page.named("section")] == SECTIONS
    for tag, attrs in page.elements:
        for name in ("src", "href", "xlink:href", "action", "data", "srcset"):
            assert attrs.get(name, "#").startswith(("#", "data:,")), (tag, attrs)
    policies = [a["content"] for a in page.named("meta") if "content" in a and "http-equiv" in a]
    assert policies[0].startswith("default-src 'none'")


def test_the_page_can_be_read_aloud(found):
    """Language, one h1, no level of headings skipped, captions, scopes, charts with words."""
    page = Page(report(*found))
    assert page.named("html") == [{"lang": "en"}]
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h\d", tag)]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert len(page.named("caption")) == len(page.named("table"))
    assert all(attrs.get("scope") in {"col", "row"} for attrs in page.named("th"))
    charts = page.named("svg")
    assert len(charts) >= 6
    assert len(page.named("desc")) == len(charts)
    ids = Counter(attrs["id"] for _, attrs in page.elements if "id" in attrs)
    assert set(ids.values()) == {1}
    for chart in charts:
        assert set(chart["aria-labelledby"].split()) <= set(ids)


def test_equal_input_gives_equal_bytes(found):
    """No date, no chance."""
    assert report(*found) == report(*found)


def test_the_first_sentence_says_it_all(found):
    """Idle time, the next node, and how good the plan is: the figures of judge and certificate."""
    instance, plan, analysis = found
    page = report(*found)
    (sentence,) = re.findall(r'<p class="lead">(.*?)</p>', page)
    q = Quantities(instance)
    loads = evaluate_placement(q, to_placement(q, plan)).loads
    idle = float(np.maximum(q.capacity_s - loads.busy_s, 0).sum()) / 3600
    total = float(q.accelerators.sum()) * q.window_s / 3600
    assert sentence.startswith(f"{hours(idle)} of {hours(total)} accelerator-hours ")
    assert analysis.candidates is not None
    assert "node" in sentence
    assert f"the plan costs ${plan.objective:,.2f}" in sentence
    assert "proven" in sentence


def test_hostile_names_are_names():
    """Nothing that a name says is done; every name is there as it is."""
    instance = hostile()
    plan = solve(instance, gap=0).solution
    page = Page(report(instance, plan, analyze(instance, plan, time_limit_s=3)))
    assert len(page.named("script")) == 2
    assert not page.named("img")
    assert not any(name.startswith("on") for _, attrs in page.elements for name in attrs)
    assert sorted(page.nodes[0]) == sorted(node.name for node in instance.nodes)
    assert page.text("h1") == [HOSTILE[0]]


@pytest.mark.parametrize("part", PARTS)
def test_parts_left_out_are_named(found, part):
    """The page says how to have them, and all else stands."""
    instance, plan, analysis = found
    kept = {name: getattr(analysis, name) for name in PARTS if name != part}
    text = report(instance, plan, Analysis(**kept, plan=analysis.plan))
    assert f"--parts {part}" in text
    assert [attrs["id"] for attrs in Page(text).named("section")] == SECTIONS


def test_nothing_analysed_still_makes_a_page(found):
    """Of an instance and a plan alone: flows, nodes and the proof."""
    instance, plan, _ = found
    text = report(instance, plan, Analysis())
    assert f"${plan.objective:,.2f}" in text
    assert "breaks no rule" in text


def test_a_cheaper_plan_that_was_found_is_what_the_page_is_about(found):
    """The reader is told, and the proof stays that of the plan given."""
    instance, _, analysis = found
    dear = solve(instance, "greedy").solution
    saved = dear.objective - analysis.plan.objective
    text = report(instance, dear, analysis)
    said = "The analysis found a plan that costs"
    assert (said in text) == (saved > 1e-6 * dear.objective)
    worse = analyze(instance, dear, parts=["gains"])
    assert said not in report(instance, dear, worse)


def test_a_plan_that_breaks_a_rule_gets_no_page(found):
    """But one sentence."""
    instance, plan, _ = found
    broken = plan.replace(inference=plan.inference[1:])
    with pytest.raises(InputError, match="the solution is not feasible for instance 'tiny-4'"):
        report(instance, broken, Analysis())


# --- what it is made of ---------------------------------------------------------------------------


def plan_by_hand():
    """Two regions; 6 of 10 requests run on a replica there, 4 on one loaded from the other."""
    node = {
        "roles": ["hosting", "inference", "verification"],
        "accelerator": "a",
        "accelerators": 1,
        "memory_gb": 10,
        "storage_gb": 10,
        "verification_cores": 1,
    }
    instance = {
        "format": "placement-instance/1",
        "name": "two",
        "window_s": 3600,
        "regions": [{"name": "east"}, {"name": "west"}],
        "nodes": [
            {**node, "name": "e", "region": "east", "hosted": ["m"], "loaded": {"m": 1}},
            {**node, "name": "w", "region": "west"},
        ],
        "models": [{"name": "m", "weights_gb": 1, "memory_gb": 1}],
        "profiles": [
            {"model": "m", "accelerator": "a", "prefill_tokens_per_s": 1, "decode_tokens_per_s": 1}
        ],
        "policies": [{"name": "p", "mode": "attestation", "sample": 0.5, "independence": "node"}],
        "requests": [{"name": "g", "model": "m", "policy": "p", "count": 10, "input_tokens": 180}],
    }
    solution = {
        "format": "placement-solution/1",
        "instance": "two",
        "hosting": {"m": ["e"]},
        "replicas": [
            {"model": "m", "node": "e", "count": 1},
            {"model": "m", "node": "w", "count": 1},
        ],
        "loads": [{"model": "m", "node": "w", "source": "e", "count": 1}],
        "inference": [
            {"request": "g", "node": "e", "count": 6},
            {"request": "g", "node": "w", "count": 4},
        ],
        "verification": [
            {"request": "g", "node": "e", "count": 2},
            {"request": "g", "node": "w", "count": 3},
        ],
    }
    return Instance.from_dict(instance), Solution.from_dict(solution)


def test_flows_are_those_made_by_hand():
    """Six in the east on what was there, four in the west on weights from the east."""
    instance, plan = plan_by_hand()
    q = Quantities(instance)
    moved = flows(q, to_placement(q, plan))
    assert moved.places == ("east", "west")
    origins, ends = moved.origins, moved.ends
    assert moved.sources[origins.index("east")].tolist() == [0, 4]
    assert moved.sources[origins.index(KEPT)].tolist() == [6, 0]
    assert moved.sources[origins.index(NO_WEIGHTS)].tolist() == [0, 0]
    assert moved.checks[0, 1] == 3  # executed in the east, verified in the west
    assert moved.checks[1, 0] == 2
    assert moved.checks[:, ends.index(UNVERIFIED)].tolist() == [3, 2]


@pytest.mark.parametrize("seed", range(12))
def test_flows_hold_every_request_once(seed):
    """Both halves sum to what is executed, region by region."""
    instance = generate("tiny", seed=seed)
    plan = solve(instance, gap=0).solution
    fleet = Fleet(instance, plan)
    moved = flows(fleet.quantities, fleet.placement)
    assert moved.sources.sum(axis=0) == pytest.approx(moved.checks.sum(axis=1))
    assert moved.checks.sum() == pytest.approx(fleet.executed.sum())


def test_the_fleet_by_hand():
    """Use by region and type, 18 and 12 minutes of an hour and 1 s of loading; nothing else."""
    fleet = Fleet(*plan_by_hand())
    regions, types, shares = fleet.shares()
    assert (regions, types) == (["east", "west"], ["a"])
    assert np.array(shares).ravel() == pytest.approx([0.3, 0.2 + 1 / 3600])
    assert fleet.idle_s == pytest.approx([2520, 2879])
    assert fleet.reasons(None) == ["", ""]
    assert fleet.verified.tolist() == [2, 3]


def test_names_in_charts_are_short():
    """Whole where they fit; letters twice as wide count twice; nothing that cannot be printed."""
    assert short("node-1") == "node-1"
    assert short("abcdefghij", 8) == "abc…hij"
    assert short("中" * 8, 8) == "中…中"
    assert short("a\nb\x01") == "a b "


def test_numbers_stand_right_and_texts_left():
    """By what is in a column; a shade for every share."""
    sheet = grid("t", ("name", "revenue", "share"), [("a", 1.5, 0.25), ("b", None, None)])
    assert sheet.numeric == (False, True, True)
    assert [cell.text for cell in sheet.rows[0]] == ["a", "$1.50", "25.0 %"]
    assert [cell.text for cell in sheet.rows[1]] == ["b", "-", "-"]
    assert heat("t", ("region", "a"), [("x", 0.5)]).rows[0][1].shade == 0.5


# --- the command line -----------------------------------------------------------------------------


@pytest.fixture
def paths(found, tmp_path):
    """Files of the tiny network and its plan."""
    instance, plan, _ = found
    instance.save(tmp_path / "the network.json")
    plan.save(tmp_path / "plan.json")
    return str(tmp_path / "the network.json"), str(tmp_path / "plan.json")


def test_the_command_writes_the_page(paths, tmp_path):
    """With the very command that checks the plan; nothing on standard output."""
    out = tmp_path / "page.html"
    done = run("report", *paths, "-o", str(out), "--parts", "gains", "--time-limit", "1")
    assert (done.exit_code, done.stdout) == (0, "")
    page = Page(out.read_text(encoding="utf-8"))
    assert page.text("code") == [f"placement check '{paths[0]}' {paths[1]}"]
    again = run("report", *paths, "-o", files.STREAM, "--parts", "gains", "--time-limit", "1")
    assert again.stdout == out.read_text(encoding="utf-8")


def test_bad_input_of_the_command_gets_one_sentence(paths, tmp_path, monkeypatch):
    """A folder that is not there, an unknown part, a library that is missing."""
    done = run("report", *paths, "-o", str(tmp_path / "nowhere" / "page.html"))
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    done = run("report", *paths, "-o", str(tmp_path / "page.html"), "--parts", "luck")
    assert "no part 'luck'" in done.stderr
    monkeypatch.setattr(reporter, "find_spec", lambda name: name != "jinja2" or None)
    done = run("report", *paths, "-o", str(tmp_path / "page.html"))
    assert done.exit_code == 2
    assert done.stderr == (
        'placement: a report needs jinja2, which is missing: pip install "placement[report]".\n'
    )
    with pytest.raises(InputError, match="jinja2"):
        report(generate("tiny", seed=4), Solution(instance="tiny-4"), Analysis())


@pytest.mark.slow
def test_the_page_of_ten_thousand_nodes_is_small():
    """Less than 3 MB, with every node to be found."""
    instance = generate("routing", seed=0)
    plan = solve(instance, "flow", time_limit=60).solution
    assert len(instance.nodes) >= 10_000
    text = report(instance, plan, analyze(instance, plan, parts=["gains"]))
    assert len(text.encode()) < 3_000_000
    assert len(Page(text).nodes[0]) == len(instance.nodes)
