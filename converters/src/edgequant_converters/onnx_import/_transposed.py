"""Transposed convolutions: TRANSPOSE_CONV of everything that the weights reach, of which the padding is cut off."""

from dataclasses import dataclass

import numpy as np

from edgequant_converters.ir import Builder, Tensor

from ._convolution import convolve
from ._depth import depth_taps
from ._layout import to_channels_first, to_channels_last
from ._node import Node
from ._registry import lowers
from ._windows import Window

_FEW_GROUPS = 4  # as many operators; more groups take one convolution of an image with zeros between its pixels


@dataclass(frozen=True, slots=True)
class _Transposition:
    """Strides, and what is cut off the full output `before` and `after` each spatial axis."""

    strides: list[int]
    before: list[int]
    after: list[int]

    def along(self, *axes: int) -> "_Transposition":
        return _Transposition(*([part[axis] for axis in axes] for part in (self.strides, self.before, self.after)))

    def full(self, size: int, kernel: int, axis: int) -> int:
        """Return the size of an axis before anything is cut off."""
        return (size - 1) * self.strides[axis] + kernel


@lowers("ConvTranspose")
def transposed_convolution(node: Node, build: Builder) -> Tensor:
    """Transposed convolution of x (N, C, spatial...) with weights (C, M / group, kernel...)."""
    x, weights, bias, group = node.input(0), node.input(1), node.optional(2), node.get("group", 1)
    rank = x.rank - 2
    if not 1 <= rank <= 3:
        node.refuse(f"{rank} spatial axes")
    dilations = node.get("dilations", [1] * rank)
    maps, kernel = to_channels_last(build, x), _dilated(build, weights, dilations)
    steps = _read(node, x.shape[2:], kernel.shape[2:])
    kernel, steps = _extended(build, kernel, steps)
    last = build.transpose(kernel, (0, *range(2, kernel.rank), 1))
    if rank == 1:
        row = build.reshape(maps, (maps.shape[0], 1, *maps.shape[1:]))
        flat = _Transposition([1, *steps.strides], [0, *steps.before], [0, *steps.after])
        made = _transposed(build, row, build.reshape(last, (last.shape[0], 1, *last.shape[1:])), bias, flat, group)
        made = build.reshape(made, (made.shape[0], *made.shape[2:]))
    elif rank == 2:
        made = _transposed(build, maps, last, bias, steps, group)
    else:
        made = _of_volumes(build, maps, last, bias, steps, group)
    return to_channels_first(build, made)


def _dilated(build: Builder, weights: Tensor, dilations: list[int]) -> Tensor:
    """Return the weights with zeros between them."""
    steps = [1, 1, *dilations]
    if max(steps) == 1:
        return weights
    shape = [(size - 1) * step + 1 for size, step in zip(weights.shape, steps, strict=True)]
    if weights.is_constant:
        spread = np.zeros(shape, np.float32)
        spread[tuple(slice(None, None, step) for step in steps)] = weights.values
        return build.constant(spread, name=weights.name)
    return _spread(build, weights, steps)


def _spread(build: Builder, x: Tensor, steps: list[int]) -> Tensor:
    shape = [size if size < 0 else (size - 1) * step + 1 for size, step in zip(x.shape, steps, strict=True)]
    return build.op("DILATE", [x, build.constant(steps, "int32"), build.like(0.0, x)], tuple(shape))


def _read(node: Node, sizes: tuple[int, ...], kernel: tuple[int, ...]) -> _Transposition:
    rank = len(kernel)
    strides, extra = node.get("strides", [1] * rank), node.get("output_padding", [0] * rank)
    mode, pads = node.get("auto_pad", "NOTSET"), node.get("pads", [0] * 2 * rank)
    full = [(size - 1) * stride + k for size, stride, k in zip(sizes, strides, kernel, strict=True)]
    if "output_shape" in node.attributes:
        wanted = node.attributes["output_shape"][-rank:]
    elif mode in ("SAME_UPPER", "SAME_LOWER"):
        wanted = [size * stride for size, stride in zip(sizes, strides, strict=True)]
    else:
        before, after = ([0] * rank, [0] * rank) if mode == "VALID" else (pads[:rank], pads[rank:])
        return _Transposition(strides, before, [cut - more for cut, more in zip(after, extra, strict=True)])
    # The definition gives the odd element to the beginning unless SAME_UPPER; output_padding belongs to the end.
    before, after = [], []
    for size, more, target in zip(full, extra, wanted, strict=True):
        total = size + more - target
        first = total // 2 if mode == "SAME_UPPER" else total - total // 2
        before.append(first)
        after.append(total - first - more)
    return _Transposition(strides, before, after)


def _extended(build: Builder, weights: Tensor, steps: _Transposition) -> tuple[Tensor, _Transposition]:
    """Where the output reaches beyond the weights, let the weights reach as far, with zeros."""
    pads = [(max(0, -b), max(0, -a)) for b, a in zip(steps.before, steps.after, strict=True)]
    if not any(before or after for before, after in pads):
        return weights, steps
    around = [(0, 0), (0, 0), *pads]
    if weights.is_constant:
        wider = build.constant(np.pad(weights.values, around), name=weights.name)
    else:
        wider = build.pad(weights, around)
    cut = _Transposition(steps.strides, [max(0, n) for n in steps.before], [max(0, n) for n in steps.after])
    return wider, cut


