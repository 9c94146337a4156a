"""How much of each pooling window lies inside the maps."""

from collections.abc import Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray


def averaging_correction(
    sizes: Sequence[int], kernel: Sequence[int], strides: Sequence[int], begins: Sequence[int], ends: Sequence[int]
) -> NDArray[np.float32]:
    """Return what turns averages over zero-padded maps into averages that leave the padding out.

    One number per output position: the window's size over the number of its values that lie inside. `sizes` are those
    of the maps without padding; there is one entry per spatial axis in each argument, and one axis in the result.
    """
    factors = []
    for size, k, stride, begin, end in zip(sizes, kernel, strides, begins, ends, strict=True):
        starts = np.arange(0, begin + size + end - k + 1, stride) - begin
        factors.append(k / (np.minimum(starts + k, size) - np.maximum(starts, 0)))
    return reduce(np.multiply.outer, factors).astype(np.float32)
