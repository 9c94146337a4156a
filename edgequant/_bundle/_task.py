"""A bundle's task: what the model takes and gives, and one real answer to show and to check."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ._errors import BundleError
from ._manifest import ANSWER, EXAMPLES, TASK, TaskEntry

if TYPE_CHECKING:
    from edgequant_converters import ImagePreprocessing
    from edgequant_runtime import Answer, Task

MOST_PIXELS = 640
"""Of an example's longer side: it is there to show, and a bundle is copied to boards."""


def add_task(
    folder: Path,
    model: Path,
    *,
    task: str | os.PathLike[str] | None,
    labels: str | os.PathLike[str] | Sequence[str] | None,
    example: str | os.PathLike[str] | None,
    images: "ImagePreprocessing | None",
) -> tuple[TaskEntry, str | None]:
    """Write the task, whole, and the example with its answer into the folder; return the entry and the answer."""
    from edgequant_runtime import Task

    from edgequant._task import write_task

    if task is None:
        write_task(model, folder / TASK, labels=labels, images=images)
    else:
        write_task(model, folder / TASK, labels=labels, task=task)
    opened = Task(model, folder / TASK)
    if example is None:
        return TaskEntry(TASK, opened.input, None), None
    name = EXAMPLES[opened.input]
    _copy_example(Path(example), folder / name, opened.input)
    answer = _answer(opened, folder / name)
    (folder / ANSWER).write_text(answer.json.removeprefix("{") + "\n", encoding="utf-8")
    return TaskEntry(TASK, opened.input, name), str(answer)


def _copy_example(source: Path, copy: Path, kind: str) -> None:
    if kind != "image":
        try:
            shutil.copyfile(source, copy)
        except OSError as error:
            raise BundleError(f"{source} cannot be read: {error.strerror or error}.") from error
        return
    from PIL import Image, ImageOps

    try:
        with Image.open(source) as opened:
            picture = ImageOps.exif_transpose(opened).convert("RGB")
    except Exception as error:  # decoders raise OSError, SyntaxError, struct.error, and more
        raise BundleError(f"The picture {source.name} cannot be used: {error}.") from error
    picture.thumbnail((MOST_PIXELS, MOST_PIXELS))
    picture.save(copy)


def _answer(task: "Task", example: Path) -> "Answer":
    """Return the last answer for the example, as the program gives it."""
    from edgequant_runtime import InputError
    from edgequant_runtime.__main__ import answer_lines

    try:
        return [answer for _, answer in answer_lines(task, str(example), as_json=True, is_single=True)][-1]
    except InputError as error:  # which names the copy
        raise BundleError(str(error).replace(str(example), "The example")) from error
