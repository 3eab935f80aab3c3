"""What the pages say is so: examples, commands, tables, numbers of sections, links."""

import json
import re
import shlex
import textwrap
from pathlib import Path

import pytest
from cli_samples import run
from searches import search_of, tiny

from placement import Instance, Solution
from placement.analysis.changes import FAMILIES
from placement.cli.codes import MEANINGS
from placement.cli.verdict import judge
from placement.evaluation import TERMS
from placement.explain import Code
from placement.generate import PRESETS
from placement.prices import Prices
from placement.quantities import Quantities
from placement.solving import METHODS

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))]
BRIEF_S = "0.5"
"""Time limit of commands that the pages give more."""


def text(page):
    """The text of a page of the docs."""
    return (DOCS / page).read_text(encoding="utf-8")


def blocks(page, language):
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text(page), re.MULTILINE | re.DOTALL)


def rows(page, heading, at=0):
    """The rows of the table under a heading, or of one after it, cells as lists."""
    section = re.split(rf"^#+ {heading}$", text(page), flags=re.MULTILINE)[1]
    lines = re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE)[at].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


@pytest.fixture
def example():
    """The instance, the solution and the check of format.md."""
    instance, solution, check = map(json.loads, blocks("format.md", "json")[:3])
    return Instance.from_dict(instance), Solution.from_dict(solution), check


# --- format.md ----------------------------------------------------------------------------------


def test_the_example_passes_its_check(example):
    """Instance and solution are valid and belong together; nothing in the file is untrue."""
    instance, solution, check = example
    verdict = judge(instance, solution)
    assert verdict.passed, (verdict.untruths, verdict.evaluation.violations)
    assert verdict.unproven
    said = {key: value for key, value in verdict.to_dict().items() if key != "unproven"}
    assert set(check) == {*said, "unproven"}
    for key, value in said.items():
        assert check[key] == (value if isinstance(value, list) else pytest.approx(value)), key


def test_the_example_shows_every_field_of_a_solution():
    """None is left out."""
    assert set(json.loads(blocks("format.md", "json")[1])) == set(Solution.model_fields)


def test_the_families_of_the_certificate_are_all_there(example):
    """The table of format.md, and the names in a certificate."""
    quantities = Quantities(example[0])
    families = [row[0].strip("`") for row in rows("format.md", "The certificate")]
    assert sorted(families) == sorted(Prices.zero(quantities).to_document(quantities))


def test_exit_codes_are_those_of_the_command_line():
    """Number and meaning of each."""
    table = {int(code): meaning for code, meaning in rows("format.md", "Exit codes")}
    assert table == {code.value: meaning for code, meaning in MEANINGS.items()}


# --- formulation.md -------------------------------------------------------------------------------


def test_sections_cited_in_the_code_exist():
    """`docs/formulation.md section N` leads somewhere."""
    sections = set(re.findall(r"^## (\d)\. ", text("formulation.md"), re.MULTILINE))
    assert sections == set("12345678")
    for path in (ROOT / "placement").rglob("*.py"):
        cited = re.findall(r"formulation\.md\s+sections? (\d)", path.read_text(encoding="utf-8"))
        assert set(cited) <= sections, path


def test_every_field_of_an_instance_is_explained():
    """By its name, in section 1."""
    section = text("formulation.md").split("## 2. ")[0]
    schema = Instance.model_json_schema()
    for record in (schema, *schema["$defs"].values()):
        missing = [name for name in record["properties"] if f"`{name}`" not in section]
        assert not missing, record["title"]


def test_the_thirteen_constraints_are_there():
    """In their order."""
    section = text("formulation.md").split("## 4. ")[1].split("## 5. ")[0]
    assert re.findall(r"^(\d+)\. ", section, re.MULTILINE) == [str(n) for n in range(1, 14)]


def test_terms_are_those_of_the_judge():
    """In the order of the table."""
    assert [row[0] for row in rows("formulation.md", "5. Objective")] == list(TERMS)


# --- reasons.md, methods.md -----------------------------------------------------------------------


def test_reasons_are_those_of_the_code():
    """Code and meaning of each, in the same order."""
    table = rows("reasons.md", "Why requests are turned away, and why an instance has no placement")
    assert table == [[f"`{code.value}`", code.meaning] for code in Code]


def test_every_method_is_described():
    """In the table of methods, and under a heading of its own or a shared one."""
    listed = [re.match(r"\[([\w-]+)\]", row[0])[1] for row in rows("methods.md", "Methods")]
    headings = " ".join(re.findall(r"^## (.*)$", text("methods.md"), re.MULTILINE))
    assert sorted(listed) == sorted(METHODS)
    assert all(method in headings for method in METHODS)


# --- analysis.md ----------------------------------------------------------------------------------


def test_families_are_those_of_the_code():
    """Name and sentence of each, in the same order."""
    table = rows("analysis.md", "What if", at=1)
    assert table == [[f"`{name}`", sentence] for name, sentence in FAMILIES.items()]


# --- commands -------------------------------------------------------------------------------------


def commands():
    """The command lines in the blocks for consoles."""
    for page in sorted(DOCS.glob("*.md")):
        for block in blocks(page.name, "console"):
            yield from re.findall(r"^\$ (.*)$", block, re.MULTILINE)


def brief(command):
    """A command with less time than the page gives it, as a list of words."""
    return shlex.split(re.sub(r"--time-limit \S+", f"--time-limit {BRIEF_S}", command))


def test_commands_do_what_the_pages_say(tmp_path, monkeypatch):
    """One after the other, in a folder with the shipped instances: all end with 0."""
    (tmp_path / "instances").symlink_to(ROOT / "instances")
    monkeypatch.chdir(tmp_path)
    for line in commands():
        passed = None
        for command in line.split(" | "):
            program, *arguments = brief(command)
            assert program == "placement"
            done = run(*arguments, stdin=passed)
            assert done.exit_code == 0, (line, done.stderr)
            passed = done.stdout
    assert (tmp_path / "requests.jsonl").exists()


def test_presets_named_in_commands_exist():
    """`placement generate NAME` for every name."""
    named = re.findall(r"placement generate (\w[\w-]*)", " ".join(map(str, commands())))
    assert set(named) <= set(PRESETS)


# --- links ----------------------------------------------------------------------------------------


def anchors(path):
    """The anchors that a page's headings make."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    words = [re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", heading.lower())) for heading in headings]
    return {word.replace(" ", "-") for word in words}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    """Files exist, headings too."""
    targets = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    for target in [t for t in targets if "://" not in t]:
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), target
        assert not anchor or anchor in anchors(path), target


# --- CONTRIBUTING.md ------------------------------------------------------------------------------


def contributing():
    """The text of CONTRIBUTING.md."""
    return (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_the_map_shows_every_room():
    """Each module of the package, and nothing that is not there."""
    chart = re.search(r"```text\n(.*?)```", contributing(), re.DOTALL)[1]
    shown = re.findall(r"\b(\w+\.py)\b(?! for each)", chart.split("tests/  ")[0])
    modules = [path.name for path in (ROOT / "placement").rglob("*.py")]
    assert sorted(shown) == sorted(name for name in modules if name != "__init__.py")


def test_the_method_shown_works():
    """The example of how to add one."""
    (code,) = re.findall(r"```python\n(.*?)```", contributing(), re.DOTALL)
    namespace = {}
    exec(textwrap.dedent(code), namespace)  # noqa: S102 - our own page
    searches = [search_of(tiny(seed)) for seed in range(8)]
    assert {namespace["packed"](search) for search in searches} <= {"exhausted", "gap"}
    assert sum(search.best is not None for search in searches) >= 4
