"""Where the values of a resized axis come from: by index for the nearest, by a matrix of weights for all other modes.

The formulas are those of ONNX's definition of Resize; in float32, because ONNX Runtime decides ties so.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_Values = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis that is resized: old and new size, the scale between them, and the part of it that is read."""

    old: int
    new: int
    scale: float
    start: float = 0.0
    end: float = 1.0


@dataclass(frozen=True, slots=True)
class Mode:
    """How values are taken, by the names of Resize's attributes."""

    mode: str
    coordinates: str
    rounding: str = "round_prefer_floor"
    cubic: float = -0.75
    antialias: bool = False
    exclude_outside: bool = False


def _half_pixel(x: _Values, axis: Axis) -> _Values:
    return (x + np.float32(0.5)) / np.float32(axis.scale) - np.float32(0.5)


def _half_pixel_symmetric(x: _Values, axis: Axis) -> _Values:
    adjustment = axis.new / (axis.scale * axis.old)
    return np.float32(axis.old / 2 * (1 - adjustment)) + _half_pixel(x, axis)


def _align_corners(x: _Values, axis: Axis) -> _Values:
    return x * np.float32(axis.old - 1) / np.float32(axis.new - 1) if axis.new > 1 else x * np.float32(0)


def _crop(x: _Values, axis: Axis) -> _Values:
    start, end, last = np.float32(axis.start), np.float32(axis.end), np.float32(axis.old - 1)
    if axis.new > 1:
        return start * last + x * (end - start) * last / np.float32(axis.new - 1)
    return x * np.float32(0) + np.float32(0.5) * (start + end) * last


_POSITIONS: dict[str, Callable[[_Values, Axis], _Values]] = {
    "half_pixel": _half_pixel,
    "half_pixel_symmetric": _half_pixel_symmetric,
    "pytorch_half_pixel": lambda x, axis: _half_pixel(x, axis) if axis.new > 1 else x * np.float32(0),
    "align_corners": _align_corners,
    "asymmetric": lambda x, axis: x / np.float32(axis.scale),
    "tf_half_pixel_for_nn": lambda x, axis: (x + np.float32(0.5)) / np.float32(axis.scale),
    "tf_crop_and_resize": _crop,
}

COORDINATES = frozenset(_POSITIONS)

_ROUNDINGS: dict[str, Callable[[_Values], _Values]] = {
    "round_prefer_floor": lambda x: np.ceil(x - np.float32(0.5)),
    "round_prefer_ceil": lambda x: np.floor(x + np.float32(0.5)),
    "floor": np.floor,
    "ceil": np.ceil,
}


def positions(axis: Axis, mode: Mode) -> _Values:
    """Return where each new index lies among the old ones."""
    return np.asarray(_POSITIONS[mode.coordinates](np.arange(axis.new, dtype=np.float32), axis), np.float32)


def nearest(axis: Axis, mode: Mode) -> NDArray[np.int64]:
    """Return the old index for each new one."""
    rounded = _ROUNDINGS[mode.rounding](positions(axis, mode))
    return np.clip(rounded, 0, axis.old - 1).astype(np.int64)


def weights(axis: Axis, mode: Mode) -> NDArray[np.float32]:
    """Return a matrix (new, old) of what each old value counts."""
    radius = 1 if mode.mode == "linear" else 2
    narrow = min(1.0, axis.scale) if mode.antialias else 1.0
    at = positions(axis, mode).astype(np.float64)
    if radius == 1 and not mode.antialias:
        at = np.clip(at, 0, axis.old - 1)
    reach = int(np.ceil(radius / narrow))
    taps = np.floor(at)[:, None].astype(np.int64) + np.arange(1 - reach, reach + 1)
    shares = _kernel(np.abs(taps - at[:, None]) * narrow, radius, mode.cubic)
    if mode.antialias:
        shares /= shares.sum(1, keepdims=True)
    if mode.exclude_outside:
        shares = shares * ((taps >= 0) & (taps < axis.old))
        shares /= shares.sum(1, keepdims=True)
    made = np.zeros((axis.new, axis.old))
    np.add.at(made, (np.arange(axis.new)[:, None], np.clip(taps, 0, axis.old - 1)), shares)
    return made.astype(np.float32)


def _kernel(distance: _Values, radius: int, a: float) -> _Values:
    """Return the weight at a distance: of the triangle, or of Keys' cubic convolution with the coefficient a."""
    if radius == 1:
        return np.asarray(np.maximum(0.0, 1 - distance))
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = ((distance - 5) * distance + 8) * distance * a - 4 * a
    return np.asarray(np.where(distance <= 1, near, np.where(distance < 2, far, 0.0)))
