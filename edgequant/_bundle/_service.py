"""A bundle's service: a script that pipes frames, sound or lines through the model, and the unit that keeps it up."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ._errors import BundleError
from ._manifest import SERVICE_SH, UNIT, ServiceEntry, TaskEntry
from ._render import render

EVERY = (1, 86_400)
"""The least and the most seconds within which an answer may be asked for."""
FOLDER_MARK = "@FOLDER@"
"""What stands in the unit for the folder that it is started in, which only who installs it knows."""
_LONGEST = 4096

_FRAMES = r"[1-9][0-9]{0,4}x[1-9][0-9]{0,4}:[a-z0-9-]{1,16}"
_INPUTS = {"image": rf"--frames {_FRAMES} --drop", "audio": "--audio -", "vector": "--lines -"}


@dataclass(frozen=True, slots=True)
class Service:
    """What is to run all the time.

    Args:
        source: a shell command that writes frames, sound or lines, as `rpicam-vid ... -o -` does.
        frames: the frames' size and format, as `640x480:yuv420`, where the task takes pictures.
        answers: a shell command that reads the answers, one JSON object a line; they go to the journal if absent.
        every: seconds. If no answer comes for so long, the service is started again; the first one makes it ready.

    """

    source: str
    frames: str | None = None
    answers: str | None = None
    every: int = 60


def input_options(kind: str) -> re.Pattern[str]:
    """Return what the options of `edgequant-run` must be for a task that takes that."""
    return re.compile(_INPUTS[kind])


def problem_with(command: str) -> str | None:
    """Return what keeps a text from being a command of service.sh, None if nothing does."""
    if not command.strip():
        return "is empty"
    if len(command) > _LONGEST or not command.isprintable():
        return f"is no single line of at most {_LONGEST:,} characters"
    return None


def add_service(folder: Path, model: str, service: Service, task: TaskEntry) -> ServiceEntry:
    """Write the script and the unit into the folder. Raises BundleError for what cannot be a service of the task."""
    for option, command in (("--service", service.source), ("--answers", service.answers)):
        if command is not None:
            _check_command(option, command)
    if not EVERY[0] <= service.every <= EVERY[1]:
        raise BundleError(f"--every {service.every} cannot be: give {EVERY[0]} to {EVERY[1]:,} seconds.")
    entry = ServiceEntry(UNIT, SERVICE_SH, service.source, _input(service, task), service.answers, service.every)
    values = {"model": model, "task": task.path, "service": entry}
    (folder / SERVICE_SH).write_text(render("service.sh.jinja", **values), encoding="utf-8")
    (folder / SERVICE_SH).chmod(0o755)
    (folder / UNIT).write_text(render("edgequant.service.jinja", folder=FOLDER_MARK, **values), encoding="utf-8")
    return entry


def _input(service: Service, task: TaskEntry) -> str:
    """Return the options of `edgequant-run` that read what the source writes."""
    if task.input != "image":
        if service.frames is not None:
            raise BundleError(f"--frames is for pictures, and the task takes {task.input}: leave it out.")
        return _INPUTS[task.input]
    if service.frames is None:
        raise BundleError("Say with --frames what pictures the service's command writes, such as 640x480:yuv420.")
    if not re.fullmatch(_FRAMES, service.frames):
        raise BundleError(f"--frames {service.frames} is not a size and a format, such as 640x480:yuv420.")
    return f"--frames {service.frames} --drop"


def _check_command(option: str, command: str) -> None:
    if problem := problem_with(command):
        raise BundleError(f"The command of {option} {problem}.")
    # In braces, as it stands in the script: `a; }; b` is not one command.
    done = subprocess.run(["sh", "-n"], input=f"{{ {command}\n}}\n", capture_output=True, encoding="utf-8")
    if done.returncode:
        raise BundleError(f"The command of {option} is not one that a shell understands: {command}")
