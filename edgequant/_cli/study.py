"""`edgequant study`: one network in every number format."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ._images import ImagesOption, parse_images
from ._output import print_json, print_result
from ._source_options import InputShapeOption, SourceArgument, WeightsOption
from ._tables import print_table

if TYPE_CHECKING:
    from edgequant._study import FormatStudy

EXAMPLE = """
**Examples**

`edgequant study mlp.onnx --data test.npy --labels labels.npy -o study.html`

`edgequant study zoo.lenet:LeNet --weights lenet.safetensors --input-shape 1,1,28,28 --data test.npy`
"""


def study(
    source: SourceArgument,
    data: Annotated[str, typer.Option(help=".npy or .npz whose first axis counts samples, or a folder of images.")],
    labels: Annotated[Path | None, typer.Option(help=".npy of one integer class index for each sample.")] = None,
    images: ImagesOption = None,
    calibration: Annotated[
        str | None, typer.Option(help="Samples to calibrate int8 arithmetic with; the first 100 of the data if absent.")
    ] = None,
    group_size: Annotated[int, typer.Option(help="Weights that share a scale in the formats per group.")] = 32,
    weights: WeightsOption = None,
    input_shape: InputShapeOption = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="A page to write, with pictures.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Store a network's weights in fp32, fp16, bf16, fp8, int8 and int4; show what each saves and costs."""
    from edgequant._study import study as study_formats

    from ._progress import step_progress

    with step_progress() as progress:
        result = study_formats(
            source, data, labels=labels, images=parse_images(images), calibration=calibration, group_size=group_size,
            weights=weights, input_shapes=input_shape or (), html=output, progress=progress,
        )  # fmt: skip
    if as_json:
        print_json({**result.to_dict(), "page": None if output is None else str(output)})
        return
    _print(result)
    if output is not None:
        print_result(f"Page: {output.resolve()}")


def _print(result: "FormatStudy") -> None:
    from edgequant._figures import decibels, percent
    from edgequant._study._words import findings

    by_accuracy = result.results[0].accuracy is not None
    rows = [
        (
            one.format,
            one.arithmetic,
            f"{one.bytes:,}",
            f"{one.ratio:.3f}",
            *([percent(one.accuracy)] if by_accuracy else []),
            percent(one.agreement),
            decibels(one.sqnr_db),
            decibels(one.weights_sqnr_db),
        )
        for one in result.results
    ]
    worths = (*(["accuracy"] if by_accuracy else []), "agreement", "SQNR", "weights' SQNR")
    title = f"{result.network}: {result.parameters:,} trained values, {result.samples:,} samples"
    print_table(title, ("weights in", "arithmetic"), ("bytes", "of fp32", *worths), rows)
    for sentence in findings(result):
        print_result(sentence)
    print_result(f"int8 arithmetic was calibrated on {result.calibrated_on}.")
