"""`edgequant report`: a family of models on one page."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ._images import ImagesOption
from ._output import print_json, print_result, print_status
from ._tables import print_table

if TYPE_CHECKING:
    from edgequant._report import FamilyReport

# Spelled out once more: importing it would load numpy at each start of the program.
Worth = Literal["accuracy", "agreement", "sqnr_db"]

EXAMPLE = """
**Examples**

`edgequant report fp32.tflite fp16.tflite int8.tflite --data test.npy --labels labels.npy -o report.html`

`edgequant report fp32.tflite int8.tflite --data test.npy --board pi-zero-2-w --measured pi4=bench-on-pi4.json`
"""


def report(
    reference: Annotated[Path, typer.Argument(help="The model to hold the others against: .tflite or .onnx.")],
    models: Annotated[list[Path], typer.Argument(metavar="MODEL...", help="The other models: .tflite and .onnx.")],
    data: Annotated[
        Path, typer.Option(help=".npy or .npz whose first axis counts samples, an image, or a folder of images.")
    ],
    labels: Annotated[Path | None, typer.Option(help=".npy of one integer class index for each sample.")] = None,
    images: ImagesOption = None,
    worth: Annotated[
        Worth | None, typer.Option(help="Judge the models by this; by the first of the three that is known if absent.")
    ] = None,
    board: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Recommend for this board too, as pi4; repeatable.")
    ] = None,
    measured: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]FILE",
            help="What 'edgequant bench --json' wrote on a device of that name, as pi4=bench.json; repeatable.",
        ),
    ] = None,
    threads: Annotated[
        list[int] | None, typer.Option(help="Threads to time with here; repeatable, the fastest counts.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="How long to time here, all models together; 10 if absent.")
    ] = None,
    no_bench: Annotated[bool, typer.Option("--no-bench", help="Do not time the models on this machine.")] = False,
    made_by: Annotated[
        list[str] | None,
        typer.Option(metavar="COMMAND", help="A command that made the files, for the page; repeatable."),
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="The page to write.")] = Path("report.html"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Put a family of models on one page: sizes, accuracy, latencies, what to take where, and the commands."""
    from edgequant._report import report as make_report

    from ._progress import step_progress

    with step_progress() as progress:
        result = make_report(
            reference, models, data, labels=labels, images=images, worth=worth, boards=board or (),
            measured=measured or (), threads=threads or (), seconds=seconds, timed=not no_bench, made_by=made_by or (),
            html=output, progress=progress,
        )  # fmt: skip
    if as_json:
        print_json({**result.to_dict(), "page": str(output)})
        return
    _print(result)
    print_result(f"Page: {output.resolve()}")


def _print(result: "FamilyReport") -> None:
    from edgequant import _figures as figures

    devices = list(dict.fromkeys(latency.device for model in result.models for latency in model.latencies))
    rows = []
    for model in result.models:
        latencies = [(latency and figures.time(latency.median_us)) or "n/a" for latency in map(model.latency, devices)]
        worths = (figures.percent(model.accuracy), figures.percent(model.agreement), figures.decibels(model.sqnr_db))
        rows.append((model.file, model.format or "?", f"{model.bytes:,}", f"{model.ratio:.2f}", *worths, *latencies))
    numbers = ("bytes", "of reference", "accuracy", "agreement", "SQNR", *devices)
    print_table(f"{result.samples:,} sample{'s' * (result.samples != 1)}", ("file", "format"), numbers, rows)
    for sentence in result.summary:
        print_result(sentence)
    for note in result.notes:
        print_status(f"! {note}", style="yellow")
    for device in result.devices:
        engine = f" with {device.engine}" if device.engine else ""
        print_result(f"{device.name}: {device.format}{engine}")
