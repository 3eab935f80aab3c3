"""Instances and solutions as tables that fit 80 columns."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from placement.instance import Instance, Policy
from placement.solution import Reason, Solution
from placement.wording import money, percent, plural, whole

if TYPE_CHECKING:
    from placement.cli.summary import Summary

_STYLES = {"optimal": "bold green", "feasible": "green", "infeasible": "bold red"}
_MOST_NODES = 8
_MOST_REASONS = 8
_MOST_MODELS = 8
_BAR = 24

Column = tuple[str, str]
"""Heading and justification."""


def solution_tables(solution: Solution, summary: "Summary | None") -> Iterator[RenderableType]:
    """All an operator asks of a placement; `summary` is None where the instance is unknown."""
    yield headline(solution)
    if solution.objective is not None:
        yield _costs(solution)
    yield _demand(solution, summary)
    yield from _reasons(solution.reasons)
    if summary is not None and solution.objective is not None:
        yield _fleet(summary)
        yield _regions(summary)
        yield _top_nodes(summary)


def headline(solution: Solution) -> Text:
    """Status, objective, bound, gap and why it stopped, in three lines."""
    by = f"{solution.method or 'unknown method'}"
    if solution.engine:
        by += f" ({solution.engine})"
    stopped = f", stopped by {solution.stopped_by.replace('_', ' ')}" if solution.stopped_by else ""
    seconds = f" after {sum(solution.runtime_s.values()):.1f} s" if solution.runtime_s else ""
    style = _STYLES.get(solution.status, "yellow")
    return Text.assemble(
        (solution.status, style),
        f"  {solution.instance}, by {by}{stopped}{seconds}\n",
        ("objective ", "dim"),
        (money(solution.objective), "bold"),
        ("   lower bound ", "dim"),
        money(solution.lower_bound),
        ("   gap ", "dim"),
        percent(solution.gap),
    )


def _table(title: str, *columns: Column) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, title_style="bold")
    for i, (heading, justify) in enumerate(columns):
        table.add_column(
            heading,
            justify="right" if justify == ">" else "left",
            header_style="dim",
            no_wrap=i == 0,
        )
    return table


def _costs(solution: Solution) -> RenderableType:
    table = _table("Cost of the window", ("term", "<"), ("$", ">"), ("share", ">"))
    total = solution.objective or 0.0
    for term, amount in solution.terms.items():
        if amount:
            table.add_row(term, money(amount), percent(amount / total if total else None))
    return table


def _demand(solution: Solution, summary: "Summary | None") -> Text:
    served = sum(row.count for row in solution.inference)
    unserved = sum(solution.unserved.values())
    demanded = summary.demanded if summary else served + unserved
    verified = sum(row.count for row in solution.verification)
    replicas = sum(row.count for row in solution.replicas)
    loads = sum(row.count for row in solution.loads)
    share = percent(served / demanded if demanded else None)
    return Text.assemble(
        ("Requests\n", "bold"),
        f"{whole(served)} of {whole(demanded)} served ({share}), {whole(unserved)} turned away, "
        f"{plural(verified, 'verification')}\n"
        f"{plural(replicas, 'replica')}, {whole(loads)} of them newly loaded",
    )


def _reasons(reasons: Sequence[Reason]) -> Iterator[RenderableType]:
    if not reasons:
        return
    by_code: dict[str, list[Reason]] = {}
    for reason in reasons:
        by_code.setdefault(reason.code, []).append(reason)
    table = _table("Why", ("reason", "<"), ("cases", ">"), ("for example", "<"))
    for code, cases in list(by_code.items())[:_MOST_REASONS]:
        table.add_row(code, whole(len(cases)), cases[0].sentence)
    yield table


def _fleet(summary: "Summary") -> RenderableType:
    uses = summary.fleet()
    total = sum(uses.values())
    table = _table(
        f"Fleet: {total / 3600:,.0f} accelerator-hours",
        ("use", "<"), ("hours", ">"), ("share", ">"), ("", "<"),
    )  # fmt: skip
    for use, seconds in uses.items():
        share = seconds / total if total else None
        bar = "█" * round(_BAR * (share or 0.0))
        table.add_row(use, f"{seconds / 3600:,.1f}", percent(share), bar)
    return table


def _regions(summary: "Summary") -> RenderableType:
    table = _table(
        "Regions",
        ("region", "<"), ("nodes", ">"), ("engaged", ">"), ("accel.", ">"), ("busy", ">"),
        ("executed", ">"), ("verified", ">"),
    )  # fmt: skip
    for row in summary.regions():
        table.add_row(
            row.name, whole(row.nodes), whole(row.engaged), f"{row.accelerators:,.0f}",
            percent(row.busy), whole(row.executed), whole(row.verified),
        )  # fmt: skip
    return table


def _top_nodes(summary: "Summary") -> RenderableType:
    table = _table(
        "Busiest nodes",
        ("node", "<"), ("region", "<"), ("busy", ">"), ("memory", ">"), ("replicas", ">"),
        ("executed", ">"), ("verified", ">"),
    )  # fmt: skip
    for row in summary.top_nodes(_MOST_NODES):
        table.add_row(
            row.name, row.region, percent(row.busy), percent(row.memory), whole(row.replicas),
            whole(row.executed), whole(row.verified),
        )  # fmt: skip
    return table


def instance_tables(instance: Instance) -> Iterator[RenderableType]:
    """What a network has and what is asked of it."""
    requests = sum(row.count for row in instance.requests)
    text = Text.assemble((instance.name, "bold"), f"  window {instance.window_s:,.0f} s\n")
    if instance.source:
        text.append(f"{instance.source}\n", style="dim")
    counts = (
        plural(len(instance.nodes), "node"),
        plural(len(instance.operators), "operator"),
        plural(len(instance.models), "model"),
        plural(len(instance.requests), "request class"),
        plural(requests, "request"),
    )
    yield text.append(", ".join(counts))
    yield _places(instance)
    yield _policies(instance)
    yield _models(instance)


def _places(instance: Instance) -> RenderableType:
    table = _table(
        "Regions",
        ("region", "<"), ("law", "<"), ("nodes", ">"), ("hosting", ">"), ("inference", ">"),
        ("verification", ">"), ("accel.", ">"), ("requests", ">"),
    )  # fmt: skip
    asked = Counter[str | None]()
    for request in instance.requests:
        asked[request.region] += request.count
    places = [(region.name, region.jurisdiction) for region in instance.regions]
    for name, law in [*places, (None, "")]:
        nodes = [node for node in instance.nodes if node.region == name]
        if not nodes and not asked[name]:
            continue
        roles = Counter(role for node in nodes for role in node.roles)
        table.add_row(
            name or "(no region)", law, whole(len(nodes)), whole(roles["hosting"]),
            whole(roles["inference"]), whole(roles["verification"]),
            f"{sum(node.accelerators for node in nodes):,.0f}", whole(asked[name]),
        )  # fmt: skip
    return table


def _policies(instance: Instance) -> RenderableType:
    table = _table(
        "Policies",
        ("policy", "<"), ("mode", "<"), ("checks", ">"), ("sample", ">"), ("TEE", "<"),
        ("classes", ">"), ("requests", ">"),
    )  # fmt: skip
    classes, asked = Counter[str | None](), Counter[str | None]()
    for request in instance.requests:
        classes[request.policy] += 1
        asked[request.policy] += request.count
    for policy in [*instance.policies, Policy(name="(none)")]:
        name = None if policy.name == "(none)" else policy.name
        if classes[name]:
            table.add_row(
                policy.name, policy.mode, whole(policy.verifier_count), percent(policy.sample, 0),
                ", ".join(policy.requires_tee), whole(classes[name]), whole(asked[name]),
            )  # fmt: skip
    return table


def _models(instance: Instance) -> RenderableType:
    table = _table(
        "Models most asked for",
        ("model", "<"), ("weights", ">"), ("accel.", ">"), ("stored on", ">"), ("loaded", ">"),
        ("requests", ">"),
    )  # fmt: skip
    asked = Counter[str | None]()
    for request in instance.requests:
        asked[request.model] += request.count
    stored = Counter(name for node in instance.nodes for name in node.hosted)
    loaded = Counter[str]()
    for node in instance.nodes:
        loaded.update(node.loaded)
    for model in sorted(instance.models, key=lambda m: -asked[m.name])[:_MOST_MODELS]:
        table.add_row(
            model.name, f"{model.weights_gb:,.4g} GB", f"{model.accelerators:,.4g}",
            whole(stored[model.name]), whole(loaded[model.name]), whole(asked[model.name]),
        )  # fmt: skip
    return table
