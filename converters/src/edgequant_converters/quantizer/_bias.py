"""What rounding a layer's weights and inputs does to the mean of its outputs, to be taken off its bias.

Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction" (ICCV 2019), section 4.2: with
weights W stored as W + e, the outputs are off by e E[x] on average, where E[x] are the means of the layer's input
channels on the calibration samples. With inputs stored as x + d they are off by (W + e) E[d], too. What padding adds to
the borders is left out.
"""

import numpy as np
from numpy.typing import NDArray


def mean_shift(
    error: NDArray[np.float64], means: NDArray[np.float64], *, depthwise: bool = False
) -> NDArray[np.float64]:
    """Return by how much the mean of each output channel moves.

    `error` is e and `means` has E[x], of each channel of the input; or (W + e) and E[d]. `error` is
    (out, height, width, in / groups) of a convolution, (1, height, width, out) of a depthwise one, (out, in) of a
    product.
    """
    if depthwise:
        outputs = error.shape[-1]
        return np.asarray(error.reshape(-1, outputs).sum(axis=0) * np.repeat(means, outputs // len(means)))
    taps = error.reshape(len(error), -1, error.shape[-1]).sum(axis=1)  # (out, in / groups)
    groups = len(means) // taps.shape[1]
    own = np.repeat(means.reshape(groups, -1), len(taps) // groups, axis=0)
    return np.asarray((taps * own).sum(axis=1))
