"""Convolutions, in one to three spatial dimensions."""

import torch.nn.functional as F  # noqa: N812 (the field's name for it)
from torch import Tensor

from ._node import Node
from ._padding import pad, read_window, share, split_pads
from ._registry import operator

_CONVOLUTIONS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}


@operator("Conv")
def convolution(node: Node, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Convolve x (N, C, spatial...) with weight (M, C / group, kernel...)."""
    window = read_window(node, x, list(weight.shape[2:]))
    convolve = _CONVOLUTIONS[weight.ndim - 2]
    padding = window.begins
    if not window.is_symmetric:
        x, padding = pad(x, window.begins, window.ends), [0] * len(padding)
    return convolve(x, weight, bias, window.strides, padding, window.dilations, node.get("group", 1))


@operator("ConvTranspose")
def transposed_convolution(node: Node, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Transposed convolution of x (N, C, spatial...) with weight (C, M / group, kernel...)."""
    rank = weight.ndim - 2
    strides, dilations = node.get("strides", [1] * rank), node.get("dilations", [1] * rank)
    extra = node.get("output_padding", [0] * rank)
    begins, ends = _cropped(node, x, list(weight.shape[2:]), strides, dilations, extra)
    convolve = _TRANSPOSED[rank]
    group = node.get("group", 1)
    if begins == ends:
        return convolve(x, weight, bias, strides, begins, extra, group, dilations)
    full = convolve(x, weight, bias, strides, 0, extra, group, dilations)
    return pad(full, [-n for n in begins], [-n for n in ends])


def _cropped(
    node: Node, x: Tensor, kernel: list[int], strides: list[int], dilations: list[int], extra: list[int]
) -> tuple[list[int], list[int]]:
    """Return what is cropped off each side of the full output, which already has the output padding at its ends."""
    mode = node.get("auto_pad", "NOTSET")
    sizes = [
        stride * (size - 1) + output_padding + (k - 1) * dilation + 1
        for size, stride, output_padding, k, dilation in zip(
            x.shape[2:], strides, extra, kernel, dilations, strict=True
        )
    ]
    if "output_shape" in node.attributes:
        wanted = node.attributes["output_shape"]
    elif mode in ("SAME_UPPER", "SAME_LOWER"):
        wanted = [size * stride for size, stride in zip(x.shape[2:], strides, strict=True)]
    else:
        return split_pads(node.get("pads", [0] * 2 * len(kernel)))
    # For a transposed convolution the definition gives the odd element to the beginning unless SAME_UPPER.
    totals = [size - target for size, target in zip(sizes, wanted, strict=True)]
    return share(totals, "SAME_UPPER" if mode == "SAME_UPPER" else "SAME_LOWER")
