"""The map between real values and integers, once its scale and zero point are known."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgequant_converters._errors import UnsupportedError

Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class LinearQuantizer:
    """Quantizes with q = clip(round(x / scale) + zero_point, lowest, highest), rounding half to even.

    `scale` (float32 or float64, above 0) and `zero_point` (of the integers' dtype) have the tensor's rank, or rank 0
    for one pair in all: 1 along every axis for one pair per tensor, 1 along all but `axis` for one per channel. With a
    `group_size`, an entry along `axis` is for that many neighbours there.
    """

    scale: Floats
    zero_point: Integers
    lowest: int
    highest: int
    axis: int | None = None
    group_size: int | None = None

    @property
    def dtype(self) -> np.dtype[np.integer[Any]]:
        """The narrowest numpy type of 8 or 16 bits for the integers."""
        return self.zero_point.dtype

    def quantize(self, values: ArrayLike) -> Integers:
        """Return the integers; values beyond the range, infinities too, saturate. Raises UnsupportedError for NaN."""
        array = np.asarray(values)
        scale, zero_point = self._expanded(self.scale, array), self._expanded(self.zero_point, array)
        with np.errstate(over="ignore"):
            steps = np.rint(array / scale) + zero_point
        if np.isnan(steps).any():
            raise UnsupportedError("The tensor holds NaN, which no integer stands for: repair the values first.")
        integers: Integers = np.clip(steps, self.lowest, self.highest).astype(self.dtype)
        return integers

    def dequantize(self, integers: ArrayLike) -> Floats:
        """Return scale x (integers - zero_point), in the dtype of the scale."""
        array = np.asarray(integers)
        scale, zero_point = self._expanded(self.scale, array), self._expanded(self.zero_point, array)
        largest = np.finfo(scale.dtype).max
        with np.errstate(over="ignore"):  # 127 x (largest / 127) may be rounded past the largest float
            restored = (array.astype(scale.dtype) - zero_point.astype(scale.dtype)) * scale
        return np.asarray(np.clip(restored, -largest, largest))

    def round_trip(self, values: ArrayLike) -> Floats:
        """Return what is left of the values after quantizing: within half a scale of them, if they are in range."""
        return self.dequantize(self.quantize(values))

    def _expanded(self, parameter: NDArray[Any], array: NDArray[Any]) -> NDArray[Any]:
        """Return a scale or zero point that broadcasts against the tensor: one entry per value along a grouped axis."""
        if self.group_size is not None and self.axis is not None and parameter.ndim == array.ndim:
            parameter = np.repeat(parameter, self.group_size, axis=self.axis)
        if parameter.ndim == 0:
            return parameter
        pairs = zip(parameter.shape, array.shape, strict=False)
        if parameter.ndim != array.ndim or any(p not in (1, n) for p, n in pairs):
            raise UnsupportedError(
                f"The scales have the shape {self.scale.shape}, which does not fit a tensor of shape {array.shape}: "
                "use the quantizer on tensors like the one it was made for."
            )
        return parameter
