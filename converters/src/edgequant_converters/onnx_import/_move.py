"""Operators that only move values."""

from edgequant_converters.ir import Builder, Tensor, normal_axes

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
