"""Configurations on a board: the native engine in edgequant-run, the others in a Python that is there."""

import json
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Self, TypeVar

from edgequant_runtime import ProfileStep

from edgequant._errors import EdgequantError

from ._plan import Configuration, Turn
from ._timer import PROFILED_RUNS, Timing

if TYPE_CHECKING:
    from edgequant._transports import Finished, Transport

T = TypeVar("T")
Command = list[str | PurePosixPath]
Documents = list[dict[str, Any]]

# To open a large model on a slow board and run it once.
PATIENCE_SECONDS = 600.0

_OWN_WORDS = "edgequant-run: "
_LONGEST_COMPLAINT = 300

_CAUSES = {
    signal.SIGILL: "the processor does not have an instruction of it; take a runner or a wheel that is built for it",
    signal.SIGKILL: "the board may have run out of memory",
    signal.SIGBUS: "the board may have run out of memory or disk space",
}


class BoardTimer(ABC):
    """Times a configuration in a program that is started for each turn and answers in JSON."""

    def __init__(self, configuration: Configuration, transport: "Transport", model: PurePosixPath) -> None:
        self.configuration = configuration
        self._transport = transport
        self._model = model
        self._slowest_seconds = 0.0

    def __enter__(self) -> Self:
        self.time(Turn(runs=1, seconds=None))
        return self

    def __exit__(self, *_: object) -> None:
        return None  # nothing of it runs between turns

    @property
    def processes(self) -> tuple[int, ...]:
        """Nothing of it runs here."""
        return ()

    def time(self, turn: Turn) -> Timing:
        """Start the program for a turn."""
        timing = self._answer(self._command(turn), self._read, self._expected_seconds(turn))
        self._slowest_seconds = max(timing.latencies_ns) / 1e9
        return timing

    def _expected_seconds(self, turn: Turn) -> float:
        """Return what the turn should take at most, beside opening the model."""
        runs = float("inf") if turn.runs is None else turn.runs * self._slowest_seconds
        limit = float("inf") if turn.seconds is None else turn.seconds + self._slowest_seconds
        return turn.warm_up + self._slowest_seconds + min(runs, limit)

    @abstractmethod
    def profile(self) -> tuple[ProfileStep, ...] | None:
        """Return what each step costs, None for an engine that does not tell."""

    @abstractmethod
    def _command(self, turn: Turn) -> Command: ...

    @abstractmethod
    def _read(self, answer: Documents) -> Timing: ...

    def _answer(self, command: Command, read: Callable[[Documents], T], seconds: float) -> T:
        """Run a program that should take some seconds, and read the JSON documents that it prints."""
        done = self._transport.run(command, timeout=PATIENCE_SECONDS + 3 * seconds)
        if done.status != 0:
            raise self._failure(done)
        try:
            return read(_documents(done.text))
        except (ValueError, TypeError, LookupError):
            raise EdgequantError(
                f"{command[0]} of {self._transport.title} gave no answer that edgequant understands: "
                "is it what --runner or --python says?"
            ) from None

    def _failure(self, done: "Finished") -> EdgequantError:
        model, engine, host = self.configuration.model.name, self.configuration.engine, self._transport.title
        if done.signal is not None:
            cause = _CAUSES.get(done.signal, "the engine crashed")
            return EdgequantError(f"{engine} was ended by {done.signal.name} with {model} on {host}: {cause}.")
        return EdgequantError(f"{engine} cannot run {model} on {host}: {self._complaint(done)}.")

    def _complaint(self, done: "Finished") -> str:
        """Return what a program said last, as a part of a sentence; a program for another processor may say rubbish."""
        words = "".join(letter if letter.isprintable() else "?" for letter in done.complaint[:_LONGEST_COMPLAINT])
        return self._of_the_original(words.removeprefix(_OWN_WORDS)).rstrip(".")

    def _of_the_original(self, words: str) -> str:
        """Return what was said of the copy, or of its path, as said of the user's file."""
        name = self.configuration.model.name
        return words.replace(str(self._model), name).replace(self._model.name, name)


