"""Where to cut a histogram: by percentile, or by the least loss of information."""

import math

import numpy as np
from numpy.typing import NDArray

from ._histogram import Histogram

_ENTROPY_BINS = 2048
_ENTROPY_STRIDE = 8
_SMOOTHING = 1e-4


def percentile_range(histogram: Histogram, percentile: float) -> tuple[float, float]:
    """Return the range that keeps `percentile` per cent of the values, half of the rest cut off on each side.

    Of n values floor(n * (100 - percentile) / 200) go on each side. Each bound is the outer edge of the bin in which
    the next value lies, and never beyond the smallest or largest value.
    """
    counts = histogram.counts
    cut = math.floor(int(counts.sum()) * (100 - percentile) / 200)
    first = int(np.searchsorted(np.cumsum(counts), cut, side="right"))
    last = len(counts) - 1 - int(np.searchsorted(np.cumsum(counts[::-1]), cut, side="right"))
    return max(histogram.lowest, histogram.edge(first)), min(histogram.highest, histogram.edge(last + 1))


def entropy_range(histogram: Histogram) -> tuple[float, float]:
    """Return the range [-t, t], cut to the values seen, whose 8-bit form diverges least from the values.

    S. Migacz, "8-bit Inference with TensorRT", GTC 2017: P is the histogram of |value| up to t with everything above
    added to its last bin, Q the same histogram merged into as many levels as 8 bits give it (128 for a tensor with
    both signs, 256 for one with a single sign), and t minimises KL(P || Q). The bin at zero, which the zeros of a
    ReLU fill, is made equal to its neighbour, as NVIDIA's pytorch-quantization does. Q is mixed with a uniform
    distribution of weight 1e-4: without it the divergence is infinite wherever values are cut off into an empty bin.
    """
    signs = 2 if histogram.lowest < 0 < histogram.highest else 1
    magnitudes = _magnitudes(histogram)
    used = int(np.flatnonzero(magnitudes)[-1]) + 1
    levels = 256 // signs
    if used <= levels:
        return histogram.lowest, histogram.highest
    magnitudes[0] = magnitudes[1]
    # The whole range comes first, so that it wins where nothing is better.
    candidates = range(used, levels, -_ENTROPY_STRIDE)
    best = min(candidates, key=lambda end: _divergence(magnitudes[:used], end, levels))
    if best == used:
        return histogram.lowest, histogram.highest
    threshold = histogram.edge(len(histogram.counts) // 2 + best * (len(histogram.counts) // 2 // _ENTROPY_BINS))
    return max(histogram.lowest, -threshold), min(histogram.highest, threshold)


def _magnitudes(histogram: Histogram) -> NDArray[np.float64]:
    half = len(histogram.counts) // 2
    both: NDArray[np.int64] = histogram.counts[half:] + histogram.counts[half - 1 :: -1]
    return np.add.reduceat(both, np.arange(0, half, half // _ENTROPY_BINS)).astype(np.float64)


def _divergence(counts: NDArray[np.float64], end: int, levels: int) -> float:
    """KL(P || Q) of the first `end` bins; see `entropy_range`."""
    kept = counts[:end]
    p = kept.copy()
    p[-1] += counts[end:].sum()
    filled = kept > 0
    if not filled.any():
        return math.inf
    level = np.arange(end) * levels // end
    per_level = np.bincount(level, weights=kept, minlength=levels)
    bins_filled = np.bincount(level[filled], minlength=levels)
    q = np.where(filled, per_level[level] / np.maximum(bins_filled[level], 1), 0.0)
    q = (1 - _SMOOTHING) * q / q.sum() + _SMOOTHING / end
    p /= p.sum()
    return float(np.sum(p[p > 0] * np.log(p[p > 0] / q[p > 0])))
