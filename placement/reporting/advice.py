"""Sections on what could change: nodes to add and to leave, demand, rules, shocks, frontiers."""

from collections.abc import Iterator, Sequence

from placement.analysis.candidates import Candidate, Candidates
from placement.analysis.departures import Departures
from placement.analysis.frontiers import FairPoint, MovePoint
from placement.analysis.headroom import Headroom
from placement.analysis.robustness import Robustness
from placement.analysis.rules import RulePrices
from placement.reporting.blocks import (
    MOST_ROWS,
    Block,
    Chart,
    Heading,
    Points,
    Section,
    Text,
    table,
)
from placement.reporting.drawing import ACCENT, GREY, curves
from placement.reporting.subject import Subject, not_asked
from placement.wording import money, percent, plural, sentence, whole

MOST_REASONS = 8
_SHOCKS = {
    "kind": "of",
    "name": "what",
    "share": "served as it stands",
    "owed": "owed",
    "rerouted_share": "served, re-routed",
    "rerouted_penalty": "penalties, re-routed",
}


# --- 5. nodes to add, nodes that could leave ------------------------------------------------------


def node_advice(subject: Subject) -> Section:
    """The next best nodes, and those that could leave."""
    return Section("advice", "Next best nodes, and nodes that could leave", tuple(_advice(subject)))


def _advice(subject: Subject) -> Iterator[Block]:
    found = subject.analysis
    yield Heading("Next best nodes")
    if found.candidates is None:
        yield not_asked("candidates")
    else:
        yield Text(sentence(next_node(found.candidates)))
        yield table(found.candidates, "Nodes that could be added, rent taken off", most=MOST_ROWS)
    yield Heading("Nodes that could leave")
    if found.departures is None:
        yield not_asked("departures")
    else:
        yield Text(_who_could_leave(found.departures))
        yield table(found.departures, "Nodes missed least", most=MOST_ROWS)
    yield Heading("What one more of a resource is worth")
    if found.values is None:
        yield not_asked("values")
    else:
        yield table(found.values)


def next_node(found: Candidates) -> str:
    """What one more node would be worth, and where; no full stop."""
    best = found.best
    if best is not None:
        gain = f"would be worth at least {money(best.net.low)} after its rent"
        return f"one more node, {_named(best)}, {gain}"
    if all(row.net.verdict == "does not pay" for row in found.entries):
        return "no further node would pay its rent, proven"
    open_ = [row for row in found.entries if row.net.verdict == "undecided"]
    most = max((row.net.high for row in open_ if row.net.high is not None), default=None)
    at_most = "" if most is None else f", at most {money(most)}"
    return f"whether a further node would pay its rent is undecided{at_most}"


def _named(row: Candidate) -> str:
    where = "" if row.region == "-" else f" in {row.region}"
    trusted = f" with {row.tee}" if row.tee else ""
    return f"{row.type}{trusted}{where}"


def _who_could_leave(found: Departures) -> str:
    free = sum(row.verdict == "free" for row in found.entries)
    needed = sum(row.verdict == "needed" for row in found.entries)
    at_once = len(found.together)
    return (
        f"Of {plural(len(found.entries), 'node')} {whole(needed)} are needed and {whole(free)} "
        f"could leave at no loss, each alone, both proven; {whole(at_once)} of them, which the "
        f"plan leaves alone, could leave at once. The others are undecided."
    )


# --- 6. unserved, rules, robustness, frontiers ----------------------------------------------------


def trouble_section(subject: Subject) -> Section:
    """What is turned away, and what would change that."""
    blocks = (
        *_unserved(subject), *_room(subject.analysis.headroom), *_rules(subject.analysis.rules),
        *_shocks(subject.analysis.robustness), *_frontiers(subject),
    )  # fmt: skip
    return Section("unserved", "What is not served, and what would change it", blocks)


def _unserved(subject: Subject) -> Iterator[Block]:
    fleet = subject.fleet
    turned, all_ = int(fleet.placement.unserved.sum()), fleet.quantities.total_count
    yield Text(
        f"{whole(turned)} of {whole(all_)} requests ({percent(turned / all_)}) are turned away, "
        f"penalties of {money(fleet.verdict.terms['unserved'])}."
    )
    found = subject.analysis.idle
    if found is None:
        yield not_asked("idle")
    elif turned:
        yield table(found.unserved, "Turned away, causes lifted one after the other")
        yield table(found.alone, "Each cause lifted alone: what the least cost then changes by")
    reasons = tuple(reason.sentence for reason in fleet.solution.reasons)
    if reasons:
        yield Heading("Reasons")
        yield Points(reasons[:MOST_REASONS])
    if len(reasons) > MOST_REASONS:
        yield Text(f"And {whole(len(reasons) - MOST_REASONS)} more in the solution.", "quiet")


