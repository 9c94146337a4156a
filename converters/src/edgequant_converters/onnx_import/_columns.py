"""Images put together from columns, the opposite of what a convolution takes apart."""

from math import prod

import numpy as np

from edgequant_converters.ir import Builder, Tensor

from ._node import Node
from ._registry import lowers


@lowers("Col2Im")
def image_of_columns(node: Node, build: Builder) -> Tensor:
    """Add up columns (N, C * block, places) where their pixels are in the image: (N, C, image)."""
    x = node.input(0)
    image, block = ([int(n) for n in node.constant(index)] for index in (1, 2))
    axes = len(image)
    strides, dilations = (node.get(name, [1] * axes) for name in ("strides", "dilations"))
    pads = node.get("pads", [0] * 2 * axes)
    padded = [size + before + after for size, before, after in zip(image, pads[:axes], pads[axes:], strict=True)]
    rows = 0
    for axis in range(axes):
        counts = (padded[axis] - dilations[axis] * (block[axis] - 1) - 1) // strides[axis] + 1
        along = np.arange(block[axis])[:, None] * dilations[axis] + np.arange(counts) * strides[axis]
        # (block of every axis, places of every axis), this axis's two filled
        shape = [1] * 2 * axes
        shape[axis], shape[axes + axis] = along.shape
        rows = rows + along.reshape(shape) * prod(padded[axis + 1 :])
    batch, channels = x.shape[0], x.shape[1] // prod(block)
    places = np.asarray(rows).reshape(-1, 1)
    values = build.transpose(build.reshape(x, (batch, channels, prod(block), x.shape[2])), (2, 3, 0, 1))
    values = build.reshape(values, (len(places), batch * channels))
    size = (prod(padded), batch * channels)
    inputs = [build.constant(places, np.int32), values, build.constant(size, np.int32)]
    made = build.reshape(build.op("SCATTER_ND", inputs, size, x.type), (*padded, batch, channels))
    made = build.slice(made, [*pads[:axes], 0, 0], (*image, batch, channels))
    return build.transpose(made, (axes, axes + 1, *range(axes)))
