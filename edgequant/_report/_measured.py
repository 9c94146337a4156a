"""Latencies from elsewhere: what `edgequant bench --json` wrote on a board."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgequant_device_checks import read_measurements

from edgequant._errors import EdgequantError

from ._result import THIS_MACHINE, Latency


@dataclass(frozen=True, slots=True)
class Measured:
    """The results of one device for models of the family, by file name, where they come from, and what spoils them."""

    device: str
    path: Path | None
    results: Mapping[str, tuple[Mapping[str, Any], ...]]
    notes: tuple[str, ...] = ()

    def latency(self, file: str) -> Latency | None:
        """Return the fastest configuration of a model."""
        fastest = min(self.results.get(file, ()), key=lambda result: float(result["median_us"]), default=None)
        if fastest is None:
            return None
        return Latency(self.device, fastest["engine"], fastest["threads"], float(fastest["median_us"]))

    def by_format(self) -> dict[tuple[str, str], float]:
        """Return the least median by format and engine, as `recommend` takes it."""
        least: dict[tuple[str, str], float] = {}
        for result in (result for results in self.results.values() for result in results):
            key, median = (result["format"], result["engine"]), float(result["median_us"])
            if result["format"] is not None:
                least[key] = min(median, least.get(key, median))
        return least


def read_measured(given: Sequence[str | os.PathLike[str]], files: Sequence[str]) -> list[Measured]:
    """Read `FILE` or `NAME=FILE` each, a file's stem being its name; raises EdgequantError or DeviceCheckError."""
    found = [_read(*_named(one), files) for one in given]
    names = [THIS_MACHINE, *(measured.device for measured in found)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise EdgequantError(
            f"Two measurements are named '{twice}': write --measured NAME=FILE with names that differ."
        )
    return found


def collect(
    device: str, path: Path | None, results: Iterable[Mapping[str, Any]], files: Sequence[str], notes: object = ()
) -> Measured:
    """Sort results by file name; those of other models are left out. `notes` from elsewhere may be anything."""
    by_file: dict[str, tuple[Mapping[str, Any], ...]] = {}
    for result in results:
        # A model has another folder on the board, maybe with the other kind of slash, but its name is the same.
        name = str(result.get("model", "")).replace("\\", "/").rsplit("/", 1)[-1]
        if name in files:
            by_file[name] = (*by_file.get(name, ()), {**result, "threads": _threads(result)})
    told = tuple(note for note in notes if isinstance(note, str)) if isinstance(notes, (list, tuple)) else ()
    return Measured(device, path, by_file, told)


def _threads(result: Mapping[str, Any]) -> int | None:
    """Return the number of threads, if the file tells one; a file from elsewhere may hold anything."""
    count = result.get("threads")
    return count if type(count) is int and count > 0 else None


def _named(given: str | os.PathLike[str]) -> tuple[str, Path]:
    name, equals, path = str(given).partition("=")
    if equals and not Path(given).exists():
        return name, Path(path)
    return Path(given).stem, Path(given)


def _read(name: str, path: Path, files: Sequence[str]) -> Measured:
    read_measurements(path)  # it refuses what is no such file, in words
    document = json.loads(path.read_bytes())
    results = [result for result in document["results"] if result["format"] is not None]
    measured = collect(name, path, results, files, document.get("notes"))
    if not measured.results:
        raise EdgequantError(f"{path} measured none of {', '.join(files)}: models are matched by their file names.")
    return measured
