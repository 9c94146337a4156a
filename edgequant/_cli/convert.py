"""`edgequant convert`: from a trained network to a model file."""

from itertools import chain, repeat
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgequant._errors import EdgequantError

from ._images import ImagesOption, parse_images
from ._output import print_json, print_status
from ._source_options import (
    InputLayoutOption,
    InputShapeOption,
    InputValueOption,
    PerTensorOption,
    SourceArgument,
    WeightsOption,
)
from ._tables import print_facts

if TYPE_CHECKING:
    from edgequant_converters import ConversionReport
    from edgequant_runtime import TensorInfo

EXAMPLE = """
**Examples**

`edgequant convert resnet.keras -o resnet_int8.tflite --quantize int8 --calibration samples.npy`

`edgequant convert zoo.lenet:LeNet --weights lenet.safetensors --input-shape 1,1,28,28 -o lenet.onnx --quantize dynamic`

`edgequant convert pets.keras -o pets.tflite -q int8 --calibration photos/ --images "size=96x96" --labels labels.txt`

`edgequant convert net.onnx -o net.tflite --quantize int8 --calibration photos/ --images "size=224x224 std=0.5"`
"""


def convert(
    source: SourceArgument,
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write: .tflite (LiteRT) or .onnx (ONNX).")],
    quantize: Annotated[
        str,
        typer.Option("-q", "--quantize", help="fp32, fp16, bf16, dynamic, int8, int16x8, weight-int8 or weight-int4."),
    ] = "fp32",
    calibration: Annotated[
        str | None,
        typer.Option(help="Typical inputs: .npy, .npz, an image, or a folder of images; int8 and int16x8 need them."),
    ] = None,
    calibration_method: Annotated[
        str | None, typer.Option(help="minmax, percentile or entropy; default: what is measured to be best.")
    ] = None,
    effort: Annotated[
        int, typer.Option(help="0 takes the smallest and largest values as they are, 1 measures alternatives.")
    ] = 1,
    images: ImagesOption = None,
    io: Annotated[
        str | None, typer.Option(help="int8, uint8, int16 or float inputs and outputs (full-integer .tflite only).")
    ] = None,
    keep_float: Annotated[
        str | None, typer.Option(metavar="REGEX", help="Operators whose type or name matches stay in float.")
    ] = None,
    strict_int8: Annotated[
        bool, typer.Option("--strict-int8", help="Leave nothing in float that has an int8 form, whatever it destroys.")
    ] = False,
    per_tensor: PerTensorOption = False,
    weights: WeightsOption = None,
    input_shape: InputShapeOption = None,
    input_value: InputValueOption = None,
    input_layout: InputLayoutOption = None,
    recipe: Annotated[
        Path | None, typer.Option(help="A recipe of `edgequant doctor` for this network: int8 as it says, again.")
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Names of the classes, one a line: a task.json is written beside the model."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Convert a trained network to LiteRT or ONNX, quantize it, and say what that did to it.

    Files are checked before a framework reads them, and a factory is code that is run: see docs/security.md.
    """
    from edgequant_converters import convert as convert_network

    from ._progress import step_progress

    if labels is not None and output.suffix.lower() != ".tflite":
        raise EdgequantError("--labels makes a task, which a .tflite model has: take -o MODEL.tflite.")
    with step_progress() as progress:
        report = convert_network(
            source,
            output,
            quantize=quantize,
            calibration=calibration,
            calibration_method=calibration_method,
            effort=effort,
            images=parse_images(images),
            io=io,
            keep_float=keep_float,
            strict_int8=strict_int8,
            per_channel=not per_tensor,
            weights=weights,
            input_shapes=input_shape or (),
            input_values=input_value or (),
            input_layout=input_layout,
            recipe=recipe,
            progress=progress,
        )
    if as_json:
        print_json(report.to_dict())
    else:
        _print_report(report)
    if labels is not None:
        from edgequant._task import write_task

        written = write_task(output, labels=labels, images=parse_images(images))
        print_status(f"Task written to {written.path}: edgequant run {output} photo.jpg")
    for warning in report.warnings:
        print_status(f"WARNING: {warning}", style="bold yellow")


def _print_report(report: "ConversionReport") -> None:
    facts = [
        ("network", report.source),
        ("model", str(report.output)),
        ("format", f"{report.quantize} {report.target}"),
        ("bytes", f"{report.bytes:,} ({report.ratio:.2f}x of {report.source_bytes:,} in float32)"),
        *(("input", _spec(spec)) for spec in report.inputs),
        *(("output", _spec(spec)) for spec in report.outputs),
        *_fidelity(report),
    ]
    if report.calibration_samples:
        facts.append(("calibrated on", f"{report.calibration_samples:,} samples"))
    facts += [
        ("its values", f"{one.name}  {one.low:.4g} to {one.high:.4g}, mean {one.mean:.4g}") for one in report.data
    ]
    facts += zip(chain(["measured"], repeat("")), _choices(report), strict=False)
    facts += zip(chain(["left in float"], repeat("")), _float_ops(report), strict=False)
    if (cost := report.kept_cost) is not None:
        macs, values = cost.macs / max(cost.all_macs, 1), cost.values / max(cost.all_values, 1)
        shares = f"{macs:.1%} of the multiply-accumulates and {values:.1%} of the values are computed in float"
        facts.append(("which costs", f"{cost.bytes:+,} bytes; {shares}"))
    facts.append(("took", f"{report.seconds:.1f} s"))
    print_facts(facts)


def _fidelity(report: "ConversionReport") -> list[tuple[str, str]]:
    """Return the lines on how far the written model is from the network; float32 has none but the import itself."""
    imported = f"{_decibels(report.import_sqnr_db)} against the network itself, on an example"
    if report.quantize == "fp32":
        return [("SQNR", imported)]
    return [
        ("float model", imported),
        *(("worst part", line) for line in _worst_part(report)),
        ("SQNR", _sqnr(report)),
        *(("constant", line) for line in _constant(report)),
        *(("equal", line) for line in _equal(report)),
        *(("objects", line) for line in _objects(report)),
    ]


def _decibels(sqnr_db: float) -> str:
    from edgequant_converters import IDENTICAL_DB

    return "identical" if sqnr_db >= IDENTICAL_DB else f"{sqnr_db:.1f} dB"


def _equal(report: "ConversionReport") -> list[str]:
    """Return a line on each output of whole numbers, of which an SQNR says little."""
    return [
        f"{output.equal:.2%} of the whole numbers of the output '{output.name}'"
        for output in report.output_measures
        if output.equal is not None
    ]


def _constant(report: "ConversionReport") -> list[str]:
    """Return a line on each output of which the figures say nothing."""
    return [
        f"the output '{output.name}' never varies over these samples: its figures say nothing of others"
        for output in report.output_measures
        if output.constant
    ]


def _objects(report: "ConversionReport") -> list[str]:
    """Return the line on a detector's objects."""
    counts = report.detections
    if counts is None:
        return []
    return [f"{counts.found} of {counts.reference} found at IoU 0.5 with scores above 0.25, and {counts.others} others"]


def _choices(report: "ConversionReport") -> list[str]:
    """Return a line for each alternative that was measured."""
    most = max((step.samples for step in report.choices), default=0)
    return [
        f"{step.what}: {step.sqnr_db:.1f} dB"
        + (", taken" if step.taken else "" if step.samples == most else f" after {step.samples} samples")
        for step in report.choices
    ]


def _spec(spec: "TensorInfo") -> str:
    from edgequant._data import in_words

    quantized = "" if spec.scale is None else f"  scale {spec.scale:.6g}, zero point {spec.zero_point}"
    return f"{spec.name}  {in_words(spec.shape)} {spec.dtype}{quantized}"


def _worst_part(report: "ConversionReport") -> list[str]:
    """Return the line on the part of an output that lost most; none if all outputs are of one piece."""
    parts = [(output, part) for output in report.output_measures for part in output.parts]
    if not parts:
        return []
    output, part = min(parts, key=lambda pair: -inf if pair[1].sqnr_db is None else pair[1].sqnr_db)
    figure = "not finite" if part.sqnr_db is None else f"{part.sqnr_db:.1f} dB"
    return [f"{figure}: '{part.name}' of the output '{output.name}', values {part.range[0]:.4g} to {part.range[1]:.4g}"]


def _sqnr(report: "ConversionReport") -> str:
    several = len(report.outputs) > 1 and report.sqnr_output is not None
    whose = f" of the output '{report.sqnr_output}', the lowest of {len(report.outputs)}" if several else ""
    if report.sqnr_db is None:
        return f"not finite{whose}, on {report.sqnr_measured_on}"
    return f"{_decibels(report.sqnr_db)}{whose} against float32, on {report.sqnr_measured_on}"


def _float_ops(report: "ConversionReport") -> list[str]:
    if not report.float_ops:
        return ["nothing"]
    counts: dict[tuple[str, str], int] = {}
    for op in report.float_ops:
        counts[op.type, op.reason] = counts.get((op.type, op.reason), 0) + 1
    return [f"{count} {op_type}: {reason}" for (op_type, reason), count in counts.items()]
