"""Convolutions.

Images are (N, C, H, W) in ONNX: each is turned to channels last and back, and the layout pass undoes what turns back
and forth.
"""

from typing import Any

from edgequant_converters.ir import Builder, Tensor, window_size

from ._layout import to_channels_first, to_channels_last
from ._node import Node
from ._registry import lowers
from ._windows import Window, read_window


@lowers("Conv")
def convolution(node: Node, build: Builder) -> Tensor:
    """Convolve x (N, C, spatial...) with weights (M, C / group, kernel...)."""
    x, weights = node.input(0), node.input(1)
    if not weights.is_constant:
        node.refuse("its weights are computed from data")
    if weights.rank != 4:
        node.refuse(f"{weights.rank - 2} spatial axes")
    window = read_window(node, x.shape[2:], weights.shape[2:])
    maps = to_channels_last(build, x)
    made = _conv2d(node, build, maps, weights, node.optional(2), window, node.get("group", 1))
    return to_channels_first(build, made)


def _conv2d(
    node: Node, build: Builder, maps: Tensor, weights: Tensor, bias: Tensor | None, window: Window, group: int
) -> Tensor:
    outputs, inner = weights.shape[:2]
    depthwise = inner == 1 and group == maps.shape[3] and group > 1
    if group not in (1, maps.shape[3]):
        node.refuse(f"group={group}")
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
    if depthwise:
        last = build.transpose(weights, (1, 2, 3, 0))
        return build.op("DEPTHWISE_CONV_2D", [maps, last, bias], shape, depthMultiplier=outputs // group, **options)
    return build.op("CONV_2D", [maps, build.transpose(weights, (0, 2, 3, 1)), bias], shape, **options)
