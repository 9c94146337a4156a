"""Quantized ONNX models become LiteRT models of the same integers, and floats of 16 bits float32."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from edgequant_runtime import Session
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import InferenceSession, SessionOptions
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


def float_lstm(path: Path) -> Path:
    draw = np.random.default_rng(2)
    shapes = {"w": (2, 32, 5), "r": (2, 32, 8), "b": (2, 64)}
    weights = [
        numpy_helper.from_array((draw.normal(size=shape) / 3).astype(np.float32), name)
        for name, shape in shapes.items()
    ]
    node = helper.make_node("LSTM", ["x", "w", "r", "b"], ["y"], hidden_size=8, direction="bidirectional")
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [9, 1, 5])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [9, 2, 1, 8])
    graph = helper.make_graph([node], "graph", [x], [y], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.mark.parametrize("make", [float_network, float_lstm])
@pytest.mark.parametrize("per_channel", [False, True])
def test_scales_of_the_moment(make: Callable[[Path], Path], per_channel: bool, tmp_path: Path) -> None:
    path, quantized = make(tmp_path / "float.onnx"), tmp_path / "dynamic.onnx"
    quantize_dynamic(path, quantized, per_channel=per_channel)
    report = convert(quantized, tmp_path / "again.tflite")
    assert "in fewer bits already" in report.warnings[0]
    theirs, again = Session(path), Session(tmp_path / "again.tflite")
    x = np.random.default_rng(3).normal(size=theirs.inputs[0].shape).astype(np.float32)
    assert 30 < sqnr_db(theirs.run({"x": x})["y"], again.run({"x": x})["y"]) < 100


def test_a_table_of_integers_that_is_moved_before_it_is_real(tmp_path: Path) -> None:
    """ONNX Runtime's quantizer gathers and transposes the integers of an embedding before it dequantizes them."""
    draw = np.random.default_rng(5)
    shapes = {"table": (11, 5), "w": (1, 32, 5), "r": (1, 32, 8), "b": (1, 64)}
    weights = [
        numpy_helper.from_array(draw.normal(size=shape).astype(np.float32), name) for name, shape in shapes.items()
    ]
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["rows"]),
        helper.make_node("Transpose", ["rows"], ["steps"], perm=[1, 0, 2]),
        helper.make_node("LSTM", ["steps", "w", "r", "b"], ["y"], hidden_size=8),
    ]
    ids = helper.make_tensor_value_info("ids", TensorProto.INT64, [1, 9])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [9, 1, 1, 8])
    graph = helper.make_graph(nodes, "graph", [ids], [y], weights)
    path, quantized = tmp_path / "float.onnx", tmp_path / "dynamic.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    quantize_dynamic(path, quantized)
    made = onnx.load(quantized).graph.node
    assert [node.op_type for node in made[:2]] == ["Gather", "Transpose"]
    convert(quantized, tmp_path / "again.tflite")
    given = {"ids": draw.integers(0, 11, (1, 9))}
    assert sqnr_db(Session(path).run(given)["y"], Session(tmp_path / "again.tflite").run(given)["y"]) > 25


@pytest.mark.parametrize(
    ("op", "inputs", "sentence"),
    [
        ("DequantizeLinear", ["rows", "other", "zero"], r"moves integers of several scales \(at 'rows'\)"),
        ("DequantizeLinear", ["rows", "scale", "other_zero"], r"moves integers of several scales \(at 'rows'\)"),
        ("Cast", ["rows"], r"reads integers \(at 'rows'\) that become real elsewhere"),
        ("Cast", ["table"], r"reads integers \(at 'table'\) that become real elsewhere"),
    ],
)
def test_a_table_whose_integers_stand_for_two_things(op: str, inputs: list[str], sentence: str, tmp_path: Path) -> None:
    values = {
        "table": np.arange(-12, 12, dtype=np.int8).reshape(6, 4), "scale": np.float32(0.1), "other": np.float32(0.7),
        "zero": np.int8(3), "other_zero": np.int8(-20),
    }  # fmt: skip
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["rows"]),
        helper.make_node("DequantizeLinear", ["rows", "scale", "zero"], ["real"]),
        helper.make_node(op, inputs, ["second"], **({"to": TensorProto.FLOAT} if op == "Cast" else {})),
    ]
    ids = helper.make_tensor_value_info("ids", TensorProto.INT64, [3])
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("real", "second")]
    tables = [numpy_helper.from_array(np.asarray(value), name) for name, value in values.items()]
    model = helper.make_model(
        helper.make_graph(nodes, "graph", [ids], outputs, tables),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    onnx.save(onnx.shape_inference.infer_shapes(model), tmp_path / "net.onnx")
    with pytest.raises(SourceError, match=sentence):
        convert(tmp_path / "net.onnx", tmp_path / "net.tflite")


def test_a_bias_of_the_moment(tmp_path: Path) -> None:
    """Old releases of ONNX Runtime's quantizer make integers of a bias by the scale of the moment."""
    weights, bias = np.array([[3, -7], [11, 2]], np.int8), np.array([0.3, -0.4], np.float32)
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "scale", "zero"]),
        helper.make_node("MatMulInteger", ["q", "w", "zero"], ["sums"]),
        helper.make_node("Mul", ["scale", "w_scale"], ["scales"]),
        helper.make_node("Div", ["bias", "scales"], ["steps"]),
        helper.make_node("Floor", ["steps"], ["floor"]),
        helper.make_node("Cast", ["floor"], ["integers"], to=TensorProto.INT32),
        helper.make_node("Add", ["sums", "integers"], ["whole"]),
        helper.make_node("Cast", ["whole"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["real", "scales"], ["y"]),
    ]
    constants = {"w": weights, "w_scale": np.float32(0.05), "bias": bias}
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2])
    initializers = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "graph", [x], [y], initializers)
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "old.onnx"
    )
    convert(tmp_path / "old.onnx", tmp_path / "float.tflite")
    given = np.array([[0.25, -1.5]], np.float32)
    computed = Session(tmp_path / "float.tflite").run({"x": given})["y"]
    np.testing.assert_allclose(computed, given @ weights * 0.05 + bias, rtol=1e-5)


def test_a_fixed_scale_before_a_product_of_integers_is_refused(tmp_path: Path) -> None:
    """Its scale stays a factor behind the product, where a scale of the moment becomes 1."""
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"]),
        helper.make_node("MatMulInteger", ["q", "w", "zero"], ["sums"]),
        helper.make_node("Cast", ["sums"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["real", "scale"], ["y"]),
    ]
    constants = {"scale": np.float32(0.25), "zero": np.uint8(128), "w": np.ones((2, 2), np.int8)}
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2]) for name in "xy"]
    initializers = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "graph", ends[:1], ends[1:], initializers)
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "fixed.onnx"
    )
    with pytest.raises(SourceError, match=r"fixed\.onnx computes .*: give the float model"):
        convert(tmp_path / "fixed.onnx", tmp_path / "float.tflite")


def test_what_onnxruntime_makes_of_scales_of_the_moment_is_refused(tmp_path: Path) -> None:
    path, quantized = float_network(tmp_path / "float.onnx"), tmp_path / "dynamic.onnx"
    quantize_dynamic(path, quantized)
    options = SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    InferenceSession(quantized, options)
    with pytest.raises(SourceError, match=r"optimized\.onnx is quantized already \(DynamicQuantizeMatMul\): give"):
        convert(tmp_path / "optimized.onnx", tmp_path / "again.tflite")


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
