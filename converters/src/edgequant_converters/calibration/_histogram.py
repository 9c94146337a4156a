"""A streaming histogram of one tensor's values, in bounded memory and independent of the order of updates."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

HALF_BINS = 4096
"""Bins on each side of zero: 64 KiB a tensor."""


class Histogram:
    """Counts over [-2^e, 2^e) in 8192 equal bins; when a value does not fit, e grows and neighbouring bins merge.

    All bin edges are multiples of a power of two, so a merge moves no value across an edge: the counts are exactly
    those that the final range would have given from the start, whatever the order of the updates.
    """

    def __init__(self) -> None:
        self.counts = np.zeros(2 * HALF_BINS, np.int64)
        self.exponent: int | None = None
        self.lowest, self.highest = math.inf, -math.inf

    def update(self, values: NDArray[Any], ends: tuple[float, float] | None = None) -> None:
        """Add finite values; `ends` are the smallest and largest of all, where `values` are some of them."""
        if values.size == 0:
            return
        lowest, highest = ends or (float(values.min()), float(values.max()))
        self.lowest, self.highest = min(self.lowest, lowest), max(self.highest, highest)
        largest = max(-lowest, highest)
        if largest > 0:  # a tensor of zeros says nothing about the range, and its bin is the same in all
            self._reach(math.frexp(largest)[1])
        scale = math.ldexp(1.0, _SCALE - (self.exponent or 0))
        # By a power of two, which is exact; in float32 too, where nothing becomes too small or too large.
        exact = values.dtype == np.float32 and 1 <= scale < 2.0**100
        wide: NDArray[Any] = values.ravel() * (np.float32(scale) if exact else np.float64(scale))
        np.floor(wide, out=wide)
        wide += HALF_BINS
        self.counts += np.bincount(wide.astype(np.uint16), minlength=2 * HALF_BINS)

    def edge(self, index: int) -> float:
        """Return the lower edge of a bin; `edge(i + 1)` is its upper edge."""
        return math.ldexp(index - HALF_BINS, (self.exponent or 0) - _SCALE)

    def edges(self, indices: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the lower and upper edges of bins."""
        exponent = (self.exponent or 0) - _SCALE
        below, above = (np.ldexp((indices + upper - HALF_BINS).astype(np.float64), exponent) for upper in (0, 1))
        return below, above

    def _reach(self, exponent: int) -> None:
        """Widen the range to 2^exponent; frexp puts every value strictly inside its power of two."""
        if self.exponent is None:
            self.exponent = exponent
        if exponent <= self.exponent:
            return
        shift = min(exponent - self.exponent, _SCALE + 1)
        bins = (np.arange(-HALF_BINS, HALF_BINS) >> shift) + HALF_BINS
        self.counts = np.bincount(bins, weights=self.counts, minlength=2 * HALF_BINS).astype(np.int64)
        self.exponent = exponent


_SCALE = HALF_BINS.bit_length() - 1
