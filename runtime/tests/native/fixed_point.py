"""gemmlowp's products of an integer and a scale in numpy, as LiteRT and TensorFlow Lite Micro have them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def _multiplier(scale: np.float64) -> tuple[int, int]:
    fraction, exponent = np.frexp(scale)
    multiplier = int(np.round(fraction * 2**31))
    return (multiplier // 2, int(exponent) + 1) if multiplier == 2**31 else (multiplier, int(exponent))


def rescale(x: NDArray[np.int64], scale: np.float64, *, ties_up: bool = False) -> NDArray[np.int64]:
    """`MultiplyByQuantizedMultiplier` of int32; with `ties_up`, the second rounding is ruy's."""
    multiplier, exponent = _multiplier(scale)
    high = (x * 2 ** max(0, exponent) * multiplier + 2**30) >> 31
    right = max(0, -exponent)
    away = 0 if ties_up else high < 0
    return np.asarray((high + (1 << right >> 1) - away) >> right if right else high)


def rescale_by_sixteen_bits(x: NDArray[np.int64], scale: np.float64) -> NDArray[np.int64]:
    """`MultiplyByQuantizedMultiplier` of int64, which has 15 bits for the scale."""
    multiplier, exponent = _multiplier(scale)
    reduced = (multiplier + 2**15) >> 16 if multiplier < 0x7FFF0000 else 0x7FFF
    right = 15 - exponent
    return np.asarray((x * reduced + (1 << (right - 1))) >> right)
