"""Which samples calibrate, which decide, and which measure the result."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgequant_converters._errors import CalibrationError
from edgequant_converters._request import Sample

EVERY = 10
"""Without data to judge by, every tenth calibration sample is held back."""

MOST_CALIBRATION, MOST_JUDGED, MOST_LABELLED = 512, 1024, 4096
"""How many samples are used: to calibrate; to decide and to measure, together, without labels and with."""

MOST_BYTES = 512 * 2**20
"""How much memory each kind of samples may take."""

FIT, LEAST_FIT = 64, 12
"""How many of the calibration samples the alternatives within a step are compared on, and corrections fitted to."""

FIT_MACS = 16e9
"""So many multiply-accumulates may the inferences of these samples be: large networks are compared on fewer."""


EVEN_SPLIT = 8
"""Fewer samples than this to judge by are not halved."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Samples with their labels, if there are any; one sample is one run of the model."""

    samples: list[Sample]
    labels: NDArray[np.int64] | None

    def every_other(self, first: int) -> "Judged":
        """Return half of the samples, those with even (0) or odd (1) numbers; all if they are few."""
        if len(self.samples) < EVEN_SPLIT:
            return self
        labels = None if self.labels is None else self.labels.reshape(len(self.samples), -1)[first::2].ravel()
        return Judged(self.samples[first::2], labels)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Samples that calibrate, samples that decide which steps are kept, and samples that measure the result."""

    calibration: list[Sample]
    deciding: Judged
    measuring: Judged
    measured_on: str
    macs: int = 0

    @property
    def fit(self) -> list[Sample]:
        """Return the calibration samples on which the alternatives within a step are compared."""
        count = min(max(int(FIT_MACS / max(self.macs, 1)), LEAST_FIT), FIT)
        return self.calibration[:: max(len(self.calibration) // count, 1)][:count]


def gather(calibration: Iterable[Sample], data: Iterable[Sample] | None, labels: Any, macs: int = 0) -> Evidence:
    """Read samples; without `data` every tenth calibration sample is held back. Raises CalibrationError.

    `macs` are the multiply-accumulates of an inference.
    """
    samples = take(calibration, MOST_CALIBRATION)
    if data is not None:
        others = take(data, MOST_JUDGED if labels is None else MOST_LABELLED)
        judged, kind = (Judged(others, None) if labels is None else with_labels(others, labels)), "samples of the data"
    elif labels is not None:
        raise CalibrationError("Labels need the data that they belong to: give it, or leave the labels out.")
    else:
        samples, others = hold_back(samples)
        judged, kind = Judged(others, None), "held-back calibration samples"
    deciding, measuring = judged.every_other(0), judged.every_other(1)
    note = "" if deciding is not measuring else ", too few to spare some for the result: it decided the steps as well"
    return Evidence(samples, deciding, measuring, f"{len(measuring.samples)} {kind}{note}", macs)


def take(data: Iterable[Sample], most: int) -> list[Sample]:
    """Return the first samples of the data, at most so many and at most MOST_BYTES."""
    taken: list[Sample] = []
    size = 0
    for sample in data:
        size += sum(array.nbytes for array in sample.values())
        if len(taken) == most or (size > MOST_BYTES and taken):
            break
        taken.append(sample)
    return taken


def hold_back(samples: list[Sample]) -> tuple[list[Sample], list[Sample]]:
    """Return (samples that calibrate, samples that judge): every tenth judges, or all do both if they are too few."""
    held_back = samples[EVERY - 1 :: EVERY]
    if len(held_back) < 2:
        return samples, samples
    return [sample for number, sample in enumerate(samples, 1) if number % EVERY], held_back


def with_labels(samples: list[Sample], labels: Any) -> Judged:
    """Join samples with their labels, a .npy or an array of one class index for each; raises CalibrationError."""
    classes = _read(labels)
    batch = _batch(samples[0])
    if len(classes) < len(samples) * batch:
        raise CalibrationError(
            f"There are {len(classes)} labels for {len(samples) * batch} samples: give one label for each sample."
        )
    return Judged(samples, classes[: len(samples) * batch])


def _read(labels: Any) -> NDArray[np.int64]:
    name = Path(labels).name if isinstance(labels, (str, Path)) else "The labels"
    try:
        array = np.load(labels, allow_pickle=False) if isinstance(labels, (str, Path)) else np.asarray(labels)
    except (OSError, ValueError, EOFError) as error:
        raise CalibrationError(f"{name} cannot be read: save the labels as a .npy array of integers.") from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iu" or array.ndim != 1:
        raise CalibrationError(f"{name} must be one .npy array of integer class indices, one for each sample.")
    return array.astype(np.int64)


def _batch(sample: Sample) -> int:
    first = next(iter(sample.values()))
    return int(first.shape[0]) if first.ndim > 1 else 1
