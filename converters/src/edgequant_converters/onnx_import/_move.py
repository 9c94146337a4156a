"""Operators that only move values."""

import numpy as np

from edgequant_converters.ir import NUMPY_TYPES, Builder, Tensor, broadcast_shapes, normal_axes

from ._cast import type_for
from ._node import Node
from ._registry import lowers


@lowers("Reshape")
def reshape(node: Node, build: Builder) -> Tensor:
    """Give the same values another shape; a size of 0 keeps the input's."""
    x = node.input(0)
    wanted = node.ints("shape", 1)
    assert wanted is not None
    if not node.get("allowzero", 0):
        wanted = [x.shape[axis] if size == 0 else size for axis, size in enumerate(wanted)]
    return build.reshape(x, wanted)


@lowers("Transpose")
def transpose(node: Node, build: Builder) -> Tensor:
    """Put the axes in another order; reversed if none is given."""
    x = node.input(0)
    return build.transpose(x, node.get("perm", list(reversed(range(x.rank)))))


@lowers("Flatten")
def flatten(node: Node, build: Builder) -> Tensor:
    """Keep two axes: those before `axis`, and the rest."""
    x = node.input(0)
    axis = normal_axes([node.get("axis", 1)], x.rank)[0] if node.get("axis", 1) != x.rank else x.rank
    rows = 1
    for size in x.shape[:axis]:
        rows *= size
    return build.reshape(x, (rows, x.size // rows if rows else 0))


@lowers("Concat")
def concat(node: Node, build: Builder) -> Tensor:
    """Join the inputs along an axis."""
    return build.concat([node.input(index) for index in range(len(node.inputs))], node.get("axis", 1))


@lowers("Squeeze")
def squeeze(node: Node, build: Builder) -> Tensor:
    """Drop axes of size 1: those that are named, or all."""
    x = node.input(0)
    axes = node.ints("axes", 1)
    dropped = [i for i, size in enumerate(x.shape) if size == 1] if axes is None else normal_axes(axes, x.rank)
    if any(x.shape[axis] != 1 for axis in dropped):
        node.refuse(f"axes={axes} of the shape {list(x.shape)}")
    return build.reshape(x, [size for i, size in enumerate(x.shape) if i not in dropped])


@lowers("Unsqueeze")
def unsqueeze(node: Node, build: Builder) -> Tensor:
    """Add axes of size 1."""
    x = node.input(0)
    axes = node.ints("axes", 1) or []
    added = normal_axes(axes, x.rank + len(axes))
    sizes = iter(x.shape)
    return build.reshape(x, [1 if i in added else next(sizes) for i in range(x.rank + len(axes))])


@lowers("Expand")
def expand(node: Node, build: Builder) -> Tensor:
    """Repeat axes of size 1 to a shape."""
    x = node.input(0)
    return build.broadcast_to(x, broadcast_shapes(x.shape, tuple(int(n) for n in node.constant(1))))


@lowers("Tile")
def tile(node: Node, build: Builder) -> Tensor:
    """Repeat the whole along each axis."""
    x, repeats = node.input(0), [int(n) for n in node.constant(1)]
    shape = tuple(size * count for size, count in zip(x.shape, repeats, strict=True))
    return x if shape == x.shape else build.op("TILE", [x, build.constant(repeats, np.int32)], shape)


@lowers("Split")
def split(node: Node, build: Builder) -> list[Tensor]:
    """Cut along an axis, into parts of given sizes, or of equal ones with the last one smaller."""
    x = node.input(0)
    axis = normal_axes([node.get("axis", 0)], x.rank)[0]
    count = len(node.outputs)
    sizes = node.ints("split", 1)
    if sizes is None:
        part = -(-x.shape[axis] // count)
        sizes = [part] * (count - 1) + [x.shape[axis] - part * (count - 1)]
    if count == 1:
        return [x]
    shapes = [tuple(size if i == axis else n for i, n in enumerate(x.shape)) for size in sizes]
    filled = [size for size in sizes if size]
    made = [(shape, x.type) for shape in shapes if shape[axis]]
    at = build.constant(axis, np.int32)
    if len(set(filled)) == 1:
        parts = iter(build.ops("SPLIT", [at, x], made, numSplits=len(made)) if len(made) > 1 else [x])
    else:
        parts = iter(build.ops("SPLIT_V", [x, build.constant(filled, np.int32), at], made, numSplits=len(made)))
    return [next(parts) if shape[axis] else build.constant(np.zeros(shape, x.dtype)) for shape in shapes]


@lowers("ReverseSequence")
def reverse_sequence(node: Node, build: Builder) -> Tensor:
    """Reverse the first elements of each sequence, as many as it is long."""
    x, lengths = node.input(0), build.cast(node.input(1), "INT32")
    along, batch = node.get("time_axis", 0), node.get("batch_axis", 1)
    return build.op("REVERSE_SEQUENCE", [x, lengths], x.shape, seqDim=along, batchDim=batch)


@lowers("Trilu")
def triangle(node: Node, build: Builder) -> Tensor:
    """Keep what is above a diagonal, or below it, and write 0 elsewhere."""
    x = node.input(0)
    diagonal = int(np.asarray(node.constant(1)).item()) if node.has_input(1) else 0
    kept = np.triu(np.ones(x.shape[-2:], np.bool_), diagonal)
    if not node.get("upper", 1):
        kept = np.tril(np.ones(x.shape[-2:], np.bool_), diagonal)
    return build.select(build.constant(kept), x, build.like(0, x))


@lowers("EyeLike")
def eye_like(node: Node, build: Builder) -> Tensor:
    """Ones on a diagonal of a matrix of the input's shape."""
    x = node.input(0)
    kind = type_for(node, int(node.attributes["dtype"])) if "dtype" in node.attributes else x.type
    return build.constant(np.eye(x.shape[0], x.shape[1], node.get("k", 0)), NUMPY_TYPES[kind])
