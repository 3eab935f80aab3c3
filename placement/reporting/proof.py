"""The section that proves, and the sentence that the page begins with."""

from collections.abc import Iterator
from dataclasses import dataclass

from placement.analysis.diagnosis import Diagnosis
from placement.analysis.idle import IDLE, NO_DEMAND, OTHER
from placement.analysis.relaxing import NOT_LOADED, PARTIES, PLACE, PRICE, TRUST, VERIFICATION
from placement.instance import Instance
from placement.reporting.advice import next_node
from placement.reporting.blocks import Block, Section, Text, grid
from placement.reporting.subject import Subject
from placement.result import relative_gap
from placement.wording import hours, money, percent, plural

VISIBLE = 0.001
"""A smaller difference between gaps is not worth a word."""

_BECAUSE = {
    NO_DEMAND: "mainly because no demand is left",
    NOT_LOADED: "mainly because models are not loaded there",
    TRUST: "mainly because trusted hardware is asked for and missing there",
    PLACE: "mainly because it is in the wrong place (latency or jurisdiction)",
    PARTIES: "mainly because independence or share caps forbid its use",
    VERIFICATION: "mainly because verification is short",
    PRICE: "mainly because using it would cost more than it earns",
    OTHER: "mainly because nothing asked for can run there",
}


@dataclass(frozen=True)
class Lead:
    """How a page begins.

    Attributes
    ----------
    sentence : str
    figures : tuple of (str, str)
        The key figures, each with what it is.
    note : str
        Where the page is about a cheaper plan than the one given; else empty.
    """

    sentence: str
    figures: tuple[tuple[str, str], ...]
    note: str


def lead(subject: Subject) -> Lead:
    """The answer in one sentence, and its figures."""
    fleet = subject.fleet
    idle, total = float(fleet.idle_s.sum()) / 3600, float(fleet.total_s.sum()) / 3600
    share = percent(idle / total if total else None)
    mainly = _mainly(subject.analysis.idle)
    objective, bound = fleet.verdict.objective, _proven(subject)
    parts = [f"{hours(idle)} of {hours(total)} accelerator-hours ({share}) are idle{mainly}"]
    candidates = subject.analysis.candidates
    if candidates is not None and candidates.entries:
        parts.append(next_node(candidates))
    parts.append(_how_good(objective, bound) + _vouched(subject, bound))
    figures = [
        (share, "of the accelerator time is idle"),
        (money(objective), f"cost of the plan in {window(subject.instance)}"),
        (money(bound), "no plan costs less, proven"),
        (percent(relative_gap(objective, bound)), "gap between the two"),
    ]
    if candidates is not None:
        gain = "none proven" if candidates.best is None else money(candidates.best.net.low)
        figures.append((gain, "worth of the next best node, at least"))
    return Lead("; ".join(parts) + ".", tuple(figures), _note(subject))


def window(instance: Instance) -> str:
    """The window as the end of a sentence: money is $ in it."""
    seconds = instance.window_s
    return "an hour" if seconds == 3600 else f"a window of {seconds:,.4g} s"


def _mainly(found: Diagnosis | None) -> str:
    if found is None or found.time.idle_h <= 0:
        return ""
    account = found.time
    cause = max(IDLE, key=account.of)
    hidden = "" if account.decided.get(cause, True) else " (as far as the search can tell)"
    return f", {_BECAUSE[cause]}{hidden}"


def _how_good(objective: float, bound: float | None) -> str:
    gap = relative_gap(objective, bound)
    if bound is None or gap is None:
        return f"the plan costs {money(objective)}, and nothing is proven of it"
    if gap <= 1e-6:
        return f"the plan costs {money(objective)}, and is proven to be the best there is"
    return (
        f"the plan costs {money(objective)}, and no plan saves more than {percent(gap)} of that, "
        f"proven"
    )


def _vouched(subject: Subject, bound: float | None) -> str:
    """What the plan given claims beyond what is proven of it; often nothing."""
    gap, claimed = relative_gap(subject.given.verdict.objective, bound), subject.solution.gap
    if subject.saved or claimed is None or (gap is not None and claimed > gap - VISIBLE):
        return ""
    return f" ({percent(claimed)} by the word of whoever searched)"


def _proven(subject: Subject) -> float | None:
    """The best bound that a certificate proves; None without any."""
    bounds = [fleet.certified for fleet in (subject.given, subject.fleet)]
    return max((bound for bound in bounds if bound is not None), default=None)


def _note(subject: Subject) -> str:
    if not subject.saved:
        return ""
    return (
        f"The analysis found a plan that costs {money(subject.saved)} less than the one given, and "
        f"this page is about that. To have it, solve again from the one given: placement solve "
        f"INSTANCE --initial-solution SOLUTION."
    )


# --- 7. the proof ---------------------------------------------------------------------------------


def proof_section(subject: Subject) -> Section:
    """Objective, bound, certificate and how to check them."""
    return Section("proof", "The proof", tuple(_proof(subject)))


def _proof(subject: Subject) -> Iterator[Block]:
    given, verdict = subject.solution, subject.given.verdict
    certified = subject.given.certified
    gap = relative_gap(verdict.objective, certified)
    proven = "nothing is proven of its cost"
    if certified is not None:
        proven = f"its certificate proves that no plan costs less than {money(certified)}"
    yield Text(
        f"The plan given breaks no rule and costs {money(verdict.objective)}, recomputed from "
        f"instance and plan without any solver; {proven}."
    )
    yield grid(
        "What the plan given claims, and what is recomputed",
        ("figures", "objective", "lower_bound", "gap"),
        [
            ("claimed", given.objective, given.lower_bound, given.gap),
            ("recomputed", verdict.objective, certified, gap),
        ],
    )
    terms = [(name, amount) for name, amount in verdict.terms.items() if amount]
    yield grid("The cost of the plan given, by term", ("term", "cost"), terms)
    yield Text(_certificate(subject))
    yield Text("Anybody can check this from the two files, and has to trust nobody:")
    yield Text(subject.command, "code")


def _certificate(subject: Subject) -> str:
    certificate = subject.solution.certificate
    if not certificate:
        return "There is no certificate in the plan given."
    prices = sum(len(rows) for rows in certificate.values())
    return (
        f"The certificate is {plural(prices, 'price')} of the rules that couple requests and nodes."
        f" Any prices give a bound (weak duality); a claimed bound above the recomputed one is the "
        f"word of the engine that searched."
    )
