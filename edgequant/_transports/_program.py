"""Runs one program of this machine, and leaves nothing of it behind."""

import contextlib
import os
import select
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ._base import LONGEST_OUTPUT, Finished


class OutputTooLongError(Exception):
    """A program printed more than LONGEST_OUTPUT."""


def run_program(
    command: Sequence[str],
    *,
    stdin: bytes | None = b"",
    timeout: float,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Finished:
    """Run a program, in English, and wait for it; None keeps its standard input open, and empty, until it ends.

    It has a session of its own, and all that is in it ends with the program. Ctrl-C reaches this process alone, which
    then ends the session, as after `timeout` seconds. Raises subprocess.TimeoutExpired, OutputTooLongError, and OSError
    where the program cannot be started.
    """
    process = subprocess.Popen(
        command,
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        env={**os.environ, "LC_ALL": "C", **(environment or {})},
        start_new_session=True,
    )
    try:
        stdout, stderr = _converse(process, stdin, timeout)
    finally:
        end_with_all(process)
    return Finished(shell_status(process.returncode), stdout, stderr)


def _converse(process: "subprocess.Popen[bytes]", stdin: bytes | None, timeout: float) -> tuple[bytes, bytes]:
    """Give a program its input, and return its outputs when it has ended, and nobody can write to them any more."""
    end = time.monotonic() + timeout
    ending = threading.Thread(target=_kill_what_outlives, args=(process.pid,), daemon=True)
    ending.start()
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None
    stdout, stderr, rest = bytearray(), bytearray(), memoryview(stdin or b"")
    with selectors.DefaultSelector() as pipes:
        pipes.register(process.stdout, selectors.EVENT_READ, stdout)
        pipes.register(process.stderr, selectors.EVENT_READ, stderr)
        if stdin is not None:
            pipes.register(process.stdin, selectors.EVENT_WRITE)
        for pipe in _ready(pipes, end):
            if pipe.data is not None:
                if not _read(pipe.fd, pipe.data):
                    pipes.unregister(pipe.fileobj)
            elif not (rest := _write(pipe.fd, rest)):
                pipes.unregister(pipe.fileobj)
                process.stdin.close()
        is_held_open = bool(pipes.get_map())
    ending.join(max(0, end - time.monotonic()))
    if is_held_open or ending.is_alive():
        raise subprocess.TimeoutExpired(process.args, timeout)
    return bytes(stdout), bytes(stderr)


def _ready(pipes: selectors.BaseSelector, end: float) -> Iterator[selectors.SelectorKey]:
    """Yield pipes that can be used, until none is left or the time is up."""
    while pipes.get_map() and (seconds := end - time.monotonic()) > 0:
        for pipe, _ in pipes.select(seconds):
            yield pipe


def _write(pipe: int, data: memoryview) -> memoryview:
    """Write as much as a pipe takes at once; return the rest, of which nothing is wanted where nobody reads."""
    try:
        return data[os.write(pipe, data[: select.PIPE_BUF]) :]
    except BrokenPipeError:
        return data[:0]


def _read(pipe: int, text: bytearray) -> bool:
    """Add what a pipe has to a text; return False at its end."""
    piece = os.read(pipe, 2**16)
    text += piece
    if len(text) > LONGEST_OUTPUT:
        raise OutputTooLongError
    return bool(piece)


def _kill_what_outlives(leader: int) -> None:
    """Wait for the end of a session's leader and end the others; the leader keeps its number for as long."""
    with contextlib.suppress(ChildProcessError):
        os.waitid(os.P_PID, leader, os.WEXITED | os.WNOWAIT)
        _kill_session(leader)


def _kill_session(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def end_with_all(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process that leads its session, with all that it started, unless it was waited for; close its streams."""
    if process.returncode is None:
        _kill_session(process.pid)
        process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):  # closing writes what is left
                stream.close()


def shell_status(returncode: int) -> int:
    """Return an exit status as a shell has it; Python has -n after signal n."""
    return 128 - returncode if returncode < 0 else returncode