class ProgramTimer(BoardTimer):
    """Times the native engine in edgequant-run."""

    def __init__(
        self,
        configuration: Configuration,
        transport: "Transport",
        model: PurePosixPath,
        program: PurePosixPath,
        inputs: Sequence[PurePosixPath],
    ) -> None:
        super().__init__(configuration, transport, model)
        self._start: Command = [program, model, "--json", "--threads", str(configuration.threads)]
        if configuration.precision != "float32":
            self._start += ["--precision", configuration.precision]
        self._start += [word for path in inputs for word in ("--input", path)]

    def profile(self) -> tuple[ProfileStep, ...]:
        """Run it once more, with a clock around every step."""
        command = [*self._start, "--profile", "--repeat", str(PROFILED_RUNS)]
        return self._answer(command, _profile_steps, PROFILED_RUNS * self._slowest_seconds)

    def _command(self, turn: Turn) -> Command:
        given = {"--repeat": turn.runs, "--seconds": turn.seconds, "--warmup": turn.warm_up or None}
        words = [word for name, value in given.items() if value is not None for word in (name, str(value))]
        return [*self._start, "--latencies", *words]

    def _failure(self, done: "Finished") -> EdgequantError:
        if done.complaint.startswith(f"{_OWN_WORDS}there is no option"):
            return EdgequantError(
                "The edgequant-run that --runner names is older than this edgequant: make one with "
                "edgequant build-runner."
            )
        if done.signal is not None or done.complaint.startswith(_OWN_WORDS):
            return super()._failure(done)
        return EdgequantError(
            f"edgequant-run does not start on {self._transport.title} ({self._complaint(done)}): "
            f"it must be a program for {self._transport.device().architecture}."
        )

    def _read(self, answer: Documents) -> Timing:
        (document,) = answer
        memory = document["memory_bytes"]
        return Timing(
            latencies_ns=[round(1e3 * latency) for latency in document["latencies_us"]],
            engine_version=f"edgequant-run {document['version']}",
            load_ms=document["open_us"] / 1e3,
            peak_rss_bytes=memory["peak_of_process"],
            baseline_rss_bytes=memory["before_opening"],
        )


class PythonTimer(BoardTimer):
    """Times an engine in a Python of the board, with the worker that times it on this machine too."""

    def __init__(
        self,
        configuration: Configuration,
        transport: "Transport",
        model: PurePosixPath,
        python: str,
        worker: PurePosixPath,
    ) -> None:
        super().__init__(configuration, transport, model)
        self._python = python
        self._worker = worker

    def profile(self) -> None:
        """Return nothing: only the native engine has a profile."""

    def _command(self, turn: Turn) -> Command:
        requests = ({**asdict(self.configuration), "model": str(self._model)}, asdict(turn))
        return [self._python, self._worker, *map(json.dumps, requests)]

    def _read(self, answer: Documents) -> Timing:
        for reply in answer:
            if "error" in reply:
                sentence = self._of_the_original(reply["error"])
                raise EdgequantError(f"{self._python} of {self._transport.title}: {sentence}")
        loaded, taken = answer
        return Timing(**loaded, **taken)

    def _failure(self, done: "Finished") -> EdgequantError:
        if done.signal is not None:
            return super()._failure(done)
        return EdgequantError(
            f"{self._python} of {self._transport.title} cannot run {self.configuration.engine}: "
            f"{self._complaint(done)}. Name one that can with --python, or take --engine native."
        )


def _documents(text: str) -> Documents:
    """Return JSON documents that stand one behind the other."""
    decoder, documents, rest = json.JSONDecoder(), [], text.strip()
    while rest:
        document, end = decoder.raw_decode(rest)
        documents.append(document)
        rest = rest[end:].lstrip()
    return documents


def _profile_steps(answer: Documents) -> tuple[ProfileStep, ...]:
    (document,) = answer
    return tuple(
        ProfileStep(
            operators=step["operators"],
            first_operator=step["first_operator"],
            runs=PROFILED_RUNS,
            nanoseconds=round(step["microseconds"] * 1e3 * PROFILED_RUNS),
            macs=step["macs"],
        )
        for step in document["profile"]
    )
