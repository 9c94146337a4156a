"""Goldens: real samples, seeded ones, and always the extremes; outputs as the engines compute them."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from edgequant_converters import ConverterError
from edgequant_runtime import Session, TensorInfo

from edgequant._bundle import BundleError, Golden, open_bundle
from edgequant._bundle._goldens import compute_outputs, golden_inputs, litert_disagrees, not_finite
from edgequant._bundle._ranges import FLOAT_RANGE, input_ranges

from ._bundle_files import make

pytestmark = pytest.mark.emulated

EXTREMES = ["lowest", "highest", "zero", "alternating"]


def inputs_of(model: Path, engine: str = "auto", samples: Any = None, count: int = 5, seed: int = 0) -> list[Any]:
    return list(golden_inputs(model, engine, samples, count, seed))


def test_without_samples_there_are_random_ones_and_the_extremes(models: Path) -> None:
    found = inputs_of(models / "int8.tflite")
    assert [kind for kind, _ in found] == ["random"] * 5 + EXTREMES
    lowest, highest, zero, alternating = (arrays["features"] for _, arrays in found[5:])
    (info,) = Session(models / "int8.tflite").inputs
    assert (lowest == -128).all() and (highest == 127).all() and (zero == info.zero_point).all()
    assert alternating.tolist() == [[-128, 127, -128, 127]]
    assert all(arrays["features"].dtype == np.int8 for _, arrays in found)


def test_a_seed_settles_the_random_ones(models: Path) -> None:
    first, again, other = (inputs_of(models / "int8.tflite", seed=seed) for seed in (0, 0, 1))
    for (_, a), (_, b), (_, c) in zip(first[:5], again[:5], other[:5], strict=True):
        assert (a["features"] == b["features"]).all() and (a["features"] != c["features"]).any()


def test_unsigned_inputs_have_their_own_range(models: Path) -> None:
    found = dict(inputs_of(models / "uint8.tflite"))
    assert (found["lowest"]["features"] == 0).all() and (found["highest"]["features"] == 255).all()


def test_samples_are_quantized_as_a_session_does_it(models: Path, tmp_path: Path) -> None:
    samples = np.random.default_rng(1).uniform(-2, 2, (7, 4)).astype(np.float32)
    np.save(tmp_path / "s.npy", samples)
    summary = make(models / "int8.tflite", tmp_path / "b.tar.gz", samples=tmp_path / "s.npy", goldens=3)
    goldens = summary.manifest.goldens
    assert [golden.kind for golden in goldens] == ["sample"] * 3 + EXTREMES
    with open_bundle(tmp_path / "b.tar.gz") as opened:
        got = [np.load(opened.folder / golden.outputs[0].path) for golden in goldens[:3]]
    session = Session(models / "int8.tflite")
    (info,) = session.outputs
    for sample, output in zip(samples, got, strict=False):
        expected = session.run(sample[np.newaxis])["probabilities"]
        assert ((output.astype(np.float32) - info.zero_point) * np.float32(info.scale) == expected).all()


def test_fewer_samples_than_goldens_are_all_taken(models: Path) -> None:
    found = inputs_of(models / "int8.tflite", samples=np.eye(2, 4, dtype=np.float32))
    assert [kind for kind, _ in found] == ["sample"] * 2 + EXTREMES


def test_inputs_that_came_before_are_left_out(models: Path) -> None:
    low = np.full((2, 4), -1e9, np.float32)
    assert [kind for kind, _ in inputs_of(models / "int8.tflite", samples=low)] == ["sample", *EXTREMES[1:]]


@pytest.mark.parametrize("samples", [np.full((1, 4), np.nan), np.zeros((1, 5)), np.zeros((0, 4))])
def test_bad_samples_are_sentences(models: Path, samples: Any) -> None:
    with pytest.raises(ConverterError):
        inputs_of(models / "int8.tflite", samples=samples)


def test_float_inputs_go_to_the_ends_of_what_the_model_makes_of_them(models: Path, tmp_path: Path) -> None:
    """A model with float inputs computes the same at its extremes as its twin with integer inputs."""
    floats = make(models / "int8_float_io.tflite", tmp_path / "f.tar.gz").manifest
    integers = make(models / "int8.tflite", tmp_path / "i.tar.gz").manifest
    assert floats.outputs[0].tolerance == 0.0
    (info,) = Session(models / "int8.tflite").outputs
    with open_bundle(tmp_path / "f.tar.gz") as f, open_bundle(tmp_path / "i.tar.gz") as i:
        for ours, theirs in zip(floats.goldens[5:], integers.goldens[5:], strict=True):
            real = np.load(f.folder / ours.outputs[0].path)
            quantized = np.load(i.folder / theirs.outputs[0].path)
            assert ours.kind == theirs.kind and real.dtype == np.float32
            assert (real == (quantized.astype(np.float32) - info.zero_point) * np.float32(info.scale)).all()


def test_float_ranges_come_from_the_samples_or_are_a_few_deviations(models: Path) -> None:
    (info,) = Session(models / "float.tflite").inputs
    sample = {"features": np.array([[-3.0, 0, 1, 9]], np.float32)}
    assert input_ranges(models / "float.tflite", [info], [sample]) == {"features": (-3.0, 9.0)}
    assert input_ranges(models / "float.tflite", [info], []) == {"features": FLOAT_RANGE}


def test_quantized_models_in_other_engines_may_be_off_by_more(models: Path, tmp_path: Path) -> None:
    found = {}
    for name, engine in (("int8_float_io.tflite", "litert"), ("int8.tflite", "litert"), ("float.onnx", "onnxruntime")):
        found[name] = (
            make(models / name, tmp_path / "b.tar.gz", target="rpi4", engine=engine).manifest.outputs[0].tolerance
        )
    assert found == {"int8_float_io.tflite": 0.1, "int8.tflite": 1.0, "float.onnx": 0.001}


def test_ranges_are_found_behind_operators_that_only_move_values(tmp_path: Path) -> None:
    from onnx import TensorProto, helper, numpy_helper, save

    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[0, 2, 1]),
        helper.make_node("QuantizeLinear", ["t", "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"]),
    ]
    constants = [numpy_helper.from_array(np.float32(0.5), "s"), numpy_helper.from_array(np.int8(-28), "z")]
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("x", (1, 2, 3)), ("y", (1, 3, 2))))
    graph = helper.make_graph(nodes, "g", [x], [y], constants)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "m.onnx")
    infos = Session(tmp_path / "m.onnx").inputs
    assert input_ranges(tmp_path / "m.onnx", infos, []) == {"x": (-50.0, 77.5)}


@pytest.mark.parametrize(("model", "order"), [("two_inputs.tflite", ["b", "a"]), ("two_inputs.onnx", ["a", "b"])])
def test_several_inputs_keep_the_model_s_order_and_integers_stay_0(
    models: Path, tmp_path: Path, model: str, order: list[str]
) -> None:
    engine = "onnxruntime" if model.endswith(".onnx") else "litert"
    manifest = make(models / model, tmp_path / "b.tar.gz", target="rpi4", engine=engine).manifest
    with open_bundle(tmp_path / "b.tar.gz") as opened:
        for number, golden in enumerate(manifest.goldens):
            assert [tensor.name for tensor in golden.inputs] == order
            assert [tensor.path for tensor in golden.inputs] == [f"goldens/{number}/input-{i}.npy" for i in (0, 1)]
            given = {tensor.name: np.load(opened.folder / tensor.path) for tensor in golden.inputs}
            got = {tensor.name: np.load(opened.folder / tensor.path) for tensor in golden.outputs}
            assert given["b"].dtype == np.int32 and (given["b"] == 0).all()
            assert set(got) == {"sum", "twice"} and got["sum"].dtype == np.float32
    assert {output.name: output.tolerance for output in manifest.outputs} == {"sum": 0.001, "twice": 1.0}


def test_booleans_go_from_false_to_true() -> None:
    from edgequant._bundle._goldens import _EXTREMES, _random

    info = TensorInfo("b", (1, 3), np.dtype(bool))
    assert _EXTREMES["alternating"](info, (0, 1)).tolist() == [[False, True, False]]
    assert _random(info, (0, 1), np.random.default_rng(0)).dtype == bool


def test_the_native_engine_is_held_against_litert(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = models / "int8.tflite"
    inputs = {"features": np.zeros((1, 4), np.int8)}
    outputs = compute_outputs(model, "native", inputs)
    assert not litert_disagrees(model, inputs, outputs)
    assert litert_disagrees(model, inputs, {"probabilities": outputs["probabilities"] + 1})
    assert make(model, tmp_path / "b.tar.gz").warnings == ()
    monkeypatch.setattr("edgequant._bundle._goldens.litert_disagrees", lambda *_: True)
    (warning,) = make(model, tmp_path / "b.tar.gz").warnings
    assert "LiteRT computes other outputs here than the native engine for 9 of 9 goldens" in warning


def test_without_litert_nothing_is_compared(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from edgequant_runtime import EngineError

    def missing(*_: Any, **__: Any) -> Any:
        raise EngineError("The engine 'litert' is not installed.")

    monkeypatch.setattr("edgequant._bundle._goldens.current_process", missing)
    assert not litert_disagrees(models / "int8.tflite", {}, {"probabilities": np.zeros(3)})


def test_outputs_that_are_not_finite_are_left_out(models: Path, tmp_path: Path) -> None:
    assert not_finite({"a": np.array([1.0]), "b": np.array([np.inf])}) == "b"
    samples = iter([np.full((1, 4), 3e38, np.float32), np.ones((1, 4), np.float32)])
    summary = make(models / "float.tflite", tmp_path / "b.tar.gz", target="rpi4", samples=samples)
    kinds = [golden.kind for golden in summary.manifest.goldens]
    assert kinds.count("sample") == 1 and "not finite for a golden (sample)" in summary.warnings[0]


def test_a_model_without_any_finite_output_is_refused(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgequant._bundle._goldens.not_finite", lambda outputs: "probabilities")
    with pytest.raises(BundleError, match="no finite output for any input tried: give typical ones with --data"):
        make(models / "int8.tflite", tmp_path / "b.tar.gz")
    assert not (tmp_path / "b.tar.gz").exists()


@pytest.fixture
def counter(tmp_path: Path) -> Path:
    """A model that adds its input to a variable and gives out the sum."""
    import importlib.util

    home = Path(__file__).parents[2] / "runtime" / "tests" / "native" / "single_op.py"
    spec = importlib.util.spec_from_file_location("edgequant_single_op", home)
    assert spec is not None and spec.loader is not None
    single_op = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = single_op
    spec.loader.exec_module(single_op)
    q, model = single_op.Quantized(0.5, 0), single_op.Model()
    once = model.subgraph()

    def handle(graph: Any) -> Any:
        made = graph.tensor((1,), "RESOURCE")
        graph.operator("VAR_HANDLE", [], [made], "VarHandleOptions", container="", sharedName="sum")
        return made

    zeros = once.constant(np.zeros((1, 4), np.int8), "INT8", q)
    once.operator("ASSIGN_VARIABLE", [handle(once), zeros], [], "AssignVariableOptions")
    once.outputs([])
    model.operator("CALL_ONCE", [], [], "CallOnceOptions", initSubgraphIndex=1)
    x, state = model.input((1, 4), "INT8", q), handle(model)
    old, new = model.tensor((1, 4), "INT8", q), model.tensor((1, 4), "INT8", q)
    model.operator("READ_VARIABLE", [state], [old], "ReadVariableOptions")
    model.operator("ADD", [old, x], [new], "AddOptions", version=2)
    model.operator("ASSIGN_VARIABLE", [state, new], [], "AssignVariableOptions")
    (tmp_path / "counter.tflite").write_bytes(model.finish([new]))
    return tmp_path / "counter.tflite"


def test_each_golden_starts_from_the_model_s_initial_state(counter: Path, tmp_path: Path) -> None:
    manifest = make(counter, tmp_path / "b.tar.gz").manifest
    with open_bundle(tmp_path / "b.tar.gz") as opened:
        for golden in manifest.goldens:
            (given,), (got,) = ([np.load(opened.folder / t.path) for t in ts] for ts in (golden.inputs, golden.outputs))
            assert (given == got).all()


def digests(golden: Golden) -> list[str]:
    return [tensor.data_sha256 for tensor in golden.outputs]


def test_edgequant_run_prints_the_digests_of_the_manifest(
    models: Path, tmp_path: Path, runner_for: Callable[..., Any], counter: Path
) -> None:
    program = runner_for("x86-64").program
    for model in (models / "int8.tflite", models / "int8_float_io.tflite", models / "uint8.tflite", counter):
        manifest = make(model, tmp_path / "b.tar.gz").manifest
        with open_bundle(tmp_path / "b.tar.gz") as opened:
            for golden in manifest.goldens:
                words = [word for tensor in golden.inputs for word in ("--input", tensor.path)]
                written = [tmp_path / f"{number}.npy" for number in range(len(golden.outputs))]
                words += [str(word) for file in written for word in ("--output", file)]
                command = [program, manifest.model.path, "--json", *words]
                told = json.loads(subprocess.run(command, cwd=opened.folder, capture_output=True, check=True).stdout)
                assert [output["sha256"] for output in told["outputs"]] == digests(golden)
                for file, tensor in zip(written, golden.outputs, strict=True):
                    assert file.read_bytes() == (opened.folder / tensor.path).read_bytes()
