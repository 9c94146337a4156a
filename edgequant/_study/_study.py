"""Store a network's weights in each format, run it, and compare."""

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from edgequant._compare import compare
from edgequant._errors import EdgequantError
from edgequant._progress import Progress, silent

if TYPE_CHECKING:
    from edgequant_converters import ImagePreprocessing
    from edgequant_converters.stored import LayerLoss, StoredFormat
    from numpy.typing import ArrayLike

GROUP = 32
FLOATS = ("fp32", "fp16", "bf16")
INTEGERS = "int8 arithmetic"
CALIBRATION = 100
"""Samples of the data that calibrate int8 arithmetic where no others are given."""


@dataclass(frozen=True, slots=True)
class FormatResult:
    """The network in one format.

    `bytes` of all trained values with their scales, `ratio` to those in fp32. `accuracy` and `agreement` with fp32 are
    fractions of the samples, `sqnr_db` that of the worst output or part of one (300: identical), `weights_sqnr_db` that
    of the worst layer's weights; each is None where it is not known or not finite. `equal` is the share of equal values
    of the worst output of whole numbers, such as indices, which count in no SQNR; None if there is none. `beyond`
    counts the values that are too large for the format.
    """

    format: str
    arithmetic: Literal["float32", "int8"]
    bytes: int
    ratio: float
    accuracy: float | None
    agreement: float | None
    sqnr_db: float | None
    equal: float | None
    weights_sqnr_db: float | None
    beyond: int
    layers: "tuple[LayerLoss, ...]"


