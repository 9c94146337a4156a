from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgequant_converters import SourceError
from edgequant_converters._evaluate import open_model
from edgequant_converters.sources import from_tflite
from edgequant_converters.tflite import model_bytes, read_model


@pytest.fixture
def tiny(tiny_tflite: Any, tmp_path: Path) -> Path:
    path = tmp_path / "tiny.tflite"
    path.write_bytes(model_bytes(tiny_tflite.build()))
    return path


def test_a_float_file_becomes_a_normalised_copy(tiny: Path, tiny_tflite: Any, tmp_path: Path) -> None:
    source = from_tflite(tiny)
    assert source.description == "tiny.tflite (LiteRT)"
    source.write_litert(tmp_path / "hub.tflite")
    hub = open_model(tmp_path / "hub.tflite")
    assert [(spec.name, spec.shape) for spec in hub.inputs] == [("input", (1, 4))]
    x = np.array([[0.1, 0.2, -0.3, 0.4]], np.float32)
    for computed, expected in zip(hub.run({"input": x}), tiny_tflite.expected(x), strict=True):
        np.testing.assert_allclose(computed, expected, rtol=1e-6)


def test_a_file_with_a_free_batch_becomes_onnx(keras_folder: Path, tmp_path: Path) -> None:
    from_tflite(keras_folder / "free_batch.tflite").write_onnx(tmp_path / "hub.onnx")
    hub = open_model(tmp_path / "hub.onnx")
    assert [(spec.name, spec.shape) for spec in (*hub.inputs, *hub.outputs)] == [
        ("image", (1, 6, 6, 2)),
        ("output", (1, 1024)),
    ]
    x = np.random.default_rng(0).normal(size=(1, 6, 6, 2)).astype(np.float32)
    (expected,) = open_model(keras_folder / "free_batch.tflite").run({"image": x})
    np.testing.assert_allclose(hub.run({"image": x})[0], expected, atol=1e-5)


@pytest.mark.parametrize("name", ["ad01_fp32", "pretrainedResnet"])
def test_real_files_of_old_converters_are_read(shared: Path, tmp_path: Path, name: str) -> None:
    from_tflite(shared / "models" / f"{name}.tflite").write_litert(tmp_path / "hub.tflite")
    model = read_model(tmp_path / "hub.tflite")
    assert all(code.builtinCode == code.deprecatedBuiltinCode for code in model.operatorCodes)
    assert open_model(tmp_path / "hub.tflite").inputs[0].shape[0] == 1


@pytest.mark.parametrize("name", ["ad01_int8", "kws_ref_model", "pretrainedResnet_quant"])
def test_real_int8_files_are_refused(shared: Path, name: str) -> None:
    with pytest.raises(SourceError, match=rf"{name}.tflite is quantized already \(.*\d+ INT8 tensors\)"):
        from_tflite(shared / "models" / f"{name}.tflite")


def test_a_file_that_litert_cannot_run_is_refused(tiny: Path) -> None:
    model = read_model(tiny)
    model.subgraphs[0].operators[0].inputs = [0, 2, 1]
    tiny.write_bytes(model_bytes(model))
    with pytest.raises(SourceError, match=r"^LiteRT cannot open tiny\.tflite: .*FULLY_CONNECTED"):
        from_tflite(tiny)
