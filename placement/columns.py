"""Values of a document as columns: numbers, codes of names, and sets of names."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def floats(values: Sequence[float | None], missing: float = 0.0) -> npt.NDArray[np.float64]:
    """The values, and what stands for those that are not given."""
    return np.array([missing if v is None else v for v in values], dtype=float)


def index_of(names: Sequence[str]) -> dict[str, int]:
    """Where each name is."""
    return {name: i for i, name in enumerate(names)}


def codes(values: Sequence[str | None], index: dict[str, int]) -> npt.NDArray[np.int64]:
    """Where each name is in an index, -1 for none."""
    return np.array([-1 if v is None else index[v] for v in values], dtype=np.int64)


class SetTable:
    """Distinct sets of names, so that set questions become one table lookup.

    Attributes
    ----------
    distinct : list of frozenset or None
        The sets, each once.
    codes : array of int
        Which of them each is.
    """

    def __init__(self, sets: Sequence[frozenset[str] | None]) -> None:
        self.distinct = list(dict.fromkeys(sets))
        at = {value: i for i, value in enumerate(self.distinct)}
        self.codes = np.array([at[value] for value in sets], dtype=np.int64)
