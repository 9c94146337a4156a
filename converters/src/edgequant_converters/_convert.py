"""The way from a trained network to a model file: import, calibrate, quantize, check, write."""

import os
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgequant_runtime.isolation import engine_process

from ._errors import CalibrationError, OutputError, UnsupportedError
from ._evaluate import open_model
from ._files import replacing
from ._float_hub import hub_in, keep_source, write_float_hub
from ._float_ops import cost_of_kept, left_in_float, was_quantized
from ._known import Known, how_equal, known_of
from ._naming import named_for_the_user
from ._quantize_hub import Progress, Written, quantize_hub
from ._report import ConversionReport, warnings_for
from ._request import QuantizationRequest, check_keep_float, compile_keep_float
from ._schemes import Scheme, Target, check_available, parse_scheme, target_of
from ._states import drift_warnings
from .calibration import MINMAX, ImagePreprocessing, open_data, peek, range_collector
from .doctor import follow_recipe, load_recipe
from .graph import read_graph
from .quantizer import io_type
from .sources import Given, QuantizedSource, Source, TrainedSource, is_prepared
from .tflite import carry_attached_files


def convert(
    source: Any,
    output: str | os.PathLike[str],
    *,
    quantize: str = "fp32",
    calibration: str | os.PathLike[str] | Iterable[Any] | None = None,
    calibration_method: str | None = None,
    effort: int = 1,
    images: ImagePreprocessing | None = None,
    io: str | None = None,
    keep_float: str | None = None,
    strict_int8: bool = False,
    per_channel: bool = True,
    example_inputs: Sequence[Any] | None = None,
    weights: str | os.PathLike[str] | None = None,
    input_shapes: Sequence[str] = (),
    input_values: Sequence[str] = (),
    input_layout: str | None = None,
    recipe: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> ConversionReport:
    """Write a trained network as a LiteRT or ONNX model in the number format asked for.

    Args:
        source: a torch.nn.Module (with `example_inputs`, or made by `qat.prepare`), a Keras model, or a path: `.pt2`,
            `.keras`, `.h5`, `.onnx`, `.tflite`, a SavedModel folder; or "package.module:factory" (with `weights`
            and `input_shapes`).
        output: the file to write; its suffix, `.tflite` or `.onnx`, chooses the format.
        quantize: fp32, fp16, bf16, dynamic, int8, int16x8, weight-int8 or weight-int4.
        calibration: samples in the model's own input range (docs/data-files.md). int8 and int16x8 need them; the
            other formats, modules of `qat.prepare` and models with integer activations use them to measure the SQNR.
        calibration_method: minmax, percentile or entropy: how ranges follow from the activations seen; None: the one
            of minmax, percentile and least squares that is measured to be best.
        effort: 0 takes the smallest and largest values (or what `calibration_method` gives) as they are; 1 measures
            alternatives and lets biases make up for the rounding of weights.
        images: how the pictures of a calibration folder become input arrays.
        io: int8, uint8, int16 or float inputs and outputs of a full-integer LiteRT model; default: the scheme's own.
        keep_float: a regular expression; operators whose type or name it matches anywhere stay in float.
        strict_int8: give every operator its integer form, also those that lose what could be kept; else they, and
            outputs that one int8 scale would destroy, stay in float unless `io` asks for integers.
        per_channel: one weight scale per output channel (else one per tensor).
        example_inputs: tensors for the torch module's forward().
        weights: a safetensors file or a torch checkpoint for a factory's module.
        input_shapes: the factory's inputs, as "1,3,224,224" or "1,16:int64"; or the shapes of inputs that a file leaves
            free, as "image=1,3,320,320".
        input_values: inputs of an ONNX graph that become constants, as "sr=16000".
        input_layout: "nhwc" makes a torch or ONNX image network take channels-last input.
        recipe: a file that `doctor` wrote for this network; int8 is then made as it says, without calibration, and
            calibration data, if given, measures the SQNR.
        progress: called with (step, samples done, samples in all or None) as the work goes on.

    Returns:
        What was written and how far it is from the float model. The output appears, whole, only if all went well.

    Raises:
        SourceError: the network cannot be read, or is quantized already.
        UnsupportedError: this network or target cannot be written so; the message says what can.
        CalibrationError: calibration data is missing or does not fit.
        OutputError: the output cannot be written.

    """
    started = time.perf_counter()
    report_progress = progress or _silent
    destination = Path(output)
    target = target_of(destination)
    followed = None if recipe is None else load_recipe(recipe)
    if followed is not None:
        followed.check_request(target, quantize, io, keep_float, per_channel, calibration_method)
        quantize, io, keep_float, per_channel = "int8", followed.io, followed.kept_float, followed.per_channel
    scheme = parse_scheme(quantize)
    check_available(scheme, target)
    range_collector(calibration_method or MINMAX)  # an unknown method is told now, not after the import
    if effort not in (0, 1):
        raise UnsupportedError(f"{effort} is no effort: 0 takes ranges as they are seen, 1 measures alternatives.")
    request = QuantizationRequest(
        scheme,
        calibration_method,
        per_channel,
        compile_keep_float(keep_float),
        strict=strict_int8,
        effort=effort,
        free_outputs=io is None and not strict_int8,
    )
    given_io, io = io, _checked_io(scheme, target, io)
    may_know = is_prepared(source) or followed is not None or _may_be_quantized(source)
    _check_calibration(scheme, calibration, has_ranges=may_know)
    keep_source(source, destination)
    given = Given(source, example_inputs, weights, input_shapes, input_values, input_layout)
    sample, calibration = peek(calibration, images)
    with (
        _working_folder() as folder,
        replacing(destination) as temporary,
        named_for_the_user({temporary: destination.name, (hub := hub_in(folder, target)): "the float model"}),
        engine_process(),
    ):
        report_progress("importing", 0, None)
        network, import_sqnr_db = write_float_hub(given, hub, target, sample)
        if isinstance(network, TrainedSource):
            request = replace(request, learned=network.learned(request))
        known = known_of(network, hub, target, folder) if scheme.needs_calibration else None
        if known is not None:  # it stays as it was quantized
            request = replace(request, strict=True, free_outputs=False, as_it_was=True)
        _check_calibration(scheme, calibration, has_ranges=bool(known is not None or request.learned or followed))
        data = None if calibration is None else open_data(calibration, open_model(hub).inputs, images=images)
        if request.keep_float is not None and followed is None:
            check_keep_float(request.keep_float, [(op.type, op.name) for op in read_graph(hub).ops])
        if followed is None:
            done = quantize_hub(hub, temporary, target, request, io, data, report_progress, known)
        else:
            done = Written(0, follow_recipe(hub, temporary, followed, data), {})
        if target is Target.LITERT:
            carry_attached_files(source, temporary)
        written = open_model(temporary)
        size, source_size = temporary.stat().st_size, hub.stat().st_size
        cure = _cure(given_io if followed is None else None, strict_int8)
        float_ops, measurement = left_in_float(temporary, request, done.kept), done.measurement
        return ConversionReport(
            source=network.description,
            output=destination,
            target=target,
            quantize=scheme,
            bytes=size,
            source_bytes=source_size,
            inputs=written.inputs,
            outputs=written.outputs,
            float_ops=float_ops,
            import_sqnr_db=import_sqnr_db,
            kept_cost=cost_of_kept(temporary, done.kept, done.strict_bytes),
            sqnr_db=measurement.sqnr_db,
            sqnr_measured_on=measurement.measured_on,
            sqnr_output=measurement.output,
            output_measures=measurement.outputs,
            detections=measurement.detections,
            calibration_samples=done.calibrated,
            choices=done.choices,
            data=done.data,
            seconds=time.perf_counter() - started,
            warnings=(
                *done.mistakes,
                *_notes(network, known, temporary),
                *warnings_for(scheme, size, source_size, measurement, was_quantized(temporary), float_ops, cure),
                *drift_warnings(scheme, written.inputs, written.outputs, measurement),
            ),
        )


def _working_folder() -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(prefix="edgequant-")
    except OSError as error:
        raise OutputError(f"No room for working files in {tempfile.gettempdir()}: {error.strerror}.") from error


def _checked_io(scheme: Scheme, target: Target, io: str | None) -> str:
    if target is Target.ONNX:
        if io not in (None, "float"):
            raise UnsupportedError(f"{io} inputs and outputs are for .tflite; an ONNX model keeps float ones.")
        return "float"
    return io_type(scheme, io)


def _check_calibration(scheme: Scheme, calibration: Any, *, has_ranges: bool) -> None:
    if calibration is None and scheme.needs_calibration and not has_ranges:
        raise CalibrationError(
            f"{scheme} needs calibration data, a hundred or more typical inputs: give a .npy, .npz or image folder."
        )
    if isinstance(calibration, (str, os.PathLike)) and not Path(calibration).exists():
        raise CalibrationError(f"{calibration} does not exist: give a .npy, a .npz or a folder of images.")


def _may_be_quantized(source: Any) -> bool:
    """Tell whether the source may be a quantized model, which knows its ranges: a file, or a traced torch module."""
    if not isinstance(source, (str, os.PathLike)):
        return hasattr(source, "graph")
    return Path(source).suffix.lower() in (".tflite", ".onnx", ".pt2")


def _notes(network: Source, known: Known | None, written: Path) -> tuple[str, ...]:
    if not isinstance(network, QuantizedSource):
        return ()
    equal = how_equal(network, known, written) if known is not None else ""
    return (*network.notes, equal) if equal else network.notes


def _cure(io: str | None, strict: bool) -> str:
    """Return what mends an output whose parts share a scale."""
    if strict or io is not None:
        asked = " and ".join(
            name for name, given in (("--strict-int8", strict), (f"--io {io}", io is not None)) if given
        )
        return f"convert without {asked}, which keeps the join in float"
    return "keep the layer that makes it in float, with --keep-float, or try `edgequant doctor`"


def _silent(step: str, done: int, total: int | None) -> None:
    pass
