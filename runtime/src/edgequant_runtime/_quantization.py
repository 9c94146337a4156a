"""Linear quantization at a session's edge: real values in, the model's integers inside, real values out.

The arithmetic is that of the QUANTIZE and DEQUANTIZE operators as LiteRT runs them by default (XNNPACK), so that a
model with integer inputs gets the integers which the same model with float inputs computes for itself:

    q = zero_point + round_half_to_even(clamp(x * (1 / scale)))        in float32
    x = scale * (q - zero_point)                                       in float32

Values outside the integer's range, infinities included, saturate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._errors import InputError
from ._tensor_info import TensorInfo

if TYPE_CHECKING:
    from numpy.typing import NDArray


def quantize(values: NDArray[Any], info: TensorInfo) -> NDArray[Any]:
    """Return real `values` as the integers of the quantized tensor `info`; raises InputError for NaN."""
    if np.isnan(values).any():
        raise InputError(f"The input '{info.name}' contains NaN, which no {info.dtype} value stands for.")
    scale, zero_point = _parameters(info)
    limits = np.iinfo(info.dtype)
    with np.errstate(over="ignore"):
        scaled = values.astype(np.float32) * (np.float32(1) / scale)
    clamped = np.clip(scaled, np.float32(limits.min - zero_point), np.float32(limits.max - zero_point))
    return np.asarray(np.rint(clamped).astype(np.int32) + np.int32(zero_point), info.dtype)


def dequantize(integers: NDArray[Any], info: TensorInfo) -> NDArray[np.float32]:
    """Return the real values, float32, that the `integers` of the quantized tensor `info` stand for."""
    scale, zero_point = _parameters(info)
    return np.asarray((integers.astype(np.int32) - np.int32(zero_point)).astype(np.float32) * scale)


def _parameters(info: TensorInfo) -> tuple[np.float32, int]:
    if info.scale is None or info.zero_point is None:
        raise ValueError(f"'{info.name}' is not quantized")
    return np.float32(info.scale), info.zero_point
