"""What inspect says of models that an engine does not know, and the tables behind it."""

import json
from collections.abc import Callable
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import onnx
import pytest
from edgequant_converters.graph import Demands, Operator
from onnx import TensorProto, helper

from edgequant._engine_limits import missing_in_litert, missing_in_onnxruntime
from edgequant._inspect import inspect


@pytest.mark.parametrize(("engine", "package"), [("litert", "ai-edge-litert"), ("onnxruntime", "onnxruntime")])
def test_the_tables_are_of_the_installed_releases(engine: str, package: str) -> None:
    table = json.loads(files("edgequant._engine_limits").joinpath(f"{engine}.json").read_text())
    assert f"{package} {version(package)}," in table["source"], "run scripts/engine_limits"


@pytest.mark.parametrize(
    ("operator", "words"),
    [
        (Operator("CONV_2D", version=3), None),
        (Operator("TFLite_Detection_PostProcess", version=1, is_custom=True), None),
        (Operator("Convolution2DTransposeBias", version=1, is_custom=True), None),
        (Operator("CONV_2D", version=99), "CONV_2D in version 99 (LiteRT 2.3.0 has 1 to 8)"),
        (Operator("BROADCAST_TO", version=1), "BROADCAST_TO in version 1 (LiteRT 2.3.0 has 2 to 4)"),
        (Operator("OP_400", version=1), "OP_400 (not in LiteRT 2.3.0)"),
        (Operator("FlexErf", version=1, is_custom=True), "FlexErf (of TensorFlow, which LiteRT's packages do not have"),
        (Operator("edgetpu-custom-op", version=1, is_custom=True), "Google's Edge TPU"),
        (Operator("ethos-u", version=1, is_custom=True), "Arm's Ethos-U"),
        (
            Operator("PosenetDecoderOp", version=1, is_custom=True),
            "PosenetDecoderOp (custom, known only to the program",
        ),
    ],
)
def test_each_is_named_as_what_it_is(operator: Operator, words: str | None) -> None:
    found = missing_in_litert(Demands({operator: 1}))
    assert (not found) if words is None else (len(found) == 1 and words in found[0])


def test_operators_are_counted_and_grouped() -> None:
    demands = Demands(
        {Operator(name, is_custom=True): count for name, count in (("FlexB", 1), ("FlexA", 3), ("Own", 2))}
    )
    flex, own = missing_in_litert(demands)
    assert flex.startswith("3 FlexA, FlexB (of TensorFlow")
    assert own.startswith("2 Own (custom")


def write(path: Path, change: Callable[[onnx.ModelProto], object], op: str = "Relu", domain: str = "") -> Path:
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in "xy"]
    graph = helper.make_graph([helper.make_node(op, ["x"], ["y"], domain=domain)], "g", values[:1], values[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    change(model)
    onnx.save(model, path)
    return path


@pytest.mark.parametrize(
    ("change", "op", "domain", "words"),
    [
        (lambda model: None, "Relu", "", None),
        (lambda model: None, "Constant", "", None),
        (lambda model: setattr(model, "ir_version", 99), "Relu", "", "IR version 99"),
        (lambda model: setattr(model.opset_import[0], "version", 99), "Relu", "", "opset 99"),
        (lambda model: None, "Relou", "", "Relou (not in ONNX Runtime"),
        (lambda model: None, "DecodeImage", "com.microsoft.extensions", "of com.microsoft.extensions, a library"),
        (lambda model: None, "Frob", "com.microsoft", "Frob (of com.microsoft, not in ONNX Runtime"),
        (
            lambda model: model.functions.append(
                helper.make_function("own", "Twice", ["a"], ["b"], [helper.make_node("Relu", ["a"], ["b"])], [])
            ),
            "Twice", "own", None,
        ),
    ],
)  # fmt: skip
def test_onnx_models_are_judged_as_well(tmp_path, change, op, domain, words) -> None:
    found = inspect(write(tmp_path / "model.onnx", change, op, domain))
    (engine,) = found.engines
    assert (engine.obstacle is None) if words is None else (words in (engine.obstacle or ""))
    assert {board.runs for board in found.boards if board.name == "pi5"} == {words is None}


def test_text_is_no_input_of_a_session(tmp_path) -> None:
    def as_text(model: onnx.ModelProto) -> None:
        model.graph.input[0].type.tensor_type.elem_type = TensorProto.STRING

    (engine,) = inspect(write(tmp_path / "model.onnx", as_text, op="Identity")).engines
    assert "the tensor 'x' of type string, which a Session does not handle" in (engine.obstacle or "")


def test_a_model_that_runs_nowhere_is_said_to(cli, tmp_path) -> None:
    path = write(tmp_path / "model.onnx", lambda model: None, "DecodeImage", "com.microsoft.extensions")
    found = json.loads(cli("inspect", path, "--json").stdout)
    assert found["engines"][0]["runs"] is False
    assert {(board["runs"], board["engine"], board["engine_installs"]) for board in found["boards"]} == {
        (False, None, False)
    }
    assert "no engine runs this model" in cli("inspect", path).stdout


def test_missing_in_onnxruntime_takes_what_it_knows() -> None:
    assert missing_in_onnxruntime(Demands({Operator("Conv"): 2}, {"": 17}, 8)) == []
