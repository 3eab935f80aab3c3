"""The one sentence a report begins with: what a network lacks most."""

from dataclasses import dataclass

from placement.analysis.idle import IDLE, NO_DEMAND, OTHER, IdleAccount
from placement.analysis.relaxing import NOT_LOADED, PARTIES, PLACE, PRICE, TRUST, VERIFICATION
from placement.analysis.unserved import CAPACITY, UnservedAccount, UnservedRow

MATERIAL = 0.01
"""Less unserved than this share of all requests, and of their penalties, is no trouble."""

LIFTED = {
    NOT_LOADED: "Models are not loaded where compute is idle: with every model everywhere",
    TRUST: "Trusted hardware is short: if no policy required it",
    PLACE: "Compute is in the wrong place: without limits on jurisdiction and first token",
    PARTIES: "Independence or share caps keep compute idle: without them",
    VERIFICATION: "Verification is short: if nothing had to be verified",
    PRICE: "Compute is too dear: if it cost nothing",
}
"""How the sentence about each cause begins."""


@dataclass(frozen=True)
class MainCause:
    """What a network lacks most.

    Attributes
    ----------
    cause : str
        One of `CAUSES`, "capacity", "no demand left" or "other".
    sentence : str
        For people.
    decided : bool
        Whether it is more than the gap of the solves behind it.
    """

    cause: str
    sentence: str
    decided: bool


def main_cause(idle: IdleAccount, unserved: UnservedAccount) -> MainCause:
    """The cause behind most of what is turned away, or of idle compute where hardly anything is.

    Demand comes first, for it is money lost; compute that is idle while all demand is served is a
    loss to nobody but its owner.
    """
    if _is_material(unserved):
        worst = max(unserved.entries, key=lambda row: (row.penalty, row.requests))
        return MainCause(worst.cause, _about_demand(worst, idle, unserved), worst.decided)
    cause = max(IDLE, key=idle.of)
    return MainCause(cause, _about_idle(cause, idle), idle.decided.get(cause, True))


def _is_material(unserved: UnservedAccount) -> bool:
    requests = unserved.requests > MATERIAL * unserved.demanded
    return requests or unserved.penalty > MATERIAL * unserved.worth


def _about_demand(row: UnservedRow, idle: IdleAccount, unserved: UnservedAccount) -> str:
    lost = f"{row.requests:,} of the {unserved.requests:,} requests turned away"
    if row.cause == CAPACITY:
        return (
            f"Compute is short: {lost} stay so whatever rule is lifted, a loss of "
            f"${row.penalty:,.2f}; {_share(idle, idle.idle_h)} of the accelerator time is idle."
        )
    return (
        f"{LIFTED[row.cause]}, {lost} would be served, worth ${row.penalty:,.2f}, on "
        f"{_share(idle, idle.of(row.cause))} of the accelerator time, which is idle."
    )


def _about_idle(cause: str, idle: IdleAccount) -> str:
    share = _share(idle, idle.of(cause))
    if cause == NO_DEMAND:
        return f"No demand is left: {share} of the accelerator time is idle for that reason."
    if cause == OTHER:
        return f"{share} of the accelerator time is on nodes that nothing asked for can use."
    return f"{LIFTED[cause]}, {share} of the accelerator time, idle now, would be of use."


def _share(idle: IdleAccount, hours: float) -> str:
    total = float(idle.hours.sum())
    return f"{100 * hours / total if total else 0.0:.1f} %"
