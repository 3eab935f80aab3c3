"""Drawing and rounding, the same on every platform for the same seed."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Rng = np.random.Generator


def stream(seed: int, part: str) -> Rng:
    """Random numbers of one part of an instance, untouched by what other parts draw."""
    return np.random.default_rng([seed, *part.encode()])


def rounded(values: npt.ArrayLike, digits: int = 4) -> Floats:
    """Values to so many significant digits: short in a file, and equal on every platform."""
    array = np.asarray(values, dtype=float)
    short = [float(f"{value:.{digits}g}") for value in array.ravel().tolist()]
    return np.array(short).reshape(array.shape)


def apportion(weights: npt.ArrayLike, total: int, least: int = 0) -> Ints:
    """Whole parts of `total` in proportion to `weights`, but each at least `least`.

    Largest remainders win; `total` has to be at least `least` times the number of parts.
    """
    share = np.asarray(weights, dtype=float)
    small = np.zeros(len(share), dtype=bool)
    ideal = share
    for _ in range(len(share) + 1):
        left = total - least * int(small.sum())
        ideal = np.where(small, least, share * (left / max(share[~small].sum(), 1e-300)))
        if not (ideal < least).any():
            break
        small |= ideal < least
    parts = np.floor(ideal).astype(np.int64)
    missing = total - int(parts.sum())
    parts[np.argsort(np.where(small, np.inf, parts - ideal), kind="stable")[:missing]] += 1
    return np.asarray(parts)


def quota(rng: Rng, size: int, weights: Sequence[float]) -> Ints:
    """`size` codes in random order, each code as often as its weight asks for, to rounding."""
    codes = np.repeat(np.arange(len(weights)), apportion(weights, size))
    return np.asarray(rng.permutation(codes))


def zipf(size: int, exponent: float) -> Floats:
    """Popularity of the ranks 1, 2, ..., adding up to one."""
    weights = np.arange(1, size + 1, dtype=float) ** -exponent
    return np.asarray(weights / weights.sum())


def pick(rng: Rng, weights: npt.ArrayLike, size: int) -> Ints:
    """`size` independent codes drawn in proportion to `weights`."""
    edges = np.cumsum(np.asarray(weights, dtype=float))
    codes = np.searchsorted(edges, rng.random(size) * edges[-1], side="right")
    return np.asarray(np.minimum(codes, len(edges) - 1), dtype=np.int64)
