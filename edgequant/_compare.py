"""How far a model is from its reference on real data, and what that does to its decisions."""

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from edgequant_runtime.isolation import EngineProcess, engine_process
from numpy.typing import ArrayLike, NDArray

from edgequant._progress import Progress, silent

from ._data import batch_size, check_label_count, check_labels, data_spec, is_class_scores, read_labels
from ._errors import EdgequantError
from ._matching import Pair, match_inputs, match_outputs

if TYPE_CHECKING:
    from edgequant_converters import DetectionMeasure, ImagePreprocessing, OutputStatistics, PartMeasure


@dataclass(frozen=True, slots=True)
class OutputComparison:
    """One output, named as in the reference, over all samples.

    `sqnr_db` is in dB (300: identical), `max_abs_error` in the output's own unit, `cosine` from -1 to 1. All are None
    if either model gave NaN or an infinity. `parts` are those that the output was joined from, or that have very
    different ranges, each with its own SQNR; empty if it is of one piece. `equal` is the share of equal values, 0
    to 1, of an output of whole numbers, such as indices, of which an SQNR says little; None for others. `constant`: the
    reference gave the same for all samples, so that the figures say nothing of others.
    """

    name: str
    sqnr_db: float | None
    max_abs_error: float | None
    cosine: float | None
    parts: "tuple[PartMeasure, ...]"
    equal: float | None = None
    constant: bool = False


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Fractions of the samples, 0 to 1, judged by the highest score of `output`.

    `reference` and `model`: the class is the label's; None without labels. `agreement`: both models choose the same
    class. All are None if no output has one score for each of several classes.
    """

    output: str | None
    reference: float | None
    model: float | None
    agreement: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What `compare` found; `detections` counts the objects that both models find, if they look like detectors."""

    outputs: tuple[OutputComparison, ...]
    accuracy: Accuracy
    samples: int
    detections: "DetectionMeasure | None" = None

    @property
    def worst_sqnr_db(self) -> float | None:
        """The SQNR of the worst output of real numbers, or part of one; None if one is not finite."""
        from edgequant_converters import real_outputs

        outputs = real_outputs(self.outputs)
        sqnrs = [output.sqnr_db for output in outputs]
        sqnrs += [part.sqnr_db for output in outputs for part in output.parts]
        known = [value for value in sqnrs if value is not None]
        return min(known) if known == sqnrs else None

    @property
    def lowest_equal(self) -> float | None:
        """The lowest share of equal values of an output of whole numbers, 0 to 1; None if there is none."""
        return min((output.equal for output in self.outputs if output.equal is not None), default=None)

    @property
    def constants(self) -> tuple[str, ...]:
        """The outputs that the reference never varies over the samples."""
        return tuple(output.name for output in self.outputs if output.constant)

    def to_dict(self) -> dict[str, Any]:
        """Return what `edgequant compare --json` prints; an end of a range that is not finite is null."""
        document = asdict(self)
        for output in document["outputs"]:
            for part in output["parts"]:
                part["range"] = [end if math.isfinite(end) else None for end in part["range"]]
        return document


def compare(
    reference: str | os.PathLike[str],
    model: str | os.PathLike[str],
    data: "str | os.PathLike[str] | Mapping[str, Any] | Iterable[Any]",
    *,
    labels: "str | os.PathLike[str] | ArrayLike | None" = None,
    images: "ImagePreprocessing | None" = None,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    precision: str = "float32",
    progress: Progress = silent,
) -> Comparison:
    """Run two models, each .tflite or .onnx, on the same samples and compare their outputs.

    `data` holds real values in the reference's input range: a .npy or .npz file, a folder of images (with `images`),
    arrays, or an iterable of samples; it is read one sample at a time. Quantized inputs and outputs are converted at
    the edge. Inputs and outputs are matched by name, or else by position, or else by shape. `labels` are integers, one
    class index for each sample: an array, or a .npy file of one. `input_shapes` are those to open both models with, as
    for Session, and `precision` that of `model` alone.

    Raises SessionError, ConverterError (the data) or EdgequantError (models that do not match, labels).
    """
    with engine_process() as process:
        return _compare(process, (reference, model), data, labels, images, input_shapes, precision, progress)


