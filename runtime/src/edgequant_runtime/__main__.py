"""`python -m edgequant_runtime MODEL photo.jpg --labels labels.txt`: answers for pictures, sounds and lines."""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ._errors import InputError, SessionError

if TYPE_CHECKING:
    from ._task import Answer, Task

USER_ERROR = 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m edgequant_runtime", description=__doc__)
    parser.add_argument("model", help="a .tflite model")
    parser.add_argument(
        "sources", nargs="+", help="pictures, WAV files or CSV files, as the model takes them; -: lines"
    )
    parser.add_argument("--task", help="a task.json; one beside the model is taken if there is one")
    parser.add_argument("--labels", help="names of the classes, one a line")
    parser.add_argument("--top", type=int, help="print so many items at most")
    parser.add_argument("--threads", type=int, help="threads of one inference; every core if absent")
    parser.add_argument("--json", action="store_true", help="print one object a line, as edgequant-run does")
    return parser


def main(words: list[str] | None = None) -> int:
    """Answer for every source; returns the exit code."""
    from ._task import Task

    given = _parser().parse_args(words)
    try:
        task = Task(given.model, given.task, labels=given.labels, threads=given.threads)
        if given.top is not None:
            values = task.to_dict()
            values["output"]["top"] = given.top
            task = Task(given.model, values, threads=given.threads)
        for source in given.sources:
            for line, _ in answer_lines(task, source, as_json=given.json, is_single=len(given.sources) == 1):
                sys.stdout.write(f"{line}\n")
                sys.stdout.flush()  # whoever reads a stream wants each answer when it is there
    except SessionError as error:
        sys.stderr.write(f"error: {error}\n")
        return USER_ERROR
    except BrokenPipeError:  # whoever read the answers has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return 130
    return 0


def answer_lines(task: Task, source: str, *, as_json: bool, is_single: bool) -> Iterator[tuple[str, Answer]]:
    """Return each answer for a source with the text that is printed for it; `is_single`: there is no other source."""
    for key, value, answer in _answers(task, source):
        if as_json:
            yield json.dumps({key: value, **answer.to_dict()}), answer
        elif is_single and task.input == "image":
            yield str(answer), answer
        else:
            yield f"{key} {value}: {', '.join(str(answer).splitlines())}", answer


def _answers(task: Task, source: str) -> Iterator[tuple[str, str | float, Answer]]:
    task.reset()
    if task.input == "image":
        yield "image", source, task.run(source)
        return
    given = 0
    for answer in _heard(task, source) if task.input == "audio" else _read(task, source):
        given += 1
        yield answer
    if given == 0:
        raise InputError(f"{'Standard input' if source == '-' else source} is too short: {task.needs}.")


def _heard(task: Task, source: str) -> Iterator[tuple[str, float, Answer]]:
    for heard in task.listen(source):
        yield "seconds", round(heard.seconds, 3), heard.answer


def _read(task: Task, source: str) -> Iterator[tuple[str, float, Answer]]:
    if source == "-":
        yield from _lines(task, sys.stdin)
        return
    try:
        with open(source, encoding="utf-8", newline="") as file:
            yield from _lines(task, file)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{source} cannot be read: {error}.") from error


def _lines(task: Task, file: Iterable[str]) -> Iterator[tuple[str, float, Answer]]:
    for number, row in enumerate(csv.reader(file), 1):
        try:
            values = [float(word) for word in row]
        except ValueError:
            if number > 1:  # the first may have names
                raise InputError(f"Line {number} has something that is no number.") from None
            continue
        if values and len(values) != task.info.columns:
            raise InputError(f"Line {number} has {len(values)} numbers, and the task takes {task.info.columns}.")
        for answer in task.feed(values) if values else ():
            yield "line", number, answer


if __name__ == "__main__":
    sys.exit(main())
