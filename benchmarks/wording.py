"""A comparison in plain words."""

from collections.abc import Iterator

from benchmarks.comparing import CONFIDENCE, Change, Comparison, Overall


def sentences(found: Comparison) -> Iterator[str]:
    """What is worse, what is better, and each method on each set as a whole."""
    for verdict in ("worse", "better"):
        changes = [change for change in found.changes if change.verdict == verdict]
        yield f"{verdict}: {len(changes) or 'none'}"
        yield from (f"  {_change(change)}" for change in changes)
    yield "overall, cost:"
    yield from (f"  {_overall(overall)}" for overall in found.overall)
    for number, where in ((found.only_old, "old"), (found.only_new, "new")):
        if number:
            yield f"only in the {where} results: {number}"


def _change(change: Change) -> str:
    case = change.case
    what = f"{case.set} {case.instance}, {case.method}, {case.limit_s:g} s: {change.what}"
    if change.change is None:
        return f"{what} {_value(change.old)} -> {_value(change.new)}"
    step = f"{_value(change.old)} -> {_value(change.new)}"
    return f"{what} {step} ({abs(change.change):.3%}, noise up to {change.noise:.3%})"


def _value(value: float | None) -> str:
    return "none" if value is None else f"{value:.10g}"


def _overall(one: Overall) -> str:
    counts = f"{one.title}: cheaper on {one.better}, dearer on {one.worse}, equal on {one.same}"
    if one.chance is None:
        return f"{counts}."
    text = f"{counts}; a coin is as one-sided in {one.chance:.0%} of cases; mean {one.mean:+.3%}"
    if one.low is None or one.high is None:
        return f"{text}."
    return f"{text}, for other such instances {one.low:+.3%} to {one.high:+.3%} ({CONFIDENCE:.0%})."
