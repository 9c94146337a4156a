"""How good a quantized model is: SQNR against the float hub and, where labels are given, accuracy."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgequant_converters._errors import CalibrationError
from edgequant_converters._evaluate import open_fast, open_model, to_own_type, to_real
from edgequant_converters._metrics import IDENTICAL_DB, ErrorStatistics, sqnr_db
from edgequant_converters._parts import divisions, is_whole
from edgequant_converters._request import Sample

from ._edits import Edit, SplitOutput

CERTAIN = 1.5
"""So many standard errors a gain is above 0."""

TYPICAL_DB = (-20.0, 100.0)
"""Limits of one sample's SQNR, so that none outweighs the others."""


Decibels = tuple[float, NDArray[np.float64]]
"""The SQNR of a part over all samples, and that of each sample."""


@dataclass(frozen=True, slots=True)
class Part:
    """Indices `start` to `stop` of one axis of one of the hub's outputs: what is judged by itself."""

    output: int
    axis: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Score:
    """How good a model is.

    `sqnr_db` is that of the worst output, or part of one, over all samples in dB (-300: not finite); outputs of whole
    numbers, such as indices, count only if there are no others. A few samples near
    a decision can make most of its error; `typical_db`, the mean of the samples' own SQNRs (each limited to -20 to 100
    dB), is the steadier figure to choose by. `accuracy` is from 0 to 1, None without labels. `each_db` has the figure
    of every sample's own worst part.
    """

    sqnr_db: float
    typical_db: float
    accuracy: float | None
    each_db: tuple[float, ...] = ()

    @property
    def merit(self) -> float:
        """Return what alternatives are compared by, in dB: the mean of both figures."""
        return (self.sqnr_db + self.typical_db) / 2

    def gains_on(self, other: "Score") -> bool:
        """Tell whether the same samples are better on average, by more than chance explains.

        By one and a half standard errors of the mean, that is: eight steps are tried, and one that gained 0.1 dB on six
        samples by luck cost 0.4 on others.
        """
        gains = np.subtract(self.each_db, other.each_db)
        if len(gains) < 2:  # which is all there is to go by
            return True
        return float(gains.mean()) >= CERTAIN * float(gains.std(ddof=1)) / math.sqrt(len(gains))


