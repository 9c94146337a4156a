"""MatMul and Gemm, imported from ONNX, against ONNX Runtime."""

import pytest

from .onnx_import_check import check_case, rand, weight

X3 = rand(2, 4, 11)
X2 = rand(3, 5)

PRODUCTS = {
    "gemm": ("Gemm", X2, weight(5, 4), weight(4), {"most": 1}),
    "gemm transposed": (
        "Gemm", X2, weight(4, 5), weight(1, 4), {"transB": 1, "alpha": 0.5, "beta": 2.0, "most": 1},
    ),
    "gemm of data": ("Gemm", rand(5, 3), rand(5, 4), {"transA": 1}),
    "gemm of a data bias": ("Gemm", X2, weight(5, 4), rand(3, 4)),
    "gemm of a scalar": ("Gemm", X2, weight(5, 4), weight(1), {"beta": 0.25}),
    "by weights": ("MatMul", X3, weight(11, 6), {"most": 1}),
    "of data": ("MatMul", X3, rand(2, 11, 3), {"most": 1}),
    "of vector and weights": ("MatMul", rand(5), weight(5, 3)),
    "of weights and vector": ("MatMul", weight(3, 5), rand(5)),
    "of vectors": ("MatMul", rand(5), rand(5, seed=2)),
    "of a vector and matrices": ("MatMul", rand(11), rand(2, 11, 3)),
    "of matrices and a vector": ("MatMul", X3, rand(11)),
    "of batches that broadcast": ("MatMul", rand(2, 1, 3, 4), rand(5, 4, 2)),
    "of weights on the left": ("MatMul", weight(6, 4), X3),
    "of batches of weights": ("MatMul", X3, weight(2, 11, 3)),
}  # fmt: skip


@pytest.mark.parametrize("case", PRODUCTS)
def test_product(case: str) -> None:
    check_case(PRODUCTS[case])
