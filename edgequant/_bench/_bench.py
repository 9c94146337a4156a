"""Times configurations in turns: on this machine, or on a board."""

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgequant_runtime import SessionError, native_slowness, usable_cores

from edgequant._errors import EdgequantError
from edgequant._model_format import model_format

from ._conditions import Conditions, read_state, read_state_here
from ._contention import Contention
from ._plan import Pace, Plan, configurations, plan
from ._process import ProcessTimer
from ._results import BenchReport, result_of
from ._timer import Timer, Timing

if TYPE_CHECKING:
    from edgequant._transports import Transport

Models = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
Progress = Callable[[str, float, float], None]

HERE = Pace(seconds=0.02, runs=None, warm_up=0, rounds=20)

# A turn opens the model anew, and the clock has fallen since the last one. The latencies are sent over the connection.
ON_BOARD = Pace(seconds=0.25, runs=10_000, warm_up=0.1, rounds=10)


def _silent(step: str, done: float, total: float) -> None: ...


def bench(
    models: Models,
    *,
    engines: Sequence[str] = (),
    threads: Sequence[int] = (),
    runs: int | None = None,
    seconds: float | None = None,
    profile: bool = False,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    precision: str = "float32",
    leave_out: bool = False,
    progress: Progress = _silent,
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
        input_shapes: shapes to open every model with, by input name, where it leaves sizes free; 1 for those not named.
        precision: "float16" has the native engine compute with that, on a CPU that can; the engines are that one then.
        leave_out: leave out configurations that cannot be run, such as those of an engine that is not installed, and
            say so in the report, as long as one can.
        progress: called between rounds with a word, what is done, and the total.

    Each configuration lives in a process of its own. Raises SessionError for models and engines, EdgequantError for
    numbers that make no sense and for an engine that crashes.

    """
    rounds = plan(HERE, runs, seconds)
    chosen = configurations(models, engines, threads or (usable_cores(),), input_shapes, precision)
    before = read_state_here()
    timers = [ProcessTimer(one) for one in chosen]
    report, other_cores = _time(timers, rounds, profile, leave_out, progress)
    return replace(report, conditions=Conditions(before, read_state_here(), other_cores))


def bench_on_board(
    models: Models,
    transport: "Transport",
    *,
    engines: Sequence[str] = (),
    threads: Sequence[int] = (),
    runs: int | None = None,
    seconds: float | None = None,
    profile: bool = False,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    precision: str = "float32",
    leave_out: bool = False,
    runner: Path | None = None,
    python: str = "python3",
    progress: Progress = _silent,
) -> BenchReport:
    """Time as `bench` does, on another computer: `edgequant-run` for the native engine, `python` there for the others.

    Each configuration is started anew in each round. `runner` is an edgequant-run for the board, built if absent.
    `python`: a program's name, or a path that starts from the home folder there. All is done in a temporary folder,
    which is removed. Raises TransportError too, where the computer fails, and EdgequantError for an emulated one.
    """
    from ._board import board_timers

    rounds = plan(ON_BOARD, runs, seconds)
    configurations(
        models, engines, threads or (1,), input_shapes, precision
    )  # what is wrong with them must show before anything is copied
    if transport.is_emulated:
        raise EdgequantError("Times under emulation say nothing of the board: bench on the board itself, with --host.")
    device = transport.device()
    machine, cores = device.architecture, device.cpu_count or 1
    chosen = configurations(models, engines, threads or (cores,), input_shapes, precision, machine)
    before = read_state(transport)
    with board_timers(transport, chosen, runner=runner, python=python, progress=progress) as timers:
        report, _ = _time(timers, rounds, profile, leave_out, progress, machine)
        conditions = Conditions(before, read_state(transport))
    return replace(report, host=transport.title, device=device.to_dict(), conditions=conditions)


def _time(
    timers: Iterable[Timer],
    rounds: Plan,
    profile: bool,
    leave_out: bool,
    progress: Progress,
    machine: str | None = None,
) -> tuple[BenchReport, float | None]:
    """Return the report, and how many processors of this machine other programs kept busy during the rounds."""
    with ExitStack() as stack:
        ready, left_out = _enter(stack, list(timers), leave_out, progress)
        digests = {model: _digest(model) for model in {timer.configuration.model for timer in ready}}
        timings: list[list[Timing]] = [[] for _ in ready]
        start, contention = time.monotonic(), Contention(process for timer in ready for process in timer.processes)
        for turn, done in rounds.rounds():
            progress("timing", *done)
            for timer, taken in zip(ready, timings, strict=True):
                taken.append(timer.time(turn))
        elapsed, other_cores = time.monotonic() - start, contention.other_cores()
        profiles = [timer.profile() if profile else None for timer in ready]
    files = {model: (digest, model_format(model)) for model, digest in digests.items()}
    results = tuple(
        result_of(timer.configuration, taken, timings[0], *files[timer.configuration.model], steps)
        for timer, taken, steps in zip(ready, timings, profiles, strict=True)
    )
    native = dict.fromkeys(result.model for result in results if result.engine == "native")
    slow = tuple(sentence for model in native if (sentence := native_slowness(model, machine)))
    return BenchReport(results, len(timings[0]), elapsed, left_out=left_out, slow=slow), other_cores


def _digest(model: Path) -> str:
    with model.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _enter(
    stack: ExitStack, timers: Sequence[Timer], leave_out: bool, progress: Progress
) -> tuple[list[Timer], tuple[str, ...]]:
    """Return the timers that can run, and sentences on those that cannot and may be left out."""
    from edgequant._transports import TransportError

    ready: list[Timer] = []
    left_out: list[str] = []
    for number, timer in enumerate(timers):
        progress("loading", number, len(timers))
        try:
            ready.append(stack.enter_context(timer))
        except TransportError:
            raise
        except (SessionError, EdgequantError) as error:
            if not leave_out:
                raise
            left_out.append(str(error))
    sentences = tuple(dict.fromkeys(left_out))
    if not ready:
        raise EdgequantError(" ".join(sentences))
    return ready, sentences
