from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgequant_runtime import EngineError, ModelError, Session, model_engines
from edgequant_runtime._model_file import read_model_file
from edgequant_runtime._onnx_header import read_onnx_metadata


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "model.tflite is empty"),
        (b"TFL3", "model.tflite is no .tflite or .onnx model, or is cut off"),
        (b"\x80\x04\x95 a pickle", "is no .tflite or .onnx model"),
        (b"PK\x03\x04" + bytes(100), "is no .tflite or .onnx model"),
        (b"hello, world", "is no .tflite or .onnx model"),
        (b"\x08\x09", "an ONNX model has an ir_version and a graph"),
    ],
)
def test_files_that_are_no_models(tmp_path, content, message):
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=message) as raised:
        Session(path)
    assert "\n" not in str(raised.value)
    with pytest.raises(ModelError):
        Session(content)


def test_paths_that_are_no_files(tmp_path):
    with pytest.raises(ModelError, match="There is no file"):
        Session(tmp_path / "missing.tflite")
    with pytest.raises(ModelError, match="is a folder"):
        Session(tmp_path)
    with pytest.raises(ModelError, match="as a path or as bytes, not as int"):
        Session(3)


def test_engines_by_content(models):
    assert model_engines(models / "int8.tflite") == ("native", "litert")
    assert model_engines(models / "float.tflite") == ("litert", "native")
    assert model_engines(models / "data_dependent.tflite") == ("litert",)
    assert model_engines((models / "float.onnx").read_bytes()) == ("onnxruntime",)


def test_engines_that_do_not_fit(models):
    with pytest.raises(EngineError, match=r"is a \.onnx model, which 'litert' does not run: use 'onnxruntime'"):
        Session(models / "float.onnx", engine="litert")
    with pytest.raises(EngineError, match="no engine 'tensorrt': choose from auto, native, litert, onnxruntime"):
        Session(models / "float.onnx", engine="tensorrt")


def test_onnx_metadata(models):
    assert read_model_file(models / "float.onnx").metadata == {"author": "edgequant"}
    assert read_model_file(models / "bf16_weights.onnx").metadata == {"edgequant.weights": "bfloat16"}


@given(st.binary(max_size=200))
def test_reading_a_header_only_ever_raises_value_error(data):
    try:
        read_onnx_metadata(io.BytesIO(data))
    except ValueError as error:
        assert str(error)
