"""What requests that pay for new copies of weights give back, in native code."""

from typing import Any

import numba

from placement.native import native

types: Any = numba.types
_F, _L = types.float64, types.int64


def _array(dtype: Any, dimensions: int) -> Any:
    return types.Array(dtype, dimensions, "C")


@native(
    types.void(
        *(_array(types.uint8, 2), _array(_F, 2), _array(_L, 1), _array(_F, 2)),
        *(_array(_L, 2), _array(_F, 1), _array(_F, 2)),
    ),
    makes_arrays=True,
)
def give_back(
    able: Any, needed: Any, model: Any, paid: Any, of_sort: Any, utilization: Any, given: Any
) -> None:
    """Add up what a replica is given by sort of node and model.

    Parameters
    ----------
    able : array
        Who is able, by class and kind of node.
    needed, model : array
        Copies that all of a class takes, by class and type; the model of each class.
    paid : array
        $ that all of a class pays, by class and zone.
    of_sort, utilization : array
        Kind, type and zone of each sort; the part of the time that a copy is busy there.
    """
    for g in range(len(able)):
        if paid[g].max() > 0:
            for s in range(len(utilization)):
                all_of_it = paid[g, of_sort[2, s]]
                if all_of_it > 0 and able[g, of_sort[0, s]]:
                    whole = needed[g, of_sort[1, s]]
                    part = min(1.0, utilization[s] / whole) if whole > 0 else 1.0
                    given[s, model[g]] += part * all_of_it
