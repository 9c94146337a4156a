"""`edgequant inspect`: the findings, how they are shown, and what is refused."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgequant._inspect import PROCESS_BYTES, SYSTEM_BYTES, inspect

WIDE = 4_000_000


@pytest.fixture
def model(tmp_path) -> Path:
    return write_linear(tmp_path / "linear.onnx", name="weights")


def write_linear(path: Path, *, name: str, scale: float = 0.5) -> Path:
    """x -> Q -> DQ -> MatMul -> y with int8 x and float weights."""
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "xs", "xz"], ["xq"]),
        helper.make_node("DequantizeLinear", ["xq", "xs", "xz"], ["xd"]),
        helper.make_node("MatMul", ["xd", name], ["y"], name="product"),
    ]
    constants = {"xs": np.float32(scale), "xz": np.int8(3), name: np.ones((4, 6), np.float32)}
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ("batch", 4))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ("batch", 6))],
        [numpy_helper.from_array(np.asarray(value), key) for key, value in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), path)
    return path


def test_json_has_the_documented_keys_and_one_document(cli, model):
    result = cli("inspect", model, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    found = json.loads(result.stdout)
    assert list(found) == [
        "model", "format", "bytes", "inputs", "outputs", "op_counts", "float_ops", "macs", "parameters",
        "weight_bytes", "weight_dtypes", "activation_dtypes", "activation_peak_bytes", "memory_bytes",
        "unknown_shapes", "attached_files", "engines", "boards",
    ]  # fmt: skip
    assert found["bytes"] == model.stat().st_size
    assert found["inputs"] == [
        {"name": "x", "shape": [-1, 4], "dtype": "float32", "bytes": 16, "constant": False,
         "scale": None, "zero_point": None, "quantized_axis": None}
    ]  # fmt: skip
    assert found["float_ops"] == [{"type": "MatMul", "name": "product"}]
    assert (found["macs"], found["parameters"]) == (24, 24)


def test_json_lists_ops_and_tensors_when_asked(cli, model):
    found = json.loads(cli("inspect", model, "--ops", "--tensors", "--json").stdout)
    assert found["ops"][2] == {
        "type": "MatMul", "name": "product", "macs": 24, "inputs": ["xd", "weights"], "outputs": ["y"],
    }  # fmt: skip
    (quantized,) = (t for t in found["tensors"] if t["name"] == "xq")
    assert (quantized["scale"], quantized["zero_point"], quantized["dtype"]) == (0.5, 3, "int8")


def test_a_scale_that_is_no_number_is_null(cli, tmp_path):
    path = write_linear(tmp_path / "m.onnx", name="w", scale=float("nan"))
    result = cli("inspect", path, "--tensors", "--json")
    assert result.exit_code == 0
    (quantized,) = (t for t in json.loads(result.stdout)["tensors"] if t["name"] == "xq")
    assert quantized["scale"] is None
    assert cli("inspect", path, "--tensors").exit_code == 0


def test_the_text_says_what_the_model_is_without_terminal_codes(cli, model):
    result = cli("inspect", model, "--ops", "--tensors")
    assert result.exit_code == 0
    assert "\x1b" not in result.stdout
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "input x float32 ?x4" in lines
    assert "in float 1 of 3: MatMul product" in lines
    assert "MACs 24 per run" in lines
    assert any(line.startswith("2 | MatMul | product | float32 ?x4, float32 4x6 | float32 ?x6 | 24") for line in lines)
    assert any("xq | int8 ?x4 | activation | 0.5 | 3 | 4" in line for line in lines)


def test_names_from_the_file_cannot_control_the_terminal(cli, tmp_path):
    path = write_linear(tmp_path / "m.onnx", name="\x1b[31m[bold]w\n")
    result = cli("inspect", path, "--tensors")
    assert "?[31m[bold]w?" in result.stdout


def test_names_that_are_no_text_are_shown_all_the_same(cli, model):
    # Protobuf hands invalid UTF-8 over as bytes.
    model.write_bytes(model.read_bytes().replace(b"product", b"pro\xffuct").replace(b"MatMul", b"Mat\xfful"))
    result = cli("inspect", model, "--ops", "--json")
    assert json.loads(result.stdout)["ops"][2]["name"] == "pro\ufffduct"
    assert cli("inspect", model, "--ops").exit_code == 0


def test_boards_are_held_against_engine_and_memory(model):
    boards = {board.name: board for board in inspect(model).boards}
    assert boards["pi5"].runs is True
    assert boards["pi5"].engine == "onnxruntime"
    assert boards["pi-zero"].memory_fits is True
    assert boards["pi-zero"].runs is False
    assert "no wheel for armv6l" in boards["pi-zero"].engine_note
    assert boards["graviton3"].memory_fits is None
    assert boards["graviton3"].runs is None


def test_a_model_larger_than_a_boards_memory_does_not_run_there(tmp_path):
    node = helper.make_node("Gather", ["table", "x"], ["y"])
    table = TensorProto(name="table", data_type=TensorProto.FLOAT, dims=[WIDE, 64])
    table.data_location = TensorProto.EXTERNAL
    table.external_data.add(key="location", value="table.bin")
    graph = helper.make_graph(
        [node], "graph",
        [helper.make_tensor_value_info("x", TensorProto.INT64, (1,))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 64))],
        [table],
    )  # fmt: skip
    path = tmp_path / "large.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), path)
    found = inspect(path)
    assert found.graph.weight_bytes == WIDE * 64 * 4
    assert found.memory_bytes == PROCESS_BYTES + path.stat().st_size + WIDE * 64 * 4 + 8 + 256
    boards = {board.name: board for board in found.boards}
    assert found.memory_bytes > 2**30 - SYSTEM_BYTES
    assert boards["pi4"].runs is False
    assert boards["pi400"].runs is True


def test_only_raspberry_pis_are_shown_unless_all_are_asked_for(cli, model):
    assert "Rock 5B" not in cli("inspect", model).stdout
    assert "Rock 5B" in cli("inspect", model, "--all-boards").stdout


def test_a_real_int8_model(cli, shared):
    result = cli("inspect", shared / "models" / "pretrainedResnet_quant.tflite", "--json")
    found = json.loads(result.stdout)
    assert (found["format"], found["macs"], found["float_ops"]) == ("litert", 12_501_632, [])
    assert found["inputs"][0]["shape"] == [-1, 32, 32, 3]
    assert (found["inputs"][0]["scale"], found["inputs"][0]["zero_point"]) == (1.0, -128)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x1c\x00\x00\x00TFL3", b"\x80\x04\x95", b"\x00" * 500])
@pytest.mark.parametrize("suffix", [".tflite", ".onnx", ".h5"])
def test_broken_models_give_one_sentence_and_exit_code_2(cli, tmp_path, content, suffix):
    path = tmp_path / f"m{suffix}"
    path.write_bytes(content)
    result = cli("inspect", path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.strip().splitlines()) == 1
    assert "Traceback" not in result.stderr


def test_a_missing_model_gives_one_sentence_and_exit_code_2(cli, tmp_path):
    result = cli("inspect", tmp_path / "absent.tflite")
    assert result.exit_code == 2
    assert "does not exist" in result.stderr


def test_a_model_that_would_run_mostly_in_slow_code_has_a_warning(cli, models):
    found = json.loads(cli("inspect", models / "float.tflite", "--json").stdout)
    warnings = {one["engine"]: one["warning"] for one in found["engines"]}
    assert warnings["litert"] is None
    assert "is in operators at which the engine 'native' is slow" in warnings["native"]
    assert "is slow" in " ".join(cli("inspect", models / "float.tflite").stdout.split())
    assert "is slow" not in cli("inspect", models / "int8.tflite").stdout
