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

    `cpu` is what to compile for, in zig's words, where the features of the board's own core are taken for granted.
    `emulator` is the qemu-user program and `emulator_cpu` the CPU that it is always told (its default has every
    feature), None where nothing is emulated. `board` is the name in device_checks (`pi4-32`), None for a kind of
    processor; what is known of the board and its system is asked there.
    """

    name: str
    title: str
    family: Family
    cpu: str
    emulator: str | None = None
    emulator_cpu: str | None = None
    board: str | None = None

    def device(self, os: str = "trixie") -> "Device | None":
        """Return the board as device_checks knows it, with that release of Raspberry Pi OS; None without a board."""
        from edgequant_device_checks import for_board

        return for_board(self.board, os=os) if self.board else None

    @property
    def memory_bytes(self) -> int | None:
        """The memory of the smallest model sold, None for a kind of processor."""
        device = self.device()
        return device.memory_bytes if device else None


_ARMV6 = Family("armv6", "armv6l", 32, "arm1176jzf_s", "arm-linux-musleabihf", "arm-linux-gnueabihf.2.17")
_ARMV7 = Family("armv7", "armv7l", 32, "cortex_a7", "arm-linux-musleabihf", "arm-linux-gnueabihf.2.17")
_AARCH64 = Family("aarch64", "aarch64", 64, "generic", "aarch64-linux-musl", "aarch64-linux-gnu.2.17")
_X86_64 = Family("x86_64", "x86_64", 64, "x86_64", "x86_64-linux-musl", "x86_64-linux-gnu.2.17")

# zig gives these cores the cryptography that the Pi 3, 4 and Zero 2 W do not have.
_A53, _A72 = "cortex_a53-aes-sha2", "cortex_a72-aes-sha2"


def _pi(name: str, title: str, board: str, family: Family, cpu: str, emulator_cpu: str) -> Target:
    emulator = "qemu-aarch64" if family.word_size == 64 else "qemu-arm"
    return Target(name, f"Raspberry Pi {title}", family, cpu, emulator, emulator_cpu, board)


def _pi_32(name: str, title: str, board: str) -> Target:
    """Return a 64-bit core with a 32-bit system: qemu-arm has none of them by name, and the Cortex-A7 is older."""
    return _pi(f"{name}-32", f"{title}, 32-bit system", f"{board}-32", _ARMV7, "cortex_a7", "cortex-a7")


_TABLE = (
    _pi("rpi-zero", "Zero", "pi-zero", _ARMV6, "arm1176jzf_s", "arm1176"),
    _pi("rpi2", "2", "pi2", _ARMV7, "cortex_a7", "cortex-a7"),
    _pi("rpi3", "3", "pi3", _AARCH64, _A53, "cortex-a53"),
    _pi_32("rpi3", "3", "pi3"),
    _pi("rpi-zero-2w", "Zero 2 W", "pi-zero-2-w", _AARCH64, _A53, "cortex-a53"),
    _pi_32("rpi-zero-2w", "Zero 2 W", "pi-zero-2-w"),
    _pi("rpi4", "4", "pi4", _AARCH64, _A72, "cortex-a72"),
    _pi_32("rpi4", "4", "pi4"),
    _pi("rpi5", "5", "pi5", _AARCH64, "cortex_a76", "cortex-a76"),
    _pi_32("rpi5", "5", "pi5"),
    Target("aarch64", "64-bit ARM Linux", _AARCH64, "generic", "qemu-aarch64", "cortex-a53"),
    Target("armv7", "32-bit ARM Linux, ARMv7 with NEON", _ARMV7, "cortex_a7", "qemu-arm", "cortex-a7"),
    Target("x86-64", "x86-64 Linux", _X86_64, "x86_64"),
)

TARGETS: dict[str, Target] = {target.name: target for target in _TABLE}
FAMILIES: dict[str, Family] = {target.family.name: target.family for target in _TABLE}


def find_target(name: str) -> Target:
    """Return the target of that name, or of a board's name in any spelling that device_checks knows (`Pi 4 Model B`).

    A kind of processor also goes by what its systems call it (`armv7l`), and the Zero, alone of its kind, by `armv6`.
    Raises TargetError, which names the closest.
    """
    if name in TARGETS:
        return TARGETS[name]
    device = _known_board(name)
    for target in TARGETS.values():
        if target.board and device == target.device():
            return target
    for target in sorted(TARGETS.values(), key=lambda target: target.board is not None):
        if name in (target.family.name, target.family.machine):
            return target
    raise TargetError(f"There is no target {name!r}: {_nearest(device) if device else _alike(name)}")


def _known_board(name: str) -> "Device | None":
    from edgequant_device_checks import DeviceCheckError, for_board

    try:
        return for_board(name)
    except DeviceCheckError:
        return None


def _nearest(device: "Device") -> str:
    """Say what to take for a board that is no target: one with that core, or else the kind of processor."""
    for target in TARGETS.values():
        other = target.device()
        if other and (other.core_names, other.word_size) == (device.core_names, device.word_size):
            return f"take {target.name}, which has the core of {device.model}."
    kinds = {target.family.machine: target.name for target in TARGETS.values() if not target.board}
    return f"take {kinds[device.architecture]} for {device.model}."


def _alike(name: str) -> str:
    close = difflib.get_close_matches(name.lower(), TARGETS, n=1)
    return f"did you mean {close[0]}?" if close else f"the targets are {', '.join(TARGETS)}."
