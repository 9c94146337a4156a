"""Matrix products."""

import torch
import torch.nn.functional as F  # noqa: N812 (the field's name for it)
from torch import Tensor

from ._node import Node
from ._registry import operator


@operator("MatMul")
def matmul(node: Node, a: Tensor, b: Tensor) -> Tensor:
    """Product with numpy's broadcasting."""
    return torch.matmul(a, b)


@operator("MatMulTransposed")
def matmul_transposed(node: Node, a: Tensor, b_transposed: Tensor) -> Tensor:
    """Product with a constant matrix that is stored transposed: (..., k) x (n, k) -> (..., n); no ONNX operator."""
    return F.linear(a, b_transposed)


@operator("Gemm")
def gemm(node: Node, a: Tensor, b: Tensor, c: Tensor | None = None) -> Tensor:
    """Compute alpha * A' B' + beta * C, where ' transposes if transA or transB says so; C is broadcast."""
    alpha, beta = node.get("alpha", 1.0), node.get("beta", 1.0)
    a = a.t() if node.get("transA", 0) else a
    b = b if node.get("transB", 0) else b.t()
    if alpha == beta == 1.0 and c is not None and c.shape == b.shape[:1]:
        return F.linear(a, b, c)
    product = F.linear(a, b)
    product = product if alpha == 1.0 else product * alpha
    if c is None or beta == 0.0:
        return product
    return product + (c if beta == 1.0 else c * beta)


@operator("Einsum")
def einsum(node: Node, *operands: Tensor) -> Tensor:
    """Einstein summation."""
    return torch.einsum(node.get("equation", ""), *operands)
