"""Resizing: one of LiteRT's two operators where it takes the same values, else axis by axis."""

from math import floor, prod

import numpy as np

from edgequant_converters.ir import Builder, Tensor

from ._interpolation import COORDINATES, Axis, Mode, nearest, positions, weights
from ._layout import to_channels_first, to_channels_last
from ._node import Node
from ._registry import lowers


@lowers("Resize", "Upsample")
def resize(node: Node, build: Builder) -> Tensor:
    """Resize by nearest neighbour, (multi)linear or cubic interpolation."""
    x = node.input(0)
    if min(x.shape[1:], default=0) < 0:
        node.refuse("a free size")
    mode, axes = _mode(node), _axes(node, x)
    changed = [place for place, axis in enumerate(axes) if axis.new != axis.old or axis.scale != 1.0]
    if mode.coordinates == "tf_crop_and_resize":
        changed = [place for place, axis in enumerate(axes) if changed or (axis.start, axis.end) != (0.0, 1.0)]
    if x.rank == 4 and set(changed) <= {2, 3}:
        maps = to_channels_last(build, x)
        along = {1: axes[2], 2: axes[3]}
        made = _by_operator(build, maps, mode, along)
        if made is None:
            made = _by_axis(node, build, maps, mode, {place - 1: axes[place] for place in changed})
        return to_channels_first(build, made)
    return _by_axis(node, build, x, mode, {place: axes[place] for place in changed})


def _mode(node: Node) -> Mode:
    old = node.opset < 11
    mode = node.get("mode", "nearest")
    coordinates = node.get("coordinate_transformation_mode", "asymmetric" if old else "half_pixel")
    if mode not in ("nearest", "linear", "cubic") or coordinates not in COORDINATES:
        node.refuse(f"mode={mode} with coordinate_transformation_mode={coordinates}")
    return Mode(
        mode, coordinates, node.get("nearest_mode", "floor" if old else "round_prefer_floor"),
        node.get("cubic_coeff_a", -0.75), bool(node.get("antialias", 0)), bool(node.get("exclude_outside", 0)),
    )  # fmt: skip


def _axes(node: Node, x: Tensor) -> list[Axis]:
    named = [int(axis) % x.rank for axis in node.get("axes", range(x.rank))]
    scales, sizes = [1.0] * x.rank, list(x.shape)
    if node.opset >= 11 and node.has_input(3) and node.input(3).size:
        wanted = [int(size) for size in node.constant(3)]
        policy = node.get("keep_aspect_ratio_policy", "stretch")
        ratios = [size / x.shape[axis] for axis, size in zip(named, wanted, strict=True)]
        if policy != "stretch":
            common = min(ratios) if policy == "not_larger" else max(ratios)
            ratios = [common] * len(named)
            wanted = [floor(common * x.shape[axis] + 0.5) for axis in named]
        for axis, ratio, size in zip(named, ratios, wanted, strict=True):
            if x.shape[axis] >= 0:
                scales[axis], sizes[axis] = ratio, size
    else:
        given = node.attributes.get("scales")
        given = node.constant(2 if node.opset >= 11 else 1) if given is None else given
        for axis, scale in zip(named, given, strict=True):
            scales[axis], sizes[axis] = float(scale), floor(x.shape[axis] * float(scale))
        if node.get("coordinate_transformation_mode", "") == "align_corners":
            # The definition puts the last corner at size * scale - 1, ONNX Runtime at the last of the new pixels.
            uneven = [axis for axis in named if sizes[axis] != x.shape[axis] * scales[axis]]
            if uneven:
                what = (
                    f"{x.shape[uneven[0]]} values by {scales[uneven[0]]:g} with align_corners: give sizes, not scales"
                )
                node.refuse(what)
    starts, ends = [0.0] * x.rank, [1.0] * x.rank
    if node.get("coordinate_transformation_mode", "") == "tf_crop_and_resize":
        roi = node.constant(1)
        for place, axis in enumerate(named):
            starts[axis], ends[axis] = float(roi[place]), float(roi[place + len(named)])
    return [Axis(*values) for values in zip(x.shape, sizes, scales, starts, ends, strict=True)]


def _by_operator(build: Builder, maps: Tensor, mode: Mode, along: dict[int, Axis]) -> Tensor | None:
    """Return images (N, H, W, C) resized by LiteRT's operator, None if it would take other values in any option."""
    if mode.mode == "cubic" or (mode.coordinates == "tf_crop_and_resize" and mode.mode == "nearest"):
        return None
    code = "RESIZE_NEAREST_NEIGHBOR" if mode.mode == "nearest" else "RESIZE_BILINEAR"
    for align_corners, half_pixel in ((False, False), (False, True), (True, False)):
        if all(_takes_the_same(axis, mode, align_corners, half_pixel) for axis in along.values()):
            sizes = [axis.new for axis in along.values()]
            return build.op(
                code, [maps, build.constant(sizes, np.int32)], (maps.shape[0], *sizes, maps.shape[3]),
                alignCorners=align_corners, halfPixelCenters=half_pixel,
            )  # fmt: skip
    return None


def _takes_the_same(axis: Axis, mode: Mode, align_corners: bool, half_pixel: bool) -> bool:
    coordinates = "align_corners" if align_corners else "half_pixel" if half_pixel else "asymmetric"
    plain = Axis(axis.old, axis.new, axis.new / axis.old)
    if mode.mode == "nearest":
        # LiteRT takes floor(x * scale), of the middles of the pixels with half_pixel; aligned corners are rounded.
        rounding = "floor" if coordinates == "asymmetric" else "round_prefer_ceil"
        return np.array_equal(nearest(axis, mode), nearest(plain, Mode("nearest", coordinates, rounding)))
    if mode.coordinates == "tf_crop_and_resize" and (axis.start, axis.end) != (0.0, 1.0):
        return False
    return np.allclose(weights(axis, mode), weights(plain, Mode("linear", coordinates)), rtol=0, atol=2e-6)


def _by_axis(node: Node, build: Builder, x: Tensor, mode: Mode, along: dict[int, Axis]) -> Tensor:
    inside = {place: np.ones(axis.new, np.bool_) for place, axis in along.items()}
    for place, axis in along.items():
        if mode.coordinates == "tf_crop_and_resize":
            at = positions(axis, mode)
            inside[place] = (at >= 0) & (at <= axis.old - 1)
        if mode.mode == "nearest":
            x = build.gather(x, build.constant(nearest(axis, mode), np.int32), place)
        else:
            x = _mixed(build, x, build.constant(weights(axis, mode), name=f"{build.scope}/weights"), place)
    if all(kept.all() for kept in inside.values()):
        return x
    mask = np.ones([1] * x.rank, np.bool_)
    for place, kept in inside.items():
        mask = mask & kept.reshape([-1 if axis == place else 1 for axis in range(x.rank)])
    outside = build.like(node.get("extrapolation_value", 0.0), x)
    return build.select(build.constant(mask), x, outside)


def _mixed(build: Builder, x: Tensor, matrix: Tensor, place: int) -> Tensor:
    """Return x with an axis multiplied by a matrix (new, old)."""
    shape = (*x.shape[:place], matrix.shape[0], *x.shape[place + 1 :])
    if place == x.rank - 1:
        return build.fully_connected(x, matrix)
    before = -1 if min(x.shape[:place], default=1) < 0 else prod(x.shape[:place])
    after = prod(x.shape[place + 1 :])
    columns = build.reshape(x, (before, x.shape[place], after))
    return build.reshape(build.batch_matmul(build.reshape(matrix, (1, *matrix.shape)), columns), shape)
