"""The targets, as data: how to compile for each, how to emulate it, and what its system is."""

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgequant._errors import EdgequantError

if TYPE_CHECKING:
    from edgequant_device_checks import Device


class TargetError(EdgequantError):
    """There is no such target, or nothing can be built for it."""


@dataclass(frozen=True, slots=True)
class Family:
    """Processors that share one program: it holds the kernels of all of them and picks the best when it starts.

    `program` and `library` are zig's triples (static musl, and shared with the oldest glibc to run on), `cpu` is the
    oldest core that they run on, as zig names it, and `machine` what such a system calls itself (`uname -m`, the
    names of wheels).
    """

    name: str
    machine: str
    word_size: int
    cpu: str
    program: str
    library: str


@dataclass(frozen=True, slots=True)
class Target:
    """A board with its system, or a kind of processor.

    `cpu` is the board's own core in zig's words; `emulator` the qemu-user program and `emulator_cpu` the CPU that it is
    always told (its default has every feature), None where nothing is emulated. `board` is the name in device_checks
    (`pi4-32`), None for a kind of processor. `memory_bytes` is that of the smallest model sold, None where not known.
    """

    name: str
    title: str
    family: Family
    cpu: str
    emulator: str | None = None
    emulator_cpu: str | None = None
    board: str | None = None
    memory_bytes: int | None = None

    def device(self, os: str = "trixie") -> "Device | None":
        """Return the board as device_checks knows it, with that release of Raspberry Pi OS; None without a board."""
        from edgequant_device_checks import for_board

        return for_board(self.board, os=os) if self.board else None


_ARMV6 = Family("armv6", "armv6l", 32, "arm1176jzf_s", "arm-linux-musleabihf", "arm-linux-gnueabihf.2.17")
_ARMV7 = Family("armv7", "armv7l", 32, "cortex_a7", "arm-linux-musleabihf", "arm-linux-gnueabihf.2.17")
_AARCH64 = Family("aarch64", "aarch64", 64, "generic", "aarch64-linux-musl", "aarch64-linux-gnu.2.17")
_X86_64 = Family("x86_64", "x86_64", 64, "x86_64", "x86_64-linux-musl", "x86_64-linux-gnu.2.17")

_MB = 2**20
_A32, _A64 = "qemu-arm", "qemu-aarch64"

_TABLE = (
    Target("rpi-zero", "Raspberry Pi Zero, Zero W, 1", _ARMV6, "arm1176jzf_s", _A32, "arm1176", "pi-zero", 512 * _MB),
    Target("rpi2", "Raspberry Pi 2", _ARMV7, "cortex_a7", _A32, "cortex-a7", "pi2", 1024 * _MB),
    Target("rpi3", "Raspberry Pi 3", _AARCH64, "cortex_a53", _A64, "cortex-a53", "pi3", 1024 * _MB),
    Target("rpi3-32", "Raspberry Pi 3, 32-bit", _ARMV7, "cortex_a53", _A32, "cortex-a7", "pi3-32", 1024 * _MB),
    Target("x86-64", "x86-64 Linux", _X86_64, "x86_64"),
)

TARGETS: dict[str, Target] = {target.name: target for target in _TABLE}


def find_target(name: str) -> Target:
    """Return the target of that name; raises TargetError, which names the closest or all of them."""
    if name in TARGETS:
        return TARGETS[name]
    close = difflib.get_close_matches(name, TARGETS, n=1)
    hint = f"did you mean {close[0]}?" if close else f"the targets are {', '.join(TARGETS)}."
    raise TargetError(f"There is no target {name!r}: {hint}")
