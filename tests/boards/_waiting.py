"""Waiting for what happens, and not for a time."""

import time
from collections.abc import Callable
from pathlib import Path


def wait_until(holds: Callable[[], object], seconds: float = 60) -> None:
    """Look again and again until something holds; fail the test if it does not within so many seconds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


def is_running(*command: str) -> bool:
    """Tell whether a program with that command line runs on this machine, whoever started it."""
    wanted = "\0".join(command).encode()
    return any(said_by(folder / "cmdline").rstrip(b"\0") == wanted for folder in Path("/proc").glob("[0-9]*"))


def wait_until_gone(*command: str) -> None:
    """Wait until no program with that command line runs."""
    wait_until(lambda: not is_running(*command))


def said_by(file: Path) -> bytes:
    """Return the content of a file of /proc, whose process may end meanwhile."""
    try:
        return file.read_bytes()
    except OSError:
        return b""
