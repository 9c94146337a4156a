"""A C library for ARMv6 with hardware floats, and a program that loads our library there: no Debian runs on ARMv6.

Debian's armhf needs ARMv7, and Raspberry Pi OS has no mirror that everybody reaches. musl takes a library that was
linked for glibc, as ours is: their names and data layouts agree in what we use. Both are compiled by zig for the
ARM1176, so that the emulator of that CPU meets an instruction of ARMv7 only if our library has one.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

from . import debian
from .debian import run

HERE = Path(__file__).resolve().parent
INCLUDE = HERE.parent.parent / "runtime" / "csrc" / "include"
TRIPLE = "arm-linux-musleabihf"
ZIG = (sys.executable, "-m", "ziglang")
COMPILER = (*ZIG, "cc", "-target", TRIPLE, "-mcpu=arm1176jzf_s", "-fno-sanitize=undefined", "-g0")
TOOLS = {"qemu-arm": "qemu-user", "apt-get": "apt", "make": "make"}


def make(folder: Path) -> Path:
    """Build lib/ld-musl-armhf.so.1 and run_library in `folder`, unless they are there; takes a minute and a half."""
    loader, program = folder / "lib" / "ld-musl-armhf.so.1", folder / "run_library"
    if not loader.exists():
        debian.require(TOOLS)
        shutil.rmtree(folder, ignore_errors=True)
        musl = debian.source(folder, "musl")
        tools = [f"CC={shlex.join(COMPILER)}", f"AR={shlex.join((*ZIG, 'ar'))}", "RANLIB=true"]
        run("./configure", f"--target={TRIPLE}", "--disable-static", *tools, "CFLAGS=-O1", cwd=musl)
        run("make", "-j2", "lib/libc.so", cwd=musl)
        loader.parent.mkdir()
        (musl / "lib" / "libc.so").rename(loader)
    run(*COMPILER, "-O1", "-dynamic", f"-I{INCLUDE}", "-o", program, HERE / "run_library.c")
    return program
