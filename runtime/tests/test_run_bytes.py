"""Inference from bytes to bytes, which needs no numpy with the native engine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgequant_runtime import InputError, Session

MODELS = [("int8.tflite", "native"), ("int8.tflite", "litert"), ("float.onnx", "onnxruntime")]


@pytest.mark.parametrize(("name", "engine"), MODELS)
def test_bytes_give_what_arrays_give(models: Path, name: str, engine: str) -> None:
    session = Session(models / name, engine=engine, threads=1)
    random = np.random.default_rng(0)
    shapes = [tuple(max(size, 1) for size in info.shape) for info in session.inputs]
    values = [random.integers(0, 100, shape).astype(info.dtype) for shape, info in zip(shapes, session.inputs)]
    given = session.run_bytes(*(value.tobytes() for value in values))
    wanted = session.run(dict(zip((info.name for info in session.inputs), values)), raw=True)
    assert given == tuple(wanted[info.name].tobytes() for info in session.outputs)


@pytest.mark.parametrize("form", [bytes, bytearray, memoryview, lambda data: np.frombuffer(data, np.int8)[::1]])
def test_anything_that_holds_bytes_is_taken(models: Path, form) -> None:
    session = Session(models / "int8.tflite", threads=1)
    data = bytes(range(session.input_view(session.inputs[0].name).nbytes))
    assert session.run_bytes(form(data)) == session.run_bytes(data)


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [((), "1 input"), ((b"", b""), "1 input"), ((b"",), "Input 0 takes"), ((5,), "not as int"), (("x",), "not as str")],
)
@pytest.mark.parametrize("engine", ["native", "litert"])
def test_what_does_not_fit_is_refused(models: Path, engine: str, inputs, sentence: str) -> None:
    session = Session(models / "int8.tflite", engine=engine, threads=1)
    with pytest.raises(InputError, match=sentence):
        session.run_bytes(*inputs)


def test_the_shapes_are_those_of_the_last_run(models: Path) -> None:
    session = Session(models / "float.tflite", engine="native", threads=1)
    (info,) = session.inputs
    value = np.ones((3, *info.shape[1:]), info.dtype)
    wanted = session.run(value, raw=True)
    assert session.run_bytes(value.tobytes()) == tuple(wanted[output.name].tobytes() for output in session.outputs)


def test_opening_and_running_with_bytes_imports_no_numpy(models: Path) -> None:
    code = """
import sys
from edgequant_runtime import Session
session = Session(sys.argv[1], threads=1)
try:
    session.run_bytes(b"")
except Exception as error:
    size = int(str(error).split()[3])
session.run_bytes(bytes(size))
print("numpy" in sys.modules)
"""
    command = [sys.executable, "-c", code, str(models / "int8.tflite")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\n"
