"""What a window covers at each of its places, gathered side by side: for windows that LiteRT has no operator for."""

from math import prod

import numpy as np
from numpy.typing import NDArray

from edgequant_converters.ir import Builder, Tensor

from ._windows import Window


def tap_positions(window: Window, sizes: tuple[int, ...]) -> NDArray[np.int64]:
    """Return the flat index among the padded sizes of each (place..., tap)."""
    rank = len(sizes)
    flat = np.zeros((1,) * (2 * rank), np.int64)
    for axis, (size, kernel, stride, dilation, out) in enumerate(
        zip(sizes, window.kernel, window.strides, window.dilations, window.places(sizes), strict=True)
    ):
        along = np.arange(out)[:, None] * stride + np.arange(kernel) * dilation
        shape = [1] * (2 * rank)
        shape[axis], shape[rank + axis] = out, kernel
        flat = flat * size + along.reshape(shape)
    return flat.reshape(*flat.shape[:rank], -1)


def gather_taps(build: Builder, maps: Tensor, window: Window, value: float = 0.0) -> Tensor:
    """Return channels-last maps as (N, places, taps, C), after the window's padding with `value`."""
    padded = window.padded(build, maps, value)
    batch, channels = padded.shape[0], padded.shape[-1]
    sizes = padded.shape[1:-1]
    flat = build.reshape(padded, (batch, prod(sizes), channels))
    positions = tap_positions(window, sizes)
    indices = build.constant(positions.reshape(-1, positions.shape[-1]), np.int32)
    return build.gather(flat, indices, 1)
