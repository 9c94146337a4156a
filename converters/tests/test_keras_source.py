import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextvars import Context
from itertools import product
from pathlib import Path

import numpy as np
import onnx
import pytest
from edgequant_runtime import Session

from edgequant_converters import SourceError, UnsupportedError, convert
from edgequant_converters._evaluate import Evaluator, open_model
from edgequant_converters._metrics import sqnr_db
from edgequant_converters.sources import from_keras
from edgequant_converters.tflite import operator_name, read_model

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("one_tensorflow")]

Hub = Callable[[str, str], Path]

NETWORKS = [
    "convolutional.keras", "normalized.keras", "two_sided.keras", "attention.keras", "lstm.keras", "gru.keras",
    "other_recurrent.keras", "volumes.keras",
]  # fmt: skip
CELLS = [*product(NETWORKS, (".tflite", ".onnx")), ("old.h5", ".tflite"), ("old_lstm.h5", ".tflite")]


@pytest.fixture(scope="session")
def hub(keras_folder: Path, make_once: Callable[..., Path]) -> Hub:
    """Convert a network once, however many tests look at it: hub("lstm.keras", ".onnx")."""

    def convert(name: str, suffix: str) -> Path:
        def fill(folder: Path) -> None:
            source = from_keras(keras_folder / name)
            (source.write_litert if suffix == ".tflite" else source.write_onnx)(folder / f"hub{suffix}")

        return make_once(name + suffix, fill) / f"hub{suffix}"

    return convert


def agreement(model: Evaluator, sample: Path) -> float:
    """Return the lowest SQNR in dB against what Keras itself computed for a sample."""
    with np.load(sample) as arrays:
        outputs = model.run({spec.name: arrays[f"input_{n}"] for n, spec in enumerate(model.inputs)})
        return min(sqnr_db(arrays[f"output_{n}"], value) for n, value in enumerate(outputs))


def operators(path: Path) -> set[str]:
    return set(listed(path))


def listed(path: Path) -> list[str]:
    if path.suffix == ".onnx":
        return [node.op_type for node in onnx.load(path).graph.node]
    model = read_model(path)
    return [operator_name(model, operator) for operator in model.subgraphs[0].operators]


@pytest.mark.parametrize(("name", "suffix"), CELLS)
def test_the_hub_computes_what_keras_computes(keras_folder: Path, hub: Hub, name: str, suffix: str) -> None:
    model = open_model(hub(name, suffix))
    assert agreement(model, keras_folder / f"{Path(name).stem}.npz") > 100
    assert all(spec.shape[0] == 1 for spec in (*model.inputs, *model.outputs))


def test_both_hubs_have_the_same_names_in_the_same_order(hub: Hub) -> None:
    for suffix in (".tflite", ".onnx"):
        model = open_model(hub("two_sided.keras", suffix))
        assert [spec.name for spec in model.inputs] == ["left", "right"]
        assert [spec.name for spec in model.outputs] == ["left_only", "total"]
    assert [spec.dtype for spec in open_model(hub("attention.keras", ".tflite")).inputs] == [np.int32]


def test_a_convolutional_network_keeps_its_layout_and_folds_its_batch_norms(hub: Hub) -> None:
    assert open_model(hub("convolutional.keras", ".onnx")).inputs[0].shape == (1, 16, 16, 3)
    assert operators(hub("convolutional.keras", ".tflite")) == {
        "CONV_2D", "DEPTHWISE_CONV_2D", "MEAN", "FULLY_CONNECTED", "GELU", "SOFTMAX",
    }  # fmt: skip


def test_an_lstm_is_one_operator_in_each_direction(hub: Hub) -> None:
    assert listed(hub("lstm.keras", ".tflite")).count("UNIDIRECTIONAL_SEQUENCE_LSTM") == 2
    assert listed(hub("lstm.keras", ".onnx")).count("LSTM") == 2
    assert not operators(hub("lstm.keras", ".tflite")) & {"CUSTOM", "WHILE", "LOGISTIC"}


