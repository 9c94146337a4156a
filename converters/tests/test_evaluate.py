"""Running models on the workstation, to measure what quantization did."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from edgequant_runtime import InputError

from edgequant_converters import convert
from edgequant_converters._evaluate import open_model, to_own_type
from edgequant_converters.tflite import write_model


@pytest.fixture(scope="module")
def models(tiny_tflite: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One network in int8, with int8 and with float inputs and outputs."""
    folder = tmp_path_factory.mktemp("evaluate")
    network = tiny_tflite.build()
    network.subgraphs[0].outputs = [4]
    write_model(network, folder / "network.tflite")
    samples = np.random.default_rng(0).uniform(-1.7, 1.3, (20, 1, 4)).astype(np.float32)
    paths = {io: folder / f"{io}.tflite" for io in ("int8", "float")}
    for io, path in paths.items():
        convert(folder / "network.tflite", path, quantize="int8", io=io, calibration=samples)
    return paths


def test_an_integer_input_is_rounded_as_the_model_itself_would(models: dict[str, Path]) -> None:
    integers, floats = open_model(models["int8"]), open_model(models["float"])
    scale = integers.inputs[0].scale
    assert scale
    halves = (np.arange(-250, 250) * np.float32(scale) / 2).astype(np.float32).reshape(-1, 1, 4)
    for sample in halves:
        for ours, theirs in zip(integers.run_real([sample]), floats.run_real([sample]), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_what_is_no_number_is_no_integer(models: dict[str, Path]) -> None:
    with pytest.raises(InputError, match="contains NaN"):
        to_own_type(np.full((1, 4), np.nan, np.float32), open_model(models["int8"]).inputs[0])
