"""Convolutions of one to three spatial axes.

Images are (N, C, spatial...) in ONNX: each is turned to channels last and back, and the layout pass undoes what turns
back and forth.
"""

from math import prod
from typing import Any

from edgequant_converters.ir import Builder, Tensor, window_size

from ._depth import depth_taps
from ._layout import to_channels_first, to_channels_last
from ._node import Node
from ._registry import lowers
from ._taps import gather_taps
from ._windows import Window, read_window


@lowers("Conv")
def convolution(node: Node, build: Builder) -> Tensor:
    """Convolve x (N, C, spatial...) with weights (M, C / group, kernel...)."""
    x, weights, bias, group = node.input(0), node.input(1), node.optional(2), node.get("group", 1)
    window = read_window(node, x.shape[2:], weights.shape[2:])
    maps = to_channels_last(build, x)
    if weights.is_constant:
        made = _convolved(node, build, maps, weights, bias if bias is None or bias.is_constant else None, window, group)
    else:
        made = _by_products(build, maps, weights, window, group)
    if bias is not None and not (weights.is_constant and bias.is_constant):
        made = build.add(made, bias)
    return to_channels_first(build, made)


def _convolved(
    node: Node, build: Builder, maps: Tensor, weights: Tensor, bias: Tensor | None, window: Window, group: int
) -> Tensor:
    if weights.rank == 3:
        row = build.reshape(maps, (maps.shape[0], 1, *maps.shape[1:]))
        made = convolve(
            build, row, build.reshape(build.transpose(weights, (0, 2, 1)), (weights.shape[0], 1, -1, weights.shape[1])),
            bias, window.under_one_row(), group,
        )  # fmt: skip
        return build.reshape(made, (made.shape[0], *made.shape[2:]))
    if weights.rank == 4:
        return convolve(build, maps, build.transpose(weights, (0, 2, 3, 1)), bias, window, group)
    if weights.rank != 5:
        node.refuse(f"{weights.rank - 2} spatial axes")
    taps = depth_taps(build, maps, window.along(0), group)
    kernel = build.transpose(weights, (0, 3, 4, 2, 1))
    flat = build.reshape(kernel, (*kernel.shape[:3], prod(kernel.shape[3:])))
    made = convolve(build, build.reshape(taps, (-1, *taps.shape[2:])), flat, bias, window.along(1, 2), group)
    return build.reshape(made, (*taps.shape[:2], *made.shape[1:]))


def convolve(
    build: Builder, maps: Tensor, weights: Tensor, bias: Tensor | None, window: Window, group: int = 1
) -> Tensor:
    """Convolve channels-last images with constant weights (M, height, width, C / group)."""
    outputs, inner = weights.shape[0], weights.shape[3]
    maps, same = window.applied(build, maps)
    height, width = (
        window_size(size, kernel, stride, dilation, same=same)
        for size, kernel, stride, dilation in zip(
            maps.shape[1:3], window.kernel, window.strides, window.dilations, strict=True
        )
    )
    if bias is None:
        bias = build.constant([0.0] * outputs, "float32", f"{build.scope}/bias")
    options: dict[str, Any] = {
        "padding": "SAME" if same else "VALID",
        "strideH": window.strides[0], "strideW": window.strides[1],
        "dilationHFactor": window.dilations[0], "dilationWFactor": window.dilations[1],
    }  # fmt: skip
    shape = (maps.shape[0], height, width, outputs)
    if inner == 1 and group == maps.shape[3] and group > 1:
        last = build.transpose(weights, (3, 1, 2, 0))
        return build.op("DEPTHWISE_CONV_2D", [maps, last, bias], shape, depthMultiplier=outputs // group, **options)
    return build.op("CONV_2D", [maps, weights, bias], shape, **options)


def _by_products(build: Builder, maps: Tensor, weights: Tensor, window: Window, group: int) -> Tensor:
    """Convolve with weights computed from data: a product of matrices for each group, of what the windows cover."""
    made = multiplied(build, gather_taps(build, maps, window), weights, group)
    return build.reshape(made, (maps.shape[0], *window.outputs(maps.shape[1:-1]), weights.shape[0]))


def multiplied(build: Builder, taps: Tensor, weights: Tensor, group: int) -> Tensor:
    """Return what windows cover, (N, places, taps, C), times weights (M, C / group, kernel...): (N, places, M)."""
    outputs, inner = weights.shape[:2]
    batch, places, count = taps.shape[:3]
    grouped = build.reshape(taps, (batch, places, count, group, inner))
    rows = build.reshape(build.transpose(grouped, (0, 3, 1, 4, 2)), (batch, group, places, inner * count))
    columns = build.transpose(build.reshape(weights, (group, outputs // group, inner * count)), (0, 2, 1))
    made = build.batch_matmul(rows, columns)
    return build.reshape(build.transpose(made, (0, 2, 1, 3)), (batch, places, outputs))
