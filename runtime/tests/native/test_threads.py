"""Sessions share a model, and a session shares its work between threads: under the thread sanitizer nothing races."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from .sanitized import build_program
from .single_op import SAME, Model, Quantized

pytestmark = pytest.mark.slow


def layers(count: int) -> bytes:
    """Convolutions that are large enough for several threads."""
    rng = np.random.default_rng(0)
    model = Model()
    x = model.input((1, 24, 24, 16), "INT8", Quantized(0.05, 1))
    for _ in range(count):
        w = model.constant(rng.integers(-127, 128, (16, 3, 3, 16)), "INT8", Quantized(np.full(16, 0.01)))
        b = model.constant(rng.integers(-9, 9, 16), "INT32", Quantized(np.full(16, 0.0005)))
        y = model.tensor((1, 24, 24, 16), "INT8", Quantized(0.05, 1))
        model.operator("CONV_2D", [x, w, b], [y], "Conv2DOptions", version=3, padding=SAME, strideW=1, strideH=1)
        x = y
    return model.finish([x])


@pytest.fixture(scope="session")
def threads_test() -> Path:
    """The program that uses a model from many threads; EDGEQUANT_THREADS_TEST names one that was built before."""
    if "EDGEQUANT_THREADS_TEST" in os.environ:
        return Path(os.environ["EDGEQUANT_THREADS_TEST"])
    return build_program("threads_test", "thread")


def run(program: Path, *models: Path) -> None:
    done = subprocess.run([program, *models], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_layers(threads_test: Path, tmp_path: Path) -> None:
    path = tmp_path / "layers.tflite"
    path.write_bytes(layers(4))
    run(threads_test, path)


def test_trained_networks(threads_test: Path, shared: Path) -> None:
    run(threads_test, shared / "models" / "kws_ref_model.tflite", shared / "models" / "pretrainedResnet_quant.tflite")
