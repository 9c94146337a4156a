"""Trained constants as integers: symmetric weights, and biases that always fit."""

import math
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from edgequant_converters._weight_grid import int4_scales
from edgequant_converters.ir import NUMPY_TYPES, Operator, Quantization, Tensor

from ._specification import COLUMNS, INT16

LARGEST = {"INT8": 127, "INT4": 7}
"""Weights are symmetric, so the most negative integer of a type is not used."""

LARGEST_BIAS = {"INT32": 1 << 30, "INT64": 1 << 45}
"""Half of what an accumulator has room for (LiteRT's of int16x8 layers has 47 bits): products are added to it."""


_OFF_GRID = 1e-3
"""How far, in steps, a float32 product of an integer and a scale is from that integer, at the most."""


def axis_of(axis: int, operator: Operator, position: int) -> int:
    """Return an axis of a constant input, counted from the front."""
    if axis != COLUMNS:
        return axis
    tensor = operator.inputs[position]
    assert tensor is not None
    return tensor.rank - (2 if operator.options.get("adjY") else 1)


_known: WeakKeyDictionary[Tensor, dict[tuple[object, ...], Any]] = WeakKeyDictionary()
"""What was made of constants, which never change, for as long as they are: dozens of models are written of one hub."""


def weight_scales(tensor: Tensor, axis: int | None, kind: str) -> NDArray[np.float64]:
    """Return max|w| / 127 (int4: / 7) of each channel, or of all weights if `axis` is None; 0 where all are zero."""
    known = _known.setdefault(tensor, {})
    if (axis, kind) not in known:
        others = tuple(i for i in range(tensor.rank) if i != axis)
        largest = np.abs(tensor.values).max(axis=others, initial=0.0).astype(np.float64)
        known[axis, kind] = np.atleast_1d(largest) / LARGEST[kind]
        known[axis, kind].setflags(write=False)  # all who ask get this one
    scales: NDArray[np.float64] = known[axis, kind]
    return scales


def scales_with_bias(
    scales: NDArray[np.float64], bias: NDArray[np.float32] | None, input_scale: float, wide: bool
) -> NDArray[np.float64]:
    """Return weight scales at which the bias, in steps of input scale times weight scale, fits its type.

    A channel that is nearly dead has weights so small that its bias would need more than 32 bits. As TensorFlow's
    converter does, such a channel gets coarser weights, which it does not miss. One of zeros, as a padding token's,
    gets the coarsest of the others: LiteRT does not open a layer where a scale is too large beside the output's.
    """
    room = LARGEST_BIAS["INT64" if wide else "INT32"]
    needed = np.zeros_like(scales)
    if bias is not None:
        magnitudes = np.abs(bias.astype(np.float64)).ravel() / (input_scale * room)
        needed = magnitudes if scales.size == magnitudes.size else np.full_like(scales, magnitudes.max(initial=0.0))
    raised = np.maximum(scales, needed)
    return np.where(raised > 0, raised, raised.max(initial=0.0) or 1.0)


def stored_weights(tensor: Tensor, scales: NDArray[np.float64], axis: int | None, kind: str) -> Tensor:
    """Return a constant as symmetric integers with these scales."""
    known, key = _known.setdefault(tensor, {}), (axis, kind, scales.tobytes())
    steps_of = scales.astype(np.float32)
    if key not in known:
        values = tensor.values.astype(np.float64)
        along = steps_of if axis is None else steps_of.reshape([-1 if i == axis else 1 for i in range(values.ndim)])
        steps = np.clip(np.rint(values / along), -LARGEST[kind], LARGEST[kind])
        known[key] = np.ascontiguousarray(steps.astype(np.int8).astype(NUMPY_TYPES[kind])).reshape(tensor.shape)
    quantization = Quantization(steps_of, np.zeros(scales.size, np.int64), axis or 0)
    return Tensor(tensor.name, tensor.shape, kind, known[key], quantization)


def weights_as_they_were(tensor: Tensor, bias: NDArray[np.float32] | None, input_scale: float) -> Tensor | None:
    """Return the integers that float weights were made of, on the scales that they remember (see `passes.widen`).

    None if they remember none, or lie between the steps, or if a bias of 32 bits has no room on these scales.
    """
    had = tensor.quantization
    if had is None or had.block:
        return None
    shape = [1] * tensor.rank
    if had.scale.size > 1:
        shape[had.axis] = had.scale.size
    steps = tensor.values.astype(np.float64) / np.where(had.scale > 0, had.scale, 1).astype(np.float64).reshape(shape)
    whole = np.rint(steps)
    if (
        np.abs(steps - whole).max(initial=0.0) > _OFF_GRID
        or not -128 <= whole.min(initial=0) <= whole.max(initial=0) <= 127
    ):
        return None
    if bias is not None and np.abs(bias / (input_scale * had.scale)).max(initial=0.0) >= 1 << 31:
        return None
    return Tensor(tensor.name, tensor.shape, "INT8", whole.astype(np.int8), had)


def real_weights(tensor: Tensor) -> NDArray[np.float64]:
    """Return what stored weights stand for."""
    grid = tensor.quantization
    assert grid is not None
    shape = [-1 if i == grid.axis else 1 for i in range(tensor.rank)] if grid.scale.size > 1 else []
    points, scales = grid.zero_point.reshape(shape or -1), grid.scale.astype(np.float64).reshape(shape or -1)
    return np.asarray((tensor.values.astype(np.float64) - points) * scales)


def stored_bias(
    tensor: Tensor, values: NDArray[np.float64], input_scale: float, weight_scales: NDArray[np.float32], wide: bool
) -> Tensor:
    """Return `values`, for the bias `tensor`, in whole steps of input scale times weight scale, as one row.

    They are int64 beside int16 activations, else int32. Scales are of the first axis, not of the second of (1, n).
    """
    scales = (np.float32(input_scale) * weight_scales).astype(np.float32)
    steps = np.rint(values.ravel() / scales.astype(np.float64))
    kind = "INT64" if wide else "INT32"
    return Tensor(
        tensor.name,
        steps.shape,
        kind,
        np.asarray(steps, NUMPY_TYPES[kind]),
        Quantization(scales, np.zeros(scales.size, np.int64)),
    )


def fits_int4(values: NDArray[np.float32], axis: int) -> bool:
    """Tell whether training has put these weights on a 4-bit grid."""
    return int4_scales(values, axis) is not None


def is_trained(tensor: Tensor | None) -> bool:
    """Tell whether a tensor is a constant of finite floats."""
    return tensor is not None and isinstance(tensor.data, np.ndarray) and is_finite(tensor.values)


def is_finite(values: NDArray[Any]) -> bool:
    """Tell whether an array holds floats, all of which are finite."""
    return values.dtype == np.float32 and bool(np.isfinite(values).all())


def needs_wide_bias(kind: str) -> bool:
    """Tell whether activations of this type go with biases of 64 bits."""
    return kind == INT16


def power_of_two_above(value: float) -> float:
    """Return the smallest power of two that is not below a positive value."""
    return float(2.0 ** math.ceil(math.log2(value)))
