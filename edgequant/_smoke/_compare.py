"""An output of the board held against the golden one, value by value."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ._result import Difference


def read_array(path: Path) -> "NDArray[np.generic] | None":
    """Return the array of a .npy file, None if it is damaged."""
    try:
        array: NDArray[np.generic] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return array


def difference(expected: "NDArray[np.generic]", got: "NDArray[np.generic]") -> Difference | None:
    """Return how two arrays of one shape and type differ, bit by bit; None if they do not."""
    differs = _bits(expected) != _bits(got)
    where = np.flatnonzero(differs.any(axis=1))
    if where.size == 0:
        return None
    first = tuple(int(place) for place in np.unravel_index(where[0], expected.shape))
    before, after = (array.astype(np.float64) for array in (expected, got))
    with np.errstate(invalid="ignore"):
        distance = np.abs(before - after).ravel()[where]
    largest = float(np.nan_to_num(distance, nan=np.inf, posinf=np.inf).max())
    values = (float(before[first]), float(after[first]))
    return Difference(int(where.size), int(expected.size), first, *values, largest, (expected, got))


def is_near(expected: "NDArray[np.generic]", found: Difference, tolerance: float) -> bool:
    """Tell whether a difference is tolerated: integers in steps, floats as a share of the largest golden value."""
    whole = 1.0 if expected.dtype.kind in "iub" else float(np.abs(expected.astype(np.float64)).max(initial=0))
    return found.largest <= tolerance * whole


def _bits(array: "NDArray[np.generic]") -> NDArray[np.uint8]:
    return np.ascontiguousarray(array).view(np.uint8).reshape(-1, array.dtype.itemsize)
