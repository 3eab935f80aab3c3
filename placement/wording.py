"""Numbers and words as people read them; what is unknown is a dash."""

UNKNOWN = "-"
ROUNDING = 1e-6


def money(amount: float | None) -> str:
    """Write dollars: cents where they matter, more digits below one cent."""
    if amount is None:
        return UNKNOWN
    digits = 2 if abs(amount) >= 0.1 or amount == 0 else 6
    return f"${amount:,.{digits}f}".replace("$-", "-$")


def percent(share: float | None, digits: int = 1) -> str:
    """Write a share of one in percent; one too small to show is no zero, rounding aside."""
    if share is None:
        return UNKNOWN
    least = 10.0**-digits
    if ROUNDING < 100 * share < least:
        return f"< {least:.{digits}f} %"
    return f"{100 * share:.{digits}f} %"


def hours(amount: float) -> str:
    """Write hours: one digit after the point, three where that would hide what there is.

    Examples
    --------
    >>> hours(1234.56), hours(0.021), hours(0.0)
    ('1,234.6', '0.021', '0.0')
    """
    return f"{amount:,.{1 if amount >= 1 or amount == 0 else 3}f}"


def whole(count: int) -> str:
    """Write a whole number with separated thousands."""
    return f"{count:,}"


def plural(count: int, noun: str) -> str:
    """Write a number of things: 1 node, 2 nodes, 3 request classes."""
    ending = "" if count == 1 else "es" if noun.endswith("s") else "s"
    return f"{count:,} {noun}{ending}"


def join(names: list[str], most: int = 3) -> str:
    """List the first few names and count the rest."""
    shown = ", ".join(names[:most])
    rest = len(names) - most
    return f"{shown} and {rest:,} more" if rest > 0 else shown


def sentence(clause: str) -> str:
    """Make a clause a sentence: a capital letter, and a full stop."""
    return f"{clause[:1].upper()}{clause[1:]}."
