"""`edgequant compare`: what a conversion did to a model's outputs and decisions."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ._images import ImagesOption, parse_images
from ._output import print_json, print_result
from ._tables import print_table

if TYPE_CHECKING:
    from edgequant._compare import Accuracy, Comparison

EXAMPLE = """
**Examples**

`edgequant compare fp32.tflite int8.tflite --data test.npy --labels labels.npy`

`edgequant compare original.onnx quantized.tflite --data test.npz --json`
"""


def compare(
    reference: Annotated[Path, typer.Argument(help="The model to hold the other against: .tflite or .onnx.")],
    model: Annotated[Path, typer.Argument(help="The model in question: .tflite or .onnx.")],
    data: Annotated[Path, typer.Option(help=".npy or .npz whose first axis counts samples, or a folder of images.")],
    labels: Annotated[Path | None, typer.Option(help=".npy of one integer class index for each sample.")] = None,
    images: ImagesOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON.")] = False,
) -> None:
    """Run two models on the same data; print SQNR, largest error, cosine, agreement and accuracy."""
    from edgequant._compare import compare as compare_models

    from ._progress import step_progress

    with step_progress() as progress:
        result = compare_models(reference, model, data, labels=labels, images=parse_images(images), progress=progress)
    if as_json:
        print_json(result.to_dict())
        return
    _print_outputs(reference, model, result)
    for line in _accuracy_lines(result.accuracy):
        print_result(line)


def _print_outputs(reference: Path, model: Path, result: "Comparison") -> None:
    samples = f"{result.samples:,} sample{'s' * (result.samples != 1)}"
    rows = [
        (output.name, _sqnr(output.sqnr_db), _figure(output.max_abs_error, ".6g"), _figure(output.cosine, ".6f"))
        for output in result.outputs
    ]
    title = f"{model.name} against {reference.name} on {samples}"
    print_table(title, ("output",), ("SQNR dB", "max error", "cosine"), rows)


def _accuracy_lines(accuracy: "Accuracy") -> list[str]:
    if accuracy.agreement is None:
        return []
    lines = [f"same class by '{accuracy.output}': {accuracy.agreement:.2%} of the samples"]
    if accuracy.reference is not None and accuracy.model is not None:
        lines.append(f"accuracy: reference {accuracy.reference:.2%}, model {accuracy.model:.2%}")
    return lines


def _sqnr(decibels: float | None) -> str:
    from edgequant_converters import IDENTICAL_DB

    return "identical" if decibels is not None and decibels >= IDENTICAL_DB else _figure(decibels, ".2f")


def _figure(value: float | None, style: str) -> str:
    return "not finite" if value is None else format(value, style)
