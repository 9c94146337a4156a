"""Other ranges of activations than the smallest and largest value: what is cut off costs, what remains gets finer.

Four ways to choose are tried on the whole network and then tensor by tensor, by the error that each makes in the
outputs: percentile (99.9 and 99.99 % of the values are kept), entropy (calibration/_thresholds.py) and least mean
squared error of the tensor's own int8 form (as in Banner et al., "Post training 4-bit quantization", NeurIPS 2019, but
searched on the histogram instead of fitted).
"""

from collections.abc import Callable

from edgequant_converters.calibration import Histogram, entropy_range, least_squares_range, percentile_range

METHODS: dict[str, Callable[[Histogram], tuple[float, float]]] = {
    "percentile 99.99": lambda histogram: percentile_range(histogram, 99.99),
    "percentile 99.9": lambda histogram: percentile_range(histogram, 99.9),
    "entropy": entropy_range,
    "least squares": least_squares_range,
}