def _transposed(
    build: Builder, maps: Tensor, weights: Tensor, bias: Tensor | None, steps: _Transposition, group: int
) -> Tensor:
    """Transposed convolution of images by weights (C, height, width, M / group)."""
    if group == 1:
        made = _one_group(build, maps, weights, bias, steps)
        return made if bias is None or bias.is_constant else build.add(made, bias)
    if group > _FEW_GROUPS and weights.is_constant and (bias is None or bias.is_constant):
        return _with_zeros_between(build, maps, weights, bias, steps, group)
    inner, outer = maps.shape[3] // group, weights.shape[3]
    parts = []
    for part in range(group):
        image = build.slice(maps, (0, 0, 0, part * inner), (*maps.shape[:3], inner))
        own = build.slice(weights, (part * inner, 0, 0, 0), (inner, *weights.shape[1:]))
        added = build.slice(bias, (part * outer,), (outer,)) if bias is not None and bias.is_constant else None
        parts.append(_one_group(build, image, own, added, steps))
    made = build.concat(parts, -1)
    return made if bias is None or bias.is_constant else build.add(made, bias)


def _one_group(build: Builder, maps: Tensor, weights: Tensor, bias: Tensor | None, steps: _Transposition) -> Tensor:
    kernel = weights.shape[1:3]
    full = [steps.full(size, k, axis) for axis, (size, k) in enumerate(zip(maps.shape[1:3], kernel, strict=True))]
    cut = [size - b - a for size, b, a in zip(full, steps.before, steps.after, strict=True)]
    padding = "SAME" if _is_same(maps.shape[1:3], kernel, cut, steps) else "VALID"
    height, width = cut if padding == "SAME" else full
    shape = (maps.shape[0], height, width, weights.shape[3])
    inputs = [_output_shape(build, maps, shape), build.transpose(weights, (3, 1, 2, 0)), maps]
    if bias is not None and bias.is_constant:
        inputs.append(bias)
    made = build.op(
        "TRANSPOSE_CONV", inputs, shape, maps.type, padding=padding, strideH=steps.strides[0], strideW=steps.strides[1]
    )
    return build.slice(made, (0, *steps.before, 0), (shape[0], *cut, shape[3]))


def _output_shape(build: Builder, maps: Tensor, shape: tuple[int, ...]) -> Tensor:
    if shape[0] >= 0:
        return build.constant(shape, "int32")
    sizes = build.op("SHAPE", [maps], (maps.rank,), "INT32", outType="INT32")
    return build.concat([build.slice(sizes, (0,), (1,)), build.constant(shape[1:], "int32")], 0)


def _is_same(sizes: tuple[int, ...], kernel: tuple[int, ...], cut: list[int], steps: _Transposition) -> bool:
    """Tell whether LiteRT's SAME cuts off the same: the smaller half at the beginning."""
    for axis, (size, k, target) in enumerate(zip(sizes, kernel, cut, strict=True)):
        stride = steps.strides[axis]
        total = (size - 1) * stride + k - target
        if -(-target // stride) != size or total < 0 or total // 2 != steps.before[axis]:
            return False
    return True


def _with_zeros_between(
    build: Builder, maps: Tensor, weights: Tensor, bias: Tensor | None, steps: _Transposition, group: int
) -> Tensor:
    """Convolve the images, with zeros between their pixels, by the weights turned round."""
    spread = _spread(build, maps, [1, *steps.strides, 1]) if max(steps.strides) > 1 else maps
    channels, height, width, outer = weights.shape
    turned = weights.values[:, ::-1, ::-1].reshape(group, channels // group, height, width, outer)
    own = np.ascontiguousarray(turned.transpose(0, 4, 2, 3, 1)).reshape(-1, height, width, channels // group)
    around = [
        [k - 1 - cut for k, cut in zip((height, width), side, strict=True)] for side in (steps.before, steps.after)
    ]
    crop = [[max(0, -n) for n in side] for side in around]
    window = Window([height, width], [1, 1], [1, 1], *([max(0, n) for n in side] for side in around))
    sizes = [size - b - a for size, b, a in zip(spread.shape[1:3], *crop, strict=True)]
    cropped = build.slice(spread, (0, *crop[0], 0), (spread.shape[0], *sizes, spread.shape[3]))
    return convolve(build, cropped, build.constant(own, name=weights.name), bias, window, group)


def _of_volumes(
    build: Builder, maps: Tensor, weights: Tensor, bias: Tensor | None, steps: _Transposition, group: int
) -> Tensor:
    """Transposed convolution of (N, D, H, W, C): zeros between the slices, then images of all that a window covers."""
    batch, channels, depth = maps.shape[0], maps.shape[4], weights.shape[1]
    spread = _spread(build, maps, [1, steps.strides[0], 1, 1, 1]) if steps.strides[0] > 1 else maps
    begin, end = depth - 1 - steps.before[0], depth - 1 - steps.after[0]
    if min(begin, end) < 0:
        first, last = max(0, -begin), max(0, -end)
        sizes = list(spread.shape)
        sizes[1] -= first + last
        spread = build.slice(spread, (0, first, 0, 0, 0), sizes)
    window = Window([depth], [1], [1], [max(0, begin)], [max(0, end)])
    taps = depth_taps(build, spread, window, group)
    turned = _reversed(build, weights, 1)
    inner = channels // group
    grouped = build.reshape(turned, (group, inner, *weights.shape[1:]))
    kernel = build.reshape(build.transpose(grouped, (0, 2, 1, 3, 4, 5)), (-1, *weights.shape[2:]))
    images = build.reshape(taps, (-1, *taps.shape[2:]))
    made = _transposed(build, images, kernel, bias, steps.along(1, 2), group)
    return build.reshape(made, (batch, taps.shape[1], *made.shape[1:]))


def _reversed(build: Builder, x: Tensor, axis: int) -> Tensor:
    if x.is_constant:
        return build.constant(np.flip(x.values, axis), name=x.name)
    return build.op("REVERSE_V2", [x, build.constant([axis], "int32")], x.shape)
