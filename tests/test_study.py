"""`edgequant study`: the bytes of every format, what rounding costs, the page, and what is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from edgequant_converters import convert
from edgequant_converters.ir import Builder, Graph, Model, Tensor, write_ir
from edgequant_converters.stored import STORED_FORMATS, store_as
from onnx import TensorProto, helper, numpy_helper

import edgequant
from edgequant._figures import percent
from edgequant._study._words import findings

INPUTS, HIDDEN, CLASSES = 48, 40, 4
WEIGHTS, BIASES = INPUTS * HIDDEN + HIDDEN * CLASSES, HIDDEN + CLASSES


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two dense layers, `mlp.tflite`, and 40 samples that it classifies: `test.npy`, `labels.npy`."""
    folder, rng = tmp_path_factory.mktemp("study"), np.random.default_rng(0)
    graph = Graph(inputs=[Tensor("x", (1, INPUTS))])
    build = Builder(graph)
    first = build.constant(rng.normal(0, 0.2, (HIDDEN, INPUTS)).astype(np.float32))
    second = build.constant(rng.normal(0, 0.2, (CLASSES, HIDDEN)).astype(np.float32))
    biases = [build.constant(rng.normal(0, 0.1, size).astype(np.float32)) for size in (HIDDEN, CLASSES)]
    hidden = build.unary("RELU", build.fully_connected(graph.inputs[0], first, biases[0]))
    graph.outputs = [build.fully_connected(hidden, second, biases[1])]
    (folder / "mlp.tflite").write_bytes(write_ir(Model([graph], ["x"], ["scores"])))
    samples = rng.normal(0, 1, (40, INPUTS)).astype(np.float32)
    session = edgequant.Session(folder / "mlp.tflite")
    scores = [session.run(sample[None])["scores"] for sample in samples]
    np.save(folder / "test.npy", samples)
    np.save(folder / "labels.npy", np.concatenate(scores).argmax(1))
    return folder


