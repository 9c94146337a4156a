"""Which Python packages install on which devices, as data.

From the package index in November 2026: the file names of the releases named here. A wheel's tags name the CPython
versions, the architecture and the oldest glibc (manylinux_2_27 is glibc 2.27). edgequant-runtime, which has the native
engine, is in no package index: `edgequant wheel` builds the wheel that serves every Python 3 with glibc 2.17 or later,
and elsewhere pip builds it from a checkout.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from ._device import Device

NATIVE, LITERT, ONNXRUNTIME = "native", "litert", "onnxruntime"
PACKAGES = ("edgequant-runtime", "ai-edge-litert", "onnxruntime", "tflite-runtime", "numpy")

Version = tuple[int, int]


@dataclass(frozen=True)
class Wheel:
    """Wheels of one release: for which system and architecture, CPython (first and last) and glibc (oldest).

    None for the last Python: every later one; for glibc: any C library. `note` ends the sentence on what it needs.
    """

    package: str
    version: str
    system: str
    architecture: str
    first_python: Version
    last_python: Version | None
    glibc: Version | None = None
    note: str = ""


@dataclass(frozen=True)
class WheelStatus:
    """Whether a package installs on a device.

    `engine` is the name under which a session runs it, None if it is none; `installs` is None where the device's Python
    or C library is not known; `reason` says what it needs, or that there is no wheel.
    """

    package: str
    version: str | None
    engine: str | None
    installs: bool | None
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types."""
        return dict(vars(self))


# What brings each engine, best first: a session runs litert with either package.
ENGINE_PACKAGES = {
    NATIVE: ("edgequant-runtime",),
    LITERT: ("ai-edge-litert", "tflite-runtime"),
    ONNXRUNTIME: ("onnxruntime",),
}

_OWN = ", and a wheel from 'edgequant wheel' (glibc 2.17 or newer) or a C compiler; edgequant-run needs neither"

WHEELS = (
    Wheel("edgequant-runtime", "0.1.0", "linux", "aarch64", (3, 9), None, note=_OWN),
    Wheel("edgequant-runtime", "0.1.0", "linux", "armv7l", (3, 9), None, note=_OWN),
    Wheel("edgequant-runtime", "0.1.0", "linux", "armv6l", (3, 9), None, note=_OWN),
    Wheel("edgequant-runtime", "0.1.0", "linux", "x86_64", (3, 9), None, note=_OWN),
    Wheel("ai-edge-litert", "2.3.0", "linux", "aarch64", (3, 10), (3, 14), (2, 27)),
    Wheel("ai-edge-litert", "2.3.0", "linux", "x86_64", (3, 10), (3, 14), (2, 27)),
    Wheel("ai-edge-litert", "2.3.0", "darwin", "aarch64", (3, 10), (3, 14)),
    Wheel("ai-edge-litert", "2.1.0", "linux", "aarch64", (3, 9), (3, 9), (2, 27)),
    Wheel("ai-edge-litert", "2.1.0", "linux", "x86_64", (3, 9), (3, 9), (2, 27)),
    Wheel("onnxruntime", "1.31.1", "linux", "aarch64", (3, 11), (3, 14), (2, 28)),
    Wheel("onnxruntime", "1.31.1", "linux", "x86_64", (3, 11), (3, 14), (2, 28)),
    Wheel("onnxruntime", "1.31.1", "darwin", "aarch64", (3, 11), (3, 14)),
    Wheel("onnxruntime", "1.23.2", "linux", "aarch64", (3, 10), (3, 10), (2, 27)),
    Wheel("onnxruntime", "1.23.2", "linux", "x86_64", (3, 10), (3, 10), (2, 27)),
    Wheel("onnxruntime", "1.19.2", "linux", "aarch64", (3, 9), (3, 9), (2, 27)),
    Wheel("onnxruntime", "1.19.2", "linux", "x86_64", (3, 9), (3, 9), (2, 27)),
    Wheel("tflite-runtime", "2.14.0", "linux", "aarch64", (3, 8), (3, 11), (2, 34)),
    Wheel("tflite-runtime", "2.14.0", "linux", "armv7l", (3, 8), (3, 11), (2, 34)),
    Wheel("tflite-runtime", "2.14.0", "linux", "x86_64", (3, 8), (3, 11), (2, 17)),
    Wheel("tflite-runtime", "2.13.0", "linux", "aarch64", (3, 8), (3, 10), (2, 17)),
    Wheel("tflite-runtime", "2.13.0", "linux", "armv7l", (3, 8), (3, 10), (2, 17)),
    Wheel("numpy", "2.5.5", "linux", "aarch64", (3, 12), (3, 15), (2, 27)),
    Wheel("numpy", "2.5.5", "linux", "x86_64", (3, 12), (3, 15), (2, 27)),
    Wheel("numpy", "2.4.6", "linux", "aarch64", (3, 11), (3, 11), (2, 27)),
    Wheel("numpy", "2.4.6", "linux", "x86_64", (3, 11), (3, 11), (2, 27)),
    Wheel("numpy", "2.2.6", "linux", "aarch64", (3, 10), (3, 10), (2, 17)),
    Wheel("numpy", "2.2.6", "linux", "x86_64", (3, 10), (3, 10), (2, 17)),
    Wheel("numpy", "2.0.2", "linux", "aarch64", (3, 9), (3, 9), (2, 17)),
    Wheel("numpy", "2.0.2", "linux", "x86_64", (3, 9), (3, 9), (2, 17)),
    Wheel("numpy", "2.5.5", "darwin", "aarch64", (3, 12), (3, 15)),
)


