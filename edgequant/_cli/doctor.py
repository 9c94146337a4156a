"""`edgequant doctor`: why int8 loses accuracy, and an int8 model that loses less."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ._images import ImagesOption, parse_images
from ._output import print_json, print_result, print_status
from ._source_options import (
    InputLayoutOption,
    InputShapeOption,
    InputValueOption,
    PerTensorOption,
    SourceArgument,
    WeightsOption,
)
from ._tables import print_table

if TYPE_CHECKING:
    from edgequant_converters.doctor import DoctorReport

EXAMPLE = """
**Examples**

`edgequant doctor net.keras -o net_int8.tflite --calibration samples.npy --data test.npy --labels labels.npy`

`edgequant doctor net.onnx -o net_int8.tflite --calibration samples.npy --budget 10% --max-layers 1`

`edgequant doctor net.onnx -o mended.tflite --calibration samples.npy --budget-ms 12 --bench board.json`

`edgequant convert net.keras -o net_int8.tflite --recipe net_int8.recipe.json`
"""


def doctor(
    source: SourceArgument,
    output: Annotated[Path, typer.Option("-o", "--output", help="int8 model to write: .tflite or .onnx.")],
    calibration: Annotated[str, typer.Option(help="Typical inputs: .npy, .npz, an image, or a folder of images.")],
    data: Annotated[
        str | None, typer.Option(help="Other inputs, to judge by; default: some calibration inputs.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help=".npy of one integer class index for each input of --data.")
    ] = None,
    budget: Annotated[
        str, typer.Option(help="How large layers off int8 may make the file: 5% over plain int8, or bytes.")
    ] = "5%",
    budget_ms: Annotated[
        float | None, typer.Option(help="How many milliseconds an inference may take by layers off int8 (.tflite).")
    ] = None,
    bench: Annotated[
        Path | None,
        typer.Option(help="With --budget-ms: what bench --host BOARD --json printed of an int8 model; for that board."),
    ] = None,
    max_layers: Annotated[int, typer.Option(help="How many layers may be int16x8 or float at most.")] = 2,
    recipe: Annotated[
        Path | None, typer.Option(help="Where to write the recipe; default: OUTPUT with the suffix .recipe.json.")
    ] = None,
    images: ImagesOption = None,
    io: Annotated[str | None, typer.Option(help="int8, uint8 or float inputs and outputs (.tflite only).")] = None,
    per_tensor: PerTensorOption = False,
    weights: WeightsOption = None,
    input_shape: InputShapeOption = None,
    input_value: InputValueOption = None,
    input_layout: InputLayoutOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Find why int8 loses accuracy, mend it step by step, and write the model and a recipe that repeats it."""
    from edgequant_converters.doctor import doctor as treat

    from ._progress import step_progress

    with step_progress(lines=True) as progress:
        report = treat(
            source,
            output,
            calibration=calibration,
            data=data,
            labels=labels,
            budget=budget,
            budget_ms=budget_ms,
            bench=bench,
            max_layers=max_layers,
            recipe=recipe,
            io=io,
            per_channel=not per_tensor,
            images=parse_images(images),
            weights=weights,
            input_shapes=input_shape or (),
            input_values=input_value or (),
            input_layout=input_layout,
            progress=progress,
        )
    if report.milliseconds is not None and report.milliseconds.missed:
        print_status(f"WARNING: the budget of {report.milliseconds.budget:g} ms is not kept", style="bold yellow")
    if as_json:
        print_json(report.to_dict())
    else:
        _print_report(report)
        options = {
            "weights": weights, "input-shape": input_shape, "input-value": input_value, "input-layout": input_layout,
        }  # fmt: skip
        again = ["edgequant convert", source, "-o", str(output), "--recipe", str(report.recipe)]
        for name, given in options.items():
            again += [f"--{name} {value}" for value in (given if isinstance(given, list) else [given]) if value]
        print_result(f"The same model again: {' '.join(again)}")


def _print_report(report: "DoctorReport") -> None:
    for finding in report.findings:
        print_result(f"- {finding}")
    judged = report.plain.accuracy is not None
    numbers = ("SQNR dB", "after", "accuracy", "after", "kept") if judged else ("SQNR dB", "after", "kept")
    rows = []
    for step in report.steps:
        scores = [_decibels(step.before.sqnr_db), _decibels(step.after.sqnr_db) if step.after else ""]
        if judged:
            scores += [_percent(step.before.accuracy), _percent(step.after.accuracy) if step.after else ""]
        rows.append((step.technique, step.what, *scores, "yes" if step.kept else "no" if step.after else ""))
    print_table(f"{report.source} → {report.output.name}", ("technique", "what"), numbers, rows)
    print_table(f"measured on {report.measured_on}", ("model",), _headings(judged), _verdict(report, judged))
    if (time := report.milliseconds) is not None:
        mended = "unknown" if time.mended is None else f"{time.mended:.4g} ms"
        print_result(f"- Of {time.budget:g} ms plain int8 takes {time.plain:.4g} ms, this model {mended}")
    for name, kind in report.off_int8.items():
        print_result(f"- {name} is {kind}")
    for limit in report.limits:
        print_result(f"- Limit: {limit}")


def _headings(judged: bool) -> tuple[str, ...]:
    return ("bytes", "SQNR dB", "accuracy") if judged else ("bytes", "SQNR dB")


def _verdict(report: "DoctorReport", judged: bool) -> list[tuple[str, ...]]:
    rows = [
        ("float32", f"{report.source_bytes:,}", "", _percent(report.float_accuracy)),
        ("plain int8", f"{report.plain_bytes:,}", _decibels(report.plain.sqnr_db), _percent(report.plain.accuracy)),
        ("this model", f"{report.bytes:,}", _decibels(report.mended.sqnr_db), _percent(report.mended.accuracy)),
    ]
    return [row if judged else row[:3] for row in rows]


def _decibels(value: float) -> str:
    from edgequant_converters import IDENTICAL_DB

    return "identical" if value >= IDENTICAL_DB else "not finite" if value <= -IDENTICAL_DB else f"{value:.1f}"


def _percent(fraction: float | None) -> str:
    return "" if fraction is None else f"{fraction:.2%}"
