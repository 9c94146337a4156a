"""How far a quantized model's outputs are from its float original's."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from edgequant_runtime import TensorInfo
from numpy.typing import NDArray

from ._detections import DetectionAgreement, DetectionMeasure
from ._errors import SourceError
from ._evaluate import Evaluator, open_fast, open_model
from ._free_sizes import probe_shape
from ._metrics import IDENTICAL_DB
from ._parts import Division, OutputStatistics, PartMeasure, divisions
from ._reason import reason
from ._request import Sample

NOISE_SAMPLES = 4

_LIMITS_APART = 8
"""The standard deviations between the limits of noise: the largest of a few thousand normal values is 4 away."""


class Measured(Protocol):
    """What says of an output whether it holds whole numbers."""

    @property
    def equal(self) -> float | None:
        """The share of equal ones of them; None if it does not."""
        ...


AnyMeasure = TypeVar("AnyMeasure", bound=Measured)


@dataclass(frozen=True, slots=True)
class Measurement:
    """The lowest SQNR over the outputs in dB (None: an output is not finite), what it was measured on, and whose it is.

    Outputs of whole numbers count if there are no others.
    `output` is the output that has it; None where that is not known, as of a recipe. `outputs` are all of them.
    `detections` counts the objects that both find, if the outputs look like a detector's.
    """

    sqnr_db: float | None
    measured_on: str
    output: str | None = None
    outputs: tuple["OutputMeasure", ...] = ()
    detections: DetectionMeasure | None = None

    @property
    def worst_part(self) -> "tuple[OutputMeasure, PartMeasure] | None":
        """The part of an output with the lowest SQNR; None if every output is of one piece."""
        parts = [(output, part) for output in self.outputs for part in output.parts]
        return min(parts, key=lambda pair: -math.inf if pair[1].sqnr_db is None else pair[1].sqnr_db, default=None)


@dataclass(frozen=True, slots=True)
class OutputMeasure:
    """An output's SQNR in dB (None: not finite) and that of its parts, if it has any.

    `equal` is the share of equal values, 0 to 1, of an output of whole numbers, such as indices; None for others.
    `constant`: the float model gave the same for all samples, so that the figures say nothing of others.
    """

    name: str
    sqnr_db: float | None
    parts: tuple[PartMeasure, ...]
    equal: float | None = None
    constant: bool = False


def real_outputs(outputs: Sequence[AnyMeasure]) -> Sequence[AnyMeasure]:
    """Return the outputs of real numbers, which alone an SQNR judges; all, if there are none."""
    return [output for output in outputs if output.equal is None] or outputs


def _lowest_of(outputs: Sequence[OutputMeasure]) -> float:
    """Return the lowest SQNR of an output or a part of one, in dB; -300 if it is not finite."""
    outputs = real_outputs(outputs)
    figures = [output.sqnr_db for output in outputs]
    figures += [part.sqnr_db for output in outputs for part in output.parts]
    return min((-IDENTICAL_DB if figure is None else figure for figure in figures), default=-IDENTICAL_DB)


ON_KEPT_ASIDE = "held-back samples, which did not calibrate"
ON_HELD_BACK = "held-back samples, before they joined the calibration"
ON_CALIBRATION = "the calibration samples themselves (fewer than 10 were given)"
ON_DATA = "the data given"
ON_PROBES = "the example inputs and seeded random ones (no data was given)"
ON_NOISE = "seeded random inputs (no data was given)"


Answers = Sequence[NDArray[Any]]
"""What the float hub computes from a sample, all of its outputs."""

Pair = tuple[Sequence[NDArray[Any]], Answers]  # a sample's inputs, and the float hub's answers


class FloatHub:
    """A float hub, and how what others compute differs from its answers.

    It is opened when it is first needed: what was opened before may have ended the engines' process.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._divisions: list[Division | None] | None = None

    @cached_property
    def _model(self) -> Evaluator:
        return open_model(self._path)

    def answers(self, samples: Iterable[Sample]) -> Iterator[Pair]:
        """Yield each sample's inputs in the model's order, and its answers."""
        for sample in samples:
            inputs = self.in_order(sample)
            yield inputs, _run(self._model, inputs)

    def in_order(self, sample: Sample) -> list[NDArray[Any]]:
        """Return a sample's inputs in the model's order."""
        return [sample[spec.name] for spec in self._model.inputs]

    def measure(self, quantized: Path, samples: Iterable[Sample], measured_on: str) -> Measurement:
        """Run both models on the samples, one at a time, and compare them output by output."""
        comparison, agreement = self.comparison(open_model(quantized)), DetectionAgreement()
        for pair in self.answers(samples):
            agreement.update(pair[1], comparison.add(pair))
        measures = comparison.outputs
        worst = min(real_outputs(measures), key=lambda one: -math.inf if one.sqnr_db is None else one.sqnr_db)
        return Measurement(worst.sqnr_db, measured_on, worst.name, measures, agreement.measure)

    def comparison(self, test: Evaluator) -> "_Comparison":
        """Return what compares a model with this hub."""
        return _Comparison(test, [spec.name for spec in self._model.outputs], self._divided)

    def _divided(self, inputs: Sequence[NDArray[Any]]) -> list[Division | None]:
        """Return how the outputs are joined from parts, for inputs of these shapes."""
        if self._divisions is None:
            shapes = {spec.name: array.shape for spec, array in zip(self._model.inputs, inputs, strict=True)}
            self._divisions = divisions(self._path, len(self._model.outputs), shapes)
        return self._divisions


