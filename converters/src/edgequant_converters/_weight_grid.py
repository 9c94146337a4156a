"""Recognising weights that training has put on a grid of few bits already."""

import numpy as np
from numpy.typing import NDArray

INT4_MAX = 7
"""Symmetric 4-bit weights use -7..7."""

_ROUNDING = 1e-4
"""How far from a whole number of steps float32 rounding can leave a weight, in steps."""


def int4_scales(values: NDArray[np.float32], axis: int) -> NDArray[np.float32] | None:
    """Return the step of every channel along `axis` if all weights are -7..7 whole steps of it, else None.

    step = max|w| / 7 over the channel (1 for a channel of zeros), as symmetric quantization chooses it: weights on
    this grid become 4-bit integers without any further loss.
    """
    others = tuple(i for i in range(values.ndim) if i != axis % values.ndim)
    largest = np.max(np.abs(values), axis=others, keepdims=True)
    scales = np.where(largest > 0, largest / INT4_MAX, 1).astype(np.float32)
    steps = values / scales
    if np.max(np.abs(steps - np.rint(steps)), initial=0.0) > _ROUNDING:
        return None
    return np.asarray(scales.reshape(-1))
