"""How long a model takes in the native engine: on this machine, or on a board that `edgequant bench` was run on."""

import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from edgequant_runtime import SessionError
from edgequant_runtime.isolation import current_process

from edgequant_converters._errors import CalibrationError, UnsupportedError
from edgequant_converters._evaluate import run_of, to_own_type, zeros
from edgequant_converters._request import Sample

RUNS = 12
"""So many inferences are timed; the shortest counts, as whatever else the machine does only adds to one."""


@dataclass(frozen=True, slots=True)
class LatencyBudget:
    """How many milliseconds an inference may take, and what a millisecond of this machine is there.

    `threads` are those that it is to run with, None for one a core.
    """

    milliseconds: float
    factor: float = 1.0
    threads: int | None = None

    def time(self, model: Path, sample: Sample) -> float:
        """Return the milliseconds of an inference of a .tflite model. Raises UnsupportedError, SourceError."""
        return _milliseconds(model, sample, self.threads) * self.factor

    def allows(self, model: Path, sample: Sample) -> bool:
        """Tell whether the model is as fast as asked."""
        return self.time(model, sample) <= self.milliseconds


def latency_budget(milliseconds: float, bench: str | os.PathLike[str] | None) -> LatencyBudget:
    """Return a budget for this machine, or for where the results in the file `bench` were measured.

    These name models: the first int8 one of the native engine that is still there is timed here too, and what it took
    there over what it takes here is the factor between the two. Raises UnsupportedError, CalibrationError.
    """
    if not math.isfinite(milliseconds) or milliseconds <= 0:
        raise UnsupportedError(f"{milliseconds:g} is no budget of milliseconds: give a number above 0.")
    if bench is None:
        return LatencyBudget(milliseconds)
    file = Path(bench)
    for result in _results(file):
        for model in (Path(result["model"]), file.parent / Path(result["model"]).name):
            if model.is_file():
                here = _milliseconds(model, {}, result["threads"])
                return LatencyBudget(milliseconds, result["median_us"] / 1e3 / here, result["threads"])
    raise CalibrationError(
        f"{file.name} has no result of the native engine for an int8 .tflite that is still there, and so does not tell "
        "how fast the board is: bench one with `edgequant bench net_int8.tflite --host BOARD --json`."
    )


def _results(file: Path) -> Iterator[Mapping[str, Any]]:
    try:
        results = json.loads(file.read_bytes())["results"]
        for result in results:
            known = result["engine"] == "native" and result["format"] == "int8"
            if known and result["median_us"] > 0 and result["threads"] > 0:
                yield {"model": str(result["model"]), **{key: result[key] for key in ("threads", "median_us")}}
    except OSError as error:
        raise CalibrationError(f"{file} cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError, KeyError) as error:
        raise CalibrationError(f"{file.name} is not what `edgequant bench --json` prints.") from error


def _milliseconds(model: Path, sample: Sample, threads: int | None) -> float:
    try:
        session = current_process().open(model, engine="native", threads=threads, profile=True)
    except SessionError as error:
        raise UnsupportedError(
            f"Milliseconds are those of the native engine, which refuses the model: {error}"
        ) from error
    given = zeros(session.inputs)
    given |= {info.name: to_own_type(sample[info.name], info) for info in session.inputs if info.name in sample}
    totals = [0]
    with run_of(model.name):
        for _ in range(RUNS):
            session.run(given, raw=True)
            totals.append(sum(step.nanoseconds for step in session.profile()))
    return max(float(np.diff(totals).min()), 1.0) / 1e6
