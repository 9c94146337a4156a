"""Kinds of layers that a quantized ONNX model may have: they keep their integers to a .tflite, and back to ONNX."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from edgequant_runtime import Session
from onnx import TensorProto, helper, numpy_helper

from edgequant_converters import convert

from .onnx_quantizing import quantized_by_onnxruntime

SHAPE = [1, 8, 6, 6]


def conv(
    name: str, x: str, outputs: int, inputs: int = 8, size: int = 1
) -> tuple[list[Any], dict[str, tuple[int, ...]]]:
    node = helper.make_node("Conv", [x, f"{name}_w", f"{name}_b"], [name], pads=[size // 2] * 4, name=f"{name}_layer")
    return [node], {f"{name}_w": (outputs, inputs, size, size), f"{name}_b": (outputs,)}


def gate(activation: str) -> tuple[list[Any], dict[str, tuple[int, ...]]]:
    """Squeeze and excitation: MobileNetV3 has a hard sigmoid, EfficientNet a sigmoid."""
    nodes, weights = conv("first", "x", 8, size=3)
    squeezed, more = conv("squeezed", "mean", 8)
    nodes += [helper.make_node("GlobalAveragePool", ["first"], ["mean"]), *squeezed]
    nodes += [helper.make_node(activation, ["squeezed"], ["gate"]), helper.make_node("Mul", ["first", "gate"], ["y"])]
    return nodes, weights | more


def hard_swish() -> tuple[list[Any], dict[str, tuple[int, ...]]]:
    """The two functions that ONNX defines it as, with the rounding of ONNX Runtime in between."""
    nodes, weights = conv("first", "x", 8, size=3)
    nodes += [helper.make_node("HardSigmoid", ["first"], ["gate"], alpha=1 / 6)]
    nodes += [helper.make_node("Mul", ["first", "gate"], ["y"])]
    return nodes, weights


def concatenation() -> tuple[list[Any], dict[str, tuple[int, ...]]]:
    """Two branches whose scales differ by what their functions give."""
    left, weights = conv("left", "x", 8, size=3)
    right, more = conv("right", "x", 8)
    nodes = [*left, helper.make_node("Sigmoid", ["left"], ["small"]), *right]
    nodes += [helper.make_node("Concat", ["small", "right"], ["both"], axis=1)]
    last, most = conv("y", "both", 4, inputs=16)
    return [*nodes, *last], weights | more | most


def half_cut() -> tuple[list[Any], dict[str, tuple[int, ...]]]:
    """A Relu of half of the channels, and of what is pooled: ONNX Runtime leaves both to the scales behind them."""
    first, weights = conv("first", "x", 8, size=3)
    last, more = conv("y", "pooled", 4)
    nodes = [*first, helper.make_node("Split", ["first"], ["left", "right"], axis=1)]
    nodes += [helper.make_node("Relu", ["right"], ["cut"])]
    nodes += [helper.make_node("Concat", ["left", "cut"], ["both"], axis=1)]
    nodes += [helper.make_node("MaxPool", ["both"], ["largest"], kernel_shape=[2, 2], pads=[1, 1, 0, 0])]
    return [*nodes, helper.make_node("Relu", ["largest"], ["pooled"]), *last], weights | more


def attention() -> tuple[list[Any], dict[str, tuple[int, ...]]]:
    """One head over the rows of each channel."""
    nodes = [helper.make_node("MatMul", ["x", f"{name}_w"], [name], name=f"{name}_layer") for name in "qkv"]
    nodes += [
        helper.make_node("Transpose", ["k"], ["turned"], perm=[0, 1, 3, 2]),
        helper.make_node("MatMul", ["q", "turned"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["shares"], axis=-1),
        helper.make_node("MatMul", ["shares", "v"], ["y"]),
    ]
    return nodes, {f"{name}_w": (6, 6) for name in "qkv"}


KINDS = {
    "hard sigmoid": (lambda: gate("HardSigmoid"), set()),
    "hard-swish": (hard_swish, set()),
    "sigmoid": (lambda: gate("Sigmoid"), {"LOGISTIC"}),
    "concatenation": (concatenation, {"LOGISTIC"}),
    "half cut": (half_cut, set()),
    "attention": (attention, {"SOFTMAX"}),
}
"""Each kind with the operators that ONNX Runtime rounds otherwise than LiteRT, or not at all: they compute in float."""


@pytest.mark.parametrize("form", ["QDQ, int8", "QDQ, uint8"])
@pytest.mark.parametrize(("build", "floats"), KINDS.values(), ids=KINDS.keys())
def test_a_kind_keeps_its_integers(build: Any, floats: set[str], form: str, tmp_path: Path) -> None:
    draw = np.random.default_rng(1)
    nodes, shapes = build()
    weights = [
        numpy_helper.from_array((draw.normal(size=shape) / 2).astype(np.float32), name)
        for name, shape in shapes.items()
    ]
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, SHAPE)
    graph = helper.make_graph(nodes, "graph", [x], [y], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(onnx.shape_inference.infer_shapes(model), tmp_path / "float.onnx")
    samples = np.random.default_rng(0).normal(size=(30, *SHAPE)).astype(np.float32)
    quantized, written = tmp_path / "int8.onnx", tmp_path / "int8.tflite"
    quantized_by_onnxruntime(tmp_path / "float.onnx", quantized, samples[:20], form)
    report = convert(quantized, written, quantize="int8")
    assert Counter(operator.type for operator in report.float_ops).keys() <= floats
    convert(written, tmp_path / "back.onnx", quantize="int8")
    ours = Session(written, engine="native")
    for other in (Session(quantized), Session(tmp_path / "back.onnx")):
        pairs = [(other.run({"x": x})["y"], ours.run({"x": x})["y"]) for x in samples[20:]]
        near = [np.abs(expected - computed) <= 1.01 * step_of(ours) for expected, computed in pairs]
        assert np.mean(near) >= 0.99


def step_of(session: Session) -> float:
    step = session.outputs[0].scale
    assert step is not None
    return step