def _compare(
    process: EngineProcess,
    models: "tuple[str | os.PathLike[str], str | os.PathLike[str]]",
    data: Any,
    labels: Any,
    images: "ImagePreprocessing | None",
    input_shapes: Mapping[str, Sequence[int]] | None,
    precision: str,
    progress: Progress,
) -> Comparison:
    from edgequant_converters import DetectionAgreement, OutputStatistics, divisions
    from edgequant_converters.calibration import open_data

    sessions = [
        process.open(models[0], input_shapes=input_shapes),
        process.open(models[1], input_shapes=input_shapes, precision=precision),
    ]
    inputs = match_inputs(sessions[0].inputs, sessions[1].inputs)
    outputs = match_outputs(sessions[0].outputs, sessions[1].outputs)
    source = open_data(data, [data_spec(pair.tightened) for pair in inputs], images=images)
    classes = None if labels is None else read_labels(labels)
    if classes is not None and source.count is not None and all(_runs_one_sample(pair) for pair in inputs):
        check_label_count(classes, source.count)  # told before the run, not after it
    statistics = [OutputStatistics() for _ in outputs]
    decisions, agreement, samples = _Decisions(), DetectionAgreement(), 0
    for sample in source:
        if not samples:
            names = [info.name for info in sessions[0].outputs]
            shapes = {name: array.shape for name, array in sample.items()}
            found = dict(zip(names, divisions(Path(models[0]), len(names), shapes), strict=True))
            statistics = [OutputStatistics(found[pair.reference.name]) for pair in outputs]
        expected = sessions[0].run(sample)
        computed = sessions[1].run({pair.model.name: sample[pair.reference.name] for pair in inputs})
        both = [(pair, expected[pair.reference.name], computed[pair.model.name]) for pair in outputs]
        rows = [pair.rows(ours, theirs, batch_size(sample)) for pair, ours, theirs in both]
        for outcome, (reference_rows, model_rows) in zip(statistics, rows, strict=True):
            outcome.update(reference_rows, model_rows)
        agreement.update([ours for _, ours, _ in both], [theirs for _, _, theirs in both])
        decisions.add(rows)
        samples += len(rows[0][0])
        progress("comparing", samples, source.count)
    names = [pair.reference.name for pair in outputs]
    measured = tuple(_output_comparison(name, outcome) for name, outcome in zip(names, statistics, strict=True))
    return Comparison(measured, decisions.accuracy(names, classes), samples, agreement.measure)


def _runs_one_sample(pair: Pair) -> bool:
    shape = pair.tightened.shape
    return len(shape) < 2 or shape[0] in (-1, 1)


class _Decisions:
    """The classes that both models chose, sample by sample, by the first output that has class scores."""

    def __init__(self) -> None:
        self._judged: int | None = None
        self._classes = 0
        self._chosen: list[NDArray[np.intp]] = []  # (2, samples of a run): the reference's and the model's

    def add(self, outputs: Sequence[tuple[NDArray[Any], NDArray[Any]]]) -> None:
        """Note the choices of one run."""
        if not self._classes:
            scores = (index for index, (rows, _) in enumerate(outputs) if is_class_scores(rows))
            self._judged = next(scores, None)
            self._classes = 1 if self._judged is None else outputs[self._judged][0].shape[1]
        if self._judged is not None:
            self._chosen.append(np.stack([rows.argmax(axis=1) for rows in outputs[self._judged]]))

    def accuracy(self, names: Sequence[str], labels: NDArray[np.int64] | None) -> Accuracy:
        """Return the fractions; raises EdgequantError if there are labels that do not fit."""
        if self._judged is None:
            if labels is not None:
                raise EdgequantError("No output has one score for each class, so labels say nothing of these models.")
            return Accuracy(None, None, None, None)
        reference, model = np.concatenate(self._chosen, axis=1)
        agreement = float(np.mean(reference == model))
        if labels is None:
            return Accuracy(names[self._judged], None, None, agreement)
        check_labels(labels, len(reference), self._classes)
        correct = float(np.mean(reference == labels)), float(np.mean(model == labels))
        return Accuracy(names[self._judged], *correct, agreement)


def _output_comparison(name: str, outcome: "OutputStatistics") -> OutputComparison:
    measures = (outcome.whole.sqnr_db, outcome.whole.max_abs_error, outcome.whole.cosine)
    sqnr, error, cosine = (value if math.isfinite(value) else None for value in measures)
    return OutputComparison(name, sqnr, error, cosine, outcome.parts, outcome.equal, outcome.constant)
