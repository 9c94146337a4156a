"""Other ranges of activations than the smallest and largest value: what is cut off costs, what remains gets finer.

Four ways to choose are tried on the whole network and then tensor by tensor, by the error that each makes in the
outputs: percentile (99.9 and 99.99 % of the values are kept), entropy (calibration/_thresholds.py) and least mean
squared error of the tensor's own int8 form (as in Banner et al., "Post training 4-bit quantization", NeurIPS 2019, but
searched on the histogram instead of fitted).
"""

from collections.abc import Callable

import numpy as np

from edgequant_converters.calibration import Histogram, entropy_range, percentile_range

STEPS = 255
"""int8 has 256 values."""

CUTS = np.concatenate([[0.0], 0.5 ** np.arange(10.0, 0.4, -0.5)])
"""What shares of the range the search cuts off at either end."""


def least_squares_range(histogram: Histogram) -> tuple[float, float]:
    """Return the range whose int8 form has the least mean squared error over the values seen.

    A value inside errs by step^2 / 12 on average, one outside by its distance to the range. Zero stays inside.
    """
    counts = histogram.counts
    filled = np.flatnonzero(counts)
    centres = np.array([histogram.edge(int(i)) + histogram.edge(int(i) + 1) for i in filled]) / 2
    weights = counts[filled].astype(np.float64)
    low, high = min(histogram.lowest, 0.0), max(histogram.highest, 0.0)

    def error(start: float, stop: float) -> float:
        outside = np.maximum(start - centres, 0) + np.maximum(centres - stop, 0)
        inside = outside == 0
        step = (stop - start) / STEPS
        return float(weights[inside].sum() * step**2 / 12 + (weights * outside**2).sum())

    # One end after the other, twice: the best end of one depends little on the other.
    for _ in range(2):
        high = min((histogram.highest * (1 - cut) for cut in CUTS), key=lambda end: error(low, max(end, 0.0)))
        high = max(high, 0.0)
        low = min((histogram.lowest * (1 - cut) for cut in CUTS), key=lambda end: error(min(end, 0.0), high))
        low = min(low, 0.0)
    return low, high


METHODS: dict[str, Callable[[Histogram], tuple[float, float]]] = {
    "percentile 99.99": lambda histogram: percentile_range(histogram, 99.99),
    "percentile 99.9": lambda histogram: percentile_range(histogram, 99.9),
    "entropy": entropy_range,
    "least squares": least_squares_range,
}
