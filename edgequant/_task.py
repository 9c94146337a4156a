"""A task.json for a model: what its own metadata and tensors say, with the user's labels and settings on top."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgequant_runtime import Task
from edgequant_runtime._task import Embedding

from ._errors import EdgequantError

if TYPE_CHECKING:
    from edgequant_converters import ImagePreprocessing

TASK_FILE = "task.json"


@dataclass(frozen=True, slots=True)
class WrittenTask:
    """The file, and the whole task as its values."""

    path: Path
    values: dict[str, Any]


def write_task(
    model: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    *,
    kind: str | None = None,
    labels: str | os.PathLike[str] | Sequence[str] | None = None,
    images: "ImagePreprocessing | None" = None,
    settings: Sequence[str] = (),
    references: Sequence[str] = (),
    task: str | os.PathLike[str] | None = None,
) -> WrittenTask:
    """Write a whole task.json, checked against the model; what is not given is inferred.

    Args:
        model: a .tflite file.
        output: the file to write, replaced at the end; task.json beside the model if absent.
        kind: of the output, as "detections".
        labels: a file with a label a line, or the labels.
        images: how pictures became inputs when the model was converted.
        task: a task.json to complete.
        settings: "input.fit=letterbox", "output.top=3": keys of task.json with their values, JSON or plain text.
        references: "Ada=ada.jpg": names with a picture or sound of each, for an embedding to be near to.

    Raises TaskError if the task does not fit the model, EdgequantError for a setting or reference that is none.

    """
    from edgequant_converters import replacing

    path = Path(model).with_name(TASK_FILE) if output is None else Path(output)
    values: dict[str, Any] = {"task": 1, "input": image_settings(images), "output": {}}
    if task is not None:
        given = Task(model, task).to_dict()  # which says what is wrong with it
        values = {**given, "input": {**given["input"], **values["input"]}}
    if kind is not None:
        values["output"]["kind"] = kind
    for setting in settings:
        _apply(values, setting)
    if references:
        values["output"]["references"] = [_reference(Task(model, values), one) for one in references]
    whole = Task(model, values, labels=labels).to_dict()
    with replacing(path) as temporary:
        Path(temporary).write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return WrittenTask(path, whole)


def image_settings(images: "ImagePreprocessing | None") -> dict[str, Any]:
    """Return the `input` of a task that does what the preprocessing did."""
    if images is None:
        return {}
    return {
        "kind": "image",
        "width": images.size[1],
        "height": images.size[0],
        "fit": images.resize,
        **({"fill": images.fill} if images.resize == "letterbox" else {}),
        "colour": "grey" if images.color == "gray" else images.color,
        "mean": _scaled(images.mean, images.scale),
        "std": _scaled(images.std, images.scale),
    }


def _scaled(value: float | tuple[float, ...], scale: float) -> float | list[float]:
    """Return in units of a pixel from 0 to 255 what is in units of pixel * scale."""
    return [number / scale for number in value] if isinstance(value, tuple) else value / scale


def _reference(task: Task, text: str) -> dict[str, Any]:
    """Return the embedding of a file under its name; several of one name are each a reference."""
    name, equals, path = text.partition("=")
    if not equals or not name or not path:
        raise EdgequantError(f"'{text}' is no reference: write NAME=FILE, as Ada=ada.jpg.")
    answer = None if task.input == "vector" else task.run(path)
    if answer is None:
        raise EdgequantError(
            "References are made of pictures and sounds; of numbers, write their values into the task."
        )
    if not isinstance(answer, Embedding):
        raise EdgequantError(f"A reference is of an embedding, and this task answers with {task.output}: see --kind.")
    return {"label": name, "values": [float(value) for value in answer.values]}


def _apply(values: dict[str, Any], setting: str) -> None:
    name, equals, text = setting.partition("=")
    part, dot, key = name.partition(".")
    if not equals or not dot or part not in ("input", "output") or not key:
        raise EdgequantError(f"'{setting}' is no setting: write input.KEY=VALUE or output.KEY=VALUE, see docs/task.md.")
    try:
        values[part][key] = json.loads(text)
    except ValueError:
        values[part][key] = text
