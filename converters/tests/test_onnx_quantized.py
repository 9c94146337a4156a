"""Quantized ONNX models become LiteRT models of the same integers, and floats of 16 bits float32."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from edgequant_runtime import Session
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import quantize_dynamic

from edgequant_converters import SourceError, convert
from edgequant_converters._metrics import sqnr_db

from .onnx_quantizing import FORMS, quantized_by_onnxruntime

SHAPE = [1, 3, 12, 12]


def samples(count: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, *SHAPE)).astype(np.float32)


def float_network(path: Path) -> Path:
    """Write a convolution, a depthwise one, a residual, a pooling and a dense layer."""
    draw = np.random.default_rng(1)
    shapes = {"w0": (8, 3, 3, 3), "b0": (8,), "w1": (8, 1, 3, 3), "b1": (8,), "w2": (288, 5), "b2": (5,)}
    weights = [
        numpy_helper.from_array((draw.normal(size=shape) / 4).astype(np.float32), name)
        for name, shape in shapes.items()
    ]
    nodes = [
        helper.make_node("Conv", ["x", "w0", "b0"], ["c0"], pads=[1, 1, 1, 1], name="first"),
        helper.make_node("Relu", ["c0"], ["r0"]),
        helper.make_node("Conv", ["r0", "w1", "b1"], ["c1"], pads=[1, 1, 1, 1], group=8, name="depthwise"),
        helper.make_node("Add", ["r0", "c1"], ["sum"]),
        helper.make_node("MaxPool", ["sum"], ["pooled"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["pooled"], ["rows"]),
        helper.make_node("MatMul", ["rows", "w2"], ["product"], name="dense"),
        helper.make_node("Add", ["product", "b2"], ["y"]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, SHAPE)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 5])
    graph = helper.make_graph(nodes, "graph", [x], [y], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.mark.parametrize("form", FORMS)
def test_integers_stay_what_they_are(form: str, tmp_path: Path) -> None:
    path = float_network(tmp_path / "float.onnx")
    quantized, written = tmp_path / "int8.onnx", tmp_path / "int8.tflite"
    quantized_by_onnxruntime(path, quantized, samples(16), form)
    report = convert(quantized, written, quantize="int8")
    assert not report.float_ops and "in fewer bits already" in report.warnings[0]
    theirs, ours = Session(quantized), Session(written, engine="native")
    step = ours.outputs[0].scale
    assert step is not None
    pairs = [(theirs.run({"x": x})["y"], ours.run({"x": x})["y"]) for x in samples(20)]
    near = [np.abs(expected - computed) <= 1.01 * step for expected, computed in pairs]
    assert np.mean(near) >= 0.99


def test_the_float_model_of_a_quantized_one(tmp_path: Path) -> None:
    path, quantized = float_network(tmp_path / "float.onnx"), tmp_path / "int8.onnx"
    quantized_by_onnxruntime(path, quantized, samples(16), "QDQ, int8")
    for suffix in (".tflite", ".onnx"):
        convert(quantized, tmp_path / f"again{suffix}")
        again = Session(tmp_path / f"again{suffix}")
        x = samples(1)[0]
        assert again.inputs[0].dtype == np.float32
        assert sqnr_db(Session(path).run({"x": x})["y"], again.run({"x": x})["y"]) > 25


def test_scales_of_the_moment_are_refused(tmp_path: Path) -> None:
    path, quantized = float_network(tmp_path / "float.onnx"), tmp_path / "dynamic.onnx"
    quantize_dynamic(path, quantized)
    with pytest.raises(
        SourceError, match=r"dynamic\.onnx is quantized already \(.*DynamicQuantizeLinear.*give the float"
    ):
        convert(quantized, tmp_path / "out.tflite")


def test_floats_of_16_bits(tmp_path: Path) -> None:
    model = onnx.load(float_network(tmp_path / "float.onnx"))
    for tensor in model.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name))
    for value in [*model.graph.input, *model.graph.output]:
        value.type.tensor_type.elem_type = TensorProto.FLOAT16
    onnx.save(model, tmp_path / "half.onnx")
    report = convert(tmp_path / "half.onnx", tmp_path / "out.tflite")
    assert [info.dtype for info in (*report.inputs, *report.outputs)] == [np.float32] * 2
    x = samples(1)[0]
    expected = Session(tmp_path / "float.onnx").run({"x": x})["y"]
    assert sqnr_db(expected, Session(tmp_path / "out.tflite").run({"x": x})["y"]) > 50
