"""Products of matrices."""

from math import prod

from edgequant_converters.ir import Builder, Tensor

from ._node import Node
from ._registry import lowers


@lowers("MatMul")
def matmul(node: Node, build: Builder) -> Tensor:
    """Product of the last two axes; with a constant matrix it is a fully-connected layer."""
    x, y = node.input(0), node.input(1)
    if y.is_constant and y.rank == 2 and x.rank >= 2:
        return build.fully_connected(x, build.transpose(y, (1, 0)))
    left = x if x.rank > 1 else build.reshape(x, (1, *x.shape))
    right = y if y.rank > 1 else build.reshape(y, (*y.shape, 1))
    product = build.batch_matmul(left, right)
    shape = list(product.shape)
    if y.rank == 1:
        del shape[-1]
    if x.rank == 1:
        del shape[len(shape) - (1 if y.rank == 1 else 2)]
    return build.reshape(product, shape)


@lowers("Gemm")
def gemm(node: Node, build: Builder) -> Tensor:
    """Alpha * A' @ B' + beta * C; with constants B and C it is one fully-connected layer."""
    x, weights, addend = node.input(0), node.input(1), node.optional(2)
    if node.get("transA", 0):
        x = build.transpose(x, (1, 0))
    if not node.get("transB", 0):
        weights = build.transpose(weights, (1, 0))
    alpha, beta = node.get("alpha", 1.0), node.get("beta", 1.0)
    weights = _scaled(build, weights, alpha)
    if addend is None or beta == 0:
        return build.fully_connected(x, weights)
    addend = _scaled(build, addend, beta)
    if addend.is_constant and prod(addend.shape[:-1]) == 1:
        bias = build.broadcast_to(build.reshape(addend, (-1,)), (weights.shape[0],))
        return build.fully_connected(x, weights, bias)
    return build.add(build.fully_connected(x, weights), addend)


def _scaled(build: Builder, x: Tensor, factor: float) -> Tensor:
    if factor == 1.0:
        return x
    if x.is_constant:
        return build.constant(x.values * x.dtype.type(factor), name=x.name)
    return build.mul(x, build.like(factor, x))
