"""An output of the board held against the golden one, value by value."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ._result import Difference

if TYPE_CHECKING:
    from edgequant._bundle import TensorFile

Array = NDArray[Any]


def read_arrays(golden: Path, fetched: Path, tensor: "TensorFile") -> tuple[Array, Array] | None:
    """Return the values of a golden file and of the board's; None if that one's header or size is another.

    A golden file has one form, and the runner writes that form: nothing is parsed that a board wrote.
    """
    if fetched.stat().st_size != golden.stat().st_size:
        return None
    before, after = golden.read_bytes(), fetched.read_bytes()
    header = len(before) - math.prod(tensor.shape) * np.dtype(tensor.dtype).itemsize
    if before[:header] != after[:header]:
        return None
    expected, got = (np.frombuffer(content[header:], tensor.dtype).reshape(tensor.shape) for content in (before, after))
    return expected, got


def difference(expected: Array, got: Array) -> Difference | None:
    """Return how two arrays of one shape and type differ, bit by bit; None if they do not."""
    where = np.flatnonzero(differs(expected, got))
    if where.size == 0:
        return None
    first = tuple(int(place) for place in np.unravel_index(where[0], expected.shape))
    before, after = (array.ravel()[where] for array in (expected, got))
    number = int if _is_whole(expected) else float
    values, largest = (number(before[0]), number(after[0])), number(_distances(before, after).max())
    return Difference(int(where.size), int(expected.size), first, *values, largest, (expected, got))


def differs(expected: Array, got: Array) -> NDArray[np.bool_]:
    """Return of each value, in C order, whether its bits differ."""
    places: NDArray[np.bool_] = (_bits(expected) != _bits(got)).any(axis=1)
    return places


def is_near(expected: Array, found: Difference, tolerance: float) -> bool:
    """Tell whether a difference is tolerated: integers in steps, floats as a share of the largest golden value.

    A tolerance of 0 tolerates none, not even the sign of a zero.
    """
    whole = 1.0 if _is_whole(expected) else float(np.abs(expected.astype(np.float64)).max(initial=0))
    return tolerance > 0 and found.largest <= tolerance * whole < math.inf


def _is_whole(array: Array) -> bool:
    return array.dtype.kind in "iub"


def _distances(before: Array, after: Array) -> Array:
    """Return how far each value is from the other; integers exactly, infinity where one is not finite."""
    if _is_whole(before):  # the bits less the bits wrap around to what no signed type may hold
        first, second = (array.view(f"u{array.itemsize}") for array in (before, after))
        apart: Array = np.where(before > after, first - second, second - first)
        return apart
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs(before.astype(np.float64) - after.astype(np.float64))
    return np.nan_to_num(apart, nan=np.inf, posinf=np.inf)


def _bits(array: Array) -> NDArray[np.uint8]:
    return np.ascontiguousarray(array).view(np.uint8).reshape(-1, array.dtype.itemsize)
