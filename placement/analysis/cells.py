"""Cells of the analysis' tables as people read them; what a column holds shows in its name."""

from typing import Any

from placement.wording import UNKNOWN, hours, money, percent, whole

_MONEY = {
    "objective", "lower_bound", "low", "estimate", "high", "penalty", "rerouted_penalty", "revenue",
    "compute", "engagement", "verification", "storage", "pair", "cost", "idle_cost", "rent",
    "price", "loss_at_least", "loss_at_most", "right_low", "right", "right_high", "left_low",
    "left", "left_high",
}  # fmt: skip
_INDEX = {"jain", "gini", "herfindahl"}
_PERCENT = {"gap", "share", "cap", "utilisation", "top_share", "busy"}


def written(column: str, value: Any, *, brief: bool = False) -> str:
    """A cell as text: money, shares, hours and counts each in their way.

    Parameters
    ----------
    brief : bool
        Leave cents out where there are $1,000 or more.
    """
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if brief and column in _MONEY and abs(value) >= 1000:
        return money(round(value)).removesuffix(".00")
    return value if isinstance(value, str) else _number(column, value)


def _number(column: str, value: float) -> str:
    if column in _MONEY:
        return money(value)
    if column in _PERCENT or column.endswith("_share"):
        return percent(value)
    if column.endswith("_h"):
        return f"{value:,.1f}" if value >= 0.05 else hours(value)
    if column in _INDEX:
        return f"{value:.3f}"
    return whole(value) if isinstance(value, int) else f"{value:,.3g}"
