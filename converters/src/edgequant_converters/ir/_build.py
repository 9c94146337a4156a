"""Adding operators to a graph: one method for each that most lowerings need, and two for all others."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._model import Graph, Operator, Shape, Tensor, constant
from ._shapes import broadcast_shapes, normal_axes, permuted, reduced
from ._types import NUMPY_TYPES

_COMPARISONS = frozenset({"EQUAL", "NOT_EQUAL", "LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL"})
_ON_CONSTANTS: dict[str, Callable[..., NDArray[Any]]] = {
    "ADD": np.add, "SUB": np.subtract, "MUL": np.multiply, "MAXIMUM": np.maximum, "MINIMUM": np.minimum,
    "FLOOR_MOD": np.mod, "EQUAL": np.equal, "NOT_EQUAL": np.not_equal, "LESS": np.less, "LESS_EQUAL": np.less_equal,
    "GREATER": np.greater, "GREATER_EQUAL": np.greater_equal,
}  # fmt: skip
"""What is computed at once between two constants: arithmetic of indices and masks."""


class Builder:
    """Appends operators to `graph`; what follows from constants alone is computed at once.

    Only where it moves or compares values, or is plain arithmetic.

    New tensors are called after `scope`, the name of what is being built.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.scope = "value"

    def constant(self, value: Any, dtype: Any = None, name: str | None = None) -> Tensor:
        """Return a constant; `dtype` as for numpy.asarray."""
        return constant(name or f"{self.scope}/constant", value, dtype)

    def like(self, value: float, other: Tensor) -> Tensor:
        """Return a constant of rank 0 of the type of `other`."""
        return self.constant(value, other.dtype)

    def op(
        self, code: str, inputs: Sequence[Tensor | None], shape: Shape, kind: str | None = None, **options: Any
    ) -> Tensor:
        """Append an operator of one output of this shape; `kind` is its type, without it the first input's."""
        first = next(tensor for tensor in inputs if tensor is not None)
        return self.ops(code, inputs, [(tuple(shape), kind or first.type)], **options)[0]

    def ops(
        self, code: str, inputs: Sequence[Tensor | None], outputs: Sequence[tuple[Shape, str]], **options: Any
    ) -> list[Tensor]:
        """Append an operator with outputs of these shapes and types."""
        made = [Tensor(f"{self.scope}/{code.lower()}", tuple(int(n) for n in shape), kind) for shape, kind in outputs]
        self.graph.operators.append(Operator(code, list(inputs), made, options))
        return made

    def custom(
        self, name: str, options: bytes, inputs: Sequence[Tensor | None], outputs: Sequence[tuple[Shape, str]]
    ) -> list[Tensor]:
        """Append a custom operator; `options` are its flexbuffer."""
        made = self.ops("CUSTOM", inputs, outputs)
        self.graph.operators[-1].custom, self.graph.operators[-1].custom_options = name, options
        return made

    def unary(self, code: str, x: Tensor, **options: Any) -> Tensor:
        """Append an operator whose output is like its only input."""
        return self.op(code, [x], x.shape, **options)

    def binary(self, code: str, x: Tensor, y: Tensor, **options: Any) -> Tensor:
        """Append an operator on two tensors that broadcast; comparisons give BOOL."""
        kind = "BOOL" if code in _COMPARISONS else x.type
        if x.is_constant and y.is_constant and code in _ON_CONSTANTS and not options:
            return self.constant(_ON_CONSTANTS[code](x.values, y.values), NUMPY_TYPES[kind], x.name)
        return self.op(code, [x, y], broadcast_shapes(x.shape, y.shape), kind, **options)

    def add(self, x: Tensor, y: Tensor) -> Tensor:
        """Append x + y."""
        return self.binary("ADD", x, y)

    def sub(self, x: Tensor, y: Tensor) -> Tensor:
        """Append x - y."""
        return self.binary("SUB", x, y)

    def mul(self, x: Tensor, y: Tensor) -> Tensor:
        """Append x * y."""
        return self.binary("MUL", x, y)

    def div(self, x: Tensor, y: Tensor) -> Tensor:
        """Append x / y."""
        return self.binary("DIV", x, y)

    def select(self, condition: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """Append x where the condition holds, else y; all three broadcast."""
        shape = broadcast_shapes(condition.shape, x.shape, y.shape)
        if condition.is_constant and x.is_constant and y.is_constant:
            return self.constant(np.where(condition.values, x.values, y.values), x.dtype, x.name)
        return self.op("SELECT_V2", [condition, x, y], shape, x.type)

    def cast(self, x: Tensor, kind: str) -> Tensor:
        """Return x as another type; x itself if it has that type."""
        if x.type == kind:
            return x
        if x.is_constant:
            return self.constant(x.values, NUMPY_TYPES[kind], x.name)
        return self.op("CAST", [x], x.shape, kind, inDataType=x.type, outDataType=kind)

    def reshape(self, x: Tensor, shape: Sequence[int]) -> Tensor:
        """Return x with another shape of the same size, in which one size may be -1; x itself if it has that shape."""
        wanted = [int(size) for size in shape]
        if -1 in wanted and x.size >= 0:
            wanted[wanted.index(-1)] = x.size // max(1, prod(size for size in wanted if size >= 0))
        if tuple(wanted) == x.shape:
            return x
        if x.is_constant:
            return self.constant(x.values.reshape(wanted), name=x.name)
        return self.op("RESHAPE", [x, self.constant(wanted, np.int32)], tuple(wanted), newShape=wanted)

    def transpose(self, x: Tensor, order: Sequence[int]) -> Tensor:
        """Return x with its axes in another order (axis i is axis order[i] of x); x itself if it is in that order."""
        if list(order) == list(range(x.rank)):
            return x
        if x.is_constant:
            return self.constant(x.values.transpose(order), name=x.name)
        return self.op("TRANSPOSE", [x, self.constant(order, np.int32)], permuted(x.shape, order))

    def reduce(self, code: str, x: Tensor, axes: Sequence[int], *, keep: bool) -> Tensor:
        """Append SUM, MEAN, REDUCE_MAX ... over axes; x itself if there are none."""
        normal = sorted(set(normal_axes(axes, x.rank)))
        if not normal:
            return x
        shape = reduced(x.shape, normal, keep)
        return self.op(code, [x, self.constant(normal, np.int32)], shape, keepDims=keep)

    def concat(self, parts: Sequence[Tensor], axis: int) -> Tensor:
        """Append the parts that are not empty joined along an axis; the part itself if there is one."""
        parts = [part for part in parts if part.shape[axis] != 0] or parts[:1]
        if len(parts) == 1:
            return parts[0]
        axis %= parts[0].rank
        if all(part.is_constant for part in parts):
            return self.constant(np.concatenate([part.values for part in parts], axis), name=parts[0].name)
        shape = list(parts[0].shape)
        shape[axis] = sum(part.shape[axis] for part in parts)
        return self.op("CONCATENATION", parts, tuple(shape), axis=axis)

    def slice(self, x: Tensor, begin: Sequence[int], size: Sequence[int]) -> Tensor:
        """Append the block of x that begins at `begin` (from the front) and has this size; x itself if that is all."""
        if tuple(size) == x.shape:
            return x
        if x.is_constant:
            block = tuple(slice(first, first + count) for first, count in zip(begin, size, strict=True))
            return self.constant(x.values[block], name=x.name)
        return self.op("SLICE", [x, self.constant(begin, np.int32), self.constant(size, np.int32)], tuple(size))

    def strided(self, x: Tensor, axis: int, begin: int, end: int, step: int) -> Tensor:
        """Append every `step`th index of an axis from `begin` to before `end`, as Python's range counts them."""
        length = len(range(begin, end, step))
        begins, ends, steps = [0] * x.rank, list(x.shape), [1] * x.rank
        begins[axis], ends[axis], steps[axis] = begin, end, step
        # A negative end counts from the back: masked, it means "to the very end", as a free size is to.
        mask = sum(1 << place for place, last in enumerate(ends) if last < 0)
        shape = tuple(length if i == axis else size for i, size in enumerate(x.shape))
        values = [self.constant(numbers, np.int32) for numbers in (begins, ends, steps)]
        return self.op("STRIDED_SLICE", [x, *values], shape, endMask=mask)

    def pad(self, x: Tensor, pads: Sequence[tuple[int, int]], value: float = 0.0) -> Tensor:
        """Append x with (before, after) added on each axis; x itself if nothing is added."""
        if not any(before or after for before, after in pads):
            return x
        shape = tuple(
            size if size < 0 else size + before + after for size, (before, after) in zip(x.shape, pads, strict=True)
        )
        amounts = self.constant(pads, np.int32)
        if value:
            return self.op("PADV2", [x, amounts, self.like(value, x)], shape)
        return self.op("PAD", [x, amounts], shape)

    def gather(self, x: Tensor, indices: Tensor, axis: int) -> Tensor:
        """Append the slices of x along an axis that the indices (from the front) name."""
        axis %= x.rank
        shape = (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])
        if x.is_constant and indices.is_constant:
            return self.constant(np.take(x.values, indices.values, axis), name=x.name)
        return self.op("GATHER", [x, indices], shape, axis=axis, batchDims=0)

    def broadcast_to(self, x: Tensor, shape: Sequence[int]) -> Tensor:
        """Return x repeated to a shape that its own broadcasts to; x itself if it has that shape."""
        if tuple(shape) == x.shape:
            return x
        if x.is_constant:
            return self.constant(np.broadcast_to(x.values, shape), name=x.name)
        return self.op("BROADCAST_TO", [x, self.constant(shape, np.int32)], tuple(shape))

    def batch_matmul(self, x: Tensor, y: Tensor) -> Tensor:
        """Append the products of the last two axes; the axes before broadcast."""
        batch = broadcast_shapes(x.shape[:-2], y.shape[:-2])
        return self.op("BATCH_MATMUL", [x, y], (*batch, x.shape[-2], y.shape[-1]), adjX=False, adjY=False)

    def fully_connected(self, x: Tensor, weights: Tensor, bias: Tensor | None = None) -> Tensor:
        """Append x times the transposed weights (outputs, inputs) over the last axis, plus the bias (outputs)."""
        shape = (*x.shape[:-1], weights.shape[0])
        return self.op("FULLY_CONNECTED", [x, weights, bias], shape, keepNumDims=x.rank != 2)
