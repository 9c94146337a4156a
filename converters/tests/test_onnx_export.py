"""Graphs of LiteRT's operators as ONNX: channels first without turning back and forth, and the integers of int8 models.

The operators themselves are checked with the importer's, whose graphs `onnx_import_check` writes as ONNX again.
"""

from pathlib import Path

import numpy as np
import onnx
import pytest
from edgequant_runtime import Session
from onnx import TensorProto, helper, numpy_helper

from edgequant_converters import UnsupportedError, convert
from edgequant_converters.graph import float_ops, read_graph
from edgequant_converters.ir import Graph, Model, Operator, Tensor
from edgequant_converters.onnx_export import export_onnx

SHAPE = (1, 3, 16, 16)


def samples(count: int, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, *shape)).astype(np.float32)


def network(path: Path) -> Path:
    """Write what image networks are made of: a residual, gates, a pool, a resized join, flattened dense layers."""
    draw = np.random.default_rng(1)
    shapes = {
        "w0": (8, 3, 3, 3), "w1": (8, 1, 3, 3), "w2": (8, 8, 1, 1), "w3": (4, 8, 1, 1), "b": (8,), "w4": (1024, 6),
        "w5": (16, 4, 2, 2),
    }  # fmt: skip
    weights = [numpy_helper.from_array((draw.normal(size=s) / 3).astype(np.float32), n) for n, s in shapes.items()]
    weights.append(numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "double"))
    pads = {"pads": [1, 1, 1, 1]}
    nodes = [
        helper.make_node("Conv", ["x", "w0", "b"], ["c0"], strides=[2, 2], **pads),
        helper.make_node("HardSwish", ["c0"], ["h"]),
        helper.make_node("Conv", ["h", "w1", "b"], ["c1"], group=8, **pads),
        helper.make_node("Relu", ["c1"], ["r"]),
        helper.make_node("GlobalAveragePool", ["r"], ["mean"]),
        helper.make_node("Conv", ["mean", "w2"], ["gate"]),
        helper.make_node("Sigmoid", ["gate"], ["open"]),
        helper.make_node("Mul", ["r", "open"], ["gated"]),
        helper.make_node("Add", ["gated", "h"], ["sum"]),
        helper.make_node("MaxPool", ["sum"], ["small"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Resize", ["small", "", "double"], ["large"], mode="nearest", nearest_mode="floor",
                         coordinate_transformation_mode="asymmetric"),
        helper.make_node("Concat", ["large", "sum"], ["both"], axis=1),
        helper.make_node("ConvTranspose", ["both", "w5"], ["up"], strides=[2, 2]),
        helper.make_node("Flatten", ["up"], ["rows"]),
        helper.make_node("MatMul", ["rows", "w4"], ["y"]),
    ]  # fmt: skip
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, SHAPE)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 6])
    graph = helper.make_graph(nodes, "graph", [x], [y], weights[:3] + weights[4:])
    graph.initializer.append(weights[3])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a network as float.tflite and int8.tflite, and each of them as .onnx."""
    folder = tmp_path_factory.mktemp("models")
    source = network(folder / "source.onnx")
    convert(source, folder / "float.tflite")
    convert(source, folder / "int8.tflite", quantize="int8", calibration=samples(32), strict_int8=True)
    convert(folder / "float.tflite", folder / "float.onnx")
    convert(folder / "int8.tflite", folder / "int8.onnx", quantize="int8")
    return folder


def test_images_are_turned_where_they_come_in_alone(models: Path) -> None:
    """The input is channels first; its Transpose is taken back, and the dense layer reads what is left in order."""
    nodes = [node.op_type for node in onnx.load(models / "float.onnx").graph.node]
    assert nodes.count("Transpose") <= 1


def test_a_float_model_is_the_same(models: Path) -> None:
    x = samples(1)[0]
    expected, computed = (Session(models / name).run({"x": x})["y"] for name in ("source.onnx", "float.onnx"))
    np.testing.assert_allclose(computed, expected, rtol=1e-5, atol=1e-4)


def test_both_formats_of_one_int8_network_agree_within_a_step(models: Path) -> None:
    litert, other = Session(models / "int8.tflite", engine="native"), Session(models / "int8.onnx")
    step = litert.outputs[0].scale
    assert step is not None
    apart = [np.abs(litert.run({"x": x})["y"] - other.run({"x": x})["y"]) / step for x in samples(40)]
    assert np.mean(np.array(apart) <= 1.01) >= 0.99


def test_int8_operators_are_integers_in_onnx_too(models: Path) -> None:
    assert float_ops(read_graph(models / "int8.onnx")) == []


def test_an_lstm_stays_one_operator_in_both_formats(tmp_path: Path) -> None:
    draw = np.random.default_rng(2)
    shapes = {"w": (1, 32, 6), "r": (1, 32, 8), "b": (1, 64)}
    weights = [numpy_helper.from_array((draw.normal(size=s) / 3).astype(np.float32), n) for n, s in shapes.items()]
    node = helper.make_node("LSTM", ["x", "w", "r", "b"], ["y"], hidden_size=8)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [50, 1, 6])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [50, 1, 1, 8])
    graph = helper.make_graph([node], "graph", [x], [y], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), tmp_path / "a.onnx")
    convert(tmp_path / "a.onnx", tmp_path / "int8.tflite", quantize="int8", calibration=samples(16, (50, 1, 6)))
    convert(tmp_path / "int8.tflite", tmp_path / "int8.onnx", quantize="int8")
    assert [node.op_type for node in onnx.load(tmp_path / "int8.onnx").graph.node].count("LSTM") == 1
    sample = samples(1, (50, 1, 6))[0]
    litert, other = (Session(tmp_path / name).run({"x": sample})["y"] for name in ("int8.tflite", "int8.onnx"))
    assert np.mean(np.abs(litert - other) <= 0.02) >= 0.99


def test_what_onnx_cannot_say_is_named_all_at_once() -> None:
    x, y, z = (Tensor(name, (1, 4)) for name in "xyz")
    own = Operator("CUSTOM", [x], [y], custom="Own")
    model = Model([Graph([x], [z], [own, Operator("BITCAST", [y], [z])])], ["x"], ["z"])
    with pytest.raises(UnsupportedError, match=r"What ONNX cannot say: Own 'y': .*; BITCAST 'z': .*Write \.tflite"):
        export_onnx(model)