@dataclass(frozen=True)
class SystemPackage:
    """A package that Debian makes for 32-bit ARM too, and piwheels, from which Raspberry Pi OS's pip takes wheels."""

    package: str
    debian: str
    architectures: tuple[str, ...]


SYSTEM_PACKAGES = (SystemPackage("numpy", "python3-numpy", ("armv7l", "armv6l")),)


def wheels_for(device: Device) -> tuple[WheelStatus, ...]:
    """Return for each package whether it installs on a device, newest release first."""
    return tuple(_status(package, device) for package in PACKAGES)


def wheel_for_engine(engine: str, device: Device) -> WheelStatus:
    """Return the status of the package to take for an engine (a key of ENGINE_PACKAGES) on a device.

    That is the first of its packages that is known to install, or else the best one with what stands in its way.
    """
    statuses = [_status(package, device) for package in ENGINE_PACKAGES[engine]]
    return next((status for status in statuses if status.installs), statuses[0])


def packages_lost(wide: str, narrow: str) -> list[str]:
    """Return the packages that have wheels for one architecture and none for the other, both on Linux."""
    having = {
        architecture: {
            wheel.package for wheel in WHEELS if (wheel.system, wheel.architecture) == ("linux", architecture)
        }
        | {one.package for one in SYSTEM_PACKAGES if architecture in one.architectures}
        for architecture in (wide, narrow)
    }
    return [package for package in PACKAGES if package in having[wide] - having[narrow]]


def _status(package: str, device: Device) -> WheelStatus:
    """Return the status that every reading of a device has, or one that says both."""
    statuses = [_status_of_one(package, reading) for reading in device.readings]
    first = statuses[0]
    if all(status == first for status in statuses):
        return first
    reasons = (f"{one.word_size}-bit programs: {status.reason}" for one, status in zip(device.readings, statuses))
    return replace(first, installs=None, reason="; ".join(reasons))


def _status_of_one(package: str, device: Device) -> WheelStatus:
    engine = next((name for name, packages in ENGINE_PACKAGES.items() if package in packages), None)
    rows = [wheel for wheel in WHEELS if wheel.package == package]
    here = [wheel for wheel in rows if (wheel.system, wheel.architecture) == (device.system, device.architecture)]
    if not here:
        installs, reason = _without_wheel(package, device)
        return WheelStatus(package, None, engine, installs, reason)
    verdicts = [(wheel, *_judge(wheel, device)) for wheel in here]
    wheel, installs, reason = min(verdicts, key=lambda verdict: (True, None, False).index(verdict[1]))
    return WheelStatus(package, wheel.version, engine, installs, reason)


def _without_wheel(package: str, device: Device) -> tuple[bool | None, str]:
    """Return whether a package that has no wheel in the package index is there in another way, and which."""
    debian = next(
        (one.debian for one in SYSTEM_PACKAGES if one.package == package and device.architecture in one.architectures),
        None,
    )
    if debian is None or device.system != "linux":
        return False, f"no wheel for {device.architecture} on {device.system}"
    apt, system = f"'sudo apt install {debian}'", (device.os or "").lower()
    if "raspbian" in system or "raspberry pi os" in system:
        return True, f"{apt}, or pip: Raspberry Pi OS is set up to take it from piwheels"
    if "debian" in system or "ubuntu" in system:
        return True, f"{apt}; the package index has no wheel for {device.architecture}"
    return None, f"Debian and Raspberry Pi OS have it ({apt}); on the latter, pip takes it from piwheels too"


def _judge(wheel: Wheel, device: Device) -> tuple[bool | None, str]:
    """Return whether a wheel of the right architecture installs, and why."""
    needs = _needs(wheel)
    if wheel.glibc and device.libc == "musl":
        return False, f"needs {needs}; this system has musl"
    python, glibc = _version(device.python), _version(device.libc_version)
    if python and not wheel.first_python <= python <= (wheel.last_python or python):
        return False, f"needs {needs}; this system has Python {_dotted(python)}"
    if wheel.glibc and glibc and glibc < wheel.glibc:
        return False, f"needs {needs}; this system has glibc {_dotted(glibc)}"
    if python is None or (wheel.glibc and glibc is None):
        return None, f"needs {needs}; not known here"
    return True, f"needs {needs}"


def _needs(wheel: Wheel) -> str:
    first, last = wheel.first_python, wheel.last_python
    needs = f"Python {_dotted(first)}"
    if last != first:
        needs += f" to {_dotted(last)}" if last else " or newer"
    return needs + (f" and glibc {_dotted(wheel.glibc)} or newer" if wheel.glibc else "") + wheel.note


def _version(text: str | None) -> Version | None:
    found = re.match(r"(\d{1,4})\.(\d{1,4})", text or "")
    return (int(found.group(1)), int(found.group(2))) if found else None


def _dotted(version: Version) -> str:
    return f"{version[0]}.{version[1]}"