@pytest.mark.parametrize("suffix", [".tflite", ".onnx"])
def test_an_lstm_of_fifty_steps_is_small_and_smaller_in_int8(hub: Hub, tmp_path: Path, suffix: str) -> None:
    path, small = hub("lstm50.keras", suffix), tmp_path / f"int8{suffix}"
    assert len(listed(path)) <= 12
    samples = np.random.default_rng(0).normal(size=(20, 50, 5)).astype(np.float32)
    report = convert(path, small, quantize="int8", calibration=[*samples])
    assert small.stat().st_size < path.stat().st_size
    assert len(listed(small)) <= 12
    assert report.sqnr_db and report.sqnr_db > 20


def test_a_short_gru_is_unrolled_for_litert_and_a_long_one_loops(hub: Hub) -> None:
    assert "WHILE" not in operators(hub("gru.keras", ".tflite"))
    assert listed(hub("gru.keras", ".onnx")).count("GRU") == 2
    assert listed(hub("other_recurrent.keras", ".tflite")).count("WHILE") == 1
    assert listed(hub("other_recurrent.keras", ".tflite")).count("UNIDIRECTIONAL_SEQUENCE_RNN") == 2


@pytest.mark.parametrize("suffix", [".tflite", ".onnx"])
def test_what_is_more_than_one_operator_is_unrolled(keras_folder: Path, hub: Hub, suffix: str) -> None:
    path = hub("unrolled.keras", suffix)
    assert agreement(open_model(path), keras_folder / "unrolled.npz") > 100
    assert not operators(path) & {"UNIDIRECTIONAL_SEQUENCE_LSTM", "WHILE", "LSTM", "GRU", "Loop"}


def test_a_stateful_lstm_keeps_its_state(keras_folder: Path, hub: Hub, tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(1, 4, 5)).astype(np.float32)
    session = Session(hub("stateful.keras", ".tflite"))
    name, output = session.inputs[0].name, session.outputs[0].name
    first, second = (session.run({name: x})[output] for _ in range(2))
    session.reset()
    assert (session.run({name: x})[output] == first).all()
    assert (first != second).all()
    with pytest.raises(UnsupportedError, match="keeps a state"):
        from_keras(keras_folder / "stateful.keras").write_onnx(tmp_path / "hub.onnx")


def test_another_operator_that_litert_lacks_is_named_beside_an_lstm(keras_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=r"LiteRT lacks \(Erfinv\)"):
        from_keras(keras_folder / "lstm_and_erfinv.keras").write_litert(tmp_path / "hub.tflite")


@pytest.mark.parametrize("name", ["lstm.keras", "gru.keras"])
def test_recurrent_networks_quantize_to_int8_throughout(hub: Hub, tmp_path: Path, name: str) -> None:
    samples = np.random.default_rng(0).normal(size=(40, 12, 5)).astype(np.float32)
    report = convert(hub(name, ".tflite"), tmp_path / "int8.tflite", quantize="int8", calibration=[*samples])
    assert report.float_ops == ()
    assert report.inputs[0].dtype == np.int8
    assert report.sqnr_db > 15


def test_a_network_trained_in_half_precision_computes_in_float32(keras_folder: Path, hub: Hub) -> None:
    model = open_model(hub("half_precision.keras", ".tflite"))
    assert agreement(model, keras_folder / "half_precision.npz") > 60
    assert operators(hub("half_precision.keras", ".tflite")) == {"FULLY_CONNECTED"}


