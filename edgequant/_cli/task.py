"""`edgequant task`: a task.json for a model."""

from pathlib import Path
from typing import Annotated, Any

import typer

from edgequant._errors import EdgequantError

from ._images import ImagesOption, parse_images
from ._output import print_json, print_result
from ._tables import print_facts

EXAMPLE = """
**Examples**

`edgequant task init model.tflite --labels labels.txt`

`edgequant task init faces.tflite --reference Ada=ada.jpg --reference Grace=grace.jpg`

`edgequant task init yolo.tflite --kind detections --set output.decoder=yolov8 --set input.fit=letterbox`
"""

INIT = "init"
TRIED = {"image": "photo.jpg", "audio": "clip.wav", "vector": "lines.csv"}
"""What an answer can be had for, by the kind of the input."""


def task(
    action: Annotated[str, typer.Argument(help="init: write the file.")],
    model: Annotated[Path, typer.Argument(help="A .tflite model.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="The file; task.json beside the model if absent."),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(help="classes, detections, segmentation, keypoints, embedding or anomaly; inferred if absent."),
    ] = None,
    labels: Annotated[Path | None, typer.Option(metavar="FILE", help="Names of the classes, one a line.")] = None,
    images: ImagesOption = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A key of task.json, as input.fit=letterbox; repeatable."),
    ] = None,
    references: Annotated[
        list[str] | None,
        typer.Option("--reference", metavar="NAME=FILE", help="What an embedding is to be near to; repeatable."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the task as JSON.")] = False,
) -> None:
    """Write what a model takes and gives as a task.json: inferred from the model, with your labels and settings."""
    from edgequant._task import write_task

    if action != INIT:
        raise EdgequantError(f"'edgequant task' knows {INIT}, and not {action}.")
    written = write_task(
        model,
        output,
        kind=kind,
        labels=labels,
        images=parse_images(images),
        settings=settings or (),
        references=references or (),
    )
    if as_json:
        print_json({"path": str(written.path), "task": written.values})
        return
    given, told = written.values["input"], written.values["output"]
    names = told.get("labels", [])
    nearest = [item["label"] for item in told.get("references", [])]
    print_facts(
        [
            ("task", str(written.path)),
            ("input", given["kind"]),
            *_details(given),
            ("output", f"{told['kind']} of {told['decoder']}" if "decoder" in told else told["kind"]),
            *([("references", ", ".join(nearest))] if nearest else []),
            ("labels", f"{len(names)}: {', '.join(names[:5])}{', ...' * (len(names) > 5)}" if names else "none"),
        ]
    )
    print_result(
        f"Look it over: docs/task.md says what each key means. Try it: edgequant run {model} {TRIED[given['kind']]}"
    )


def _details(given: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what the input becomes before the model sees it."""
    if given["kind"] == "image":
        return [("picture", f"{given['width']} x {given['height']}, {given['fit']}")]
    if given["kind"] == "audio":
        return [("features", f"{given['features']} of {given['rate']:,} samples a second")]
    return []
