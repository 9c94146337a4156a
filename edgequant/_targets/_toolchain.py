"""cmake, ninja and zig as the package index has them: the same compiler everywhere gives the same bytes everywhere."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path

from ._target import TargetError


@dataclass(frozen=True, slots=True)
class Toolchain:
    """The three programs, and zig's version, which settles the bytes."""

    cmake: Path
    ninja: Path
    zig: Path
    zig_version: str


class CompilerFailedError(Exception):
    """A program of the toolchain failed; the text is what it complained of."""


def find_toolchain() -> Toolchain:
    """Find the programs; raises TargetError that says how to install them."""
    try:
        cmake, ninja, zig = (import_module(name) for name in ("cmake", "ninja", "ziglang"))
    except ImportError as error:
        raise TargetError(
            f"Programs for boards are compiled with {error.name}, which is not installed: "
            "in a checkout of edgequant, run: python -m pip install -c constraints.txt '.[boards]'"
        ) from None
    return Toolchain(
        _program(Path(cmake.CMAKE_BIN_DIR) / "cmake"),
        _program(Path(ninja.BIN_DIR) / "ninja"),
        _program(Path(str(zig.__file__)).parent / "zig"),
        metadata.version("ziglang"),
    )


def _program(path: Path) -> Path:
    """Return a program of a package: where the package puts it, or else on the PATH."""
    found = path if path.is_file() else shutil.which(path.name)
    if not found:
        raise TargetError(f"The program {path.name} is not in its package: pip install --force-reinstall {path.name}")
    return Path(found)


def clean_environment(libraries: Path, objects: Path) -> dict[str, str]:
    """Return what the programs get to see: none of the flags and include paths of the user's other work.

    `libraries` is where zig keeps the C libraries that it builds, `objects` where it keeps what else it compiles.
    """
    passed = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    zig = {"ZIG_GLOBAL_CACHE_DIR": str(libraries), "ZIG_LOCAL_CACHE_DIR": str(objects)}
    return {**passed, **zig, "LC_ALL": "C.UTF-8"}


def run(
    command: Sequence[object],
    environment: dict[str, str],
    log: Path,
    progress: Callable[[int, int], None] | None = None,
) -> str:
    """Run a program, add what it prints to a log, and return it; ninja's count of its steps goes to `progress`.

    Raises CompilerFailedError if it fails. Whatever ends this ends the program and those that it started.
    """
    words = [str(word) for word in command]
    printed = []
    with (
        log.open("a", encoding="utf-8") as file,
        subprocess.Popen(
            words,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        ) as process,
    ):
        file.write(f"{' '.join(words)}\n")
        try:
            for line in process.stdout or ():
                file.write(line)
                printed.append(line)
                step = re.match(r"\[(\d+)/(\d+)\]", line)
                if step and progress:
                    progress(int(step[1]), int(step[2]))
        except BaseException:
            _end(process)
            raise
    if process.returncode:
        raise CompilerFailedError(_complaint(printed))
    return "".join(printed)


def _end(process: subprocess.Popen[str]) -> None:
    """End a program and what it started. ninja's children have groups of their own: it is asked to end them first."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=5)
        os.killpg(process.pid, signal.SIGKILL)


def _complaint(lines: Sequence[str]) -> str:
    """Return the line that tells most: a full disk, the first that speaks of an error, or else the last."""
    told = [line.strip() for line in lines if line.strip()]
    for pattern in ("no ?space ?left", r"\berror:", r"\berror\b"):
        for line in told:
            if re.search(pattern, line, re.IGNORECASE):
                return line
    return told[-1] if told else "it said nothing"
