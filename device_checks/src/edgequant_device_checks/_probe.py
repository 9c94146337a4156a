"""Where facts come from: this machine, or a file saved on another."""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

from ._assemble import device_from
from ._device import Device
from ._errors import DeviceCheckError
from ._features import AT_HWCAP, AT_HWCAP2
from ._paste import read_paste
from ._sections import collector_script, split_sections

MAX_BYTES = 8 * 2**20  # /proc/cpuinfo of a 1024-thread server is about 1.5 MB
_TIMEOUT_SECONDS = 30


def probe() -> Device:
    """Return what this machine is.

    The processor comes from `lscpu -J`, else lscpu, else /proc/cpuinfo, else HWCAP alone; on ARM Linux the features are
    always HWCAP's (getauxval), which is what this process may use. Raises DeviceCheckError where nothing tells the
    architecture.
    """
    sections = split_sections(_run_collector())
    sections.setdefault("uname", f"{platform.system()}\n{platform.release()}\n{platform.machine()}")
    bits = struct.calcsize("P") * 8
    sections["pointer_bits"] = str(bits)
    sections["python"] = platform.python_version()
    hwcap = _read_hwcap()
    if hwcap is not None:
        sections["hwcap"] = f"{hwcap[0]:#x} {hwcap[1]:#x} {bits}"
    return device_from(sections)


def from_text(text: str) -> Device:
    """Return the device that a text describes: lscpu's, `lscpu -J`'s, /proc/cpuinfo, or what `collect.sh` printed.

    Prompts, colours, line numbers and quote marks around them do not matter, and further outputs in the text
    (`getconf LONG_BIT`, `uname -a`) are read too. Raises DeviceCheckError if it is none of them, or does not
    tell the architecture.
    """
    if not text.strip():
        raise DeviceCheckError("It is empty: save the output of 'LC_ALL=C lscpu' or /proc/cpuinfo in it.")
    if "\0" in text:
        raise DeviceCheckError("It is not text: save the output of 'LC_ALL=C lscpu' or /proc/cpuinfo in it.")
    sections, notes = read_paste(text)
    device = device_from(sections)
    return replace(device, notes=(*device.notes, *notes)) if notes else device


def from_bytes(data: bytes) -> Device:
    """Return the device that a saved text describes, in UTF-8, Latin-1, or UTF-16 with its mark (PowerShell's)."""
    if len(data) > MAX_BYTES:
        raise DeviceCheckError(f"It is larger than {MAX_BYTES // 2**20} MB, so it is no description of a processor.")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return from_text(data.decode("utf-16", errors="replace"))
    try:
        return from_text(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return from_text(data.decode("latin-1"))


def from_file(path: str | os.PathLike[str]) -> Device:
    """Return the device that a file describes; see `from_text`. Every DeviceCheckError names the file."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DeviceCheckError(f"{path} cannot be read: {error.strerror or error}.") from None
    try:
        return from_bytes(data)
    except DeviceCheckError as error:
        raise DeviceCheckError(f"{path}: {error}") from None


def _run_collector() -> str:
    """Run the collector here; a machine without a POSIX shell yields nothing, which leaves the fallbacks."""
    try:
        done = subprocess.run(
            ["sh", "-s"],
            input=collector_script().encode("ascii"),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", errors="replace")


def _read_hwcap() -> tuple[int, int] | None:
    """Return this process's AT_HWCAP and AT_HWCAP2, None where they do not mean ARM features or cannot be asked for."""
    if platform.system() != "Linux" or not platform.machine().startswith(("arm", "aarch64")):
        return None
    try:
        getauxval = ctypes.CDLL(None).getauxval
    except (OSError, AttributeError):  # a C library older than glibc 2.16
        return None
    getauxval.argtypes, getauxval.restype = [ctypes.c_ulong], ctypes.c_ulong
    return getauxval(AT_HWCAP), getauxval(AT_HWCAP2)
