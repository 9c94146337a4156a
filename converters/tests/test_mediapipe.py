"""MediaPipe's transposed convolutions become LiteRT's, which int8 and ONNX have."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from edgequant_runtime import Session

from edgequant_converters import convert
from edgequant_converters._evaluate import open_model
from edgequant_converters.tflite import model_bytes, normalise, operator_name, read_model

SAME, VALID = 1, 2


def network(padding: int, stride: int, size: int) -> Any:
    """Return a Convolution2DTransposeBias of 5 x 4 pixels with 3 channels to 6, 3 x 3 taps, whose height is `size`."""
    rng = np.random.default_rng(0)
    width = 4 * stride if padding == SAME else 3 * stride + 3
    tensors = [schema.TensorT(name=b"x", shape=[1, 5, 4, 3])]
    buffers = [schema.BufferT()]
    for name, values in (("weights", rng.normal(size=(6, 3, 3, 3))), ("bias", rng.normal(size=6))):
        buffers.append(schema.BufferT(data=np.frombuffer(values.astype(np.float32).tobytes(), np.uint8)))
        tensors.append(schema.TensorT(name=name.encode(), shape=[*values.shape], buffer=len(buffers) - 1))
    tensors.append(schema.TensorT(name=b"y", shape=[1, size, width, 6]))
    options = np.frombuffer(np.array([padding, stride, stride], np.int32).tobytes(), np.uint8)
    layer = schema.OperatorT(opcodeIndex=0, inputs=[0, 1, 2], outputs=[3], customOptions=options)
    code = schema.OperatorCodeT(
        builtinCode=schema.BuiltinOperator.CUSTOM,
        deprecatedBuiltinCode=schema.BuiltinOperator.CUSTOM,
        customCode=b"Convolution2DTransposeBias",
    )
    graph = schema.SubGraphT(tensors=tensors, inputs=[0], outputs=[3], operators=[layer])
    return schema.ModelT(version=3, operatorCodes=[code], subgraphs=[graph], buffers=buffers)


@pytest.mark.parametrize(("padding", "stride", "size"), [(SAME, 2, 10), (VALID, 2, 11), (SAME, 1, 5), (VALID, 3, 15)])
def test_a_transposed_convolution_becomes_a_builtin(padding: int, stride: int, size: int, tmp_path: Path) -> None:
    source = tmp_path / "net.tflite"
    source.write_bytes(model_bytes(network(padding, stride, size)))
    data = np.random.default_rng(1).normal(size=(40, 5, 4, 3)).astype(np.float32)
    expected = open_model(source).run({"x": data[:1]})[0]
    for name in ("fp32.tflite", "fp32.onnx"):
        convert(source, tmp_path / name)
        np.testing.assert_allclose(open_model(tmp_path / name).run({"x": data[:1]})[0], expected, atol=1e-5)
    convert(source, tmp_path / "int8.tflite", quantize="int8", calibration=data)
    layers = read_model(tmp_path / "int8.tflite")
    codes = [operator_name(layers, operator) for operator in layers.subgraphs[0].operators]
    assert codes == ["TRANSPOSE_CONV"]
    computed = open_model(tmp_path / "int8.tflite").run_real([data[:1]])[0]
    assert np.abs(computed - expected).max() < 0.05 * np.abs(expected).max()


def test_one_of_another_size_stays() -> None:
    model = network(SAME, 2, 9)
    normalise(model)
    assert [operator_name(model, operator) for operator in model.subgraphs[0].operators] == ["CUSTOM"]


def test_one_of_free_sizes_stays(tmp_path: Path) -> None:
    """Its output has no size to write down; LiteRT, which has no such operator, cannot tell the shapes either."""
    model = network(SAME, 1, 1)
    for index, shape in ((0, [1, 1, 1, 3]), (3, [1, 1, 1, 6])):
        tensor = model.subgraphs[0].tensors[index]
        tensor.shape, tensor.shapeSignature = shape, [1, -1, -1, shape[-1]]
    (tmp_path / "net.tflite").write_bytes(model_bytes(model))
    x = np.random.default_rng(1).normal(size=(1, 5, 4, 3)).astype(np.float32)
    for shapes in ([], ["1,5,4,3"]):
        convert(tmp_path / "net.tflite", tmp_path / "fp32.tflite", input_shapes=shapes)
        computed = Session(tmp_path / "fp32.tflite", input_shapes={"x": (1, 5, 4, 3)}).run(x)["y"]
        expected = Session(tmp_path / "net.tflite", input_shapes={"x": (1, 5, 4, 3)}).run(x)["y"]
        assert computed.shape == (1, 5, 4, 6)
        np.testing.assert_array_equal(computed, expected)
