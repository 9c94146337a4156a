"""Reductions, softmax, running sums and places of extremes, imported from ONNX, against ONNX Runtime."""

import numpy as np
import pytest

from .onnx_import_check import Const, check, check_case, ints, rand

X3 = rand(2, 4, 11)
POSITIVE = rand(2, 3, 4, low=0.5, high=1.5)
AXIS_1 = Const(np.array(1, np.int64))

REDUCTIONS = (
    "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd",
    "ReduceSum", "ReduceSumSquare",
)  # fmt: skip
MOST = {"ReduceMax": 1, "ReduceMean": 1, "ReduceSum": 1, "ReduceL2": 3, "ReduceL1": 2}


@pytest.mark.parametrize("op", REDUCTIONS)
def test_reduction(op):
    check(op, POSITIVE, ints(0, -1), most=MOST.get(op))
    check(op, POSITIVE, ints(1), keepdims=0)
    check(op, POSITIVE)
    check(op, POSITIVE, axes=[1, 2], opset=11)


@pytest.mark.parametrize("op", ["ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum"])
def test_reduction_over_no_axes(op):
    check(op, POSITIVE, ints(), noop_with_empty_axes=1)


@pytest.mark.parametrize("op", ["ReduceMax", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare", "ReduceL1"])
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_reduction_of_integers(op, dtype):
    check(op, np.array([[-3, 2, 5], [1, -4, 2]], dtype), ints(1))


def test_reduction_of_truth_values_and_of_small_integers():
    truth = np.array([[True, False], [True, True], [False, False]])
    check("ReduceMax", truth, ints(1), opset=20, expected=[truth.any(1, keepdims=True)])
    check("ReduceMin", truth, ints(1), opset=20, expected=[truth.all(1, keepdims=True)])
    check("ReduceMax", np.array([[1, 200], [3, 4]], np.uint8), ints(1))


def test_log_of_sum_does_not_overflow():
    check("ReduceLogSumExp", np.array([[100.0, 101.0], [-200.0, -201.0]], np.float32), ints(1))


CASES = {
    "softmax": ("Softmax", X3, {"axis": 1, "most": 3}),
    "softmax of the last axis": ("Softmax", X3, {"most": 1}),
    "softmax of five axes": ("Softmax", rand(1, 2, 2, 3, 4), {"axis": 2}),
    "softmax 11": ("Softmax", X3, {"axis": 1, "opset": 11}),
    "softmax 11 of rows": ("Softmax", X3, {"axis": 2, "opset": 11, "most": 1}),
    "log softmax": ("LogSoftmax", X3, {"most": 1}),
    "log softmax 11": ("LogSoftmax", X3, {"axis": 1, "opset": 11}),
    "hardmax": ("Hardmax", X3, {"axis": 1}),
    "hardmax of equals": ("Hardmax", np.array([[1, 3, 3], [2, 2, 2]], np.float32), {"most": 2}),
    "hardmax 11": ("Hardmax", X3, {"axis": 1, "opset": 11}),
    "argmax": ("ArgMax", X3, {"axis": 1, "keepdims": 0, "most": 1}),
    "argmin": ("ArgMin", X3, {"axis": -1}),
    "argmax of equals": ("ArgMax", np.array([[1, 3, 3], [2, 2, 2]], np.float32), {"axis": 1}),
    "last argmax": ("ArgMax", np.array([[1, 3, 3], [2, 2, 2]], np.float32), {"axis": 1, "select_last_index": 1}),
    "last argmin": ("ArgMin", np.array([[1, 3, 1], [2, 2, 2]], np.float32), {"axis": 1, "select_last_index": 1}),
    "argmax of integers": ("ArgMax", np.array([[1, 3, 9], [2, 7, 2]], np.int32), {"axis": 1}),
    "cumsum": ("CumSum", X3, AXIS_1, {"most": 1}),
    "cumsum reversed": ("CumSum", X3, Const(np.array(-1, np.int64)), {"reverse": 1, "most": 1}),
    "cumsum exclusive": ("CumSum", X3, AXIS_1, {"exclusive": 1, "reverse": 1}),
    "cumsum of integers": ("CumSum", np.arange(12, dtype=np.int64).reshape(3, 4), AXIS_1),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_operator(case):
    check_case(CASES[case])


@pytest.mark.parametrize("exclusive", [0, 1])
@pytest.mark.parametrize("reverse", [0, 1])
def test_running_product(exclusive, reverse):
    x = rand(3, 5)
    turned = x[:, ::-1] if reverse else x
    made = np.cumprod(turned, 1)
    if exclusive:
        made = np.concatenate([np.ones((3, 1), np.float32), made[:, :-1]], 1)
    expected = np.ascontiguousarray(made[:, ::-1]) if reverse else made
    check("CumProd", x, AXIS_1, opset=26, expected=[expected], exclusive=exclusive, reverse=reverse)


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_determinant(size):
    x = rand(2, 3, size, size)
    check("Det", x, expected=[np.linalg.det(x)], atol=1e-5, rtol=1e-4)
