"""Build the engine's own test programs with the compiler's sanitizers, once: scripts/fuzz takes the same folder."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[2] / "csrc"


def build_program(target: str, sanitizers: str) -> Path:
    """The program that CMake calls `target`, in a folder that stays; skips the test where there are no tools for it."""
    if not (shutil.which("cmake") and shutil.which("ninja") and (shutil.which("gcc") or shutil.which("clang"))):
        pytest.skip("needs a C compiler, cmake and ninja")
    compiler = "clang" if shutil.which("clang") else "gcc"  # clang's sanitizers also count the heap
    folder = SOURCES.parents[1] / "build" / "sanitized" / sanitizers
    folder.parent.mkdir(parents=True, exist_ok=True)
    configure = ["cmake", "-S", SOURCES, "-B", folder, "-G", "Ninja", f"-DCMAKE_C_COMPILER={compiler}", "-DEQ_TESTS=ON"]
    fuzzes = "ON" if compiler == "clang" and sanitizers != "thread" else "OFF"
    with (folder.parent / f"{sanitizers}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run(
            [*configure, f"-DEQ_SANITIZE={sanitizers}", f"-DEQ_FUZZ={fuzzes}"], check=True, capture_output=True
        )
        built = subprocess.run(["cmake", "--build", folder, "--target", target], capture_output=True, text=True)
    assert built.returncode == 0, built.stdout
    return folder / target
