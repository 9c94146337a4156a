"""The command `convert` itself, on ONNX networks of a few nodes."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

SPEC_KEYS = {
    "source", "output", "target", "quantize", "bytes", "source_bytes", "inputs", "outputs", "float_ops", "sqnr_db",
    "sqnr_measured_on", "sqnr_output", "calibration_samples", "seconds", "warnings", "kept_cost", "detections", "data",
    "choices", "import_sqnr_db",
}  # fmt: skip


def save(path: Path, nodes: list[onnx.NodeProto], width: int, weights: dict[str, np.ndarray], name: str = "x") -> Path:
    """Write an ONNX network from the input `name` (1, width) to the output `y` (1, any)."""
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, width])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, "n"])],
        [numpy_helper.from_array(array, key) for key, array in weights.items()],
    )
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=opsets), path)
    return path


def dense(path: Path, *, width: int = 64, weights: np.ndarray | None = None, name: str = "x") -> Path:
    if weights is None:
        weights = np.random.default_rng(0).normal(size=(width, width)).astype(np.float32)
    return save(path, [helper.make_node("MatMul", [name, "w"], ["y"], name="dense")], width, {"w": weights}, name)


def test_the_table_and_the_file(cli, tmp_path):
    output = tmp_path / "out.onnx"
    result = cli("convert", dense(tmp_path / "in.onnx"), "-o", output, "-q", "fp16")
    assert result.exit_code == 0, result.stderr
    assert output.is_file()
    facts = dict(line.split("  ", 1) for line in result.stdout.splitlines())
    assert facts["format"].strip() == "fp16 onnx"
    assert facts["bytes"].strip().startswith(f"{output.stat().st_size:,} (0.")
    assert facts["input"].strip() == "x  1x64 float32"
    assert "dB against float32" in facts["SQNR"]
    assert facts["float model"].strip() == "identical against the network itself, on an example"
    assert {"network", "model", "left in float", "took"} <= facts.keys()
    assert result.stderr == ""


@pytest.mark.parametrize("quantize", ["fp32", "fp16"])
def test_an_output_that_never_varies_is_named(cli, tmp_path, quantize):
    """Zeros are met by anything: that they are identical says nothing."""
    dead = dense(tmp_path / "in.onnx", weights=np.zeros((64, 64), np.float32))
    result = cli("convert", dead, "-o", tmp_path / "out.onnx", "-q", quantize)
    assert "The float model's output 'y' never varies over seeded random inputs" in " ".join(result.stderr.split())
    assert ("constant       the output 'y' never varies" in result.stdout) == (quantize == "fp16")
    for source, constant in ((dead, True), (dense(tmp_path / "live.onnx"), False)):
        document = json.loads(cli("convert", source, "-o", tmp_path / "out.onnx", "-q", quantize, "--json").stdout)
        assert [output["constant"] for output in document["outputs"]] == [constant]
        assert any("never varies" in warning for warning in document["warnings"]) == constant


@pytest.mark.parametrize("name", ["[/red]x", "[bold]x[/bold]", ":smile:"])
def test_names_are_printed_as_they_are(cli, tmp_path, name):
    result = cli("convert", dense(tmp_path / "in.onnx", name=name), "-o", tmp_path / "a:b:.onnx")
    assert result.exit_code == 0, result.stderr
    assert f"{name}  1x64 float32" in result.stdout
    assert "a:b:.onnx" in result.stdout


def test_json_has_the_documented_keys(cli, tmp_path):
    output = tmp_path / "out.onnx"
    np.save(tmp_path / "c.npy", np.random.default_rng(1).normal(size=(40, 64)).astype(np.float32))
    arguments = ("--quantize", "int8", "--calibration", tmp_path / "c.npy", "--json")
    result = cli("convert", dense(tmp_path / "in.onnx"), "--output", output, *arguments)
    document = json.loads(result.stdout)
    assert document.keys() == SPEC_KEYS
    assert (document["quantize"], document["target"], document["output"]) == ("int8", "onnx", str(output))
    assert document["bytes"] == output.stat().st_size < document["source_bytes"]
    (given,) = document["inputs"]
    assert given == {"name": "x", "shape": [1, 64], "dtype": "float32", "scale": None, "zero_point": None}
    assert document["sqnr_db"] > 20
    assert document["calibration_samples"] == 40
    assert document["float_ops"] == document["warnings"] == []
    page = (Path(__file__).parent.parent / "docs/convert.md").read_text()
    assert all(f"`{key}`" in page or f"`{key}[]`" in page for key in SPEC_KEYS)


def test_what_stays_in_float_is_told_with_the_reason(cli, tmp_path):
    result = cli(
        "convert", dense(tmp_path / "in.onnx"), "-o", tmp_path / "o.onnx", "-q", "dynamic", "--keep-float", "dense"
    )
    assert result.exit_code == 0, result.stderr
    (line,) = (line for line in result.stdout.splitlines() if line.startswith("left in float"))
    assert "1 MatMul: " in line


def test_warning_that_the_model_grew_and_nothing_was_quantized(cli, tmp_path):
    network = save(tmp_path / "in.onnx", [helper.make_node("Relu", ["x"], ["y"])], 4, {})
    np.save(tmp_path / "c.npy", np.random.default_rng(1).normal(size=(20, 4)).astype(np.float32))
    arguments = ("-q", "int8", "--calibration", tmp_path / "c.npy")
    result = cli("convert", network, "-o", tmp_path / "out.onnx", *arguments)
    assert result.exit_code == 0, result.stderr
    assert "WARNING: Nothing was quantized" in result.stderr
    assert "WARNING: The model grew from" in result.stderr
    assert "WARNING" not in result.stdout


def features_and_class(path: Path) -> Path:
    """Write a network from x (1, 16) to y (1, 16) and the number of a class, whose scores float16 cannot tell apart."""
    rng = np.random.default_rng(0)
    weights = {"w": rng.normal(size=(16, 16)), "alike": 1 + 1e-4 * rng.normal(size=(16, 10))}
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["y"]),
        helper.make_node("MatMul", ["x", "alike"], ["scores"]),
        helper.make_node("ArgMax", ["scores"], ["class"], axis=1),
    ]
    model = onnx.load(save(path, nodes, 16, {key: array.astype(np.float32) for key, array in weights.items()}))
    model.graph.output.append(helper.make_tensor_value_info("class", TensorProto.INT64, [1, 1]))
    onnx.save(model, path)
    return path


def test_other_whole_numbers_are_told(cli, tmp_path):
    np.save(tmp_path / "c.npy", np.random.default_rng(1).normal(size=(40, 16)).astype(np.float32))
    network, data = features_and_class(tmp_path / "in.onnx"), ("--calibration", tmp_path / "c.npy")
    result = cli("convert", network, "-o", tmp_path / "out.onnx", "-q", "fp16", *data)
    assert result.exit_code == 0, result.stderr
    (line,) = (line for line in result.stdout.splitlines() if line.startswith("equal"))
    share = line.split()[1]
    assert line.endswith("of the whole numbers of the output 'class'") and float(share.rstrip("%")) < 90
    assert "WARNING: Of the whole numbers of the output 'class', " in result.stderr
    document = json.loads(cli("convert", network, "-o", tmp_path / "o.onnx", "-q", "fp16", *data, "--json").stdout)
    assert document["sqnr_db"] > 50 and f"{document['outputs'][1]['equal']:.2%}" == share


def test_warning_that_the_sqnr_is_low(cli, tmp_path):
    weights = np.full((32, 32), 1e-3, np.float32)
    weights[:, 0] = 0.003
    weights[0] = 1  # with 4 bits a block's small weights vanish beside its one large weight
    network = dense(tmp_path / "in.onnx", width=32, weights=weights)
    data = np.ones((20, 32), np.float32)
    data[:, 0] = 0
    np.save(tmp_path / "c.npy", data)
    arguments = ("-q", "weight-int4", "--calibration", tmp_path / "c.npy", "--json")
    result = cli("convert", network, "-o", tmp_path / "out.onnx", *arguments)
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["sqnr_db"] is None or document["sqnr_db"] < 15
    assert "WARNING: The outputs are far from the float model's: SQNR" in result.stderr
    assert "check it with `edgequant compare`. Weight-int8 and fp16 keep more." in result.stderr
    assert [f"WARNING: {warning}" for warning in document["warnings"]] == result.stderr.splitlines()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("{folder}/none.onnx", "-o", "{folder}/o.onnx"), "none.onnx"),
        (("{folder}/in.onnx", "-o", "{folder}/o.bin"), ".tflite"),
        (("{folder}/in.onnx", "-o", "{folder}/o.onnx", "-q", "int9"), "int9"),
        (("{folder}/in.onnx", "-o", "{folder}/o.onnx", "-q", "int8"), "calibration"),
        (("{folder}/in.onnx", "-o", "{folder}/o.onnx", "--keep-float", "("), "("),
    ],
)
def test_bad_input_is_one_sentence(cli, tmp_path, arguments, message):
    dense(tmp_path / "in.onnx")
    result = cli("convert", *(text.format(folder=tmp_path) for text in arguments))
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_labels_make_a_task_that_does_what_the_images_did(cli, tmp_path):
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["m"], axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["m", "w"], ["y"]),
    ]
    network = tmp_path / "pets.onnx"
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2])],
        [numpy_helper.from_array(np.ones((3, 2), np.float32), "w")],
    )
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)]), network)
    (tmp_path / "labels.txt").write_text("dog\ncat\n")
    output, images = tmp_path / "pets.tflite", "size=8x8 mean=0.5 std=0.25 layout=nchw"
    result = cli("convert", network, "-o", output, "--images", images, "--labels", tmp_path / "labels.txt")
    assert result.exit_code == 0, result.stderr
    task = json.loads((tmp_path / "task.json").read_text())
    assert (task["output"]["labels"], task["input"]["mean"], task["input"]["layout"]) == (["dog", "cat"], 127.5, "nchw")
    refused = cli("convert", network, "-o", tmp_path / "pets.onnx.onnx", "--labels", tmp_path / "labels.txt")
    assert refused.exit_code == 2
    assert "take -o MODEL.tflite" in refused.stderr
