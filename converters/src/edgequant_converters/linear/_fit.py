"""Finding scale and zero point: from a tensor's values, or from a range that is known."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from edgequant_converters._errors import UnsupportedError

from ._quantizer import Floats, LinearQuantizer

BITS = range(2, 17)
"""The widths that are supported: beyond 16 bits float32 itself is the coarser one."""


def fit(
    values: ArrayLike,
    *,
    bits: int = 8,
    signed: bool = True,
    symmetric: bool = True,
    axis: int | None = None,
    group_size: int | None = None,
    scale_dtype: DTypeLike | None = None,
) -> LinearQuantizer:
    """Return the quantizer whose range is exactly that of the values: nothing is clipped, zero is exact.

    Neither `axis` nor `group_size`: one scale for the tensor. `axis` alone: one for each index of that axis.
    `group_size`: one for every run of so many values along `axis` (default: the last) and every index of all others.
    The other arguments are those of `from_range`. An empty or all-zero slice gets scale 1.

    float16 and bfloat16 tensors are computed in float32, integers in float64.

    Raises UnsupportedError for infinities and NaN, complex values, an axis that is not there, and a `group_size` that
    does not divide its axis.
    """
    array = _as_floats(values)
    axis = _checked_axis(array.shape, -1 if axis is None and group_size is not None else axis)
    if group_size is not None:
        grouped, reduced = _grouped(array, axis, group_size)
        low, high = _extremes(grouped, reduced, keepdims=False)
    else:
        low, high = _extremes(array, tuple(i for i in range(array.ndim) if i != axis), keepdims=True)
    quantizer = from_range(low, high, bits=bits, signed=signed, symmetric=symmetric, scale_dtype=scale_dtype)
    return LinearQuantizer(
        quantizer.scale, quantizer.zero_point, quantizer.lowest, quantizer.highest, axis=axis, group_size=group_size
    )


def from_range(
    low: ArrayLike,
    high: ArrayLike,
    *,
    bits: int = 8,
    signed: bool = True,
    symmetric: bool = True,
    scale_dtype: DTypeLike | None = None,
) -> LinearQuantizer:
    """Return the quantizer for values from `low` to `high` (numbers, or arrays of one shape: one range per entry).

    The range is widened to hold 0, which is then represented exactly: padding and ReLU depend on that.
    Symmetric: integers -(2^(bits-1) - 1) to 2^(bits-1) - 1, zero point 0, scale = max(|low|, |high|) / highest.
    Asymmetric: all 2^bits integers, scale = (high - low) / (2^bits - 1), zero point = round(lowest - low / scale).
    These are the rules of the LiteRT 8-bit specification for weights and for activations.

    `scale_dtype`: the float type in which the scales will be stored; they are rounded up to it, so that nothing is
    clipped. A scale is never below the smallest normal number, because 32-bit NEON takes subnormals for zero.

    Raises UnsupportedError for bits outside 2..16, symmetric unsigned integers, limits that are not finite, and
    scales that `scale_dtype` cannot hold.
    """
    if bits not in BITS:
        raise UnsupportedError(f"Linear quantization takes {BITS[0]} to {BITS[-1]} bits, not {bits}.")
    if symmetric and not signed:
        raise UnsupportedError("Symmetric ranges need signed integers: leave out signed=False, or add symmetric=False.")
    low, high = _finite_range(low, high)
    integer = np.dtype(f"{'int' if signed else 'uint'}{8 if bits <= 8 else 16}")
    if symmetric:
        highest = 2 ** (bits - 1) - 1
        scale = _usable(np.maximum(-low, high) / low.dtype.type(highest), scale_dtype)
        return LinearQuantizer(scale, np.zeros(scale.shape, integer), -highest, highest)
    lowest = -(2 ** (bits - 1)) if signed else 0
    steps = 2**bits - 1
    # Divided first: the difference of the limits could overflow.
    scale = _usable(high / low.dtype.type(steps) - low / low.dtype.type(steps), scale_dtype)
    zero_point = np.clip(np.rint(lowest - low / scale), lowest, lowest + steps).astype(integer)
    return LinearQuantizer(scale, zero_point, lowest, lowest + steps)


def _usable(scale: Floats, dtype: DTypeLike | None) -> Floats:
    """Return scales above 0: 1 for a range of zeros, no subnormals, and what `dtype` holds, rounded up."""
    smallest = np.finfo(scale.dtype).smallest_normal
    scale = np.where(scale > 0, np.maximum(scale, smallest), scale.dtype.type(1))
    if dtype is None:
        return scale
    with np.errstate(over="ignore"):
        narrow = scale.astype(dtype)
    above = np.nextafter(narrow, np.asarray(np.inf, dtype))
    rounded: Floats = np.where(narrow.astype(scale.dtype) < scale, above, narrow).astype(scale.dtype)
    if not np.isfinite(rounded).all():
        raise UnsupportedError(f"The scales do not fit {np.dtype(dtype)}: store them in a wider type.")
    return rounded


def _finite_range(low: ArrayLike, high: ArrayLike) -> tuple[Floats, Floats]:
    low, high = np.minimum(_as_floats(low), 0), np.maximum(_as_floats(high), 0)
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        raise UnsupportedError("The tensor holds infinite values or NaN, which have no scale: clip or repair them.")
    return low, high


def _as_floats(values: ArrayLike) -> Floats:
    array = np.asarray(values)
    if array.dtype.kind in "cOSUM":
        raise UnsupportedError(f"Linear quantization takes an array of real numbers, not of {array.dtype}.")
    return array.astype(np.result_type(array, np.float32), copy=False)


def _checked_axis(shape: tuple[int, ...], axis: int | None) -> int | None:
    if axis is None:
        return None
    if not -len(shape) <= axis < len(shape):
        raise UnsupportedError(f"A tensor of shape {shape} has no axis {axis}.")
    return axis % len(shape)


def _grouped(array: Floats, axis: int | None, group_size: int) -> tuple[Floats, int]:
    """Return the tensor with its axis split into (groups, group_size), and the number of the latter axis."""
    assert axis is not None
    length = array.shape[axis]
    if group_size < 1 or length % group_size:
        raise UnsupportedError(
            f"Groups of {group_size} do not divide the {length} values along axis {axis}: "
            f"take a divisor of {length}, or one scale per channel."
        )
    split = (*array.shape[:axis], length // group_size, group_size, *array.shape[axis + 1 :])
    return array.reshape(split), axis + 1


def _extremes(array: Floats, axes: int | tuple[int, ...], *, keepdims: bool) -> tuple[NDArray[Any], NDArray[Any]]:
    zero = array.dtype.type(0)
    low = np.min(array, axis=axes, keepdims=keepdims, initial=zero)
    return low, np.max(array, axis=axes, keepdims=keepdims, initial=zero)
