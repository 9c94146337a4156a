"""A model that the native engine runs slowly is told of; one of int8, or that it does not run, is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgequant_runtime import ModelError, model_engines, native_slowness


def test_a_float_model_is_slow(models: Path) -> None:
    sentence = native_slowness(models / "float.tflite", "x86_64")
    assert sentence is not None
    assert sentence.startswith("100 % of the work of float.tflite is in operators at which the engine 'native' is slow")
    assert sentence.endswith("quantize all of it to int8, or take the engine 'litert'.")


def test_aarch64_is_level_in_float_wherever_that_is_asked(models: Path) -> None:
    assert native_slowness(models / "float.tflite", "aarch64") is None
    assert model_engines(models / "float.tflite", "aarch64") == ("native", "litert")
    assert model_engines(models / "float.tflite", "armv7l") == ("litert", "native")
    assert model_engines(models / "int8.tflite", "armv7l") == ("native", "litert")


@pytest.mark.parametrize(
    "name", ["int8.tflite", "uint8.tflite", "windows.tflite", "data_dependent.tflite", "float.onnx"]
)
def test_others_are_not(models: Path, name: str) -> None:
    assert native_slowness(models / name) is None


def test_what_is_no_model_is_an_error() -> None:
    with pytest.raises(ModelError):
        native_slowness(b"no model")
