"""Runs one program of this machine, and leaves nothing of it behind."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from ._base import Finished


def run_program(
    command: Sequence[str],
    *,
    stdin: bytes | None = b"",
    timeout: float,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Finished:
    """Run a program, in English, and wait for it; None keeps its standard input open, and empty, until it ends.

    It has a session of its own: Ctrl-C reaches this process alone, which then ends the program and all that it started,
    as after `timeout` seconds. Raises subprocess.TimeoutExpired, and OSError where it cannot be started.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        env={**os.environ, "LC_ALL": "C", **(environment or {})},
        start_new_session=True,
    )
    kept_open = None
    if stdin is None:
        kept_open, process.stdin = process.stdin, None
    try:
        stdout, stderr = process.communicate(stdin, timeout)
    finally:
        if kept_open is not None:
            kept_open.close()
        end_with_all(process)
    return Finished(shell_status(process.returncode), stdout, stderr)


def end_with_all(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process that leads its session, unless it ended, with all that it started; and close its streams."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):  # closing writes what is left
                stream.close()


def shell_status(returncode: int) -> int:
    """Return an exit status as a shell has it; Python has -n after signal n."""
    return 128 - returncode if returncode < 0 else returncode
