"""Native speed for hot loops: functions compiled by numba when their module is first imported.

Every such function has an explicit signature, so it is compiled once, when it is defined, and kept
on disk beside the module; later processes load it. It gives up the interpreter's lock, so two run
side by side in threads. Import modules with native functions where no clock is running.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

_F = TypeVar("_F", bound=Callable[..., Any])


def native(*signatures: str) -> Callable[[_F], _F]:
    """Compile a function of numbers and numpy arrays for the given numba signatures.

    Division by zero gives infinity or NaN as in numpy, and floating point is not reordered: the
    same input gives the same bits on every run.
    """
    compiler = numba.njit(list(signatures), cache=True, nogil=True, error_model="numpy")
    return cast("Callable[[_F], _F]", compiler)
