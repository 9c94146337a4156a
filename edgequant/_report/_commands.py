"""The commands that lead to the page's figures again."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ._measured import Measured
from ._result import DeviceAdvice, Measure, ModelReport

CALIBRATED = ("int8", "int16x8")


@dataclass(frozen=True, slots=True)
class Request:
    """What a report was asked for, as words of a command line. `data` is a file name, or a stand-in for arrays."""

    paths: tuple[Path, ...]
    worth: Measure | None
    data: str
    labels: str | None
    images: str | None
    boards: tuple[str, ...]
    measured: tuple[str, ...]
    threads: tuple[int, ...]
    seconds: float | None
    timed: bool
    made_by: tuple[str, ...]
    html: str

    def on_data(self) -> list[str]:
        """Return the options that name the data."""
        return ["--data", self.data, *_option("--labels", self.labels), *_option("--images", self.images)]

    def on_time(self) -> list[str]:
        """Return the options that say how to time."""
        threads = [word for count in self.threads for word in ("--threads", str(count))]
        return threads + _option("--seconds", None if self.seconds is None else f"{self.seconds:g}")


def list_commands(
    request: Request, models: Sequence[ModelReport], measured: Sequence[Measured], devices: Sequence[DeviceAdvice]
) -> tuple[tuple[str, str], ...]:
    """Return pairs of what a command does and the command, in the order in which one would give them."""
    paths = list(map(str, request.paths))
    commands = [("Make the files", command) for command in request.made_by] or _conversions(request, models)
    for path in paths[1:]:
        words = ["compare", paths[0], path, *request.on_data()]
        commands.append((f"Hold {Path(path).name} against the reference", _line(words)))
    if request.timed:
        commands.append(("Time the models here", _line(["bench", *paths, *request.on_time()])))
    commands += [
        (f"Time the models on {one.device}: give this there", _bench_there(one)) for one in measured if one.path
    ]
    files = {one.device: str(one.path) for one in measured if one.path}
    for device in devices[1:]:
        words = ["check", "--board", device.name, *_option("--measured", files.get(device.name))]
        commands.append((f"Ask what suits {device.name}", _line(words)))
    commands.append(("Ask what suits this machine", "edgequant check"))
    commands.append(("Make this page", _line(_report(request))))
    return tuple(commands)


def _conversions(request: Request, models: Sequence[ModelReport]) -> list[tuple[str, str]]:
    """Return the plain conversion to each format, for the files do not say how they were made."""
    reference, suggested = str(request.paths[0]), []
    if models[0].format != "fp32":
        return []
    for path, model in zip(request.paths[1:], models[1:], strict=True):
        if model.format is not None:
            calibration = ["--calibration", "SAMPLES.npy"] if model.format in CALIBRATED else []
            words = ["convert", reference, "-o", str(path), "--quantize", model.format, *calibration]
            suggested.append(
                (f"A plain conversion to {model.format} (the file does not tell how it was made)", _line(words))
            )
    return suggested


def _bench_there(measured: Measured) -> str:
    results = [result for each in measured.results.values() for result in each]
    engines = [word for name in sorted({result["engine"] for result in results}) for word in ("--engine", name)]
    counts = sorted({result["threads"] for result in results} - {None})
    threads = [word for count in counts for word in ("--threads", str(count))]
    name = shlex.quote(measured.path.name if measured.path else "")
    return f"{_line(['bench', *measured.results, *engines, *threads, '--json'])} > {name}"


def _report(request: Request) -> list[str]:
    words = ["report", *map(str, request.paths), *request.on_data(), *_option("--worth", request.worth)]
    for option, values in (
        ("--board", request.boards),
        ("--measured", request.measured),
        ("--made-by", request.made_by),
    ):
        words += [word for value in values for word in (option, value)]
    return [*words, *request.on_time(), *([] if request.timed else ["--no-bench"]), "-o", request.html]


def _option(name: str, value: str | None) -> list[str]:
    return [] if value is None else [name, value]


def _line(words: Sequence[str]) -> str:
    return shlex.join(["edgequant", *words])