class _Comparison:
    """A model's outputs beside a hub's answers, sample by sample."""

    def __init__(
        self, test: Evaluator, names: Sequence[str], divided: Callable[[Sequence[NDArray[Any]]], list[Division | None]]
    ) -> None:
        self._test, self._names, self._divided = test, names, divided
        self._statistics: list[OutputStatistics] = []

    def add(self, pair: Pair) -> list[NDArray[Any]]:
        """Run the model on a sample and take note of what it answers; return that."""
        inputs, expected = pair
        computed = _run(self._test, inputs)
        if not self._statistics:
            self._statistics = [OutputStatistics(division) for division in self._divided(inputs)]
        for outcome, *both in zip(self._statistics, expected, computed, strict=True):
            outcome.update(*both)
        return computed

    def join(self, other: "_Comparison") -> None:
        """Take note of what another has seen of the model."""
        self._statistics = self._statistics or [OutputStatistics() for _ in other._statistics]
        for own, theirs in zip(self._statistics, other._statistics, strict=True):
            own.add(theirs)

    @property
    def outputs(self) -> tuple[OutputMeasure, ...]:
        """The outputs' errors so far; of no samples they are none at all."""
        statistics = self._statistics or [OutputStatistics() for _ in self._names]
        return tuple(
            OutputMeasure(name, _finite(outcome.whole.sqnr_db), outcome.parts, outcome.equal, outcome.constant)
            for outcome, name in zip(statistics, self._names, strict=True)
        )


THIRDS = 3
"""Into so many stretches the samples are divided, on which the gain of a better model has to be alike."""

LOST_OF_WON = 1 / 3
"""On one third it may lose so much of the dB that it wins on another.

The SQNR of a classifier or of a detector is that of its few doubtful samples, and among dozens of alternatives one is
always lucky with these. Of 42 that were better by 0.2 dB on 24 samples of nine published networks 16 were worse on
others; of the 28 among them that this leaves, 8 were, and all together win 2.5 dB more. Where no loss at all was
allowed, they won less again, and a voice detector, whose samples are unlike, lost 9 dB that it could have had.
"""

CLEARLY_DB = 0.5
"""What is worse by more on the first third is not looked at any longer."""


GLANCE, HOPELESS_DB = 3, 1.0
"""After so many samples a model that is so much worse is not looked at any longer."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The lowest SQNR of a model's outputs and parts in dB: on each third looked at, and on all so many samples.

    `glance_db` is that on the first few samples; the thirds are empty where that was hopeless.
    """

    glance_db: float
    thirds: tuple[float, ...]
    lowest_db: float
    samples: int

    def beats(self, other: "Standing", margin: float) -> bool:
        """Tell whether the SQNR is higher by a margin, in dB, on the same samples, and on no third much lower."""
        if self.samples != other.samples or self.lowest_db < other.lowest_db + margin:
            return False
        gains = [own - theirs for own, theirs in zip(self.thirds, other.thirds, strict=True)]
        return -min(gains) <= LOST_OF_WON * max(gains)


