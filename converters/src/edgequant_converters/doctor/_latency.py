"""How long a model takes in the native engine: on this machine, or on a board that `edgequant bench` was run on."""

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from edgequant_runtime import SessionError
from edgequant_runtime.isolation import current_process

from edgequant_converters._errors import CalibrationError, SourceError, UnsupportedError
from edgequant_converters._evaluate import run_of, to_own_type
from edgequant_converters._request import Sample

RUNS = 12
"""So many inferences are timed; the shortest counts, as whatever else the machine does only adds to one."""


@dataclass(frozen=True, slots=True)
class Benched:
    """An int8 model that was timed somewhere, and is here too; the milliseconds are of its shortest inference there.

    `input_shapes`: those that it was opened with there, None for its own.
    """

    model: Path
    threads: int
    milliseconds: float
    input_shapes: Mapping[str, Sequence[int]] | None = None


@dataclass(frozen=True, slots=True)
class LatencyBudget:
    """How many milliseconds an inference may take where `benched` was timed; None: on this machine, with all its cores.

    `factor` is what a millisecond of this machine is there; `calibrated()` measures it.
    """

    milliseconds: float
    benched: Benched | None = None
    factor: float = 1.0

    def calibrated(self) -> "LatencyBudget":
        """Time the benched model here, if there is one. Raises UnsupportedError, SourceError."""
        if self.benched is None:
            return self
        here = _milliseconds(self.benched.model, {}, self.benched.threads, self.benched.input_shapes)
        return replace(self, factor=self.benched.milliseconds / here)

    def time(self, model: Path, sample: Sample) -> float:
        """Return the milliseconds of an inference of a .tflite model. Raises UnsupportedError, SourceError."""
        return _milliseconds(model, sample, None if self.benched is None else self.benched.threads) * self.factor

    def time_if_run(self, model: Path, sample: Sample) -> float | None:
        """Return the milliseconds, None where the native engine does not run the model."""
        try:
            return self.time(model, sample)
        except (SourceError, UnsupportedError):
            return None

    def allows(self, model: Path, sample: Sample) -> bool:
        """Tell whether the native engine runs the model, and as fast as asked."""
        time = self.time_if_run(model, sample)
        return time is not None and time <= self.milliseconds


def latency_budget(milliseconds: float, bench: str | os.PathLike[str] | None) -> LatencyBudget:
    """Return a budget for this machine, or for where the results in the file `bench` were measured.

    These name models: the first int8 one of the native engine that is still there, the very file, stands for the place.
    Nothing is timed yet. Raises UnsupportedError, CalibrationError.
    """
    if not math.isfinite(milliseconds) or milliseconds <= 0:
        raise UnsupportedError(f"{milliseconds:g} is no budget of milliseconds: give a number above 0.")
    if bench is None:
        return LatencyBudget(milliseconds)
    file = Path(bench)
    other = None
    for benched, digest in list(_benched(file)):
        for model in (benched.model, file.parent / benched.model.name):
            if model.is_file():
                if _digest(model) == digest:
                    return LatencyBudget(milliseconds, replace(benched, model=model))
                other = model
    if other is not None:
        raise CalibrationError(
            f"{other} is not the model that {file.name} tells of any more: bench it again, or put the model that was "
            "benched beside the results."
        )
    raise CalibrationError(
        f"{file.name} has no result of the native engine for an int8 .tflite that is still there, and so does not tell "
        "how fast the board is: bench one with `edgequant bench net_int8.tflite --host BOARD --json`."
    )


def _benched(file: Path) -> Iterator[tuple[Benched, str]]:
    """Yield the int8 models of the native engine, with the SHA-256 of each."""
    try:
        results = json.loads(file.read_bytes())["results"]
        for result in results:
            known = result["engine"] == "native" and result["format"] == "int8"
            if known and 0 < result["min_us"] < math.inf and result["threads"] > 0:
                times = result["threads"], result["min_us"] / 1e3
                yield Benched(Path(result["model"]), *times, result["input_shapes"]), result["sha256"]
    except OSError as error:
        raise CalibrationError(f"{file} cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError, KeyError) as error:
        raise CalibrationError(
            f"{file.name} is not what `edgequant bench --json` of this version prints: bench the int8 model again."
        ) from error


def _digest(model: Path) -> str:
    try:
        with model.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise CalibrationError(f"{model} cannot be read: {error.strerror}.") from error


def _milliseconds(
    model: Path, sample: Sample, threads: int | None, input_shapes: Mapping[str, Sequence[int]] | None = None
) -> float:
    try:
        session = current_process().open(model, engine="native", threads=threads, input_shapes=input_shapes)
    except SessionError as error:
        raise UnsupportedError(
            f"Milliseconds are those of the native engine, which refuses the model: {error}"
        ) from error
    sizes = zip(session.inputs, session.first_shapes, strict=True)
    given = {info.name: np.zeros(shape, info.dtype) for info, shape in sizes}
    given |= {info.name: to_own_type(sample[info.name], info) for info in session.inputs if info.name in sample}
    with run_of(model.name):
        return max(min(session.time(given) for _ in range(RUNS)), 1) / 1e6
