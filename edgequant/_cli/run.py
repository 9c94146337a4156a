"""`edgequant run`: a model's outputs for the samples of a file, or its answers for pictures, sounds and lines."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgequant._errors import EdgequantError

from ._images import ImagesOption, parse_images
from ._input_shapes import InputShapeOption, parse_input_shapes
from ._output import print_json, print_result, print_status
from ._precision import PrecisionOption
from ._profile import print_profile
from ._tables import print_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgequant._run import RunResult

EXAMPLE = """
**Examples**

`edgequant run model.tflite --input images.npy`

`edgequant run model.onnx --input tokens.npz --output scores.npz --threads 2`

`edgequant run detector.tflite photo.jpg --labels labels.txt --draw found.png`

`edgequant run melspectrogram.tflite --input audio.npy --input-shape input=1,16000`
"""

SHOWN_SAMPLES = 5
TOP = 5


def run(
    model: Annotated[Path, typer.Argument(help="A .tflite or .onnx model.")],
    sources: Annotated[
        list[str] | None, typer.Argument(help="Pictures, WAV files or CSV files to answer for, as the task takes them.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option("--input", help=".npy or .npz whose first axis counts samples, an image, or a folder of images."),
    ] = None,
    task: Annotated[Path | None, typer.Option(metavar="FILE", help="The task.json of the answers.")] = None,
    labels: Annotated[Path | None, typer.Option(metavar="FILE", help="Names of the classes, one a line.")] = None,
    draw: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Where to draw the answer; PICTURE-answer.png here if absent, where it has places."
        ),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Write the outputs to this .npz, one array for each.")] = None,
    engine: Annotated[str, typer.Option(help="auto, native or litert (.tflite), onnxruntime (.onnx).")] = "auto",
    threads: Annotated[int | None, typer.Option(help="Threads for one inference; every usable core if absent.")] = None,
    raw: Annotated[bool, typer.Option("--raw", help="Data and outputs are the model's own integers.")] = False,
    profile: Annotated[
        bool, typer.Option("--profile", help="Print what each step costs; the native engine measures it.")
    ] = False,
    input_shape: InputShapeOption = None,
    signature: Annotated[
        str | None, typer.Option(help="Run the graph that a .tflite file has under this name, and not its first.")
    ] = None,
    precision: PrecisionOption = "float32",
    images: ImagesOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Run a model on every sample of a file, or answer for pictures, sounds and lines of numbers."""
    if sources:
        given = (data, output, images, input_shape)
        if (
            any(option is not None for option in given)
            or raw
            or profile
            or engine not in ("auto", "native")
            or precision != "float32"
        ):
            raise EdgequantError("Answers go with --task, --labels, --draw, --threads and --json alone.")
        _answer(model, sources, task, labels, draw, threads, as_json=as_json)
        return
    if data is None or any(option is not None for option in (task, labels, draw)):
        raise EdgequantError("Give samples with --input, or name pictures, sounds or CSV files to answer for.")
    from edgequant._run import check_npz_name, run_on_data, write_npz

    from ._progress import step_progress

    if output is not None:
        check_npz_name(output)
    with step_progress() as progress:
        result = run_on_data(
            model,
            data,
            engine=engine,
            threads=threads,
            raw=raw,
            profile=profile,
            input_shapes=parse_input_shapes(input_shape),
            signature=signature,
            precision=precision,
            images=parse_images(images),
            progress=progress,
        )
    if output is not None:
        write_npz(output, result.outputs)
    if as_json:
        print_json({"model": str(model), **result.to_dict(), "output": None if output is None else str(output)})
        return
    if result.fallback_reason is not None:
        print_status(result.fallback_reason)
    if len(result.signatures) > 1 and signature is None:
        run_one = "its first graph" if result.signature is None else f"'{result.signature}', that of its first graph,"
        names = ", ".join(result.signatures)
        print_status(f"{model.name} has the signatures {names}: {run_one} is run. --signature takes another.")
    _print_outputs(model, result)
    if result.profile is not None:
        print_profile(model.name, result.profile)
    if output is not None:
        print_status(f"Outputs written to {output}")
        return
    _print_classes(result)


def _answer(
    model: Path,
    sources: list[str],
    task: Path | None,
    labels: Path | None,
    draw: Path | None,
    threads: int | None,
    *,
    as_json: bool,
) -> None:
    """Print an answer for each source; a picture's is drawn too."""
    from edgequant_runtime import Task
    from edgequant_runtime.__main__ import answer_lines

    from edgequant import _drawing

    opened = Task(model, task, labels=labels, threads=threads)
    is_drawn = opened.output in _drawing.KINDS
    if draw is not None and (len(sources) != 1 or not is_drawn):
        raise EdgequantError("--draw goes with one picture, and detections, a segmentation or keypoints.")
    for source in sources:
        for line, answer in answer_lines(opened, source, as_json=as_json, is_single=len(sources) == 1):
            print_result(line)
            if is_drawn:
                picture = draw or Path(f"{Path(source).stem}-answer.png")
                _drawing.draw(source, answer, picture)
                print_status(f"Drawn: {picture}")


def _print_outputs(model: Path, result: "RunResult") -> None:
    threads = f"{result.threads} thread{'s' * (result.threads != 1)}"
    samples = f"{result.samples} sample{'s' * (result.samples != 1)}"
    rows = [
        (
            output["name"],
            "x".join(str(size) for size in output["shape"]),
            output["dtype"],
            _number(output["min"]),
            _number(output["max"]),
        )
        for output in result.to_dict()["outputs"]
    ]
    title = f"{model.name}: {samples} on {result.engine}, {threads}"
    print_table(title, ("output", "shape", "type"), ("min", "max"), rows)


def _print_classes(result: "RunResult") -> None:
    """For outputs that score classes, print the highest of the first samples."""
    from edgequant._data import is_class_scores

    for name, scores in result.outputs.items():
        if not is_class_scores(scores):
            continue
        places = [str(place) for place in range(1, min(TOP, scores.shape[1]) + 1)]
        rows = [(str(sample), *_top(row)) for sample, row in enumerate(scores[:SHOWN_SAMPLES])]
        print_table(f"{name}: highest scores, as class: score", ("sample", *places), (), rows)
        if len(scores) > SHOWN_SAMPLES:
            print_result(f"and {len(scores) - SHOWN_SAMPLES} more samples: --output saves them all")


def _top(scores: "NDArray[Any]") -> list[str]:
    # Ascending and reversed, with the indices reversed too, so that of equal scores the first class comes first.
    order = (len(scores) - 1 - scores[::-1].argsort(kind="stable"))[::-1][:TOP]
    return [f"{index}: {_number(scores[index].item())}" for index in order]


def _number(value: float | int | None) -> str:
    return "not finite" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
