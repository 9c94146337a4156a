"""What is kept of one layer while the samples stream by; memory does not grow with their number."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from edgequant_converters import ErrorStatistics
from edgequant_converters.calibration import Histogram
from edgequant_converters.layers import Grid, LayerValues
from numpy.typing import NDArray

PICTURE_SIDE = 96
ROW_OF_A_VECTOR = 16


@dataclass(frozen=True, slots=True)
class Picture:
    """A slice (rows, columns) of one layer's values on one sample, in the reference and in the model; what it shows."""

    reference: NDArray[np.float32]
    model: NDArray[np.float32]
    description: str


class LayerStatistics:
    """Errors, range and clipping of one layer; with `pictures`, also histograms and the first sample's values."""

    def __init__(self, grid: Grid | None, *, pictures: bool, channels_last: bool) -> None:
        self.alone, self.accumulated = ErrorStatistics(), ErrorStatistics()
        self.grid = grid
        self.values = 0
        self.low, self.high = math.inf, -math.inf
        self.picture: Picture | None = None
        self.histograms = (Histogram(), Histogram()) if pictures else None
        self.clipping_noise = 0.0
        self._channels_last = channels_last
        self._clipped = 0

    def update(self, values: LayerValues) -> None:
        """Add one run's values."""
        _update(self.alone, values.exact, values.alone)
        _update(self.accumulated, values.reference, values.accumulated)
        self.values += values.reference.size
        finite = values.reference[np.isfinite(values.reference)]
        if finite.size:
            self.low, self.high = min(self.low, float(finite.min())), max(self.high, float(finite.max()))
        if self.grid is not None:
            self._update_clipping(finite.astype(np.float64), self.grid)
        if self.histograms is not None:
            self.histograms[0].update(finite)
            self.histograms[1].update(values.alone[np.isfinite(values.alone)])
            if self.picture is None:
                self.picture = _picture(values.exact, values.alone, self._channels_last)

    def _update_clipping(self, real: NDArray[np.float64], grid: Grid) -> None:
        # Half a step beyond the last integer still rounds to it.
        beyond = np.maximum(real - grid.high, grid.low - real)
        outside = beyond > grid.scale / 2
        self._clipped += int(outside.sum())
        self.clipping_noise += float(np.square(beyond[outside]).sum())

    @property
    def alone_mse(self) -> float:
        """Mean squared own error."""
        return self.alone.noise / max(self.values, 1)

    @property
    def accumulated_mse(self) -> float:
        """Mean squared difference of the whole models."""
        return self.accumulated.noise / max(self.values, 1)

    @property
    def gain(self) -> float | None:
        """Least-squares factor from the reference's layer to the model's; None if the reference is all zero."""
        return self.alone.product / self.alone.signal if self.alone.signal > 0 else None

    @property
    def data_range(self) -> tuple[float, float] | None:
        """Lowest and highest finite value of the reference."""
        return (self.low, self.high) if self.low <= self.high else None

    @property
    def range_used(self) -> float | None:
        """Share of the integer range from the lowest to the highest value of the reference."""
        if self.grid is None or self.data_range is None:
            return None
        lowest, highest = self.grid.to_integers(np.array(self.data_range))
        return float((highest - lowest) / (self.grid.highest - self.grid.lowest))

    @property
    def clipped(self) -> float | None:
        """Share of the reference's values that lie outside the integer range."""
        return None if self.grid is None else self._clipped / max(self.values, 1)


def _update(errors: ErrorStatistics, reference: NDArray[Any], model: NDArray[Any]) -> None:
    """Add what the reference has finite values for: the infinities of an attention mask are no error."""
    finite = np.isfinite(reference)
    if finite.all():
        errors.update(reference, model)
    else:
        errors.update(reference[finite], model[finite])


def _picture(reference: NDArray[Any], model: NDArray[Any], channels_last: bool) -> Picture | None:
    """Choose what of a run's first sample fits a picture: of an image the channel with the largest error."""
    if reference.size == 0 or reference.ndim == 0:
        return None
    ours, theirs = (value[0] if value.ndim > 1 else value for value in (reference, model))
    if max(ours.shape) == ours.size:  # one pixel with many channels, say
        ours, theirs = ours.ravel(), theirs.ravel()
    description = "rows and columns"
    if ours.ndim == 1:
        return _vector_picture(ours, theirs)
    if ours.ndim > 2:
        axis = ours.ndim - 1 if channels_last else 0
        others = tuple(other for other in range(ours.ndim) if other != axis)
        channel = int(np.square(np.nan_to_num(ours - theirs)).sum(axis=others).argmax())
        ours, theirs = ours.take(channel, axis), theirs.take(channel, axis)
        description = f"channel {channel}, which has the largest error"
    ours, theirs = (value.reshape(-1, value.shape[-1]) for value in (ours, theirs))
    steps = tuple(slice(None, None, -(-size // PICTURE_SIDE)) for size in ours.shape)
    return Picture(ours[steps], theirs[steps], description)


def _vector_picture(ours: NDArray[Any], theirs: NDArray[Any]) -> Picture:
    ours, theirs = ours[: ROW_OF_A_VECTOR * PICTURE_SIDE], theirs[: ROW_OF_A_VECTOR * PICTURE_SIDE]
    width = min(len(ours), ROW_OF_A_VECTOR)
    rows = -(-len(ours) // width)
    padding = (0, rows * width - len(ours))
    folded = [np.pad(v, padding, constant_values=np.nan).reshape(rows, width) for v in (ours, theirs)]
    return Picture(folded[0], folded[1], f"a vector, {width} values to a row")
