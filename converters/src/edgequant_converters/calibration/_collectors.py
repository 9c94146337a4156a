"""Ranges of activations from what a model computed on calibration samples: minmax, percentile, entropy."""

import math
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgequant_converters._errors import CalibrationError, UnsupportedError

from ._histogram import Histogram
from ._thresholds import entropy_range, percentile_range

METHODS = ("minmax", "percentile", "entropy")
DEFAULT_PERCENTILE = 99.99


class RangeCollector(Protocol):
    """Takes tensors sample by sample and says at the end which range of each to quantize."""

    def update(self, name: str, array: NDArray[Any]) -> None:
        """Add one sample's values of the tensor `name`.

        Infinite values (an attention mask's) are left out, an empty array is nothing. Raises CalibrationError on NaN.
        """
        ...

    def ranges(self) -> dict[str, tuple[float, float]]:
        """Return (min, max) of each tensor that had values, in the order the tensors first came."""
        ...


def range_collector(method: str, *, percentile: float = DEFAULT_PERCENTILE) -> RangeCollector:
    """Return an empty collector for one of METHODS.

    - `minmax`: the exact smallest and largest value.
    - `percentile`: the range that keeps `percentile` per cent of the values, as many cut off below as above.
    - `entropy`: the range with the least Kullback-Leibler divergence between the values and their 8-bit form.

    The last two keep 64 KiB per tensor. Raises UnsupportedError for another method and CalibrationError for a
    percentile that is not above 50 and at most 100.
    """
    if method == "minmax":
        return _MinMaxCollector()
    if method == "percentile":
        if not 50 < percentile <= 100:
            raise CalibrationError(f"A percentile must be above 50 and at most 100, not {percentile}.")
        return _HistogramCollector(percentile)
    if method == "entropy":
        return _HistogramCollector(None)
    raise UnsupportedError(f"'{method}' is no calibration method: take one of {', '.join(METHODS)}.")


class _MinMaxCollector:
    def __init__(self) -> None:
        self._ranges: dict[str, tuple[float, float]] = {}

    def update(self, name: str, array: NDArray[Any]) -> None:
        values, lowest, highest = finite_values(name, array)
        if values.size:
            low, high = self._ranges.get(name, (lowest, highest))
            self._ranges[name] = (min(low, lowest), max(high, highest))

    def ranges(self) -> dict[str, tuple[float, float]]:
        return dict(self._ranges)


class _HistogramCollector:
    def __init__(self, percentile: float | None) -> None:
        self._percentile = percentile
        self._histograms: dict[str, Histogram] = {}

    def update(self, name: str, array: NDArray[Any]) -> None:
        values, low, high = finite_values(name, array)
        if values.size:
            self._histograms.setdefault(name, Histogram()).update(values, (low, high))

    def ranges(self) -> dict[str, tuple[float, float]]:
        if self._percentile is None:
            return {name: entropy_range(histogram) for name, histogram in self._histograms.items()}
        return {name: percentile_range(h, self._percentile) for name, h in self._histograms.items()}


def finite_values(name: str, array: NDArray[Any]) -> tuple[NDArray[Any], float, float]:
    """Return the values that are finite, with the smallest and the largest; raises CalibrationError on NaN.

    Those two tell whether all are, as NaN passes through both; of no values they are infinite.
    """
    if array.size:
        low, high = float(array.min()), float(array.max())
        if math.isfinite(low) and math.isfinite(high):
            return array, low, high
        if math.isnan(low):
            raise CalibrationError(
                f"The model computes NaN in '{name}' on the calibration data: check its values' range."
            )
    kept: NDArray[Any] = array[np.isfinite(array)]
    return kept, float(kept.min(initial=math.inf)), float(kept.max(initial=-math.inf))
