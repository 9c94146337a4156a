"""Inputs that the user gives one value become constants, and take the branches that they decide with them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from edgequant_runtime import Session
from onnx import TensorProto, helper, numpy_helper

from edgequant_converters import ConverterError, SourceError, UnsupportedError, convert


def branch(name: str, nodes: Sequence[onnx.NodeProto], output: str) -> onnx.GraphProto:
    return helper.make_graph(nodes, name, [], [helper.make_tensor_value_info(output, TensorProto.FLOAT, [1, "width"])])


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    """Write a network as voice detectors are: a sampling rate decides by If which part runs, and an If inside that."""
    one = numpy_helper.from_array(np.array([1], np.int64), "axes")
    inner = [
        branch("long", [helper.make_node("ReduceSum", ["doubled", "axes"], ["r"])], "r"),
        branch("short", [helper.make_node("Identity", ["doubled"], ["r"])], "r"),
    ]
    then = branch(
        "wide",
        [
            helper.make_node("Add", ["x", "x"], ["doubled"]),
            helper.make_node("If", ["is_wide"], ["r"], then_branch=inner[0], else_branch=inner[1]),
        ],
        "r",
    )
    otherwise = branch("narrow", [helper.make_node("Identity", ["x"], ["r"])], "r")
    nodes = [
        helper.make_node("Constant", [], ["wide"], value=numpy_helper.from_array(np.array(16000, np.int64))),
        helper.make_node("Equal", ["rate", "wide"], ["is_wide"]),
        helper.make_node("If", ["is_wide"], ["y"], then_branch=then, else_branch=otherwise),
    ]
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 6]),
        helper.make_tensor_value_info("rate", TensorProto.INT64, []),
        helper.make_tensor_value_info("gain", TensorProto.FLOAT, [2]),
    ]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, "width"])]
    nodes.append(helper.make_node("ReduceProd", ["gain"], ["loud"], keepdims=0))
    outputs.append(helper.make_tensor_value_info("loud", TensorProto.FLOAT, []))
    graph = helper.make_graph(nodes, "graph", inputs, outputs, [one])
    path = tmp_path / "voice.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.mark.parametrize("suffix", [".tflite", ".onnx"])
@pytest.mark.parametrize(("rate", "expected"), [(16000, [30.0]), (8000, [0.0, 1, 2, 3, 4, 5])])
def test_a_value_decides_what_runs(rate: int, expected: list[float], suffix: str, voice: Path, tmp_path: Path) -> None:
    written = tmp_path / f"written{suffix}"
    convert(voice, written, input_values=[f"rate={rate}", "gain=2,0.75"])
    session = Session(written)
    assert [info.name for info in session.inputs] == ["x"]
    outputs = session.run({"x": np.arange(6, dtype=np.float32)[None]})
    np.testing.assert_array_equal(outputs["y"].ravel(), expected)
    assert outputs["loud"] == 1.5


def test_without_it_the_way_out_is_named(voice: Path, tmp_path: Path) -> None:
    with pytest.raises(ConverterError, match="--input-value"):
        convert(voice, tmp_path / "written.tflite")


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["rate"], "is no value of an input"),
        (["rate=fast"], "is no value of an input"),
        (["speed=1"], "no input 'speed': its inputs are x, rate, gain"),
        (["rate=0.5"], "'rate' is int64, which 0.5 does not fit"),
        (["gain=1,2,3"], "'gain' has 2 elements"),
        (["x=0", "rate=0", "gain=0"], "no input left"),
    ],
)
def test_values_that_do_not_fit(texts: list[str], message: str, voice: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=message):
        convert(voice, tmp_path / "written.tflite", input_values=texts)


def test_other_sources_have_none(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="input_values"):
        convert(tmp_path / "net.keras", tmp_path / "written.tflite", input_values=["x=1"])
