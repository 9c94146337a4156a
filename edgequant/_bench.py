"""Time models, engines and thread counts against each other, interleaved, so that drift hits all alike."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from edgequant_runtime import ProfileStep, Session, SessionError, model_engines, usable_cores

from ._bench_worker import fill_inputs
from ._errors import EdgequantError
from ._model_format import model_format

ROUND_SECONDS = 0.02
"""How long a configuration is timed in one round, at least one inference, where the number of runs is not given."""

ROUNDS = 20
"""Rounds over which a given number of runs is spread."""

PROFILED_RUNS = 100
"""Inferences that a profile is the mean of."""

MINIMUM_ROUNDS = 3
DEFAULT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class BenchResult:
    """One configuration. Latencies are those of the inference alone, in microseconds; see docs/bench.md.

    `ratio`: its latency over the first configuration's, as the median over the rounds of the ratio of the medians.
    `profile`: what each step costs, of the native engine alone and if it was asked for.
    """

    model: str
    format: str | None
    engine: str
    engine_version: str
    threads: int
    runs: int
    median_us: float
    min_us: float
    p95_us: float
    ratio: float
    load_ms: float
    peak_rss_bytes: int
    baseline_rss_bytes: int
    profile: tuple[ProfileStep, ...] | None = None


@dataclass(frozen=True, slots=True)
class BenchReport:
    """All configurations, in the order in which they ran in each round."""

    results: tuple[BenchResult, ...]
    rounds: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return what `edgequant bench --json` prints."""
        return asdict(self)


def bench(
    models: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    engines: Sequence[str] = (),
    threads: Sequence[int] = (),
    runs: int | None = None,
    seconds: float | None = None,
    profile: bool = False,
    progress: Callable[[str, float, float], None] = lambda step, done, total: None,
) -> BenchReport:
    """Time every model on every engine that runs it and with every number of threads.

    Args:
        models: .tflite and .onnx files, or one of them.
        engines: names of engines; () takes the preferred one for each model.
        threads: numbers of threads; () takes one: every usable core.
        runs: timed inferences of each configuration.
        seconds: time after which no further round starts; at least 3 rounds are made if `runs` is not given. Without
            `runs` and `seconds`: 10 seconds.
        profile: measure every step of the configurations with the native engine too, in a session after the timing.
        progress: called between rounds with a word, what is done, and the total.

    Each configuration lives in a process of its own. Raises SessionError for models and engines, EdgequantError for
    numbers that make no sense and for an engine that crashes.

    """
    _check_limits(runs, seconds)
    models = [models] if isinstance(models, (str, os.PathLike)) else models
    if not models:
        raise EdgequantError("There is no model to time: give one or more .tflite and .onnx files.")
    configurations = list(_configurations(models, engines, threads or (usable_cores(),)))
    plan = _Plan(runs, seconds if runs or seconds else DEFAULT_SECONDS)
    with ExitStack() as stack:
        timed = []
        for number, configuration in enumerate(configurations):
            progress("loading", number, len(configurations))
            timed.append(stack.enter_context(_Timed(*configuration)))
        start = time.monotonic()
        for request, done in plan.rounds():
            progress("timing", *done)
            for worker in timed:
                worker.time_round(request)
        elapsed = time.monotonic() - start
    formats = {model: model_format(model) for model in {worker.model for worker in timed}}
    results = tuple(
        worker.result(timed[0], formats[worker.model], _profile(worker) if profile else None) for worker in timed
    )
    return BenchReport(results, len(timed[0].rounds), elapsed)


def _check_limits(runs: int | None, seconds: float | None) -> None:
    if runs is not None and runs < 1:
        raise EdgequantError(f"{runs} runs measure nothing: give 1 or more.")
    if seconds is not None and not 0 < seconds < float("inf"):
        raise EdgequantError(f"{seconds} seconds measure nothing: give more than 0.")


