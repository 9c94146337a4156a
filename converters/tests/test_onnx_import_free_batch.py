"""A free batch stays free in what is imported: one file runs any number of images."""

import numpy as np
import pytest
from edgequant_runtime import Session

from edgequant_converters.ir import write_ir
from edgequant_converters.onnx_import import import_onnx
from edgequant_converters.passes import simplify

from .onnx_import_check import Const, floats, rand, single_node, weight, with_onnxruntime

X5 = rand(3, 4, 5, 6, 7)
X4 = rand(3, 4, 7, 9)
X3 = rand(3, 4, 11)
VARIANCE = Const(rand(4, low=0.2, high=2))

CASES = {
    "convolution": ("Conv", X4, weight(6, 4, 3, 3), {"pads": [1] * 4}),
    "convolution 1d": ("Conv", X3, weight(6, 4, 3), {}),
    "convolution 3d": ("Conv", X5, weight(6, 4, 2, 3, 2), {"strides": [2, 1, 1]}),
    "transposed": ("ConvTranspose", X4, weight(4, 3, 3, 3), {"strides": [2, 2], "pads": [1] * 4}),
    "transposed 1d": ("ConvTranspose", X3, weight(4, 3, 4), {"strides": [2], "pads": [1, 1]}),
    "transposed depthwise": ("ConvTranspose", rand(3, 6, 4, 5), weight(6, 1, 4, 4), {"group": 6, "strides": [2, 2]}),
    "transposed 3d": ("ConvTranspose", X5, weight(4, 3, 2, 3, 3), {"strides": [2, 2, 1]}),
    "maximum": ("MaxPool", X4, {"kernel_shape": [3, 3], "pads": [1] * 4, "strides": [2, 2]}),
    "maximum 3d": ("MaxPool", X5, {"kernel_shape": [2, 2, 2]}),
    "maximum dilated": ("MaxPool", X4, {"kernel_shape": [2, 2], "dilations": [2, 2]}),
    "average": ("AveragePool", X4, {"kernel_shape": [3, 3], "pads": [0, 1, 1, 0]}),
    "global average": ("GlobalAveragePool", X4, {}),
    "batch norm": ("BatchNormalization", X4, weight(4), weight(4), weight(4), VARIANCE, {}),
    "layer norm": ("LayerNormalization", X3, weight(11), weight(11), {}),
    "instance norm": ("InstanceNormalization", X4, weight(4), weight(4), {}),
    "group norm": ("GroupNormalization", X4, weight(4), weight(4), {"num_groups": 2, "opset": 21}),
    "lp norm": ("LpNormalization", X3, {"axis": 1}),
    "resize": ("Resize", X4, None, floats(1, 1, 2, 2), {"mode": "linear"}),
    "resize cubic": ("Resize", X4, None, floats(1, 1, 2, 2), {"mode": "cubic"}),
    "einsum": ("Einsum", X3, rand(3, 11, 3), {"equation": "bij,bjk->bki"}),
    "einsum of weights": ("Einsum", X3, weight(11, 5), {"equation": "bij,jk->bik"}),
}  # fmt: skip


@pytest.mark.parametrize("engine", ["litert", "native"])
@pytest.mark.parametrize("case", CASES)
def test_three_images_through_a_file_for_any_number(case: str, engine: str) -> None:
    op, *inputs, attributes = CASES[case]
    opset = attributes.get("opset", 18)
    model, fed = single_node(op, tuple(inputs), {k: v for k, v in attributes.items() if k != "opset"}, opset, 1)
    made = import_onnx(model, {name: (-1, *value.shape[1:]) for name, value in fed.items()})
    simplify(made)
    assert made.main.outputs[0].shape[0] == -1
    value = Session(write_ir(made), engine=engine).run(fed, raw=True)["y0"]
    np.testing.assert_allclose(value, with_onnxruntime(model, fed)[0], rtol=1e-4, atol=1e-5)