class Reference:
    """A float hub's answers to some samples, which are its inputs by name: what several models are measured against.

    `answers` are those that are known.
    """

    def __init__(self, hub: FloatHub, samples: Sequence[Sample], answers: Sequence[Answers] | None = None) -> None:
        self._hub = hub
        if answers is not None and len(answers) == len(samples):
            pairs: list[Pair] = [(self._hub.in_order(one), known) for one, known in zip(samples, answers, strict=True)]
        else:
            pairs = list(self._hub.answers(samples))
        size = -(-len(pairs) // THIRDS)
        self._thirds = [pairs[start : start + size] for start in range(0, len(pairs), max(size, 1))]

    def on_first_third(self, quantized: Path) -> tuple[float, int]:
        """Return the lowest SQNR of a model's outputs and parts on the first third of the samples, and how many it has.

        It is the first of `Standing.thirds`.
        """
        comparison = self._hub.comparison(open_fast(quantized))
        for pair in self._thirds[0]:
            comparison.add(pair)
        return _lowest_of(comparison.outputs), len(self._thirds[0])

    def stand(self, quantized: Path, best: Standing | None) -> Standing:
        """Run a model on the samples, or on the first third where it is clearly worse than the best, or hopeless."""
        test, seen, glance_db = open_fast(quantized), 0, -IDENTICAL_DB
        whole, figures = self._hub.comparison(test), list[float]()
        for third in self._thirds:
            own = self._hub.comparison(test)
            for pair in third:
                one = self._hub.comparison(test)
                one.add(pair)
                whole.join(one)
                own.join(one)
                seen += 1
                if seen == GLANCE:
                    glance_db = _lowest_of(whole.outputs)
                    if best is not None and glance_db < best.glance_db - HOPELESS_DB:
                        return Standing(glance_db, (), glance_db, seen)
            figures.append(_lowest_of(own.outputs))
            if best is not None and figures[0] < best.thirds[0] - CLEARLY_DB:
                break
        return Standing(glance_db, tuple(figures), _lowest_of(whole.outputs), seen)


def measure(hub: Path, quantized: Path, samples: Iterable[Sample], measured_on: str) -> Measurement:
    """Run both models on the samples, the hub's inputs by name, one at a time, and compare them output by output."""
    return FloatHub(hub).measure(quantized, samples, measured_on)


def _run(model: Evaluator, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    try:
        return model.run_real(inputs)
    except (RuntimeError, ValueError) as error:  # what both engines raise when an inference fails
        raise SourceError(f"The converted model cannot be run: {reason(error)}.") from error


def _finite(figure: float) -> float | None:
    return figure if math.isfinite(figure) else None


def noise_samples(
    inputs: Iterable[TensorInfo], limits: Sequence[tuple[float, float] | None] = (), count: int = NOISE_SAMPLES
) -> list[Sample]:
    """Return seeded samples: standard normal floats, zeros for integers (always a valid index).

    Floats whose `limits` are known, in the order of the inputs, are normal between them: as in most data, few are near
    the limits. Inputs that are all large would take the network where its calibration never was.
    """
    generator, specs = np.random.default_rng(0), list(inputs)
    known = [*limits, *[None] * (len(specs) - len(limits))]
    pairs = list(zip(specs, known, strict=True))
    return [{spec.name: _noise(spec, limit, generator) for spec, limit in pairs} for _ in range(count)]


def _noise(spec: TensorInfo, limit: tuple[float, float] | None, generator: np.random.Generator) -> NDArray[Any]:
    shape = probe_shape(spec.shape)
    if np.issubdtype(spec.dtype, np.floating):
        values = generator.standard_normal(shape)
        if limit is not None:
            low, high = limit
            values = np.clip((low + high) / 2 + values * (high - low) / _LIMITS_APART, low, high)
        return np.asarray(values).astype(spec.dtype)
    return np.zeros(shape, spec.dtype)
