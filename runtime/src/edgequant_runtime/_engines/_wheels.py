"""What to install for an engine on this machine, and whether it can be installed there at all.

The table states what the package index offered in November 2026, for Linux with glibc.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Version = tuple[int, int]


@dataclass(frozen=True)
class Wheel:
    """A release, the last for these CPythons (first, last) and C libraries: on which machines, from which glibc."""

    distribution: str
    version: str
    python: tuple[Version, Version]
    oldest_glibc: Mapping[str, Version]


# The first wheel that fits a machine is the one to take.
WHEELS: dict[str, tuple[Wheel, ...]] = {
    "litert": (
        Wheel("ai-edge-litert", "2.3.0", ((3, 10), (3, 14)), {"aarch64": (2, 27), "x86_64": (2, 27)}),
        Wheel("ai-edge-litert", "2.1.0", ((3, 9), (3, 9)), {"aarch64": (2, 27), "x86_64": (2, 27)}),
        Wheel(
            "tflite-runtime", "2.14.0", ((3, 8), (3, 11)), {"aarch64": (2, 34), "armv7l": (2, 34), "x86_64": (2, 17)}
        ),
        Wheel("tflite-runtime", "2.13.0", ((3, 8), (3, 10)), {"aarch64": (2, 17), "armv7l": (2, 17)}),
    ),
    "onnxruntime": (
        Wheel("onnxruntime", "1.31.1", ((3, 11), (3, 14)), {"aarch64": (2, 28), "x86_64": (2, 28)}),
        Wheel("onnxruntime", "1.23.2", ((3, 10), (3, 10)), {"aarch64": (2, 27), "x86_64": (2, 27)}),
        Wheel("onnxruntime", "1.19.2", ((3, 9), (3, 9)), {"aarch64": (2, 27), "x86_64": (2, 27)}),
    ),
}


@dataclass(frozen=True)
class Machine:
    """What decides whether a wheel can be installed: `glibc` is None where there is another C library (Alpine)."""

    system: str
    architecture: str
    python: Version
    glibc: Version | None


def this_machine() -> Machine:
    """Describe the machine and the Python that runs here."""
    return Machine(platform.system(), _userland_architecture(), sys.version_info[:2], _glibc())


def how_to_install(engine: str, machine: Machine) -> str:
    """Return a sentence: the pip command that gets the engine here, or why there is none."""
    wheels = WHEELS[engine]
    if machine.system != "Linux":
        return f"install it in a virtual environment with: pip install {wheels[0].distribution}"
    for wheel in wheels:
        if _obstacle(wheel, machine) is None:
            return f"install it in a virtual environment with: pip install {wheel.distribution}"
    nearest = _nearest_releases(wheels, machine)
    reasons = "; ".join(f"{wheel.distribution} {wheel.version} {_obstacle(wheel, machine)}" for wheel in nearest)
    return f"there is no wheel of it for this machine: {reasons}"


def _nearest_releases(wheels: Sequence[Wheel], machine: Machine) -> Iterable[Wheel]:
    """Return one release of each distribution: the one for this Python, or the newest if there is none."""
    nearest: dict[str, Wheel] = {}
    for wheel in sorted(wheels, key=lambda wheel: not wheel.python[0] <= machine.python <= wheel.python[1]):
        nearest.setdefault(wheel.distribution, wheel)
    return nearest.values()


def _obstacle(wheel: Wheel, machine: Machine) -> str | None:
    """Say why a wheel cannot be installed, or None if it can."""
    oldest_glibc = wheel.oldest_glibc.get(machine.architecture)
    if oldest_glibc is None:
        return f"has wheels for {_listed(tuple(wheel.oldest_glibc))}, not for {machine.architecture}"
    first, last = wheel.python
    if not first <= machine.python <= last:
        return f"is for Python {_dotted(first)} to {_dotted(last)}, and this is {_dotted(machine.python)}"
    if machine.glibc is None:
        return "needs glibc, and this system has another C library"
    if machine.glibc < oldest_glibc:
        return f"needs glibc {_dotted(oldest_glibc)}, and this system has {_dotted(machine.glibc)}"
    return None


def _listed(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _dotted(version: Version) -> str:
    return f"{version[0]}.{version[1]}"


def _userland_architecture() -> str:
    # The kernel's name: a 32-bit userland on a 64-bit kernel takes 32-bit wheels.
    architecture = platform.machine()
    is_64_bit = sys.maxsize > 2**32
    return "armv7l" if not is_64_bit and architecture in ("aarch64", "armv8l") else architecture


def _glibc() -> Version | None:
    library, version = platform.libc_ver()
    if library != "glibc":
        return None
    major, minor = version.split(".")[:2]
    return int(major), int(minor)
