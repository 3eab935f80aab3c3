"""`report`: the analysis of a plan as one page of HTML that needs nothing but itself."""

from importlib.util import find_spec

from placement.analysis.analyzing import Analysis
from placement.errors import InputError
from placement.instance import Instance
from placement.reporting.subject import Subject
from placement.solution import Solution
from placement.version import __version__
from placement.wording import plural

CHECK = "placement check INSTANCE SOLUTION"


def demand_libraries() -> None:
    """Refuse to begin where what draws and writes the page is not installed.

    Raises
    ------
    InputError
        If a library is missing.
    """
    for name in ("matplotlib", "jinja2"):
        if find_spec(name) is None:
            raise InputError(
                f'a report needs {name}, which is missing: pip install "placement[report]".'
            )


def report(
    instance: Instance, solution: Solution, analysis: Analysis, *, command: str = CHECK
) -> str:
    """A page for who operates a network: what idles, why, what would help, and the proof.

    The page needs no network, carries no date, and equal input gives equal bytes. Names are shown
    as they are, whatever is in them. Parts that the analysis lacks are left open and named.

    Parameters
    ----------
    instance : Instance
    solution : Solution
        The plan that was analysed.
    analysis : Analysis
        Of these two, by `analyze`.
    command : str
        What checks the plan, for readers to type.

    Returns
    -------
    str
        HTML, in UTF-8 once it is written.

    Raises
    ------
    InputError
        If matplotlib or Jinja is not installed, or the solution is not a feasible one of the
        instance.

    Examples
    --------
    >>> from placement import analyze, report, solve
    >>> from placement.generate import generate
    >>> network = generate("tiny", seed=4)
    >>> plan = solve(network, gap=0).solution
    >>> page = report(network, plan, analyze(network, plan, parts=["gains"]))
    >>> page.startswith("<!DOCTYPE html>"), "Who earns what" in page
    (True, True)
    """
    demand_libraries()
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from placement.reporting.advice import node_advice, trouble_section
    from placement.reporting.compute import flow_section, idle_section, node_section
    from placement.reporting.parties import party_section
    from placement.reporting.proof import lead, proof_section, window

    subject = Subject(instance, solution, analysis, command)
    _demand_feasible(subject)
    makers = (
        idle_section, flow_section, node_section, party_section, node_advice, trouble_section,
        proof_section,
    )  # fmt: skip
    pages = Environment(
        loader=PackageLoader("placement.reporting", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return pages.get_template("page.html").render(
        name=instance.name,
        counts=_counts(instance),
        window=window(instance),
        lead=lead(subject),
        sections=[make(subject) for make in makers],
        version=__version__,
    )


def _demand_feasible(subject: Subject) -> None:
    violations = subject.given.verdict.violations
    if violations:
        raise InputError(
            f"the solution is not feasible for instance {subject.instance.name!r}: "
            f"{violations[0].sentence}"
        )


def _counts(instance: Instance) -> str:
    return ", ".join(
        (
            plural(len(instance.nodes), "node"),
            plural(len(instance.operators), "operator"),
            plural(len(instance.models), "model"),
            plural(len(instance.requests), "request class"),
            plural(sum(row.count for row in instance.requests), "request"),
        )
    )
