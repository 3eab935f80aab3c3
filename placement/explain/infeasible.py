"""Why an instance has no placement at all."""

import numpy as np

from placement.compiled import Compiled
from placement.explain.alone import sift_alone
from placement.explain.causes import reasons
from placement.explain.hosting import unmovable, unstorable
from placement.explain.never import sift
from placement.explain.rooms import empty_rooms
from placement.explain.together import overloads
from placement.solution import Reason


def explain_infeasible(compiled: Compiled) -> tuple[Reason, ...]:
    """Prove, without search, that no placement is feasible, where that shows from the data.

    Every reason is a proof by itself: no feasible placement exists where there is one. The other
    way round nothing follows: an instance may be infeasible for reasons that only a search finds.

    Parameters
    ----------
    compiled
        The instance.

    Returns
    -------
    tuple of Reason
        Empty where infeasibility does not show. Classes of like cause share a reason, which names
        at most 20 of them and counts the rest.
    """
    q = compiled.quantities
    rooms = empty_rooms(compiled)
    must = np.flatnonzero(np.isinf(q.penalty))
    sieve, sides = sift(compiled, rooms, must, q.count[must])
    together = list(overloads(rooms, sides))
    sift_alone(sieve, rooms, sides, {reason.code for reason in together})
    return (
        *unstorable(rooms),
        *reasons(sieve, q.count, must=True),
        *together,
        *unmovable(rooms, sides[0]),
    )