@dataclass(frozen=True, slots=True)
class FormatStudy:
    """What `study` found: fp32, the reference, first."""

    network: str
    parameters: int
    samples: int
    group_size: int
    calibrated_on: str
    results: tuple[FormatResult, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return what `edgequant study --json` prints; the keys are described in docs/study.md."""
        return asdict(self)


def study(
    source: Any,
    data: "str | os.PathLike[str] | Mapping[str, Any] | Iterable[Any]",
    *,
    labels: "str | os.PathLike[str] | ArrayLike | None" = None,
    images: "ImagePreprocessing | None" = None,
    calibration: "str | os.PathLike[str] | Iterable[Any] | None" = None,
    group_size: int = GROUP,
    example_inputs: Sequence[Any] | None = None,
    weights: str | os.PathLike[str] | None = None,
    input_shapes: Sequence[str] = (),
    html: str | os.PathLike[str] | None = None,
    progress: Progress = silent,
) -> FormatStudy:
    """Store a trained network's weights in each format, and say what that saves and costs.

    fp32, fp16, bf16, fp8 (both), int8 with one scale per tensor, channel and group, int4 per channel and group: weights
    are rounded to the format and widened again, and the network runs in float32. Last comes int8 arithmetic, as
    `convert(quantize="int8")` makes it.

    Args:
        source: a float network, as for `convert`.
        data: samples as for `compare`; it is read once for each format, so an iterator will not do.
        labels: one class index for each sample; accuracy is measured then.
        images: how a folder's images become inputs.
        calibration: samples for int8 arithmetic; absent, the first 100 of the data, which flatters it.
        group_size: weights that share a scale in the formats per group.
        example_inputs: of a torch module, as for `convert`.
        weights: of a factory, as for `convert`.
        input_shapes: of a factory or of free inputs, as for `convert`.
        html: page to write.
        progress: called with a step, what is done, and the total.

    Raises ConverterError, SessionError or EdgequantError, as `convert` and `compare` do; nothing is written then.

    """
    if isinstance(data, Iterator):
        raise EdgequantError("The data can be read only once, but each format needs it: give a list or a file.")
    if group_size < 1:
        raise EdgequantError(f"Groups of {group_size} weights make no sense: give 1 or more.")
    with tempfile.TemporaryDirectory(prefix="edgequant-") as folder:
        reference = Path(folder, "fp32.tflite")
        network = _write_float(source, reference, example_inputs, weights, input_shapes)
        judge = _Judge(reference, data, labels, images, progress)
        results = list(_stored(judge, group_size))
        arithmetic, calibrated_on = _arithmetic(judge, calibration, results)
        found = FormatStudy(network, judge.parameters, judge.samples, group_size, calibrated_on, (*results, arithmetic))
        if html is not None:
            from ._page import write_study

            write_study(Path(html), found, reference)
    return found


def _write_float(
    source: Any,
    reference: Path,
    example_inputs: Sequence[Any] | None,
    weights: str | os.PathLike[str] | None,
    input_shapes: Sequence[str],
) -> str:
    from edgequant_converters import convert

    _refuse_quantized(source)
    report = convert(source, reference, example_inputs=example_inputs, weights=weights, input_shapes=input_shapes)
    return report.source


def _refuse_quantized(source: Any) -> None:
    from edgequant._model_format import model_format

    path = Path(source) if isinstance(source, (str, os.PathLike)) else None
    if path is None or path.suffix.lower() not in (".tflite", ".onnx") or not path.exists():
        return
    if model_format(path) not in (*FLOATS, None):
        raise EdgequantError(f"{path.name} is quantized already: study takes the float network that it was made from.")


@dataclass
class _Judge:
    """Runs models on the data, beside the reference."""

    reference: Path
    data: Any
    labels: Any
    images: "ImagePreprocessing | None"
    progress: Progress
    parameters: int = 0
    samples: int = 0
    full: int = 0

    def judge(self, name: str, model: Path) -> tuple[float | None, float | None, float | None, float | None]:
        """Return accuracy, agreement, the worst SQNR and the lowest share of equal whole numbers of a model."""

        def named(step: str, done: int, total: int | None) -> None:
            self.progress(f"{step} {name}", done, total)

        found = compare(self.reference, model, self.data, labels=self.labels, images=self.images, progress=named)
        self.samples = found.samples
        return found.accuracy.model, found.accuracy.agreement, found.worst_sqnr_db, found.lowest_equal


def _stored(judge: _Judge, group_size: int) -> Iterator[FormatResult]:
    from edgequant_converters.stored import STORED_FORMATS, store_as

    for stored in STORED_FORMATS:
        model = judge.reference.with_name(f"{stored.name}.tflite")
        took = store_as(judge.reference, model, stored, group_size)
        judge.parameters, judge.full = took.values, judge.full or took.bytes
        worst = _worst(took.layers)
        yield FormatResult(
            _title(stored, group_size), "float32", took.bytes, took.bytes / max(judge.full, 1),
            *judge.judge(stored.name, model), worst, took.beyond, took.layers,
        )  # fmt: skip


def _title(stored: "StoredFormat", group_size: int) -> str:
    return f"{stored.name} of {group_size}" if stored.sharing == "group" else stored.name


def _worst(layers: "Sequence[LayerLoss]") -> float | None:
    losses = [layer.sqnr_db for layer in layers]
    known = [loss for loss in losses if loss is not None]
    return min(known) if known and known == losses else None


def _arithmetic(judge: _Judge, calibration: Any, stored: Sequence[FormatResult]) -> tuple[FormatResult, str]:
    """Return int8 arithmetic and what it was calibrated on; its weights are those of int8 per channel."""
    from edgequant_converters import convert

    model, own = judge.reference.with_name("int8.tflite"), calibration is None
    judge.progress("calibrating", 0, None)
    given = _first(judge) if own else calibration
    report = convert(judge.reference, model, quantize="int8", calibration=given, images=None if own else judge.images)
    weights = next(result for result in stored if result.format == "int8-channel")
    found = FormatResult(
        INTEGERS, "int8", _parameter_bytes(model), _parameter_bytes(model) / max(judge.full, 1),
        *judge.judge("int8", model), weights.weights_sqnr_db, 0, (),
    )  # fmt: skip
    where = f"the first {report.calibration_samples} samples of the data itself" if own else "the calibration data"
    return found, where


def _first(judge: _Judge) -> list[Any]:
    """Return the first samples of the data, each an array for every input by name."""
    from itertools import islice

    from edgequant_converters.calibration import open_data
    from edgequant_runtime.isolation import engine_process

    from edgequant._data import data_spec

    with engine_process() as process:
        specs = [data_spec(info) for info in process.open(judge.reference, threads=1).inputs]
    return list(islice(open_data(judge.data, specs, images=judge.images), CALIBRATION))


def _parameter_bytes(model: Path) -> int:
    """Return the bytes of a quantized model's trained values with their scales, each in float32."""
    from edgequant_converters.graph import read_graph

    parameters = [tensor for tensor in read_graph(model).tensors if tensor.is_parameter]
    return sum(tensor.bytes + 4 * len(tensor.scales) for tensor in parameters)
