"""From ranges of real values to the integers that stand for them."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from edgequant_converters.ir import NUMPY_TYPES, Quantization, Tensor

from ._specification import FLOAT, INT8, INT16

Range = tuple[float, float]

LIMITS = {INT8: (-128, 127), "UINT8": (0, 255), INT16: (-32768, 32767), "INT4": (-8, 7)}
"""The smallest and largest integer of each type."""

_SMALLEST_SCALE = float(np.finfo(np.float32).tiny) * 2**24
"""Below it quotients of scales leave float32."""

_OF_ZEROS = {INT8: 0.5, "UINT8": 0.5, INT16: 2.0**-15}
"""The steps of what is always 0. LiteRT's sums of int16 lose what is below 2^-15 of the coarser step, of int8 2^-20."""

COARSEST_SUMMAND = {INT8: 2.0**19, INT16: 2.0**14}
"""From here on a summand's scale is too large for the result's: LiteRT's kernels add values shifted by 20 or 15 bits,
and twice the largest scale of a summand over the result's, the multiplier from there to it, has to be below 1."""


def grid_of(kind: str, low: float, high: float) -> Quantization:
    """Return scale and zero point for values from `low` to `high`; zero is always among the exact values.

    int8 uses all of -128..127; int16 has no zero point (LiteRT's kernels have none) and -32767..32767.
    """
    low, high = min(low, 0.0), max(high, 0.0)
    if kind == INT16:
        scale = max(-low, high) / 32767
        return Quantization.of(scale if scale > _SMALLEST_SCALE else _OF_ZEROS[kind])
    first, last = LIMITS[kind]
    scale = (high - low) / (last - first)
    if scale <= _SMALLEST_SCALE:
        return Quantization.of(_OF_ZEROS[kind], 0 if kind == INT8 else 128)
    scale = float(np.float32(scale))
    return Quantization.of(scale, int(np.clip(round(first - low / scale), first, last)))


def at_least(grid: Quantization, scale: float, kind: str) -> Quantization:
    """Return the grid, or a coarser one around the same values if its steps are smaller than `scale`."""
    own = float(grid.scale[0])
    if own >= scale:
        return grid
    first, last = LIMITS[kind]
    low, high = ((limit - int(grid.zero_point[0])) * own for limit in (first, last))
    factor = scale / own
    return grid_of(kind, low * factor, high * factor)


def is_too_coarse(summand: Quantization, result: Quantization, kind: str) -> bool:
    """Tell whether LiteRT ends the process over the scale of one summand of ADD or SUB over that of the result."""
    return float(summand.scale[0]) >= COARSEST_SUMMAND[kind] * float(result.scale[0])


def summand_grid(kind: str, ends: Range, result: Quantization) -> Quantization:
    """Return the grid of a constant that is added or subtracted: the result's where its own values are nothing in it.

    Zeros have no scale of their own, and that of what is always 0 may be too coarse.
    """
    own = grid_of(kind, *ends)
    is_nothing = max(map(abs, ends)) < float(result.scale[0]) and is_too_coarse(own, result, kind)
    return result if is_nothing else own


def shifted(grid: Quantization, offset: int) -> Quantization:
    """Return the grid of the same real values for integers that are `offset` larger."""
    return Quantization(grid.scale, grid.zero_point + offset)


def same_grid(first: Quantization, second: Quantization) -> bool:
    """Tell whether equal integers stand for equal values."""
    return bool(np.array_equal(first.scale, second.scale) and np.array_equal(first.zero_point, second.zero_point))


def on_grid(values: NDArray[np.float32], grid: Quantization, kind: str) -> NDArray[np.generic]:
    """Return the nearest integers of a grid of one scale; what lies outside becomes the nearest of its ends."""
    steps = np.rint(values.astype(np.float64) / float(grid.scale[0])) + int(grid.zero_point[0])
    return np.asarray(np.clip(steps, *LIMITS[kind]), NUMPY_TYPES[kind])


def value_range(values: NDArray[np.float32]) -> Range:
    """Return the smallest and largest value; zeros if there are none."""
    return (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)


def union(ranges: Iterable[Range]) -> Range:
    """Return the smallest range that has all of these in it, and zero."""
    found = [(0.0, 0.0), *ranges]
    return min(low for low, _ in found), max(high for _, high in found)


def is_float(tensor: Tensor | None) -> bool:
    """Tell whether a tensor holds float32 numbers."""
    return tensor is not None and tensor.type == FLOAT