def _room(found: Headroom | None) -> Iterator[Block]:
    yield Heading("Growth")
    if found is None:
        yield not_asked("headroom")
        return
    best = found.entries[-1]
    at_most = "" if best.at_most is None else f", and less than {best.at_most:.2f} times, proven"
    yield Text(f"At best {best.at_least:.2f} times the demand is served in full{at_most}.")
    yield table(found, "Multiples of the demand that are served in full")


def _rules(found: RulePrices | None) -> Iterator[Block]:
    yield Heading("What each rule costs")
    if found is None:
        yield not_asked("rules")
        return
    costly = [row for row in found.entries if row.difference.verdict == "loss"]
    if costly:
        dearest = max(costly, key=lambda row: row.difference.low or 0.0)
        yield Text(sentence(f"{dearest.rule} costs most, at least {money(dearest.difference.low)}"))
    else:
        yield Text("No rule is proven to cost anything.")
    yield table(found, "Least cost with each rule less that without it")


def _shocks(found: Robustness | None) -> Iterator[Block]:
    yield Heading("What it withstands")
    if found is None:
        yield not_asked("robustness")
        return
    if found.nodes.entries:
        worst = found.nodes.entries[0]
        yield Text(
            f"The node missed most at once is {worst.name}: without it, and before anything is "
            f"routed anew, {percent(worst.share)} of the requests are served."
        )
    yield table(found.stress, "More demand, slower accelerators", headings=_SHOCKS)
    for kind, losses in (
        ("node", found.nodes),
        ("operator", found.operators),
        ("region", found.regions),
    ):
        if losses.entries:
            yield table(losses, f"One {kind} lost", most=MOST_ROWS, headings=_SHOCKS)


def _frontiers(subject: Subject) -> Iterator[Block]:
    yield Heading("Cost against moves, and against fairness")
    found = subject.analysis.frontiers
    if found is None:
        yield not_asked("frontiers")
        return
    moves, caps = found.moves.entries, found.fairness.entries
    yield Text(_what_moves_cost(moves))
    ticks = ["any" if row.allowed is None else whole(row.allowed) for row in moves]
    yield _curve("moves", "Cost against moves", moves, ticks, "new replicas allowed")
    yield table(found.moves)
    yield Text(_what_fairness_costs(caps))
    ticks = ["no cap" if row.cap is None else f"{100 * row.cap:.0f} %" for row in caps]
    yield _curve("fairness", "Cost against fairness", caps, ticks, "largest share of a group")
    yield table(found.fairness)


def _what_moves_cost(rows: Sequence[MovePoint]) -> str:
    first, last = rows[0], rows[-1]
    if len(rows) < 2 or first.objective is None or last.objective is None:
        return "The plan loads nothing, or nothing is known of plans that load less."
    return (
        f"With {whole(first.allowed or 0)} new replicas the best plan found costs "
        f"{money(first.objective)}, with {whole(last.moved or 0)} it costs {money(last.objective)}."
    )


def _what_fairness_costs(rows: Sequence[FairPoint]) -> str:
    first, last = rows[0], rows[-1]
    if first.cap is None:
        return "Work cannot be shared more evenly among the groups that can execute it."
    if first.objective is None or last.objective is None:
        return f"No plan is known where no group executes more than {percent(first.cap)}."
    return (
        f"Where no group executes more than {percent(first.cap)} of the demand, the best plan "
        f"found costs {money(first.objective)}; without such a cap {money(last.objective)}."
    )


def _curve(
    key: str,
    title: str,
    rows: Sequence[MovePoint] | Sequence[FairPoint],
    ticks: Sequence[str],
    label: str,
) -> Chart:
    lines = (
        ("plan found", [row.objective for row in rows], ACCENT),
        ("no plan below", [row.lower_bound for row in rows], GREY),
    )
    said = f"{title}: the best plan found and what none can go below, by {label}."
    return curves(f"{key}-chart", title, said, ticks=ticks, lines=lines, label=label)
