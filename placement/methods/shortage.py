"""How much of what is executed can be kept where verifiers are short.

One request class executes in some parts (control groups, or nodes), and the parts have room for so
many verifications. Independence lets a part verify only what it did not execute.
"""

import math
from dataclasses import dataclass

import numpy as np

from placement.quantities import ROUNDING, Floats, Ints, whole_down

_SLACK = 1e-9


@dataclass(frozen=True)
class CheckRule:
    """What constraints 9 and 11 ask of one request class.

    Attributes
    ----------
    apart : bool
        Whether executor and verifiers have to be in distinct parts.
    sample : float
        The share of the requests that is verified.
    wanted : float
        Verifications for each executed request.
    """

    apart: bool
    sample: float
    wanted: float

    def needed(self, total: int) -> int:
        """Verifications that so many executed requests need."""
        return _up(self.wanted * total)

    def ceiling(self, total: int) -> int:
        """The most verifications of one part that executes none of so many requests."""
        return _up(self.sample * total) if self.apart else total

    def caps(self, executed: Ints) -> Ints:
        """The most verifications of each part, given what each executes."""
        own = self.sample * executed if self.apart else np.zeros(len(executed))
        return whole_down(self.ceiling(int(executed.sum())) - own)


def verifiable(rule: CheckRule, executed: Ints, room: Ints, dearest: Floats) -> Ints:
    """How many of the requests that each part executes can be kept.

    Parameters
    ----------
    rule : CheckRule
        What the class asks for.
    executed, room : array of int
        Requests executed, and verifications there is room for, by part.
    dearest : array
        What orders the parts where it makes no difference: the dearest gives up first.

    Notes
    -----
    With sample 1 and one verifier as much as possible is kept, as far as tried; with more
    verifiers or samples a request too many is given up now and then.
    """
    roomy = room > 0
    dull = np.flatnonzero(~roomy)  # without room they differ in cost only: weighed as one
    kept = _weigh(
        rule,
        np.append(executed[roomy], executed[dull].sum()),
        np.append(room[roomy], 0),
        np.append(dearest[roomy], dearest[dull].max(initial=-np.inf)),
    )
    result = np.zeros_like(executed)
    result[roomy] = kept[:-1]
    cheap = dull[np.argsort(dearest[dull], kind="stable")]
    before = np.cumsum(executed[cheap]) - executed[cheap]
    result[cheap] = np.clip(kept[-1] - before, 0, executed[cheap])
    return result


def _weigh(rule: CheckRule, executed: Ints, room: Ints, dearest: Floats) -> Ints:
    """What `verifiable` answers, one part after the other.

    A part is tight where its cap, not its room, limits what it verifies. Taking a request back
    lowers the caps of all other parts too, so it helps most on a tight part that executes, then on
    one that will be tight soon; among equals the dearest goes. A step ends where another part gets
    tight, or where verifications are missing no more (rounding aside, which a sample below one
    brings). Fewer than k + 1 parts are tight while some are missing.
    """
    kept = executed.copy()
    far = -int(executed.sum()) - 1
    slope = rule.sample if rule.apart else 1.0
    while kept.any():
        caps = rule.caps(kept)
        missing = rule.needed(int(kept.sum())) - int(np.minimum(room, caps).sum())
        if missing <= 0:
            break
        soon = np.where(room > 0, np.minimum(room - caps, 1), far)
        tight = soon > 0
        part = int(np.lexsort((dearest, soon * rule.apart, kept > 0))[-1])
        rate = rule.wanted - slope * (int(tight.sum()) - int(tight[part] and rule.apart))
        certain = missing if rule.sample == 1 else missing - len(kept) - rule.wanted
        soon[tight] = soon[part] = far
        step = int(min(certain / rate, -int(soon.max()) / slope)) if rate > _SLACK else 1
        kept[part] -= min(max(step, 1), int(kept[part]))
    return kept


def _up(amount: float) -> int:
    """`whole_up` of one number."""
    return math.ceil(amount - ROUNDING * max(1.0, amount))