class Judge:
    """Holds samples, the float hub's answers to them, and perhaps the right ones."""

    def __init__(
        self,
        hub: Path,
        samples: Sequence[Sample],
        labels: NDArray[np.int64] | None = None,
        parts: Sequence[Part] = (),
    ) -> None:
        model = open_model(hub)
        self._inputs = [[sample[spec.name] for spec in model.inputs] for sample in samples]
        self._expected = [model.run_real(inputs) for inputs in self._inputs]
        self._parts, self._labels = tuple(parts), labels
        # Of indices and decisions an SQNR says little: they are judged only if there is nothing else.
        real = [number for number, output in enumerate(self._expected[0]) if not is_whole(output)]
        judged, divided = real or range(len(model.outputs)), {part.output for part in self._parts}
        self._undivided = [number for number in judged if number not in divided]
        shapes = {spec.name: array.shape for spec, array in zip(model.inputs, self._inputs[0], strict=True)}
        self._divisions = divisions(hub, len(model.outputs), shapes)
        self._scores = None if labels is None else _class_scores(self._expected[0])
        self.reference = Score(IDENTICAL_DB, TYPICAL_DB[1], self._accuracy(self._expected))

    def measure(self, model: Path, edits: Sequence[Edit] = ()) -> Score:
        """Run a model, whose outputs the `edits` may have split, on all samples."""
        opened = open_fast(model)
        computed = [joined(opened.run_real(inputs), edits) for inputs in self._inputs]
        worst, typical, each = self._worst(computed)
        return Score(worst, typical, self._accuracy(computed), each)

    def ceiling_db(self, model: Path, edits: Sequence[Edit] = ()) -> float:
        """Return the SQNR of the hub's own answers, written in the number format of a model's outputs.

        However good the model is inside, its outputs cannot say it more exactly than that.
        """
        specs = open_model(model).outputs
        stored = [
            [to_real(to_own_type(y, s), s) for y, s in zip(split(outputs, edits), specs, strict=True)]
            for outputs in self._expected
        ]
        return self._worst([joined(outputs, edits) for outputs in stored])[0]

    def input_ceiling_db(self, hub: Path, model: Path) -> float:
        """Return the SQNR of the hub itself when it gets its inputs in the number format of a model's inputs."""
        specs, opened = open_model(model).inputs, open_model(hub)
        stored = [
            [to_real(to_own_type(x, s), s).astype(x.dtype) for x, s in zip(inputs, specs, strict=True)]
            for inputs in self._inputs
        ]
        return self._worst([opened.run_real(inputs) for inputs in stored])[0]

    def _worst(self, computed: Sequence[Sequence[NDArray[Any]]]) -> tuple[float, float, tuple[float, ...]]:
        """Return the SQNR over all samples, the samples' mean one, and that of each, all of the worst part."""
        found = [self._decibels(part, computed) for part in self._parts]
        for output in self._undivided:
            found += self._by_division(output, computed)
        together, own = zip(*found, strict=True)
        return min(together), min(float(np.mean(part)) for part in own), tuple(np.min(own, axis=0).tolist())

    def _by_division(self, output: int, computed: Sequence[Sequence[NDArray[Any]]]) -> Iterator[Decibels]:
        """Yield the figures of the parts that were joined into an output; of all of it, if there are none."""
        division, shape = self._divisions[output], self._expected[0][output].shape
        if division is None or not division.fits(shape):
            yield self._decibels(Part(output, 0, 0, _ALL), computed)
            return
        parts = [np.broadcast_to(division.labels == number, shape) for number in range(len(division.names))]
        # A part that is 0 in every sample has no figure; where all are, the output as a whole has.
        known = [places for places in parts if any(expected[output][places].any() for expected in self._expected)]
        if not known:
            yield self._decibels(Part(output, 0, 0, _ALL), computed)
        for places in known:
            yield self._decibels(Part(output, 0, 0, _ALL), computed, places)

    def _decibels(
        self, part: Part, computed: Sequence[Sequence[NDArray[Any]]], places: NDArray[np.bool_] | None = None
    ) -> Decibels:
        statistics, own = ErrorStatistics(), []
        for expected, outputs in zip(self._expected, computed, strict=True):
            pair = _cut(expected[part.output], part), _cut(outputs[part.output], part)
            pair = pair if places is None else (pair[0][places], pair[1].reshape(places.shape)[places])
            statistics.update(*pair)
            own.append(sqnr_db(*pair))
        if not np.isfinite(statistics.sqnr_db):
            return -IDENTICAL_DB, np.full(len(own), TYPICAL_DB[0])
        return statistics.sqnr_db, np.clip(own, *TYPICAL_DB)

    def _accuracy(self, computed: Sequence[Sequence[NDArray[Any]]]) -> float | None:
        if self._labels is None or self._scores is None:
            return None
        chosen = np.concatenate([outputs[self._scores].argmax(axis=1) for outputs in computed])
        if len(chosen) != len(self._labels):
            raise CalibrationError(
                f"There are {len(self._labels)} labels for {len(chosen)} samples: give one for each."
            )
        return float(np.mean(chosen == self._labels))


def joined(outputs: Sequence[NDArray[Any]], edits: Sequence[Edit]) -> list[NDArray[Any]]:
    """Return a model's outputs as the hub had them before any was split."""
    whole = list(outputs)
    for edit in reversed([edit for edit in edits if isinstance(edit, SplitOutput)]):
        count = len(edit.at) + 1
        parts = whole[edit.output : edit.output + count]
        whole[edit.output : edit.output + count] = [np.concatenate(parts, axis=edit.axis)]
    return whole


def split(outputs: Sequence[NDArray[Any]], edits: Sequence[Edit]) -> list[NDArray[Any]]:
    """Return the hub's outputs as a model has them after the edits split some."""
    parts = list(outputs)
    for edit in (edit for edit in edits if isinstance(edit, SplitOutput)):
        parts[edit.output : edit.output + 1] = np.split(parts[edit.output], edit.at, axis=edit.axis)
    return parts


def _class_scores(outputs: Sequence[NDArray[Any]]) -> int:
    for number, output in enumerate(outputs):
        if output.ndim == 2 and output.shape[1] > 1:
            return number
    raise CalibrationError(
        "No output has one score for each class, so labels say nothing of this model: leave them out."
    )


def _cut(output: NDArray[Any], part: Part) -> NDArray[Any]:
    if part.stop == _ALL:
        return output
    cut: NDArray[Any] = np.take(output, range(part.start, part.stop), axis=part.axis)
    return cut


_ALL = -1
