"""Streaming networks: the state in their variables lasts over the samples, in calibration and in what is measured."""

from pathlib import Path

import numpy as np
import pytest
from edgequant_runtime import Session
from numpy.typing import NDArray

from edgequant_converters import convert
from edgequant_converters._metrics import sqnr_db
from edgequant_converters.doctor import doctor
from edgequant_converters.sources import from_saved_model

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("one_tensorflow")]

STREAM = np.random.default_rng(0).uniform(2, 4, (64, 1, 2)).astype(np.float32)
"""Each sum of the last three is above what the network can give at its first step, which begins with ones."""


def sums(model: Path) -> NDArray[np.float32]:
    session = Session(model)
    return np.concatenate([session.run({"x": x})["y"] for x in STREAM])


@pytest.fixture(scope="module")
def hub(keras_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stream") / "hub.tflite"
    from_saved_model(keras_folder / "ring_buffer").write_litert(path)
    return path


@pytest.mark.parametrize("effort", [0, 1])
def test_ranges_and_figures_are_those_of_a_filled_state(hub: Path, tmp_path: Path, effort: int) -> None:
    model = tmp_path / "int8.tflite"
    report = convert(hub, model, quantize="int8", calibration=STREAM, effort=effort)
    computed = sqnr_db(sums(hub), sums(model))
    assert computed > 40
    assert report.sqnr_db is not None
    assert report.sqnr_db == pytest.approx(computed, abs=6)  # of six samples and of all


def test_doctor_treats_it(hub: Path, tmp_path: Path) -> None:
    model = tmp_path / "int8.tflite"
    doctor(hub, model, calibration=STREAM)
    assert sqnr_db(sums(hub), sums(model)) > 40
