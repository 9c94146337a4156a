"""Poolings, imported from ONNX, against ONNX Runtime."""

import numpy as np
import pytest
from onnx import helper

from .onnx_import_check import Const, check, check_case, check_model, ints, model_of, rand

X5 = rand(2, 4, 5, 6, 7)
X4 = rand(2, 4, 7, 9)
X3 = rand(2, 4, 11)
INCLUDING = {"count_include_pad": 1}

POOLINGS = {
    "max": ("MaxPool", X4, {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
    "max 1d": ("MaxPool", X3, {"kernel_shape": [3]}),
    "max 3d": ("MaxPool", X5, {"kernel_shape": [2, 3, 2], "strides": [2, 1, 2], "pads": [1, 1, 0, 0, 1, 1]}),
    "max 3d wide": ("MaxPool", X5, {"kernel_shape": [3, 3, 3], "strides": [2, 2, 2], "pads": [0, 0, 0, 2, 2, 2]}),
    "max asymmetric": ("MaxPool", X4, {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [0, 0, 1, 1]}),
    "max wide pads": ("MaxPool", X4, {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [2, 2, 2, 2]}),
    "max ceil": ("MaxPool", X4, {"kernel_shape": [3, 2], "strides": [3, 2], "ceil_mode": 1}),
    "max dilated": ("MaxPool", X4, {"kernel_shape": [2, 2], "dilations": [2, 3], "pads": [1, 1, 0, 1]}),
    "max dilated 1d": ("MaxPool", X3, {"kernel_shape": [3], "dilations": [2], "strides": [2]}),
    "max same": ("MaxPool", X4, {"kernel_shape": [2, 2], "strides": [2, 2], "auto_pad": "SAME_UPPER", "most": 3}),
    "max same lower": ("MaxPool", X4, {"kernel_shape": [2, 2], "strides": [2, 2], "auto_pad": "SAME_LOWER"}),
    "max where": ("MaxPool", X4, {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 1, 1], "outputs": 2}),
    "max where 1d": ("MaxPool", X3, {"kernel_shape": [3], "outputs": 2}),
    "max where 3d": ("MaxPool", X5, {"kernel_shape": [2, 2, 2], "outputs": 2}),
    "max where by columns": ("MaxPool", X4, {"kernel_shape": [2, 2], "storage_order": 1, "outputs": 2}),
    "average": ("AveragePool", X4, {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
    "average 1d": ("AveragePool", X3, {"kernel_shape": [3], "strides": [2], "pads": [1, 1]}),
    "average 3d": ("AveragePool", X5, {"kernel_shape": [2, 3, 2], "strides": [2, 1, 2], "pads": [1, 1, 0, 0, 1, 1]}),
    "average counts": ("AveragePool", X4, {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], **INCLUDING}),
    "average asymmetric": ("AveragePool", X4, {"kernel_shape": [3, 3], "pads": [0, 1, 2, 0]}),
    "average asymmetric counts": ("AveragePool", X4, {"kernel_shape": [3, 3], "pads": [0, 1, 2, 0], **INCLUDING}),
    "average same": (
        "AveragePool", X4, {"kernel_shape": [2, 2], "strides": [2, 2], "auto_pad": "SAME_UPPER", "most": 3},
    ),
    "average ceil": ("AveragePool", X4, {"kernel_shape": [3, 2], "strides": [3, 2], "ceil_mode": 1, "opset": 19}),
    "average ceil counts": (
        "AveragePool", X4,
        {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 1, 0], "ceil_mode": 1, "opset": 19, **INCLUDING},
    ),
    "average dilated": ("AveragePool", X4, {"kernel_shape": [2, 2], "dilations": [2, 3], "pads": [1] * 4, "opset": 19}),
    "average 3d counts": ("AveragePool", X5, {"kernel_shape": [3, 3, 3], "pads": [1] * 6, **INCLUDING}),
    "l2": ("LpPool", X4, {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 1, 1]}),
    "l1": ("LpPool", X4, {"kernel_shape": [3, 2], "p": 1}),
    "l3 1d": ("LpPool", X3, {"kernel_shape": [3], "p": 3, "rtol": 1e-4}),
    "l2 3d": ("LpPool", X5, {"kernel_shape": [2, 2, 2]}),
    "l2 dilated": ("LpPool", X4, {"kernel_shape": [2, 2], "dilations": [2, 2]}),
    "global average": ("GlobalAveragePool", X4),
    "global max 1d": ("GlobalMaxPool", X3),
    "global average 3d": ("GlobalAveragePool", X5),
    "global l2": ("GlobalLpPool", X4),
    "global l1": ("GlobalLpPool", X4, {"p": 1}),
    "unpool": (
        "MaxUnpool", rand(1, 1, 2, 2), Const(np.array([[[[5, 7], [13, 15]]]])),
        {"kernel_shape": [2, 2], "strides": [2, 2]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", POOLINGS)
def test_pooling(case: str) -> None:
    check_case(POOLINGS[case])


def test_unpooled_zeros_follow_at_the_ends() -> None:
    expected = np.zeros((1, 1, 5, 5), np.float32)
    expected[0, 0, [1, 1, 3, 3], [1, 3, 1, 3]] = [1, 2, 3, 4]
    x, where = np.arange(1, 5, dtype=np.float32).reshape(1, 1, 2, 2), np.array([[[[5, 7], [13, 15]]]])
    windows = {"kernel_shape": [2, 2], "strides": [2, 2]}
    check("MaxUnpool", x, where, ints(1, 1, 5, 5), expected=[expected], **windows)


def test_what_pads_a_maximum_is_kind_to_a_quantizer() -> None:
    def codes(*nodes: object) -> list[str]:
        made = check_model(model_of(list(nodes), {"x": X4}, ["y"]), {"x": X4})
        return [operator.code for operator in made.main.operators]

    pool = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 0, 0]}
    relu, after = helper.make_node("Relu", ["x"], ["a"]), helper.make_node("MaxPool", ["a"], ["y"], **pool)
    assert "PAD" in codes(relu, after)
    assert "MIRROR_PAD" in codes(helper.make_node("MaxPool", ["x"], ["y"], **pool))