def _configurations(
    models: Sequence[str | os.PathLike[str]], engines: Sequence[str], threads: Sequence[int]
) -> Iterator[tuple[Path, str, int]]:
    """Yield model, engine and threads, leaving out the engines that do not run the model if another one does."""
    for model in models:
        possible = model_engines(model)
        chosen = [engine for engine in dict.fromkeys(engines) if engine in possible] if engines else [possible[0]]
        if not chosen:
            raise EdgequantError(
                f"{Path(model).name} is run by {' or '.join(possible)}, not by {' or '.join(engines)}: add that engine."
            )
        for engine in chosen:
            for count in dict.fromkeys(threads):
                yield Path(model), engine, count


@dataclass(frozen=True, slots=True)
class _Plan:
    runs: int | None
    seconds: float | None

    def rounds(self) -> Iterator[tuple[dict[str, Any], tuple[float, float]]]:
        """Yield what a configuration is to do in the next round, and (done, total) before it."""
        start = time.monotonic()
        shares = _shares(self.runs) if self.runs else None
        number = 0
        while shares is None or number < len(shares):
            elapsed = time.monotonic() - start
            enough = 1 if shares else MINIMUM_ROUNDS
            if self.seconds is not None and elapsed >= self.seconds and number >= enough:
                return
            if shares:
                yield {"runs": shares[number], "seconds": None}, (number, len(shares))
            else:
                yield {"runs": None, "seconds": ROUND_SECONDS}, (min(elapsed, self.seconds or 0), self.seconds or 0)
            number += 1


def _shares(runs: int) -> list[int]:
    """Spread the runs over the rounds as evenly as can be."""
    rounds = min(runs, ROUNDS)
    return [runs // rounds + (number < runs % rounds) for number in range(rounds)]


@dataclass
class _Timed:
    """A configuration in its process."""

    model: Path
    engine: str
    threads: int
    rounds: list[list[int]] = field(default_factory=list)

    def __enter__(self) -> "_Timed":
        # -P: a file in the user's folder must not stand in for a module of ours.
        command = [sys.executable, "-P", "-m", "edgequant._bench_worker"]
        # A session of its own: Ctrl-C is for this process, which then ends the other.
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        try:
            configuration = {"model": str(self.model), "engine": self.engine, "threads": self.threads}
            self._loaded = self._ask(configuration)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def time_round(self, request: dict[str, Any]) -> None:
        """Have the process time one round."""
        self._state = self._ask(request)
        self.rounds.append(self._state["latencies_ns"])

    def result(
        self, first: "_Timed", number_format: str | None, profile: tuple[ProfileStep, ...] | None
    ) -> BenchResult:
        """Return the statistics, and the ratio to the first configuration."""
        microseconds = np.concatenate([np.asarray(latencies) for latencies in self.rounds]) / 1e3
        ratios = [np.median(ours) / np.median(theirs) for ours, theirs in zip(self.rounds, first.rounds, strict=True)]
        return BenchResult(
            model=str(self.model),
            format=number_format,
            engine=self.engine,
            engine_version=self._loaded["engine_version"],
            threads=self.threads,
            runs=len(microseconds),
            median_us=float(np.median(microseconds)),
            min_us=float(microseconds.min()),
            p95_us=float(np.percentile(microseconds, 95)),
            ratio=float(np.median(ratios)),
            load_ms=self._loaded["load_ms"],
            peak_rss_bytes=self._state["peak_rss_bytes"],
            baseline_rss_bytes=self._state["baseline_rss_bytes"],
            profile=profile,
        )

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin and self._process.stdout
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            code = self._process.wait()
            raise EdgequantError(
                f"The process that ran {self.model.name} on {self.engine} ended with code {code}: "
                "the engine crashed, or the system ran out of memory."
            )
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise SessionError(reply["error"])
        return reply


def _profile(timed: _Timed) -> tuple[ProfileStep, ...] | None:
    """Run a configuration of the native engine once more, with a clock around every step; None for other engines."""
    if timed.engine != "native":
        return None
    session = Session(timed.model, engine=timed.engine, threads=timed.threads, profile=True)
    for _ in range(PROFILED_RUNS):
        fill_inputs(session)
        session.invoke()
    return session.profile()
