"""What is timed, for how long, and in which order."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgequant_runtime import model_engines

from edgequant._errors import EdgequantError

EVERY_ENGINE = ("native", "litert", "onnxruntime")

MINIMUM_ROUNDS = 3
DEFAULT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Configuration:
    """A model on an engine with a number of threads; `input_shapes` and `precision` as for Session."""

    model: Path
    engine: str
    threads: int
    input_shapes: Mapping[str, Sequence[int]] | None = None
    precision: str = "float32"


@dataclass(frozen=True, slots=True)
class Turn:
    """What a configuration is to do in one round.

    First inferences for `warm_up` seconds that are not counted; then `runs` of them, but none is started after
    `seconds`, except the first. None is no limit; one of the two is given.
    """

    runs: int | None
    seconds: float | None
    warm_up: float = 0.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How turns are taken in some place.

    A turn has `seconds`, but at most so many `runs`, after `warm_up` seconds; runs that the user gave are spread over
    `rounds`.
    """

    seconds: float
    runs: int | None
    warm_up: float
    rounds: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The rounds: for given runs, until the seconds are over, or until either."""

    pace: Pace
    runs: int | None
    seconds: float | None

    def rounds(self) -> Iterator[tuple[Turn, tuple[float, float]]]:
        """Yield the turn of every configuration in the next round, and (done, total) before it."""
        start = time.monotonic()
        shares = _shares(self.runs, self.pace.rounds) if self.runs else None
        number = 0
        while shares is None or number < len(shares):
            elapsed = time.monotonic() - start
            enough = 1 if shares else MINIMUM_ROUNDS
            if self.seconds is not None and elapsed >= self.seconds and number >= enough:
                return
            if shares:
                yield Turn(shares[number], None, self.pace.warm_up), (number, len(shares))
            else:
                total = self.seconds or 0
                yield Turn(self.pace.runs, self.pace.seconds, self.pace.warm_up), (min(elapsed, total), total)
            number += 1


def plan(pace: Pace, runs: int | None, seconds: float | None) -> Plan:
    """Return the rounds for what the user gave; raises EdgequantError for numbers that make no sense."""
    if runs is not None and runs < 1:
        raise EdgequantError(f"{runs} runs measure nothing: give 1 or more.")
    if seconds is not None and not 0 < seconds < float("inf"):
        raise EdgequantError(f"{seconds} seconds measure nothing: give more than 0.")
    return Plan(pace, runs, seconds if runs or seconds else DEFAULT_SECONDS)


def _shares(runs: int, most: int) -> list[int]:
    """Spread the runs over at most so many rounds, as evenly as can be."""
    rounds = min(runs, most)
    return [runs // rounds + (number < runs % rounds) for number in range(rounds)]


def configurations(
    models: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    engines: Sequence[str],
    threads: Sequence[int],
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    precision: str = "float32",
    machine: str | None = None,
) -> list[Configuration]:
    """Return models by engines by threads, without the engines that do not run a model if another one does.

    Without `engines` it is each model's better one on a `machine`, as its system calls it (`uname -m`); None: this one.

    Raises EdgequantError without models and for a model that none of the engines runs, SessionError for one that
    cannot be read.
    """
    models = [models] if isinstance(models, (str, os.PathLike)) else models
    if not models:
        raise EdgequantError("There is no model to time: give one or more .tflite and .onnx files.")
    return [
        Configuration(Path(model), engine, count, input_shapes, precision)
        for model in models
        for engine in _engines(Path(model), engines or (() if precision == "float32" else ("native",)), machine)
        for count in dict.fromkeys(threads)
    ]


def _engines(model: Path, wanted: Sequence[str], machine: str | None) -> list[str]:
    possible = model_engines(model, machine)
    if not wanted:
        return [possible[0]]
    chosen = [engine for engine in dict.fromkeys(wanted) if engine in possible]
    if not chosen:
        raise EdgequantError(
            f"{model.name} is run by {' or '.join(possible)}, not by {' or '.join(wanted)}: add that engine."
        )
    return chosen
