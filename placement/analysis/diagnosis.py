"""What a network lacks most, with the accounts behind it."""

from dataclasses import dataclass

from placement.analysis import idle, unserved
from placement.analysis.idle import IdleAccount, IdleBreakdown
from placement.analysis.maincause import main_cause
from placement.analysis.relaxing import CAUSES, Relaxations
from placement.analysis.resolving import Resolver
from placement.analysis.unserved import AloneAccount, UnservedAccount

SOLVES = 2 * len(CAUSES) - 1
"""Each cause after those before it, and each alone; the first is alone anyway."""


@dataclass(frozen=True)
class Diagnosis:
    """Where compute idles and why, and why requests are turned away.

    Attributes
    ----------
    cause : str
        What the network lacks most; see `main_cause`.
    sentence : str
        The same for people.
    decided : bool
        Whether it is more than the gaps of the solves behind it.
    time : IdleAccount
        Of the fleet.
    regions, operators, types, nodes : IdleBreakdown
        Of its parts.
    unserved : UnservedAccount
    alone : AloneAccount
    """

    cause: str
    sentence: str
    decided: bool
    time: IdleAccount
    unserved: UnservedAccount
    alone: AloneAccount
    types: IdleBreakdown
    regions: IdleBreakdown
    operators: IdleBreakdown
    nodes: IdleBreakdown


def diagnose(resolver: Resolver) -> Diagnosis:
    """Account for a plan's compute and for the demand that it turns away.

    Raises
    ------
    InputError
        If the resolver has no plan.
    """
    relaxations = Relaxations(resolver)
    time, lost = idle.account(relaxations), unserved.account(relaxations)
    main = main_cause(time, lost)
    return Diagnosis(
        cause=main.cause,
        sentence=main.sentence,
        decided=main.decided,
        time=time,
        unserved=lost,
        alone=unserved.alone(relaxations),
        types=time.by("type"),
        regions=time.by("region"),
        operators=time.by("operator"),
        nodes=time.by("node"),
    )