@pytest.mark.parametrize("suffix", [".tflite", pytest.param(".onnx", marks=pytest.mark.nightly)])
def test_converting_twice_gives_the_same_bytes(keras_folder: Path, tmp_path: Path, suffix: str) -> None:
    source = from_keras(keras_folder / "convolutional.keras")
    paths = [tmp_path / f"{name}{suffix}" for name in ("first", "second")]
    for path in paths:
        fresh = Context()  # in which no process is shared
        fresh.run(source.write_litert if suffix == ".tflite" else source.write_onnx, path)
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize(
    ("name", "suffix"), [("pretrainedResnet.h5", ".tflite"), ("pretrainedResnet.h5", ".onnx"), ("ad01.h5", ".tflite")]
)
def test_real_networks_of_keras_2(shared: Path, tmp_path: Path, name: str, suffix: str) -> None:
    path = tmp_path / f"hub{suffix}"
    source = from_keras(shared / "models" / name)
    (source.write_litert if suffix == ".tflite" else source.write_onnx)(path)
    if name.startswith("pretrained") and suffix == ".tflite":
        reference = open_model(shared / "models" / "pretrainedResnet.tflite")
        x = np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3)).astype(np.float32)
        (expected,), (computed,) = reference.run({reference.inputs[0].name: x}), open_model(path).run({"input_1": x})
        assert sqnr_db(expected, computed) > 100
        assert operators(path) == {"CONV_2D", "ADD", "AVERAGE_POOL_2D", "FULLY_CONNECTED", "SOFTMAX"}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("lambda.keras", "has a Lambda layer, Python code that edgequant does not run from a file: .*model.export"),
        ("lambda.h5", "has a Lambda layer"),
        ("custom.keras", "uses 'Doubling', which is not part of Keras: .*model.export"),
        ("custom.h5", "uses 'Doubling'"),
        ("free_size.keras", "free sizes beyond the batch, .* or the shape, as --input-shape"),
        ("only.weights.h5", "holds weights without their network"),
    ],
)
def test_networks_that_cannot_be_read_are_told_why(keras_folder: Path, tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(SourceError, match=rf"^{name} \(Keras\):? .*{reason}") as caught:
        from_keras(keras_folder / name).write_litert(tmp_path / "hub.tflite")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "hub.tflite").exists()


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.h5", b"", "is empty"),
        ("text.h5", b"not a network", "is not an HDF5 file"),
        ("text.keras", b"not a network", "is not a .keras archive"),
        ("zip.h5", b"PK\x03\x04....", "is not an HDF5 file"),
    ],
)
def test_files_of_the_wrong_type_are_told_at_once(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=f"^{name} {reason}"):
        from_keras(tmp_path / name)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none\.keras cannot be read: No such file"):
        from_keras(tmp_path / "none.keras")


@pytest.mark.parametrize("name", ["convolutional.keras", "old.h5"])
@pytest.mark.parametrize("eighths", [2, 7])
def test_truncated_files_are_told(keras_folder: Path, tmp_path: Path, name: str, eighths: int) -> None:
    data = (keras_folder / name).read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) * eighths // 8])
    with pytest.raises(SourceError, match=f"{name} .*is damaged or no Keras model: ") as caught:
        from_keras(tmp_path / name).write_litert(tmp_path / "hub.tflite")
    assert "\n" not in str(caught.value)


def test_a_file_whose_weights_are_damaged_is_told(keras_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "no_weights.keras"
    with zipfile.ZipFile(keras_folder / "convolutional.keras") as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, b"garbage" if name.endswith(".h5") else old.read(name))
    with pytest.raises(SourceError, match="cannot be read by Keras") as caught:
        from_keras(path).write_litert(tmp_path / "hub.tflite")
    assert "\n" not in str(caught.value)


def test_anything_but_a_model_is_refused() -> None:
    with pytest.raises(SourceError, match="A dict is not a Keras model"):
        from_keras({})


OBJECT = """
import sys
from pathlib import Path
import keras
from edgequant_converters.sources import from_keras
assert keras.backend.backend() == "torch"
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4, activation="relu"), keras.layers.Dense(2)])
from_keras(model).write_litert(Path(sys.argv[1]))
"""


def test_a_model_in_memory_of_another_back_end(keras_folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    path = tmp_path / "hub.tflite"
    environment = {"KERAS_BACKEND": "torch", "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", OBJECT, str(path)], check=True, env=environment, timeout=300)
    assert [spec.shape for spec in open_model(path).inputs] == [(1, 8)]
