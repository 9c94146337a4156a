"""A session on an ONNX file from the future says how to rewrite it."""

import onnx
import pytest
from edgequant_runtime import ModelError
from onnx import TensorProto, helper

from edgequant import Session


def model(opset: int, ir: int) -> bytes:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [x], [y])
    made: onnx.ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir)
    return bytes(made.SerializeToString())


@pytest.mark.parametrize(("opset", "ir", "what"), [(17, 14, "IR version 14"), (28, 13, "opset 28")])
def test_a_model_that_is_too_new(opset: int, ir: int, what: str) -> None:
    with pytest.raises(
        ModelError, match=f"ONNX {what}, and this ONNX Runtime reads up to .*edgequant convert OLD.onnx"
    ):
        Session(model(opset, ir))