def test_bytes_and_errors_follow_the_format(network: Path, tmp_path: Path, cli: Callable[..., Any]) -> None:
    page = tmp_path / "study.html"
    result = cli(
        "study", network / "mlp.tflite", "--data", network / "test.npy", "--labels", network / "labels.npy",
        "--group-size", "16", "-o", page, "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    found = {one["format"]: one for one in document["results"]}
    groups = HIDDEN * 3 + CLASSES * 3
    in_float = {"fp32": 4, "fp16": 2, "bf16": 2, "fp8-e4m3fn": 1, "fp8-e5m2": 1}
    assert {name: one["bytes"] for name, one in found.items()} == {
        **{name: size * (WEIGHTS + BIASES) for name, size in in_float.items()},
        "int8-tensor": WEIGHTS + 4 * 2 + 4 * BIASES,
        "int8-channel": WEIGHTS + 4 * BIASES + 4 * BIASES,
        "int8-group of 16": WEIGHTS + 4 * groups + 4 * BIASES,
        "int4-channel": WEIGHTS // 2 + 4 * BIASES + 4 * BIASES,
        "int4-group of 16": WEIGHTS // 2 + 4 * groups + 4 * BIASES,
        "int8 arithmetic": found["int8 arithmetic"]["bytes"],
    }
    assert found["int8 arithmetic"]["bytes"] < 0.4 * found["fp32"]["bytes"]
    assert (document["parameters"], document["samples"]) == (WEIGHTS + BIASES, 40)
    assert (found["fp32"]["accuracy"], found["fp32"]["sqnr_db"]) == (1, 300)
    better = ("fp16", "bf16", "fp8-e4m3fn", "fp8-e5m2")
    assert [found[name]["weights_sqnr_db"] for name in better] == sorted(
        (found[name]["weights_sqnr_db"] for name in better), reverse=True
    )
    for finer, coarser in (("group of 16", "channel"), ("channel", "tensor")):
        assert found[f"int8-{finer}"]["weights_sqnr_db"] > found[f"int8-{coarser}"]["weights_sqnr_db"]
    text = page.read_text(encoding="utf-8")
    assert text.count("<svg") == 3
    assert all(name in text for name in found)


def test_rounded_weights_are_what_the_format_holds(network: Path, tmp_path: Path) -> None:
    from edgequant_converters.ir import read_ir
    from edgequant_converters.quantizer import trained_values
    from edgequant_converters.tflite import read_model

    def weights(path: Path) -> list[Any]:
        (graph,) = read_ir(read_model(path)).graphs
        return [weight.tensor.values for operator in graph.operators for _, weight in trained_values(operator)]

    exact = weights(network / "mlp.tflite")
    for stored in STORED_FORMATS:
        store_as(network / "mlp.tflite", tmp_path / "stored.tflite", stored, 16)
        for before, after in zip(exact, weights(tmp_path / "stored.tflite"), strict=True):
            if stored.sharing is None:
                np.testing.assert_array_equal(after, before.astype(stored.number.dtype).astype(np.float32))
            elif before.ndim == 1:
                np.testing.assert_array_equal(after, before)
            else:
                assert len(np.unique(after[0, :16])) <= 2**stored.number.bits
                step = np.abs(before).max() / (2 ** (stored.number.bits - 1) - 1)
                assert np.abs(after - before).max() <= 0.501 * step


def test_values_beyond_a_format_are_counted(tmp_path: Path, cli: Callable[..., Any]) -> None:
    graph = Graph(inputs=[Tensor("x", (1, 2))])
    build = Builder(graph)
    weights = build.constant(np.array([[1, 500], [600, -3]], np.float32))
    graph.outputs = [build.fully_connected(graph.inputs[0], weights, build.constant(np.ones(2, np.float32)))]
    (tmp_path / "large.tflite").write_bytes(write_ir(Model([graph], ["x"], ["y"])))
    np.save(tmp_path / "x.npy", np.ones((2, 2), np.float32))
    result = cli("study", tmp_path / "large.tflite", "--data", tmp_path / "x.npy")
    assert result.exit_code == 0, result.stderr
    assert "fp8-e4m3fn has no room for 2 of the values" in result.stdout


def test_the_equal_ones_of_whole_numbers_are_told(tmp_path: Path) -> None:
    """The scores of the classes are so alike that float16 cannot tell them apart; the features beside them are good."""
    rng = np.random.default_rng(0)
    weights = {"w": rng.normal(size=(16, 16)), "alike": 1 + 1e-4 * rng.normal(size=(16, 10))}
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w"], ["y"]),
            helper.make_node("MatMul", ["x", "alike"], ["scores"]),
            helper.make_node("ArgMax", ["scores"], ["class"], axis=1),
        ],
        "features and class",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 16])],
        [
            helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 16]),
            helper.make_tensor_value_info("class", TensorProto.INT64, [1, 1]),
        ],
        [numpy_helper.from_array(array.astype(np.float32), name) for name, array in weights.items()],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "net.onnx"
    )
    np.save(tmp_path / "x.npy", rng.normal(size=(40, 16)).astype(np.float32))
    found = edgequant.study(tmp_path / "net.onnx", tmp_path / "x.npy")
    shares = {result.format: result.equal for result in found.results}
    assert shares["fp32"] == 1 and 0 < (shares["fp16"] or 0) < 0.9
    assert found.results[1].sqnr_db is not None and found.results[1].sqnr_db > 50
    (told,) = (sentence for sentence in findings(found) if "Whole numbers" in sentence)
    assert f"{percent(shares['fp16'])} in fp16" in told
    files = [tmp_path / f"{name}.tflite" for name in ("fp32", "fp16")]
    for file in files:
        convert(tmp_path / "net.onnx", file, quantize=file.stem)
    reference, halves = edgequant.report(files[0], files[1:], tmp_path / "x.npy", timed=False).models
    assert (reference.equal, halves.equal) == (1, shares["fp16"])


def test_refusals_are_one_sentence(network: Path, models: Path, cli: Callable[..., Any]) -> None:
    mlp, data = network / "mlp.tflite", network / "test.npy"
    for arguments, sentence in (
        ((models / "int8_float_io.tflite", "--data", data), "is quantized already"),
        ((mlp, "--data", data, "--group-size", "0"), "Groups of 0 weights"),
        ((mlp, "--data", "nothing.npy"), "nothing.npy"),
    ):
        result = cli("study", *arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert sentence in result.stderr and result.stderr.count("\n") == 1
    with pytest.raises(edgequant.EdgequantError, match="only once"):
        edgequant.study(mlp, iter([np.zeros(INPUTS, np.float32)]))
