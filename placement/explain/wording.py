"""Amounts and lists of names as they stand in the sentences of reasons."""

import math
from collections.abc import Sequence

SHOWN = 3
"""Names written out before the rest is counted."""


def amount(value: float) -> str:
    """A number with up to four significant digits, whole thousands written out."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    digits = max(0, 3 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{min(digits, 12)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def enough(value: float) -> str:
    """A number written as `amount` does, rounded up, so that what is written is enough."""
    if value <= 0 or not math.isfinite(value):
        return amount(value)
    step = 10.0 ** (math.floor(math.log10(value)) - 3)
    return amount(math.ceil(value / step - 1e-6) * step)


def counted(count: int, noun: str) -> str:
    """A number of things: 1 node, 2 nodes, 3 classes."""
    ending = "" if count == 1 else "es" if noun.endswith("s") else "s"
    return f"{count:,} {noun}{ending}"


def several(value: float, noun: str) -> str:
    """An amount of things that need not be whole: 1 core, 2.5 cores."""
    return f"{amount(value)} {noun}{'' if value == 1 else 's'}"


def jurisdictions(allowed: Sequence[str]) -> str:
    """The jurisdictions that a class allows."""
    return listing([name or "no jurisdiction" for name in allowed], "or")


def listing(names: Sequence[str], word: str = "and") -> str:
    """The first few names, and how many more there are: a, b and 7 more."""
    if len(names) > SHOWN:
        return f"{', '.join(names[:SHOWN])} {word} {len(names) - SHOWN:,} more"
    return f" {word} ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
