"""A library with EQ_TYPES=int8 runs int8 networks with the same bits, and says in a sentence what it lacks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .sanitized import SOURCES
from .single_op import Model, Quantized

pytestmark = [pytest.mark.slow, pytest.mark.nightly]  # it compiles the engine once more

MODELS = Path(__file__).parents[1] / "models"
SCRIPT = """
import hashlib, json, sys
import numpy as np
from edgequant_runtime import Session, SessionError
def outcome(path):
    try:
        session = Session(path, engine="native")
    except SessionError as error:
        return str(error)
    inputs = {}
    for i in session.inputs:
        values = np.random.default_rng(0).integers(-100, 100, [max(n, 1) for n in i.shape])
        inputs[i.name] = values.astype(i.dtype)
    return hashlib.sha256(b"".join(v.tobytes() for v in session.run(inputs, raw=True).values())).hexdigest()
print(json.dumps({path: outcome(path) for path in sys.argv[1:]}))
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (shutil.which("cmake") and shutil.which("ninja")):
        pytest.skip("needs a C compiler, cmake and ninja")
    folder = tmp_path_factory.mktemp("int8")
    subprocess.run(
        ["cmake", "-S", SOURCES, "-B", folder, "-G", "Ninja", "-DEQ_TYPES=int8", "-DEQ_PROGRAM=OFF"],
        check=True,
        capture_output=True,
    )
    subprocess.run(["cmake", "--build", folder, "--target", "edgequant"], check=True, capture_output=True)
    return folder / "libedgequant.so"


def outcomes(paths: list[Path], **environment: str) -> Any:
    """The hash of each model's outputs, or the sentence that refuses it."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *paths],
        env={**os.environ, **environment},
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout)


def test_int8_networks_give_the_same_bits(library: Path) -> None:
    models = [MODELS / "int8.tflite", MODELS / "int8_float_io.tflite", MODELS / "uint8.tflite"]
    reduced = outcomes(models, EDGEQUANT_LIBRARY=str(library))
    assert all(len(value) == 64 for value in reduced.values()), reduced
    assert reduced == outcomes(models)


def float_relu() -> bytes:
    model = Model()
    y = model.tensor((1, 4), "FLOAT32")
    model.operator("RELU", [model.input((1, 4), "FLOAT32")], [y])
    return model.finish([y])


def int8_comparison() -> bytes:
    model = Model()
    a, b = (model.input((1, 4), "INT8", Quantized(0.1, 0)) for _ in range(2))
    y = model.tensor((1, 4), "BOOL")
    model.operator("LESS", [a, b], [y], "LessOptions")
    return model.finish([y])


@pytest.mark.parametrize("content", [float_relu(), int8_comparison()], ids=["float32", "a family"])
def test_what_is_left_out_is_named(library: Path, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    (sentence,) = outcomes([path], EDGEQUANT_LIBRARY=str(library)).values()
    assert "build of the engine" in sentence and "leaves out INT16, FLOAT32, FLOAT16, COMPLEX64, recurrent" in sentence


def test_tasks_are_left_out_in_a_sentence(library: Path) -> None:
    script = "from edgequant_runtime._task._library import task_library; task_library()"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "EDGEQUANT_LIBRARY": str(library)},
        capture_output=True,
        text=True,
    )
    assert "has no tasks: it is older than they are, or was built without them" in done.stderr
