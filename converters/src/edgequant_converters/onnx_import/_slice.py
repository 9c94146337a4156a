"""Slices and their opposite, padding."""

from collections.abc import Sequence
from math import prod

import numpy as np

from edgequant_converters.ir import Builder, Tensor, normal_axes

from ._node import Node
from ._registry import lowers

_NUMPY_MODES = {"reflect": "reflect", "edge": "edge", "wrap": "wrap"}


@lowers("Slice")
def slice_(node: Node, build: Builder) -> Tensor:
    """Take every `step`th index of each axis from a start to before an end; backwards too."""
    x = node.input(0)
    starts, ends = node.ints("starts", 1), node.ints("ends", 2)
    if starts is None or ends is None:
        node.refuse("its starts or ends are missing")
    axes = normal_axes(node.ints("axes", 3) or range(len(starts)), x.rank)
    steps = node.ints("steps", 4) or [1] * len(starts)
    taken = {
        axis: _indices(x.shape[axis], start, end, step)
        for axis, start, end, step in zip(axes, starts, ends, steps, strict=True)
    }
    return take_ranges(build, x, [taken.get(i, range(size)) for i, size in enumerate(x.shape)])


def _indices(size: int, start: int, end: int, step: int) -> range:
    """Return what is taken of an axis: negative indices count from the back, and both are then moved into the axis."""
    first, last = (0, size) if step > 0 else (-1, size - 1)
    start, end = (index + size if index < 0 else index for index in (start, end))
    # Backwards, unlike in Python, a start before the front is the first element.
    return range(min(max(start, 0), last), min(max(end, first), last), step)


def take_ranges(build: Builder, x: Tensor, ranges: Sequence[range]) -> Tensor:
    """Return the elements at these indices of each axis."""
    shape = tuple(len(indices) for indices in ranges)
    if all(indices.step == 1 for indices in ranges):
        return build.slice(x, [indices.start if len(indices) else 0 for indices in ranges], shape)
    if x.is_constant:
        return build.constant(x.values[np.ix_(*[list(indices) for indices in ranges])], name=x.name)
    if 0 in shape:
        return build.constant(np.zeros(shape, x.dtype))
    # A stop below 0 would count from the back: masked, it means "to the very end".
    masked = sum(1 << axis for axis, indices in enumerate(ranges) if indices.stop < 0)
    numbers = [[getattr(indices, part) for indices in ranges] for part in ("start", "stop", "step")]
    values = [build.constant(row, np.int32) for row in numbers]
    return build.op("STRIDED_SLICE", [x, *values], shape, endMask=masked)


@lowers("Pad")
def pad(node: Node, build: Builder) -> Tensor:
    """Add values at the ends of axes: a constant, or those of the tensor itself; negative amounts cut."""
    x = node.input(0)
    pads = _amounts(node, x)
    mode = node.get("mode", "constant")
    cut = [range(max(0, -before), size - max(0, -after)) for (before, after), size in zip(pads, x.shape, strict=True)]
    x = take_ranges(build, x, cut)
    added = [(max(0, before), max(0, after)) for before, after in pads]
    if mode == "constant":
        return _pad_constant(node, build, x, added)
    if mode not in _NUMPY_MODES:
        node.refuse(f"mode={mode}")
    return _pad_with_itself(build, x, added, mode)


def _amounts(node: Node, x: Tensor) -> list[tuple[int, int]]:
    amounts = node.ints("paddings" if "paddings" in node.attributes else "pads", 1)
    if amounts is None:
        node.refuse("its pads are missing")
    axes = normal_axes(node.constant(3), x.rank) if node.has_input(3) else list(range(x.rank))
    half = len(amounts) // 2
    named = dict(zip(axes, zip(amounts[:half], amounts[half:], strict=True), strict=True))
    return [named.get(axis, (0, 0)) for axis in range(x.rank)]


def _pad_constant(node: Node, build: Builder, x: Tensor, added: list[tuple[int, int]]) -> Tensor:
    value = node.optional(2)
    if value is None or value.is_constant:
        number = node.number("value", 2) or 0.0
        return _padded(build, x, added, number)
    inside = np.pad(np.ones(x.shape, np.bool_), added)
    return build.select(build.constant(inside), _padded(build, x, added), build.reshape(value, ()))


def _padded(build: Builder, x: Tensor, added: list[tuple[int, int]], value: float = 0.0) -> Tensor:
    """Pad with a number; more axes than LiteRT pads are padded in two steps, each with the others joined."""
    if x.rank <= _PADDED_AXES:
        return build.pad(x, added, value)
    half = x.rank // 2
    first, rest = x.shape[:half], x.shape[half:]
    x = build.pad(build.reshape(x, (*first, prod(rest))), [*added[:half], (0, 0)], value)
    front = x.shape[:half]
    x = build.pad(build.reshape(x, (prod(front), *rest)), [(0, 0), *added[half:]], value)
    return build.reshape(x, (*front, *x.shape[1:]))


_PADDED_AXES = 5


def _pad_with_itself(build: Builder, x: Tensor, added: list[tuple[int, int]], mode: str) -> Tensor:
    if mode == "reflect" and all(max(pair) < size for pair, size in zip(added, x.shape, strict=True)):
        shape = tuple(size + sum(pair) for size, pair in zip(x.shape, added, strict=True))
        return build.op("MIRROR_PAD", [x, build.constant(added, np.int32)], shape, mode="REFLECT")
    for axis, pair in enumerate(added):
        if any(pair):
            indices = np.pad(np.arange(x.shape[axis]), pair, mode=_NUMPY_MODES[mode])  # type: ignore[call-overload]
            x = build.gather(x, build.constant(indices, np.int32), axis)
    return x
