"""Poolings: windows of images by LiteRT's operators, of lines as images of one row, of volumes axis by axis."""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgequant_converters.ir import Builder, Tensor, window_size

from ._layout import to_channels_first, to_channels_last
from ._node import Node
from ._registry import lowers
from ._taps import gather_taps, tap_positions
from ._windows import Window, read_window

_LOWEST = float(np.finfo(np.float32).min)
_NEVER_NEGATIVE = frozenset({"RELU", "RELU6", "RELU_0_TO_1", "LOGISTIC", "SOFTMAX", "ABS", "SQUARE"})


@lowers("MaxPool")
def max_pool(node: Node, build: Builder) -> list[Tensor | None]:
    """Largest value of each window, and where it lies in the flattened input."""
    x = node.input(0)
    window = _with_ceiling(node, x.shape[2:], read_window(node, x.shape[2:], node.attributes["kernel_shape"]))
    maps = to_channels_last(build, x)
    if len(node.outputs) > 1 and node.outputs[1]:
        values, places = _largest_and_where(node, build, maps, window)
        return [to_channels_first(build, values), to_channels_first(build, places)]
    if max(window.dilations) > 1:
        taps = gather_taps(build, maps, window, _LOWEST)
        largest = build.reduce("REDUCE_MAX", taps, [2], keep=False)
        made = build.reshape(largest, (maps.shape[0], *window.outputs(maps.shape[1:-1]), maps.shape[-1]))
    else:
        made = _pooled(build, "MAX_POOL_2D", *_ready_for_maximum(node, build, x, maps, window))
    return [to_channels_first(build, made)]


def _ready_for_maximum(
    node: Node, build: Builder, x: Tensor, maps: Tensor, window: Window
) -> tuple[Tensor, Window, bool]:
    """Return padded maps, the window without padding, and whether LiteRT's SAME pads the same instead.

    What is added must never be the largest: zeros where nothing is negative, else the border mirrored where every
    window that reaches an added value covers its original too; else the lowest number, which no quantizer likes.
    """
    if window.is_same(maps.shape[1:-1]):
        return maps, window, True
    bare = window.without_padding()
    pads = [(0, 0), *zip(window.before, window.after, strict=True), (0, 0)]
    makers = build.graph.producers()
    made_by = makers.get(x)
    while made_by is not None and made_by.code in ("TRANSPOSE", "RESHAPE"):
        made_by = makers.get(made_by.inputs[0]) if made_by.inputs[0] is not None else None
    if made_by is not None and made_by.code in _NEVER_NEGATIVE:
        return build.pad(maps, pads), bare, False
    mirrored = all(
        2 * max(before, after) <= kernel and max(before, after) <= size
        for before, after, kernel, size in zip(
            window.before, window.after, window.kernel, maps.shape[1:-1], strict=True
        )
    )
    if not mirrored:
        return build.pad(maps, pads, _LOWEST), bare, False
    if not any(before or after for before, after in pads):
        return maps, bare, False
    shape = [
        size if size < 0 else size + before + after for size, (before, after) in zip(maps.shape, pads, strict=True)
    ]
    padded = build.op("MIRROR_PAD", [maps, build.constant(pads, np.int32)], tuple(shape), mode="SYMMETRIC")
    return padded, bare, False


def _pooled(build: Builder, code: str, maps: Tensor, window: Window, same: bool) -> Tensor:
    """Pool channels-last maps of any rank that need no padding, or SAME."""
    if len(window.kernel) == 1:
        row = build.reshape(maps, (maps.shape[0], 1, *maps.shape[1:]))
        made = _pooled_images(build, code, row, window.under_one_row(), same)
        return build.reshape(made, (made.shape[0], *made.shape[2:]))
    if len(window.kernel) == 2:
        return _pooled_images(build, code, maps, window, same)
    batch, depth, _, _, channels = maps.shape
    images = build.reshape(maps, (-1, *maps.shape[2:]))
    flat = _pooled_images(build, code, images, window.along(1, 2), same)
    height, width = flat.shape[1:3]
    columns = build.reshape(flat, (batch, depth, height * width, channels))
    made = _pooled_images(build, code, columns, window.along(0).over_one_column(), same)
    return build.reshape(made, (batch, made.shape[1], height, width, channels))


