"""Inputs that the user gives one value become constants, and take the branches that they decide with them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from edgequant_runtime import Session
from onnx import TensorProto, helper, numpy_helper

from edgequant_converters import ConverterError, SourceError, UnsupportedError, convert
from edgequant_converters.sources._decided_branches import take_decided_branches
from edgequant_converters.sources._input_values import fix_values


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


def test_outputs_of_fixed_sizes_have_a_shape(voice: Path, tmp_path: Path) -> None:
    """What data decides has no inferred shape, and a file without one is not valid."""
    written = tmp_path / "written.onnx"
    convert(voice, written, input_shapes=["x=1,6"])
    onnx.checker.check_model(written)
    found = [value.type.tensor_type for value in onnx.load(written).graph.output]
    assert all(kind.HasField("shape") for kind in found) and len(found[0].shape.dim) == 2


def test_what_data_decides_behind_many_residuals_stays(tmp_path: Path) -> None:
    """Each residual reads a value twice: to ask for it anew each time would take 2^200 questions."""
    nodes = [helper.make_node("Add", [f"x{i}", f"x{i}"], [f"x{i + 1}"]) for i in range(200)]
    nodes += [
        helper.make_node("ReduceMax", ["x200"], ["largest"], keepdims=0),
        helper.make_node("Greater", ["largest", "limit"], ["is_loud"]),
        helper.make_node(
            "If", ["is_loud"], ["y"],
            then_branch=branch("loud", [helper.make_node("Neg", ["x200"], ["r"])], "r"),
            else_branch=branch("quiet", [helper.make_node("Identity", ["x200"], ["r"])], "r"),
        ),
    ]  # fmt: skip
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in (("x0", [1, 6]), ("limit", []))
    ]
    graph = helper.make_graph(
        nodes, "graph", inputs, [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, "width"])]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    fix_values(model, ["limit=0"], "net")
    take_decided_branches(model)
    assert [node.op_type for node in model.graph.node] == [node.op_type for node in nodes]


def test_without_it_the_way_out_is_named(voice: Path, tmp_path: Path) -> None:
    with pytest.raises(ConverterError, match="--input-value"):
        convert(voice, tmp_path / "written.tflite")


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["rate"], "is no value of an input"),
        (["rate=fast"], "is no value of an input"),
        (["rate=1_0"], "'rate=1_0' is no value of an input"),
        (["gain=snan"], "'gain=snan' is no value of an input"),
        (["gain=1,nan123"], "'gain=1,nan123' is no value of an input"),
        (["gain=1e99999999999999999999"], "is no value of an input"),
        (["speed=1"], "no input 'speed': its inputs are x, rate, gain"),
        (["rate=0.5"], "'rate' is int64, which 0.5 does not fit"),
        (["rate=1e999999999"], "'rate' is int64, which 1e999999999 does not fit"),
        (["rate=9223372036854775808"], "'rate' is int64, which 9223372036854775808 does not fit"),
        (["rate=nan"], "'rate' is int64, which nan does not fit"),
        (["gain=1,1e39"], "'gain' is float32, which 1,1e39 does not fit"),
        (["gain=1,2,3"], "'gain' has 2 elements"),
        (["x=0", "rate=0", "gain=0"], "no input left"),
    ],
)
def test_values_that_do_not_fit(texts: list[str], message: str, voice: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=message):
        convert(voice, tmp_path / "written.tflite", input_values=texts)


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (TensorProto.INT64, str(2**53 + 1), 2**53 + 1),
        (TensorProto.INT64, "16e3", 16000),
        (TensorProto.FLOAT, "inf", np.inf),
        (TensorProto.BFLOAT16, "0.5", 0.5),
        (TensorProto.BOOL, "1", True),
    ],
)
def test_values_are_what_was_written(kind: int, text: str, expected: float) -> None:
    model = with_input(kind)
    fix_values(model, [f"a={text}"], "net")
    assert numpy_helper.to_array(model.graph.initializer[0]).item() == expected


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (TensorProto.UINT64, f"{2**64 - 1},1", [2**64 - 1, 1]),
        (TensorProto.INT64, f"{-(2**63)},{2**53 + 1}", [-(2**63), 2**53 + 1]),
        (TensorProto.BOOL, "1,0", [True, False]),
        (TensorProto.FLOAT16, " -0.5, 1e1 ", [-0.5, 10]),
    ],
)
def test_so_are_several(kind: int, text: str, expected: list[float]) -> None:
    model = with_input(kind, [2])
    fix_values(model, [f"a={text}"], "net")
    assert numpy_helper.to_array(model.graph.initializer[0]).tolist() == expected


def test_a_text_is_no_number() -> None:
    with pytest.raises(SourceError, match="'a' is object, which --input-value cannot give"):
        fix_values(with_input(TensorProto.STRING), ["a=1"], "net")


def with_input(kind: int, shape: Sequence[int] = ()) -> onnx.ModelProto:
    kinds = (("x", TensorProto.FLOAT, [1]), ("a", kind, shape))
    inputs = [helper.make_tensor_value_info(*one) for one in kinds]
    return helper.make_model(helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "graph", inputs, []))


def test_other_sources_have_none(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="input_values"):
        convert(tmp_path / "net.keras", tmp_path / "written.tflite", input_values=["x=1"])
