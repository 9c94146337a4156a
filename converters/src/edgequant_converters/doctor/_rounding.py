"""Rounding weights up or down so that the layer's output errs least, not each weight by itself.

Nagel et al., "Up or Down? Adaptive Rounding for Post-Training Quantization" (ICML 2020): with inputs x of the layer on
calibration samples, the error of one output channel with weights w stored as v is the quadratic form

    E (w x - v x^)^2 = v' G v - 2 v' h + ...,   G = E x^ x^', h = E x^ (w x)

x are the float network's inputs and x^ the quantized one's, so that a layer also makes up for errors before it (their
section 3.3, asymmetric reconstruction). Where they relax the choice and train it, the form is small enough here to be
minimised directly: coordinate descent over the integers, one weight of all output channels at a time, never further
than one step from the nearest integer. The largest weight of each channel stays, because it sets the scale.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._network import Layer, along, channel_scales

SWEEPS = 4
"""Passes over all weights of a layer."""

LARGEST_FAN_IN = 2304
"""Layers with more weights per output channel are left alone: G would take over 40 MB."""

PATCHES = 256
"""How many patches of a sample are taken, about."""

DAMPING = 0.01
"""G gets this share of its mean diagonal, which keeps what the samples do not show near the nearest integer."""


def fan_in(layer: Layer, weights: NDArray[np.float32]) -> int:
    """Return how many weights each output channel has."""
    return weights[0, ..., 0].size if layer.type == "DEPTHWISE_CONV_2D" else weights[0].size


class LayerMoments:
    """E x^ x^' and E x^ x' of the patches that one layer reads, over samples."""

    def __init__(self, layer: Layer, weights: NDArray[np.float32], options: Any) -> None:
        self._layer, self._weights, self._options = layer, weights, options
        groups = weights.shape[3] if layer.type == "DEPTHWISE_CONV_2D" else 1
        self.gram = np.zeros((groups, fan_in(layer, weights), fan_in(layer, weights)))
        self.cross = np.zeros_like(self.gram)

    def update(self, float_input: NDArray[np.float32], own_input: NDArray[np.float32]) -> None:
        """Add one sample: the layer's input in the float network and in the quantized one."""
        clean, own = (self._patches(x.astype(np.float64)) for x in (float_input, own_input))
        # Neighbouring patches say much the same: a few hundred a sample are enough.
        clean, own = (patches[:, :: max(patches.shape[1] // PATCHES, 1)] for patches in (clean, own))
        self.gram += np.einsum("gnk,gnl->gkl", own, own, optimize=True)
        self.cross += np.einsum("gnk,gnl->gkl", own, clean, optimize=True)

    def _patches(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what each output value is computed from, (groups, positions, weights of one output channel)."""
        if self._layer.type == "FULLY_CONNECTED":
            return x.reshape(1, -1, self._weights.shape[1])
        height, width = self._weights.shape[1:3]
        options = self._options
        strides = options.strideH, options.strideW
        dilations = options.dilationHFactor, options.dilationWFactor
        same = options.padding == 0
        patches = _windows(x[0], (height, width), strides, dilations, same)  # (positions, height, width, channels)
        if self._layer.type == "DEPTHWISE_CONV_2D":
            each = self._weights.shape[3] // x.shape[3]
            channels = np.repeat(patches.reshape(len(patches), height * width, -1), each, axis=2)
            return np.ascontiguousarray(channels.transpose(2, 0, 1))
        return patches.reshape(1, len(patches), -1)


def _windows(
    x: NDArray[np.float64], size: tuple[int, int], strides: tuple[int, int], dilations: tuple[int, int], same: bool
) -> NDArray[np.float64]:
    """Cut an image (height, width, channels) into the windows of a convolution, zeros around it if `same`.

    TensorFlow's SAME puts the odd row or column of padding at the end.
    """
    spans = [(n - 1) * d + 1 for n, d in zip(size, dilations, strict=True)]
    pads = [(0, 0)] * 3
    if same:
        for axis, (span, stride) in enumerate(zip(spans, strides, strict=True)):
            total = max((-(-x.shape[axis] // stride) - 1) * stride + span - x.shape[axis], 0)
            pads[axis] = (total // 2, total - total // 2)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, pads), tuple(spans), axis=(0, 1))
    windows = windows[:: strides[0], :: strides[1], :, :: dilations[0], :: dilations[1]]
    return np.ascontiguousarray(windows.transpose(0, 1, 3, 4, 2)).reshape(-1, *size, x.shape[2])


def best_steps(weights: NDArray[np.float32], layer: Layer, moments: LayerMoments) -> NDArray[np.int8]:
    """Return how many steps (-1, 0, 1) each weight's integer should be from the nearest one."""
    axis = layer.channel_axis
    scale = along(channel_scales(weights, axis), axis, weights.ndim)
    real = weights / scale
    nearest = np.clip(np.rint(real), -127, 127)
    # (groups, output channels of a group, fan-in); a depthwise channel is a group of its own.
    to_rows = _rows if axis == 0 else _depthwise_rows
    rows, start = to_rows(real), to_rows(nearest)
    # The scale of an output channel multiplies its whole form, so it can be left out.
    best = _descend(rows, start, moments.gram, np.einsum("gkl,gol->gok", moments.cross, rows))
    steps = (best - start).astype(np.int8)
    return steps.reshape(weights.shape) if axis == 0 else steps[:, 0].T.reshape(weights.shape)


def _rows(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values.reshape(1, len(values), -1)


def _depthwise_rows(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values.reshape(-1, values.shape[-1]).T[:, None, :]


def _descend(
    real: NDArray[np.float64], start: NDArray[np.float64], gram: NDArray[np.float64], target: NDArray[np.float64]
) -> NDArray[np.float64]:
    damping = DAMPING * np.einsum("gkk->g", gram)[:, None, None] / gram.shape[-1] + 1e-12
    gram = gram + damping * np.eye(gram.shape[-1])
    target = target + damping * real
    best = start.copy()
    low, high = np.maximum(start - 1, -127), np.minimum(start + 1, 127)
    fixed = np.abs(start) == 127
    gradient = np.einsum("gkl,gol->gok", gram, best) - target
    for _ in range(SWEEPS):
        for k in range(gram.shape[-1]):
            curvature = gram[:, k, k][:, None]
            wished = np.clip(np.rint(best[..., k] - gradient[..., k] / curvature), low[..., k], high[..., k])
            change = np.where(fixed[..., k], 0, wished - best[..., k])
            if change.any():
                best[..., k] += change
                gradient += change[..., None] * gram[:, k][:, None, :]
    return best
