"""Convolutions whose windows reach where data says, and poolings of regions."""

from math import ceil, floor, prod

import numpy as np

from edgequant_converters.ir import Builder, Tensor

from ._convolution import multiplied
from ._layout import to_channels_first, to_channels_last
from ._node import Node
from ._registry import lowers
from ._sampling import sample
from ._windows import read_window


@lowers("DeformConv")
def deformable_convolution(node: Node, build: Builder) -> Tensor:
    """Convolve x (N, C, H, W) with weights (M, C / group, kernel...) at positions that offsets move.

    The offsets are (N, offset groups * taps * 2, H', W'), of y and then x; a mask (N, offset groups * taps, H', W')
    weighs each tap.
    """
    x, weights, offset, bias, mask = node.input(0), node.input(1), node.input(2), node.optional(3), node.optional(4)
    if x.rank != 4:
        node.refuse(f"{x.rank - 2} spatial axes")
    window = read_window(node, x.shape[2:], weights.shape[2:])
    outputs = window.outputs(x.shape[2:])
    taps, places, groups = prod(window.kernel), prod(outputs), node.get("offset_group", 1)
    batch, channels = x.shape[0], x.shape[1] // groups
    maps = to_channels_last(build, x)
    moves = build.transpose(build.reshape(offset, (batch, groups, taps, 2, places)), (0, 1, 3, 4, 2))
    seen = None if mask is None else build.transpose(build.reshape(mask, (batch, groups, taps, places)), (0, 1, 3, 2))
    parts = []
    for group in range(groups):
        points = []
        for axis in range(2):
            move = build.slice(moves, (0, group, axis, 0, 0), (batch, 1, 1, places, taps))
            base = _base(window.before, window.strides, window.dilations, window.kernel, outputs, axis)
            still = build.constant(base.reshape(1, places, taps), np.float32)
            points.append(build.reshape(build.add(build.reshape(move, (batch, places, taps)), still), (batch, -1)))
        own = build.slice(maps, (0, 0, 0, group * channels), (*maps.shape[:3], channels))
        found = build.reshape(sample(node, build, own, points), (batch, places, taps, channels))
        if seen is not None:
            weight = build.slice(seen, (0, group, 0, 0), (batch, 1, places, taps))
            found = build.mul(found, build.reshape(weight, (batch, places, taps, 1)))
        parts.append(found)
    made = multiplied(build, build.concat(parts, -1), weights, node.get("group", 1))
    images = build.reshape(made, (batch, *outputs, weights.shape[0]))
    return to_channels_first(build, images if bias is None else build.add(images, bias))


def _base(
    before: list[int], strides: list[int], dilations: list[int], kernel: list[int], outputs: list[int], axis: int
) -> np.ndarray:
    """Return where each tap (H', W', kernel...) is along an axis when nothing moves it."""
    along = np.arange(outputs[axis])[:, None] * strides[axis] + np.arange(kernel[axis]) * dilations[axis] - before[axis]
    shape = [1, 1, 1, 1]
    shape[axis], shape[2 + axis] = along.shape
    return np.broadcast_to(along.reshape(shape), (*outputs, *kernel))


@lowers("MaxRoiPool")
def pool_regions(node: Node, build: Builder) -> Tensor:
    """Largest value of each bin of regions (R, 5: image, x1, y1, x2, y2) that are known; an empty bin gives 0."""
    maps, regions = to_channels_last(build, node.input(0)), node.constant(1)
    batch, height, width, channels = maps.shape
    bins, scale = node.attributes["pooled_shape"], node.get("spatial_scale", 1.0)
    lists = []
    for image, *corners in regions:
        x1, y1, x2, y2 = (floor(float(value) * scale + 0.5) for value in corners)
        rows, columns = _bins(y1, y2, bins[0], height), _bins(x1, x2, bins[1], width)
        lists += [
            [int(image) * height * width + y * width + x for y in row for x in column]
            for row in rows
            for column in columns
        ]
    nothing = batch * height * width  # an added pixel of zeros
    longest = max(max(len(found) for found in lists), 1)
    table = [(found or [nothing]) * longest for found in lists]
    indices = build.constant([found[:longest] for found in table], np.int32)
    pixels = build.reshape(maps, (nothing, channels))
    if any(not found for found in lists):
        pixels = build.pad(pixels, [(0, 1), (0, 0)])
    largest = build.reduce("REDUCE_MAX", build.gather(pixels, indices, 0), [1], keep=False)
    return to_channels_first(build, build.reshape(largest, (len(regions), *bins, channels)))


def _bins(first: int, last: int, count: int, size: int) -> list[range]:
    extent = max(last - first + 1, 1) / count
    return [
        range(min(max(floor(i * extent) + first, 0), size), min(max(ceil((i + 1) * extent) + first, 0), size))
        for i in range(count)
    ]
