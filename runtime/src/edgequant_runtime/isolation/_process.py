"""A worker as its parent sees it: started, asked, and, if it dies or hangs, told of in a sentence."""

from __future__ import annotations

import fcntl
import io
import os
import select
import signal
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Callable, Mapping
from threading import Lock
from typing import IO, Any, BinaryIO, cast

from numpy.typing import NDArray

from edgequant_runtime import _errors as errors
from edgequant_runtime._errors import EngineDeathError, EngineError, SessionError
from edgequant_runtime._stderr import CHATTER

from ._messages import LIFELINE, Arrays, encoded, read_message

LIMIT_SECONDS = 300.0
"""How long a worker may be silent; one inference of a large model by reference kernels takes tens of seconds."""

DYING_SECONDS = 10.0
"""How long a worker that closed its pipes may take to end: the system may write much to disk first."""

# A file in the user's folder must not stand in for a module of ours; warnings are no last words.
_OPTIONS = [*(["-P"] if sys.version_info >= (3, 11) else []), "-W", "ignore"]
_PIPE_BYTES = 2**20
_LAST_WORDS = 300
_TITLES = {"native": "The native engine", "litert": "LiteRT", "onnxruntime": "ONNX Runtime"}


class WorkerDeath(Exception):  # noqa: N818 (what happened, for a sentence to tell: not an error of its own)
    """The worker did not answer; the text, such as "died of SIGABRT", goes on after the name of what ran in it."""

    def to_error(self, engine: str, doing: str) -> EngineDeathError:
        """Return the sentence that a user reads of an engine, by its name; `doing` is such as "running net.tflite"."""
        return EngineDeathError(
            f"{_TITLES[engine]} {self} while {doing}: take another engine, or another format (.onnx or .tflite), and "
            "report it with the model."
        )