def _pooled_images(build: Builder, code: str, maps: Tensor, window: Window, same: bool) -> Tensor:
    if max(window.kernel) == 1 == max(window.strides):
        return maps
    height, width = (
        window_size(size, kernel, stride, same=same)
        for size, kernel, stride in zip(maps.shape[1:3], window.kernel, window.strides, strict=True)
    )
    return build.op(
        code, [maps], (maps.shape[0], height, width, maps.shape[3]), padding="SAME" if same else "VALID",
        strideH=window.strides[0], strideW=window.strides[1], filterHeight=window.kernel[0],
        filterWidth=window.kernel[1],
    )  # fmt: skip


def _with_ceiling(node: Node, sizes: tuple[int, ...], window: Window) -> Window:
    """Return the window with what ceil_mode lets it reach beyond the end.

    A last window that would begin in the padding at the end is dropped, as in ONNX Runtime.
    """
    if not node.get("ceil_mode", 0):
        return window
    after = []
    for size, k, stride, dilation, before, end in zip(
        sizes, window.kernel, window.strides, window.dilations, window.before, window.after, strict=True
    ):
        reach = (k - 1) * dilation + 1
        places = -(-(size + before + end - reach) // stride) + 1
        if (places - 1) * stride >= size + before:
            places -= 1
        after.append(max(end, (places - 1) * stride + reach - size - before))
    return Window(window.kernel, window.strides, window.dilations, window.before, after)


def _largest_and_where(node: Node, build: Builder, maps: Tensor, window: Window) -> tuple[Tensor, Tensor]:
    batch, *sizes, channels = maps.shape
    if batch < 0:
        node.refuse("the places of the largest values of a free batch")
    taps = gather_taps(build, maps, window, _LOWEST)
    outputs = window.outputs(sizes)
    shape = (batch, *outputs, channels)
    largest = build.reshape(build.reduce("REDUCE_MAX", taps, [2], keep=False), shape)
    chosen = build.op(
        "ARG_MAX", [taps, build.constant(2, np.int32)], (batch, prod(outputs), channels), "INT32", outputType="INT32"
    )
    flat = _index_without_padding(window, tuple(sizes), column_major=bool(node.get("storage_order", 0)))
    count = flat.shape[-1]
    first = build.constant(np.arange(prod(outputs)).reshape(1, -1, 1) * count, np.int32)
    found = build.gather(build.constant(flat.reshape(-1), np.int32), build.add(chosen, first), 0)
    plane = np.arange(batch).reshape(-1, 1, 1) * channels + np.arange(channels)
    places = build.add(found, build.constant(plane * prod(sizes), np.int32))
    return largest, build.reshape(build.cast(places, "INT64"), shape)


def _index_without_padding(window: Window, sizes: tuple[int, ...], *, column_major: bool) -> NDArray[np.int64]:
    """Return the flat index in a plane of each (place..., tap); what lies in the padding is never asked for."""
    around = zip(sizes, window.before, window.after, strict=True)
    padded = tuple(size + before + after for size, before, after in around)
    plane = np.arange(prod(sizes)).reshape(sizes, order="F" if column_major else "C")
    wide = np.pad(plane, list(zip(window.before, window.after, strict=True)))
    return wide.reshape(-1)[tap_positions(window, padded)]


@lowers("AveragePool")
def average_pool(node: Node, build: Builder) -> Tensor:
    """Mean of each window; what is added counts as zeros with count_include_pad, else not at all."""
    x = node.input(0)
    plain = read_window(node, x.shape[2:], node.attributes["kernel_shape"])
    return to_channels_first(build, _average(node, build, to_channels_last(build, x), plain))


def _average(node: Node, build: Builder, maps: Tensor, plain: Window) -> Tensor:
    sizes = maps.shape[1:-1]
    window = _with_ceiling(node, sizes, plain)
    counts = _counts(window, plain, sizes, include=bool(node.get("count_include_pad", 0)))
    if max(window.dilations) > 1:
        sums = build.reduce("SUM", gather_taps(build, maps, window), [2], keep=False)
        made = build.reshape(sums, (maps.shape[0], *window.outputs(sizes), maps.shape[-1]))
        return build.mul(made, build.constant(1 / counts[..., None], np.float32))
    if window.is_same(sizes) and np.array_equal(counts, _counts(window, window, sizes, include=False)):
        return _pooled(build, "AVERAGE_POOL_2D", maps, window, True)
    made = _pooled(build, "AVERAGE_POOL_2D", window.padded(build, maps), window.without_padding(), False)
    if (counts == prod(window.kernel)).all():
        return made
    return build.mul(made, build.constant(prod(window.kernel) / counts[..., None], np.float32))


def _counts(window: Window, plain: Window, sizes: tuple[int, ...], *, include: bool) -> NDArray[np.int64]:
    """Return how many values each window counts; what only ceil_mode adds never counts."""
    counts = np.ones([1] * len(sizes), np.int64)
    for axis, size in enumerate(sizes):
        one = window.along(axis)
        total = one.before[0] + size + one.after[0]
        low, high = (0, one.before[0] + size + plain.after[axis]) if include else (one.before[0], one.before[0] + size)
        positions = tap_positions(one, (total,))
        along = ((positions >= low) & (positions < high)).sum(1)
        counts = counts * along.reshape([-1 if i == axis else 1 for i in range(len(sizes))])
    return counts


@lowers("LpPool")
def lp_pool(node: Node, build: Builder) -> Tensor:
    """Take the p-norm of each window."""
    x, p = node.input(0), node.get("p", 2)
    maps = to_channels_last(build, x)
    plain = read_window(node, x.shape[2:], node.attributes["kernel_shape"])
    window = _with_ceiling(node, x.shape[2:], plain)
    count = prod(window.kernel)
    if p == 2 and max(window.dilations) == 1 and len(window.kernel) < 3:
        made = _pooled(build, "L2_POOL_2D", window.padded(build, maps), window.without_padding(), False)
        return to_channels_first(build, build.mul(made, build.like(count**0.5, made)))
    powers = _power(build, maps, p)
    if max(window.dilations) > 1:
        sums = build.reduce("SUM", gather_taps(build, powers, window), [2], keep=False)
        made = build.reshape(sums, (maps.shape[0], *window.outputs(x.shape[2:]), maps.shape[-1]))
    else:
        mean = _pooled(build, "AVERAGE_POOL_2D", window.padded(build, powers), window.without_padding(), False)
        made = build.mul(mean, build.like(count, mean))
    return to_channels_first(build, _root(build, made, p))


def _power(build: Builder, x: Tensor, p: float) -> Tensor:
    """Return abs(x) ** p."""
    if p == 2:
        return build.mul(x, x)
    size = build.unary("ABS", x)
    return size if p == 1 else build.binary("POW", size, build.like(p, x))


def _root(build: Builder, x: Tensor, p: float) -> Tensor:
    if p == 2:
        return build.unary("SQRT", x)
    return x if p == 1 else build.binary("POW", x, build.like(1 / p, x))


@lowers("GlobalAveragePool", "GlobalMaxPool")
def global_pool(node: Node, build: Builder) -> Tensor:
    """Mean or largest value of each channel."""
    maps = to_channels_last(build, node.input(0))
    code = "MEAN" if node.op_type == "GlobalAveragePool" else "REDUCE_MAX"
    return to_channels_first(build, build.reduce(code, maps, range(1, maps.rank - 1), keep=True))


@lowers("GlobalLpPool")
def global_lp_pool(node: Node, build: Builder) -> Tensor:
    """Take the p-norm of each channel."""
    p = node.get("p", 2)
    maps = to_channels_last(build, node.input(0))
    sums = build.reduce("SUM", _power(build, maps, p), range(1, maps.rank - 1), keep=True)
    return to_channels_first(build, _root(build, sums, p))


@lowers("MaxUnpool")
def max_unpool(node: Node, build: Builder) -> Tensor:
    """Put each value where MaxPool found it, zeros elsewhere.

    The indices mean the sizes that the pooling's attributes give; if output_shape is larger, zeros follow at the ends.
    """
    x, indices = node.input(0), node.input(1)
    kernel = node.attributes["kernel_shape"]
    rank = len(kernel)
    strides, pads = node.get("strides", [1] * rank), node.get("pads", [0] * 2 * rank)
    sizes = [
        (size - 1) * stride - before - after + k
        for size, stride, before, after, k in zip(x.shape[2:], strides, pads[:rank], pads[rank:], kernel, strict=True)
    ]
    shape = (*x.shape[:2], *sizes)
    where = build.reshape(build.cast(indices, "INT32"), (-1, 1))
    target: list[Any] = [where, build.reshape(x, (-1,)), build.constant([prod(shape)], np.int32)]
    made = build.reshape(build.op("SCATTER_ND", target, (prod(shape),), x.type), shape)
    wanted = node.ints("output_shape", 2) or list(shape)
    if any(new < old for new, old in zip(wanted, shape, strict=True)):
        node.refuse(f"an output_shape of {wanted}, smaller than what the windows cover")
    return build.pad(made, [(0, new - old) for new, old in zip(wanted, shape, strict=True)])
