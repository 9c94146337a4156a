"""Between channels and blocks of pixels."""

import numpy as np

from edgequant_converters.ir import Builder, Tensor

from ._layout import to_channels_first, to_channels_last
from ._node import Node
from ._registry import lowers


@lowers("DepthToSpace")
def depth_to_space(node: Node, build: Builder) -> Tensor:
    """Spread channels over blocks of pixels; LiteRT takes a block's pixels first (DCR)."""
    maps, block = to_channels_last(build, node.input(0)), node.get("blocksize", 1)
    batch, height, width, channels = maps.shape
    if block < 1 or channels % block**2:
        node.refuse(f"blocksize={block} of {channels} channels")
    if node.get("mode", "DCR") == "CRD":
        order = np.arange(channels).reshape(-1, block * block).T
        maps = build.gather(maps, build.constant(order.ravel(), np.int32), 3)
    shape = (batch, height * block, width * block, channels // block**2)
    return to_channels_first(build, build.op("DEPTH_TO_SPACE", [maps], shape, blockSize=block))


@lowers("SpaceToDepth")
def space_to_depth(node: Node, build: Builder) -> Tensor:
    """Gather blocks of pixels into channels, a block's pixels first (DCR)."""
    maps, block = to_channels_last(build, node.input(0)), node.get("blocksize", 1)
    batch, height, width, channels = maps.shape
    if block < 1 or height % block or width % block:
        node.refuse(f"blocksize={block} of {height} by {width} pixels")
    shape = (batch, height // block, width // block, channels * block**2)
    made = build.op("SPACE_TO_DEPTH", [maps], shape, blockSize=block)
    if node.get("mode", "DCR") == "CRD":
        order = np.arange(channels * block**2).reshape(-1, channels).T
        made = build.gather(made, build.constant(order.ravel(), np.int32), 3)
    return to_channels_first(build, made)
