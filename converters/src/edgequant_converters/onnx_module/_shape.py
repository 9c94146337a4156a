"""Operators that move, cut, join and make tensors, and those that compute shapes."""

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (the field's name for it)
from torch import Tensor

from ._node import Node
from ._registry import operator

_INT64_MAX = np.iinfo(np.int64).max


@operator("Reshape")
def reshape(node: Node, x: Tensor, shape: Tensor | None = None) -> Tensor:
    """Change the shape; 0 copies a size (unless allowzero), -1 is inferred."""
    sizes = node.ints("shape", 1) or []
    if not node.get("allowzero", 0):
        sizes = [x.shape[axis] if size == 0 else size for axis, size in enumerate(sizes)]
    return x.reshape(sizes)


@operator("Flatten")
def flatten(node: Node, x: Tensor) -> Tensor:
    """Make a matrix: the axes before `axis`, and those from it on."""
    axis = node.get("axis", 1)
    axis = axis + x.ndim if axis < 0 else axis
    rows = int(np.prod(x.shape[:axis], dtype=np.int64))
    return x.reshape(rows, x.numel() // rows)


@operator("Transpose")
def transpose(node: Node, x: Tensor) -> Tensor:
    """Permute the axes; reverse them by default."""
    return x.permute(node.get("perm", list(range(x.ndim))[::-1]))


@operator("Squeeze")
def squeeze(node: Node, x: Tensor, axes: Tensor | None = None) -> Tensor:
    """Drop axes of size 1: those named, or all."""
    named = node.ints("axes", 1)
    return x.squeeze() if named is None else x.squeeze(named)


@operator("Unsqueeze")
def unsqueeze(node: Node, x: Tensor, axes: Tensor | None = None) -> Tensor:
    """Insert axes of size 1 at these places of the result."""
    named = node.ints("axes", 1) or []
    for axis in sorted(axis % (x.ndim + len(named)) for axis in named):
        x = x.unsqueeze(axis)
    return x


@operator("Concat")
def concatenate(node: Node, *values: Tensor) -> Tensor:
    """Join along an axis."""
    return torch.cat(values, dim=node.get("axis", 1))


@operator("Split")
def split(node: Node, x: Tensor, sizes: Tensor | None = None) -> tuple[Tensor, ...]:
    """Cut along an axis: into the named sizes, or into equal parts of which the last may be smaller."""
    axis = node.get("axis", 0)
    named = node.ints("split", 1)
    part = -(-x.shape[axis] // node.get("num_outputs", len(node.outputs)))
    return tuple(torch.split(x, part if named is None else named, dim=axis))


@operator("Slice")
def slice_(node: Node, x: Tensor, *_: Tensor | None) -> Tensor:
    """Cut ranges out; a negative step runs backwards."""
    starts, ends = node.ints("starts", 1) or [], node.ints("ends", 2) or []
    axes = node.ints("axes", 3) or list(range(len(starts)))
    steps = node.ints("steps", 4) or [1] * len(starts)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        positions = range(x.shape[axis])[_bound(start) : _bound(end) : step]
        if step > 0:
            index = [slice(None)] * (axis % x.ndim) + [slice(positions.start, positions.stop, step)]
            x = x[tuple(index)]
        else:
            x = x.index_select(axis, torch.tensor(list(positions), dtype=torch.int64))
    return x


def _bound(value: int) -> int | None:
    return None if value <= -_INT64_MAX else value


@operator("Gather")
def gather(node: Node, x: Tensor, indices: Tensor) -> Tensor:
    """Take whole slices along an axis; negative constant indices count from the end."""
    axis = node.get("axis", 0) % x.ndim
    if 1 in node.constants and node.constants[1].ndim == 0:
        return x.select(axis, int(node.constants[1]))
    if 1 in node.constants:
        indices = torch.tensor((node.constants[1] % x.shape[axis]).tolist(), dtype=torch.int64)
    if axis == 0 and x.ndim == 2 and 1 not in node.constants:
        return F.embedding(indices, x)
    taken = x.index_select(axis, indices.reshape(-1))
    return taken.reshape([*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]])


@operator("GatherElements")
def gather_elements(node: Node, x: Tensor, indices: Tensor) -> Tensor:
    """Take single elements along an axis."""
    axis = node.get("axis", 0) % x.ndim
    return torch.gather(x, axis, torch.where(indices < 0, indices + x.shape[axis], indices))


@operator("Expand")
def expand(node: Node, x: Tensor, shape: Tensor) -> Tensor:
    """Broadcast with a shape, both ways."""
    return x.expand(np.broadcast_shapes(tuple(x.shape), tuple(int(n) for n in node.constant(1))))


@operator("Tile")
def tile(node: Node, x: Tensor, repeats: Tensor) -> Tensor:
    """Repeat along each axis."""
    return x.repeat([int(n) for n in node.constant(1)])


@operator("Pad")
def pad(node: Node, x: Tensor, *_: Tensor | None) -> Tensor:
    """Pad with a constant, or by reflecting or repeating the edge; negative widths crop."""
    widths = node.ints("pads", 1) or []
    axes = node.ints("axes", 3) or list(range(x.ndim))
    pairs = {axis % x.ndim: sides for axis, sides in zip(axes, np.reshape(widths, (2, -1)).T.tolist(), strict=True)}
    flat = [width for axis in reversed(range(x.ndim)) for width in pairs.get(axis, (0, 0))]
    mode = node.get("mode", "constant")
    if mode == "constant":
        return F.pad(x, flat, value=node.number("value", 2) or 0.0)
    if mode not in ("reflect", "edge"):
        node.unsupported(f"mode={mode}")
    while flat and flat[-2:] == [0, 0]:  # these modes of torch pad only the last axes
        del flat[-2:]
    if len(flat) > 2 * (x.ndim - 1):
        node.unsupported(f"mode={mode} along the first axis")
    return F.pad(x, flat, mode="replicate" if mode == "edge" else "reflect") if flat else x


@operator("Shape")
def shape_of(node: Node, x: Tensor) -> Tensor:
    """Return the sizes of the axes from `start` to `end`."""
    return torch.tensor(list(x.shape[node.get("start", 0) : node.get("end", None)]), dtype=torch.int64)


@operator("Size")
def size_of(node: Node, x: Tensor) -> Tensor:
    """Return the number of elements."""
    return torch.tensor(x.numel(), dtype=torch.int64)


@operator("Constant")
def constant(node: Node) -> Tensor:
    """Return the node's own value."""
    ((kind, value),) = node.attributes.items()
    dtypes = {"value_float": np.float32, "value_floats": np.float32, "value_int": np.int64, "value_ints": np.int64}
    if kind != "value" and kind not in dtypes:
        node.unsupported(f"a {kind}")
    return torch.from_numpy(np.array(value, dtype=dtypes.get(kind)))


@operator("ConstantOfShape")
def constant_of_shape(node: Node, shape: Tensor) -> Tensor:
    """Return a tensor filled with one value."""
    value = np.asarray(node.get("value", np.zeros(1, np.float32)))
    return torch.from_numpy(np.full([int(n) for n in node.constant(0)], value.item(), value.dtype))


@operator("Range")
def number_range(node: Node, *_: Tensor) -> Tensor:
    """Return start, start + delta, ... below limit."""
    start, limit, delta = (node.constant(index).item() for index in range(3))
    return torch.from_numpy(np.arange(start, limit, delta, dtype=node.constant(0).dtype))


@operator("OneHot")
def one_hot(node: Node, indices: Tensor, depth: Tensor, values: Tensor) -> Tensor:
    """Return values[1] where the position along a new axis is the index, else values[0]."""
    count = int(node.constant(1).item())
    axis = node.get("axis", -1) % (indices.ndim + 1)
    positions = torch.arange(count).reshape([-1 if a == axis else 1 for a in range(indices.ndim + 1)])
    wrapped = torch.where(indices < 0, indices + count, indices).to(torch.int64)
    return torch.where(wrapped.unsqueeze(axis) == positions, values[1], values[0])


@operator("Trilu")
def triangle(node: Node, x: Tensor, k: Tensor | None = None) -> Tensor:
    """Keep the upper or lower triangle of the last two axes."""
    diagonal = int(node.constant(1).item()) if node.has_input(1) else 0
    return torch.triu(x, diagonal) if node.get("upper", 1) else torch.tril(x, diagonal)
