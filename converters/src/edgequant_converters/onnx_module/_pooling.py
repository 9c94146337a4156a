"""Poolings, in one to three spatial dimensions."""

import torch
import torch.nn.functional as F  # noqa: N812 (the field's name for it)
from torch import Tensor

from edgequant_converters._pool_counts import averaging_correction

from ._node import Node
from ._padding import Window, pad, read_window
from ._registry import operator

_MAX = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
_AVERAGE = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


@operator("MaxPool")
def max_pool(node: Node, x: Tensor) -> Tensor:
    """Maximum over a window; padding never wins."""
    node.refuse("storage_order", 0)
    window = read_window(node, x, node.attributes["kernel_shape"])
    padding, ceil = window.begins, bool(node.get("ceil_mode", 0))
    if not ceil and _is_ceil(window, x):
        padding, ceil = [0] * len(padding), True
    elif not window.is_symmetric or any(2 * p > k for p, k in zip(padding, window.kernel, strict=True)):
        x, padding = pad(x, window.begins, window.ends, torch.finfo(x.dtype).min), [0] * len(padding)
    return _MAX[x.ndim - 2](x, window.kernel, window.strides, padding, window.dilations, ceil)


def _is_ceil(window: Window, x: Tensor) -> bool:
    """Tell whether padding at the end alone does no more than let the last window reach over the edge, as ceil_mode."""
    if any(window.begins) or not any(window.ends):
        return False
    return all(
        (outputs := (size + end - d * (k - 1) - 1) // stride + 1) > 0
        and outputs == -(-(size - d * (k - 1) - 1) // stride) + 1
        for size, k, stride, d, end in zip(
            x.shape[2:], window.kernel, window.strides, window.dilations, window.ends, strict=True
        )
    )


@operator("AveragePool")
def average_pool(node: Node, x: Tensor) -> Tensor:
    """Mean over a window; padding counts only with count_include_pad=1."""
    window = read_window(node, x, node.attributes["kernel_shape"])
    node.refuse("dilations", [1] * len(window.kernel))
    ceil, counts_padding = bool(node.get("ceil_mode", 0)), bool(node.get("count_include_pad", 0))
    average = _AVERAGE[x.ndim - 2]
    if window.is_symmetric:
        return average(x, window.kernel, window.strides, window.begins, ceil, counts_padding)
    if ceil:
        node.unsupported("ceil_mode with asymmetric padding")
    padded = average(pad(x, window.begins, window.ends), window.kernel, window.strides)
    if counts_padding:
        return padded
    factors = averaging_correction(x.shape[2:], window.kernel, window.strides, window.begins, window.ends)
    return padded * torch.tensor(factors[None, None].tolist())


@operator("GlobalAveragePool")
def global_average_pool(node: Node, x: Tensor) -> Tensor:
    """Mean over all spatial axes, which stay with size 1."""
    return x.mean(dim=list(range(2, x.ndim)), keepdim=True)


@operator("GlobalMaxPool")
def global_max_pool(node: Node, x: Tensor) -> Tensor:
    """Maximum over all spatial axes, which stay with size 1."""
    return x.amax(dim=list(range(2, x.ndim)), keepdim=True)
