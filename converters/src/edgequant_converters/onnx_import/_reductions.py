"""Reductions over axes, sums that run along one, and the places of extremes."""

import math
from collections.abc import Callable

import numpy as np

from edgequant_converters.ir import NUMPY_TYPES, Builder, Tensor, normal_axes, reduced

from ._node import Node
from ._registry import LOWERINGS, Lowering, lowers
from ._types import FLOATS, held_in

_LOGICAL = {"REDUCE_MAX": "REDUCE_ANY", "REDUCE_MIN": "REDUCE_ALL"}
_OF_NOTHING = {"SUM": 0.0, "REDUCE_PROD": 1.0, "REDUCE_MAX": -math.inf, "REDUCE_MIN": math.inf, "MEAN": math.nan}


def _axes(node: Node, x: Tensor) -> list[int]:
    """Return the axes to reduce over, none where the node asks for none."""
    axes = node.ints("axes", 1)
    if not axes:
        return [] if node.get("noop_with_empty_axes", 0) else list(range(x.rank))
    return sorted(set(normal_axes(axes, x.rank)))


def _reduce(node: Node, build: Builder, code: str, x: Tensor, axes: list[int], *, keep: bool) -> Tensor:
    """Reduce in a type that LiteRT reduces in; over nothing the result is a constant."""
    if any(x.shape[axis] == 0 for axis in axes):
        return build.constant(np.full(reduced(x.shape, axes, keep), _value_of_nothing(code, x), x.dtype))
    if x.type == "BOOL" and code in _LOGICAL:
        return build.reduce(_LOGICAL[code], x, axes, keep=keep)
    return build.cast(build.reduce(code, build.cast(x, held_in(node, x.type)), axes, keep=keep), x.type)


def _value_of_nothing(code: str, x: Tensor) -> float | int:
    value = _OF_NOTHING[code]
    if x.type == "FLOAT32" or math.isfinite(value):
        return value
    if x.type == "BOOL":
        return value > 0
    limits = np.iinfo(x.dtype)
    return int(limits.min if value < 0 else limits.max)


def _reduction(
    code: str,
    before: Callable[[Builder, Tensor], Tensor] | None = None,
    after: str | None = None,
) -> Lowering:
    def lowering(node: Node, build: Builder) -> Tensor:
        x = node.input(0)
        axes = _axes(node, x)
        if after:
            held_in(node, x.type, FLOATS)
        made = _reduce(node, build, code, before(build, x) if before else x, axes, keep=bool(node.get("keepdims", 1)))
        return build.unary(after, made) if after else made

    return lowering


def _absolute(build: Builder, x: Tensor) -> Tensor:
    if x.type == "INT64":
        return build.binary("MAXIMUM", x, build.unary("NEG", x))
    return build.unary("ABS", x)


def _square(build: Builder, x: Tensor) -> Tensor:
    return build.unary("SQUARE", x) if x.type == "FLOAT32" else build.mul(x, x)


LOWERINGS.update(
    {
        "ReduceSum": _reduction("SUM"), "ReduceMean": _reduction("MEAN"), "ReduceMax": _reduction("REDUCE_MAX"),
        "ReduceMin": _reduction("REDUCE_MIN"), "ReduceProd": _reduction("REDUCE_PROD"),
        "ReduceL1": _reduction("SUM", _absolute), "ReduceL2": _reduction("SUM", _square, "SQRT"),
        "ReduceSumSquare": _reduction("SUM", _square), "ReduceLogSum": _reduction("SUM", None, "LOG"),
    }
)  # fmt: skip


@lowers("ReduceLogSumExp")
def reduce_log_sum_exp(node: Node, build: Builder) -> Tensor:
    """Log of the sum of powers of e, less their maximum, which is added again: no power overflows."""
    x = node.input(0)
    held_in(node, x.type, FLOATS)
    axes, keep = _axes(node, x), bool(node.get("keepdims", 1))
    if not axes:
        return x
    shape = reduced(x.shape, axes, keep)
    if 0 in x.shape:
        return build.constant(np.full(shape, -math.inf, np.float32))
    highest = build.reduce("REDUCE_MAX", x, axes, keep=True)
    largest = float(np.finfo(np.float32).max)  # an infinite maximum less itself would be no number
    highest = build.binary("MINIMUM", highest, build.like(largest, x))
    highest = build.binary("MAXIMUM", highest, build.like(-largest, x))
    total = build.reduce("SUM", build.unary("EXP", build.sub(x, highest)), axes, keep=True)
    return build.reshape(build.add(build.unary("LOG", total), highest), shape)


def _place(code: str) -> Lowering:
    def lowering(node: Node, build: Builder) -> Tensor:
        x = node.input(0)
        if x.type == "INT64":
            node.refuse("values of INT64")
        axis = normal_axes([node.get("axis", 0)], x.rank)[0]
        last = bool(node.get("select_last_index", 0))
        searched = build.cast(x, "INT32") if x.type in ("INT16", "UINT16") else x
        if last:
            searched = build.op("REVERSE_V2", [searched, build.constant([axis], np.int32)], x.shape)
        shape = reduced(x.shape, [axis], False)
        found = build.op(
            code, [searched, build.constant(axis, np.int32)], shape, "INT64", outputType="INT64"
        )  # LiteRT and ONNX both take the first of equals
        if last:
            found = build.sub(build.like(x.shape[axis] - 1, found), found)
        return build.reshape(found, reduced(x.shape, [axis], True)) if node.get("keepdims", 1) else found

    return lowering


LOWERINGS.update({"ArgMax": _place("ARG_MAX"), "ArgMin": _place("ARG_MIN")})


@lowers("CumSum")
def cumulative_sum(node: Node, build: Builder) -> Tensor:
    """Add up all elements up to each along an axis."""
    x = node.input(0)
    axis = int(np.asarray(node.constant(1)).item())
    wide = build.cast(x, held_in(node, x.type))
    at = build.constant(axis % x.rank, np.int32)
    exclusive, reverse = bool(node.get("exclusive", 0)), bool(node.get("reverse", 0))
    return build.cast(build.op("CUMSUM", [wide, at], x.shape, exclusive=exclusive, reverse=reverse), x.type)


@lowers("CumProd")
def cumulative_product(node: Node, build: Builder) -> Tensor:
    """Products of all elements up to each along an axis: with those 1, 2, 4 ... before, which have theirs already."""
    x = node.input(0)
    axis, reverse = int(np.asarray(node.constant(1)).item()) % x.rank, node.get("reverse", 0)
    made = build.cast(x, held_in(node, x.type))
    if node.get("exclusive", 0):
        made = _moved(build, made, axis, 1, reverse=reverse)
    step = 1
    while step < x.shape[axis]:
        made = build.mul(made, _moved(build, made, axis, step, reverse=reverse))
        step *= 2
    return build.cast(made, x.type)


def _moved(build: Builder, x: Tensor, axis: int, count: int, *, reverse: bool) -> Tensor:
    """Move x along an axis, away from where it begins; ones follow."""
    ones = build.constant(np.ones([count if i == axis else n for i, n in enumerate(x.shape)], NUMPY_TYPES[x.type]))
    size = [n - count if i == axis else n for i, n in enumerate(x.shape)]
    begin = [count if reverse and i == axis else 0 for i in range(x.rank)]
    kept = build.slice(x, begin, size)
    return build.concat([kept, ones] if reverse else [ones, kept], axis)
