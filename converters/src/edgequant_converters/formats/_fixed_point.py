"""Q-format arithmetic with saturation, as DSP libraries and NEON's saturating instructions do it.

Qn keeps a number x as the integer x 2^n. Sums keep their scale; a product has 2n fraction bits and is shifted right by
n, which rounds towards minus infinity. All functions take whole numbers or arrays of them (the stored integers) and
return int64 arrays, or an int64 for single numbers.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgequant_converters._errors import UnsupportedError

from ._catalogue import NumberFormat

ACCUMULATOR = np.iinfo(np.int32)
"""Sums of products are kept in 32 bits, as NEON's dot product keeps them, and saturate there."""

Integers = NDArray[np.int64]


def to_fixed(values: ArrayLike, number_format: NumberFormat) -> Integers:
    """Return the stored integers of real values, rounded to nearest even and saturated; raises for NaN."""
    _check(number_format)
    scaled = np.rint(np.ldexp(np.asarray(values, np.float64), number_format.fraction_bits))
    if np.isnan(scaled).any():
        raise UnsupportedError(f"{number_format.name} holds numbers only: the values have a NaN.")
    lowest, highest = _range(number_format)
    return np.asarray(np.clip(scaled, lowest, highest).astype(np.int64))


def from_fixed(integers: ArrayLike, number_format: NumberFormat) -> NDArray[np.float64]:
    """Return the real values of stored integers, exactly: integers / 2^n."""
    return np.asarray(np.ldexp(np.asarray(_stored(integers, number_format), np.float64), -number_format.fraction_bits))


def add(a: ArrayLike, b: ArrayLike, number_format: NumberFormat) -> Integers:
    """Return a + b in the format, saturated (NEON: SQADD)."""
    return _saturate(_stored(a, number_format) + _stored(b, number_format), *_range(number_format))


def multiply(a: ArrayLike, b: ArrayLike, number_format: NumberFormat) -> Integers:
    """Return a x b in the format: (a b) >> n, saturated. Only -1 x -1 in Qn saturates (NEON: SQDMULH)."""
    product = _stored(a, number_format) * _stored(b, number_format) >> number_format.fraction_bits
    return _saturate(product, *_range(number_format))


def multiply_accumulate(accumulator: ArrayLike, a: ArrayLike, b: ArrayLike, number_format: NumberFormat) -> Integers:
    """Return accumulator + ((a x b) >> n): one step of a dot product in a 32-bit accumulator, saturated.

    The accumulator has the format's n fraction bits and more integer bits. The same bits give different sums:

    >>> from edgequant_converters.formats import format_named
    >>> int(multiply_accumulate(500, -50, 30, format_named("int8")))
    -1000
    >>> int(multiply_accumulate(500, -50, 30, format_named("q7")))  # 500 + (-1500 >> 7) = 500 - 12
    488
    >>> 488 / 2**7
    3.8125
    """
    product = _stored(a, number_format) * _stored(b, number_format) >> number_format.fraction_bits
    sums = np.asarray(accumulator)
    _check_within(sums, int(ACCUMULATOR.min), int(ACCUMULATOR.max), "The 32-bit accumulator")
    return _saturate(sums.astype(np.int64) + product, int(ACCUMULATOR.min), int(ACCUMULATOR.max))


def _stored(integers: ArrayLike, number_format: NumberFormat) -> Integers:
    _check(number_format)
    array = np.asarray(integers)
    _check_within(array, *_range(number_format), number_format.name)
    return np.asarray(array.astype(np.int64))


def _check(number_format: NumberFormat) -> None:
    # Products of 32-bit integers are the widest that int64 can hold.
    if number_format.kind == "float" or number_format.bits > 32 or not number_format.sign_bits:
        raise UnsupportedError(
            f"Fixed-point arithmetic is for signed integers of up to 32 bits and for q7, q15 and q31, "
            f"not for {number_format.name}."
        )


def _check_within(array: NDArray[Any], lowest: int, highest: int, holder: str) -> None:
    if array.dtype.kind not in "iu":
        raise UnsupportedError(f"{holder} holds whole numbers, not {array.dtype}: use to_fixed for real values.")
    if array.size and (int(array.min()) < lowest or int(array.max()) > highest):
        raise UnsupportedError(
            f"{holder} holds integers from {lowest} to {highest}, and these span {array.min()} to {array.max()}."
        )


def _range(number_format: NumberFormat) -> tuple[int, int]:
    """Return the lowest and the highest stored integer."""
    steps = 1 << number_format.fraction_bits
    return int(number_format.lowest * steps), int(number_format.max * steps)


def _saturate(values: Integers, lowest: int, highest: int) -> Integers:
    saturated: Integers = np.clip(values, lowest, highest)
    return saturated
