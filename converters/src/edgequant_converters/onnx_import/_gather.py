"""Elements by their indices."""

from math import prod

import numpy as np

from edgequant_converters.ir import Builder, Tensor, normal_axes

from ._indices import flat_elements, flat_rows, from_front
from ._node import Node
from ._registry import lowers


@lowers("Gather")
def gather(node: Node, build: Builder) -> Tensor:
    """Take the slices of an axis that the indices name."""
    x = node.input(0)
    axis = normal_axes([node.get("axis", 0)], x.rank)[0]
    return build.gather(x, from_front(build, node.input(1), x.shape[axis]), axis)


@lowers("GatherElements")
def gather_elements(node: Node, build: Builder) -> Tensor:
    """Take for each element of the indices the one of x at its place, but for the index on one axis."""
    x = node.input(0)
    axis = normal_axes([node.get("axis", 0)], x.rank)[0]
    flat = flat_elements(build, node.input(1), x.shape, axis)
    return build.gather(build.reshape(x, (-1,)), flat, 0)


@lowers("GatherND")
def gather_nd(node: Node, build: Builder) -> Tensor:
    """Take the slices that tuples of indices name."""
    x, indices, batch = node.input(0), node.input(1), node.get("batch_dims", 0)
    count = indices.shape[-1]
    if batch == 0:
        indices = from_front(build, indices, x.shape[:count])
        return build.op("GATHER_ND", [x, indices], (*indices.shape[:-1], *x.shape[count:]))
    rest = x.shape[batch + count :]
    rows = build.reshape(x, (prod(x.shape[: batch + count]), *rest))
    return build.gather(rows, flat_rows(build, indices, x.shape[: batch + count], batch), 0)


@lowers("Compress")
def compress(node: Node, build: Builder) -> Tensor:
    """Take the slices of an axis, or the elements, for which a constant condition holds."""
    x, condition = node.input(0), node.constant(1)
    chosen = build.constant(np.flatnonzero(condition), np.int32)
    if "axis" not in node.attributes:
        return build.gather(build.reshape(x, (-1,)), chosen, 0)
    return build.gather(x, chosen, node.attributes["axis"])


@lowers("OneHot")
def one_hot(node: Node, build: Builder) -> Tensor:
    """Write `on` at each index of a new axis, else `off`; an index that is out of range is nowhere."""
    indices, depth = node.input(0), int(np.asarray(node.constant(1)).item())
    indices = build.cast(indices, "INT32")
    axis = normal_axes([node.get("axis", -1)], indices.rank + 1)[0]
    below = build.binary("LESS", indices, build.like(0, indices))
    indices = build.select(below, build.add(indices, build.like(depth, indices)), indices)
    off, on = (build.reshape(build.slice(node.input(2), [i], [1]), ()) for i in range(2))
    shape = (*indices.shape[:axis], depth, *indices.shape[axis:])
    options = -1 if axis == indices.rank else axis
    return build.op("ONE_HOT", [indices, build.constant(depth, np.int32), on, off], shape, on.type, axis=options)
