"""Sampling of maps at positions that are computed: one GATHER of all neighbours, and a product with their weights."""

from math import prod

import numpy as np

from edgequant_converters.ir import Builder, Tensor

from ._gates import clipped
from ._layout import to_channels_first, to_channels_last
from ._node import Node
from ._registry import lowers

_MODES = {
    "bilinear": "linear", "linear": "linear", "nearest": "nearest", "bicubic": "cubic", "cubic": "cubic",
}  # fmt: skip
_OFFSETS = {"linear": (0, 1), "nearest": (0,), "cubic": (-1, 0, 1, 2)}
_KEYS = -0.75  # the coefficient of the cubic convolution that ONNX fixes


@lowers("GridSample")
def grid_sample(node: Node, build: Builder) -> Tensor:
    """Sample x (N, C, spatial...) where a grid (N, out..., axes) from -1 to 1 says; its last axis has x first."""
    maps, grid = to_channels_last(build, node.input(0)), node.input(1)
    mode, padding = _MODES.get(node.get("mode", "linear")), node.get("padding_mode", "zeros")
    if mode is None or padding not in ("zeros", "border", "reflection"):
        node.refuse(f"mode={node.get('mode', 'linear')} with padding_mode={padding}")
    corners = bool(node.get("align_corners", 0))
    sizes = maps.shape[1:-1]
    outputs = grid.shape[1:-1]
    points = []
    for axis, size in enumerate(sizes):
        part = build.slice(grid, (0,) * (grid.rank - 1) + (len(sizes) - 1 - axis,), (*grid.shape[:-1], 1))
        unit = build.reshape(part, (grid.shape[0], prod(outputs)))
        scale, shift = (0.5 * (size - 1), 0.5 * (size - 1)) if corners else (0.5 * size, 0.5 * (size - 1))
        points.append(build.add(build.mul(unit, build.like(scale, unit)), build.like(shift, unit)))
    made = sample(node, build, maps, points, mode, padding, corners=corners)
    return to_channels_first(build, build.reshape(made, (maps.shape[0], *outputs, maps.shape[-1])))


def sample(
    node: Node, build: Builder, maps: Tensor, points: list[Tensor], mode: str = "linear", padding: str = "zeros", *,
    corners: bool = False,
) -> Tensor:  # fmt: skip
    """Return channels-last maps (N, spatial..., C) at points as (N, places, C).

    `points` has for each spatial axis the positions (N, places) in pixels. Outside of the maps are zeros, or what
    `padding` says: the border repeated, or the maps mirrored at it (at the middle of the outer pixels with `corners`).
    """
    batch, *sizes, channels = maps.shape
    if batch < 0 or batch * prod(sizes) > 1 << 24:  # positions are floats until they are indices
        node.refuse("maps of a free batch or of more than 2^24 pixels")
    places, rank = points[0].shape[1], len(sizes)
    index: Tensor | None = None
    weights: Tensor | None = None
    for axis, (size, given) in enumerate(zip(sizes, points, strict=True)):
        spread = [1] * rank
        spread[axis] = len(_OFFSETS[mode])
        point = build.reshape(given, (batch * places, *[1] * rank))
        if mode != "cubic":  # whose neighbours are each brought inside
            point = _inside(build, point, size, padding, corners=corners)
        near = build.unary("ROUND" if mode == "nearest" else "FLOOR", point)
        offsets = build.constant(np.reshape(_OFFSETS[mode], spread), np.float32)
        taps = near if mode == "nearest" else build.add(near, offsets)
        weight = None if mode == "nearest" else _weight(build, build.unary("ABS", build.sub(point, taps)), mode)
        if mode == "cubic":
            taps = _inside(build, taps, size, padding, corners=corners)
        reachable = clipped(build, taps, 0.0, float(size - 1))
        if padding == "zeros":
            hit = build.cast(build.binary("EQUAL", taps, reachable), "FLOAT32")
            weight = hit if weight is None else build.mul(weight, hit)
        stride = float(prod(sizes[axis + 1 :]))
        term = reachable if stride == 1 else build.mul(reachable, build.like(stride, reachable))
        index = term if index is None else build.add(index, term)
        if weight is not None:
            weights = weight if weights is None else build.mul(weights, weight)
    assert index is not None
    taps_count = len(_OFFSETS[mode]) ** rank
    flat = build.reshape(index, (batch, places * taps_count))
    if batch > 1:
        first = build.constant(np.arange(batch).reshape(-1, 1) * prod(sizes), np.float32)
        flat = build.add(flat, first)
    pixels = build.reshape(maps, (batch * prod(sizes), channels))
    indices = build.reshape(build.cast(flat, "INT32"), (batch * places, taps_count))
    found = build.gather(pixels, indices, 0)
    if weights is not None:
        found = build.batch_matmul(build.reshape(weights, (batch * places, 1, taps_count)), found)
    return build.reshape(found, (batch, places, channels))


def _inside(build: Builder, point: Tensor, size: int, padding: str, *, corners: bool) -> Tensor:
    """Return positions brought into an axis; zeros leave them where they are."""
    if padding == "zeros":
        return point
    if padding == "reflection":
        low, span = (0.0, float(size - 1)) if corners else (-0.5, float(size))
        if span == 0:
            return build.mul(point, build.like(0.0, point))
        away = build.unary("ABS", build.sub(point, build.like(low, point)))
        phase = build.binary("FLOOR_MOD", away, build.like(2 * span, away))
        back = build.unary("ABS", build.sub(phase, build.like(span, phase)))
        point = build.sub(build.like(span + low, back), back)
    return clipped(build, point, 0.0, float(size - 1))


def _weight(build: Builder, distance: Tensor, mode: str) -> Tensor:
    """Return what a neighbour counts at a distance: a triangle's height, or Keys' cubic convolution."""

    def number(value: float) -> Tensor:
        return build.like(value, distance)

    if mode == "linear":
        return build.sub(number(1.0), distance)
    square = build.mul(distance, distance)
    near = build.sub(build.mul(distance, number(_KEYS + 2)), number(_KEYS + 3))
    near = build.add(build.mul(near, square), number(1.0))
    far = build.mul(build.sub(distance, number(5.0)), distance)
    far = build.mul(build.add(far, number(8.0)), distance)
    far = build.mul(build.sub(far, number(4.0)), number(_KEYS))
    return build.select(build.binary("LESS_EQUAL", distance, number(1.0)), near, far)
