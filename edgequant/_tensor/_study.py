"""Quantize a tensor in several ways, and along two curves."""

import math
import os
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from edgequant_converters.linear import LinearQuantizer, error, fit, from_range
from numpy.typing import ArrayLike, NDArray

from edgequant._errors import EdgequantError

SCALE_BITS = 32
GROUP = 8
SHARES = tuple(round(0.1 + 0.025 * step, 3) for step in range(37))
"""Of the largest magnitude: the ends of the ranges on the curve."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to quantize: how many scales it needs, bits per value with its float32 scales, and the error.

    `mse` is in the square of the tensor's unit; `sqnr_db` 300 stands for identical.
    """

    name: str
    scales: int
    bits_per_value: float
    mse: float
    max_abs: float
    sqnr_db: float
    quantizer: LinearQuantizer = field(repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON-ready values."""
        keys = ("name", "scales", "bits_per_value", "mse", "max_abs", "sqnr_db")
        return {key: getattr(self, key) for key in keys}


@dataclass(frozen=True, slots=True)
class Clipped:
    """The error where the range ends at a share of the largest magnitude, and what lies beyond saturates."""

    share: float
    mse: float


@dataclass(frozen=True, slots=True)
class Sized:
    """The error where so many neighbours share a scale, and the bits per value that this takes."""

    values: int
    bits_per_value: float
    mse: float


@dataclass(frozen=True, slots=True)
class TensorStudy:
    """A tensor and what quantization does to it."""

    shape: tuple[int, ...]
    dtype: str
    bits: int
    lowest: float
    highest: float
    ways: tuple[Way, ...]
    over_range: tuple[Clipped, ...]
    over_size: tuple[Sized, ...]
    values: NDArray[Any] = field(repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return what `edgequant tensor --json` prints; the keys are described in docs/tensor.md."""
        plain = ("dtype", "bits", "lowest", "highest")
        return {
            "shape": list(self.shape),
            **{key: getattr(self, key) for key in plain},
            "ways": [way.to_dict() for way in self.ways],
            "over_range": [asdict(point) for point in self.over_range],
            "over_size": [asdict(point) for point in self.over_size],
        }


def study_tensor(
    values: ArrayLike | str | os.PathLike[str],
    *,
    bits: int = 8,
    axis: int = 0,
    group_size: int | None = None,
    html: str | os.PathLike[str] | None = None,
) -> TensorStudy:
    """Quantize a tensor asymmetrically, symmetrically, per channel and per group, and measure each way's error.

    `values` are an array of real numbers, or a .npy file of one. `axis` counts the channels, and groups are runs of
    `group_size` neighbours along the last axis: 8 if absent, or 4 or 2 where 8 does not divide it. `bits` is 2 to 16;
    `html` is a page to write, with heatmaps of the first 64 rows and columns.

    Raises EdgequantError for a file that is none and a tensor without an axis, UnsupportedError for values, bits, an
    axis or a group size that make no sense, OutputError for a page that cannot be written.
    """
    tensor = _load(Path(values)) if isinstance(values, (str, os.PathLike)) else np.asarray(values)
    if not tensor.ndim or not tensor.size:
        raise EdgequantError(f"A tensor of shape {tensor.shape} has no channels: give one with an axis and values.")
    found = TensorStudy(
        shape=tensor.shape,
        dtype=str(tensor.dtype),
        bits=bits,
        ways=tuple(_ways(tensor, bits, axis, group_size)),  # it refuses what is no tensor of numbers
        lowest=float(tensor.min()),
        highest=float(tensor.max()),
        over_range=tuple(_over_range(tensor, bits)),
        over_size=tuple(_over_size(tensor, bits)),
        values=tensor,
    )
    if html is not None:
        from ._page import write_study

        write_study(Path(html), found)
    return found


def _load(path: Path) -> NDArray[Any]:
    try:
        with path.open("rb") as file:  # numpy leaves a damaged archive open
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return loaded
            with loaded:
                names = ", ".join(loaded.files[:6])
    except (ValueError, EOFError, MemoryError, zipfile.BadZipFile) as wrong:
        raise EdgequantError(f"{path.name} is no .npy file: save the tensor with numpy.save().") from wrong
    raise EdgequantError(f"{path.name} is an archive of {names}: save the one tensor with numpy.save().")


def _ways(tensor: NDArray[Any], bits: int, axis: int, group_size: int | None) -> Iterator[Way]:
    yield _way("asymmetric, per tensor", tensor, fit(tensor, bits=bits, symmetric=False))
    yield _way("symmetric, per tensor", tensor, fit(tensor, bits=bits))
    channels = fit(tensor, bits=bits, axis=axis)
    yield _way(f"symmetric, per channel of axis {channels.axis}", tensor, channels)
    size = math.gcd(tensor.shape[-1], GROUP) if group_size is None else group_size
    if size > 1 or group_size is not None:
        yield _way(f"symmetric, per group of {size}", tensor, fit(tensor, bits=bits, group_size=size))


def _way(name: str, tensor: NDArray[Any], quantizer: LinearQuantizer) -> Way:
    lost = error(tensor, quantizer.round_trip(tensor))
    scales = int(quantizer.scale.size)
    bits = quantizer.highest - quantizer.lowest
    stored = bits.bit_length() + SCALE_BITS * scales / tensor.size
    return Way(name, scales, stored, lost.mse, lost.max_abs, lost.sqnr_db, quantizer)


def _over_range(tensor: NDArray[Any], bits: int) -> Iterator[Clipped]:
    largest = float(np.abs(tensor.astype(np.float64)).max())
    for share in SHARES:
        quantizer = from_range(np.float32(-share * largest), np.float32(share * largest), bits=bits)
        yield Clipped(share, error(tensor, quantizer.round_trip(tensor)).mse)


def _over_size(tensor: NDArray[Any], bits: int) -> Iterator[Sized]:
    length = tensor.shape[-1]
    sizes = [size for size in (2**power for power in range(1, length.bit_length())) if length % size == 0]
    for size in dict.fromkeys([*sizes, length]):
        way = _way("", tensor, fit(tensor, bits=bits, group_size=size))
        yield Sized(size, way.bits_per_value, way.mse)
    if tensor.size > length:
        way = _way("", tensor, fit(tensor, bits=bits))
        yield Sized(tensor.size, way.bits_per_value, way.mse)
