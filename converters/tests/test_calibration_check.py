"""Mistakes in calibration data that no error shows are named."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgequant_converters import ConversionReport, convert
from edgequant_converters.ir import Builder, Graph, Model, Tensor, write_ir

DRAW = np.random.default_rng(2)
IMAGES = DRAW.random((40, 8, 8, 3), np.float32)
WEIGHTS = {".tflite": DRAW.uniform(-0.2, 0.2, (8, 3, 3, 3)), "bias": DRAW.uniform(-0.2, 0.2, 8)}


def network(folder: Path, suffix: str) -> Path:
    """Write two layers, as an untrained network of torch has them: on values from 0 to 1 the biases count."""
    build = Builder(Graph(inputs=[Tensor("image", (1, 8, 8, 3))]))
    options = {"padding": "SAME", "strideW": 1, "strideH": 1, "dilationWFactor": 1, "dilationHFactor": 1}
    weights = [build.constant(WEIGHTS[name], np.float32) for name in (".tflite", "bias")]
    y = build.op("CONV_2D", [build.graph.inputs[0], *weights], (1, 8, 8, 8), **options, fusedActivationFunction="RELU")
    matrix = build.constant(DRAW.normal(size=(4, 512)), np.float32)
    build.graph.outputs = [build.fully_connected(build.reshape(y, (1, 512)), matrix)]
    float_model = folder / "float.tflite"
    float_model.write_bytes(write_ir(Model([build.graph], ["image"], ["y"])))
    if suffix == ".tflite":
        return float_model
    convert(float_model, folder / "float.onnx")
    return folder / "float.onnx"


def outlier(images: NDArray[np.float32]) -> NDArray[np.float32]:
    changed = images.copy()
    changed[3] *= 1e4
    return changed


MISTAKES: dict[str, tuple[Callable[[NDArray[np.float32]], NDArray[np.float32]], str]] = {
    "constant": (np.zeros_like, "Every calibration sample is constant"),
    "identical": (lambda images: np.repeat(images[:1], 40, 0), "All 40 calibration samples are identical"),
    "few": (lambda images: images[:12], "Only 12 calibration samples"),
    "too large": (lambda images: images * 255, "far too large"),
    "too small": (lambda images: images / 255, "far too small"),
    "outlier": (outlier, "number 3 of those"),
}


def converted(suffix: str, images: NDArray[np.float32], folder: Path) -> ConversionReport:
    return convert(network(folder, suffix), folder / f"int8{suffix}", quantize="int8", calibration=images)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named(mistake: str, tmp_path: Path) -> None:
    spoil, words = MISTAKES[mistake]
    report = converted(".tflite", spoil(IMAGES), tmp_path)
    assert any(words in warning for warning in report.warnings), report.warnings


def test_a_wrong_scale_is_named_for_onnx_too(tmp_path: Path) -> None:
    report = converted(".onnx", IMAGES * 255, tmp_path)
    assert any("far too large" in warning for warning in report.warnings), report.warnings


def test_good_data_is_not_complained_about(tmp_path: Path) -> None:
    report = converted(".tflite", IMAGES, tmp_path)
    assert report.warnings == ()
    (facts,) = report.data
    assert (facts.low, facts.high) == (pytest.approx(IMAGES.min()), pytest.approx(IMAGES.max()))
    assert facts.mean == pytest.approx(IMAGES.mean(), rel=1e-5)
    assert next(step["what"] for step in report.to_dict()["choices"]) == "minmax ranges"


def test_one_sample_is_not_an_outlier_of_itself(tmp_path: Path) -> None:
    report = converted(".tflite", IMAGES[:1], tmp_path)
    assert not any("outlier" in warning for warning in report.warnings)
