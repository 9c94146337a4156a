"""How far a quantized model's outputs are from its float original's."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from edgequant_runtime import TensorInfo
from numpy.typing import NDArray

from ._errors import SourceError
from ._evaluate import open_model
from ._free_sizes import probe_shape
from ._metrics import ErrorStatistics
from ._reason import reason
from ._request import Sample

NOISE_SAMPLES = 4


@dataclass(frozen=True, slots=True)
class Measurement:
    """The lowest SQNR over the outputs in dB (None: an output is not finite), what it was measured on, and whose it is.

    `output` is the output that has it; None where that is not known, as of a recipe.
    """

    sqnr_db: float | None
    measured_on: str
    output: str | None = None


ON_HELD_BACK = "held-back samples, before they joined the calibration"
ON_CALIBRATION = "the calibration samples themselves (fewer than 10 were given)"
ON_DATA = "the data given"
ON_PROBES = "the example inputs and seeded random ones (no data was given)"
ON_NOISE = "seeded random inputs (no data was given)"


def measure(hub: Path, quantized: Path, samples: Iterable[Sample], measured_on: str) -> Measurement:
    """Run both models on the samples, which are the hub's inputs by name, and compare them output by output."""
    reference, test = open_model(hub), open_model(quantized)
    statistics = [ErrorStatistics() for _ in reference.outputs]
    for sample in samples:
        inputs = [sample[spec.name] for spec in reference.inputs]
        try:
            pairs = zip(statistics, reference.run_real(inputs), test.run_real(inputs), strict=True)
        except (RuntimeError, ValueError) as error:  # what both engines raise when an inference fails
            raise SourceError(f"The converted model cannot be run: {reason(error)}.") from error
        for outcome, expected, computed in pairs:
            outcome.update(expected, computed)
    figures = [(outcome.sqnr_db, spec.name) for outcome, spec in zip(statistics, reference.outputs, strict=True)]
    lowest, output = min(figures, key=lambda figure: (np.isfinite(figure[0]), figure[0]))
    return Measurement(lowest if np.isfinite(lowest) else None, measured_on, output)


def noise_samples(inputs: Iterable[TensorInfo]) -> list[Sample]:
    """Return a few seeded samples: standard normal floats, zeros for integers (always a valid index)."""
    generator, specs = np.random.default_rng(0), list(inputs)
    return [{spec.name: _noise(spec, generator) for spec in specs} for _ in range(NOISE_SAMPLES)]


def _noise(spec: TensorInfo, generator: np.random.Generator) -> NDArray[Any]:
    shape = probe_shape(spec.shape)
    if np.issubdtype(spec.dtype, np.floating):
        return generator.standard_normal(shape).astype(spec.dtype)
    return np.zeros(shape, spec.dtype)
