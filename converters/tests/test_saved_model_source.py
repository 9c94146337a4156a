from pathlib import Path
from typing import Any

import numpy as np
import pytest
from edgequant_runtime import Session

from edgequant_converters import SourceError, UnsupportedError
from edgequant_converters._evaluate import open_model
from edgequant_converters._metrics import sqnr_db
from edgequant_converters.sources import from_saved_model

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("one_tensorflow")]


@pytest.mark.parametrize("suffix", [".tflite", ".onnx"])
def test_an_exported_model_computes_what_keras_computes(keras_folder: Path, tmp_path: Path, suffix: str) -> None:
    path, source = tmp_path / f"hub{suffix}", from_saved_model(keras_folder / "exported")
    (source.write_litert if suffix == ".tflite" else source.write_onnx)(path)
    model = open_model(path)
    assert [(spec.name, spec.shape) for spec in (*model.inputs, *model.outputs)] == [
        ("input", (1, 16, 16, 3)),
        ("output_0", (1, 5)),
    ]
    with np.load(keras_folder / "exported.npz") as arrays:
        assert sqnr_db(arrays["output_0"], model.run({"input": arrays["input_0"]})[0]) > 100


@pytest.mark.parametrize("suffix", [".tflite", ".onnx"])
def test_a_real_model_of_keras_2(shared: Path, tmp_path: Path, suffix: str) -> None:
    path, source = tmp_path / f"hub{suffix}", from_saved_model(shared / "models" / "kws_saved_model")
    (source.write_litert if suffix == ".tflite" else source.write_onnx)(path)
    model = open_model(path)
    assert [(spec.name, spec.shape) for spec in model.inputs] == [("input_1", (1, 49, 10, 1))]
    (scores,) = model.run({"input_1": np.random.default_rng(0).normal(size=(1, 49, 10, 1)).astype(np.float32)})
    assert scores.shape == (1, 12)
    assert scores.sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("no_signature", "has no signature that tells its inputs: .*model.export"),
        ("two_signatures", "has the signatures double, triple but no serving_default"),
        ("text", "input 'x' takes string; give a network that takes numbers"),
    ],
)
def test_folders_that_cannot_be_read_are_told_why(keras_folder: Path, tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(SourceError, match=rf"^{name} \(SavedModel\):? {reason}") as caught:
        from_saved_model(keras_folder / name).write_litert(tmp_path / "hub.tflite")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("suffix", "other"), [(".tflite", ".onnx"), (".onnx", ".tflite")])
def test_operators_that_a_target_lacks_are_named(keras_folder: Path, tmp_path: Path, suffix: str, other: str) -> None:
    source = from_saved_model(keras_folder / "polygamma")
    with pytest.raises(UnsupportedError, match=rf"\(Polygamma\): replace them in the network, or convert to {other}"):
        (source.write_litert if suffix == ".tflite" else source.write_onnx)(tmp_path / f"hub{suffix}")


def test_a_loop_over_time_steps_is_refused_clearly(keras_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=r"loops over time .* convert the network's .keras or .h5 file"):
        from_saved_model(keras_folder / "loop").write_litert(tmp_path / "hub.tflite")


def test_folders_that_are_no_saved_model_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is not a folder"):
        from_saved_model(tmp_path / "none")
    with pytest.raises(SourceError, match=r"holds no saved_model\.pb"):
        from_saved_model(tmp_path)
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(SourceError, match=r"saved_model\.pb is empty"):
        from_saved_model(tmp_path)


@pytest.mark.parametrize("damage", ["graph", "weights"])
def test_a_damaged_folder_is_told(keras_folder: Path, tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    graph = (keras_folder / "exported" / "saved_model.pb").read_bytes()
    (folder / "saved_model.pb").write_bytes(graph[: len(graph) // 2] if damage == "graph" else graph)
    expected = "saved_model.pb is damaged or cut short" if damage == "graph" else "cannot be loaded by TensorFlow: "
    with pytest.raises(SourceError, match=rf"^broken \(SavedModel\):? {expected}") as caught:
        from_saved_model(folder).write_litert(tmp_path / "hub.tflite")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "operator"),
    [
        ("writes_a_file", "WriteFile"),
        ("reads_a_file", "ReadFile"),
        ("runs_python", "EagerPyFunc"),
        ("prints_to_a_file", "PrintV2"),
        ("saves", "SaveV2"),
        ("lists_files", "MatchingFiles"),
        ("reads_a_dataset", r".*TextLineDataset\w*"),
        ("session_writes", "WriteFile"),
    ],
)
def test_side_effects_are_refused_before_anything_runs(
    keras_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, operator: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnsupportedError, match=rf"reach out of the network, .*\({operator}\), and is not run"):
        from_saved_model(keras_folder / name).write_litert(tmp_path / "hub.tflite")
    assert not list(tmp_path.iterdir())


def test_a_session_with_its_own_saver_is_run(keras_folder: Path, tmp_path: Path) -> None:
    """It gets as far as TensorFlow's converter, which has no operator for the variables of sessions."""
    with pytest.raises(UnsupportedError, match=r"LiteRT lacks \(VariableV2\)"):
        from_saved_model(keras_folder / "session").write_litert(tmp_path / "hub.tflite")


@pytest.mark.parametrize("engine", ["native", "litert"])
def test_a_state_in_variables_is_kept_from_run_to_run(keras_folder: Path, tmp_path: Path, engine: Any) -> None:
    from_saved_model(keras_folder / "ring_buffer").write_litert(tmp_path / "hub.tflite")
    session = Session(tmp_path / "hub.tflite", engine=engine)
    x = np.array([[2, 5]], np.float32)
    for _ in range(2):
        sums = [session.run({"x": x})["y"].ravel().tolist() for _ in range(4)]
        assert sums == [[4, 7], [5, 11], [6, 15], [6, 15]]
        session.reset()


def test_onnx_keeps_no_state(keras_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=r"keeps a state .* which an \.onnx file cannot: convert to \.tflite"):
        from_saved_model(keras_folder / "ring_buffer").write_onnx(tmp_path / "hub.onnx")
