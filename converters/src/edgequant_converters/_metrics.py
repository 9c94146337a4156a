"""How far a model's outputs are from its reference's, accumulated sample by sample."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IDENTICAL_DB = 300.0
"""Stands for "no difference at all", which has no finite ratio (float64 itself resolves about 314 dB)."""


@dataclass(slots=True)
class ErrorStatistics:
    """Sums from which the error measures of one output follow; memory does not grow with the number of samples.

    SQNR = 10 log10(sum r^2 / sum (r - t)^2) over all values of all samples, in dB, limited to +-300
    (300: identical). Cosine is that of the two outputs seen as one long vector each. A NaN or infinity in
    either output makes every measure NaN.
    """

    signal: float = 0.0
    noise: float = 0.0
    product: float = 0.0
    energy: float = 0.0
    max_abs_error: float = 0.0

    def update(self, reference: NDArray[np.generic], test: NDArray[np.generic]) -> None:
        """Add one sample's outputs: two arrays of any real dtype; values that one lacks, such as boxes, count as 0."""
        r, t = (values.astype(np.float64, copy=False).ravel() for values in (reference, test))
        if r.size != t.size:
            r, t = (np.pad(values, (0, max(r.size, t.size) - values.size)) for values in (r, t))
        with np.errstate(invalid="ignore", over="ignore"):
            error = r - t
            # Not r @ t: BLAS starts threads for that, which wait for each other longer than they add.
            self.signal += float((r * r).sum())
            self.noise += float((error * error).sum())
            self.product += float((r * t).sum())
            self.energy += float((t * t).sum())
            # np.maximum, unlike max(), lets a NaN through.
            self.max_abs_error = float(np.maximum(self.max_abs_error, np.max(np.abs(error), initial=0.0)))

    def add(self, other: "ErrorStatistics") -> None:
        """Add what another has seen."""
        self.signal += other.signal
        self.noise += other.noise
        self.product += other.product
        self.energy += other.energy
        self.max_abs_error = float(np.maximum(self.max_abs_error, other.max_abs_error))

    @property
    def sqnr_db(self) -> float:
        """Signal to quantization noise ratio in dB."""
        return decibels(self.signal, self.noise)

    @property
    def cosine(self) -> float:
        """Cosine similarity, -1 to 1; 1 if both outputs are all zero, 0 if only one is."""
        if not math.isfinite(self.product):
            return math.nan
        if self.signal == 0.0 or self.energy == 0.0:
            return float(self.signal == self.energy)
        return self.product / math.sqrt(self.signal) / math.sqrt(self.energy)


def decibels(signal: float, noise: float) -> float:
    """Return 10 log10(signal / noise), limited to +-300; NaN if either is not finite."""
    if not math.isfinite(signal + noise):
        return math.nan
    if noise == 0.0:
        return IDENTICAL_DB
    if signal == 0.0:
        return -IDENTICAL_DB
    return max(-IDENTICAL_DB, min(IDENTICAL_DB, 10 * math.log10(signal / noise)))


def sqnr_db(reference: NDArray[np.generic], test: NDArray[np.generic]) -> float:
    """Return the SQNR of one pair of arrays in dB; see ErrorStatistics."""
    statistics = ErrorStatistics()
    statistics.update(reference, test)
    return statistics.sqnr_db