class WorkerProcess:
    """A Python process that runs a module whose `main` is `serve(...)`.

    It is started at once and gets ready while this process does something else. It ends with `close()`, with this
    object, and with this process, however that ends. It is asked by one thread at a time. `environment`: variables
    that it has besides those of this process.
    """

    def __init__(self, module: str, environment: Mapping[str, str] | None = None) -> None:
        self._lock, self._death = Lock(), WorkerDeath("is closed")
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 (what the engine prints, kept for its last words)
        # Nobody writes to this pipe: the worker notices when this end of it is gone.
        lifeline, ours = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, *_OPTIONS, "-m", module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                bufsize=0,
                pass_fds=(lifeline,),
                env={**os.environ, **(environment or {}), LIFELINE: str(lifeline)},
                start_new_session=True,  # Ctrl-C is for this process, which then ends the other
            )
        except OSError as error:
            os.close(ours)
            self._said.close()
            raise EngineError(f"A process for the engine cannot be started: {error.strerror or error}.") from error
        finally:
            os.close(lifeline)
        assert self._process.stdin and self._process.stdout
        self._to = self._process.stdin.fileno()
        os.set_blocking(self._to, False)
        self._from = _Silence(self._process.stdout.fileno())
        self._answers = cast("BinaryIO", io.BufferedReader(self._from, _PIPE_BYTES))
        for pipe in (self._process.stdin, self._process.stdout):
            _widen(pipe.fileno())
        self._end = weakref.finalize(self, _end, self._process, self._said, ours, os.getpid())

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it can still be asked."""
        return self._end.alive

    def ask(
        self,
        request: dict[str, Any],
        arrays: Arrays = (),
        *,
        seconds: float | None = None,
        notice: Callable[[dict[str, Any]], None] | None = None,
    ) -> tuple[dict[str, Any], list[NDArray[Any]]]:
        """Return the answer, a document and arrays.

        `seconds`: how long it may be silent, LIMIT_SECONDS if None. `notice` gets what it says before it answers.

        Raises the SessionError that was raised in the worker, and WorkerDeath if it died, hung or was closed, now or
        at an earlier request. Whatever else is raised meanwhile, such as KeyboardInterrupt, ends the worker.
        """
        with self._lock:
            if not self.is_alive:
                raise self._death
            try:
                answer, values = self._exchange(request, arrays, LIMIT_SECONDS if seconds is None else seconds, notice)
            except WorkerDeath as death:
                self._death = death
                self.close()
                raise
            except BaseException:
                self._death = WorkerDeath("was interrupted")
                self.close()
                raise
        if "error" in answer:
            raise _error(answer["error"], answer["message"])
        return answer, values

    def close(self) -> None:
        """End the process; nothing is left of it."""
        self._end()

    def _exchange(
        self,
        request: dict[str, Any],
        arrays: Arrays,
        seconds: float,
        notice: Callable[[dict[str, Any]], None] | None,
    ) -> tuple[dict[str, Any], list[NDArray[Any]]]:
        self._from.seconds = seconds
        try:
            for part in encoded(request, arrays):
                self._write(part, seconds)
            while True:
                message = read_message(self._answers)
                if message is None:
                    raise self._how_it_ended()
                if not message[0].pop("notice", False):
                    return message
                if notice is not None:
                    notice(message[0])
        except BrokenPipeError as error:
            raise self._how_it_ended() from error
        except TimeoutError as error:
            raise WorkerDeath(f"did not answer for {seconds:.0f} seconds and was stopped") from error
        except (ValueError, TypeError, LookupError, MemoryError) as error:  # a worker that lost its mind
            raise WorkerDeath("gave an answer that makes no sense") from error

    def _write(self, part: memoryview, seconds: float) -> None:
        while part:
            _await(self._to, select.POLLOUT, seconds)
            try:
                part = part[os.write(self._to, part) :]
            except BlockingIOError:  # there is room, but not for the first page of it
                continue

    def _how_it_ended(self) -> WorkerDeath:
        try:
            code = self._process.wait(timeout=DYING_SECONDS)
        except subprocess.TimeoutExpired:  # it closed its pipes and lives on
            return WorkerDeath("stopped answering")
        words = self._last_words()
        if code >= 0:
            return WorkerDeath(f"ended its process with exit code {code}{words}")
        name = signal.Signals(-code).name
        if name == "SIGKILL":
            return WorkerDeath(f"was killed, most likely because the memory ran out{words},")
        return WorkerDeath(f"died of {name}{words}")

    def _last_words(self) -> str:
        self._said.seek(0, os.SEEK_END)
        self._said.seek(max(0, self._said.tell() - 2**16))
        text = CHATTER.sub(b"", self._said.read()).decode("utf-8", "replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        said = "".join(letter if letter.isprintable() else "?" for letter in lines[-1]) if lines else ""
        return f" (its last words: {said[:_LAST_WORDS].rstrip('.')})" if said else ""


class _Silence(io.RawIOBase):
    """A pipe to read from that raises TimeoutError if nothing comes for so many seconds."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self.seconds = descriptor, LIMIT_SECONDS

    def readable(self) -> bool:
        """Return that it is to be read."""
        return True

    def readinto(self, memory: Any) -> int:
        """Read what there is, at least a byte unless it is the end."""
        _await(self._descriptor, select.POLLIN, self.seconds)
        return os.readv(self._descriptor, [memory])


def _await(descriptor: int, event: int, seconds: float) -> None:
    poll = select.poll()
    poll.register(descriptor, event)
    if not poll.poll(seconds * 1e3):
        raise TimeoutError


def _widen(descriptor: int) -> None:
    """Let a pipe hold a megabyte, where the system can and allows it: fewer changes between the processes."""
    command = getattr(fcntl, "F_SETPIPE_SZ", 1031 if sys.platform == "linux" else None)
    if command is not None:
        try:
            fcntl.fcntl(descriptor, command, _PIPE_BYTES)
        except OSError:
            return


def _end(process: subprocess.Popen[bytes], said: IO[bytes], lifeline: int, parent: int) -> None:
    if os.getpid() == parent:  # and not a fork of it, which has copies of everything
        process.kill()
        process.wait()
    for file in (process.stdin, process.stdout, said):
        assert file is not None
        file.close()
    os.close(lifeline)


def _error(kind: str, message: str) -> SessionError:
    known = {error.__name__: error for error in vars(errors).values() if isinstance(error, type)}
    return cast("SessionError", known.get(kind, EngineError)(message))
