"""Better prices: subgradient steps of Polyak's length with a deflected direction."""

from typing import Any

import numpy as np
from numba import types

from placement.methods.assignment.knapsacks import relax
from placement.methods.assignment.sheets import SHEET
from placement.native import native

_INT, _REAL = types.int64, types.float64
_KEPT = 0.3
"""How much of the last direction is kept (Camerini, Fratta and Maffioli, 1975)."""
_SHORTEST = 1e-4
"""Steps shorter than this share of Polyak's get nowhere."""


@native(_REAL(SHEET, _INT, _REAL, _REAL, _REAL, _INT), makes_arrays=True)
def ascend(  # noqa: PLR0917
    s: Any, steps: Any, goal: Any, cutoff: Any, length: Any, patience: Any
) -> Any:
    """So many steps towards a bound of `goal`, none after one above the cutoff; the best bound.

    `length` is the part of Polyak's step to begin with, halved after `patience` steps without
    gain. The best prices are left in the sheet.
    """
    bound, failed = -np.inf, 0
    s.step[:] = 0.0
    for _ in range(steps):
        value = relax(s)
        if value > bound + 1e-7:
            bound, failed = value, 0
            s.best[:] = s.price
        else:
            failed += 1
        if value > cutoff or length < _SHORTEST:
            break
        if failed > patience:
            length, failed = 0.5 * length, 0
            s.price[:] = s.best
            s.step[:] = 0.0
            continue
        norm = 0.0
        for j in range(len(s.price)):
            s.step[j] = s.gradient[j] + _KEPT * s.step[j]
            norm += s.step[j] * s.step[j]
        if norm <= 0.0:
            break
        far = length * max(goal - value, 1e-3) / norm
        for j in range(len(s.price)):
            if s.choices[j] > 1:
                s.price[j] += far * s.step[j]
    s.price[:] = s.best
    return bound
