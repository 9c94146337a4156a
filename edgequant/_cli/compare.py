"""`edgequant compare`: what a conversion did to a model's outputs and decisions."""

from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgequant._errors import EdgequantError

from ._images import ImagesOption, parse_images
from ._input_shapes import InputShapeOption, parse_input_shapes
from ._output import print_json, print_result
from ._precision import PrecisionOption
from ._tables import print_table

if TYPE_CHECKING:
    from edgequant._compare import Accuracy, Comparison, OutputComparison
    from edgequant._layers import LayersComparison

EXAMPLE = """
**Examples**

`edgequant compare fp32.tflite int8.tflite --data test.npy --labels labels.npy`

`edgequant compare original.onnx quantized.tflite --data test.npz --json`

`edgequant compare fp32.tflite int8.tflite --data test.npy --layers --html layers.html`
"""


def compare(
    reference: Annotated[Path, typer.Argument(help="The model to hold the other against: .tflite or .onnx.")],
    model: Annotated[Path, typer.Argument(help="The model in question: .tflite or .onnx.")],
    data: Annotated[
        Path, typer.Option(help=".npy or .npz whose first axis counts samples, an image, or a folder of images.")
    ],
    labels: Annotated[Path | None, typer.Option(help=".npy of one integer class index for each sample.")] = None,
    input_shape: InputShapeOption = None,
    precision: PrecisionOption = "float32",
    images: ImagesOption = None,
    layers: Annotated[
        bool, typer.Option("--layers", help="Compare layer by layer, and name the one to blame.")
    ] = False,
    html: Annotated[Path | None, typer.Option(help="Page to write on the layers; implies --layers.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON.")] = False,
) -> None:
    """Run two models on the same data; print SQNR, largest error, cosine, agreement and accuracy."""
    from edgequant._compare import compare as compare_models
    from edgequant._layers import compare_layers

    from ._progress import step_progress

    if precision != "float32" and (layers or html is not None):
        raise EdgequantError("Layers are compared in float32: leave out --layers and --html, or --precision.")
    by_layer = None
    asked: dict[str, Any] = {"images": parse_images(images), "input_shapes": parse_input_shapes(input_shape)}
    with step_progress() as progress:
        result = compare_models(reference, model, data, labels=labels, precision=precision, progress=progress, **asked)
        if layers or html is not None:
            by_layer = compare_layers(reference, model, data, html=html, progress=progress, **asked)
    if as_json:
        print_json(result.to_dict() | ({} if by_layer is None else by_layer.to_dict()))
        return
    _print_outputs(reference, model, result)
    for line in _accuracy_lines(result.accuracy):
        print_result(line)
    if by_layer is not None:
        _print_layers(by_layer)


def _print_outputs(reference: Path, model: Path, result: "Comparison") -> None:
    samples = f"{result.samples:,} sample{'s' * (result.samples != 1)}"
    rows = [
        (output.name, _likeness(output), _figure(output.max_abs_error, ".6g"), _figure(output.cosine, ".6f"))
        for output in result.outputs
    ]
    title = f"{model.name} against {reference.name} on {samples}"
    print_table(title, ("output",), ("SQNR dB", "max error", "cosine"), rows)
    for name in result.constants:
        print_result(f"{name} never varies over the samples: its figures say nothing of inputs on which it does")
    if (counts := result.detections) is not None:
        found = f"{counts.found} of {counts.reference}"
        print_result(f"objects found at IoU 0.5 with scores above 0.25: {found}, and {counts.others} others")
    if parts := _parts(result):
        print_table("the outputs part by part, the worst first", ("output", "part", "values"), ("SQNR dB",), parts)


def _parts(result: "Comparison") -> list[tuple[str, ...]]:
    """Return the rows of the outputs' parts, the worst first."""
    parts = [(output, part) for output in result.outputs for part in output.parts]
    parts.sort(key=lambda pair: -inf if pair[1].sqnr_db is None else pair[1].sqnr_db)
    return [
        (output.name, part.name, f"{part.range[0]:.4g} to {part.range[1]:.4g}", _sqnr(part.sqnr_db))
        for output, part in parts
    ]


def _print_layers(result: "LayersComparison") -> None:
    rows = [
        (
            f"{layer.number}{' *' * (layer.number in result.standing_out)}",
            layer.kind,
            layer.short_name,
            _sqnr(layer.alone_sqnr_db),
            _sqnr(layer.accumulated_sqnr_db),
            _figure(layer.alone_mse, ".3g"),
            _figure(layer.accumulated_mse, ".3g"),
            _known(layer.range_used, ".0%"),
            _known(layer.clipped, ".3%"),
            _known(layer.weights_sqnr_db, ".1f"),
        )
        for layer in result.layers
    ]
    numbers = ("alone dB", "accumulated dB", "alone MSE", "accumulated MSE", "range used", "clipped", "weights dB")
    print_table("layer by layer (* stands out)", ("layer", "operators", "activation"), numbers, rows)
    print_result(result.verdict)


def _accuracy_lines(accuracy: "Accuracy") -> list[str]:
    if accuracy.agreement is None:
        return []
    lines = [f"same class by '{accuracy.output}': {accuracy.agreement:.2%} of the samples"]
    if accuracy.reference is not None and accuracy.model is not None:
        lines.append(f"accuracy: reference {accuracy.reference:.2%}, model {accuracy.model:.2%}")
    return lines


def _likeness(output: "OutputComparison") -> str:
    return _sqnr(output.sqnr_db) if output.equal is None else f"{output.equal:.2%} equal"


def _sqnr(decibels: float | None) -> str:
    from edgequant_converters import IDENTICAL_DB

    return "identical" if decibels is not None and decibels >= IDENTICAL_DB else _figure(decibels, ".2f")


def _known(value: float | None, style: str) -> str:
    return "" if value is None else format(value, style)


def _figure(value: float | None, style: str) -> str:
    return "not finite" if value is None else format(value, style)
